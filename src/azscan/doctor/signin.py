"""Diagnoses of signing in: who, with what, tokens for Resource Manager and Graph, and why there are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azscan.doctor.finding import Command, Finding, Portal, State, filled
from azscan.errors import AzscanError, SignInError

if TYPE_CHECKING:
    from azscan.azure.credentials import SignedIn

# code → the page of the portal and the commands; {tenant}, {client_id} and {user} are filled in. `app:` is a page of
# the app registration. Sources: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
# https://learn.microsoft.com/cli/azure/ad. Where the only remedy is to sign in elsewhere, that is the command.
_LOGIN = "az login --tenant {tenant}"
_TENANTS = "az account list --all --query [].{{name:name,id:id,tenant:tenantId}} --output table"
_CREDENTIALS, _DIRECTORY = "app:Credentials", "Microsoft_AAD_IAM/ActiveDirectoryMenuBlade/~/Overview"
_USERS = "Microsoft_AAD_UsersAndTenants/UserManagementMenuBlade/~/AllUsers"
_SIGN_INS = "Microsoft_AAD_IAM/ActiveDirectoryMenuBlade/~/SignIns"
_MFA = "Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies"
# https://learn.microsoft.com/graph/api/signin-list: the policies that applied stand in the sign-in's record.
_SIGN_IN_LOG = "az rest --method get --url https://graph.microsoft.com/v1.0/auditLogs/signIns?$filter=correlationId%20eq%20'{request}'"
_NEW_SECRET = "az ad app credential reset --id {client_id} --append"
_FEDERATED = "az ad app federated-credential list --id {client_id}"

REMEDIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "AADSTS7000215": (_CREDENTIALS, (_NEW_SECRET,)),
    "AADSTS7000222": (_CREDENTIALS, (_NEW_SECRET,)),
    "AADSTS700016": ("app:Overview", ("az ad app show --id {client_id}", "az ad sp create --id {client_id}")),
    "AADSTS7000112": (
        "Microsoft_AAD_IAM/StartboardApplicationsMenuBlade/~/AppAppsPreview",
        ("az ad sp update --id {client_id} --set accountEnabled=true",),
    ),
    "AADSTS7000218": ("app:Authentication", ("az ad app update --id {client_id} --is-fallback-public-client true",)),
    "AADSTS90002": (_DIRECTORY, (_TENANTS,)),
    "AADSTS900023": (_DIRECTORY, (_TENANTS,)),
    "AADSTS90038": (_DIRECTORY, ("az cloud list --query [].name --output table",)),
    "AADSTS50076": (_MFA, (_LOGIN,)),
    "AADSTS50078": (_MFA, (_LOGIN,)),
    "AADSTS50079": (_MFA, (_LOGIN,)),
    "AADSTS53003": (_MFA, (_SIGN_IN_LOG,)),
    "AADSTS65001": ("app:CallAnAPI", ("az ad app permission admin-consent --id {client_id}",)),
    "AADSTS65002": (
        "Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
        ("az ad sp create-for-rbac --name azscan-reader --role Reader --scopes /subscriptions/SUBSCRIPTION_ID",),
    ),
    "AADSTS50034": (_USERS, (_LOGIN,)),
    "AADSTS50020": (_USERS, (_LOGIN,)),
    "AADSTS50057": (_USERS, ("az ad user update --id {user} --account-enabled true",)),
    "AADSTS50173": (_SIGN_INS, (_LOGIN,)),
    "AADSTS70043": (_SIGN_INS, (_LOGIN,)),
    "AADSTS700082": (_SIGN_INS, (_LOGIN,)),
    "AADSTS50194": (_DIRECTORY, (_TENANTS,)),
    "AADSTS50011": (
        "app:Authentication",
        ("az ad app update --id {client_id} --public-client-redirect-uris http://localhost",),
    ),
    "AADSTS700211": (_CREDENTIALS, (_FEDERATED,)),
    "AADSTS700212": (_CREDENTIALS, (_FEDERATED,)),
    "AADSTS700213": (_CREDENTIALS, (_FEDERATED,)),
    "AADSTS700024": (_CREDENTIALS, (_FEDERATED,)),
    "AADSTS700027": (_CREDENTIALS, ("az ad app credential reset --id {client_id} --cert @certificate.pem --append",)),
    "AADSTS500011": (_DIRECTORY, ("az cloud show --query name",)),
    "InvalidAuthenticationTokenTenant": (_DIRECTORY, (_TENANTS,)),
    "ExpiredAuthenticationToken": (_SIGN_INS, (_LOGIN,)),
}

_REQUEST = re.compile(r"correlation id ([0-9a-fA-F-]{36})")


@dataclass(frozen=True)
class Asked:
    """Whom the user meant to sign in as, as far as options and variables say; "" where they do not."""

    tenant: str
    client: str
    user: str = ""


def failed(error: AzscanError, asked: Asked, portal: Portal) -> Finding:
    """The sign-in, or the choice of the cloud, that failed."""
    code = error.code if isinstance(error, SignInError) else ""
    request = found[1] if (found := _REQUEST.search(error.message)) else ""
    page, commands = mended(code, asked, portal, request)
    if not code and "az login" not in error.hint:
        commands = ()  # what stands in the way is not who signs in
    return Finding("sign-in", "sign-in", "blocking", error.message, error.hint, page, commands)


def mended(code: str, asked: Asked, portal: Portal, request: str = "") -> tuple[str, tuple[Command, ...]]:
    """The page and the commands that mend what a code says; the list of sign-ins for one that is not known.

    `request` is the correlation id of the sign-in.
    """
    if code and code not in REMEDIES:
        return portal.view(_SIGN_INS), ()
    page, commands = REMEDIES.get(code, ("", (_LOGIN,)))
    values = {"tenant": asked.tenant, "client_id": asked.client, "user": asked.user, "request": request}
    if page.startswith("app:"):
        link = portal.app(page.removeprefix("app:"), asked.client)
    else:
        link = portal.view(page) if page else ""
    return link, tuple(filled(each, values) for each in commands)


def signed_in(identity: SignedIn) -> list[Finding]:
    """Who is signed in, and the tokens that there are."""
    kind = "an app" if identity.is_app else "a user"
    tenant = identity.tenant or "unknown"
    return [
        Finding("sign-in", "sign-in", "ok", f"{identity.who}, {kind} of tenant {tenant}, by {identity.kind}"),
        Finding("sign-in", "arm-token", "ok", "token for Azure Resource Manager"),
    ]


def graph_token(identity: SignedIn, asked: Asked, portal: Portal, *, is_needed: bool, is_all: bool) -> Finding:
    """Whether there is a token for Graph; `is_all` where every selected check rests on Graph."""
    why = identity.no_graph
    if why is None:
        return Finding("sign-in", "graph-token", "ok", "token for Microsoft Graph")
    state: State = "ok" if not is_needed else "blocking" if is_all else "warning"
    page, commands = mended(why.code, asked, portal, why.request) if is_needed else ("", ())
    means = "no selected check needs it" if not is_needed else f"checks of Entra ID will be unreadable; {why.remedy}"
    return Finding("sign-in", "graph-token", state, f"no token for Microsoft Graph: {why}", means, page, commands)
