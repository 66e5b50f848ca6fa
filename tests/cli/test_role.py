"""`azscan role` as a process: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from azscan.emulator import demo_estate
from tests.harness import azscan

ONE = "11111111-aaaa-4aaa-8aaa-111111111111"
SCOPE = f"/subscriptions/{ONE}"
STORAGE = "Microsoft.Storage/storageAccounts/read"


def printed(*arguments: str, cwd: Path) -> dict:
    done = azscan("role", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_role_for_all_checks_is_json_and_nothing_but_reads(tmp_path):
    done = azscan("role", "--subscription", ONE, cwd=tmp_path)
    role = json.loads(done.stdout)
    assert role["AssignableScopes"] == [SCOPE] and role["IsCustom"] is True
    assert len(role["Actions"]) > 200
    assert all(each.endswith("/read") and "*" not in each for each in role["Actions"])
    assert not (role["NotActions"] or role["DataActions"] or role["NotDataActions"])
    # What no such role gives is told apart from the data.
    assert "Microsoft Graph" in done.stderr and "User.Read.All" in done.stderr
    assert "Microsoft.Management/managementGroups/settings/read" in done.stderr
    assert "network-watcher-in-used-regions" in done.stderr and "--without ACTION" in done.stderr


def test_without_a_scope_the_placeholder_is_one_that_azure_refuses(tmp_path):
    done = azscan("role", "--service", "storage", cwd=tmp_path)
    assert json.loads(done.stdout)["AssignableScopes"] == ["/subscriptions/{subscriptionId}"]
    assert "--subscription ID" in done.stderr
    quiet = azscan("role", "--service", "storage", "--quiet", cwd=tmp_path)
    assert quiet.stdout == done.stdout and not quiet.stderr


def test_a_management_group_brings_what_lies_above_subscriptions(tmp_path):
    role = printed("--service", "management-groups", "--management-group", "root", cwd=tmp_path)
    assert role["AssignableScopes"] == ["/providers/Microsoft.Management/managementGroups/root"]
    assert {each for each in role["Actions"] if each.startswith("Microsoft.Management/")} == {
        "Microsoft.Management/managementGroups/descendants/read",
        "Microsoft.Management/managementGroups/settings/read",
    }


def test_the_selection_and_the_scope_of_azscan_yaml_hold(tmp_path):
    (tmp_path / "azscan.yaml").write_text(f"version: 1\nservices: [locks]\nsubscriptions: [{ONE}]\n")
    role = printed(cwd=tmp_path)
    assert "Microsoft.Authorization/locks/read" in role["Actions"] and role["AssignableScopes"] == [SCOPE]
    assert "Microsoft.Web/sites/read" not in role["Actions"]


@pytest.mark.parametrize(
    ("format", "begin"), [("bicep", "targetScope = "), ("terraform", "resource "), ("az", "az role definition create ")]
)
def test_other_formats_carry_the_same_actions_and_tell_of_graph_in_comments(tmp_path, format, begin):
    arguments = ("--service", "entra", "--service", "storage", "--subscription", ONE)
    actions = printed(*arguments, cwd=tmp_path)["Actions"]
    done = azscan("role", *arguments, "--format", format, cwd=tmp_path)
    assert done.returncode == 0 and all(done.stdout.count(each) >= 1 for each in (*actions, SCOPE, "User.Read.All"))
    body = [line for line in done.stdout.splitlines() if line[:1] != "#" and line[:2] != "//"]
    assert body[0].startswith(begin) and "User.Read.All" not in "\n".join(body)


def test_the_command_is_quoted_for_the_shell(tmp_path):
    done = azscan("role", "--service", "locks", "--name", "it's mine", "--format", "az", cwd=tmp_path)
    words = shlex.split(done.stdout, comments=True)
    assert json.loads(words[-1])["Name"] == "it's mine"
    other = azscan("role", "--service", "locks", "--format", "az", "--shell", "powershell", cwd=tmp_path)
    assert "Set-Content" in other.stdout


def test_actions_are_left_out_and_what_that_costs_is_told(tmp_path):
    done = azscan("role", "--service", "storage", "--without", STORAGE, cwd=tmp_path)
    assert STORAGE not in json.loads(done.stdout)["Actions"]
    assert "29 checks will be unreadable" in done.stderr


def test_graph_permissions_as_json(tmp_path):
    document = printed("--graph", "--service", "entra", cwd=tmp_path)
    assert document["schema"] == "azscan.graph-permissions/1"
    told = {each["permission"]: each["checks"] for each in document["permissions"]}
    assert told["Domain.Read.All"] and "Directory.Read.All" not in told
    assert printed("--graph", "--service", "storage", cwd=tmp_path)["permissions"] == []


def test_built_in_roles(tmp_path):
    done = azscan("role", "--builtin", "--service", "entra", "--service", "management-groups", cwd=tmp_path)
    assert done.returncode == 0
    assert "Reader (acdd72a7-3385-48ef-bd42-f606fba81ae7)" in done.stdout and "Global Reader" in done.stdout
    assert "managementGroups/{tenantId}" in done.stdout
    document = printed("--builtin", "--service", "storage", "--format", "json", "--subscription", ONE, cwd=tmp_path)
    assert [(each["role"], each["at"]) for each in document["roles"]] == [("Reader", [SCOPE])]
    assert document["graph_permissions"] == [] and document["directory_role"] == ""


@pytest.fixture
def narrow(tmp_path) -> Path:
    role = printed("--service", "storage", "--subscription", ONE, cwd=tmp_path)
    role["Actions"].remove(STORAGE)
    path = tmp_path / "role.json"
    path.write_text(json.dumps(role))
    return path


def test_a_role_is_checked_against_what_the_checks_need(tmp_path, narrow):
    done = azscan("role", "--check-against", str(narrow), "--service", "storage", "--service", "locks", cwd=tmp_path)
    assert done.returncode == 4 and not done.stderr
    assert "azscan-reader: of 35 checks 35 would be unreadable" in done.stdout
    text = " ".join(done.stdout.split())
    (number, more) = re.search(rf"missing: {STORAGE} \((\d+) checks: (?:[\w-]+,? ){{3}}and (\d+) more\)", text).groups()
    assert int(number) == int(more) + 3 >= 29
    assert "with a justification" in text and "--format json" in text
    fine = azscan("role", "--check-against", str(narrow), "--check", "subscription-in-good-standing", cwd=tmp_path)
    assert fine.returncode == 0, fine.stdout
    # The sentence stands although nothing is missing.
    assert "of 1 check 0 would be unreadable" in fine.stdout


def test_what_all_checks_lack_is_told_by_action(tmp_path):
    role = tmp_path / "role.json"
    role.write_text(json.dumps({"Name": "thin", "Actions": ["Microsoft.Resources/subscriptions/read"]}))
    done = azscan("role", "--check-against", str(role), cwd=tmp_path)
    actions = json.loads(azscan("role", "--check-against", str(role), "--format", "json", cwd=tmp_path).stdout)[
        "missing"
    ]
    assert done.returncode == 4 and done.stdout.count("missing: ") == len(actions)


def test_help_says_that_subscriptions_are_given_by_id(tmp_path):
    help = " ".join(azscan("role", "--help", cwd=tmp_path).stdout.split())
    assert "by id or name" not in help


def test_the_prediction_as_json(tmp_path, narrow):
    arguments = ("--check-against", str(narrow), "--service", "storage", "--format", "json")
    done = azscan("role", *arguments, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert done.returncode == 4 and document["schema"] == "azscan.role-gaps/1"
    assert document["roles"] == ["azscan-reader"] and not document["nothing_scanned"]
    assert list(document["missing"]) == [STORAGE]
    assert len(document["missing"][STORAGE]) == len(document["unreadable"]) == document["checks"]
    assert set(map(tuple, document["unreadable"].values())) == {(STORAGE,)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--subscription", "contoso-prod"], "is not the id of a subscription"),
        (["--management-group", "a", "--management-group", "b"], "only one management group"),
        (["--format", "yaml"], "there is no format yaml"),
        (["--builtin", "--format", "bicep"], "--builtin prints text, or JSON with --format json"),
        (["--graph", "--format", "az"], "--graph prints JSON"),
        (["--builtin", "--graph"], "exclude each other"),
        (["--without", "Microsoft.Storage/x"], "does not hold"),
        (["--name", "a\nb"], "cannot be called"),
        (["--service", "storge"], "storge"),
        (["--check-against", "none.json"], "cannot be read"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, arguments, words):
    done = azscan("role", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and not done.stdout
    assert " help: " in done.stderr and "Traceback" not in done.stderr


def test_the_demo_has_the_subscription_that_the_docs_name():
    assert ONE in demo_estate().known_subscriptions
