"""A role definition as the caller's rights."""

from __future__ import annotations

import json

import pytest

from azscan.emulator import Role
from azscan.emulator.role_file import read_role
from azscan.errors import UsageError
from tests.emulator.rig import ONE, TWO, account, estate

SCOPE = f"/subscriptions/{ONE}"
CLI = {"Name": "r", "Actions": ["*/read"], "NotActions": ["Microsoft.Web/*"], "AssignableScopes": [SCOPE]}
BLOCK = {"actions": ["*/read"], "notActions": ["Microsoft.Web/*"]}
LISTED = {"roleName": "r", "permissions": [BLOCK], "assignableScopes": [SCOPE]}


def read(tmp_path, document):
    path = tmp_path / "role.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_role(path, estate(account("a")))


@pytest.mark.parametrize("document", [CLI, LISTED, [LISTED], {"properties": LISTED}])
def test_every_form_is_assigned_where_it_may_be(tmp_path, document):
    assert read(tmp_path, document) == [Role(SCOPE, ("*/read",), ("Microsoft.Web/*",))]


def test_only_scopes_of_the_estate_count(tmp_path):
    group = "/providers/Microsoft.Management/managementGroups/root"
    scopes = [f"/subscriptions/{TWO}", group, f"{SCOPE}/resourceGroups/rg-web"]
    found = read(tmp_path, {**CLI, "AssignableScopes": scopes})
    assert [role.scope for role in found] == [group, f"{SCOPE}/resourceGroups/rg-web"]


def test_a_role_that_fits_nowhere_is_told(tmp_path):
    with pytest.raises(UsageError, match="nowhere in this estate") as caught:
        read(tmp_path, {**CLI, "AssignableScopes": ["/subscriptions/{subscriptionId}"]})
    assert SCOPE in caught.value.hint


@pytest.mark.parametrize("document", ["", "{}", "7", '{"Actions": "x", "AssignableScopes": []}', '{"Actions": []}'])
def test_what_is_no_role_is_told(tmp_path, document):
    with pytest.raises(UsageError, match=r"role\.json"):
        read(tmp_path, document)
