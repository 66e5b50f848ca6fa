from __future__ import annotations

from typing import Any

import pytest

from azscan.emulator import Deny, Role
from azscan.emulator.kusto import QueryError, run
from tests.emulator.rig import API, ONE, STORAGE, TWO, Rig, Rigs, account, estate

GRAPH = f"/providers/Microsoft.ResourceGraph/resources?{API}"


async def _rows(rig: Rig, query: str, **more: Any) -> Any:
    return (await rig.ask(GRAPH, method="POST", body={"query": query, **more})).body


async def test_resource_graph_answers_a_small_part_of_kusto(start: Rigs) -> None:
    rig = await start(estate(account("a"), account("b", "rg-data"), account("c", subscription=TWO)))
    body = await _rows(
        rig, f"resources | where type =~ '{STORAGE}' | project id, name, tls=properties.minimumTlsVersion"
    )
    assert [row["name"] for row in body["data"]] == ["a", "b", "c"]
    assert body["data"][0]["tls"] == "TLS1_2" and body["resultTruncated"] == "false"
    assert (await _rows(rig, "Resources | count", subscriptions=[TWO]))["data"] == [{"Count": 1}]
    groups = await _rows(rig, "ResourceContainers | where name startswith 'rg' | order by name asc | take 1")
    assert [row["name"] for row in groups["data"]] == ["rg-data"]
    assert rig.emulator.write_attempts == []


async def test_resource_graph_pages_and_tables(start: Rigs) -> None:
    rig = await start(estate(account("a"), account("b")))
    first = await _rows(rig, "resources | project name", options={"$top": 1})
    assert (first["totalRecords"], first["count"]) == (2, 1)
    second = await _rows(rig, "resources", options={"$top": 1, "$skipToken": first["$skipToken"]})
    assert [row["name"] for row in second["data"]] == ["b"] and "$skipToken" not in second
    table = await _rows(rig, "resources | project name", options={"resultFormat": "table"})
    assert table["data"] == {"columns": [{"name": "name", "type": "object"}], "rows": [["a"], ["b"]]}


async def test_resource_graph_leaves_out_what_may_not_be_read(start: Rigs) -> None:
    role = Role(f"/subscriptions/{ONE}/resourceGroups/rg-web")
    rig = await start(estate(account("a"), account("b", "rg-data")), roles=[role])
    assert [row["name"] for row in (await _rows(rig, "resources"))["data"]] == ["a"]


async def test_rows_of_the_estates_own(start: Rigs) -> None:
    rows = [{"name": "x", "type": "microsoft.security/assessments", "properties": {"status": {"code": "Unhealthy"}}}]
    rig = await start(estate(resourceGraph={"SecurityResources": rows, "odd": [{"n": 1}]}))
    found = await _rows(rig, "securityresources | where properties.status.code == 'Unhealthy'")
    assert [row["name"] for row in found["data"]] == ["x"]
    assert (await _rows(rig, "odd"))["data"] == [{"n": 1}]
    denied = Deny("Microsoft.Security/assessments/read", "filter")
    rig = await start(estate(resourceGraph={"SecurityResources": rows, "odd": [{"n": 1}]}), deny=[denied])
    assert (await _rows(rig, "securityresources"))["data"] == []
    assert (await _rows(rig, "odd"))["data"] == [{"n": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "cats",
        "resources | summarize count() by type",
        "resources | where",
        "resources | where a ~~ 'b'",
        "resources | where f(x) == 1",
    ],
)
async def test_what_it_does_not_know_is_an_invalid_query(start: Rigs, query: str) -> None:
    rig = await start(estate(account("a")))
    got = await rig.ask(GRAPH, method="POST", body={"query": query})
    assert (got.status, got.code) == (400, "BadRequest")
    assert got.body["error"]["details"][0]["code"] == "InvalidQuery"


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("a == 1", [1]),
        ("a >= 2 and b != 'x'", [3]),
        ("a in (1, 3)", [1, 3]),
        ("b in~ ('X')", [1, 2]),
        ("b !in ('x')", [3]),
        ("b contains 'Y'", [3]),
        ("not(b == 'x') or a < 2", [1, 3]),
        ("isempty(c.d)", [2, 3]),
        ("isnotempty(c.d) and tostring(c.d) has 'deep'", [1]),
        ("tolower(b) == 'x' and (a == 1 or a == 2)", [1, 2]),
        ("b endswith 'z|'", [3]),
    ],
)
def test_conditions(condition: str, kept: list[int]) -> None:
    rows = [{"a": 1, "b": "x", "c": {"d": "so deep"}}, {"a": 2, "b": "x"}, {"a": 3, "b": "yz|"}]
    assert [row["a"] for row in run(f"t | where {condition}", lambda name: rows)[1]] == kept


