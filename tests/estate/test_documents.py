"""Documents: what is attached, what a link joins, and what is not known."""

from __future__ import annotations

import pytest

from azscan.azure.answers import Fault
from azscan.conditions.values import MISSING, Document, Items, Unreadable
from azscan.estate.documents import Documents
from tests.collect.ground import (
    ONE,
    TWO,
    Azure,
    at,
    catalog,
    check,
    collect,
    kind,
    link,
    page,
    statuses,
    thing,
)

DENIED = Fault("access_denied", "no", action="Microsoft.Test/x/read")
ELSEWHERE = "9f9f9f9f-9999-4999-8999-999999999999"
ANY = {"field": "name", "exists": True}


def documents(estate, known, scope=(ONE,)):
    return Documents(estate, known, scope)


def opened(made, collection, name, part, subscription=ONE):
    for row, document in made.subjects(collection, subscription):
        if row.id_as_sent.endswith(f"/{name}"):
            return document[part].open()
    raise AssertionError(f"there is no {name}")


def names(items):
    return [item["name"] for item in items]


# attached lists and maps


@pytest.fixture
def configured(tmp_path):
    def made(answer):
        parent = kind("server", type="Microsoft.Test/servers")
        parameter = kind("parameter", of=("server",), key="name", attach_as="configurations")
        tls = {"field": "configurations.tls.properties.value", "equals": "on"}
        every = {
            "none": {
                "in": "configurations",
                "where": {"field": "properties.value", "equals": "off"},
                "whenEmpty": "fail",
            }
        }
        known = catalog(parent, parameter, checks=[check("tls", "server", tls), check("none-off", "server", every)])
        one = thing("s", "servers")
        azure = Azure({f"{at(ONE)}/servers": page(one), f"{one['id']}/parameters": answer})
        return known, collect(azure, known, tmp_path / "e.sqlite")

    return made


def parameter(name, value):
    return {"id": f"/p/{name}", "name": name, "properties": {"value": value}}


def test_a_list_with_a_key_is_a_map(configured):
    known, estate = configured(page(parameter("tls", "on"), parameter("log", "off")))
    assert statuses(estate, known) == {("tls", "s"): "pass", ("none-off", "s"): "fail"}


def test_what_an_incomplete_map_lacks_is_unreadable(configured):
    from azscan.azure.answers import Answer
    from tests.collect.ground import AT

    half = Answer(
        url="", api="", status=200, at=AT, items=(parameter("log", "on"),), fault=Fault("bad_response", "cut")
    )
    known, estate = configured(half)
    assert statuses(estate, known) == {("tls", "s"): "unreadable", ("none-off", "s"): "unreadable"}


def test_a_map_that_could_not_be_read_is_unreadable(configured):
    known, estate = configured(DENIED)
    assert set(statuses(estate, known).values()) == {"unreadable"}


def test_records_without_the_key_are_walked_all_the_same(configured):
    known, estate = configured(
        page(parameter("tls", "on"), {"id": "/p/1", "properties": {"value": "off"}}, {"id": "/p/2", "name": 7})
    )
    assert statuses(estate, known) == {("tls", "s"): "pass", ("none-off", "s"): "fail"}
    assert len(opened(documents(estate, known), "server", "s", "configurations")) == 3


def test_two_records_of_one_key_are_no_answer(configured):
    known, estate = configured(page(parameter("tls", "off"), {**parameter("tls", "on"), "id": "/p/second"}))
    assert statuses(estate, known) == {("tls", "s"): "unreadable", ("none-off", "s"): "unreadable"}


def test_a_key_may_be_a_path(tmp_path):
    known = catalog(
        kind("server", type="Microsoft.Test/servers"),
        kind("rule", of=("server",), key="properties.kind", attach_as="rules"),
        checks=[check("a", "server", {"field": "rules.x.name", "equals": "one"})],
    )
    one = thing("s", "servers")
    rules = page(
        {"id": "/r/1", "name": "one", "properties": {"kind": "x"}},
        {"id": "/r/2", "name": "two", "properties": {"kind": "y"}},
    )
    estate = collect(
        Azure({f"{at(ONE)}/servers": page(one), f"{one['id']}/rules": rules}), known, tmp_path / "e.sqlite"
    )
    assert statuses(estate, known) == {("a", "s"): "pass"}


