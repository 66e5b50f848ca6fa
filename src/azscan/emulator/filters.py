"""A small part of OData's `$filter`: comparisons of properties joined by `and`; what it cannot read, it lets pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_COMPARISON = re.compile(r"([\w./@]+)\s+-?(eq|ne)\s+('(?:[^']|'')*'|[\w.-]+)", re.IGNORECASE)
_STARTS = re.compile(r"startswith\(\s*([\w./]+)\s*,\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)
_ALIASES = {"resourcetype": "type"}


def keep(wanted: str, body: Mapping[str, Any]) -> bool:
    """Whether a filter keeps an object; a clause that is not understood keeps everything."""
    return all(_holds(clause.strip(), body) for clause in re.split(r"\s+and\s+", wanted, flags=re.IGNORECASE))


def _holds(clause: str, body: Mapping[str, Any]) -> bool:
    found = _STARTS.fullmatch(clause)
    if found:
        return str(_value(body, found.group(1)) or "").lower().startswith(_text(found.group(2)).lower())
    found = _COMPARISON.fullmatch(clause)
    if not found:
        return True
    held = _value(body, found.group(1))
    text = _text(found.group(3).strip("'")).lower()
    shown = "null" if held is None else str(held).lower()
    return (shown == text) is (found.group(2).lower() == "eq")


def _text(quoted: str) -> str:
    return quoted.replace("''", "'")


def _value(body: Mapping[str, Any], path: str) -> Any:
    at: Any = body
    for step in _ALIASES.get(path.lower(), path).replace(".", "/").split("/"):
        if not isinstance(at, Mapping):
            return None
        at = next((value for key, value in at.items() if key.lower() == step.lower()), None)
    return at
