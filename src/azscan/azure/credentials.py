"""Signing in: one identity for the whole scan, with tokens for Azure Resource Manager and Microsoft Graph."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azscan.azure.chain import first_that_works
from azscan.azure.signin_errors import Explanation, NoTokenError
from azscan.azure.tokens import KeptCredential, claims_of
from azscan.azure.ways import GIVEN, Place
from azscan.errors import SignInError, UsageError
from azscan.words import Aloud, is_guid

if TYPE_CHECKING:
    from azscan.azure.clouds import Cloud
    from azscan.azure.network import Network

CLI_APP = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The app of az login, which is also azure-identity's default for browser and device code."""

_POLICY_PERMISSIONS = {"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"}


@dataclass(frozen=True)
class SignedIn:
    """Who scans, and the credential that the session uses.

    `who` is a name for people (never a token), `tenant`, `object_id` and `app_id` are what the ARM token says ("" if
    it is not readable). `graph_permissions` are the Graph token's roles (of an app) or scopes (of a user); empty
    also where there is no Graph token, and then `no_graph` says why. `notes` are to be said to the user once.
    """

    credential: KeptCredential
    kind: str
    who: str
    tenant: str
    object_id: str
    app_id: str
    graph_permissions: frozenset[str]
    is_cli_app: bool
    is_app: bool
    notes: tuple[str, ...] = ()
    no_graph: Explanation | None = None


async def sign_in(
    choice: str,
    cloud: Cloud,
    *,
    tenant: str = "",
    client_id: str = "",
    network: Network,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> SignedIn:
    """Return the identity that `choice` (a name of --auth) gives, after fetching its tokens for ARM and Graph.

    `say` is told what the user should know or do while it happens: the hosts of a custom cloud before the first token
    is asked, warnings, the device code, which way was used.
    Raises SignInError when there is no ARM token, or one for another tenant than the one asked for, UsageError for an
    unknown choice. Without a Graph token there is a note, and Graph reads will be `unauthenticated`.
    """
    _keep_to_ourselves()
    place = Place(cloud, network, environ, say, tenant, client_id)
    _check_tenant_name(place.tenant)
    if cloud.custom:
        hosts = f"Resource Manager {cloud.arm}, sign-in {cloud.authority}, Microsoft Graph {cloud.graph}"
        say(Aloud(_printable(f"cloud {cloud.name}: {hosts}")))
    way, credential, token = await first_that_works(choice, place)
    try:
        arm = claims_of(token.token)
        _check_tenant(arm, place.tenant, "the token")
        graph, trouble = await _graph_claims(credential, cloud)
        if way is GIVEN:
            _check_tenant(graph, str(arm.get("tid", "")), "the Microsoft Graph token")
    except BaseException:
        await credential.close()
        raise
    app_id = _text(arm, "appid") or _text(arm, "azp")
    permissions = frozenset(_permissions(graph))
    is_app = _is_app(arm)
    signed_in = SignedIn(
        credential=credential,
        kind=way.kind,
        who=_who(arm, graph),
        tenant=_text(arm, "tid") or place.tenant,
        object_id=_text(arm, "oid"),
        app_id=app_id,
        graph_permissions=permissions,
        is_cli_app=app_id == CLI_APP,
        is_app=is_app,
        notes=tuple(_notes(app_id, graph, permissions, trouble, is_app=is_app)),
        no_graph=trouble,
    )
    say(f"signed in as {signed_in.who}, tenant {signed_in.tenant or 'unknown'} ({way.kind})")
    return signed_in


def _keep_to_ourselves() -> None:
    # What these log repeats Entra's answers, device codes and all; what matters of it is said in our own words.
    for name in ("azure.identity", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _check_tenant_name(tenant: str) -> None:
    if tenant and not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
        raise UsageError(f"{tenant!r} is not a tenant", hint="give the tenant's id or one of its domain names")


def _check_tenant(claims: Mapping[str, Any], wanted: str, subject: str) -> None:
    got = _text(claims, "tid")
    if got and is_guid(wanted) and got.lower() != wanted.lower():
        raise SignInError(
            f"{subject} is for tenant {got}, not for {wanted}",
            hint=f"sign in to that tenant (az login --tenant {wanted}), or leave out --tenant",
        )


async def _graph_claims(credential: KeptCredential, cloud: Cloud) -> tuple[dict[str, Any], Explanation | None]:
    """Return what the Graph token says, or {} and why there is none."""
    try:
        token = await credential.get_token_info(cloud.graph_scope)
    except NoTokenError as error:
        return {}, error.why
    return claims_of(token.token), None


def _notes(
    app_id: str, graph: Mapping[str, Any], permissions: frozenset[str], trouble: Explanation | None, *, is_app: bool
) -> list[str]:
    notes = []
    if trouble:
        why = NoTokenError(trouble).message
        notes.append(f"no token for Microsoft Graph, so checks of Entra ID will be unreadable: {why}")
    elif app_id == CLI_APP and not permissions & _POLICY_PERMISSIONS:
        notes.append(
            "the app of az login has no permission Policy.Read.All: security defaults and conditional access are "
            "unreadable through it, whatever your role; use a service principal with application permissions "
            "(--auth service-principal), or an app of your own (--auth device-code --client-id ID)"
        )
    elif is_app and graph and not permissions:
        notes.append(
            "this app has no Microsoft Graph permission, so checks of Entra ID will be unreadable: "
            "an administrator can grant application permissions such as Policy.Read.All and Directory.Read.All"
        )
    return notes


def _permissions(graph: Mapping[str, Any]) -> list[str]:
    roles = graph.get("roles")
    names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return names + _text(graph, "scp").split()


def _is_app(arm: Mapping[str, Any]) -> bool:
    # https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: idtyp is optional, and only
    # a user's token has scp.
    kind = _text(arm, "idtyp")
    return kind == "app" if kind else bool(arm) and "scp" not in arm and not _user(arm)


def _who(arm: Mapping[str, Any], graph: Mapping[str, Any]) -> str:
    if user := _user(arm):
        return user
    app_id = _text(arm, "appid") or _text(arm, "azp")
    name = _text(graph, "app_displayname") or _text(arm, "app_displayname")
    name = name or _text(arm, "xms_mirid").rpartition("/")[2]
    if name and app_id:
        return f"{name} (app {app_id})"
    if app_id:
        return f"app {app_id}"
    return f"object {_text(arm, 'oid')}" if _text(arm, "oid") else "an identity that its token does not name"


def _user(arm: Mapping[str, Any]) -> str:
    return next(filter(None, (_text(arm, key) for key in ("upn", "unique_name", "preferred_username", "email"))), "")


def _text(claims: Mapping[str, Any], key: str) -> str:
    value = claims.get(key)
    return _printable(value) if isinstance(value, str) else ""


def _printable(text: str) -> str:
    # Names come from other people; none of them may drive the terminal.
    return "".join(filter(str.isprintable, text))
