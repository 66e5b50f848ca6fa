"""The grammar of conditions: plain values from a file in, nodes out, and every fault at once.

A condition is a map of one of these forms, and nothing else:

- `field: path` with one operator, and optionally `default:` (what Azure documents for an absent value) and `as:`;
- `allOf: [conditions]`, `anyOf: [conditions]`, `not: condition`;
- `some|every|none: {in: path, where: condition, whenEmpty: pass|fail|not-applicable, default: []}`;
- `count: {in: path, where: condition, default: []}` with a comparison beside it.

`${name}` in an expected value or a default stands for a parameter: alone it keeps the parameter's type, inside a
longer string it is put in as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from azscan.conditions.kinds import ConditionFault, Keys, Schema, nearest, said
from azscan.conditions.logic import COMPARISONS
from azscan.conditions.nodes import All, Any_, As, Count, Leaf, Node, Not, Quantifier, WhenEmpty
from azscan.conditions.paths import Path, parse_path
from azscan.conditions.table import OPERATORS, plain
from azscan.errors import UsageError

__all__ = ["OPERATORS", "ConditionError", "ConditionFault", "check", "condition_schema", "named_paths", "parse"]

FORMS: Final = ("field", "allOf", "anyOf", "not", "some", "every", "none", "count")
CONVERSIONS: Final = ("number", "boolean", "list", "json")
WHEN_EMPTY: Final = ("pass", "fail", "not-applicable")

_PARAMETER = re.compile(r"\$\{([^{}$]*)\}")
_KNOWN_KEYS: Final = (*FORMS, "default", "as", *OPERATORS)
# A condition deeper than this is a mistake, or an attack on the parser's stack.
_DEEPEST: Final = 32


class ConditionError(UsageError):
    """The condition is not valid; `faults` says where and why."""

    def __init__(self, faults: tuple[ConditionFault, ...]) -> None:
        super().__init__(str(faults[0]), hint=faults[0].hint)
        self.faults = faults


def parse(condition: Any, params: Mapping[str, Any] | None = None, *, whole: bool = True) -> Node:
    """The condition as a node; ConditionError carries all its faults.

    `params` are the check's parameters. `whole` says that the condition stands alone, so that its outermost
    quantifier may say `whenEmpty: not-applicable`.
    """
    reader = _Reader(params or {})
    node = reader.read(condition, (), top=whole)
    if reader.faults or node is None:
        raise ConditionError(tuple(reader.faults))
    return node


def check(condition: Any, params: Mapping[str, Any] | None = None, *, whole: bool = True) -> list[ConditionFault]:
    """All faults of the condition; empty where it can be parsed."""
    reader = _Reader(params or {})
    reader.read(condition, (), top=whole)
    return reader.faults


def named_paths(node: Node) -> frozenset[tuple[str, ...]]:
    """Every path that the condition opens, from the document's root; paths inside a list follow the list's own."""
    found: set[tuple[str, ...]] = set()
    _collect_paths(node, (), found)
    return frozenset(found)


def _collect_paths(node: Node, base: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    def add(path: Path) -> tuple[str, ...]:
        keys = path.keys if path.from_root else base + path.keys
        found.add(keys)
        return keys

    if isinstance(node, Leaf):
        add(node.path)
        beside = OPERATORS[node.op].beside
        for text in beside(node.expected) if beside else ():
            add(parse_path(text))
    elif isinstance(node, All | Any_):
        for part in node.parts:
            _collect_paths(part, base, found)
    elif isinstance(node, Not):
        _collect_paths(node.part, base, found)
    else:
        inner = add(node.in_)
        if node.where is not None:
            _collect_paths(node.where, inner, found)


class _Reader:
    """Reads one condition and keeps the faults; a part with a fault is None."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.faults: list[ConditionFault] = []

    def fault(self, keys: Keys, message: str, hint: str = "") -> None:
        self.faults.append(ConditionFault(keys, message, hint))

    def read(self, value: Any, keys: Keys, *, top: bool = False, inside: bool = False) -> Node | None:
        """The node of the condition at `keys`; `inside` a `where`, `top` where it is the whole condition."""
        if len(keys) > _DEEPEST:
            self.fault(keys, "the condition is nested too deeply")
            return None
        if not isinstance(value, dict):
            hint = "combine conditions with allOf or anyOf" if isinstance(value, list) else ""
            self.fault(keys, f"expected a condition, found {said(value)}", hint)
            return None
        forms = [key for key in FORMS if key in value]
        if len(forms) != 1:
            self._wrong_form(value, keys, forms)
            return None
        form = forms[0]
        if form == "field":
            return self._leaf(value, keys, inside)
        if form == "count":
            return self._count(value, keys, inside)
        self._only(value, keys, (form,))
        below = (*keys, form)
        if form == "not":
            part = self.read(value[form], below, inside=inside)
            return None if part is None else Not(part)
        if form in ("allOf", "anyOf"):
            return self._combination(form, value[form], below, inside)
        return self._quantifier(form, value[form], below, top, inside)

    def _wrong_form(self, value: dict[Any, Any], keys: Keys, forms: list[str]) -> None:
        if forms:
            self.fault(keys, f"{' and '.join(forms)} cannot stand side by side", "combine them with allOf or anyOf")
            return
        operators = [key for key in value if key in OPERATORS]
        if operators:
            self.fault(keys, f"{operators[0]} without a field")
        elif not value:
            self.fault(keys, "an empty condition")
        else:
            self._only(value, keys, ())
            self.fault(keys, f"expected one of {', '.join(FORMS)}")

    def _only(self, value: dict[Any, Any], keys: Keys, known: tuple[str, ...]) -> None:
        """A fault for each key that does not belong here."""
        for key in value:
            if key not in known:
                name = str(key)
                hint = f"known here: {', '.join(known)}" if name in _KNOWN_KEYS else nearest(name, known or _KNOWN_KEYS)
                self.fault((*keys, name), f"unknown key {name!r}", hint)

    def _combination(self, form: str, value: Any, keys: Keys, inside: bool) -> Node | None:
        if not isinstance(value, list) or not value:
            found = "an empty list" if value == [] else said(value)
            self.fault(keys, f"{form} needs a list of conditions, found {found}")
            return None
        parts = [self.read(each, (*keys, index), inside=inside) for index, each in enumerate(value)]
        good = tuple(part for part in parts if part is not None)
        if len(good) < len(parts):
            return None
        return All(good) if form == "allOf" else Any_(good)

    def _leaf(self, value: dict[Any, Any], keys: Keys, inside: bool) -> Node | None:
        before = len(self.faults)
        path = self._path(value["field"], (*keys, "field"), inside)
        names = [key for key in value if key in OPERATORS]
        for key in value:
            if key not in _KNOWN_KEYS:
                name = str(key)
                hint = nearest(name, _KNOWN_KEYS) or "checks validate lists the operators"
                self.fault((*keys, name), f"unknown operator {name!r}", hint)
        if len(names) > 1:
            self.fault((*keys, names[1]), f"{names[0]} and {names[1]} on one field", "write two conditions in allOf")
        if not names and len(self.faults) == before:
            self.fault(keys, "a field without an operator", "say what it must be: equals, in, exists, …")
        if len(names) != 1 or path is None:
            for name in names:
                self._expected(value[name], (*keys, name), name)
            return None
        op = names[0]
        expected = self._expected(value[op], (*keys, op), op)
        default = self._default(value, keys, op)
        as_ = self._as(value, keys, op)
        if len(self.faults) > before:
            return None
        return Leaf(path, op, expected, default, "default" in value, as_)

    def _expected(self, value: Any, keys: Keys, op: str) -> Any:
        filled = self._fill(value, keys)
        if filled is not _UNFILLED:
            self.faults.extend(OPERATORS[op].kind.faults(filled, keys))
        return filled

    def _default(self, value: dict[Any, Any], keys: Keys, op: str) -> Any:
        if "default" not in value:
            return None
        if OPERATORS[op].decides_absence:
            self.fault((*keys, "default"), f"{op} decides on absence, so a default makes no sense")
        default = self._fill(value["default"], (*keys, "default"))
        if default is None or default == "":
            self.fault((*keys, "default"), "a default is the value that Azure applies, not null or empty text")
        return default

    def _as(self, value: dict[Any, Any], keys: Keys, op: str) -> As:
        if "as" not in value:
            return ""
        as_ = value["as"]
        if as_ not in CONVERSIONS:
            hint = nearest(str(as_), CONVERSIONS)
            self.fault((*keys, "as"), f"expected one of {', '.join(CONVERSIONS)}, found {said(as_)}", hint)
        elif OPERATORS[op].decides_absence:
            self.fault((*keys, "as"), f"{op} looks at no value, so there is nothing to convert")
        return cast("As", as_)

    def _quantifier(self, kind: str, value: Any, keys: Keys, top: bool, inside: bool) -> Node | None:
        before = len(self.faults)
        parts = self._list_of(kind, value, keys, ("in", "where", "whenEmpty", "default"), inside)
        if parts is None:
            return None
        path, where, has_default = parts
        when_empty = ""
        if kind == "some":
            if "whenEmpty" in value:
                self.fault((*keys, "whenEmpty"), "some is false for an empty list; whenEmpty does not belong here")
        elif "whenEmpty" not in value:
            self.fault(keys, f"{kind} must say what an empty list means", "whenEmpty: pass, fail or not-applicable")
        else:
            when_empty = self._when_empty(value["whenEmpty"], (*keys, "whenEmpty"), top)
        if kind != "some" and "where" not in value:
            self.fault(keys, f"{kind} needs where")
        if len(self.faults) > before or path is None:
            return None
        return Quantifier(cast("Any", kind), path, where, cast("WhenEmpty", when_empty), has_default)

    def _when_empty(self, value: Any, keys: Keys, top: bool) -> str:
        if value not in WHEN_EMPTY:
            hint = nearest(str(value), WHEN_EMPTY)
            self.fault(keys, f"expected one of {', '.join(WHEN_EMPTY)}, found {said(value)}", hint)
            return ""
        if value == "not-applicable" and not top:
            self.fault(keys, "only a quantifier that is the whole condition can be not-applicable", "use pass or fail")
        return str(value)

    def _list_of(
        self, form: str, value: Any, keys: Keys, known: tuple[str, ...], inside: bool
    ) -> tuple[Path | None, Node | None, bool] | None:
        """`in`, `where` and `default` of a quantifier or count."""
        if not isinstance(value, dict):
            self.fault(keys, f"{form} needs a map with {', '.join(known)}, found {said(value)}")
            return None
        self._only(value, keys, known)
        path = None
        if "in" in value:
            path = self._path(value["in"], (*keys, "in"), inside)
        else:
            self.fault(keys, f"{form} needs in: the path of a list")
        where = self.read(value["where"], (*keys, "where"), inside=True) if "where" in value else None
        if "default" in value and value["default"] != []:
            self.fault((*keys, "default"), "the only default of a list is the empty list, []")
        return path, where, "default" in value

    def _count(self, value: dict[Any, Any], keys: Keys, inside: bool) -> Node | None:
        before = len(self.faults)
        parts = self._list_of("count", value["count"], (*keys, "count"), ("in", "where", "default"), inside)
        self._only(value, keys, ("count", *COMPARISONS))
        names = [key for key in value if key in COMPARISONS]
        if len(names) != 1:
            if len(self.faults) == before:
                hint = ", ".join(COMPARISONS)
                self.fault(keys, f"count needs one comparison beside it, found {len(names)}", hint)
            return None
        op = names[0]
        expected = self._fill(value[op], (*keys, op))
        if expected is not _UNFILLED and (type(expected) is not int or expected < 0):
            self.fault((*keys, op), f"expected a number of items, found {said(expected)}")
        if len(self.faults) > before or parts is None or parts[0] is None:
            return None
        return Count(parts[0], parts[1], op, expected, parts[2])

    def _path(self, value: Any, keys: Keys, inside: bool) -> Path | None:
        if not isinstance(value, str):
            self.fault(keys, f"expected a path, found {said(value)}")
            return None
        try:
            path = parse_path(value)
        except ValueError as reason:
            self.fault(keys, f"{value!r} is not a path: {reason}")
            return None
        if not path.keys and not inside:
            self.fault(keys, "'.' is the item of a list; it means something only inside where")
            return None
        return path

    def _fill(self, value: Any, keys: Keys) -> Any:
        """The value with its parameters filled in; _UNFILLED where one is unknown."""
        if isinstance(value, str):
            return self._fill_text(value, keys) if "${" in value else value
        if isinstance(value, list):
            filled = [self._fill(each, (*keys, index)) for index, each in enumerate(value)]
            return _UNFILLED if _UNFILLED in filled else filled
        if isinstance(value, dict):
            table = {key: self._fill(each, (*keys, str(key))) for key, each in value.items()}
            return _UNFILLED if _UNFILLED in table.values() else table
        return value

    def _fill_text(self, text: str, keys: Keys) -> Any:
        unknown = [name for name in _PARAMETER.findall(text) if name not in self.params]
        for name in unknown:
            hint = nearest(name, self.params) or "declare it under params:"
            self.fault(keys, f"unknown parameter {name!r}", hint)
        if unknown:
            return _UNFILLED
        whole = _PARAMETER.fullmatch(text)
        if whole:
            return self.params[whole.group(1)]
        return _PARAMETER.sub(lambda match: plain(self.params[match.group(1)]), text)