def test_a_subscription_carries_what_is_listed_for_it(tmp_path):
    known = catalog(kind("thing"), checks=[check("a", "subscription", {"some": {"in": "things"}})])
    azure = Azure(
        {
            f"{at(each)}/things": page(*(thing(name, subscription=each) for name in few))
            for each, few in ((ONE, "ab"), (TWO, ""))
        }
    )
    estate = collect(azure, known, tmp_path / "e.sqlite", (ONE, TWO))
    made = documents(estate, known, (ONE, TWO))
    items = opened(made, "subscription", ONE, "things")
    assert names(items) == ["a", "b"] == names(items), "a list can be walked again"
    assert (
        len(items) == 2
        and items.fault is None
        and items.read == estate.last_page("thing", "read", f"/subscriptions/{ONE}").id
    )
    assert statuses(estate, known) == {("a", ONE): "pass", ("a", TWO): "fail"}


def test_parts_are_opened_once_and_only_when_named(tmp_path):
    known = catalog(
        kind("thing", links=(link("peers", "thing", "id", "id", many=True),)), checks=[check("a", "thing", ANY)]
    )
    estate = collect(Azure({f"{at(ONE)}/things": page(thing("a"))}), known, tmp_path / "e.sqlite")
    ((_, document),) = documents(estate, known).subjects("thing", ONE)
    assert document["peers"].open() is document["peers"].open()
    ((_, bare),) = Documents(estate, known, (ONE,), names=()).subjects("thing", ONE)
    assert "peers" not in bare


# links


def linked(tmp_path, made, targets, *, subscriptions=(ONE,), answers=None, own=None, **more):
    """What the link of a thing opens to; `made` are the link's from, to and more."""
    owner = kind("thing", links=(link("linked", "target", **made),))
    target = kind("target", **more)
    known = catalog(
        owner,
        target,
        checks=[check("a", "thing", {"some": {"in": "linked"}})]
        if made.get("many")
        else [check("a", "thing", {"field": "linked", "exists": True})],
    )
    script = {f"{at(ONE)}/things": page({**thing("a"), **(own or {})})}
    for subscription in (ONE, TWO):
        mine = [each for each in targets if subscription in each["id"]]
        script[f"{at(subscription)}/targets"] = page(*mine)
    if "list" in more:
        script[more["list"]] = page(*targets)
        script[f"/v1.0{more['list']}"] = page(*targets)
    script |= answers or {}
    estate = collect(
        Azure(script),
        known,
        tmp_path / "e.sqlite",
        subscriptions,
        left_out=made.pop("left_out", []) if "left_out" in made else [],
    )
    return opened(documents(estate, known, subscriptions), "thing", "a", "linked")


def target(name, subscription=ONE, **properties):
    return thing(name, "targets", subscription=subscription, properties=properties)


A = thing("a")["id"]


@pytest.mark.parametrize(
    ("match", "value", "joined"),
    [
        ("id", A, True),
        ("id", A.upper() + "/", True),
        ("id", f"{A}/subnets/x", False),
        ("idPrefix", f"{A}/subnets/x", True),
        ("idPrefix", A, True),
        ("idPrefix", f"{A}bc", False),
        ("idPrefix", f"{A}-b/subnets/x", False),
        ("scopeContains", f"/subscriptions/{ONE}", True),
        ("scopeContains", f"/subscriptions/{ONE.upper()}/resourceGroups/RG", True),
        ("scopeContains", f"/subscriptions/{ONE}/resourceGroups/r", False),
        ("scopeContains", A, True),
        ("scopeContains", f"{A}/more", False),
        ("equals", A, True),
    ],
)
def test_links_match_ids_by_segments_in_any_case(tmp_path, match, value, joined):
    made = {"from_": "id", "to": "properties.place", "match": match, "many": True}
    found = linked(tmp_path, made, [target("t", place=value)])
    assert names(found) == (["t"] if joined else []) and found.fault is None


def test_a_link_walks_lists_on_both_sides(tmp_path):
    made = {"from_": "properties.nics[*].id", "to": "properties.ids[*]", "many": True}
    own = {"properties": {"nics": [{"id": f"{A}/n1"}, {"id": f"{A}/n2"}, {}, None]}}
    found = linked(
        tmp_path,
        made,
        [target("x", ids=[f"{A}/N1", f"{A}/N2"]), target("y", ids=[]), target("z", ids=[f"{A}/n2"])],
        own=own,
    )
    assert names(found) == ["x", "z"]


def test_names_and_regions_join_in_any_spelling(tmp_path):
    made = {"from_": "location", "to": "location", "many": True}
    found = linked(
        tmp_path,
        made,
        [{**target("x"), "location": "westeurope"}, {**target("y"), "location": "northeurope"}],
        own={"location": "West Europe"},
    )
    assert names(found) == ["x"]


