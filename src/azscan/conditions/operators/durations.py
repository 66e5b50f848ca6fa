"""`duration`: lengths of time, as ISO 8601 (`P90D`, `P2Y`, `PT1H`) or as .NET TimeSpans (`30.00:00:00`, `00:30:00`)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNSAID, compare
from azscan.conditions.operators import Test

_N: Final = r"(\d{1,9}(?:[.,]\d{1,9})?)"
_ISO: Final = re.compile(
    rf"([+-]?)P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?=\d)(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?\Z", re.ASCII
)
_TIMESPAN: Final = re.compile(r"(-?)(?:(\d{1,8})\.)?(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?\Z", re.ASCII)

_DAY: Final = 86400
_CYCLE: Final = 146_097  # days in 400 years
_MONTH_LENGTHS: Final = tuple(monthrange(year, month)[1] for year in range(2000, 2400) for month in range(1, 13))

COMPARISONS: Final = {"atLeast": "greaterOrEquals", "atMost": "lessOrEquals", "less": "less", "greater": "greater"}

# months and seconds are kept apart, for no number of seconds is a month
Duration = tuple[int, float]


def read_duration(text: str) -> Duration:
    """Months and seconds of a duration; ValueError where the text is none."""
    stripped = text.strip()
    match = _ISO.match(stripped)
    if match is not None and any(match.groups()[1:]):
        years, months, weeks, days, hours, minutes, seconds = (
            float(part.replace(",", ".")) if part else 0.0 for part in match.groups()[1:]
        )
        whole = years * 12 + months
        if whole != int(whole):
            raise ValueError(f"{text!r} has a part of a month")
        sign = -1 if match[1] == "-" else 1
        return sign * int(whole), sign * ((weeks * 7 + days) * _DAY + hours * 3600 + minutes * 60 + seconds)
    match = _TIMESPAN.match(stripped)
    if match is not None and int(match[3]) < 24 and int(match[4]) < 60 and int(match[5] or 0) < 60:
        total = int(match[2] or 0) * _DAY + int(match[3]) * 3600 + int(match[4]) * 60 + int(match[5] or 0)
        fraction = float(f"0.{match[6]}") if match[6] else 0.0
        return 0, (total + fraction) * (-1 if match[1] else 1)
    raise ValueError(f"{text!r} is not a duration such as P30D, PT1H or 30.00:00:00")


@lru_cache(maxsize=256)
def days_of_months(months: int) -> tuple[int, int]:
    """The fewest and the most days that so many months in a row can have, over the calendar's 400-year cycle."""
    cycles, rest = divmod(abs(months), len(_MONTH_LENGTHS))
    window = sum(_MONTH_LENGTHS[:rest])
    fewest = most = window
    for start, length in enumerate(_MONTH_LENGTHS):
        window += _MONTH_LENGTHS[(start + rest) % len(_MONTH_LENGTHS)] - length
        fewest, most = min(fewest, window), max(most, window)
    fewest, most = fewest + cycles * _CYCLE, most + cycles * _CYCLE
    return (fewest, most) if months >= 0 else (-most, -fewest)


def duration(expected: Mapping[str, str]) -> Test:
    """Every comparison (atLeast, atMost, less, greater) holds.

    Months and years have no fixed length: `P1Y` is at least `P365D` and not comparable with `P366D` (UNSAID), while
    `P12M` and `P1Y` are the same. What is no duration is UNSAID.
    """
    wanted = [(COMPARISONS[name], read_duration(text)) for name, text in expected.items()]

    def compares(value: Any) -> int:
        if not isinstance(value, str):
            return UNSAID
        try:
            months, seconds = read_duration(value)
        except ValueError:
            return UNSAID
        outcome = TRUE
        for op, (wanted_months, wanted_seconds) in wanted:
            fewest, most = days_of_months(months - wanted_months)
            rest = seconds - wanted_seconds
            truth = compare(op, fewest * _DAY + rest, most * _DAY + rest, 0)
            if truth == FALSE:
                return FALSE
            if truth is None:
                outcome = UNSAID
        return outcome

    return compares
