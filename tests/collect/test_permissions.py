"""What counts as the permission to see everything."""

from __future__ import annotations

import asyncio

import pytest

from azscan.azure.answers import Answer, Fault
from azscan.collect.permissions import Permissions, grants
from tests.collect.ground import AT, ONE, page

SCOPE = f"/subscriptions/{ONE}"
READ = "Microsoft.Test/things/read"
NOT_HERE = Fault("rejected", "not here")


@pytest.mark.parametrize(
    ("actions", "not_actions", "granted"),
    [
        (["*"], [], True),
        (["*/read"], [], True),
        (["microsoft.test/*"], [], True),
        (["Microsoft.Test/things/read"], [], True),
        (["Microsoft.Test/*/read"], [], True),
        (["Microsoft.Test/things/*"], ["Microsoft.Test/things/write"], True),
        (["Microsoft.Test/things"], [], False),
        (["Microsoft.Test/thing?/read"], [], False),
        (["MicrosoftXTest/things/read"], [], False),
        (["*/write"], [], False),
        (["*"], ["*/read"], False),
        (["*"], ["MICROSOFT.TEST/things/READ"], False),
        (None, None, False),
        ([7, None], [], False),
        ("Microsoft.Test/*", [], False),
        (7, 7, False),
        (["*a" * 20 + "*b"], [], False),
    ],
)
def test_a_grant_needs_an_action_that_is_not_taken_away(actions, not_actions, granted):
    assert grants([{"actions": actions, "notActions": not_actions}], READ) is granted


def test_what_one_role_takes_away_another_may_give():
    assert grants([{"actions": ["*"], "notActions": [READ]}, {"actions": [READ]}], READ)


def loaded(answers):
    asked = []

    async def read(ask):
        asked.append(ask.target)
        path = ask.target.partition("?")[0].partition("/providers/Microsoft.Authorization/")
        found = answers.get(path[2].partition("/")[0] if path[0] else ask.target.partition("?")[0], page())
        if isinstance(found, Fault):
            return Answer(url="", api="", status=403, at=AT, fault=found)
        return found if isinstance(found, Answer) else Answer(url="", api="", status=200, at=AT, body=found)

    permissions = Permissions(read, ONE, "me")
    asyncio.run(permissions.load())
    return permissions, asked


def assigned(scope=SCOPE, **more):
    return {
        "properties": {
            "scope": scope,
            "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/r",
            **more,
        }
    }


DEFINITION = {"properties": {"permissions": [{"actions": ["*/read"], "notActions": []}]}}
ROLE = "/providers/Microsoft.Authorization/roleDefinitions/r"


@pytest.mark.parametrize(
    ("assignment", "believed"),
    [
        (assigned(), True),
        (assigned("/"), True),
        (assigned(SCOPE.upper() + "/"), True),
        (assigned("/providers/Microsoft.Management/managementGroups/root"), True),
        (assigned(f"{SCOPE}/resourceGroups/rg"), False),
        (assigned(condition="@Resource…"), False),
        (assigned(""), False),
        (assigned(None), False),
        ({"properties": None}, False),
        ({}, False),
        ("text", False),
    ],
)
def test_assignments_count_at_or_above_the_subscription(assignment, believed):
    answers = {"permissions": NOT_HERE, "roleAssignments": page(assignment), ROLE: DEFINITION}
    assert loaded(answers)[0].covers(READ) is believed


@pytest.mark.parametrize(
    "definition", [Fault("access_denied"), {}, {"properties": []}, {"properties": {"permissions": ["*"]}}]
)
def test_a_definition_that_cannot_be_read_covers_nothing(definition):
    answers = {"permissions": NOT_HERE, "roleAssignments": page(assigned()), ROLE: definition}
    assert not loaded(answers)[0].covers(READ)


def test_half_a_list_of_permissions_is_none():
    answers = {"permissions": page({"actions": ["*"]}, next=f"{SCOPE}/providers/Microsoft.Authorization/broken")}
    answers["broken"] = Fault("unavailable")
    permissions, asked = loaded(answers)
    assert not permissions.covers(READ)
    assert any("roleAssignments" in target for target in asked), "the assignments are asked instead"


def test_the_assignments_of_nobody_are_not_asked():
    async def read(ask):
        assert "roleAssignments" not in ask.target
        return Answer(url="", api="", status=403, at=AT, fault=NOT_HERE)

    permissions = Permissions(read, ONE, "")
    asyncio.run(permissions.load())
    assert not permissions.covers(READ)


def test_a_group_counts_for_what_lies_in_it_only():
    groups = {f"{SCOPE}/resourcegroups/web": page({"actions": ["*/read"]})}

    async def read(ask):
        scope = ask.target.partition("/providers/")[0]
        return groups.get(scope, Answer(url="", api="", status=403, at=AT, fault=NOT_HERE))

    async def ask():
        permissions = Permissions(read, ONE, "me")
        await permissions.load()
        places = (
            SCOPE,
            f"{SCOPE}/resourceGroups/WEB",
            f"{SCOPE}/resourceGroups/web/providers/A.B/c/d",
            f"{SCOPE}/resourceGroups/db",
        )
        return [await permissions.covers_at(place, READ) for place in places]

    assert asyncio.run(ask()) == [False, True, True, False]


@pytest.mark.parametrize(
    ("answers", "wanting"),
    [
        ({"permissions": page()}, READ),
        ({"permissions": Fault("access_denied")}, "Microsoft.Authorization/permissions/read"),
        ({"permissions": NOT_HERE}, "Microsoft.Authorization/roleAssignments/read"),
        (
            {"permissions": NOT_HERE, "roleAssignments": page(assigned()), ROLE: Fault("access_denied")},
            "Microsoft.Authorization/roleDefinitions/read",
        ),
        (
            {
                "permissions": Fault("access_denied"),
                "roleAssignments": page(assigned()),
                ROLE: {"properties": {"permissions": [{"actions": ["Microsoft.Authorization/*/read"]}]}},
            },
            READ,
        ),
        ({"permissions": Fault("throttled")}, ""),
    ],
)
def test_what_is_wanting_is_what_proves_a_list_not_what_may_be_held(answers, wanting):
    permissions, _ = loaded(answers)
    assert not permissions.covers(READ) and permissions.wanting(READ) == wanting
