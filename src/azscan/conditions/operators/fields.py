"""`equalsField` and `length`: a value held against another one of its document, and the size of texts and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azscan.conditions.logic import FALSE, INFINITY, TRUE, UNREADABLE, UNSAID, compare
from azscan.conditions.operators import Test, TestBeside
from azscan.conditions.operators.policy import equals
from azscan.conditions.values import Items


def equals_field(_expected: str) -> TestBeside:
    """Equal to the value at another path, as `equals` compares; UNSAID where either is absent or their types differ."""

    def same(value: Any, others: tuple[Any, ...]) -> int:
        (other,) = others
        if not isinstance(other, str | int | float):
            return UNSAID
        return equals(other)(value)

    return same


def length(expected: Mapping[str, int]) -> Test:
    """Every comparison holds for the number of characters of a text or of elements of a list.

    An empty list has the length 0; an empty text counts as absent. A list that was not read to its end has at least
    the elements that came.
    """

    def measures(value: Any) -> int:
        if not isinstance(value, str | list | Items):
            return UNSAID
        low = float(len(value))
        high = INFINITY if isinstance(value, Items) and value.fault is not None else low
        outcome = TRUE
        for op, wanted in expected.items():
            truth = compare(op, low, high, wanted)
            if truth == FALSE:
                return FALSE
            if truth is None:
                outcome = UNREADABLE
        return outcome

    return measures
