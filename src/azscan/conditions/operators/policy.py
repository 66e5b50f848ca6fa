"""Azure Policy's operators, by the names and meanings that Azure engineers know.

https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#conditions

Strings compare without regard to case, as there. Two things are stricter: types are never converted (`equals: true`
says nothing about the string "True"; write `as: boolean`), and a value of a type that cannot be compared is UNSAID
both for an operator and for its opposite, so that `notEquals` and `notIn` are no way around it.
"""

from __future__ import annotations

from typing import Any

from azscan.conditions.logic import FALSE, NOT, TRUE, UNSAID
from azscan.conditions.operators import Test

_TYPES = {bool: "b", int: "n", float: "n", str: "s"}


def negated(test: Test) -> Test:
    """The opposite test; what is unknown stays unknown."""

    def opposite(value: Any) -> int:
        return NOT[test(value)]

    return opposite


def equals(expected: Any) -> Test:
    """Equal to a string (in any case), a number or a boolean."""
    if expected is True or expected is False:

        def equals_boolean(value: Any) -> int:
            if value is expected:
                return TRUE
            return FALSE if value is True or value is False else UNSAID

        return equals_boolean
    if isinstance(expected, str):
        lower = expected.lower()

        def equals_string(value: Any) -> int:
            if type(value) is not str:
                return UNSAID
            return TRUE if value == expected or value.lower() == lower else FALSE

        return equals_string

    def equals_number(value: Any) -> int:
        if type(value) is not int and type(value) is not float:
            return UNSAID
        return TRUE if value == expected else FALSE

    return equals_number


def not_equals(expected: Any) -> Test:
    """Of the same type as the expected value, and not equal to it."""
    return negated(equals(expected))


def is_in(expected: list[Any]) -> Test:
    """Equal to one of the expected values; FALSE only where one of them has the value's type."""
    wanted = {(_TYPES[type(each)], each.lower() if isinstance(each, str) else each) for each in expected}
    types = {kind for kind, _ in wanted}

    def within(value: Any) -> int:
        kind = _TYPES.get(type(value))
        if kind not in types:
            return UNSAID
        return TRUE if (kind, value.lower() if kind == "s" else value) in wanted else FALSE

    return within


def not_in(expected: list[Any]) -> Test:
    """Comparable with the expected values and equal to none of them."""
    return negated(is_in(expected))


def like(expected: str) -> Test:
    """Matches a pattern in which `*` stands for any text, none included.

    Azure Policy allows one `*`; here there may be several. The time is linear in the value's length.
    """
    pieces = expected.lower().split("*")
    if len(pieces) == 1:
        return equals(expected)
    first, *middle, last = pieces
    least = sum(map(len, pieces))

    def matches(value: Any) -> int:
        if type(value) is not str:
            return UNSAID
        text = value.lower()
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return FALSE
        position, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, position, end)
            if found < 0:
                return FALSE
            position = found + len(piece)
        return TRUE

    return matches


def not_like(expected: str) -> Test:
    """A string that does not match the pattern."""
    return negated(like(expected))


def contains(expected: Any) -> Test:
    """A string that contains the text, or a list with an equal element. An empty list contains nothing.

    A list in which nothing is equal and something cannot be compared is UNSAID.
    """
    same = equals(expected)
    lower = expected.lower() if isinstance(expected, str) else None

    def has(value: Any) -> int:
        if type(value) is str:
            return UNSAID if lower is None else TRUE if lower in value.lower() else FALSE
        if type(value) is not list:
            return UNSAID
        answers = {same(each) for each in value}
        return TRUE if TRUE in answers else UNSAID if UNSAID in answers else FALSE

    return has


def not_contains(expected: Any) -> Test:
    """A string without the text, or a list without an equal element."""
    return negated(contains(expected))


def contains_key(expected: str) -> Test:
    """A map with the key, in any letter case (tags are found so). Decides on absence, for the map says all its keys."""
    lower = expected.lower()

    def has(value: Any) -> int:
        if not isinstance(value, dict):
            return UNSAID
        return TRUE if expected in value or any(key.lower() == lower for key in value) else FALSE

    return has


def not_contains_key(expected: str) -> Test:
    """A map without the key."""
    return negated(contains_key(expected))


def less(expected: float) -> Test:
    """A number below the expected one."""
    return lambda value: UNSAID if not _is_number(value) else TRUE if value < expected else FALSE


def less_or_equals(expected: float) -> Test:
    """A number not above the expected one."""
    return lambda value: UNSAID if not _is_number(value) else TRUE if value <= expected else FALSE


def greater(expected: float) -> Test:
    """A number above the expected one."""
    return lambda value: UNSAID if not _is_number(value) else TRUE if value > expected else FALSE


def greater_or_equals(expected: float) -> Test:
    """A number not below the expected one."""
    return lambda value: UNSAID if not _is_number(value) else TRUE if value >= expected else FALSE


def exists(expected: bool) -> Test:
    """The one operator that decides on absence; the caller answers for absent values (missing, null, "")."""
    return lambda value: TRUE if expected else FALSE


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float
