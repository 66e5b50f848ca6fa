"""Diagnoses of rights: the roles that the identity holds in a subscription, and whether they cover the reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from azscan.azure.answers import Ask
from azscan.azure.records import properties_of, text_of
from azscan.collect.needs import ALWAYS_READ, Needs
from azscan.collect.permissions import API, ASSIGNMENTS, GROUPS, PERMISSIONS, Permissions, grants
from azscan.doctor.finding import Command, Finding, Portal, State
from azscan.doctor.graph import lacking
from azscan.doctor.memo import Memo
from azscan.doctor.subscriptions import assign_reader, name_of
from azscan.report.text import visible
from azscan.words import count, few

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles: those need no question for their name.
BUILT_IN = {
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
    "39bc4728-0917-49c7-9d2c-d95423bc2eb4": "Security Reader",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
}
MOST_NAMES = 1
"""Definitions that are asked for by id; where there are more, all of the subscription's are listed at once."""

_EVERYONE = "00000000-0000-0000-0000-000000000000"
_SHOWN = 5


class Held(msgspec.Struct, frozen=True):
    """A role that the identity holds: its name, whether a group holds it, and where it is assigned."""

    role: str
    by_group: bool
    scope: str
    is_conditional: bool = False

    def words(self, subscription: str) -> str:
        """The role for people: "Reader (by group, inherited from management group root)"."""
        key, own = self.scope.lower().rstrip("/"), f"/subscriptions/{subscription}"
        if key == own:
            place = "on the subscription"
        elif key.startswith(GROUPS):
            place = f"inherited from management group {self.scope.rstrip('/').rpartition('/')[2]}"
        elif not key:
            place = "inherited from the root of the tenant"
        else:
            place = f"only on {self.scope[len(own) :].lstrip('/') or self.scope}"
        how = "by group" if self.by_group else "direct"
        return f"{self.role} ({how}, {place}{', with a condition' if self.is_conditional else ''})"


class Rights(msgspec.Struct, frozen=True):
    """What the identity may read in one subscription; `held` and `denials` are None where they could not be listed.

    `groups` are the resource groups that are shown to an identity without any role on the whole subscription.
    """

    subscription: Mapping[str, Any]
    permissions: Permissions
    held: tuple[Held, ...] | None
    denials: tuple[dict[str, Any], ...] | None
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The subscription's id."""
        return str(self.subscription["subscriptionId"])


async def load(memo: Memo, subscription: Mapping[str, Any], principal: str) -> Rights:
    """Ask for effective permissions, role assignments with their definitions, and deny assignments.

    https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group,
    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest (`assignedTo()` finds the
    assignments of groups too), https://learn.microsoft.com/rest/api/authorization/deny-assignments/list
    """
    key = str(subscription["subscriptionId"])
    permissions = Permissions(memo.read, key, principal)
    provider = f"/subscriptions/{key}/providers/Microsoft.Authorization"
    _, assigned, (denials, fault) = await asyncio.gather(
        permissions.load(),
        held(memo, key, principal),
        memo.all(_ask(f"{provider}/denyAssignments?api-version={API}", key)),
    )
    groups = await _groups(memo, key) if _is_below_only(permissions, assigned) else ()
    return Rights(subscription, permissions, assigned, None if fault else tuple(denials), groups)


def _is_below_only(permissions: Permissions, held: tuple[Held, ...] | None) -> bool:
    """True where Azure said that no role reaches the whole subscription, and does not list those below it."""
    return permissions.was_told and not permissions.has_any and held is None


async def _groups(memo: Memo, subscription: str) -> tuple[str, ...]:
    """The resource groups that the identity sees: with no role above them, those that a role on them shows.

    https://learn.microsoft.com/rest/api/resources/resource-groups/list
    """
    items, _ = await memo.all(
        _ask(f"/subscriptions/{subscription}/resourcegroups?api-version=2021-04-01", subscription)
    )
    return tuple(sorted(visible(text_of(item, "name")) for item in items))


