"""Members of a record of Azure's, whatever it turns out to be: bodies are a stranger's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def properties_of(record: Any) -> Mapping[str, Any]:
    """A record's `properties`; {} where it has none."""
    found = record.get("properties") if isinstance(record, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A member that is text; "" for any other."""
    found = record.get(name)
    return found if isinstance(found, str) else ""
