"""What `azscan role` says in words: what a role lacks, which built-in ones do, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azscan.collect.needs import Checks, needs_of
from azscan.collect.permissions import PERMISSIONS
from azscan.rights.builtin import DIRECTORY_ROLE, least_for, nearly_for
from azscan.rights.gaps import Gaps, gaps_of
from azscan.rights.role import (
    GROUPS,
    PLACEHOLDER,
    READ_BY_ALL,
    Role,
    above_subscriptions,
    actions_for,
    graph_permissions,
    is_at_group,
    seeing_any_type,
)
from azscan.words import count, few

if TYPE_CHECKING:
    from azscan.collect.plan import Plan
    from azscan.report.page import Page

_SHOWN = 3


def role_notes(plan: Plan, role: Role) -> list[str]:
    """What a role does not give, and what Azure asks of one, each in a sentence."""
    notes = []
    if PLACEHOLDER in role.scopes:
        notes.append(
            "no subscription is named, so AssignableScopes holds a placeholder that Azure refuses: name them with "
            "--subscription ID, or a group above them with --management-group ID"
        )
    above = above_subscriptions(needs_of(plan))
    if role.of_a_group:
        notes += [f"{action} holds only where the role is assigned at the tenant's root group" for action in above]
    else:
        notes += [
            f"{_rest(checks)} on {action}, which no role of a subscription gives: a role of the tenant's root group "
            "does (--management-group TENANT-ID)"
            for action, checks in above.items()
        ]
    if checks := seeing_any_type(plan):
        notes.append(
            f"resources of types that the role does not read are not seen by {', '.join(checks)}: Reader sees all"
        )
    lacking = gaps_of(plan, [{"actions": [*role.actions, *above]}])
    if lacking.checks:
        notes.append(f"without what is left out {count(len(lacking.checks), 'check')} will be unreadable")
    notes.append(
        "the name must be new in the tenant; should Azure know an action no longer (InvalidActionOrNotAction), leave "
        "it out: --without ACTION"
    )
    return notes


def graph_notes(plan: Plan) -> list[str]:
    """Which permissions of Microsoft Graph the checks need beside the role."""
    found = graph_permissions(needs_of(plan))
    if not found:
        return []
    checks = frozenset[str]().union(*found.values())
    return [
        f"{_rest(checks)} on Microsoft Graph, which needs application permissions of its own: {', '.join(found)}",
    ]


def _rest(checks: Checks) -> str:
    return f"{count(len(checks), 'check')} {'rests' if len(checks) == 1 else 'rest'}"


def gaps_document(plan: Plan, names: Sequence[str], gaps: Gaps) -> dict[str, Any]:
    """What a role leaves unreadable, as JSON has it."""
    return {
        "schema": "azscan.role-gaps/1",
        "roles": list(names),
        "checks": len(_all(plan)),
        "nothing_scanned": gaps.nothing,
        "missing": {action: sorted(checks) for action, checks in gaps.actions.items()},
        "unreadable": {check: list(actions) for check, actions in gaps.by_check().items()},
    }


def print_gaps(page: Page, plan: Plan, name: str, gaps: Gaps) -> None:
    """Print the actions that a role lacks, each with the number of checks that want it and the first of them."""
    every = _all(plan)
    page.line("", (f"{name}: of {count(len(every), 'check')} {len(gaps.checks):,} would be unreadable", "bold"))
    if gaps.nothing:
        page.line("  ! ", "no subscription is visible with this role: a scan would end before it begins", rest="    ")
    if PERMISSIONS in gaps.actions:
        what = "it cannot be proven that a list is complete; what a list does show is judged all the same"
        page.line("  ! ", f"without {PERMISSIONS} {what}", rest="    ")
    for action, checks in gaps.actions.items():
        named = few(sorted(checks), _SHOWN)
        # One line, however long: what is searched for an action is not broken.
        page.whole("  missing: ", f"{action} ({count(len(checks), 'check')}: {named})")
    if gaps.checks:
        page.blank()
        page.line("", f"grant {_these(len(gaps.actions))}, or switch the checks off with a justification:", rest="  ")
        page.line("  ", "azscan role prints the whole role; `off` in azscan.yaml switches off", rest="    ")
        page.line("  ", "every check by name: --format json", rest="    ")
    for line in graph_notes(plan):
        page.line("note: ", f"{line}; a role file says nothing of them", rest="  ")
    for action in above_subscriptions(needs_of(plan)):
        if action not in gaps.actions:
            page.line("note: ", f"{action} holds only where the role is assigned at the root group", rest="  ")


def _these(number: int) -> str:
    return "this action" if number == 1 else f"these {number:,} actions"


def _all(plan: Plan) -> Checks:
    return frozenset[str]().union(*plan.checks_of.values())


def builtin_document(plan: Plan, scopes: Sequence[str]) -> dict[str, Any]:
    """The least built-in roles for a plan, where to assign them, and what narrower ones lack."""
    needs = needs_of(plan)
    at_group = is_at_group(scopes)
    actions = actions_for(plan, at_group=at_group)
    least = least_for(actions)
    roles = [
        {"role": least.name, "id": least.id, "at": list(scopes), "for": f"{len(actions)} actions", "page": least.page}
    ]
    above = [action for action in needs.tenant_actions if action not in READ_BY_ALL]
    if above and not at_group:
        high = least_for(above)
        root = f"{GROUPS}{{tenantId}}"
        roles.append({"role": high.name, "id": high.id, "at": [root], "for": ", ".join(above), "page": high.page})
    permissions = list(graph_permissions(needs))
    return {
        "schema": "azscan.builtin-roles/1",
        "roles": roles,
        "narrower": nearly_for(actions),
        "graph_permissions": permissions,
        "directory_role": DIRECTORY_ROLE if permissions else "",
    }


def print_builtin(page: Page, document: Mapping[str, Any]) -> None:
    """Print the built-in roles of a document of `builtin_document`."""
    for role in document["roles"]:
        page.line("", (role["role"], "bold"), f" ({role['id']}), for {role['for']}", rest="  ")
        for scope in role["at"]:
            page.whole("  at ", scope)
        page.whole("  see ", role["page"], "dim")
    for name, lacking in document["narrower"].items():
        page.line("", f"{name} is narrower, and lacks {', '.join(lacking)}", rest="  ")
    if document["graph_permissions"]:
        page.blank()
        page.line("", ("Microsoft Graph", "bold"), ": for an application, these permissions", rest="  ")
        for permission in document["graph_permissions"]:
            page.line("  ", permission)
        page.line(
            "", f"  for someone who signs in as a user, the directory role {document['directory_role']}", rest="  "
        )
