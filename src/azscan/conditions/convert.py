"""`as:`: the values that Azure sends as strings, turned into what they mean; what does not convert is UNSAID."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from azscan.conditions.values import MISSING

_NUMBER = re.compile(r"\s*[+-]?\d{1,30}(\.\d{1,30})?\s*\Z")
# PostgreSQL and MySQL say "on" and "ON", others "True" and "false".
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "on", "yes", "1"), True),
    **dict.fromkeys(("false", "off", "no", "0"), False),
}


def number(value: Any) -> Any:
    """The number that a string writes; numbers as they are."""
    if type(value) is str and _NUMBER.match(value):
        return float(value) if "." in value else int(value)
    return value if type(value) in (int, float) else MISSING


def boolean(value: Any) -> Any:
    """The boolean that a string means (true, on, yes, 1 and their opposites, in any case); booleans as they are."""
    if type(value) is str:
        return _BOOLEANS.get(value.strip().lower(), MISSING)
    return value if type(value) is bool else MISSING


def listed(value: Any) -> Any:
    """The parts of a comma list, blanks stripped, empty ones dropped; lists as they are."""
    if type(value) is str:
        return [part for each in value.split(",") if (part := each.strip())]
    return value if type(value) is list else MISSING


def json(value: Any) -> Any:
    """What a string holds as JSON; anything but a string as it is. null and "" inside it count as absent."""
    if type(value) is not str:
        return value
    try:
        inner = msgspec.json.decode(value.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return MISSING
    return MISSING if inner is None or inner == "" else inner


CONVERTERS: Final = {"number": number, "boolean": boolean, "list": listed, "json": json}
