"""The smallest role: exact, reading only, and assignable where Azure allows it."""

from __future__ import annotations

import pytest

from azscan.collect.needs import QUERY, needs_of
from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS
from azscan.collect.plan import Plan
from azscan.errors import UsageError
from azscan.rights.role import (
    DESCENDANTS,
    SUBSCRIPTIONS,
    actions_for,
    graph_permissions,
    role_for,
    scopes_for,
    seeing_any_type,
)
from tests.collect.ground import catalog, check, kind
from tests.harness import shipped

ONE, TWO = "0a1b2c3d-1111-4222-8333-444455556666", "0f9e8d7c-9999-4888-8777-666655554444"
ON = {"field": "properties.on", "equals": True}
GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
RESOURCES = "Microsoft.Resources/subscriptions/resources/read"


def plan_of(*kinds, checks):
    return Plan(catalog(*kinds, checks=checks), checks, {})


def whole() -> Plan:
    return Plan(shipped(), shipped().checks.values(), {})


def test_the_role_for_all_checks_only_reads_and_has_no_wildcard():
    for at_group in (False, True):
        actions = actions_for(whole(), at_group=at_group)
        assert len(actions) == len({each.lower() for each in actions}) > 200
        assert all(each.endswith("/read") and "*" not in each for each in actions)


@pytest.mark.parametrize("service", sorted(shipped().services))
def test_the_role_of_a_service_holds_nothing_outside_its_plan(service):
    plan = Plan(shipped(), [each for each in shipped().checks.values() if each.service == service], {})
    needs = needs_of(plan)
    surveyed = {SUBSCRIPTIONS, PERMISSIONS, *ASSIGNMENTS, GROUPS, RESOURCES}
    actions = set(actions_for(plan, at_group=False))
    assert needs.actions.keys() <= actions <= {*needs.actions, *surveyed}
    assert (RESOURCES in actions) == plan.needs_resource_list()
    above = set(actions_for(plan, at_group=True)) - actions
    assert DESCENDANTS in above and above <= {DESCENDANTS, *needs.tenant_actions}


def test_checks_of_graph_alone_need_no_more_than_a_subscription_that_is_visible():
    user = kind("user", host="graph", list="/users", permission=("User.Read.All",))
    assert actions_for(plan_of(user, checks=[check("a", "user", ON)]), at_group=False) == (SUBSCRIPTIONS,)


def test_a_query_is_an_action_besides_what_it_finds():
    found = kind("found", kql="resources | where type =~ 'microsoft.test/founds'")
    actions = actions_for(plan_of(found, checks=[check("a", "found", ON)]), at_group=False)
    assert {QUERY, "Microsoft.Test/founds/read"} <= set(actions)


def test_the_subscription_policy_stands_in_no_role():
    assert "Microsoft.Subscription/policies/read" in needs_of(whole()).tenant_actions
    assert "Microsoft.Subscription/policies/read" not in actions_for(whole(), at_group=True)


def test_scopes_are_ids_and_each_stands_once():
    assert scopes_for([ONE.upper(), f"/subscriptions/{ONE}", TWO], ["root"]) == (
        "/providers/Microsoft.Management/managementGroups/root",
        f"/subscriptions/{ONE}",
        f"/subscriptions/{TWO}",
    )
    assert scopes_for([], ["/providers/Microsoft.Management/managementGroups/mg-1"])[0].endswith("/mg-1")


@pytest.mark.parametrize(
    ("subscriptions", "groups", "words"),
    [
        (["my subscription"], [], "not the id of a subscription"),
        ([], ["My Group"], "not the id of a management group"),
        ([], ["a*"], "not the id of a management group"),
        ([], ["a", "b"], "only one management group"),
        ([f"0a1b2c3d-1111-4222-8333-{number:012}" for number in range(2001)], [], "2,000 scopes"),
    ],
)
def test_scopes_that_azure_would_refuse_are_told(subscriptions, groups, words):
    with pytest.raises(UsageError, match=words) as caught:
        scopes_for(subscriptions, groups)
    assert caught.value.hint


def role(**more):
    plan = plan_of(kind("vm"), checks=[check("a", "vm", ON)])
    return role_for(plan, **{"name": "r", "scopes": ["/subscriptions/x"], "checks": 1, **more})


@pytest.mark.parametrize("name", ["", "x" * 513, "a\nb", "\x1b[31m"])
def test_a_name_that_azure_would_refuse_is_told(name):
    with pytest.raises(UsageError, match="cannot be called"):
        role(name=name)


def test_actions_can_be_left_out_by_name():
    assert "Microsoft.Test/vms/read" in role().actions
    assert "Microsoft.Test/vms/read" not in role(without=["microsoft.test/VMS/read"]).actions
    with pytest.raises(UsageError, match="does not hold") as caught:
        role(without=["Microsoft.Test/vm/read"])
    assert caught.value.hint == "did you mean Microsoft.Test/vms/read?"
    with pytest.raises(UsageError, match="no action"):
        role(without=role().actions)


def test_the_fewest_permissions_of_graph_are_chosen():
    kinds = [
        kind("one", host="graph", list="/ones", permission=("Narrow.Read.All", "Policy.Read.All")),
        kind("two", host="graph", list="/twos", permission=("Policy.Read.All",)),
        kind("three", host="graph", list="/threes", permission=("First.Read.All", "Second.Read.All")),
    ]
    plan = plan_of(*kinds, checks=[check(each, each, ON) for each in ("one", "two", "three")])
    assert graph_permissions(needs_of(plan)) == {"First.Read.All": {"three"}, "Policy.Read.All": {"one", "two"}}


def test_a_check_that_looks_at_any_type_is_told_apart():
    assert seeing_any_type(whole()) == ["network-watcher-in-used-regions"]
