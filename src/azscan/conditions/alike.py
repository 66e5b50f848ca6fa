"""What conditions look at in a document, as keys: of two documents with equal keys they say the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

import msgspec

from azscan.conditions.grammar import named_paths
from azscan.conditions.nodes import Node
from azscan.conditions.paths import ASTRAY, Astray
from azscan.conditions.values import MISSING, Missing

Keys = tuple[str, ...]

# Characters of a text, or bytes of an encoded list or map, that a key holds: what is longer is seldom the same twice.
LONGEST: Final = 500
# Stands for what no key can hold: nothing may be kept under a key that has it.
UNIQUE: Final = object()

# Values that are keys themselves. Numbers are not: 1, 1.0 and True are equal, and told differently in evidence.
_AS_THEY_ARE: Final = frozenset({bool, type(None), Missing, Astray})
_encode: Final = msgspec.json.Encoder().encode


def looked_at(*nodes: Node) -> frozenset[Keys]:
    """The paths, from the document's root, whose values decide what the conditions say and which grounds they give.

    What a condition asks of a list's items lies within the list. () is the whole document.
    """
    named = frozenset[Keys]().union(*map(named_paths, nodes))
    return frozenset(path for path in named if not any(path[:end] in named for end in range(len(path))))


class Looks:
    """Keys for the values at `paths` (none of them ()), taken from one document after another."""

    def __init__(self, paths: Iterable[Keys]) -> None:
        self.paths = sorted(paths)
        places: dict[Keys, int] = {(): 0}
        # (place of the map that holds it, its name), for each value on the way to one that is asked for
        self._steps: list[tuple[int, str]] = []
        for path in self.paths:
            for end in range(1, len(path) + 1):
                if path[:end] not in places:
                    places[path[:end]] = len(places)
                    self._steps.append((places[path[: end - 1]], path[end - 1]))
        self._places = [places[path] for path in self.paths]

    def at(self, document: dict[str, Any]) -> list[Hashable]:
        """One key for each path: equal keys stand for equal values, of the same types and in the same order.

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
        return [_key(values[place]) for place in self._places]


def _key(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value if len(value) <= LONGEST else UNIQUE
    if kind in _AS_THEY_ARE:
        return value
    if kind is list or kind is dict:
        encoded = _encode(value)
        return encoded if len(encoded) <= LONGEST else UNIQUE
    return kind, repr(value)
