"""What the identity may read: without that proof an empty list says nothing, for ARM leaves out what it hides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from azscan.azure.answers import Answer, Ask
from azscan.azure.paging import pages
from azscan.azure.records import properties_of
from azscan.estate.ids import key_of, parse_id
from azscan.words import glob

API = "2022-04-01"
# Where the key of a management group's scope begins.
GROUPS: Final = "/providers/microsoft.management/managementgroups/"
PERMISSIONS: Final = "Microsoft.Authorization/permissions/read"
# From these follows what the identity may read, where Azure does not tell its permissions.
ASSIGNMENTS: Final = (
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleDefinitions/read",
)
# Refusals that no grant mends.
_PASSING: Final = ("unavailable", "throttled", "unauthenticated")
Read = Callable[[Ask], Awaitable[Answer]]


class Permissions:
    """The effective permissions of the identity in one subscription.

    They are asked at subscription scope; where Azure does not answer that, they come from the role assignments at
    or above the subscription and their definitions.
    Sources: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group,
    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
    """

    def __init__(self, read: Read, subscription: str, principal: str) -> None:
        self._read = read
        self.subscription = subscription
        self._principal = principal
        self._entries: list[dict[str, Any]] = []
        self.was_told = False
        """Whether Azure told the effective permissions themselves; where not, they are put together or unknown."""
        self._unasked = ""
        """The action for want of which it is not known what the identity may read, "" where it is known."""
        self._failed = False
        self._groups: dict[str, asyncio.Task[list[dict[str, Any]]]] = {}

    async def load(self) -> None:
        """Ask Azure once; what cannot be asked leaves nothing covered."""
        scope = f"/subscriptions/{self.subscription}"
        entries, fault = await self._all(f"{scope}/providers/Microsoft.Authorization/permissions?api-version={API}")
        self.was_told = not fault
        self._entries = entries if self.was_told else await self._by_assignments(scope)
        if fault == "access_denied" and self._unasked:
            self._unasked = PERMISSIONS
        self._failed = bool(self._unasked) and fault in _PASSING

    @property
    def has_any(self) -> bool:
        """True where some role reaches the whole subscription, whatever it grants."""
        return bool(self._entries)

    def covers(self, action: str) -> bool:
        """True where the identity may perform `action` in the whole subscription."""
        return grants(self._entries, action)

    def leaves_out(self, action: str) -> bool:
        """True where the identity holds a role in the subscription, and none that grants `action` there."""
        return bool(self._entries) and not self._unasked and not self.covers(action)

    def wanting(self, action: str) -> str:
        """What to grant so that a list by `action`, which is not covered, can be believed.

        It is the action itself only where all that the identity may read is known; otherwise the right to ask for
        that, and "" where the question failed for another reason than a missing right.
        """
        return "" if self._failed else self._unasked or action

    async def covers_at(self, resource_id: str, action: str) -> bool:
        """True where the identity may perform `action` on that resource: by the subscription or by its group."""
        if self.covers(action):
            return True
        group = parse_id(resource_id).resource_group
        if not group:
            return False
        scope = key_of(f"/subscriptions/{self.subscription}/resourcegroups/{group}")
        if scope not in self._groups:
            self._groups[scope] = asyncio.ensure_future(self._of_group(scope))
        return grants(await self._groups[scope], action)

    async def _of_group(self, scope: str) -> list[dict[str, Any]]:
        entries, _ = await self._all(f"{scope}/providers/Microsoft.Authorization/permissions?api-version={API}")
        return entries

    async def _by_assignments(self, scope: str) -> list[dict[str, Any]]:
        self._unasked = ASSIGNMENTS[0]
        if not self._principal:
            self._unasked = PERMISSIONS
            return []
        query = f"api-version={API}&$filter=assignedTo('{self._principal}')"
        assignments, _ = await self._all(f"{scope}/providers/Microsoft.Authorization/roleAssignments?{query}")
        wanted = {
            str(properties.get("roleDefinitionId"))
            for assignment in assignments
            if (properties := properties_of(assignment))
            and not properties.get("condition")
            and _is_at_or_above(properties.get("scope"), scope)
        }
        entries: list[dict[str, Any]] = []
        is_whole = True
        for definition in sorted(wanted):
            answer = await self._read(
                Ask(
                    target=f"{definition}?api-version={API}",
                    shape="object",
                    subscription=self.subscription,
                    provider="microsoft.authorization",
                )
            )
            if answer.fault is None and isinstance(answer.body, dict):
                found = properties_of(answer.body).get("permissions")
                entries += [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
            else:
                is_whole = False
        # Who may read the assignments of the subscription was shown all of them.
        if not is_whole:
            self._unasked = ASSIGNMENTS[1]
        elif grants(entries, ASSIGNMENTS[0]):
            self._unasked = ""
        return entries

    async def _all(self, target: str) -> tuple[list[dict[str, Any]], str]:
        """All items of a list, and the kind of the fault for which there are none."""
        found: list[dict[str, Any]] = []
        ask = Ask(target=target, subscription=self.subscription, provider="microsoft.authorization")
        async for answer in pages(self._read, ask):
            if answer.fault is not None:
                return [], answer.fault.kind
            found += [item for item in answer.items if isinstance(item, dict)]
        return found, ""


def grants(entries: Iterable[dict[str, Any]], action: str) -> bool:
    """True where one permission entry has the action and does not take it away again."""
    return any(
        any(_fits(pattern)(action) for pattern in _patterns(entry, "actions"))
        and not any(_fits(pattern)(action) for pattern in _patterns(entry, "notActions"))
        for entry in entries
    )


def _patterns(entry: dict[str, Any], name: str) -> list[str]:
    # Only the star is a wildcard here.
    found = entry.get(name)
    listed = found if isinstance(found, list) else []
    return [pattern for pattern in listed if isinstance(pattern, str) and "?" not in pattern]


_fits = lru_cache(maxsize=4096)(glob)


def _is_at_or_above(scope: Any, subscription_scope: str) -> bool:
    if not isinstance(scope, str) or not scope:
        return False
    key = key_of(scope)
    return key in ("/", key_of(subscription_scope)) or key.startswith(GROUPS)
