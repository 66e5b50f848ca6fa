"""Does what a check looks at decide? Each deciding property of a passing example is removed, then changed.

A check whose verdict survives all of that can never fail for that property: it looks at the wrong one, or at none.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from azscan.catalog.examples import Decide, decider
from azscan.catalog.model import Check
from azscan.conditions.grammar import parse
from azscan.conditions.nodes import All, Any_, Count, Leaf, Node, Not, Quantifier

Keys = tuple[str, ...]
Deciding = Leaf | Quantifier | Count
Change = Callable[[Any, Any], None]

EACH = "*"  # every item of the list or map before it

# Values that one operator or other does not take, tried where a value of the same type stands; before them come
# the values of failing examples.
_OTHERS: tuple[Any, ...] = (
    *("flipped", "*", "0.0.0.0/0", "10.0.0.1", "1.0", "TLS1_0", "99.0", "P1D", "P9999D"),
    *("1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    *(True, False, 0, -1, 1, 10**9, 10**11, {}),
)
_MANY = 100


class Survivor(msgspec.Struct, frozen=True):
    """A property that decides in passing example `number` (from 1) and whose value makes no difference."""

    check: str
    number: int
    path: str


def survivors(check: Check) -> list[Survivor]:
    """The deciding properties of passing examples that can be removed and changed without the check failing.

    Where another branch of an anyOf passes instead, the property must make a difference in another example.
    """
    node = parse(check.require, check.params)
    places = list(_places(node, ()))
    decide = decider(check, node=node)
    killed: set[int] = set()
    replaced: dict[int, Survivor] = {}
    found: list[Survivor] = []
    for number, document in enumerate(check.examples.passing, 1):
        deciding = {id(ground[0]) for ground in decide(document)[1]}
        for one, keys in places:
            if id(one) not in deciding:
                continue
            survivor = Survivor(check.id, number, ".".join(keys))
            fate = _fate(one, keys, document, decide, check)
            if fate == "killed":
                killed.add(id(one))
            elif fate == "replaced":
                replaced.setdefault(id(one), survivor)
            else:
                found.append(survivor)
    return found + [survivor for one, survivor in replaced.items() if one not in killed]


def _fate(one: Deciding, keys: Keys, document: dict[str, Any], decide: Decide, check: Check) -> str:
    fate = "survives"
    for mutant in _mutants(one, keys, document, check):
        outcome, grounds = decide(mutant)
        if outcome != "pass":
            return "killed"
        if all(ground[0] is not one for ground in grounds):
            fate = "replaced"
    return fate


def _mutants(one: Deciding, keys: Keys, document: dict[str, Any], check: Check) -> Iterator[dict[str, Any]]:
    yield _changed(document, keys, _remove)
    for value in _values(one, keys, document, check):
        yield _changed(document, keys, _setter(value))


def _remove(holder: Any, place: Any) -> None:
    if isinstance(holder, list) or place in holder:
        del holder[place]


def _setter(value: Any) -> Change:
    def put(holder: Any, place: Any) -> None:
        holder[place] = copy.deepcopy(value)

    return put


def _values(one: Deciding, keys: Keys, document: dict[str, Any], check: Check) -> Iterator[Any]:
    for failing in check.examples.failing:
        yield from _found(failing, keys)
    written: list[Any] = []
    if isinstance(one, Leaf):
        written = [*(one.expected if isinstance(one.expected, list) else [one.expected]), one.default]
        yield from (value for value in written if value is not None)
    here = list(_found(document, keys))
    types = {type(value) for value in here or written}
    yield from (value for value in _OTHERS if type(value) in types)
    for value in here:
        if isinstance(value, list):
            yield from ([], value * _MANY, [{} if isinstance(item, dict) else "flipped" for item in value])


def _found(value: Any, keys: Keys) -> Iterator[Any]:
    if not keys:
        yield value
    else:
        for place in _here(value, keys[0]):
            if isinstance(value, list) or place in value:
                yield from _found(value[place], keys[1:])


def _changed(document: dict[str, Any], keys: Keys, change: Change) -> dict[str, Any]:
    """A copy of the document with the change made at every place that the keys lead to."""
    mutant = copy.deepcopy(document)
    _change(mutant, keys, change)
    return mutant


def _change(value: Any, keys: Keys, change: Change) -> None:
    for place in _here(value, keys[0]):
        if len(keys) == 1:
            change(value, place)
            continue
        if isinstance(value, dict) and value.get(place) is None:
            value[place] = {}
        _change(value[place], keys[1:], change)


def _here(value: Any, key: str) -> list[Any]:
    """The places in a list or map that the key means, the last first, so that removing one moves none to come."""
    if key == EACH and isinstance(value, list | dict):
        return list(reversed(range(len(value)) if isinstance(value, list) else list(value)))
    return [key] if isinstance(value, dict) else []


def _places(node: Node, base: Keys) -> Iterator[tuple[Deciding, Keys]]:
    """Every leaf, quantifier and count, with the keys that lead to its property from the document's root."""
    if isinstance(node, All | Any_):
        for part in node.parts:
            yield from _places(part, base)
    elif isinstance(node, Not):
        yield from _places(node.part, base)
    else:
        path = node.path if isinstance(node, Leaf) else node.in_
        keys = path.keys if path.from_root else base + path.keys
        yield node, keys
        if not isinstance(node, Leaf) and node.where is not None:
            yield from _places(node.where, (*keys, EACH))
