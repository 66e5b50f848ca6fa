"""What a given role leaves unreadable: the actions that it lacks, and the checks that rest on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from azscan.catalog.builtin import BUILT_IN, is_tenant_level
from azscan.collect.needs import Checks, needs_of
from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS, grants
from azscan.collect.plan import Plan
from azscan.rights.role import READ_BY_ALL, SUBSCRIPTIONS


class Gaps(msgspec.Struct, frozen=True):
    """What a role lacks for a plan: `actions` with the checks that become unreadable for want of each.

    `nothing` is true where no subscription is visible with the role, so that a scan ends before it begins.
    """

    actions: Mapping[str, Checks]
    nothing: bool = False

    @property
    def checks(self) -> Checks:
        """Every check that becomes unreadable."""
        return frozenset[str]().union(*self.actions.values())

    def by_check(self) -> dict[str, tuple[str, ...]]:
        """The actions that each unreadable check lacks, checks and actions in order."""
        return {
            check: tuple(action for action, checks in self.actions.items() if check in checks)
            for check in sorted(self.checks)
        }


def gaps_of(plan: Plan, entries: Iterable[dict[str, Any]]) -> Gaps:
    """What the permissions of a role (actions, notActions) leave unreadable, assigned where the plan reads.

    A check becomes unreadable on the resources whose verdict rests on what is denied; where another part of its
    condition decides, the verdict stands. Permissions of Microsoft Graph stand in no role, and are not looked at.
    """
    held = list(entries)
    needs = needs_of(plan)
    wanted = {**needs.actions, **needs.tenant_actions}
    found = {
        action: checks
        for action, checks in wanted.items()
        if action not in READ_BY_ALL and checks and not grants(held, action)
    }
    if not grants(held, PERMISSIONS) and not all(grants(held, action) for action in ASSIGNMENTS):
        # Nothing then proves that a list is complete; what it shows is judged all the same.
        found[PERMISSIONS] = found.get(PERMISSIONS, frozenset()) | _resting_on_lists(plan)
    nothing = not grants(held, SUBSCRIPTIONS)
    if nothing:
        found[SUBSCRIPTIONS] = frozenset[str]().union(*plan.checks_of.values())
    return Gaps({action: found[action] for action in sorted(found, key=str.lower) if found[action]}, nothing)


def _resting_on_lists(plan: Plan) -> Checks:
    """The checks that rest on a list of a subscription, which ARM may answer with less in it."""
    found: set[str] = set()
    for name in plan.collections:
        kind = plan.kind(name)
        is_list = kind.host == "arm" and not kind.of and not kind.is_singleton
        if is_list and not is_tenant_level(kind, plan.catalog.collections) and kind is not BUILT_IN["subscription"]:
            found |= plan.checks_of.get(name, set())
    return frozenset(found)
