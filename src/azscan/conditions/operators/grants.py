"""`grants`: what a role definition's permissions let their holder do.

https://learn.microsoft.com/azure/role-based-access-control/role-definitions: what is granted is `actions` less
`notActions`, in each permission for itself; `*` in either stands for any text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID, all_of, any_of
from azscan.conditions.operators import TestBeside
from azscan.conditions.operators.globs import TooHard, covered, overlaps, overlaps_outside
from azscan.conditions.paths import opened
from azscan.conditions.values import Items, Unreadable

# How far a scope reaches, the widest first.
LEVELS: Final = ("root", "managementGroup", "subscription", "resourceGroup", "resource")
_SCOPES: Final = "properties.assignableScopes"


def beside(expected: Mapping[str, Any]) -> tuple[str, ...]:
    """The path of the scopes, where they matter."""
    return (expected.get("scopes", _SCOPES),) if "withinScope" in expected else ()


def grants(expected: Mapping[str, Any]) -> TestBeside:
    """The permissions include every action that matches the pattern (or each of several patterns).

    The field is a role definition's `properties.permissions`. A `notActions` entry that takes away any of the wanted
    actions makes it FALSE; `match: any` asks instead whether at least one wanted action is granted. `plane: data`
    looks at `dataActions` and `notDataActions`.

    `withinScope` asks, too, how far the role reaches: one of its scopes must be the scope named or one above it. It is
    a scope's id, or one of root, managementGroup, subscription, resourceGroup: any scope of that level or wider.
    The scopes are the role's `properties.assignableScopes`, or what stands at the path `scopes:` (a role
    assignment's `properties.scope`).

    A missing list of actions is UNSAID, and so is a missing `notActions` where the actions alone would grant.
    """
    patterns = expected["action"] if isinstance(expected["action"], list) else [expected["action"]]
    data = str(expected.get("plane", "control")).lower() == "data"
    names = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    some_match = str(expected.get("match", "every")).lower() == "any"
    scope = expected.get("withinScope")

    def holds(value: Any, others: tuple[Any, ...]) -> int:
        if not isinstance(value, list | Items):
            return UNSAID
        rest = FALSE if isinstance(value, list) or value.fault is None else UNREADABLE
        permissions = [opened(each) for each in value]
        truths = [
            any_of([rest, *(_granted(each, names, pattern, some_match) for each in permissions)])
            for pattern in patterns
        ]
        granted = any_of(truths) if some_match else all_of(truths)
        return granted if scope is None else all_of([granted, _reaches(others[0], scope)])

    return holds


def _granted(permission: Any, names: tuple[str, str], pattern: str, some_match: bool) -> int:
    if isinstance(permission, Unreadable):
        return UNREADABLE
    if not isinstance(permission, dict):
        return UNSAID
    given, taken = (_patterns(permission.get(name)) for name in names)
    if given is None:
        return UNSAID
    try:
        if some_match:
            if not any(overlaps(each, pattern) for each in given):
                return FALSE
            if taken is None:
                return UNSAID
            return TRUE if any(overlaps_outside(each, pattern, taken) for each in given) else FALSE
        if not covered(pattern, given):
            return FALSE
        if taken is None:
            return UNSAID
        return FALSE if any(overlaps(pattern, each) for each in taken) else TRUE
    except TooHard:
        return UNSAID


def _patterns(value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return value


def _reaches(scopes: Any, wanted: str) -> int:
    """TRUE where one of the scopes is the wanted one or lies above it."""
    entries = [scopes] if isinstance(scopes, str) else scopes
    if not isinstance(entries, list):
        return UNSAID
    return any_of(_is_above(each, wanted) for each in entries)


def _is_above(scope: Any, wanted: str) -> int:
    if not isinstance(scope, str) or not scope:
        return UNSAID
    if not wanted.startswith("/"):
        levels = [level.lower() for level in LEVELS]
        return TRUE if levels.index(_level(scope).lower()) <= levels.index(wanted.lower()) else FALSE
    above, below = ([part for part in text.lower().split("/") if part] for text in (scope, wanted))
    if below[: len(above)] == above:
        return TRUE
    # whether a subscription lies below a management group, no scope says
    return UNSAID if _level(scope) == "managementGroup" and _level(wanted) != "root" else FALSE


def _level(scope: str) -> str:
    parts = [part for part in scope.lower().split("/") if part]
    if not parts:
        return "root"
    if parts[:3] == ["providers", "microsoft.management", "managementgroups"] and len(parts) == 4:
        return "managementGroup"
    if parts[0] == "subscriptions" and len(parts) == 2:
        return "subscription"
    if parts[0] == "subscriptions" and len(parts) == 4 and parts[2] == "resourcegroups":
        return "resourceGroup"
    return "resource"


def read_scope(text: str) -> str:
    """The scope as it is; ValueError where it is neither an id nor a level."""
    if text.startswith("/") or text.lower() in (level.lower() for level in LEVELS[:-1]):
        return text
    raise ValueError(f"{text!r} is neither a scope's id nor one of {', '.join(LEVELS[:-1])}")