def test_a_reference_that_leads_nowhere_is_absent(tmp_path):
    made = {"from_": "properties.ref", "to": "id"}
    assert linked(tmp_path, made, [target("t")], own={"properties": {"ref": target("gone")["id"]}}) is MISSING


def test_no_reference_is_absent(tmp_path):
    assert linked(tmp_path, {"from_": "properties.ref", "to": "id"}, [target("t")]) is MISSING


def test_a_reference_out_of_scope_is_unknown_never_absent(tmp_path):
    own = {"properties": {"ref": target("t", ELSEWHERE)["id"]}}
    found = linked(tmp_path, {"from_": "properties.ref", "to": "id"}, [], own=own)
    assert isinstance(found, Unreadable) and found.kind == "out_of_scope" and ELSEWHERE in found.message


def test_among_several_references_the_known_ones_are_judged(tmp_path):
    own = {"properties": {"refs": [target("t")["id"], target("u", ELSEWHERE)["id"]]}}
    found = linked(tmp_path, {"from_": "properties.refs", "to": "id", "many": True}, [target("t")], own=own)
    assert names(found) == ["t"] and found.fault.kind == "out_of_scope"


def test_a_reference_leads_into_another_scanned_subscription(tmp_path):
    own = {"properties": {"ref": target("t", TWO)["id"]}}
    made = {"from_": "properties.ref", "to": "id"}
    found = linked(tmp_path, made, [target("t", TWO)], own=own, subscriptions=(ONE, TWO))
    assert isinstance(found, Document) and found["name"] == "t"


def test_a_reference_into_a_subscription_whose_list_failed_is_unreadable(tmp_path):
    own = {"properties": {"ref": target("t", TWO)["id"]}}
    answers = {f"{at(TWO)}/targets": DENIED}
    found = linked(
        tmp_path, {"from_": "properties.ref", "to": "id"}, [], own=own, subscriptions=(ONE, TWO), answers=answers
    )
    assert isinstance(found, Unreadable) and found.kind == "access_denied" and found.action == DENIED.action


@pytest.mark.parametrize(
    ("across", "expected"), [("subscription", ["here"]), ("scope", ["here", "there"]), ("tenant", ["here", "there"])]
)
def test_how_far_a_link_looks(tmp_path, across, expected):
    made = {"from_": "name", "to": "properties.of", "across": across, "many": True}
    targets = [target("here", of="A"), target("there", TWO, of="a")]
    found = linked(tmp_path, made, targets, subscriptions=(ONE, TWO))
    assert names(found) == expected and found.fault is None


@pytest.mark.parametrize(
    ("across", "kind_of_fault"), [("subscription", None), ("scope", "access_denied"), ("tenant", "access_denied")]
)
def test_a_failed_list_elsewhere_matters_as_far_as_the_link_looks(tmp_path, across, kind_of_fault):
    made = {"from_": "name", "to": "properties.of", "across": across, "many": True}
    found = linked(
        tmp_path, made, [target("here", of="a")], subscriptions=(ONE, TWO), answers={f"{at(TWO)}/targets": DENIED}
    )
    assert names(found) == ["here"] and (found.fault and found.fault.kind) == kind_of_fault


def test_across_the_tenant_what_was_left_out_is_unknown(tmp_path):
    left = [{"id": ELSEWHERE, "name": "x", "state": "", "reason": "excluded"}]
    made = {"from_": "name", "to": "properties.of", "across": "tenant", "many": True, "left_out": left}
    owner = {key: value for key, value in made.items() if key != "left_out"}
    known = catalog(
        kind("thing", links=(link("linked", "target", **owner),)),
        kind("target"),
        checks=[check("a", "thing", {"some": {"in": "linked"}})],
    )
    estate = collect(Azure({f"{at(ONE)}/things": page(thing("a"))}), known, tmp_path / "e.sqlite", left_out=left)
    found = opened(documents(estate, known), "thing", "a", "linked")
    assert isinstance(found, Items) and found.fault is not None and found.fault.kind == "out_of_scope"


def test_a_link_into_the_tenant_is_not_bound_to_the_subscription(tmp_path):
    made = {"from_": "properties.principalId", "to": "id"}
    more = {"host": "graph", "list": "/principals"}
    own = {"properties": {"principalId": "ABC-1"}}
    found = linked(tmp_path, made, [{"id": "abc-1", "name": "someone"}], own=own, **more)
    assert isinstance(found, Document) and found["name"] == "someone"


