"""Which roles the identity held, as far as the scan's own reads tell: what was not read is said to be so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from azscan.azure.records import properties_of
from azscan.estate.ids import key_of
from azscan.estate.store import NOTHING_THERE, Estate

NOT_READ = "not read"
ASSIGNED, DEFINED = "role_assignment", "role_definition"


class Role(msgspec.Struct, frozen=True):
    """One line about the identity's rights in a subscription (its id, lower case).

    `what` is a role's name, its actions, or NOT_READ; `scope` where it was assigned; `how` which read says so.
    """

    subscription: str
    what: str
    scope: str
    how: str


def roles_held(estate: Estate) -> Iterator[Role]:
    """The roles assigned to the identity, and its effective permissions, by subscription.

    An assignment to a group that the identity is in is not among those listed under its own id; the effective
    permissions hold it all the same (https://learn.microsoft.com/rest/api/authorization/permissions).
    """
    principal = str(estate.about("object_id", "") or "").lower()
    kept = estate.about("permissions", {})
    answers = (
        {target: each for target, each in kept.items() if isinstance(each, dict)} if isinstance(kept, dict) else {}
    )
    for subscription in sorted(each["id"] for each in estate.about("subscriptions", [])):
        yield from _assigned(estate, subscription, principal, answers)
        yield from _permitted(subscription, answers)


def _assigned(estate: Estate, subscription: str, principal: str, answers: dict[str, Any]) -> Iterator[Role]:
    scope = f"/subscriptions/{subscription}"
    asked = _answers(answers, f"{scope}/providers/Microsoft.Authorization/roleAssignments")
    names = {key_of(definition): name for definition, name in _definitions(estate, subscription, answers)}
    found = [(assignment, "assigned to it or to its groups") for answer in asked for assignment in _items(answer)]
    if principal and _is_read(estate, ASSIGNED, scope):
        for row in estate.rows(ASSIGNED, subscription=subscription):
            assignment = msgspec.json.decode(row.body)
            if str(properties_of(assignment).get("principalId", "")).lower() == principal:
                found.append((assignment, "assigned to it"))
    elif not asked:
        why = "the identity's object id is not known" if not principal else "no check of this pack reads them"
        yield Role(subscription, NOT_READ, "", f"role assignments: {why}")
        return
    for assignment, how in found:
        properties = properties_of(assignment)
        definition = str(properties.get("roleDefinitionId", ""))
        name = names.get(key_of(definition)) or f"{definition} (its name was not read)"
        yield Role(subscription, name, str(properties.get("scope", "")), how)
    if not found:
        yield Role(subscription, "none", "", "no role is assigned to it directly")


def _permitted(subscription: str, answers: dict[str, Any]) -> Iterator[Role]:
    scope = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/permissions"
    asked = _answers(answers, scope)
    entries = [entry for answer in asked for entry in _items(answer)]
    how = "effective permissions"
    for entry in entries:
        actions, without = _words(entry.get("actions")), _words(entry.get("notActions"))
        what = f"{actions or 'no action'}{f' without {without}' if without else ''}"
        yield Role(subscription, what, f"/subscriptions/{subscription}", how)
    if not entries:
        faults = ", ".join(sorted({str(answer.get("fault")) for answer in asked if answer.get("fault")}))
        yield Role(subscription, NOT_READ, "", f"{how}: {faults}" if faults else how)


def _definitions(estate: Estate, subscription: str, answers: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for target, answer in answers.items():
        body = answer.get("body")
        if "/roledefinitions/" in target.lower() and isinstance(body, dict):
            yield target.partition("?")[0], str(properties_of(body).get("roleName", ""))
    for row in estate.rows(DEFINED, subscription=subscription):
        yield row.id_as_sent, str(properties_of(msgspec.json.decode(row.body)).get("roleName", ""))


def _items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    items = answer.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _answers(answers: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """The kept answers of a path, whatever was asked behind its question mark."""
    return [answer for target, answer in sorted(answers.items()) if target.partition("?")[0].lower() == path.lower()]


def _is_read(estate: Estate, collection: str, scope: str) -> bool:
    page = estate.last_page(collection, "read", scope)
    return page is not None and page.kind in NOTHING_THERE and not page.next


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else ""
