"""What the collector reads, once each, and what it makes of the answers."""

from __future__ import annotations

import msgspec
import pytest

from azscan.azure.answers import Answer, Fault
from azscan.catalog.builtin import RESOURCES
from azscan.collect.progress import Progress
from azscan.estate.store import Estate
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
RESOURCE_LIST = f"/subscriptions/{ONE}/resources"
GROUP_LIST = f"/subscriptions/{ONE}/resourcegroups"
DENIED = Fault("access_denied", "no", code="AuthorizationFailed", action="Microsoft.Test/things/read")
LATER = Fault("unavailable", "down")


def on(name, value=True, **more):
    return thing(name, properties={"on": value}, **more)


def nested(depth):
    value = {"password": "x"}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize("depth", [150, 400, 900])
def test_one_resource_nested_without_measure_costs_one_row(tmp_path, depth):
    known = of_things(detail="{id}")
    bad = thing("bad", properties={"on": True, "deep": nested(depth)})
    azure = Azure({THINGS: page(bad, on("good"), on("late")), bad["id"]: bad, on("good")["id"]: on("good")})
    azure.answers[on("late")["id"].lower()] = [{**on("late"), "deep": nested(depth)}]
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert sorted(each.status for each in verdicts(estate, known)) == ["pass", "unreadable", "unreadable"]


def test_an_empty_list_is_no_fact_where_the_resource_itself_could_not_be_read(tmp_path):
    rule = {"in": "properties.rules", "where": {"field": "access", "equals": "Allow"}}
    known = catalog(
        kind("thing", detail="{id}"),
        checks=[
            check("none", "thing", {"none": {**rule, "whenEmpty": "pass"}}),
            check("count", "thing", {"count": rule, "equals": 0}),
            check("lacks", "thing", {"field": "properties.rules", "notContains": "x"}),
        ],
    )
    listed = thing("a", properties={"rules": []})
    estate = collect(Azure({THINGS: page(listed), listed["id"]: DENIED}), known, tmp_path / "e.sqlite")
    assert set(statuses(estate, known).values()) == {"unreadable"}


BAD = {"none": {"in": "parts", "where": {"field": "bad", "equals": True}, "whenEmpty": "pass"}}


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("more", [{}, {"detail": "{id}"}])
def test_a_record_of_two_lists_has_its_children_read_once_and_never_passes_by_their_absence(tmp_path, is_slow, more):
    known = catalog(
        kind("thing", **more),
        kind("twin"),
        kind("part", of=("thing", "twin")),
        checks=[check("a", "thing", BAD), check("b", "twin", BAD)],
    )
    one = thing("x")
    parts = page({"id": "/p", "bad": True})
    azure = Azure({THINGS: page(one), f"{at(ONE)}/twins": page(one), f"{one['id']}/parts": parts, one["id"]: one})
    if is_slow:
        azure.answers[THINGS.lower()].insert(0, Fault("unavailable", "down"))
        with_one = collect(azure, known, tmp_path / "e.sqlite")
        estate = collect(azure, known, with_one)
    else:
        estate = collect(azure, known, tmp_path / "e.sqlite")
    assert list(statuses(estate, known).values()) == ["fail", "fail"]
    assert len(azure.paths("/parts")) == 1


@pytest.mark.parametrize("more", [{}, {"detail": "{id}"}])
def test_an_inherited_record_that_two_subscriptions_list_is_one_resource(tmp_path, more):
    known = catalog(kind("thing", **more), kind("part", of=("thing",)), checks=[check("a", "thing", BAD)])
    inherited = {"id": "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Test/things/x"}
    parts = page({"id": "/p", "bad": True})
    answers = {f"{at(each)}/things": page(inherited) for each in (ONE, TWO)}
    azure = Azure({**answers, inherited["id"]: inherited, f"{inherited['id']}/parts": parts})
    estate = collect(azure, known, tmp_path / "e.sqlite", (ONE, TWO))
    assert [each.status for each in verdicts(estate, known)] == ["fail", "fail"]
    assert len(azure.paths("/parts")) == 1 and len(azure.paths("/things/x")) == len(more)


def test_an_estate_that_was_not_read_to_its_end_proves_no_absence(tmp_path):
    known = of_things()
    estate = Estate.create(tmp_path / "e.sqlite", {"complete": False})
    assert assessed(estate, known).summary.gate.exit_code == 3


def test_permissions_of_a_wrong_shape_grant_nothing(tmp_path):
    known = of_things()
    for number, actions in enumerate((5, "*", {"*": 1}, [5])):
        azure = Azure({THINGS: page()}, permissions=[{"actions": actions}])
        estate = collect(azure, known, tmp_path / f"{number}.sqlite")
        assert [each.status for each in verdicts(estate, known)] == ["unreadable"]


def of_things(**more):
    return catalog(kind("thing", **more), checks=[check("thing-on", "thing", ON)])


