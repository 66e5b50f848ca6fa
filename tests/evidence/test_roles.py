"""Which roles the identity held: what the reads tell, and never a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from azscan.azure.answers import Answer
from azscan.emulator import demo_estate
from azscan.estate.store import Estate
from azscan.evidence.roles import NOT_READ, Role, roles_held
from tests.harness import scan, shipped

SUB = "11111111-1111-1111-1111-111111111111"
SCOPE = f"/subscriptions/{SUB}"
ME, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
AUTHORIZATION = f"{SCOPE}/providers/Microsoft.Authorization"
READER = f"{AUTHORIZATION}/roleDefinitions/acdd72a7"


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate.create(tmp_path / "e.sqlite", {"subscriptions": [{"id": SUB}], "object_id": ME.upper()})


def listed(estate: Estate, collection: str, *bodies: dict[str, Any], kind: str = "") -> None:
    records = [(body["id"], body["id"].lower(), msgspec.json.encode(body)) for body in bodies]
    estate.add_page(
        collection, "read", SUB, SCOPE, 0, Answer("/x", "1", 200, "2026-05-04T03:02:01Z"), records, kind=kind
    )


def assignment(number: int, principal: str, definition: str = READER) -> dict[str, Any]:
    properties = {"principalId": principal, "roleDefinitionId": definition, "scope": SCOPE}
    return {"id": f"{AUTHORIZATION}/roleAssignments/{number}", "properties": properties}


def told(estate: Estate) -> list[Role]:
    return list(roles_held(estate))


def test_assigned_roles_have_their_names(estate: Estate) -> None:
    listed(estate, "role_assignment", assignment(1, ME), assignment(2, OTHER), assignment(3, ME, f"{READER}-gone"))
    listed(estate, "role_definition", {"id": READER.upper(), "properties": {"roleName": "Reader"}})
    assert told(estate)[:-1] == [
        Role(SUB, "Reader", SCOPE, "assigned to it"),
        Role(SUB, f"{READER}-gone (its name was not read)", SCOPE, "assigned to it"),
    ]


def test_the_demo_tells_the_same_role_as_its_list_of_assignments(tmp_path: Path) -> None:
    scanned = scan(tmp_path, demo_estate(), catalog=shipped(), services=["authorization"])
    roles = [each for each in roles_held(scanned.results.estate) if each.how == "assigned to it"]
    assert [(each.what, each.scope) for each in roles] == [
        ("Reader", f"/subscriptions/{key}") for key in sorted(demo_estate().known_subscriptions)
    ]


def test_what_was_not_read_is_said_to_be_so(estate: Estate) -> None:
    why = "role assignments: no check of this pack reads them"
    assert told(estate) == [Role(SUB, NOT_READ, "", why), Role(SUB, NOT_READ, "", "effective permissions")]
    listed(estate, "role_assignment", kind="access_denied")
    assert told(estate)[0].what == NOT_READ


def test_none_is_told_only_where_the_list_was_read(estate: Estate) -> None:
    listed(estate, "role_assignment", assignment(2, OTHER))
    assert told(estate)[0] == Role(SUB, "none", "", "no role is assigned to it directly")


def test_an_identity_that_is_not_known_holds_nothing_known(estate: Estate) -> None:
    estate.describe({"object_id": ""})
    listed(estate, "role_assignment", assignment(1, ""))
    assert told(estate)[0] == Role(SUB, NOT_READ, "", "role assignments: the identity's object id is not known")


def test_effective_permissions_are_told(estate: Estate) -> None:
    entries = [{"actions": ["*/read", "x/y"], "notActions": ["secret/read"]}, "nonsense"]
    answers = {
        f"{AUTHORIZATION}/permissions?api-version=2022-04-01": {
            "items": entries,
            "body": None,
            "next": "",
            "fault": "",
        },
        f"{SCOPE}/resourceGroups/rg/providers/Microsoft.Authorization/permissions": {"items": [{"actions": ["*"]}]},
    }
    estate.describe({"permissions": answers})
    assert told(estate)[1:] == [Role(SUB, "*/read, x/y without secret/read", SCOPE, "effective permissions")]
    denied = {f"{AUTHORIZATION}/permissions?api-version=1": {"items": [], "fault": "access_denied"}}
    estate.describe({"permissions": denied})
    assert told(estate)[1] == Role(SUB, NOT_READ, "", "effective permissions: access_denied")


def test_assignments_that_were_asked_for_instead_of_permissions_are_told(estate: Estate) -> None:
    answers = {
        f"{AUTHORIZATION}/roleAssignments?api-version=1&$filter=assignedTo('{ME}')": {"items": [assignment(1, OTHER)]},
        f"{READER}?api-version=1": {"items": [], "body": {"properties": {"roleName": "Reader"}}},
    }
    estate.describe({"permissions": answers})
    assert told(estate)[0] == Role(SUB, "Reader", SCOPE, "assigned to it or to its groups")


@pytest.mark.parametrize("answers", [[], "x", {"a": 1}, {f"{AUTHORIZATION}/permissions": {"items": "x"}}])
def test_an_estate_of_a_stranger_is_read_all_the_same(estate: Estate, answers: Any) -> None:
    estate.describe({"permissions": answers})
    assert {each.what for each in told(estate)} == {NOT_READ}
