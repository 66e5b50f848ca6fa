"""Dates of an estate that stand at a distance from today, so that what is about to expire always is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azscan.errors import UsageError

MARK = "$days"
_FORMS = ("iso", "unix")


def resolve(value: Any, now: datetime | None = None) -> Any:
    """A decoded JSON value with each {"$days": n} replaced by the moment n days from now.

    It becomes ISO 8601 as ARM writes it, or Unix seconds with "as": "unix". Raises UsageError for another form.
    """
    return _resolved(value, now or datetime.now(UTC))


def _resolved(value: Any, now: datetime) -> Any:
    if isinstance(value, dict):
        return _moment(value, now) if MARK in value else {key: _resolved(one, now) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, now) for one in value]
    return value


def _moment(value: Mapping[str, Any], now: datetime) -> str | int:
    days, form = value[MARK], value.get("as", "iso")
    if not isinstance(days, int | float) or isinstance(days, bool) or form not in _FORMS or len(value) > 2:
        raise UsageError(
            f"{dict(value)} is no date.", hint='It must be {"$days": -30} or {"$days": 90, "as": "unix"}, in days.'
        )
    moment = now + timedelta(days=days)
    return int(moment.timestamp()) if form == "unix" else moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
