"""A role as text: what comes out is what went in, whatever its name holds."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.rights.role import Role
from azscan.rights.writing import as_bicep, as_command, as_json, as_terraform

SCOPE = "/subscriptions/0a1b2c3d-1111-4222-8333-444455556666"
ACTIONS = ("Microsoft.Test/a/read", "Microsoft.Test/b/read")
HOSTILE = "it's \"a\" \\ ${x} %{y} `whoami` $(id) 'q' \u2018"


def role(name: str = "reader", scope: str = SCOPE) -> Role:
    return Role(name, f"for {name}", ACTIONS, (scope,))


def test_json_is_what_the_azure_cli_takes():
    assert json.loads(as_json(role())) == {
        "Name": "reader",
        "IsCustom": True,
        "Description": "for reader",
        "Actions": list(ACTIONS),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": [SCOPE],
    }


def test_bicep_as_a_whole():
    assert (
        as_bicep(role(), ["a note"])
        == f"""\
// a note
targetScope = 'subscription'

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {{
  name: guid(tenant().tenantId, 'reader')
  properties: {{
    roleName: 'reader'
    description: 'for reader'
    type: 'CustomRole'
    permissions: [
      {{
        actions: [
          'Microsoft.Test/a/read'
          'Microsoft.Test/b/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }}
    ]
    assignableScopes: [
      '{SCOPE}'
    ]
  }}
}}
"""
    )


def test_a_role_of_a_group_is_deployed_there():
    group = "/providers/Microsoft.Management/managementGroups/root"
    assert "targetScope = 'managementGroup'\n" in as_bicep(role(scope=group), [])


def test_terraform_as_a_whole():
    assert (
        as_terraform(role(), ["a note"])
        == f"""\
# a note
resource "azurerm_role_definition" "azscan" {{
  name        = "reader"
  scope       = "{SCOPE}"
  description = "for reader"

  permissions {{
    actions = [
      "Microsoft.Test/a/read",
      "Microsoft.Test/b/read",
    ]
    not_actions = []
  }}

  assignable_scopes = [
    "{SCOPE}",
  ]
}}
"""
    )


def test_other_peoples_names_stay_text():
    bicep, terraform = as_bicep(role(HOSTILE), []), as_terraform(role(HOSTILE), [])
    assert "roleName: 'it\\'s \"a\" \\\\ \\${x} %{y} `whoami` $(id) \\'q\\' \u2018'\n" in bicep
    assert 'name        = "it\'s \\"a\\" \\\\ $${x} %%{y} `whoami` $(id) \'q\' \u2018"\n' in terraform


@given(st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=60))
def test_a_posix_shell_hands_az_the_role_as_it_is(name):
    words = shlex.split(as_command(role(name), [], "posix"))
    assert words[:5] == ["az", "role", "definition", "create", "--role-definition"]
    assert json.loads(words[5]) == role(name).document()


@given(st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=60))
def test_powershell_writes_a_file_in_ascii(name):
    text = as_command(role(name), [], "powershell")
    written = re.fullmatch(
        r"Set-Content -Path azscan-role\.json -Value '(.*)'\n"
        r"az role definition create --role-definition '@azscan-role\.json'\n",
        text,
        re.DOTALL,
    )
    assert written and text.isascii()
    assert json.loads(written[1].replace("''", "'")) == role(name).document()


@pytest.mark.parametrize("shell", ["posix", "powershell"])
def test_notes_are_comments(shell):
    assert as_command(role(), ["a note"], shell).startswith("# a note\n")
