"""A custom role as text: JSON, Bicep, Terraform, or a command of the Azure CLI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from azscan.catalog.fix import command_line
from azscan.rights.role import Role

_FILE: Final = "azscan-role.json"


def as_json(role: Role) -> str:
    """The role as `az role definition create --role-definition @FILE` takes it."""
    return json.dumps(role.document(), indent=2) + "\n"


def as_bicep(role: Role, notes: Sequence[str]) -> str:
    """A Bicep file that deploys the role: https://learn.microsoft.com/azure/templates/microsoft.authorization/roledefinitions"""
    target = "managementGroup" if role.of_a_group else "subscription"
    return _lines(
        *(f"// {line}" for line in notes),
        f"targetScope = '{target}'",
        "",
        "resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {",
        f"  name: guid(tenant().tenantId, {_bicep(role.name)})",
        "  properties: {",
        f"    roleName: {_bicep(role.name)}",
        f"    description: {_bicep(role.description)}",
        "    type: 'CustomRole'",
        "    permissions: [",
        "      {",
        "        actions: [",
        *(f"          {_bicep(action)}" for action in role.actions),
        "        ]",
        "        notActions: []",
        "        dataActions: []",
        "        notDataActions: []",
        "      }",
        "    ]",
        "    assignableScopes: [",
        *(f"      {_bicep(scope)}" for scope in role.scopes),
        "    ]",
        "  }",
        "}",
    )


def as_terraform(role: Role, notes: Sequence[str]) -> str:
    """The role as a resource of Terraform's provider azurerm.

    https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/role_definition
    """
    return _lines(
        *(f"# {line}" for line in notes),
        'resource "azurerm_role_definition" "azscan" {',
        f"  name        = {_terraform(role.name)}",
        f"  scope       = {_terraform(role.scopes[0])}",
        f"  description = {_terraform(role.description)}",
        "",
        "  permissions {",
        "    actions = [",
        *(f"      {_terraform(action)}," for action in role.actions),
        "    ]",
        "    not_actions = []",
        "  }",
        "",
        "  assignable_scopes = [",
        *(f"    {_terraform(scope)}," for scope in role.scopes),
        "  ]",
        "}",
    )


def as_command(role: Role, notes: Sequence[str], shell: str) -> str:
    """The commands that create the role, to paste into a shell (posix or powershell).

    PowerShell gets it by a file: cmd.exe, which runs az there, takes lines of 8,191 characters at the most
    (https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation).
    """
    comments = [f"# {line}" for line in notes]
    create = ["az", "role", "definition", "create", "--role-definition"]
    if shell == "powershell":
        # In pure ASCII, so that whatever encoding this shell writes is the same.
        text = command_line([json.dumps(role.document(), indent=2)], shell)
        return _lines(
            *comments, f"Set-Content -Path {_FILE} -Value {text}", command_line([*create, f"@{_FILE}"], shell)
        )
    return _lines(*comments, command_line([*create, json.dumps(role.document())], shell))


FORMATS: Final[Mapping[str, Callable[[Role, Sequence[str], str], str]]] = {
    "json": lambda role, notes, shell: as_json(role),
    "bicep": lambda role, notes, shell: as_bicep(role, notes),
    "terraform": lambda role, notes, shell: as_terraform(role, notes),
    "az": as_command,
}


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def _bicep(text: str) -> str:
    """A string of Bicep: https://learn.microsoft.com/azure/azure-resource-manager/bicep/data-types#strings"""
    return "'" + _escaped(text, {"\\": "\\\\", "'": "\\'", "${": "\\${"}) + "'"


def _terraform(text: str) -> str:
    """A quoted string of HCL: https://developer.hashicorp.com/terraform/language/expressions/strings"""
    return '"' + _escaped(text, {"\\": "\\\\", '"': '\\"', "${": "$${", "%{": "%%{"}) + '"'


def _escaped(text: str, instead: Mapping[str, str]) -> str:
    for old, new in _in_order(instead):
        text = text.replace(old, new)
    return text


def _in_order(instead: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    # The backslash first: the others bring backslashes of their own.
    return sorted(instead.items(), key=lambda each: each[0] != "\\")
