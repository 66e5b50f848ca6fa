"""A role in a file, in the forms in which Azure's tools write it."""

from __future__ import annotations

import json

import pytest

from azscan.errors import UsageError
from azscan.rights.role_file import read_role_file

BLOCK = {"actions": ["*/read"], "notActions": ["Microsoft.Test/*"], "dataActions": [], "notDataActions": []}
CLI = {"Name": "mine", "IsCustom": True, "Actions": ["*/read"], "NotActions": ["Microsoft.Test/*"]}
LISTED = {"roleName": "mine", "name": "a-guid", "permissions": [BLOCK]}
ARM = {"id": "x", "name": "a-guid", "properties": {"roleName": "mine", "permissions": [BLOCK]}}


def written(tmp_path, document):
    path = tmp_path / "role.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


@pytest.mark.parametrize("document", [CLI, LISTED, [LISTED], ARM, {"value": [ARM]}])
def test_every_form_says_the_same(tmp_path, document):
    found = read_role_file(written(tmp_path, document))
    assert found.names == ("mine",)
    assert found.entries == ({"actions": ["*/read"], "notActions": ["Microsoft.Test/*"]},)


def test_several_roles_are_held_together(tmp_path):
    found = read_role_file(written(tmp_path, [LISTED, CLI]))
    assert found.names == ("mine", "mine") and len(found.entries) == 2


def test_what_powershell_writes_is_read_too(tmp_path):
    path = tmp_path / "role.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"Actions": ["*/read"], "NotActions": None}).encode())
    assert read_role_file(str(path)).entries == ({"actions": ["*/read"], "notActions": []},)


@pytest.mark.parametrize(
    "document",
    ["", "no json", "[]", "7", "{}", "[[]]", '{"value": []}', '{"permissions": 5}', '{"permissions": [{}]}',
     '{"Actions": "*/read"}', '{"Actions": [1]}', '{"Actions": [], "NotActions": {"a": 1}}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_role_is_told(tmp_path, document):
    with pytest.raises(UsageError, match=r"role\.json") as caught:
        read_role_file(written(tmp_path, document))
    assert caught.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_role_file(str(tmp_path / "none.json"))
