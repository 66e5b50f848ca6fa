"""What things are called in the reports that people read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from azscan.results import Evidence, ScanInfo


def subscription_names(scan: ScanInfo) -> Mapping[str, str]:
    """Subscription id (lower case) → its name; with the id where two have the same name, the id where it has none."""
    seen = Counter(each.name.casefold() for each in scan.subscriptions)
    return {
        each.id.lower(): (f"{each.name} ({each.id})" if seen[each.name.casefold()] > 1 else each.name) or each.id
        for each in scan.subscriptions
    }


def actual_of(evidence: Evidence) -> str:
    """What Azure sent, as text: strings as they are, the rest as JSON; "absent", "not read" where there is nothing."""
    if not evidence.present:
        return _lacking(evidence)
    if isinstance(evidence.actual, str):
        return evidence.actual or '""'
    try:
        return msgspec.json.encode(evidence.actual).decode()
    except UnicodeEncodeError:
        return str(evidence.actual)


def told(evidence: Evidence) -> str | list[str]:
    """What Azure sent, for people: a list by its entries, counts in words, texts quoted that could be taken amiss."""
    if not evidence.present:
        return _lacking(evidence)
    actual = evidence.actual
    if isinstance(actual, list):
        return [_entry(each) for each in actual] or "nothing"
    if isinstance(actual, dict) and (counts := _counts(actual)):
        return counts
    if isinstance(actual, str):
        return _quoted(actual)
    moment = _moment(actual) if _ABOUT_MOMENTS.search(evidence.expected) else ""
    return f"{actual_of(evidence)} ({moment})" if moment else actual_of(evidence)


# What is expected of a moment, in the words of expiresWithin and olderThan.
_ABOUT_MOMENTS = re.compile(r"\b(expires? within|expired|older than)\b")


def _moment(seconds: Any) -> str:
    """Unix seconds as a moment in UTC; "" for what is none."""
    try:
        is_number = type(seconds) in (int, float)
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if is_number else ""
    except (ValueError, OverflowError, OSError):
        return ""


def told_line(evidence: Evidence) -> str:
    """The same on one line: the entries of a list with commas between them."""
    words = told(evidence)
    return words if isinstance(words, str) else ", ".join(words)


def _lacking(evidence: Evidence) -> str:
    if evidence.present is None:
        return f"not read ({evidence.actual})" if evidence.actual else "not read"
    return "absent"


def _entry(value: Any) -> str:
    return value if isinstance(value, str) and value else actual_of(Evidence("", "", value))


def _quoted(text: str) -> str:
    return f'"{text}"' if _AMISS.fullmatch(text) else text


# What reads like another kind of value, or like azscan's own words.
_AMISS = re.compile(
    r"\s.*|.*\s|\".*|[-+]?\d[\d,_]*(\.\d*)?|none|null|nil|nan|undefined|true|false|yes|no|on|off"
    r"|empty|absent|nothing|unset|not read.*|",
    re.IGNORECASE | re.DOTALL,
)
_OUTCOMES = {"true": "{} of {}", "false": "all but {} of {}", "unsaid": "unsaid for {} of {}"}


def _counts(actual: Mapping[str, Any]) -> str:
    """The counts of a quantifier in words ("none of 15 items"); "" where the map is no such counts."""
    total, *rest = (actual.get("items"), *((name, number) for name, number in actual.items() if name != "items"))
    if type(total) is not int or len(rest) > 1 or any(type(number) is not int for _, number in rest):
        return ""
    items = f"{total:,} item" + ("" if total == 1 else "s")
    if total == 0 or not rest:
        return items if total else "no items"
    name, number = rest[0]
    if name not in ("true", "false", "unsaid", "unreadable"):
        return ""
    if name == "false" and not number:
        return f"all of {items}"
    words = _OUTCOMES.get(name, "unreadable for {} of {}")
    return words.format(f"{number:,}" if number else "none", items)


def expected_of(evidence: Evidence, *, brief: bool = False) -> str:
    """The condition in words; "equals" goes without saying, and in brief what absence counts as where it is there."""
    words = evidence.expected.removeprefix("equals ")
    return _ABSENCE.sub("", words) if brief and evidence.present else words


def alternative_of(expected: str) -> tuple[str, int]:
    """The words of a condition without the alternative that it is a part of, and the number of that, or 0."""
    found = _ALTERNATIVE.search(expected)
    return (expected, 0) if found is None else (_ALTERNATIVE.sub(r"\2", expected), int(found[1]))


_ALTERNATIVE = re.compile(r" \(alternative (\d+) of \d+\)((?: \(absent counts as .*\))?)$", re.DOTALL)
_ABSENCE = re.compile(r" \(absent counts as .*\)$", re.DOTALL)
