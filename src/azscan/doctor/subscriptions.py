"""Diagnoses of the scope: which subscriptions are seen, in which state, and what stands above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azscan.azure.answers import Ask
from azscan.azure.scope import SUBSCRIPTIONS, Scope
from azscan.doctor.finding import Command, Finding, Portal, filled
from azscan.doctor.memo import Memo
from azscan.errors import AzscanError
from azscan.report.text import visible
from azscan.words import is_guid

# `az account subscription enable` is of the extension "account":
# https://learn.microsoft.com/cli/azure/account/subscription
_ENABLE = "az account subscription enable --subscription-id {subscription_id}"
_ASSIGN = (
    "az role assignment create --assignee-object-id {object_id} --assignee-principal-type {type} --role Reader"
    " --scope {scope}"
)
_TENANTS = "az account list --all --query [].{{name:name,id:id,tenant:tenantId}} --output table"
_ENABLED = ("enabled", "warned", "pastdue")


def assign_reader(object_id: str, *, is_app: bool, subscription: str = "", group: str = "") -> Command:
    """The command that gives the identity Reader on a subscription, or on a management group.

    https://learn.microsoft.com/cli/azure/role/assignment#az-role-assignment-create
    """
    scope = f"/subscriptions/{subscription or 'SUBSCRIPTION_ID'}"
    if group:
        scope = f"/providers/Microsoft.Management/managementGroups/{group}"
    kind = "ServicePrincipal" if is_app else "User"
    return filled(_ASSIGN, {"object_id": object_id, "type": kind, "scope": scope})


def none_left(
    error: AzscanError,
    seen: Sequence[Mapping[str, Any]],
    wanted: Sequence[str],
    object_id: str,
    *,
    is_app: bool,
    portal: Portal,
) -> Finding:
    """Why no subscription can be scanned, in the words in which a scan refuses."""
    told = error.message.lower()
    asleep = [
        each
        for each in seen
        if str(each.get("state", "")).lower() not in _ENABLED and str(each.get("subscriptionId", "-")).lower() in told
    ]
    if asleep:
        found = str(asleep[0].get("subscriptionId") or "")
        commands = tuple(
            filled(_ENABLE, {"subscription_id": str(each.get("subscriptionId") or "")}) for each in asleep[:3]
        )
        page = portal.resource(f"/subscriptions/{found}", "overview") if is_guid(found) else portal.subscriptions()
        return Finding("subscriptions", "subscriptions", "blocking", error.message, error.hint, page, commands, found)
    one = next(iter(missing(wanted, seen)), "")
    page = portal.resource(f"/subscriptions/{one}", "users") if one else portal.subscriptions()
    commands = (assign_reader(object_id, is_app=is_app, subscription=one), filled(_TENANTS, {}))
    return Finding("subscriptions", "subscriptions", "blocking", error.message, error.hint, page, commands, one)


def missing(wanted: Sequence[str], seen: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids among `wanted` of which the identity sees no subscription, in lower case."""
    known = {str(each.get("subscriptionId") or "").lower() for each in seen}
    named = (each.strip().lower().removeprefix("/subscriptions/") for each in wanted)
    return [each for each in named if is_guid(each) and each not in known]


async def listed(memo: Memo) -> list[dict[str, Any]]:
    """The subscriptions as ARM lists them, from the answer that choosing among them rests on."""
    found, _ = await memo.all(Ask(SUBSCRIPTIONS))
    return found


def seen(scope: Scope, groups: Mapping[str, Sequence[str]] | None, tenant: str, portal: Portal) -> list[Finding]:
    """A line for each subscription; `groups` are the management groups above each one, nearest first, where known."""
    found = []
    for each in scope.subscriptions:
        key, state = str(each["subscriptionId"]), str(each.get("state") or "unknown")
        words = [f"{name_of(each)}: {state.lower()}", f"tenant {each.get('tenantId') or tenant or 'unknown'}"]
        above = groups.get(key) if groups is not None else None
        words += [f"below management group {' in '.join(above)}"] if above else []
        is_awake = state.lower() in _ENABLED
        found.append(
            Finding(
                "subscriptions",
                "subscription",
                "ok" if is_awake else "warning",
                ", ".join(words),
                "" if is_awake else "its services are stopped: what is read of it is how it was left",
                "" if is_awake else portal.resource(f"/subscriptions/{key}", "overview"),
                () if is_awake else (filled(_ENABLE, {"subscription_id": key}),),
                key,
            )
        )
    for left in scope.left_out:
        # What the user excluded, and what is deleted, needs no mending.
        can_mend = left.state.lower() in ("disabled", "expired") and "exclude" not in left.reason
        found.append(
            Finding(
                "subscriptions",
                "left-out",
                "warning" if can_mend else "ok",
                str(left),
                "its verdicts will be missing" if can_mend else "",
                portal.resource(f"/subscriptions/{left.id}", "overview") if can_mend else "",
                (filled(_ENABLE, {"subscription_id": left.id}),) if can_mend else (),
                left.id,
            )
        )
    return found


def name_of(subscription: Mapping[str, Any]) -> str:
    """A subscription's name with its id, for people."""
    name, key = visible(str(subscription.get("displayName") or "")), str(subscription["subscriptionId"])
    return f"{name} ({key})" if name else key
