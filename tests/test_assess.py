"""Assessing: every subject gets its verdict, with the evidence that decided it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from azscan.assess import Assessor, Filters
from azscan.azure.answers import Answer, Fault
from azscan.estate.documents import Documents
from azscan.results import Waiver
from azscan.settings import Settings
from tests.collect.ground import (
    AT,
    ONE,
    TWO,
    Azure,
    assessed,
    at,
    catalog,
    check,
    collect,
    kind,
    link,
    page,
    statuses,
    thing,
    verdicts,
)

ON = {"field": "properties.on", "equals": True}
THINGS = f"{at(ONE)}/things"
GROUP_LIST = f"/subscriptions/{ONE}/resourcegroups"
DENIED = Fault("access_denied", "no", code="AuthorizationFailed", action="Microsoft.Test/things/read")


def on(name, value=True, **more):
    return thing(name, properties={"on": value}, **more)


def estate_of(tmp_path, *things, require=None, **more):
    known = catalog(kind("thing"), checks=[check("a", "thing", require or ON, **more)])
    return collect(Azure({THINGS: page(*things)}), known, tmp_path / "e.sqlite"), known


@pytest.mark.parametrize(("subject", "scope"), [("subscription", f"/subscriptions/{ONE}"), ("tenant", "/")])
def test_a_subject_that_was_not_put_on_record_is_unreadable(tmp_path, subject, scope):
    known = catalog(kind("thing"), checks=[check("a", subject, {"field": "id", "exists": True})])
    estate = collect(Azure({THINGS: page(on("t"))}), known, tmp_path / "e.sqlite")
    assert [each.status for each in verdicts(estate, known)] == ["pass"]
    with estate.transaction() as connection:
        # as a scan leaves it that is killed between two subscriptions
        connection.execute("DELETE FROM resource WHERE collection = ?", (subject,))
        connection.execute("DELETE FROM read WHERE collection = ?", (subject,))
    (left,) = verdicts(estate, known)
    assert (left.status, left.resource.id) == ("unreadable", scope)
    assert "was not put on record" in left.reason


# statuses


@pytest.mark.parametrize(
    ("properties", "status", "reason"),
    [
        ({"on": True}, "pass", ""),
        ({"on": False}, "fail", ""),
        ({"on": None}, "fail", "Azure does not say properties.on"),
        ({}, "fail", "Azure does not say properties.on"),
        (None, "fail", "Azure does not say properties.on"),
        ("text", "fail", "Azure does not say properties.on"),
        ({"on": ""}, "fail", "Azure does not say properties.on"),
    ],
)
def test_absent_is_never_a_pass(tmp_path, properties, status, reason):
    (verdict,) = verdicts(*estate_of(tmp_path, {**thing("a"), "properties": properties}))
    assert (verdict.status, verdict.reason) == (status, reason)


@pytest.mark.parametrize(
    ("applies", "expected"),
    [
        ({"field": "kind", "equals": "x"}, "pass"),
        ({"field": "kind", "equals": "y"}, None),
        ({"field": "nowhere", "equals": "x"}, "pass"),  # unsaid: the check applies
        ({"not": {"field": "nowhere", "equals": "x"}}, "pass"),
    ],
)
def test_what_does_not_apply_has_no_verdict_but_counts(tmp_path, applies, expected):
    results = assessed(*estate_of(tmp_path, {**on("a"), "kind": "x"}, applies=applies))
    assert [each.status for each in results.verdicts()] == ([expected] if expected else [])
    assert results.summary.statuses["not-applicable"] == (0 if expected else 1)
    assert results.summary.not_applicable == ({} if expected else {"a": 1})


def test_an_applies_that_is_unreadable_leaves_the_verdict_so(tmp_path):
    known = catalog(
        kind("thing", detail="{id}"),
        checks=[check("a", "thing", ON, applies={"field": "properties.gate", "equals": True})],
    )
    azure = Azure({THINGS: page(on("a")), on("a")["id"]: DENIED})
    (verdict,) = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert verdict.status == "unreadable" and verdict.reason.startswith("access_denied: no (needs Microsoft.Test/")
    assert verdict.evidence[0].path == "properties.gate" and verdict.evidence[0].present is None


def test_a_quantifier_may_say_that_a_check_does_not_apply(tmp_path):
    require = {
        "every": {"in": "properties.rules", "where": {"field": "on", "equals": True}, "whenEmpty": "not-applicable"}
    }
    results = assessed(*estate_of(tmp_path, {**thing("a"), "properties": {"rules": []}}, require=require))
    assert list(results.verdicts()) == [] and results.summary.statuses["not-applicable"] == 1


# lists that could not be read


def world(tmp_path, answers, *kinds, checks, subscriptions=(ONE,)):
    known = catalog(*kinds, checks=checks)
    return collect(Azure(answers), known, tmp_path / "e.sqlite", subscriptions), known


def test_a_list_that_could_not_be_read_is_one_row_for_each_check_and_subscription(tmp_path):
    checks = [check(name, "thing", ON) for name in ("a", "b")]
    answers = {THINGS: DENIED, f"{at(TWO)}/things": page(on("x", subscription=TWO))}
    found = verdicts(*world(tmp_path, answers, kind("thing"), checks=checks, subscriptions=(ONE, TWO)))
    assert sorted((each.check, each.status, each.resource.subscription) for each in found) == [
        ("a", "pass", TWO),
        ("a", "unreadable", ONE),
        ("b", "pass", TWO),
        ("b", "unreadable", ONE),
    ]
    row = next(each for each in found if each.status == "unreadable")
    assert (row.resource.id, row.resource.name, row.resource.type) == (
        f"/subscriptions/{ONE}",
        "*",
        "Microsoft.Test/things",
    )
    (fact,) = row.evidence
    assert fact.actual == "HTTP 403 AuthorizationFailed" and fact.url.startswith(THINGS) and fact.read_at == AT


def test_children_are_unreadable_for_the_parents_whose_list_failed_only(tmp_path):
    kinds = (kind("thing"), kind("child", of=("thing",)), kind("leaf", of=("child",), list="{id}/leafs"))
    one, two = thing("one"), thing("two")
    good = {"id": f"{two['id']}/childs/c", "properties": {"on": True}}
    answers = {
        THINGS: page(one, two),
        f"{one['id']}/childs": DENIED,
        f"{two['id']}/childs": page(good, {**good, "id": f"{good['id']}2"}),
        f"{good['id']}/leafs": page({"id": f"{good['id']}/leafs/l", "properties": {"on": True}}),
        f"{good['id']}2/leafs": DENIED,
    }
    found = verdicts(*world(tmp_path, answers, *kinds, checks=[check("leaf-on", "leaf", ON)]))
    assert [(each.status, each.resource.id) for each in found] == [
        ("unreadable", one["id"].lower()),
        ("unreadable", f"{good['id']}2".lower()),
        ("pass", f"{good['id']}/leafs/l"),
    ]


def test_a_denied_parent_list_leaves_its_children_unreadable_once(tmp_path):
    kinds = (kind("thing"), kind("child", of=("thing",)))
    found = verdicts(*world(tmp_path, {THINGS: DENIED}, *kinds, checks=[check("child-on", "child", ON)]))
    assert [(each.status, each.resource.id) for each in found] == [("unreadable", f"/subscriptions/{ONE}")]


def test_what_cannot_be_counted_is_judged_as_far_as_it_goes(tmp_path):
    where = {"field": "properties.on", "equals": False}
    checks = [
        check("some", "subscription", {"some": {"in": "things", "where": where}}),
        check("none", "subscription", {"none": {"in": "things", "where": where, "whenEmpty": "pass"}}),
        check("every", "subscription", {"every": {"in": "things", "where": ON, "whenEmpty": "pass"}}),
        check("two", "subscription", {"count": {"in": "things"}, "greaterOrEquals": 2}),
        check("three", "subscription", {"count": {"in": "things"}, "greaterOrEquals": 3}),
        check("few", "subscription", {"count": {"in": "things"}, "less": 9}),
    ]
    for number, (value, expected) in enumerate(
        [
            (True, {"some": "unreadable", "none": "unreadable", "every": "unreadable"}),
            (False, {"some": "pass", "none": "fail", "every": "fail"}),
        ]
    ):
        answers = {THINGS: page(on("a"), on("b", value), next="/2"), "/2": DENIED}
        folder = tmp_path / str(number)
        found = {
            key: status for (key, _), status in statuses(*world(folder, answers, kind("thing"), checks=checks)).items()
        }
        assert found == {**expected, "two": "pass", "three": "unreadable", "few": "unreadable"}


# subjects


def test_the_tenant_is_judged_once_and_a_subscription_each(tmp_path):
    users = {"some": {"in": "users"}}
    checks = [
        check("tenant", "tenant", users),
        check("subscription", "subscription", {"field": "subscriptionId", "exists": True}),
        check("user", "user", {"field": "name", "equals": "x"}),
    ]
    answers = {"/v1.0/users": page({"id": "u1", "name": "x"})}
    found = verdicts(
        *world(tmp_path, answers, kind("user", host="graph", list="/users"), checks=checks, subscriptions=(ONE, TWO))
    )
    assert sorted((each.check, each.resource.subscription, each.status) for each in found) == [
        ("subscription", ONE, "pass"),
        ("subscription", TWO, "pass"),
        ("tenant", "", "pass"),
        ("user", "", "pass"),
    ]


def test_a_denied_list_of_the_tenant_is_unreadable_for_it_and_for_its_subjects(tmp_path):
    checks = [
        check("tenant", "tenant", {"none": {"in": "users", "where": ON, "whenEmpty": "pass"}}),
        check("user", "user", ON),
    ]
    found = verdicts(
        *world(tmp_path, {"/v1.0/users": DENIED}, kind("user", host="graph", list="/users"), checks=checks)
    )
    assert [(each.check, each.status) for each in found] == [("tenant", "unreadable"), ("user", "unreadable")]


def test_groups_are_subjects_without_a_declaration(tmp_path):
    groups = page(
        {
            "id": f"/subscriptions/{ONE}/resourceGroups/Web",
            "name": "Web",
            "location": "westeurope",
            "tags": {"owner": "x"},
        }
    )
    known = catalog(checks=[check("owned", "resource_group", {"field": "tags.owner", "exists": True})])
    (verdict,) = verdicts(collect(Azure({GROUP_LIST: groups}), known, tmp_path / "e.sqlite"), known)
    assert (verdict.status, verdict.resource.resource_group, verdict.resource.type) == (
        "pass",
        "Web",
        "Microsoft.Resources/resourceGroups",
    )


# filters


@pytest.fixture
def varied(tmp_path):
    place = [
        {**on("w", group="web"), "location": "West Europe", "tags": {"Env": "Prod", "team": "a"}},
        {**on("n", group="db"), "location": "northeurope", "tags": {"env": "test"}},
        {**on("g", group="web")},
    ]
    known = catalog(
        kind("thing", links=(link("partner", "partner", "name", "properties.of", across="subscription"),)),
        kind("child", of=("thing",)),
        kind("partner"),
        checks=[
            check("thing", "thing", ON),
            check("child", "child", ON),
            check("linked", "thing", {"field": "partner.name", "exists": True}),
            check("sub", "subscription", {"some": {"in": "things", "where": {"field": "name", "equals": "n"}}}),
        ],
    )
    answers = {
        THINGS: page(*place),
        f"{at(ONE)}/partners": page(thing("p", "partners", group="elsewhere", properties={"of": "w"})),
    }
    for each in place:
        answers[f"{each['id']}/childs"] = page(
            {"id": f"{each['id']}/childs/{each['name']}c", "properties": {"on": True}}
        )
    return collect(Azure(answers), known, tmp_path / "e.sqlite"), known


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, "gnw"),
        ({"regions": ("WestEurope",)}, "w"),
        ({"regions": ("west europe", "northeurope")}, "nw"),
        ({"regions": ("global",)}, "g"),
        ({"resource_groups": ("WEB",)}, "gw"),
        ({"tags": ("env",)}, "nw"),
        ({"tags": ("ENV=prod",)}, "w"),
        ({"tags": (" Env = Prod ", "team")}, "w"),
        ({"resource_groups": ("web",), "regions": ("westeurope",)}, "w"),
    ],
)
def test_filters_choose_subjects_and_never_what_is_linked_or_listed(varied, given, chosen):
    found = statuses(*varied, Settings(**given))
    assert {name for key, name in found if key == "thing"} == set(chosen)
    assert {name for key, name in found if key == "child"} == {f"{name}c" for name in chosen}, (
        "a child goes with its parent"
    )
    assert found["sub", ONE] == "pass", "a subscription knows no filter"
    if "w" in chosen:
        assert found["linked", "w"] == "pass", "what is linked lies in another group"


def test_a_filter_never_hides_what_could_not_be_listed(tmp_path):
    known = catalog(kind("thing"), checks=[check("a", "thing", ON)])
    estate = collect(Azure({THINGS: DENIED}), known, tmp_path / "e.sqlite")
    assert list(statuses(estate, known, Settings(resource_groups=("web",))).values()) == ["unreadable"]


def test_what_belongs_to_the_tenant_knows_no_filter(tmp_path):
    answers = {"/v1.0/users": page({"id": "u", "properties": {"on": True}}), THINGS: page(on("a"))}
    checks = [check("u", "user", ON), check("t", "thing", ON)]
    made = world(tmp_path, answers, kind("thing"), kind("user", host="graph", list="/users"), checks=checks)
    assert statuses(*made, Settings(resource_groups=("RG",))) == {("u", "u"): "pass", ("t", "a"): "pass"}


# evidence


def test_evidence_tells_what_decided(tmp_path):
    require = {"every": {"in": "properties.rules", "where": {"field": "port", "notEquals": 22}, "whenEmpty": "pass"}}
    rules = [{"name": "web", "port": 443}, {"name": "ssh", "port": 22}]
    (verdict,) = verdicts(*estate_of(tmp_path, {**thing("a"), "properties": {"rules": rules}}, require=require))
    (fact,) = verdict.evidence
    assert fact.path == "properties.rules[ssh].port" and fact.actual == 22 and fact.present
    assert (fact.url, fact.api, fact.read_at) == (f"{THINGS}?api-version=2024-01-01", "2024-01-01", AT)


def test_evidence_tells_null_from_absent_and_names_the_default(tmp_path):
    require = {"field": "properties.on", "equals": True, "default": True}
    (verdict,) = verdicts(*estate_of(tmp_path, {**thing("a"), "properties": {}}, require=require))
    (fact,) = verdict.evidence
    assert verdict.status == "pass" and fact.present is False and fact.actual is None
    assert "absent counts as true" in fact.expected


def test_evidence_keeps_twenty_items_and_the_total(tmp_path):
    require = {"none": {"in": "properties.rules", "where": {"field": "bad", "equals": True}, "whenEmpty": "pass"}}
    rules = [{"name": f"r{number}", "bad": True} for number in range(300)]
    (verdict,) = verdicts(*estate_of(tmp_path, {**thing("a"), "properties": {"rules": rules}}, require=require))
    assert len(verdict.evidence) <= 20 and any(fact.actual == {"items": 300, "true": 300} for fact in verdict.evidence)


def test_a_large_value_is_told_in_words(tmp_path):
    big = [{"text": "x" * 100} for _ in range(500)]
    (verdict,) = verdicts(
        *estate_of(
            tmp_path, {**thing("a"), "properties": {"big": big}}, require={"field": "properties.big", "exists": True}
        )
    )
    assert verdict.evidence[0].actual == "500 items"


def test_an_attached_document_is_told_as_azure_sent_it(tmp_path):
    kinds = (
        kind("thing"),
        kind("policy", of=("thing",), get="{id}/policy", attach_as="policy"),
        kind("rule", of=("policy",), list="{id}/rules"),
    )
    sent = {"id": f"{thing('a')['id']}/policy", "name": "policy"}
    checks = [
        check("has", "thing", {"field": "policy", "exists": True}),
        check("ruled", "policy", {"some": {"in": "rules"}}),
        # opens the rules in the very document that the first check tells of
        check("a-ruled", "thing", {"some": {"in": "policy.rules"}}),
    ]
    found = verdicts(*world(tmp_path, {THINGS: page(thing("a")), sent["id"]: sent}, *kinds, checks=checks))
    assert next(each for each in found if each.check == "has").evidence[0].actual == sent


# waivers, parameters, times


def test_a_waiver_turns_a_failure_only(tmp_path):
    things = [on("bad", False), on("good"), on("other", False)]
    estate, known = estate_of(tmp_path, *things)
    waiver = Waiver(checks=("a",), resources=("*/things/bad", "*/things/good"), reason="agreed")
    results = assessed(estate, known, Settings(waivers=(waiver,)))
    found = {each.resource.name: (each.status, each.waiver) for each in results.verdicts()}
    assert found == {"bad": ("waived", 0), "good": ("pass", None), "other": ("fail", None)}
    assert results.waivers[0].used == 1 and results.summary.statuses["waived"] == 1


def test_a_waiver_goes_by_the_tags_of_the_parent(tmp_path):
    parent = {**thing("p"), "tags": {"Public": "yes"}}
    answers = {
        THINGS: page(parent),
        f"{parent['id']}/childs": page({"id": f"{parent['id']}/childs/c", "properties": {"on": False}}),
    }
    estate, known = world(
        tmp_path, answers, kind("thing"), kind("child", of=("thing",)), checks=[check("a", "child", ON)]
    )
    waiver = Waiver(checks=("a",), resources=(), tags=("public=yes",), reason="agreed")
    assert statuses(estate, known, Settings(waivers=(waiver,))) == {("a", "c"): "waived"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "fail"),
        ({"a": {"least": 3}}, "pass"),
        ({"former": {"least": 3}}, "pass"),
        ({"former": {"least": 3}, "a": {"least": 9}}, "fail"),
        ({"unrelated": {"least": 3}}, "fail"),
    ],
)
def test_parameters_count_under_the_present_and_the_former_id(tmp_path, params, expected):
    require = {"field": "properties.size", "greaterOrEquals": "${least}"}
    made = estate_of(
        tmp_path, {**thing("x"), "properties": {"size": 5}}, require=require, params={"least": 7}, aliases=("former",)
    )
    assert statuses(*made, Settings(params=params)) == {("a", "x"): expected}


def test_times_are_judged_at_one_moment(tmp_path):
    require = {"field": "properties.until", "expiresWithin": "30d"}
    estate, known = estate_of(
        tmp_path, {**thing("x"), "properties": {"until": "2026-06-01T00:00:00Z"}}, require=require
    )
    for now, status in ((datetime(2026, 5, 20, tzinfo=UTC), "pass"), (datetime(2026, 1, 1, tzinfo=UTC), "fail")):
        assessor = Assessor(
            estate, known, Documents(estate, known, (ONE,)), [*known.checks.values()], owners=(ONE,), now=now
        )
        assert assessor.run().of(status) == 1


def test_assessing_again_replaces_what_was_there(tmp_path):
    estate, known = estate_of(tmp_path, on("a"), on("b", False))
    first = verdicts(estate, known)
    assert verdicts(estate, known) == first
    assert estate.connection.execute("SELECT count(*) FROM verdict").fetchone() == (2,)
    assert set(estate.connection.execute("SELECT subscription FROM verdict")) == {(ONE,)}


def test_results_can_be_walked_while_they_are_walked(tmp_path):
    estate, known = estate_of(tmp_path, *(on(f"t{number}") for number in range(5)))
    results = assessed(estate, known)
    pairs = [(one.resource.name, two.resource.name) for one in results.verdicts() for two in results.verdicts()]
    assert len(set(pairs)) == 25


def test_more_verdicts_than_a_batch_are_all_stored(tmp_path, monkeypatch):
    monkeypatch.setattr("azscan.assess.BATCH", 3)
    assert len(verdicts(*estate_of(tmp_path, *(on(f"t{number}") for number in range(10))))) == 10


def test_blame_goes_to_the_read_that_failed(tmp_path):
    kinds = (kind("thing", links=(link("outer", "thing", "properties.ref", "id"),)), kind("child", of=("thing",)))
    away = "/subscriptions/9f9f9f9f-9999-4999-8999-999999999999/x/y"
    one = {**thing("one"), "properties": {"ref": away}}
    checks = [
        check("child", "thing", {"none": {"in": "childs", "where": ON, "whenEmpty": "pass"}}),
        check("children", "child", ON),
        check("link", "thing", {"field": "outer.name", "exists": True}),
    ]
    results = assessed(*world(tmp_path, {THINGS: page(one), f"{one['id']}/childs": DENIED}, *kinds, checks=checks))
    parts = {part.kind: part for part in results.unreadable}
    denied = parts["access_denied"]
    assert (denied.collection, denied.scope, denied.code) == ("child", one["id"].lower(), "AuthorizationFailed")
    assert denied.verdicts == 2 and set(denied.checks) == {"child", "children"} and denied.action == DENIED.action
    assert parts["out_of_scope"].verdicts == 1 and parts["out_of_scope"].checks == ("link",)
    assert sum(part.verdicts for part in results.unreadable) == results.summary.statuses["unreadable"] == 3


def test_filters_are_all_empty_or_some(tmp_path):
    assert not Filters() and Filters(tags=(("a", None),)) and Filters(regions=frozenset({"x"}))


def test_a_disk_is_not_managed_by_the_machine_that_it_is_attached_to(tmp_path):
    machine = f"/subscriptions/{ONE}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
    cluster = f"/subscriptions/{ONE}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/k"
    groups = page({"id": f"/subscriptions/{ONE}/resourceGroups/MC_rg", "managedBy": cluster})
    things = page({**on("disk"), "managedBy": machine}, {**on("own"), "managedBy": cluster}, on("node", group="mc_RG"))
    known = catalog(kind("thing"), checks=[check("a", "thing", ON)])
    found = verdicts(collect(Azure({THINGS: things, GROUP_LIST: groups}), known, tmp_path / "e.sqlite"), known)
    assert {each.resource.name: each.resource.managed_by for each in found} == {
        "disk": "",
        "own": cluster,
        "node": cluster,
    }


def test_waivers_expire(tmp_path):
    estate, known = estate_of(tmp_path, on("a", False))
    waiver = Waiver(checks=("*",), resources=("*",), reason="r", expires="2020-01-01")
    results = assessed(estate, known, Settings(waivers=(waiver,)))
    assert [each.status for each in results.verdicts()] == ["fail"] and results.waivers[0].expired
    before = Settings(waivers=(msgspec.structs.replace(waiver, expires="2999-01-01"),))
    (now,) = assessed(estate_of(tmp_path / "again", on("a", False))[0], known, before).waivers
    assert not now.expired and now.used == 1


def test_a_page_with_a_fault_keeps_its_own_evidence(tmp_path):
    half = Answer(url="", api="", status=200, at=AT, items=(on("a"),), fault=Fault("bad_response", "cut"))
    known = catalog(kind("thing"), checks=[check("a", "thing", ON)])
    found = verdicts(collect(Azure({THINGS: half}), known, tmp_path / "e.sqlite"), known)
    assert [each.status for each in found] == ["unreadable", "pass"]
    assert msgspec.json.encode(found[0].evidence[0].actual) == b'"HTTP 200"'


def test_every_failure_of_documents_that_are_alike_is_held_against_the_baseline(tmp_path):
    estate, known = estate_of(tmp_path, *(on(name, value=False) for name in "abcd"))
    judged = Assessor(
        estate, known, Documents(estate, known, (ONE,)), [*known.checks.values()], owners=(ONE,), now=datetime.now(UTC),
        is_known=lambda check, resource: resource[-1] in "ad",
    ).run()  # fmt: skip
    assert (judged.of("fail"), judged.known["a"]) == (4, 2)
