"""`logs`: whether diagnostic settings send a log somewhere.

https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID, all_of, any_of
from azscan.conditions.operators import Test
from azscan.conditions.paths import opened
from azscan.conditions.values import Items, Unreadable

# What is looked at in a setting.
MEMBERS: Final = ("name", "properties")
_DESTINATIONS: Final = (
    "workspaceId",
    "storageAccountId",
    "eventHubAuthorizationRuleId",
    "marketplacePartnerId",
    "serviceBusRuleId",
)


def logs(expected: Mapping[str, Any]) -> Test:
    """Some diagnostic setting that has a destination sends the category (or one of several).

    The field is the resource's diagnostic settings. `category` is met by an enabled log of that category, of the
    category group `allLogs`, or of the group `audit`; `categories` names several that must all be met, by one setting
    or by several. The group `audit` holds, for each type of resource, the categories that Microsoft chose as
    recording who did what with its data and settings; so it is no answer where another kind of log is wanted (flows,
    requests, metrics by another name): `group-audit: false` leaves it out. `destination: false` accepts a setting that
    sends nowhere.

    A log without `enabled`, without category and group, or a setting without any destination is UNSAID.
    """
    by_group = {"alllogs", "audit"} if expected.get("group-audit", True) else {"alllogs"}
    needs_destination = expected.get("destination", True)
    one_of = expected.get("category", [])
    every = expected.get("categories", [])
    one_of = [one_of] if isinstance(one_of, str) else one_of

    def sent(value: Any) -> int:
        if not isinstance(value, list | Items):
            return UNSAID
        rest = FALSE if isinstance(value, list) or value.fault is None else UNREADABLE
        settings = [opened(each) for each in value]

        def is_sent(category: str) -> int:
            return any_of([rest, *(_sends(each, category.lower(), by_group, needs_destination) for each in settings)])

        truths = [is_sent(category) for category in every]
        if one_of:
            truths.append(any_of(map(is_sent, one_of)))
        return all_of(truths)

    return sent


def show(_expected: Mapping[str, Any], setting: Any) -> str:
    """A diagnostic setting in one line: its name, its enabled logs, the kinds of its destinations."""
    body = setting.get("properties") if isinstance(setting, dict) else None
    if not isinstance(body, dict):
        return "a setting without properties"
    entries = body.get("logs")
    enabled = [
        str(entry.get("category") or f"group {entry.get('categoryGroup')}")
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("enabled") is True
    ]
    to = [name.removesuffix("Id") for name in _DESTINATIONS if body.get(name)]
    return f"{setting.get('name', '?')}: {', '.join(enabled) or 'no log'} to {', '.join(to) or 'nowhere'}"


def _sends(setting: Any, category: str, groups: set[str], needs_destination: bool) -> int:
    if isinstance(setting, Unreadable):
        return UNREADABLE
    body = setting.get("properties") if isinstance(setting, dict) else None
    entries = body.get("logs") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(entries, list):
        return UNSAID
    logged = any_of(_is_logged(entry, category, groups) for entry in entries)
    if not needs_destination:
        return logged
    somewhere = any(isinstance(body.get(name), str) and body[name] for name in _DESTINATIONS)
    return all_of([logged, TRUE if somewhere else UNSAID])


def _is_logged(entry: Any, category: str, groups: set[str]) -> int:
    if not isinstance(entry, dict):
        return UNSAID
    enabled = entry.get("enabled")
    if enabled is False:
        return FALSE
    own, group = entry.get("category"), entry.get("categoryGroup")
    names = [name for name in (own, group) if isinstance(name, str) and name]
    if not names:
        return UNSAID
    meets = (isinstance(own, str) and own.lower() == category) or (isinstance(group, str) and group.lower() in groups)
    if not meets:
        return FALSE
    return TRUE if enabled is True else UNSAID
