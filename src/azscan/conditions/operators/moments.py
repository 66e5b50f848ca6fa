"""`expiresWithin` and `olderThan`: moments held against the time of the scan, in the many forms that Azure sends."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators import Test
from azscan.words import count

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?\s?([Zz]|[+-]\d\d:?\d\d)?)?\Z", re.ASCII
)
_RFC_1123: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|UTC|\+0000)\Z",
    re.ASCII,
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPAN: Final = re.compile(r"(\d{1,5})([hdwy])\Z", re.ASCII)
_SECONDS: Final = {"h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}

_UNITS: Final = {"h": "hour", "d": "day", "w": "week", "y": "year"}

_DAY: Final = 86400
_EPOCH: Final = datetime(1970, 1, 1).toordinal() * _DAY
_LAST_SECOND: Final = datetime(9999, 12, 31).toordinal() * _DAY + _DAY - 1 - _EPOCH

# "Never", as Azure says it: .NET's least and greatest dates, in any time zone.
LONG_AGO: Final = float("-inf")
FAR_OFF: Final = float("inf")


def read_span(text: str) -> int:
    """Seconds of a span: 12h, 30d, 4w or 1y (365 days); ValueError otherwise."""
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a span such as 12h, 30d, 4w or 1y")
    return int(match[1]) * _SECONDS[match[2]]


def span_words(text: str) -> str:
    """A span as people say it: "12 hours", "1 day"; what is none (a parameter without its value) as it is."""
    match = _SPAN.match(text)
    return count(int(match[1]), _UNITS[match[2]]) if match else text


def read_moment(value: Any) -> float:
    """Seconds since 1970 of a moment; LONG_AGO or FAR_OFF where the date stands for never.

    Numbers are Unix seconds (Key Vault). Strings are ISO 8601 with 0 to 9 fractional digits, with `Z`, an offset or
    neither (then taken for UTC), or RFC 1123. Anything else is a ValueError:
    `11/4/2021` is April to some and November to others.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not -_EPOCH <= value <= _LAST_SECOND:
            raise ValueError(f"{value} is not a moment in Unix seconds")
        return float(value)
    if not isinstance(value, str):
        raise ValueError("not a moment")
    text = value.strip()
    match = _ISO.match(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        fraction = float(f"0.{match[7]}") if match[7] else 0.0
        return _seconds(year, month, day, hour, minute, second) + fraction - _offset(match[8])
    match = _RFC_1123.match(text)
    if match is not None and match[2] in _MONTHS:
        day, year, hour, minute, second = (int(match[index]) for index in (1, 3, 4, 5, 6))
        return _seconds(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second)
    raise ValueError(f"{value!r} is not a date")


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    if (year, month, day) == (9999, 12, 31):
        return FAR_OFF
    if (year, month) == (1, 1) and day <= 2:
        return LONG_AGO
    if hour > 24 or minute > 59 or second > 60:
        raise ValueError("no such time of day")
    return datetime(year, month, day).toordinal() * _DAY - _EPOCH + hour * 3600 + minute * 60 + second


def _offset(text: str | None) -> int:
    if text is None or text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds


def expires_within(expected: str, now: datetime) -> Test:
    """The moment lies before now + span; what has expired already does, too.

    9999-12-31 is never: FALSE. 0001-01-01 says nothing: UNSAID, as is what is no date.
    """
    limit = now.timestamp() + read_span(expected)

    def soon(value: Any) -> int:
        try:
            moment = read_moment(value)
        except ValueError:
            return UNSAID
        return UNSAID if moment == LONG_AGO else TRUE if moment < limit else FALSE

    return soon


def older_than(expected: str, now: datetime) -> Test:
    """The moment lies before now - span. Azure's least and greatest dates, and what is no date, are UNSAID."""
    limit = now.timestamp() - read_span(expected)

    def old(value: Any) -> int:
        try:
            moment = read_moment(value)
        except ValueError:
            return UNSAID
        return UNSAID if moment in (LONG_AGO, FAR_OFF) else TRUE if moment < limit else FALSE

    return old
