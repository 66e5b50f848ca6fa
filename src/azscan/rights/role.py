"""The smallest custom role with which a plan's reads succeed, and what is needed beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from azscan import __version__
from azscan.collect.needs import Checks, Needs, needs_of
from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS
from azscan.collect.plan import Plan
from azscan.errors import UsageError
from azscan.words import count, did_you_mean, is_guid

# https://learn.microsoft.com/azure/role-based-access-control/custom-roles#custom-role-properties
LONGEST_NAME: Final = 512
MOST_SCOPES: Final = 2000

# What a scan of a management group reads to know the subscriptions below it.
DESCENDANTS: Final = "Microsoft.Management/managementGroups/descendants/read"
SUBSCRIPTIONS: Final = "Microsoft.Resources/subscriptions/read"
# Every user of a tenant may read its subscription policy, and no custom role can lie so high:
# https://learn.microsoft.com/azure/cost-management-billing/manage/manage-azure-subscription-policy
READ_BY_ALL: Final = frozenset({"Microsoft.Subscription/policies/read"})

# A text of this form no Azure takes for a scope: Microsoft's pages write it so.
PLACEHOLDER: Final = "/subscriptions/{subscriptionId}"

GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftmanagement
_GROUP: Final = re.compile(r"[\w.()-]{1,90}", re.ASCII)


class Role(msgspec.Struct, frozen=True):
    """A custom role: its actions in the order of their names, and the scopes at which it may be assigned."""

    name: str
    description: str
    actions: tuple[str, ...]
    scopes: tuple[str, ...]

    @property
    def of_a_group(self) -> bool:
        """Whether the role may be assigned at a management group."""
        return is_at_group(self.scopes)

    def document(self) -> dict[str, Any]:
        """The role as `az role definition create` and New-AzRoleDefinition take it.

        https://learn.microsoft.com/azure/role-based-access-control/custom-roles#input-and-output-formats
        """
        return {
            "Name": self.name,
            "IsCustom": True,
            "Description": self.description,
            "Actions": list(self.actions),
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": list(self.scopes),
        }


def is_at_group(scopes: Iterable[str]) -> bool:
    """True where one of the scopes is a management group."""
    return any(scope.startswith(GROUPS) for scope in scopes)


def role_for(plan: Plan, *, name: str, scopes: Sequence[str], checks: int, without: Iterable[str] = ()) -> Role:
    """The smallest role for a plan: one exact action per read, none of which could write.

    `without` are actions to leave out; UsageError where the role has no such action, or a name or a number of scopes
    that Azure would refuse.
    """
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"a role cannot be called {name[:40]!r}",
            hint=f"give a name of 1 to {LONGEST_NAME} printable characters with --name",
        )
    role = Role(
        name=name,
        description=f"Reads what {count(checks, 'check')} of azscan {__version__} look at. Every action is a read.",
        actions=actions_for(plan, at_group=is_at_group(scopes)),
        scopes=tuple(scopes),
    )
    left_out = {_known(action, role.actions) for action in without}
    if left_out >= set(role.actions):
        raise UsageError("the role would hold no action", hint="leave out less with --without")
    return msgspec.structs.replace(role, actions=tuple(each for each in role.actions if each not in left_out))


def actions_for(plan: Plan, *, at_group: bool) -> tuple[str, ...]:
    """The actions of the smallest role; `at_group` where it is assigned at a management group."""
    needs = needs_of(plan)
    found = {SUBSCRIPTIONS, *needs.actions}
    if any(plan.kind(name).host == "arm" for name in plan.collections):
        found |= {PERMISSIONS, *ASSIGNMENTS, "Microsoft.Resources/subscriptions/resourceGroups/read"}
    if plan.needs_resource_list():
        found.add("Microsoft.Resources/subscriptions/resources/read")
    if at_group:
        found |= {DESCENDANTS, *(action for action in needs.tenant_actions if action not in READ_BY_ALL)}
    return tuple(sorted(found, key=str.lower))


def scopes_for(subscriptions: Iterable[str], groups: Sequence[str]) -> tuple[str, ...]:
    """AssignableScopes: the subscriptions, by id, and the management group; UsageError for what Azure would refuse.

    https://learn.microsoft.com/azure/role-based-access-control/custom-roles#custom-role-limits
    """
    if len(groups) > 1:
        raise UsageError(
            "a custom role can name only one management group",
            hint="name the group above both, or print a role for each under a --name of its own",
        )
    found = [f"{GROUPS}{_group(each)}" for each in groups]
    found += [f"/subscriptions/{_subscription(each)}" for each in subscriptions]
    if len(found) > MOST_SCOPES:
        raise UsageError(
            f"a custom role can name {MOST_SCOPES:,} scopes, not {len(found):,}",
            hint="name the management group above them with --management-group",
        )
    return tuple(dict.fromkeys(found))


def above_subscriptions(needs: Needs) -> Mapping[str, Checks]:
    """The actions that only a role at the tenant's root management group gives, with their checks."""
    return {action: checks for action, checks in needs.tenant_actions.items() if action not in READ_BY_ALL}


def graph_permissions(needs: Needs) -> dict[str, Checks]:
    """The fewest and narrowest permissions of Microsoft Graph, each with the checks that rest on it."""
    # What has no alternative is needed anyway, and may spare another one.
    chosen = {names[0] for names in needs.graph if len(names) == 1}
    found: dict[str, Checks] = dict.fromkeys(sorted(chosen), frozenset())
    for names, checks in needs.graph.items():
        name = next((each for each in names if each in found), names[0])
        found[name] = found.get(name, frozenset()) | checks
    return dict(sorted(found.items()))


def seeing_any_type(plan: Plan) -> list[str]:
    """The checks that look at resources of whatever type: a list shows only those that the identity may read."""
    resting = plan.checks_of.get("resource", ())
    return sorted(each for each in resting if not Plan(plan.catalog, [plan.catalog.checks[each]], {}).sought)


def _known(action: str, actions: Sequence[str]) -> str:
    for each in actions:
        if each.lower() == action.strip().lower():
            return each
    raise UsageError(
        f"the role does not hold {action!r}",
        hint=did_you_mean(action, actions) or "leave out one of its actions: azscan role prints them",
    )


def _subscription(text: str) -> str:
    identifier = text.strip().removeprefix("/subscriptions/").rstrip("/")
    if not is_guid(identifier):
        raise UsageError(
            f"{text!r} is not the id of a subscription",
            hint="nothing of Azure is read here, so give ids with --subscription: az account list --output table",
        )
    return identifier.lower()


def _group(text: str) -> str:
    name = text.strip().rstrip("/").rpartition("/")[2]
    if not _GROUP.fullmatch(name):
        raise UsageError(
            f"{text!r} is not the id of a management group",
            hint="give its id, not its display name: az account management-group list --output table",
        )
    return name
