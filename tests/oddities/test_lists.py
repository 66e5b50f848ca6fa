"""How real lists come: empty, bare, in pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from azscan.emulator import FaultRule, Options, demo_estate
from tests.azure.servers import HurriedClock
from tests.emulator.rig import ONE, STORAGE, account, estate
from tests.harness import scan
from tests.oddities.ground import (
    HTTPS,
    answered,
    catalog,
    played,
    snippets,
    statuses,
)


def test_empty_list(shared: Path, tmp_path: Path) -> None:
    (empty,) = snippets(shared)["Empty list"]
    scanned = answered(tmp_path, empty)
    assert scanned.verdicts == []
    assert not scanned.results.unreadable
    assert scanned.exit_code == 0


def test_a_bare_array_without_value(shared: Path, tmp_path: Path) -> None:
    (array,) = snippets(shared)["A bare array, no `value`"]
    scanned = answered(tmp_path, [*array, account("good")])
    assert {verdict.resource.id: verdict.status for verdict in scanned.verdicts} == {
        array[0]["id"]: "fail",
        account("good")["id"]: "pass",
    }


def test_value_holding_strings(shared: Path, tmp_path: Path) -> None:
    (strings,) = snippets(shared)["`value` holding strings"]
    scanned = answered(tmp_path, {"value": [*strings["value"], account("good")]})
    assert sorted(statuses(scanned)) == ["fail", "pass"]


@pytest.mark.parametrize("end", [0, 1])
def test_next_page_null_or_empty_is_the_end(shared: Path, tmp_path: Path, end: int) -> None:
    link = snippets(shared)["Next page: every form"][end]
    scanned = answered(tmp_path, {"value": [account("a")], **link})
    assert statuses(scanned) == ["pass"]
    assert not scanned.results.unreadable


@pytest.mark.parametrize("form", [2, 3, 4, 5])
def test_next_page_is_asked_as_the_link_says(shared: Path, tmp_path: Path, form: int) -> None:
    """Not encoded anew, with the link's own api-version; an empty page goes on."""
    sent = snippets(shared)["Next page: every form"][form]["nextLink"]
    host, path, query = re.fullmatch(r"(https://[^/]+)([^?]+)\?(.*)", sent).groups()  # type: ignore[union-attr]
    path = f"/subscriptions/{ONE}/providers/{STORAGE}"
    kind = catalog().collections["storage_account"]
    first = {"value": [] if form == 5 else [account("a")], "nextLink": f"{host}{path}?{query}"}
    pages = [(f"{path}?api-version={kind.api['']}", first), (f"{path}?{query}", {"value": [account("b")]})]
    scanned = scan(tmp_path, played(tmp_path, pages), catalog=catalog(), clock=HurriedClock(), checks=[HTTPS])
    assert [verdict.resource.name for verdict in scanned.verdicts] == ["b"] if form == 5 else ["a", "b"]
    assert query in [record.query for record in scanned.emulator.log]
    assert not scanned.results.unreadable


@pytest.mark.parametrize("last", ["absent", "null", "empty"])
def test_pages_of_every_length_say_the_same(tmp_path: Path, last: str) -> None:
    """ARM's lists and Graph's, with empty pages between."""
    whole = scan(tmp_path, demo_estate(), catalog=catalog())
    options = Options(page_size=1, empty_pages=True, last_link=last)  # type: ignore[arg-type]
    assert scan(tmp_path, demo_estate(), options, catalog=catalog()).outcome() == whole.outcome()


def test_count_as_an_object(shared: Path, tmp_path: Path) -> None:
    (count,) = snippets(shared)["`count` as an object"]
    assert statuses(answered(tmp_path, {**count, "value": [account("a")]})) == ["pass"]


@pytest.mark.parametrize("is_table", [False, True])
def test_resource_graph_has_two_result_formats(shared: Path, tmp_path: Path, is_table: bool) -> None:
    (objects,) = snippets(shared)["Resource Graph: two result formats"]
    (row,) = objects["data"]
    names = [{"name": name, "type": "string"} for name in row]
    table = {**objects, "data": {"columns": names, "rows": [list(row.values())]}}
    service = tmp_path / "checks" / "queried"
    service.mkdir(parents=True)
    (service / "_service.yaml").write_text(QUERIED, encoding="utf-8")
    (service / "queried-named.yaml").write_text(QUERIED_NAMED, encoding="utf-8")
    rule = FaultRule("*Microsoft.ResourceGraph/resources", status=200, body=table if is_table else objects)
    scanned = scan(
        tmp_path,
        estate(account("a")),
        Options(faults=[rule]),
        checks_dir=[str(tmp_path / "checks")],
        checks=["queried-named"],
    )
    assert [(verdict.resource.id, verdict.status) for verdict in scanned.verdicts] == [(row["id"], "pass")]


QUERIED = """\
service: queried
title: What a query finds
area: compute
collections:
  found:
    type: Microsoft.Compute/locations/communityGalleries
    api: "2022-10-01"
    query_kql: communitygalleryresources | project id, name, type, tenantId
    presence: always
"""
QUERIED_NAMED = """\
id: queried-named
title: It has a name
severity: low
status: stable
subject: found
require: {field: name, like: "pubname-*"}
why: >-
  It is an example. It has two sentences.
fix: {text: Name it.}
refs: [https://learn.microsoft.com/azure/governance/resource-graph/]
examples:
  pass: [{name: pubname-1}]
  fail: [{name: other}]
"""
