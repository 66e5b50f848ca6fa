"""What is told of an outcome: its grounds as facts about numbered leaves, and what Azure or azscan leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from azscan.conditions.evidence import Ground, alternatives, describe, entries, negated, opposite, place
from azscan.conditions.nodes import Count, Leaf, Node, Quantifier
from azscan.conditions.table import plain
from azscan.conditions.values import ATTACHED, MISSING, Document, Items, Unreadable
from azscan.words import count

# A value larger than this (encoded) is told in words: evidence names what decided, it does not copy the estate.
LARGEST_ACTUAL = 2000
_SHORT = frozenset({bool, int, float})
_UNITS: dict[type, str] = {list: "item", dict: "member"}
# Where the number of a read goes. JSON text never holds this character itself.
_HOLE = "\0"
_encode = msgspec.json.Encoder().encode

# Number of the leaf, actual value, whether it is present (None: not read), read; and the path where it varies.
Fact = tuple[Any, ...]


class Told:
    """The leaves that one check's evidence has named so far, in that order: facts name them by number.

    `conditions` are the check's, what it requires last: what they ask to be false is worded so, and of alternatives
    which one it is.
    """

    def __init__(self, conditions: Sequence[Node]) -> None:
        self._numbers: dict[int, int] = {}
        self._leaves: list[Leaf | Quantifier | Count] = []
        self._negated = frozenset(id(leaf) for condition in conditions for leaf in negated(condition))
        self._alternatives = alternatives(conditions[-1])
        self._paths: dict[int, str] = {}

    def facts(self, grounds: Sequence[Ground]) -> list[Fact]:
        """The grounds as (number of the leaf, actual, present, read) each, and the path where it varies."""
        numbers, told = self._numbers, []
        for ground in grounds:
            leaf, prefix, actual, source = ground
            number = numbers.get(id(leaf))
            if number is None:
                number = numbers[id(leaf)] = len(self._leaves)
                self._leaves.append(leaf)
            kind = type(actual)
            read = source.read if source is not None else None
            if kind in _SHORT or (kind is str and len(actual) <= LARGEST_ACTUAL):
                fact: Fact = (number, actual, True, read)
            elif kind is dict and type(leaf) is not Leaf:
                # How the items of a list turned out.
                fact = (number, actual, True, read)
            elif actual is MISSING:
                fact = (number, None, False, read)
            elif isinstance(actual, Unreadable):
                fact = (number, None, None, actual.read or read)
            else:
                shown = entries(leaf, actual)
                fact = (number, _shortened(actual) if shown is None else shown, True, _read_of(actual, read))
            told.append((*fact, place(ground)) if prefix else fact)
        return told

    def table(self) -> list[tuple[str, str]]:
        """Path and expectation of each leaf, by number."""
        table = []
        for leaf in self._leaves:
            path, expected, _, _ = describe((leaf, "", MISSING, None))
            if id(leaf) in self._negated:
                expected = opposite(expected)
            if (alternative := self._alternatives.get(id(leaf))) is not None:
                expected += f" {alternative}"
            if isinstance(leaf, Leaf) and leaf.has_default:
                expected += f" (absent counts as {plain(leaf.default)})"
            table.append((path, expected))
        return table

    def unsaid(self, grounds: Sequence[Ground]) -> str:
        """What Azure does not say, in words."""
        absent = [ground for ground in grounds if ground[2] is None or ground[2] is MISSING or ground[2] == ""]
        texts = [place(ground) if ground[1] else self._path_of(ground[0]) for ground in absent or grounds]
        return f"Azure does not say {', '.join(list(dict.fromkeys(texts))[:3])}" if texts else "Azure does not say"

    def _path_of(self, leaf: Leaf | Quantifier | Count) -> str:
        text = self._paths.get(id(leaf))
        if text is None:
            text = self._paths[id(leaf)] = place((leaf, "", MISSING, None))
        return text


def unread(fault: Unreadable) -> str:
    """What azscan could not read, in words."""
    missing = f" (needs {fault.action})" if fault.action else ""
    return f"{fault.kind}: {fault.message or 'this part was not read'}{missing}"


def row_of(resource: int, evidence: Sequence[Any], reason: str | None, waiver: int | None) -> str:
    """A verdict as it is stored: [row id of its resource (0: what could not be listed), evidence, reason, waiver]."""
    return _encode((resource, evidence, reason, waiver)).decode()


def pieces_of(facts: Sequence[Fact], reason: str | None) -> list[str]:
    """The same without a waiver, cut where the resource and the reads stand: `[resource,` + read.join(pieces)."""
    told = [
        f"{_encode(fact[:3]).decode()[:-1]},{_HOLE}{''.join(f',{_encode(path).decode()}' for path in fact[4:])}]"
        for fact in facts
    ]
    return f"[{','.join(told)}],{_encode(reason).decode()},null]".split(_HOLE)


def places_of(facts: Sequence[Fact], reads: Sequence[int | None]) -> list[int] | None:
    """For each cut of `pieces_of` the place of its read among `reads`; None where one is not among them."""
    return [reads.index(fact[3]) for fact in facts] if all(fact[3] in reads for fact in facts) else None


def _read_of(actual: Any, read: int | None) -> int | None:
    return actual.read or read if isinstance(actual, Items | Document) else read


def _shortened(actual: Any) -> Any:
    if isinstance(actual, Items):
        return {"items": len(actual)}
    actual = _of_azure(actual)
    if len(_encode(actual)) <= LARGEST_ACTUAL:
        return actual
    return count(len(actual), _UNITS.get(type(actual), "character"))


def _of_azure(actual: Any) -> Any:
    """A document as Azure sent it, without what is attached to it."""
    if isinstance(actual, dict):
        return {name: _of_azure(value) for name, value in actual.items() if not isinstance(value, ATTACHED)}
    return actual
