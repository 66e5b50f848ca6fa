"""Diagnoses of Microsoft Graph: the permissions that the selected checks need, and what the token has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from azscan.azure.ways import GIVEN, MANAGED_IDENTITY
from azscan.collect.needs import Checks, Needs
from azscan.doctor.finding import Command, Finding, Portal, State, filled
from azscan.words import count

if TYPE_CHECKING:
    from azscan.azure.credentials import SignedIn

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
# Ids of application permissions, in public Azure and for governments; China's differ.
# https://learn.microsoft.com/graph/permissions-reference
APP_ROLES: Mapping[str, str] = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "LicenseAssignment.Read.All": "e2f98668-2877-4f38-a2f4-8202e0717aa1",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Policy.Read.AuthenticationMethod": "8e3bc81b-d2f3-4b7b-838c-32c88218d2f0",
    "Policy.Read.DeviceConfiguration": "bdba4817-6ba1-4a7c-8a01-be9bc7c242dd",
    "RoleEligibilitySchedule.Read.Directory": "ff278e11-4a33-4d0c-83d2-d01dc58929a5",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
}
# A user's token with it reads the directory as far as the user may:
# https://learn.microsoft.com/graph/permissions-reference#directoryaccessasuserall
_AS_USER = "Directory.AccessAsUser.All"
_ADD = f"az ad app permission add --id {{client_id}} --api {GRAPH_APP} --api-permissions"
_CONSENT = "az ad app permission admin-consent --id {client_id}"
# https://learn.microsoft.com/cli/azure/ad/app/permission#az-ad-app-permission-grant takes names
_GRANT = f"az ad app permission grant --id {{client_id}} --api {GRAPH_APP} --scope"
_NEW_APP = "az ad sp create-for-rbac --name azscan-reader --role Reader --scopes /subscriptions/{subscription_id}"
TWO_REMEDIES = (
    "the app of az login cannot be given them, whatever an administrator consents to; two ways work: a service"
    " principal with application permissions (--auth service-principal), or an app registration of your own"
    " (--auth device-code --client-id ID)"
)


def lacking(needs: Needs, held: frozenset[str]) -> dict[tuple[str, ...], Checks]:
    """The needs of Graph of which the token has no permission, each with its checks."""
    return {any_of: checks for any_of, checks in needs.graph.items() if not any(_has(held, each) for each in any_of)}


def fewest(wanted: Mapping[tuple[str, ...], Checks]) -> list[str]:
    """The fewest permissions that serve all of `wanted`, in alphabetical order."""
    left, chosen = set(wanted), []
    while left:
        every = sorted({name for any_of in left for name in any_of})
        best = max(every, key=lambda name: (sum(name in any_of for any_of in left), -_breadth(name, left)))
        chosen.append(best)
        left = {any_of for any_of in left if best not in any_of}
    return sorted(chosen)


def _breadth(name: str, needs: set[tuple[str, ...]]) -> int:
    """How broad a permission is: its place where it stands, for the narrowest stands first."""
    return min(any_of.index(name) for any_of in needs if name in any_of)


def diagnose(
    identity: SignedIn, needs: Needs, cloud: str, subscription: str, portal: Portal, *, is_all: bool
) -> list[Finding]:
    """Whether the token's claims hold what the selected checks read; `is_all` where no check does without Graph.

    The claims are `roles` for applications and `scp` for users:
    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
    """
    if not needs.graph or identity.no_graph is not None:
        return []
    missing = lacking(needs, identity.graph_permissions)
    if not missing:
        also = "" if identity.is_app else "; what the user may see besides depends on its role in Entra ID"
        return [
            Finding("graph", "graph-permissions", "ok", f"every permission of Microsoft Graph that is needed{also}")
        ]
    names, checks = fewest(missing), frozenset[str]().union(*missing.values())
    what = f"permissions of Microsoft Graph are missing: {', '.join(names)}"
    means = f"{count(len(checks), 'check')} of Entra ID will be unreadable"
    # What a token that was handed over says of itself may not be all, or not be readable.
    blocks = is_all and len(missing) == len(needs.graph) and identity.kind != GIVEN.kind
    state: State = "blocking" if blocks else "warning"
    if identity.is_cli_app:
        commands = (filled(_NEW_APP, {"subscription_id": subscription}),)
        page = portal.app("", "")
        return [Finding("graph", "graph-permissions", state, what, f"{means}; {TWO_REMEDIES}", page, commands)]
    means += "; add them to the app as " + ("application" if identity.is_app else "delegated") + " permissions"
    means += ", then an administrator consents"
    if identity.is_app and identity.kind == MANAGED_IDENTITY.kind:
        page = portal.view(f"Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Permissions/objectId/{identity.object_id}")
    else:
        page = portal.app("CallAnAPI", identity.app_id)
    return [Finding("graph", "graph-permissions", state, what, means, page, _commands(identity, names, cloud))]


def _commands(identity: SignedIn, names: list[str], cloud: str) -> tuple[Command, ...]:
    client = {"client_id": identity.app_id}
    if not identity.is_app:
        return ((*filled(_GRANT, client), " ".join(names)),)
    ids = {} if cloud == "AzureChinaCloud" else APP_ROLES
    unknown = [name for name in names if name not in ids]
    any_of = " || ".join(f"value=='{name}'" for name in unknown)
    look_up = f"appRoles[?{any_of}].{{value:value,id:id}}"
    found: list[Command] = []
    if unknown:
        found.append(("az", "ad", "sp", "show", "--id", GRAPH_APP, "--query", look_up))
    if identity.kind == MANAGED_IDENTITY.kind:
        return (*found, *(_assign_role(identity.object_id, ids.get(name, "ROLE_ID")) for name in names))
    roles = [f"{ids.get(name, 'ROLE_ID')}=Role" for name in names]
    return (*found, (*filled(_ADD, client), *roles), filled(_CONSENT, client))


def _assign_role(object_id: str, role: str) -> Command:
    """Gives a managed identity, which has no app registration, an application permission.

    https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments
    """
    body = f'{{"principalId":"{object_id}","resourceId":"GRAPH_OBJECT_ID","appRoleId":"{role}"}}'
    url = f"https://graph.microsoft.com/v1.0/servicePrincipals/{object_id}/appRoleAssignments"
    return ("az", "rest", "--method", "post", "--url", url, "--body", body)


def _has(held: frozenset[str], name: str) -> bool:
    """Whether a permission is held, or the one that may also write; a user's rights stand in for the directory's."""
    more = {name.replace(".Read.", ".ReadWrite.", 1)}
    if name.startswith("Directory."):
        more.add(_AS_USER)
    return name in held or not more.isdisjoint(held)
