"""What conditions look at in a document, as keys: of two documents with equal keys they say the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

import msgspec

from azscan.conditions.nodes import All, Any_, Leaf, Node, Not
from azscan.conditions.paths import ASTRAY, Astray, Path, parse_path
from azscan.conditions.table import OPERATORS
from azscan.conditions.values import MISSING, Missing

Keys = tuple[str, ...]

# Characters of a text, or bytes of an encoded list or map, that a key holds: what is longer is seldom the same twice.
LONGEST: Final = 500
# The same of items.
MOST_ITEMS: Final = 30
# Stands for what no key can hold: nothing may be kept under a key that has it.
UNIQUE: Final = object()

# Values that are keys themselves. Numbers are not: 1, 1.0 and True are equal, and told differently in evidence.
_AS_THEY_ARE: Final = frozenset({bool, type(None), Missing, Astray})
_encode: Final = msgspec.json.Encoder().encode

# Paths, and for a list or map that is only walked what is looked at in its items (None: the whole value).
_Tree = dict[Keys, Any]


class Look(msgspec.Struct, frozen=True, order=True):
    """A path whose value decides a condition; of a list that is only walked, what is looked at in its `items`."""

    keys: Keys
    items: tuple[Look, ...] | None = None


def looked_at(*nodes: Node) -> frozenset[Look]:
    """What decides, in a document, what the conditions say and which grounds they give."""
    tree: _Tree = {}
    for node in nodes:
        _add(node, tree, tree)
    return frozenset(_looks(tree))


def _looks(tree: _Tree) -> tuple[Look, ...]:
    whole = {keys for keys, items in tree.items() if items is None}
    return tuple(
        Look(keys, None if items is None else _looks(items))
        for keys, items in sorted(tree.items(), key=lambda each: each[0])
        if not any(keys[:end] in whole for end in range(len(keys)))
    )


def _add(node: Node, tree: _Tree, root: _Tree) -> None:
    """Add what a condition looks at to the tree of its item, or to that of the document."""

    def tree_of(path: Path) -> _Tree:
        return root if path.from_root else tree

    if isinstance(node, Leaf):
        beside = OPERATORS[node.op].beside
        for path in (node.path, *(map(parse_path, beside(node.expected)) if beside else ())):
            tree_of(path)[path.keys] = None
    elif isinstance(node, All | Any_):
        for part in node.parts:
            _add(part, tree, root)
    elif isinstance(node, Not):
        _add(node.part, tree, root)
    else:
        items = tree_of(node.in_).setdefault(node.in_.keys, {})
        if node.where is not None:
            _add(node.where, {} if items is None else items, root)


class Looks:
    """Keys for what is looked at, taken from one document after another."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self.looks = sorted(looks, key=repr)
        places: dict[Keys, int] = {(): 0}
        # (place of the map that holds it, its name), for each value on the way to one that is asked for
        self._steps: list[tuple[int, str]] = []
        for look in self.looks:
            for end in range(1, len(look.keys) + 1):
                if look.keys[:end] not in places:
                    places[look.keys[:end]] = len(places)
                    self._steps.append((places[look.keys[: end - 1]], look.keys[end - 1]))
        self._asked = [(places[look.keys], None if look.items is None else Looks(look.items)) for look in self.looks]

    def at(self, document: dict[str, Any]) -> list[Hashable]:
        """One key for each look: equal keys stand for equal values, of the same types and in the same order.

        The values must be JSON as Azure sent it, for what is attached to a document can be unreadable or endless.
        """
        # The document is a Document, which is no plain map; what lies in it is.
        values: list[Any] = [document]
        for holder, name in self._steps:
            within = values[holder]
            if type(within) is dict or within is document:
                values.append(within.get(name, MISSING))
            else:
                values.append(MISSING if within is None or within is MISSING else ASTRAY)
        return [
            _key(values[place]) if items is None else _key_of_items(values[place], items)
            for place, items in self._asked
        ]


def _key(value: Any) -> Hashable:
    kind = type(value)
    if kind is str:
        return value if len(value) <= LONGEST else UNIQUE
    if kind in _AS_THEY_ARE:
        return value  # type: ignore[no-any-return]
    if kind is list or kind is dict:
        encoded = _encode(value)
        return encoded if len(encoded) <= LONGEST else UNIQUE
    return kind, repr(value)


def _key_of_items(value: Any, looks: Looks) -> Hashable:
    """A key for a list or map by what is looked at in its items; their places and names stand in evidence."""
    kind = type(value)
    if kind is not list and kind is not dict:
        return _key(value)
    if len(value) > MOST_ITEMS:
        return UNIQUE
    parts: list[Hashable] = [kind]
    for item in value if kind is list else value.values():
        if type(item) is dict:
            parts += [dict, _key(item.get("name", MISSING)), *looks.at(item)]
        else:
            parts.append(_key(item))
    if kind is dict:
        parts += value
    return UNIQUE if UNIQUE in parts else tuple(parts)