def test_a_broken_condition_says_what_is_wrong() -> None:
    with pytest.raises(QueryError, match="Expected"):
        run("t | where (a == 1", lambda name: [])


async def test_policy_states_by_scope(start: Rigs) -> None:
    one, two = account("a"), account("b", "rg-data")
    states = [
        {
            "resourceId": one["id"],
            "policyAssignmentId": "p",
            "policyDefinitionId": "d",
            "complianceState": "NonCompliant",
        },
        {"resourceId": two["id"], "policyAssignmentId": "p", "policyDefinitionId": "d", "complianceState": "Compliant"},
    ]
    rig = await start(estate(one, two, policyStates=states))
    scope = f"/subscriptions/{ONE}"
    path = "providers/Microsoft.PolicyInsights/policyStates/latest"

    async def ask(where: str, what: str) -> Any:
        return (await rig.ask(f"{where}/{path}/{what}", method="POST", body={})).body

    assert len((await ask(scope, f"queryResults?{API}"))["value"]) == 2
    bad = await ask(scope, f"queryResults?{API}&$filter=complianceState%20eq%20'NonCompliant'")
    assert [one["resourceId"] for one in bad["value"]] == [one["id"]]
    assert len((await ask(f"{scope}/resourceGroups/rg-data", f"queryResults?{API}"))["value"]) == 1
    assert len((await ask(scope, f"queryResults?{API}&$top=1"))["value"]) == 1
    summary = (await ask(scope, f"summarize?{API}"))["value"][0]
    assert summary["results"] == {"nonCompliantResources": 1, "nonCompliantPolicies": 1}
    assert [one["policyAssignmentId"] for one in summary["policyAssignments"]] == ["p"]
    assert rig.emulator.write_attempts == []


async def test_subscriptions_carry_their_management_groups_and_join(start: Rigs) -> None:
    groups = "Microsoft.Management/managementGroups"
    rows = [{"type": "microsoft.security/assessments", "subscriptionId": ONE, "name": name} for name in "ab"]
    rig = await start(
        estate(
            account("a"),
            {"id": f"/providers/{groups}/root", "type": groups, "name": "root", "properties": {"displayName": "All"}},
            subscriptions=[{"subscriptionId": ONE, "managementGroup": "root"}, {"subscriptionId": TWO}],
            resourceGraph={"securityresources": rows},
        )
    )
    query = (
        "resourcecontainers | where type =~ 'microsoft.resources/subscriptions'"
        " | project subscriptionId, chain = properties.managementGroupAncestorsChain"
        " | join kind=leftouter (securityresources | where type =~ 'microsoft.security/assessments'"
        " | summarize assessments = count() by subscriptionId) on subscriptionId"
    )
    found = (await _rows(rig, query))["data"]
    assert found == [
        {"assessments": 2, "subscriptionId": ONE, "chain": [{"name": "root", "displayName": "All"}]},
        {"subscriptionId": TWO, "chain": []},
    ]
    for broken in ("resources | join (resources) on id", "resources | summarize count()"):
        assert (await rig.ask(GRAPH, method="POST", body={"query": broken})).status == 400
