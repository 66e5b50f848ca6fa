"""The results of an assessed estate: their order, their references, their summary."""

from __future__ import annotations

import random

import msgspec
import pytest

from azscan.azure.answers import Fault
from azscan.catalog.model import FixText
from azscan.results import SEVERITY_RANK, STATUSES, Allowance
from azscan.settings import Settings
from tests.collect.ground import ONE, TWO, Azure, assessed, at, catalog, check, collect, kind, page, thing, verdicts

ON = {"field": "properties.on", "equals": True}
DENIED = Fault("access_denied", "no", code="AuthorizationFailed", action="Microsoft.Test/childs/read")


def place(verdict):
    return (
        verdict.service,
        STATUSES.index(verdict.status),
        SEVERITY_RANK[verdict.severity],
        verdict.check,
        verdict.resource.subscription,
        verdict.resource.id.lower(),
    )


@pytest.fixture
def mixed(tmp_path):
    """Things and their children in two subscriptions, some on, some off, some unreadable, under five checks."""
    chance = random.Random(7)
    checks = [
        check("z-thing", "thing", ON, severity="low"),
        check("a-thing", "thing", ON, severity="critical"),
        check("m-child", "child", ON, severity="critical"),
        check("b-child", "child", ON, severity="medium", service="another"),
        check("c-detail", "thing", {"field": "properties.more", "equals": True}, severity="info"),
    ]
    known = catalog(kind("thing", detail="{id}"), kind("child", of=("thing",)), checks=checks)
    answers = {}
    for subscription in (TWO, ONE):
        things = [
            thing(
                name,
                group=chance.choice(["A", "b"]),
                subscription=subscription,
                properties={"on": chance.random() < 0.5},
            )
            for name in "QwErTy"
        ]
        answers[f"{at(subscription)}/things"] = page(*things)
        for each in things:
            answers[each["id"]] = DENIED if chance.random() < 0.3 else each
            children = [
                {"id": f"{each['id']}/childs/{name}", "properties": {"on": chance.random() < 0.5}} for name in "bA"
            ]
            answers[f"{each['id']}/childs"] = DENIED if chance.random() < 0.4 else page(*children)
    return collect(Azure(answers), known, tmp_path / "e.sqlite", (ONE, TWO)), known


def test_verdicts_come_in_the_order_that_reports_rely_on(mixed):
    found = verdicts(*mixed)
    assert {each.status for each in found} == {"pass", "fail", "unreadable"}
    assert found == sorted(found, key=place)
    assert len({(each.check, each.resource.id.lower()) for each in found}) == len(found)


def test_one_status_is_a_part_of_all(mixed):
    results = assessed(*mixed)
    every = list(results.verdicts())
    for status in STATUSES:
        assert list(results.verdicts(status)) == [each for each in every if each.status == status]
    assert list(results.verdicts("pass", "fail")) == list(results.verdicts("fail", "pass"))


def test_the_summary_counts_what_the_verdicts_are(mixed):
    results = assessed(*mixed)
    found = list(results.verdicts())
    for status in ("pass", "fail", "unreadable"):
        assert results.summary.statuses[status] == sum(each.status == status for each in found)
        for severity, counts in results.summary.severities.items():
            assert counts[status] == sum(each.status == status and each.severity == severity for each in found)
    assert results.summary.checks == 5
    assert sum(part.verdicts for part in results.unreadable) == results.summary.statuses["unreadable"]


def test_a_reference_says_where_a_resource_lies(tmp_path):
    parent = {**thing("p", group="Web"), "location": "West Europe"}
    known = catalog(
        kind("thing"), kind("child", of=("thing",)), checks=[check("t", "thing", ON), check("c", "child", ON)]
    )
    child = {"id": f"{parent['id']}/childs/c", "properties": {"on": True}}
    azure = Azure({f"{at(ONE)}/things": page(parent), f"{parent['id']}/childs": page(child)})
    found = {each.check: each.resource for each in verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)}
    assert (found["t"].id, found["t"].name, found["t"].type) == (parent["id"], "p", "Microsoft.Test/things")
    assert (found["t"].region, found["t"].resource_group, found["t"].subscription) == ("westeurope", "Web", ONE)
    assert (found["c"].name, found["c"].type, found["c"].region) == ("c", "Microsoft.Test/things/childs", "westeurope")


def test_only_findings_have_a_fix_and_it_is_quoted(tmp_path):
    things = [{**thing("it's $(x)"), "properties": {"on": False}}, {**thing("ok"), "properties": {"on": True}}]
    fix = FixText("mend it", "az thing update --name {name}")
    known = catalog(kind("thing"), checks=[msgspec.structs.replace(check("a", "thing", ON), fix=fix)])
    estate = collect(Azure({f"{at(ONE)}/things": page(*things)}), known, tmp_path / "e.sqlite")
    for shell, line in (
        ("posix", "az thing update --name 'it'\"'\"'s $(x)'"),
        ("powershell", "az thing update --name 'it''s $(x)'"),
    ):
        fixes = {each.status: each.fix for each in verdicts(estate, known, Settings(shell=shell))}
        assert fixes["pass"] is None and fixes["fail"].cli == line and fixes["fail"].text == "mend it"


def test_an_unreadable_part_is_told_with_who_rests_on_it(tmp_path):
    known = catalog(
        kind("thing"), kind("child", of=("thing",)), checks=[check("t", "thing", ON), check("c", "child", ON)]
    )
    results = assessed(collect(Azure({f"{at(ONE)}/things": DENIED}), known, tmp_path / "e.sqlite"), known)
    (part,) = results.unreadable
    assert (part.kind, part.collection, part.subscription, part.scope) == (
        "access_denied",
        "thing",
        ONE,
        f"/subscriptions/{ONE}",
    )
    assert set(part.checks) == {"t", "c"} and part.verdicts == 2 and not part.allowed


def test_what_is_allowed_to_be_unreadable_is_marked(tmp_path):
    known = catalog(kind("thing"), checks=[check("t", "thing", ON)])
    estate = collect(Azure({f"{at(ONE)}/things": DENIED}), known, tmp_path / "e.sqlite")
    results = assessed(estate, known, Settings(allow_unreadable=(Allowance("access_denied"),)))
    assert results.unreadable[0].allowed and results.scan.allowed_unreadable[0].used == 1
