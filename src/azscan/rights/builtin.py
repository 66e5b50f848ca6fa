"""The least built-in roles that cover a plan, from Microsoft's list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from azscan.collect.permissions import grants

# Of a role with a few actions less than it takes, it is told which.
FEW: Final = 5


class BuiltIn(msgspec.Struct, frozen=True):
    """A built-in role: its name, the id of its definition, its actions, and the page that tells them."""

    name: str
    id: str
    actions: tuple[str, ...]
    page: str

    @property
    def only_reads(self) -> bool:
        """Whether no action of the role is anything but a read."""
        return all(action.endswith("/read") for action in self.actions)

    def lacking(self, actions: Iterable[str]) -> list[str]:
        """Those of the actions that the role does not hold."""
        return [action for action in actions if not grants([{"actions": list(self.actions)}], action)]


# Narrow ones first. Monitoring Reader, Log Analytics Reader and their like hold `*/read` too, and more besides.
BUILT_IN_ROLES: Final = (
    BuiltIn(
        "Management Group Reader",
        "ac63b705-f282-497d-ac71-919bf39d939d",
        (
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Management/managementGroups/subscriptions/read",
            "Microsoft.Authorization/*/read",
        ),
        "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/management-and-governance",
    ),
    BuiltIn(
        "Security Reader",
        "39bc4728-0917-49c7-9d2c-d95423bc2eb4",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/read",
            "Microsoft.operationalInsights/workspaces/*/read",
            "Microsoft.Resources/deployments/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Security/*/read",
            "Microsoft.IoTSecurity/*/read",
            "Microsoft.Support/*/read",
            "Microsoft.Security/iotDefenderSettings/packageDownloads/action",
            "Microsoft.Security/iotDefenderSettings/downloadManagerActivation/action",
            "Microsoft.Security/iotSensors/downloadResetPassword/action",
            "Microsoft.IoTSecurity/defenderSettings/packageDownloads/action",
            "Microsoft.IoTSecurity/defenderSettings/downloadManagerActivation/action",
            "Microsoft.Management/managementGroups/read",
        ),
        "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security",
    ),
    BuiltIn(
        "Reader",
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        ("*/read",),
        "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/general",
    ),
)

# For someone who signs in as a user; an application has permissions instead:
# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference#global-reader
DIRECTORY_ROLE: Final = "Global Reader"


def least_for(actions: Sequence[str]) -> BuiltIn:
    """The narrowest built-in role that holds all the actions and can do nothing but read."""
    return next(role for role in BUILT_IN_ROLES if role.only_reads and not role.lacking(actions))


def nearly_for(actions: Sequence[str]) -> dict[str, list[str]]:
    """The narrower built-in roles that lack only a few of the actions, with those."""
    least = least_for(actions)
    found = {role.name: role.lacking(actions) for role in BUILT_IN_ROLES if role is not least}
    return {name: lacking for name, lacking in found.items() if 0 < len(lacking) <= min(FEW, len(actions) // 2)}
