from __future__ import annotations

import pytest

from tests.emulator.rig import Rigs, estate

USERS = [
    {"id": f"{n}", "displayName": name, "userType": kind, "signInActivity": {"x": n}, "$hidden": ["signInActivity"]}
    for n, (name, kind) in enumerate([("Ann", "Member"), ("Ben", "Guest"), ("O'Neil", "Guest")], 1)
]
GRAPH = {
    "v1.0/users": USERS,
    "v1.0/directoryRoles": [{"id": "r1", "members": [{"id": "1"}], "$hidden": ["members"]}],
    "v1.0/directoryRoles/r1/members": [{"id": "1"}],
    "policies/authorizationPolicy": {"id": "authorizationPolicy", "allowInvitesFrom": "everyone"},
    "beta/reports/authenticationMethods": [{"id": "b"}],
}


async def test_collections_items_singletons_and_what_is_below_an_item(start: Rigs) -> None:
    rig = await start(estate(graph=GRAPH))
    users = await rig.ask("/v1.0/users")
    assert [user["displayName"] for user in users.body["value"]] == ["Ann", "Ben", "O'Neil"]
    assert users.body["@odata.context"] == f"{rig.emulator.graph_url}/v1.0/$metadata#users"
    assert (await rig.ask("/v1.0/users/2")).body["displayName"] == "Ben"
    assert (await rig.ask("/V1.0/POLICIES/authorizationpolicy")).body["allowInvitesFrom"] == "everyone"
    assert [one["id"] for one in (await rig.ask("/v1.0/directoryRoles/r1/members")).body["value"]] == ["1"]
    assert (await rig.ask("/v1.0/users/1/memberOf")).body["value"] == []
    assert (await rig.ask("/beta/users")).body["value"]
    assert (await rig.ask("/beta/policies/authorizationPolicy")).status == 200
    assert (await rig.ask("/beta/reports/authenticationMethods")).body["value"] == [{"id": "b"}]


async def test_select_expand_count_filter_and_top(start: Rigs) -> None:
    rig = await start(estate(graph=GRAPH))
    assert "signInActivity" not in (await rig.ask("/v1.0/users")).body["value"][0]
    chosen = await rig.ask("/v1.0/users?$select=id,signInActivity")
    assert chosen.body["value"][0] == {"id": "1", "signInActivity": {"x": 1}}
    assert "members" not in (await rig.ask("/v1.0/directoryRoles")).body["value"][0]
    assert (await rig.ask("/v1.0/directoryRoles?$expand=members($select=id)")).body["value"][0]["members"]
    counted = await rig.ask("/v1.0/users?$count=true&$filter=userType%20eq%20'Guest'")
    assert (counted.body["@odata.count"], len(counted.body["value"])) == (2, 2)
    quoted = await rig.ask("/v1.0/users?$filter=displayName%20eq%20'O''Neil'%20and%20userType%20ne%20'Member'")
    assert [user["id"] for user in quoted.body["value"]] == ["3"]
    first = await rig.ask("/v1.0/users?$top=2")
    assert first.body["@odata.nextLink"].startswith(f"{rig.emulator.graph_url}/v1.0/users?$top=2&%24skiptoken=")
    second = await rig.ask(first.body["@odata.nextLink"])
    assert [user["id"] for user in second.body["value"]] == ["3"] and "@odata.nextLink" not in second.body


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1.0/users/99999999-0000-4000-8000-000000000000", 404, "Request_ResourceNotFound"),
        ("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", 404, "Request_ResourceNotFound"),
        ("/v1.0/cats", 400, "BadRequest"),
    ],
)
async def test_what_is_not_there(start: Rigs, path: str, status: int, code: str) -> None:
    rig = await start(estate(graph=GRAPH))
    got = await rig.ask(path)
    assert (got.status, got.code) == (status, code)


async def test_a_known_collection_that_the_estate_leaves_out_is_empty(start: Rigs) -> None:
    rig = await start(estate())
    assert (await rig.ask("/v1.0/identity/conditionalAccess/policies")).body["value"] == []


async def test_a_path_wants_one_of_its_permissions(start: Rigs) -> None:
    wanted = {"v1.0/users*": ["User.Read.All", "Directory.Read.All"], "policies/*": ["Policy.Read.All"]}
    rig = await start(estate(graph=GRAPH), graph_permissions=wanted, granted=["User.Read.All"])
    assert (await rig.ask("/v1.0/users")).status == 200
    denied = await rig.ask("/v1.0/policies/authorizationPolicy")
    assert (denied.status, denied.code) == (403, "Authorization_RequestDenied")
    assert denied.body["error"]["message"] == "Insufficient privileges to complete the operation."
    user = rig.emulator.token("graph", user=True)
    assert (await rig.ask("/v1.0/users", token=user)).status == 200
    assert (await rig.ask("/v1.0/policies/authorizationPolicy", token=user)).status == 403


async def test_an_unknown_version_is_refused(start: Rigs) -> None:
    rig = await start(estate())
    assert (await rig.ask(f"{rig.emulator.graph_url}/v2.0/users")).status == 400
