"""What the emulator answers: a status, headers and encoded JSON, in Azure's shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = "application/json; charset=utf-8"
encode = msgspec.json.encode


@dataclass(slots=True)
class Reply:
    """One answer. `is_list` marks a page of a list, which some faults act on."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_list: bool = False


def answer(body: Any, status: int = 200) -> Reply:
    """An answer with a JSON body."""
    return Reply(status, encode(body))


def page(items: Sequence[bytes], next_member: bytes = b"", first: bytes = b"", is_list: bool = True) -> Reply:
    """A page of a list from items that are already encoded; the members given are spliced in as they are."""
    return Reply(200, b"".join((b"{", first, b'"value":[', b",".join(items), b"]", next_member, b"}")), {}, is_list)


def error(status: int, code: str, message: str, **more: Any) -> Reply:
    """ARM's error: `{"error": {"code", "message", …}}`, with the header that says the gateway sent it."""
    body = {"error": {"code": code, "message": message, **more}}
    return Reply(status, encode(body), {"x-ms-failure-cause": "gateway"})


def graph_error(status: int, code: str, message: str, request: str = "", date: str = "") -> Reply:
    """Microsoft Graph's error, with its `innerError`."""
    inner = {"date": date, "request-id": request, "client-request-id": request}
    return Reply(status, encode({"error": {"code": code, "message": message, "innerError": inner}}))


def forbidden(who: Mapping[str, str], action: str, scope: str) -> Reply:
    """ARM's 403 in its standard words, which name the client, the action and the scope."""
    return error(
        403,
        "AuthorizationFailed",
        f"The client '{who['client']}' with object id '{who['oid']}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
    )


def resource_not_found(path: str, group: str) -> Reply:
    """ARM's 404 for a resource that is not there."""
    name = path.strip("/").split("/providers/")[-1] if "/providers/" in path else path
    place = f" under resource group '{group}'" if group else ""
    more = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    return error(404, "ResourceNotFound", f"The Resource '{name}'{place} was not found. {more}")


def parent_not_found(kind: str, parent: str) -> Reply:
    """ARM's 404 for a child of a resource that is not there."""
    return error(
        404,
        "ParentResourceNotFound",
        f"Failed to perform 'read' on resource(s) of type '{kind}', because the parent resource '{parent}' "
        "could not be found.",
    )


def group_not_found(group: str) -> Reply:
    """ARM's 404 for a resource group that is not there."""
    return error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def subscription_not_found(subscription: str) -> Reply:
    """ARM's 404 for a subscription that is not there."""
    return error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def not_registered(namespace: str, state: str) -> Reply:
    """ARM's 409 for a provider that the subscription has not registered, as it reads for either state."""
    see = "See https://aka.ms/rps-not-found for how to register subscriptions."
    if state.lower() == "unregistered":
        words = (
            "The subscription registration is in 'Unregistered' state. The subscription must be registered to use "
            f"namespace '{namespace}'. {see}"
        )
    else:
        words = f"The subscription is not registered to use namespace '{namespace}'. {see}"
    code = "MissingSubscriptionRegistration"
    return error(409, code, words, details=[{"code": code, "target": namespace, "message": words}])
