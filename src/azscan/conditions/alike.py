"""Keys of what conditions look at in a document: of two documents with equal keys they say the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from azscan.conditions.looks import Keys, Look
from azscan.conditions.paths import ASTRAY, Astray, opened
from azscan.conditions.values import ATTACHED, MISSING, Document, Items, Missing, Part, Unreadable

# The row ids of the reads that opened parts came from, in the order in which they are met.
Reads = list[int | None]
# From a list, map or item to its keys; the reads of what was opened in it are added.
_KeyOf = Callable[[Any, Reads], Hashable]
_KeysOf = Callable[[dict[str, Any], Reads], list[Hashable]]

# Characters of a text, or bytes of an encoded list or map, that a key holds: what is longer is seldom the same twice.
LONGEST: Final = 500
# The same of items, and of parts that are opened for one key.
MOST_ITEMS: Final = 30
# Bytes of the members that are looked at in an item, above which a digest stands for them.
SHORT: Final = 64
# Stands for what no key can hold: nothing may be kept under a key that has it.
UNIQUE: Final = object()

# Values that are keys themselves. Numbers are not: 1, 1.0 and True are equal, and told differently in evidence.
_AS_THEY_ARE: Final = frozenset({bool, type(None), Missing, Astray})
_encode: Final = msgspec.json.Encoder().encode


class Looks:
    """Keys for what is looked at, taken from one document after another.

    `attached` are the names under which parts can be opened on the documents; None means anywhere.
    """

    def __init__(self, looks: Iterable[Look], attached: Collection[str] | None = ()) -> None:
        def may_open(look: Look) -> bool:
            return bool(look.keys) and (attached is None or look.keys[0] in attached)

        # What no part lies in comes first.
        self.looks = sorted(looks, key=lambda look: (may_open(look), repr(look)))
        self.opening = list(filter(may_open, self.looks))
        places: dict[Keys, int] = {(): 0}
        # (place of the map that holds it, its name), for each value on the way to one that is asked for
        self._steps: list[tuple[int, str]] = []
        self._opening_steps: list[tuple[int, str]] = []
        # (place, the function that makes its key, None where that is the whole value)
        self._asked: list[tuple[int, _KeyOf | None]] = []
        # The same, and the places on the way, where parts may have been opened
        self._asked_of_parts: list[tuple[int, _KeyOf | None, list[int]]] = []
        for look in self.looks:
            opens = may_open(look)
            way = [look.keys[:end] for end in range(1, len(look.keys) + 1)]
            for keys in way:
                if keys not in places:
                    places[keys] = len(places)
                    steps = self._opening_steps if opens else self._steps
                    steps.append((places[keys[:-1]], keys[-1]))
            key_of: _KeyOf | None = None
            if look.items is not None:
                key_of = _by_looks(Looks(look.items, None if opens else ()))
            elif look.members:
                key_of = _by_members(look.members)
            if opens:
                self._asked_of_parts.append((places[look.keys], key_of, [places[keys] for keys in way]))
            else:
                self._asked.append((places[look.keys], key_of))

    def at(self, document: dict[str, Any]) -> tuple[list[Hashable], list[Reads]]:
        """For each of `looks` a key, and for each of `opening` the reads of the parts that were opened.

        Equal keys stand for equal values, of the same types and in the same order, and for as many reads, each that
        of the part in the same place.
        """
        values: list[Any] = [document]
        for holder, name in self._steps:
            within = values[holder]
            # A document is no plain map; what lies in it is, where nothing was opened.
            if type(within) is dict or within is document:
                values.append(within.get(name, MISSING))
            else:
                values.append(MISSING if within is None or within is MISSING else ASTRAY)
        keys = [_key(values[place]) if key_of is None else key_of(values[place], []) for place, key_of in self._asked]
        return keys, self._opened(values, keys) if self._asked_of_parts else []

    def _opened(self, values: list[Any], keys: list[Hashable]) -> list[Reads]:
        """Open the parts that are looked at, and add their values and keys; their reads."""
        for holder, name in self._opening_steps:
            within = values[holder]
            if type(within) is dict or type(within) is Document:
                value = within.get(name, MISSING)
                if isinstance(value, Part):
                    value = within[name] = opened(value)
                values.append(value)
            else:
                values.append(MISSING if within is None or within is MISSING else ASTRAY)
        reads: list[Reads] = []
        for place, key_of, way in self._asked_of_parts:
            # Which values on the way were opened tells which look a read belongs to.
            parts: list[Hashable] = []
            found: Reads = []
            is_whole = True
            for number, at in enumerate(way):
                value = values[at]
                if type(value) is Document:
                    parts.append(number)
                    found.append(value.read)
                    is_whole = is_whole and value.fault is None
                elif isinstance(value, Unreadable):
                    is_whole = False
            key = _key(values[place]) if key_of is None else key_of(values[place], found)
            is_whole = is_whole and key is not UNIQUE and len(found) <= MOST_ITEMS
            keys.append((*parts, key) if is_whole else UNIQUE)
            reads.append(found)
        return reads


def _by_looks(looks: Looks) -> _KeyOf:
    """For a list or map that is walked."""

    def keys_of(item: dict[str, Any], reads: Reads) -> list[Hashable]:
        keys, found = looks.at(item)
        for each in found:
            reads += each
        # The name stands in evidence.
        return [_key(item.get("name", MISSING)), *keys]

    return lambda value, reads: _key_of_items(value, keys_of, reads)


def _by_members(members: tuple[str, ...]) -> _KeyOf:
    """For a list that an operator takes as it is; a map is looked at whole."""

    def keys_of(item: dict[str, Any], reads: Reads) -> list[Hashable]:
        looked_at = {name: item[name] for name in members if name in item}
        if any(isinstance(value, ATTACHED) for value in looked_at.values()):
            return [UNIQUE]
        encoded = _encode(looked_at)
        return [encoded if len(encoded) <= SHORT else blake2b(encoded, digest_size=32).digest()]

    return lambda value, reads: _key(value) if type(value) is dict else _key_of_items(value, keys_of, reads)


def _key(value: Any) -> Hashable:
    kind = type(value)
    if kind is str:
        return value if len(value) <= LONGEST else UNIQUE
    if kind in _AS_THEY_ARE:
        return value  # type: ignore[no-any-return]
    if kind is list or (kind is dict and not any(isinstance(each, ATTACHED) for each in value.values())):
        encoded = _encode(value)
        return encoded if len(encoded) <= LONGEST else UNIQUE
    return (kind, repr(value)) if kind is int or kind is float else UNIQUE


def _key_of_items(value: Any, keys_of: _KeysOf, reads: Reads) -> Hashable:
    """A key for a list or map by what is looked at in its items, whose places and names stand in evidence."""
    kind: Any = type(value)
    if isinstance(value, Items):
        if value.fault is not None:
            return UNIQUE
        kind = Items
        reads.append(value.read)
    elif kind is not list and kind is not dict:
        return _key(value)
    if len(value) > MOST_ITEMS:
        return UNIQUE
    parts: list[Hashable] = [kind]
    # To its end, also where there is no key: a short list is then kept, and not read again by the conditions.
    for item in list(value.values() if kind is dict else value):
        if len(reads) > MOST_ITEMS:
            return UNIQUE
        kind_of_item: Any = type(item)
        if kind_of_item is Document:
            if item.fault is not None:
                return UNIQUE
            reads.append(item.read)
        elif kind_of_item is not dict:
            parts.append(_key(item))
            continue
        parts.append(kind_of_item)
        parts += keys_of(item, reads)
    if kind is dict:
        parts += map(_key, value)
    return UNIQUE if UNIQUE in parts else tuple(parts)
