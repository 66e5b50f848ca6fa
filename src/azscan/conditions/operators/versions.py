"""`version`: dotted numerals compared by order, as engines and runtimes count their versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators import Test

# "1.29.4", "16", "v8.0" (.NET), "PYTHON|3.12", "NODE|20-lts" (App Service), "~4" (Functions), "8.0.21-azure".
_VERSION: Final = re.compile(
    r"\s*(?:[A-Za-z0-9_ -]{1,40}\|)?[~^]?[vV]?(\d{1,9}(?:\.\d{1,9}){0,5})(?![\d.])(?:[-+ _].*)?\s*\Z"
)

COMPARISONS: Final[Mapping[str, Callable[[int], bool]]] = {
    "atLeast": lambda order: order >= 0,
    "atMost": lambda order: order <= 0,
    "less": lambda order: order < 0,
    "greater": lambda order: order > 0,
    "equals": lambda order: order == 0,
}

Numerals = tuple[int, ...]


def read_version(text: str) -> Numerals:
    """The numerals of a version; ValueError where the text is none."""
    match = _VERSION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version such as 1.29 or 8.0.21")
    return tuple(map(int, match[1].split(".")))


def order(actual: Numerals, wanted: Numerals) -> int | None:
    """Negative, zero or positive as `actual` comes before, at or after `wanted`; None where it is too coarse to say.

    What the wanted version leaves out counts as zero. What the actual one leaves out may be anything ("1.29" is
    whatever patch the service runs), unless it does not matter.
    """
    width = max(len(actual), len(wanted))
    padded = wanted + (0,) * (width - len(wanted))
    if len(actual) < width and actual == padded[: len(actual)] and any(padded[len(actual) :]):
        return None
    filled = actual + (0,) * (width - len(actual))
    return (filled > padded) - (filled < padded)


def version(expected: Mapping[str, str | float]) -> Test:
    """Every comparison (atLeast, atMost, less, greater, equals) holds; not a version, or too coarse: UNSAID."""
    wanted = [(COMPARISONS[name], read_version(str(text))) for name, text in expected.items()]

    def compares(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return UNSAID
        try:
            actual = read_version(str(value))
        except ValueError:
            return UNSAID
        orders = [(holds, order(actual, numerals)) for holds, numerals in wanted]
        if any(found is not None and not holds(found) for holds, found in orders):
            return FALSE
        return UNSAID if any(found is None for _, found in orders) else TRUE

    return compares