def diagnose(
    rights: Rights, needs: Needs, object_id: str, *, is_app: bool, portal: Portal, blocks: bool
) -> list[Finding]:
    """Whether the reads of the selected checks are granted; a shortage is a warning.

    `blocks` says that no subscription grants anything (`is_worthless`).
    """
    key, name = rights.key, name_of(rights.subscription)
    page = portal.resource(f"/subscriptions/{key}", "users")
    assign = assign_reader(object_id, is_app=is_app, subscription=key)
    roles = "; ".join(each.words(key) for each in rights.held or ()) or _unlisted(rights)
    wanted = _wanted(rights, needs)
    missing = [action for action in wanted if not rights.permissions.covers(action)]
    found = []
    if not missing:
        found.append(Finding("roles", "roles", "ok", f"{name}: {roles}: every read is covered", subscription=key))
    elif not rights.permissions.was_told and rights.held is None:
        means = "neither its permissions nor its role assignments could be asked, and empty lists prove nothing"
        what = f"{name}: it cannot be told what this identity may read"
        found.append(Finding("roles", "roles", "warning", what, f"{means}; {_PROOF}", page, (assign,), key))
    elif covers_nothing(rights, needs):
        what = nothing_granted(rights, needs)
        state: State = "blocking" if blocks else "warning"
        found.append(Finding("roles", "roles", state, what, READER_IS_ENOUGH, page, (assign,), key))
    else:
        what = f"{name}: {roles}: {count(len(wanted) - len(missing), 'read')} of {len(wanted)} covered"
        means = f"{_loss(missing, needs)}; whatever grants them is enough, and Reader does"
        found.append(Finding("roles", "roles", "warning", what, means, page, (assign,), key))
    return [*found, *_denials(rights, wanted, needs, object_id, page)]


def diagnose_above(rights: Sequence[Rights], needs: Needs, assign: Command, portal: Portal) -> list[Finding]:
    """A warning where checks read above all subscriptions and no role is known to reach there.

    `assign` gives Reader on the root management group.
    """
    missing = [each for each in needs.tenant_actions if not any(_reaches_above(every, each) for every in rights)]
    if not missing:
        return []
    checks = {check for action in missing for check in needs.tenant_actions[action]}
    what = f"no role above the subscriptions is known that grants {', '.join(missing)}"
    means = f"{count(len(checks), 'check')} of the tenant may be unreadable: {', '.join(sorted(checks)[:_SHOWN])}"
    page = portal.view("Microsoft_Azure_ManagementGroups/ManagementGroupBrowseBlade/~/MGBrowse_overview")
    return [Finding("roles", "above", "warning", what, means, page, (assign,))]


def _wanted(rights: Rights, needs: Needs) -> dict[str, frozenset[str]]:
    """The actions to cover: assignments and definitions are read only where Azure does not tell the permissions."""
    own = "Microsoft.Authorization/" if rights.permissions.was_told else "\n"
    always = (action for action in ALWAYS_READ if not action.startswith(own))
    return {**dict.fromkeys(always, frozenset[str]()), **needs.actions}


_PROOF = f"for want of {PERMISSIONS} (or of both {' and '.join(ASSIGNMENTS)}); Reader grants them all"
READER_IS_ENOUGH = "assign a role that grants the reads; Reader on the subscription does"


def _unlisted(rights: Rights) -> str:
    """What is known of roles that could not be listed."""
    if not _is_below_only(rights.permissions, rights.held):
        return "no role that could be listed"
    where = (
        f", only below it: {few([f'resource group {each}' for each in rights.groups], _SHOWN)}" if rights.groups else ""
    )
    return f"no role on the whole subscription{where}"


def nothing_granted(rights: Rights, needs: Needs) -> str:
    """Why a scan of the subscription would be worthless: the words that doctor and scan share."""
    words = [each.words(rights.key) for each in rights.held or ()]
    which = f"{', '.join(words)} does not grant" if words else "no role grants"
    return (
        f"{name_of(rights.subscription)}: {which} one read of the selected checks ({few(list(needs.actions), _SHOWN)})"
    )


def covers_nothing(rights: Rights, needs: Needs) -> bool:
    """True where not one read of the checks is granted in the subscription, nor any role below it."""
    below = f"/subscriptions/{rights.key}/"
    if rights.held is None or any(each.scope.lower().startswith(below) for each in rights.held):
        return False
    return bool(needs.actions) and not any(map(rights.permissions.covers, needs.actions))


def is_worthless(rights: Sequence[Rights], needs: Needs, graph_held: frozenset[str]) -> bool:
    """True where a scan could decide nothing: no subscription grants a read, and no check makes do with Graph."""
    missing = lacking(needs, graph_held)
    by_graph = {check for any_of, checks in needs.graph.items() if any_of not in missing for check in checks}
    by_graph -= {check for checks in needs.actions.values() for check in checks}
    return bool(rights) and not by_graph and all(covers_nothing(each, needs) for each in rights)


