"""The truth tables: four values, and how `not`, `allOf`, `anyOf`, `some`, `every`, `none` and `count` join them.

FALSE and TRUE decide. UNSAID means that Azure leaves the property out; UNREADABLE that azscan could not read it.
A decided part decides the whole wherever it can; where it cannot, UNREADABLE is stronger than UNSAID, because a
better-placed identity would learn more, and no verdict may rest on what that would bring.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FALSE: Final = 0
TRUE: Final = 1
UNSAID: Final = 2
UNREADABLE: Final = 3
# Only a whole `require` can say it: a quantifier over an empty list with `whenEmpty: not-applicable`.
NOT_APPLICABLE: Final = 4

NAMES: Final = ("false", "true", "unsaid", "unreadable", "not-applicable")

# negation of each truth value, by index
NOT: Final = (TRUE, FALSE, UNSAID, UNREADABLE, NOT_APPLICABLE)

INFINITY: Final = float("inf")
COMPARISONS: Final = ("equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals")


def all_of(truths: Iterable[int]) -> int:
    """TRUE where all are; any FALSE decides; else the strongest unknown."""
    worst = TRUE
    for truth in truths:
        if truth == FALSE:
            return FALSE
        worst = max(worst, truth)
    return worst


def any_of(truths: Iterable[int]) -> int:
    """FALSE where all are; any TRUE decides; else the strongest unknown."""
    best = FALSE
    for truth in truths:
        if truth == TRUE:
            return TRUE
        best = max(best, truth)
    return best


def unknown(unsaid: bool, unreadable: bool, otherwise: int) -> int:
    """The stronger of the two unknowns that are there; `otherwise` where neither is."""
    return UNREADABLE if unreadable else UNSAID if unsaid else otherwise


def some(true: int, unsaid: int, unreadable: int) -> int:
    """One item for which the condition is true is enough; an empty list is FALSE."""
    return TRUE if true else unknown(unsaid > 0, unreadable > 0, FALSE)


def none(true: int, unsaid: int, unreadable: int) -> int:
    """One item for which the condition is true is one too many. The caller decides the empty list."""
    return FALSE if true else unknown(unsaid > 0, unreadable > 0, TRUE)


def every(false: int, unsaid: int, unreadable: int) -> int:
    """One item for which the condition is false is one too many. The caller decides the empty list."""
    return FALSE if false else unknown(unsaid > 0, unreadable > 0, TRUE)


def compare(op: str, low: float, high: float, wanted: float) -> int | None:
    """TRUE or FALSE where the comparison is the same for every number from `low` to `high`, else None."""
    if op in ("equals", "notEquals"):
        if low == high == wanted:
            return TRUE if op == "equals" else FALSE
        if wanted < low or wanted > high:
            return FALSE if op == "equals" else TRUE
        return None
    if op in ("less", "lessOrEquals"):
        holds = (low < wanted, high < wanted) if op == "less" else (low <= wanted, high <= wanted)
    else:
        holds = (low > wanted, high > wanted) if op == "greater" else (low >= wanted, high >= wanted)
    return int(holds[0]) if holds[0] == holds[1] else None
