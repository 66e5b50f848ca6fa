"""Which rights a plan rests on."""

from __future__ import annotations

from azscan.collect.needs import ALWAYS_READ, QUERY, actions_of, needs_of
from azscan.collect.plan import Plan
from tests.collect.ground import catalog, check, kind, link
from tests.harness import shipped

ON = {"field": "properties.on", "equals": True}
VAULT = {"field": "type", "equals": "Microsoft.Test/vaults"}


def needs(*kinds, checks):
    return needs_of(Plan(catalog(*kinds, checks=checks), checks, {}))


def test_an_action_names_every_check_that_rests_on_it():
    nic = kind("nic")
    vm = kind("vm", links=(link("nics", "nic", "properties.nics[*]", "id", many=True),))
    deep = {"some": {"in": "nics", "where": ON}}
    found = needs(nic, vm, kind("unrelated"), checks=[check("a", "vm", deep), check("b", "nic", ON)])
    assert found.actions == {"Microsoft.Test/nics/read": {"a", "b"}, "Microsoft.Test/vms/read": {"a"}}
    assert not found.tenant_actions and not found.graph


def test_what_is_listed_must_also_be_shown_in_the_list_of_resources():
    policy = kind("policy", presence="listed", action="Microsoft.Test/locations/policies/read")
    assert list(actions_of(policy)) == ["Microsoft.Test/locations/policies/read", "Microsoft.Test/policys/read"]
    assert list(actions_of(kind("vm", presence="listed"))) == ["Microsoft.Test/vms/read"]


def test_permissions_of_graph_are_told_apart_by_what_is_enough():
    user = kind("user", host="graph", list="/users", permission=("User.Read.All", "Directory.Read.All"))
    policy = kind("policy", host="graph", get="/policies/p", permission=("Policy.Read.All",))
    found = needs(user, policy, checks=[check("a", "user", ON), check("b", "policy", ON), check("c", "policy", ON)])
    assert found.graph == {("Policy.Read.All",): {"b", "c"}, ("User.Read.All", "Directory.Read.All"): {"a"}}
    assert not found.actions


def test_the_whole_catalogue_needs_reads_and_names_a_check_for_each():
    found = needs_of(Plan(shipped(), shipped().checks.values(), {}))
    assert len(found.actions) > 200 and found.graph
    assert set(found.tenant_actions) == {
        "Microsoft.Management/managementGroups/settings/read",
        "Microsoft.Subscription/policies/read",
    }
    for action, checks in {**found.actions, **found.tenant_actions}.items():
        assert action.endswith("/read") and checks, action
    assert not set(ALWAYS_READ) & set(found.tenant_actions)
    assert found.actions.keys() == dict(sorted(found.actions.items(), key=lambda each: each[0].lower())).keys()


def test_a_query_is_an_action_of_its_own():
    found = kind("found", kql="resources | where type =~ 'microsoft.test/founds'")
    assert list(actions_of(found)) == ["Microsoft.Test/founds/read", QUERY]


def test_what_is_sought_in_the_list_of_resources_is_needed_by_all_that_look_there():
    seek = {"none": {"in": "resources", "where": VAULT, "whenEmpty": "pass"}}
    any_type = {"some": {"in": "resources"}}
    found = needs(checks=[check("a", "subscription", seek), check("b", "subscription", any_type)])
    assert found.actions == {
        "Microsoft.Resources/subscriptions/resources/read": {"a", "b"},
        "Microsoft.Test/vaults/read": {"a", "b"},
    }