def _loss(actions: Sequence[str], needs: Needs) -> str:
    checks = {check for action in actions for check in needs.actions.get(action, ())}
    names = [action for action in actions if action in needs.actions] or list(actions)
    lost = f"{count(len(checks), 'check')} may be unreadable" if checks else "empty lists prove nothing"
    return f"{lost}, for want of {few(names, _SHOWN)}"


async def held(memo: Memo, subscription: str, principal: str) -> tuple[Held, ...] | None:
    """The roles of the identity at, above and below a subscription; None where they cannot be listed."""
    if not principal:
        return None
    scope = f"/subscriptions/{subscription}"
    # The same target as Permissions falls back to, so that it is asked once.
    target = (
        f"{scope}/providers/Microsoft.Authorization/roleAssignments?api-version={API}&$filter=assignedTo('{principal}')"
    )
    items, fault = await memo.all(_ask(target, subscription))
    if fault:
        return None
    found = [properties_of(item) for item in items]
    names = await _names(memo, subscription, {text_of(each, "roleDefinitionId") for each in found})
    return tuple(
        Held(
            names.get(_last(text_of(each, "roleDefinitionId")), "a role"),
            text_of(each, "principalId").lower() not in ("", principal.lower()),
            text_of(each, "scope"),
            bool(each.get("condition")),
        )
        for each in found
    )


async def _names(memo: Memo, subscription: str, definitions: Iterable[str]) -> dict[str, str]:
    """The names of role definitions, by the last part of their ids."""
    found = dict(BUILT_IN)
    unknown = sorted(each for each in definitions if each and _last(each) not in found)
    if len(unknown) > MOST_NAMES:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions?api-version={API}"
        items, _ = await memo.all(_ask(path, subscription))
    else:
        asks = [_ask(f"{each}?api-version={API}", subscription, shape="object") for each in unknown]
        answers = await asyncio.gather(*map(memo.read, asks))
        items = [answer.body for answer in answers if answer.fault is None and isinstance(answer.body, dict)]
    for item in items:
        if name := text_of(properties_of(item), "roleName"):
            found[_last(text_of(item, "id"))] = visible(name)
    return found


def _denials(rights: Rights, wanted: Mapping[str, Any], needs: Needs, object_id: str, page: str) -> list[Finding]:
    """A warning for each deny assignment that takes a granted read away.

    https://learn.microsoft.com/azure/role-based-access-control/deny-assignments: nobody can make or remove one but
    Azure and who made the deployment stack or managed application, so no command is printed.
    """
    found = []
    for each in rights.denials or ():
        denied = properties_of(each)
        taken = [
            action for action in wanted if rights.permissions.covers(action) and _denies(denied, action, object_id)
        ]
        if not taken:
            continue
        place = visible(text_of(denied, "scope")) or "its scope"
        name = visible(text_of(denied, "denyAssignmentName") or text_of(each, "name"))
        what = f"{name_of(rights.subscription)}: the deny assignment {name!r} at {place} takes reads away"
        means = f"{_loss(taken, needs)}; ask whoever made it to leave this identity out (excluded principals)"
        found.append(Finding("roles", "deny-assignment", "warning", what, means, page, (), rights.key))
    return found


def _denies(denied: Mapping[str, Any], action: str, object_id: str) -> bool:
    """Whether a deny assignment takes an action from the identity; a group's is taken to hold for it too."""
    own = object_id.lower()
    named = [each for each in denied.get("principals") or () if isinstance(each, dict)]
    excluded = {str(each.get("id")).lower() for each in denied.get("excludePrincipals") or () if isinstance(each, dict)}
    ids = {str(each.get("id")).lower() for each in named}
    is_group = any(str(each.get("type")).lower() == "group" for each in named)
    if own in excluded or not (own in ids or _EVERYONE in ids or is_group):
        return False
    entries = [entry for entry in denied.get("permissions") or () if isinstance(entry, dict)]
    return grants(entries, action)


def _reaches_above(rights: Rights, action: str) -> bool:
    """True where a role above the subscription may grant an action that is asked above it."""
    above = [each for each in rights.held or () if not each.scope.lower().startswith("/subscriptions/")]
    return bool(above) and rights.permissions.covers(action)


def _ask(target: str, subscription: str, *, shape: Literal["list", "object"] = "list") -> Ask:
    return Ask(target=target, shape=shape, subscription=subscription, provider="microsoft.authorization")


def _last(identifier: str) -> str:
    return identifier.rpartition("/")[2].lower()