# presence


def test_a_listed_type_that_is_proven_absent_is_not_asked(tmp_path):
    known = of_things(presence="listed")
    azure = Azure({RESOURCE_LIST: page(thing("a", "others"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert not azure.paths("/things")
    assert verdicts(estate, known) == []
    assert assessed(estate, known).summary.gate.exit_code == 0


def test_a_listed_type_that_occurs_is_asked_whatever_its_case(tmp_path):
    known = of_things(presence="listed")
    azure = Azure({RESOURCE_LIST: page({**thing("a"), "type": "MICROSOFT.TEST/THINGS"}), THINGS: page(on("a"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("thing-on", "a"): "pass"}


@pytest.mark.parametrize(
    ("actions", "not_actions", "is_believed"),
    [
        (["*/read"], ["Microsoft.Test/*"], False),
        ([], [], False),
        # Of the resource list nothing is known, but the list of things itself may be believed.
        (["Microsoft.Test/things/read"], [], True),
        (["*/read"], ["Microsoft.Resources/subscriptions/resources/read"], True),
    ],
)
def test_without_the_permissions_nothing_is_proven_absent(tmp_path, actions, not_actions, is_believed):
    known = of_things(presence="listed")
    azure = Azure({RESOURCE_LIST: page(), THINGS: page()}, [{"actions": actions, "notActions": not_actions}])
    found = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert len(azure.paths("/things")) == 1
    if is_believed:
        assert found == []
    else:
        assert [(each.status, each.reason.split(":")[0]) for each in found] == [("unreadable", "access_denied")]
        assert "Microsoft.Test/things/read" in found[0].reason


def test_absence_needs_the_action_that_the_resource_list_goes_by(tmp_path):
    known = of_things(presence="listed", action="Microsoft.Test/special/read")
    hidden = [{"actions": ["*/read"], "notActions": ["Microsoft.Test/things/read"]}]
    azure = Azure({RESOURCE_LIST: page(), THINGS: page()}, hidden)
    collect(azure, known, tmp_path / "e.sqlite")
    assert len(azure.paths("/things")) == 1


@pytest.mark.parametrize("fault", [DENIED, LATER, Fault("bad_response", "page")])
def test_everything_is_asked_where_the_resource_list_fails(tmp_path, fault):
    known = of_things(presence="listed")
    azure = Azure({RESOURCE_LIST: fault, THINGS: page(on("a"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("thing-on", "a"): "pass"}


def test_a_resource_list_that_breaks_off_proves_nothing(tmp_path):
    known = of_things(presence="listed")
    azure = Azure({RESOURCE_LIST: page(thing("x", "others"), next="/more"), "/more": LATER, THINGS: page(on("a"))})
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {("thing-on", "a"): "pass"}


def test_an_empty_page_with_a_next_link_is_not_the_end(tmp_path):
    known = of_things(presence="listed")
    azure = Azure(
        {
            RESOURCE_LIST: page(next="/r2"),
            "/r2": page(thing("a")),
            THINGS: page(next="/t2"),
            "/t2": page(next="/t3"),
            "/t3": page(on("a")),
        }
    )
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {("thing-on", "a"): "pass"}


def test_what_always_is_asked_is_asked_though_no_resource_shows_it(tmp_path):
    known = of_things(presence="always")
    azure = Azure({RESOURCE_LIST: page(), THINGS: page(on("a", False))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("thing-on", "a"): "fail"}
    assert not azure.paths("/resources"), "nothing needs the resource list"


# doubt: what the identity is not shown


def test_a_list_of_a_subscription_is_believed_only_with_the_permission_there(tmp_path):
    known = of_things()
    group = f"/subscriptions/{ONE}/resourcegroups/rg/providers/Microsoft.Authorization/permissions"
    azure = Azure({THINGS: page(on("a")), group: page({"actions": ["*/read"], "notActions": []})}, permissions=[])
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found == {("thing-on", "a"): "pass", ("thing-on", ONE): "unreadable"}


def below(**more):
    parent = kind("parent", type="Microsoft.Test/parents")
    child = kind("child", of=("parent",), **more)
    none_off = {"none": {"in": "childs", "where": {"field": "properties.on", "equals": False}, "whenEmpty": "pass"}}
    return catalog(parent, child, checks=[check("no-child-off", "parent", none_off)])


PARENTS = f"{at(ONE)}/parents"
PARENT = thing("p", "parents")
CHILDREN = f"{PARENT['id']}/childs"
GROUP_PERMISSIONS = f"/subscriptions/{ONE}/resourcegroups/rg/providers/Microsoft.Authorization/permissions"


def child(name, value=True):
    return {"id": f"{CHILDREN}/{name}", "name": name, "properties": {"on": value}}


@pytest.mark.parametrize(
    ("children", "at_group", "expected"),
    [
        ([], [], "unreadable"),
        ([], [{"actions": ["*"], "notActions": []}], "pass"),
        ([], [{"actions": ["*"], "notActions": ["Microsoft.Test/parents/childs/read"]}], "unreadable"),
        ([child("a")], [], "pass"),  # ARM answers 403 where a parent may not be read: what came is all
        ([child("a", False)], [], "fail"),
    ],
)
def test_an_empty_list_below_a_parent_needs_the_permission_in_its_group(tmp_path, children, at_group, expected):
    known = below()
    azure = Azure({PARENTS: page(PARENT), CHILDREN: page(*children), GROUP_PERMISSIONS: page(*at_group)}, [])
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found["no-child-off", "p"] == expected


def test_the_permissions_of_a_group_are_asked_once(tmp_path):
    known = below()
    others = [thing(name, "parents") for name in "pqrs"]
    azure = Azure({PARENTS: page(*others), GROUP_PERMISSIONS: page({"actions": ["*"]})}, [])
    collect(azure, known, tmp_path / "e.sqlite")
    asked = [ask.target for ask in azure.asked if "/resourcegroups/rg/providers/Microsoft.Auth" in ask.target]
    assert len(asked) == 1


def test_a_subscriptions_owner_by_role_assignment_is_believed(tmp_path):
    known = of_things()
    scope = f"/subscriptions/{ONE}"
    definition = "/providers/Microsoft.Authorization/roleDefinitions/reader"
    azure = Azure(
        {
            f"{scope}/providers/Microsoft.Authorization/permissions": Fault("rejected", "not here"),
            f"{scope}/providers/Microsoft.Authorization/roleAssignments": page(
                {"properties": {"scope": scope, "roleDefinitionId": definition}}
            ),
            definition: {"properties": {"permissions": [{"actions": ["*/read"], "notActions": []}]}},
            THINGS: page(on("a")),
        }
    )
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {("thing-on", "a"): "pass"}


# pages


def test_pages_keep_what_came_where_a_later_one_fails(tmp_path):
    known = of_things()
    azure = Azure({THINGS: page(on("a"), next="/2"), "/2": page(on("b", False), next="/3"), "/3": DENIED})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {
        ("thing-on", "a"): "pass",
        ("thing-on", "b"): "fail",
        ("thing-on", ONE): "unreadable",
    }


@pytest.mark.parametrize("fault", [Fault("absent", "gone", code="NotFound"), Fault("not_registered", "no")])
def test_the_rest_of_a_list_that_has_begun_is_never_nothing(tmp_path, fault):
    known = of_things()
    azure = Azure({THINGS: page(on("a"), next="/2"), "/2": fault})
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found == {("thing-on", "a"): "pass", ("thing-on", ONE): "unreadable"}


@pytest.mark.parametrize(
    "loop", [{"/2": page(on("b"), next="/2")}, {"/2": page(on("b"), next="/3"), "/3": page(next="/2")}]
)
def test_a_loop_of_next_links_ends_and_is_told(tmp_path, loop):
    known = of_things()
    azure = Azure({THINGS: page(on("a"), next="/2"), **loop})
    found = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert [each.status for each in found] == ["unreadable", "pass", "pass"]
    assert "read before" in found[0].reason


def test_an_item_that_comes_twice_counts_once(tmp_path):
    known = of_things()
    azure = Azure({THINGS: page(on("a"), on("b"), next="/2"), "/2": page(on("B", False), on("c"))})
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found == {("thing-on", name): "pass" for name in "abc"}


@pytest.mark.parametrize("bad", [None, 7, ["x"], True])
def test_an_item_that_is_no_object_costs_one_row(tmp_path, bad):
    known = of_things()
    azure = Azure({THINGS: page(on("a"), bad, on("b", False))})
    found = sorted(each.status for each in verdicts(collect(azure, known, tmp_path / "e.sqlite"), known))
    assert found == ["fail", "pass", "unreadable"]


def test_items_without_an_id_are_all_kept(tmp_path):
    known = of_things()
    nameless = [{"properties": {"on": True}}, {"name": "x", "properties": {"on": True}}]
    azure = Azure({THINGS: page(*nameless, {"name": "X", "id": None, "properties": {"on": False}})})
    found = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert sorted(each.status for each in found) == ["fail", "pass", "pass"]
    assert len({each.resource.id for each in found}) == 3


def test_an_inherited_record_is_kept_for_each_subscription(tmp_path):
    known = of_things()
    shared = {"id": "/providers/Microsoft.Management/managementGroups/root/providers/Microsoft.Test/things/a"}
    azure = Azure({f"{at(each)}/things": page({**shared, "properties": {"on": False}}) for each in (ONE, TWO)})
    found = verdicts(collect(azure, known, tmp_path / "e.sqlite", (ONE, TWO)), known)
    assert {each.resource.subscription for each in found} == {ONE, TWO}


def test_an_id_that_leads_elsewhere_is_not_asked(tmp_path):
    known = below()
    azure = Azure({PARENTS: page({**PARENT, "id": f"{PARENTS}/../../evil"}, {"name": "no-id"})})
    found = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert [each.status for each in found] == ["unreadable", "unreadable"]
    assert {each.reason.split(":")[0] for each in found} == {"bad_response"}
    assert not azure.paths("childs")


# Resource Graph


def test_resource_graph_pages_by_skip_token(tmp_path):
    known = of_things(kql="resources | where type == 'x'")
    graph = "/providers/microsoft.resourcegraph/resources#"
    azure = Azure(
        {graph: page(on("a"), next="tok1"), f"{graph}tok1": page(on("b"), next="tok2"), f"{graph}tok2": page(on("c"))}
    )
    assert len(statuses(collect(azure, known, tmp_path / "e.sqlite"), known)) == 3
    posts = [ask for ask in azure.asked if ask.method == "POST"]
    assert [ask.body["options"].get("$skipToken") for ask in posts] == [None, "tok1", "tok2"]
    assert all(ask.body["subscriptions"] == [ONE] and "$skipToken" not in ask.target for ask in posts)


# regions and groups


def per(way, place):
    return of_things(per=way, list=f"/subscriptions/{{subscriptionId}}{place}/things")


def test_a_read_per_region_is_made_for_the_regions_in_use(tmp_path):
    known = per("location", "/providers/Microsoft.Test/locations/{location}")
    where = f"/subscriptions/{ONE}/providers/Microsoft.Test/locations"
    resources = [
        {**thing(name, "vms"), "location": place}
        for name, place in [("a", "West Europe"), ("b", "westeurope"), ("c", "northeurope"), ("d", "global")]
    ]
    azure = Azure(
        {
            RESOURCE_LIST: page(*resources),
            f"{where}/westeurope/things": page(on("w")),
            f"{where}/northeurope/things": DENIED,
        }
    )
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert sorted(azure.paths("/things")) == [f"{where}/northeurope/things", f"{where}/westeurope/things"]
    assert found == {("thing-on", "w"): "pass", ("thing-on", "northeurope"): "unreadable"}


def test_no_region_in_use_means_none_to_read(tmp_path):
    known = per("location", "/providers/Microsoft.Test/locations/{location}")
    estate = collect(Azure({RESOURCE_LIST: page()}), known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {}


def test_regions_are_unknown_where_the_resource_list_fails(tmp_path):
    known = per("location", "/providers/Microsoft.Test/locations/{location}")
    estate = collect(Azure({RESOURCE_LIST: DENIED}), known, tmp_path / "e.sqlite")
    (verdict,) = verdicts(estate, known)
    assert verdict.status == "unreadable" and "regions in use" in verdict.reason


def test_regions_that_become_known_on_resume_are_read(tmp_path):
    known = per("location", "/providers/Microsoft.Test/locations/{location}")
    where = f"/subscriptions/{ONE}/providers/Microsoft.Test/locations/westeurope/things"
    resources = page({**thing("a", "vms"), "location": "westeurope"})
    azure = Azure({RESOURCE_LIST: [LATER, resources], where: page(on("w"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert list(statuses(estate, known).values()) == ["unreadable"]
    assert statuses(collect(azure, known, estate), known) == {("thing-on", "w"): "pass"}


def test_a_read_per_group_is_made_for_every_group(tmp_path):
    known = per("resource_group", "/resourceGroups/{resourceGroup}/providers/Microsoft.Test")
    groups = [{"id": f"/subscriptions/{ONE}/resourceGroups/{name}", "name": name} for name in ("Web", "db", "gone")]
    azure = Azure(
        {
            GROUP_LIST: page(*groups),
            f"{at(ONE, 'Web')}/things": page(on("w", group="Web")),
            f"{at(ONE, 'db')}/things": DENIED,
            f"{at(ONE, 'gone')}/things": Fault("parent_gone", "gone", code="ResourceGroupNotFound"),
        }
    )
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found == {("thing-on", "w"): "pass", ("thing-on", "db"): "unreadable"}


def test_groups_that_cannot_be_listed_leave_their_reads_unreadable_once(tmp_path):
    known = per("resource_group", "/resourceGroups/{resourceGroup}/providers/Microsoft.Test")
    found = verdicts(collect(Azure({GROUP_LIST: DENIED}), known, tmp_path / "e.sqlite"), known)
    assert [(each.status, each.reason.split(":")[0]) for each in found] == [("unreadable", "access_denied")]


# children


def test_a_child_that_is_ruled_out_is_not_asked(tmp_path):
    known = below(when={"field": "kind", "notEquals": "Plain", "default": "Other"})
    azure = Azure(
        {PARENTS: page({**PARENT, "kind": "plain"}, thing("q", "parents")), f"{at(ONE, 'rg')}/parents/q/childs": page()}
    )
    found = statuses(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert azure.paths("childs") == [f"{at(ONE, 'rg')}/parents/q/childs"]
    assert found == {("no-child-off", "p"): "pass", ("no-child-off", "q"): "pass"}


def test_a_child_is_asked_where_the_parent_is_not_known_well_enough_to_rule_it_out(tmp_path):
    parent = kind("parent", type="Microsoft.Test/parents", detail="{id}")
    child_ = kind("child", of=("parent",), when={"field": "kind", "equals": "Rich", "default": "Plain"})
    require = {"some": {"in": "childs"}}
    known = catalog(parent, child_, checks=[check("has-child", "parent", require)])
    azure = Azure({PARENTS: page(PARENT), PARENT["id"]: DENIED, CHILDREN: page(child("a"))})
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {("has-child", "p"): "pass"}


def test_a_singleton_that_azure_says_is_not_there_is_absent(tmp_path):
    known = catalog(
        kind("parent", type="Microsoft.Test/parents"),
        kind("policy", of=("parent",), get="{id}/policies/default", attach_as="policy"),
        checks=[check("has-policy", "parent", {"field": "policy", "exists": True})],
    )
    azure = Azure(
        {
            PARENTS: page(PARENT, thing("q", "parents")),
            f"{PARENT['id']}/policies/default": {"id": f"{PARENT['id']}/policies/default"},
        }
    )
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {
        ("has-policy", "p"): "pass",
        ("has-policy", "q"): "fail",
    }


@pytest.mark.parametrize("code", ["ParentResourceNotFound", "ResourceGroupNotFound"])
def test_a_parent_that_was_deleted_meanwhile_has_no_verdict(tmp_path, code):
    known = below()
    azure = Azure({PARENTS: page(PARENT, thing("q", "parents")), CHILDREN: Fault("parent_gone", "gone", code=code)})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("no-child-off", "q"): "pass"}
    assert any("deleted" in note for note in assessed(estate, known).scan.notes)


@pytest.mark.parametrize(("code", "kept"), [("ParentResourceNotFound", True), ("ResourceGroupNotFound", False)])
def test_a_part_that_a_parent_lacks_is_no_sign_that_the_parent_was_deleted(tmp_path, code, kept):
    below_a_part = kind("child", of=("parent",), list="{id}/services/default/childs")
    known = catalog(
        kind("parent", type="Microsoft.Test/parents"),
        below_a_part,
        checks=[check("no-child", "parent", {"none": {"in": "childs", "where": ON, "whenEmpty": "pass"}})],
    )
    asked = f"{PARENT['id']}/services/default/childs"
    azure = Azure({PARENTS: page(PARENT), asked: Fault("parent_gone", "no such part", code=code)})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == ({("no-child", "p"): "pass"} if kept else {})


def test_a_part_that_goes_while_it_is_paged_leaves_its_list_unread(tmp_path):
    known = catalog(
        kind("parent", type="Microsoft.Test/parents"),
        kind("child", of=("parent",), list="{id}/services/default/childs"),
        checks=[check("no-child-off", "parent", below().checks["no-child-off"].require)],
    )
    asked = f"{PARENT['id']}/services/default/childs"
    azure = Azure({PARENTS: page(PARENT), asked: page(child("a"), next="/2"), "/2": Fault("parent_gone", "no part")})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("no-child-off", "p"): "unreadable"}


def test_a_parent_that_goes_while_its_children_are_paged_takes_them_along(tmp_path):
    known = catalog(*below().collections.values(), checks=[check("child-on", "child", ON)])
    azure = Azure({PARENTS: page(PARENT), CHILDREN: page(child("a"), next="/2"), "/2": Fault("parent_gone", "gone")})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {}
    assert len(estate.gone()) == 2


def test_what_comes_in_below_a_deleted_parent_has_no_verdict(tmp_path):
    known = catalog(
        kind("parent", type="Microsoft.Test/parents"),
        kind("early", of=("parent",)),
        kind("late", of=("parent",)),
        checks=[check("early-on", "early", ON), check("late-on", "late", ON)],
    )
    late = f"{PARENT['id']}/lates"
    azure = Azure(
        {
            PARENTS: page(PARENT),
            f"{PARENT['id']}/earlys": Fault("parent_gone", "gone"),
            late: page(next="/late2"),
            "/late2": page({"id": f"{late}/x", "properties": {"on": False}}),
        }
    )
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {}


def test_children_of_a_subscription_are_read(tmp_path):
    known = catalog(
        kind("setting", of=("subscription",), list="{id}/providers/Microsoft.Test/settings", attach_as="settings"),
        checks=[
            check("setting-on", "setting", ON),
            check("has-setting", "subscription", {"some": {"in": "settings"}}),
        ],
    )
    azure = Azure({f"{at(ONE)}/settings": page(thing("s", "settings", properties={"on": True}))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert azure.paths("/settings") == [f"{at(ONE)}/settings"]
    assert "/subscriptions" not in azure.paths()
    assert statuses(estate, known) == {("setting-on", "s"): "pass", ("has-setting", ONE): "pass"}


# details


def detailed(**more):
    return of_things(detail="{id}", **more)


def test_a_detail_is_laid_over_what_the_list_says(tmp_path):
    known = detailed()
    listed = {**thing("a"), "properties": {"on": None, "kept": 1, "deep": {"x": 1}}, "tags": {"t": "1"}}
    told = {**thing("a"), "properties": {"on": True, "deep": {"y": 2}}}
    azure = Azure({THINGS: page(listed), listed["id"]: told})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    (verdict,) = verdicts(estate, known)
    assert verdict.status == "pass"
    assert verdict.evidence[0].url.startswith(f"{listed['id']}?"), "the value came with the detail"
    (row,) = estate.rows("thing")
    body = msgspec.json.decode(row.body)
    assert body["properties"] == {"on": True, "kept": 1, "deep": {"x": 1, "y": 2}} and body["tags"] == {"t": "1"}


def test_what_a_failed_detail_leaves_open_is_unreadable_and_the_rest_is_judged(tmp_path):
    kinds = detailed().collections.values()
    tagged = check("thing-tagged", "thing", {"field": "tags.t", "equals": "1"})
    known = catalog(*kinds, checks=[check("thing-on", "thing", ON), tagged])
    azure = Azure(
        {THINGS: page({**thing("a"), "properties": {"on": None}, "tags": {"t": "1"}}), thing("a")["id"]: DENIED}
    )
    progress = Progress()
    estate = collect(azure, known, tmp_path / "e.sqlite", progress=progress)
    assert statuses(estate, known) == {("thing-on", "a"): "unreadable", ("thing-tagged", "a"): "pass"}
    assert progress.failed == 1 and progress.done == progress.planned


def test_a_resource_that_is_gone_when_its_detail_is_asked_has_no_verdict(tmp_path):
    child_ = kind("child", of=("thing",))
    known = catalog(
        *detailed().collections.values(),
        child_,
        checks=[check("thing-on", "thing", ON), check("child-on", "child", ON)],
    )
    azure = Azure({THINGS: page(on("a"), on("b")), on("b")["id"]: on("b")})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("thing-on", "b"): "pass"}
    assert azure.paths("childs") == [f"{on('b')['id']}/childs"], "nothing is asked below what is gone"


def test_a_detail_that_azure_does_not_have_is_not_asked_and_leaves_nothing_open(tmp_path):
    known = detailed(detail_when={"field": "kind", "notEquals": "plain"})
    azure = Azure({THINGS: page({**thing("a"), "kind": "plain"})})
    (verdict,) = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert verdict.status == "fail" and "does not say" in verdict.reason
    assert not azure.paths("/a")
    assert verdict.evidence[0].url.startswith(THINGS)


# resume


class BrokenOff(Exception):
    """Stands for Ctrl-C."""


def interrupted(azure, known, path, at_ask):
    """An estate whose collecting was broken off at the ask of that number, as Ctrl-C does."""
    count = 0

    def stop(ask):
        nonlocal count
        count += 1
        if count == at_ask:
            raise BrokenOff

    azure.before = stop
    with pytest.raises(BrokenOff):
        collect(azure, known, path)
    azure.before = lambda ask: None
    return Estate.open_saved(path)


def world():
    """Three pages of parents, some with details and children in pages: everything that a resume can meet."""
    parent = kind("parent", type="Microsoft.Test/parents", detail="{id}")
    known = catalog(
        parent,
        kind("child", of=("parent",)),
        kind("leaf", type="Microsoft.Test/parents/childs/leafs", of=("child",), list="{id}/leafs"),
        checks=[
            check("parent-on", "parent", ON),
            check("leaf-on", "leaf", ON),
            check("has-childs", "parent", {"count": {"in": "childs"}, "equals": 2}),
        ],
    )
    names = "pqrst"
    parents = {name: thing(name, "parents") for name in names}
    answers = {
        PARENTS: page(parents["p"], parents["q"], next="/2"),
        "/2": page(parents["r"], next="/3"),
        "/3": page(parents["s"], parents["t"]),
    }
    for name, each in parents.items():
        answers[each["id"]] = {**each, "properties": {"on": name != "q"}}
        below = f"{each['id']}/childs"
        one, two = ({"id": f"{below}/{which}-{name}"} for which in ("one", "two"))
        answers[below] = page(one, next=f"/more-{name}")
        answers[f"/more-{name}"] = page(two)
        answers[f"{one['id']}/leafs"] = page(
            {"id": f"{one['id']}/leafs/leaf-{name}", "properties": {"on": name == "r"}}
        )
    return known, answers


@pytest.mark.parametrize("at_ask", range(1, 31))
def test_a_scan_broken_off_anywhere_ends_as_if_it_had_not_been(tmp_path, at_ask):
    known, answers = world()
    whole = Azure(answers)
    expected = statuses(collect(whole, known, tmp_path / "whole.sqlite"), known)
    assert len(expected) == 15
    azure = Azure(answers)
    estate = interrupted(azure, known, tmp_path / "e.sqlite", at_ask)
    assert statuses(collect(azure, known, estate), known) == expected
    read = [ask.target for ask in azure.asked if "Microsoft.Authorization" not in ask.target]
    assert len(read) == len(set(read)), "no URL is read twice after it was answered"
    assert set(read) == {ask.target for ask in whole.asked if "Microsoft.Authorization" not in ask.target}


@pytest.mark.parametrize("broken", [PARENTS, "/2", "/3", PARENT["id"], CHILDREN, "/more-p"])
@pytest.mark.parametrize("passing", ["unavailable", "throttled", "unauthenticated"])
def test_what_failed_in_passing_is_asked_anew_and_nothing_else(tmp_path, broken, passing):
    known, answers = world()
    expected = statuses(collect(Azure(answers), known, tmp_path / "whole.sqlite"), known)
    azure = Azure({**answers, broken: [Fault(passing, "later"), answers[broken]]})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    first = statuses(estate, known)
    assert "unreadable" in first.values()
    assert all(status in ("unreadable", expected.get(key)) for key, status in first.items())
    assert statuses(collect(azure, known, estate), known) == expected
    read = [ask.target.partition("?")[0] for ask in azure.asked if "Microsoft.Authorization" not in ask.target]
    assert [path for path in set(read) if read.count(path) > 1] == [broken]


def test_a_fault_that_stays_is_not_asked_again(tmp_path):
    known, answers = world()
    azure = Azure({**answers, CHILDREN: DENIED})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    first, asked = statuses(estate, known), len(azure.paths())
    assert statuses(collect(azure, known, estate), known) == first
    assert len(azure.paths()) == asked


@pytest.mark.parametrize(
    "stale", [Fault("rejected", "bad token", code="InvalidSkipToken"), Fault("absent", "", code="NotFound")]
)
def test_a_cursor_that_has_grown_too_old_begins_the_list_again(tmp_path, stale):
    known, answers = world()
    expected = statuses(collect(Azure(answers), known, tmp_path / "whole.sqlite"), known)
    azure = Azure({**answers, "/3": [LATER, stale, answers["/3"]]})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(collect(azure, known, estate), known) == expected


def test_an_id_that_cannot_be_asked_stays_so_on_resume(tmp_path):
    known = below()
    azure = Azure({PARENTS: page({**PARENT, "id": f"{PARENTS}/.."})})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    first = statuses(estate, known)
    assert statuses(collect(azure, known, estate), known) == first


def test_an_estate_that_was_not_read_to_its_end_claims_nothing(tmp_path):
    known, answers = world()
    whole = statuses(collect(Azure(answers), known, tmp_path / "whole.sqlite"), known)
    for at_ask in range(2, 30, 3):
        estate = interrupted(Azure(answers), known, tmp_path / f"e{at_ask}.sqlite", at_ask)
        results = assessed(estate, known)
        found = {(each.check, each.resource.id.rpartition("/")[2]): each.status for each in results.verdicts()}
        decided = {key: status for key, status in found.items() if status != "unreadable"}
        assert all(whole[key] == status for key, status in decided.items())
        assert "unreadable" in found.values()
        assert results.unreadable, "the report names what is missing"
        estate.close()


def test_regions_that_were_not_reached_are_not_taken_for_empty(tmp_path):
    known = per("location", "/providers/Microsoft.Test/locations/{location}")
    resources = [{**thing(name, "vms"), "location": name} for name in ("eastus", "westus")]
    azure = Azure({RESOURCE_LIST: page(*resources)})
    estate = interrupted(azure, known, tmp_path / "e.sqlite", 5)
    assert len(azure.paths("/things")) == 1
    assert list(statuses(estate, known).values()) == ["unreadable"]


# provenance and secrets


def test_evidence_names_the_read_that_a_value_came_from(tmp_path):
    known = below()
    azure = Azure({PARENTS: page(PARENT, thing("q", "parents")), CHILDREN: page(child("a", False))})
    found = {each.resource.name: each for each in verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)}
    (of_item,), (of_list,) = found["p"].evidence, found["q"].evidence
    assert of_item.url == f"{CHILDREN}?api-version=2024-01-01" and of_item.actual is False
    assert (of_item.api, of_item.read_at) == ("2024-01-01", AT)
    assert of_list.actual == {"items": 0}


def test_secrets_never_reach_the_estate(tmp_path):
    known = catalog(
        *detailed(redact=("properties.hidden[*].value",)).collections.values(),
        checks=[check("thing-on", "thing", ON)],
    )
    planted = {
        "adminPassword": "s3cret-1",
        "hidden": [{"name": "n", "value": "s3cret-2"}],
        "url": "https://h/?sig=s3cret-3",
    }
    azure = Azure(
        {
            THINGS: page({**thing("a"), "properties": planted}),
            on("a")["id"]: {**on("a"), "extra": {"clientSecret": "s3cret-4"}},
        }
    )
    estate = collect(azure, known, tmp_path / "e.sqlite")
    estate.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"s3cret" not in held and b'"name":"n"' in held


def test_a_link_needs_its_target_read_in_full(tmp_path):
    owner = kind("thing", links=(link("watchers", "watcher", "id", "properties.target", many=True),))
    known = catalog(owner, kind("watcher"), checks=[check("watched", "thing", {"some": {"in": "watchers"}})])
    azure = Azure({THINGS: page(on("a")), f"{at(ONE)}/watchers": DENIED})
    assert statuses(collect(azure, known, tmp_path / "e.sqlite"), known) == {("watched", "a"): "unreadable"}


def test_the_resource_list_itself_can_be_a_subject_of_checks(tmp_path):
    known = catalog(
        checks=[
            check(
                "none-named-x",
                "subscription",
                {"none": {"in": "resources", "where": {"field": "name", "equals": "x"}, "whenEmpty": "pass"}},
            )
        ]
    )
    azure = Azure({RESOURCE_LIST: page(thing("y"), next="/2"), "/2": page(thing("x"))})
    estate = collect(azure, known, tmp_path / "e.sqlite")
    assert statuses(estate, known) == {("none-named-x", ONE): "fail"}
    assert len(azure.paths("/resources")) == 1
    assert estate.count(RESOURCES.name) == 2


def test_answers_with_items_and_a_fault_keep_the_items(tmp_path):
    known = of_things()
    broken = Answer(url="", api="", status=200, at=AT, items=(on("a"),), fault=Fault("bad_response", "foreign link"))
    found = statuses(collect(Azure({THINGS: broken}), known, tmp_path / "e.sqlite"), known)
    assert found == {("thing-on", "a"): "pass", ("thing-on", ONE): "unreadable"}


def test_filters_leave_out_nothing_of_which_nothing_is_known(tmp_path):
    known = of_things()
    estate = collect(Azure({THINGS: page(None, on("a", location="westeurope"))}), known, tmp_path / "e.sqlite")
    found = verdicts(estate, known, Settings(regions=("northeurope",), resource_groups=("rg",)))
    assert [each.status for each in found] == ["unreadable"]


def test_evidence_copies_no_long_text(tmp_path):
    known = catalog(kind("thing"), checks=[check("a", "thing", {"field": "properties.text", "notLike": "*b"})])
    estate = collect(Azure({THINGS: page(thing("x", properties={"text": "a" * 5_000_000}))}), known, tmp_path / "e")
    ((found,),) = [each.evidence for each in verdicts(estate, known)]
    assert found.actual == "5,000,000 characters"


@pytest.mark.parametrize(("shown", "kind_of_fault"), [([], "access_denied"), ([on("one")], "partial_access")])
def test_what_no_role_grants_is_denied_where_nothing_came(tmp_path, shown, kind_of_fault):
    azure = Azure({THINGS: page(*shown)}, [{"actions": ["Microsoft.Other/*/read"], "notActions": []}])
    known = of_things()
    found = [
        each for each in verdicts(collect(azure, known, tmp_path / "e.sqlite"), known) if each.resource.name == "*"
    ]
    assert [(each.status, each.reason.split(":")[0]) for each in found] == [("unreadable", kind_of_fault)]
    assert "(needs Microsoft.Test/things/read)" in found[0].reason


def test_without_any_role_in_the_subscription_nothing_is_said_to_be_denied(tmp_path):
    known = of_things()
    found = verdicts(collect(Azure({THINGS: page()}, []), known, tmp_path / "e.sqlite"), known)
    assert [each.reason.split(":")[0] for each in found] == ["partial_access"]


@pytest.mark.parametrize(
    ("not_actions", "status"), [([], "pass"), (["Microsoft.Test/vaults/read"], "unreadable"), (["Else/x/read"], "pass")]
)
def test_the_list_of_resources_is_doubted_where_a_type_that_is_sought_may_not_be_read(tmp_path, not_actions, status):
    vault = {"field": "type", "equals": "Microsoft.Test/vaults"}
    require = {"none": {"in": "resources", "where": vault, "whenEmpty": "pass"}}
    known = catalog(checks=[check("no-vault", "subscription", require)])
    azure = Azure({RESOURCE_LIST: page(on("one"))}, [{"actions": ["*/read"], "notActions": not_actions}])
    (found,) = verdicts(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert found.status == status
    assert status == "pass" or "(needs Microsoft.Test/vaults/read)" in found.reason