_UNFILLED: Final = object()


def condition_schema() -> Schema:
    """The JSON Schema of a condition: `$ref` to `#/$defs/condition`, with the `$defs` it needs.

    It serves editors; `check` is stricter (paths, parameters, and what depends on the place in the file).
    """
    condition: Schema = {"$ref": "#/$defs/condition"}
    many: Schema = {"type": "array", "minItems": 1, "items": condition}
    empty: Schema = {"type": "array", "maxItems": 0}
    path: Schema = {"$ref": "#/$defs/path"}
    listed: Schema = {"in": path, "where": condition, "default": empty}
    full: Schema = {**listed, "whenEmpty": {"enum": list(WHEN_EMPTY)}}
    operators: Schema = {
        name: {**operator.kind.schema(), "description": operator.summary} for name, operator in OPERATORS.items()
    }
    leaf = {"field": path, "default": {}, "as": {"enum": list(CONVERSIONS)}, **operators}
    forms = [
        {**_closed(leaf, "field"), "oneOf": [{"required": [name]} for name in operators]},
        _closed({"allOf": many}, "allOf"),
        _closed({"anyOf": many}, "anyOf"),
        _closed({"not": condition}, "not"),
        _closed({"some": _closed(listed, "in")}, "some"),
        _closed({"every": _closed(full, "in", "where", "whenEmpty")}, "every"),
        _closed({"none": _closed(full, "in", "where", "whenEmpty")}, "none"),
        {
            **_closed({"count": _closed(listed, "in"), **{name: operators[name] for name in COMPARISONS}}, "count"),
            "oneOf": [{"required": [name]} for name in COMPARISONS],
        },
    ]
    return {**condition, "$defs": {"condition": {"oneOf": forms}, "path": {"type": "string", "minLength": 1}}}


def _closed(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