def test_a_link_from_another_tenants_subscription_into_ours_is_unknown_never_absent(tmp_path):
    known = catalog(
        kind(
            "thing",
            links=(link("owners", "user", "properties.owner", "id", match="equals", across="tenant", many=True),),
        ),
        kind("user", host="graph", version="v1.0", list="/users"),
        checks=[check("a", "thing", {"none": {"in": "owners", "where": ANY, "whenEmpty": "pass"}})],
    )
    one = thing("x", properties={"owner": "u-1"})
    estate = collect(Azure({f"{at(ONE)}/things": page(one), "/v1.0/users": page({"id": "u-2"})}), known, tmp_path / "e")
    assert statuses(estate, known) == {("a", "x"): "pass"}
    home = {"id": ONE, "name": "one", "state": ""}
    estate.describe({"tenant": "home", "subscriptions": [{**home, "tenant": "HOME"}]})
    assert statuses(estate, known) == {("a", "x"): "pass"}
    estate.describe({"subscriptions": [{**home, "tenant": "customer"}]})
    assert statuses(estate, known) == {("a", "x"): "unreadable"}


def test_a_link_of_a_document_that_is_not_fully_known_is_unreadable(tmp_path):
    owner = kind("thing", detail="{id}", links=(link("linked", "target", "properties.ref", "id"),))
    known = catalog(owner, kind("target"), checks=[check("a", "thing", {"field": "linked", "exists": False})])
    estate = collect(Azure({f"{at(ONE)}/things": page(thing("a")), A: DENIED}), known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("a", "a"): "unreadable"}


def test_a_deleted_target_is_not_joined(tmp_path):
    owner = kind("thing", links=(link("linked", "target", "properties.ref", "id"),))
    known = catalog(
        owner, kind("target", detail="{id}"), checks=[check("a", "thing", {"field": "linked", "exists": True})]
    )
    own = {**thing("a"), "properties": {"ref": target("t")["id"]}}
    azure = Azure({f"{at(ONE)}/things": page(own), f"{at(ONE)}/targets": page(target("t"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("a", "a"): "fail"}


def test_links_chain(tmp_path):
    known = catalog(
        kind("vm", links=(link("nics", "nic", "properties.nics[*]", "id", many=True),)),
        kind("nic", links=(link("address", "address", "properties.ip", "id"),)),
        kind("address"),
        checks=[
            check(
                "private",
                "vm",
                {
                    "none": {
                        "in": "nics",
                        "where": {"field": "address.properties.public", "equals": True},
                        "whenEmpty": "pass",
                    }
                },
            )
        ],
    )
    ip = thing("ip", "addresss", properties={"public": True})
    nic = thing("nic", "nics", properties={"ip": ip["id"]})
    vms = [thing(name, "vms", properties={"nics": few}) for name, few in (("open", [nic["id"]]), ("closed", []))]
    azure = Azure({f"{at(ONE)}/vms": page(*vms), f"{at(ONE)}/nics": page(nic), f"{at(ONE)}/addresss": page(ip)})
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found["private", "open"] == "fail"


# another catalogue than the one that was read for


def test_what_was_never_read_is_not_collected(tmp_path):
    small = catalog(kind("thing"), checks=[check("a", "thing", ANY)])
    estate = collect(
        Azure({f"{at(ONE)}/things": page({**thing("a"), "properties": {"ref": target("t")["id"]}})}),
        small,
        tmp_path / "e.sqlite",
    )
    newer = catalog(
        kind("thing", detail="{id}", links=(link("linked", "target", "properties.ref", "id"),)),
        kind("target"),
        kind("child", of=("thing",)),
        kind("setting", of=("thing",), get="{id}/settings/default", attach_as="setting"),
        kind("regional", per="location", list="/subscriptions/{subscriptionId}/locations/{location}/regionals"),
        checks=[
            check("list", "target", ANY),
            check("children", "child", ANY),
            check("of-region", "regional", ANY),
            check("link", "thing", {"field": "linked", "exists": False}),
            check("child", "thing", {"none": {"in": "childs", "where": ANY, "whenEmpty": "pass"}}),
            check("singleton", "thing", {"field": "setting.x", "equals": 1, "default": 1}),
            check("detail", "thing", {"field": "properties.secure", "equals": True, "default": True}),
            check("listed", "thing", {"field": "name", "equals": "a"}),
        ],
        hash="newer",
    )
    found = statuses(estate, newer)
    assert found.pop(("listed", "a")) == "pass"
    assert set(found.values()) == {"unreadable"}
    assert {check for check, _ in found} == {"list", "children", "of-region", "link", "child", "singleton", "detail"}
