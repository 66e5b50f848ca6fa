"""What a plan needs: which actions of Azure RBAC and which permissions of Microsoft Graph, and for which checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from azscan.catalog.builtin import RESOURCES, SUBSCRIPTION, TENANT, is_tenant_level
from azscan.catalog.model import Collection
from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS
from azscan.collect.plan import Plan
from azscan.collect.targets import action_of

# What every scan reads, to know what there is and what the identity may see of it.
ALWAYS_READ: Final = (
    PERMISSIONS,
    *ASSIGNMENTS,
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resources/read",
)

# What a query of Resource Graph takes.
QUERY: Final = "Microsoft.ResourceGraph/resources/read"

Checks = frozenset[str]


class Needs(msgspec.Struct, frozen=True):
    """The rights that the checks of a plan rest on, each with the ids of those checks.

    `actions` are needed in every subscription, besides ALWAYS_READ, which no check rests on alone. `tenant_actions`
    are needed above all subscriptions, where no role of a subscription reaches. `graph` is keyed by permissions of
    which any one is enough.
    """

    actions: Mapping[str, Checks]
    tenant_actions: Mapping[str, Checks]
    graph: Mapping[tuple[str, ...], Checks]


def needs_of(plan: Plan) -> Needs:
    """What the plan's reads need, in the order of their names."""
    actions: dict[str, Checks] = {}
    tenant_actions: dict[str, Checks] = {}
    graph: dict[tuple[str, ...], Checks] = {}
    for name in plan.collections:
        kind = plan.kind(name)
        checks = frozenset(plan.checks_of.get(name, ()))
        if kind.host == "graph":
            if kind.permission:
                graph[kind.permission] = graph.get(kind.permission, frozenset()) | checks
            continue
        if not checks or kind in (SUBSCRIPTION, TENANT):
            continue
        held = tenant_actions if is_tenant_level(kind, plan.catalog.collections) else actions
        for action in actions_of(kind):
            held[action] = held.get(action, frozenset()) | checks
    for sought in plan.sought:
        # The list of all resources is doubted as a whole.
        action, checks = f"{sought}/read", frozenset(plan.checks_of[RESOURCES.name])
        actions[action] = actions.get(action, frozenset()) | checks
    return Needs(_sorted(actions), _sorted(tenant_actions), dict(sorted(graph.items())))


def actions_of(kind: Collection) -> Iterable[str]:
    """The actions that one collection of ARM needs; what is listed must also be shown in the list of resources.

    A query of Resource Graph is an action of its own, besides the read of what it finds:
    https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance#microsoftresourcegraph
    """
    shown = f"{kind.type}/read" if kind.presence == "listed" and kind is not RESOURCES else ""
    asked = QUERY if kind.kql else ""
    return dict.fromkeys(filter(None, (action_of(kind), shown, asked)))


def _sorted(actions: Mapping[str, Checks]) -> dict[str, Checks]:
    return {action: actions[action] for action in sorted(actions, key=str.lower)}
