"""Leaves compiled into functions: a value is found, tested, and kept as the ground of the outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from azscan.conditions.convert import CONVERTERS
from azscan.conditions.evidence import Ground, Prefix
from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.nodes import Leaf
from azscan.conditions.operators import Test
from azscan.conditions.paths import ASTRAY, Path, parse_path, resolve
from azscan.conditions.table import OPERATORS
from azscan.conditions.values import MISSING, Document, Unreadable

Grounds = tuple[Ground, ...]
Outcome = tuple[int, Grounds]
# item, root (None where the item is the root), prefix of the item's paths, the document that the item came from
Judge = Callable[[Any, Any, Prefix, Document | None], Outcome]

# The types of JSON values that need no second look; null is absent, and an empty list may be.
_PLAIN: Final = frozenset({bool, int, float, str, dict})


def compile_leaf(leaf: Leaf, now: datetime) -> Judge:
    """A function that decides one leaf; the fast ones are made for the paths that most checks have."""
    operator = OPERATORS[leaf.op]
    if operator.build is None:
        return _beside(leaf, now)
    plain_test = operator.build(leaf.expected, now)
    test = _converted(plain_test, leaf.as_) if leaf.as_ else plain_test
    absent = UNSAID
    if operator.decides_absence:
        absent = FALSE if leaf.expected else TRUE
    elif leaf.has_default:
        absent = plain_test(leaf.default)
    slow = _general(leaf, test, absent, operator.rests_on)
    keys = leaf.path.keys
    if operator.rests_on is not None or leaf.path.from_root or not 1 <= len(keys) <= len(_FAST):
        return slow
    return _FAST[len(keys) - 1](leaf, test, slow)


def _converted(test: Test, as_: str) -> Test:
    convert = CONVERTERS[as_]

    def converted(value: Any) -> int:
        meant = convert(value)
        return UNSAID if meant is MISSING else test(meant)

    return converted


def _general(leaf: Leaf, test: Test, absent: int, rests_on: int | None) -> Judge:
    """Any path and any value; the fast ones below fall back to it for all that is not plain and present."""
    keys, from_root = leaf.path.keys, leaf.path.from_root

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        if from_root and root is not None:
            item, prefix, source = root, "", None
        value, source = resolve(item, keys, source)
        if isinstance(value, Unreadable):
            truth = UNREADABLE
        elif value is ASTRAY:
            truth, value = UNSAID, MISSING
        elif value is None or value is MISSING or value == "":
            truth = absent
        else:
            truth = test(value)
            if truth == rests_on and source is not None and source.fault is not None:
                truth, value = UNREADABLE, source.fault
        return truth, ((leaf, prefix, value, source),)

    return judge


def _fast_1(leaf: Leaf, test: Test, slow: Judge) -> Judge:
    (first,) = leaf.path.keys
    plain = _PLAIN

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        if type(item) is Document:
            source = item
        elif type(item) is not dict:
            return slow(item, root, prefix, source)
        value = item.get(first)
        if type(value) not in plain or value == "":
            return slow(item, root, prefix, source)
        return test(value), ((leaf, prefix, value, source),)

    return judge


def _fast_2(leaf: Leaf, test: Test, slow: Judge) -> Judge:
    first, second = leaf.path.keys
    plain = _PLAIN

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        if type(item) is Document:
            source = item
        elif type(item) is not dict:
            return slow(item, root, prefix, source)
        inner = item.get(first)
        if type(inner) is Document:
            source = inner
        elif type(inner) is not dict:
            return slow(item, root, prefix, source)
        value = inner.get(second)
        if type(value) not in plain or value == "":
            return slow(item, root, prefix, source)
        return test(value), ((leaf, prefix, value, source),)

    return judge


def _fast_3(leaf: Leaf, test: Test, slow: Judge) -> Judge:
    first, second, third = leaf.path.keys
    plain = _PLAIN

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        if type(item) is Document:
            source = item
        elif type(item) is not dict:
            return slow(item, root, prefix, source)
        inner = item.get(first)
        if type(inner) is Document:
            source = inner
        elif type(inner) is not dict:
            return slow(item, root, prefix, source)
        inner = inner.get(second)
        if type(inner) is not dict:
            return slow(item, root, prefix, source)
        value = inner.get(third)
        if type(value) not in plain or value == "":
            return slow(item, root, prefix, source)
        return test(value), ((leaf, prefix, value, source),)

    return judge


_FAST: Final = (_fast_1, _fast_2, _fast_3)


def _beside(leaf: Leaf, now: datetime) -> Judge:
    """A leaf whose operator needs other values of the document beside the field's."""
    operator = OPERATORS[leaf.op]
    assert operator.beside is not None and operator.build_beside is not None
    test = operator.build_beside(leaf.expected, now)
    paths = [leaf.path, *map(parse_path, operator.beside(leaf.expected))]
    convert = CONVERTERS[leaf.as_] if leaf.as_ else None

    def value_at(path: Path, item: Any, root: Any, source: Document | None) -> tuple[Any, Document | None]:
        if path.from_root and root is not None:
            item, source = root, None
        return resolve(item, path.keys, source)

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        found = [value_at(path, item, root, source) for path in paths]
        value, source = found[0]
        if leaf.path.from_root and root is not None:
            prefix = ""
        if leaf.has_default and (value is None or value is MISSING or value == ""):
            meant = leaf.default
        else:
            meant = value if convert is None or isinstance(value, Unreadable) else convert(value)
        values = [meant, *(other for other, _ in found[1:])]
        failed = next((each for each in values if isinstance(each, Unreadable)), None)
        if failed is not None:
            return UNREADABLE, ((leaf, prefix, failed, source),)
        if any(each is None or each is MISSING or each is ASTRAY or each == "" for each in values):
            return UNSAID, ((leaf, prefix, MISSING if value is ASTRAY else value, source),)
        return test(values[0], tuple(values[1:])), ((leaf, prefix, value, source),)

    return judge
