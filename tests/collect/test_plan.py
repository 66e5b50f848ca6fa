"""Which reads checks need, and nothing more."""

from __future__ import annotations

from azscan.collect.plan import Plan
from tests.collect.ground import catalog, check, kind, link

ON = {"field": "properties.on", "equals": True}
VAULT = {"field": "type", "equals": "Microsoft.Test/vaults"}


def plan(*kinds, checks, params=None):
    known = catalog(*kinds, checks=checks)
    return Plan(known, checks, params or {})


NIC = kind("nic", links=(link("address", "address", "properties.ip", "id"),))
VM = kind("vm", links=(link("nics", "nic", "properties.nics[*]", "id", many=True),))
KINDS = (
    VM,
    NIC,
    kind("address"),
    kind("extension", of=("vm", "nic")),
    kind("unrelated"),
    kind("setting", of=("address",), key="name", attach_as="settings"),
)


def test_a_subject_brings_its_own_list_and_the_groups():
    assert plan(*KINDS, checks=[check("a", "nic", ON)]).collections == {"nic": set(), "resource_group": set()}


def test_links_are_followed_as_far_as_the_condition_does():
    deep = {"some": {"in": "nics", "where": {"field": "address.properties.x", "equals": 1}}}
    found = plan(*KINDS, checks=[check("a", "vm", deep)])
    assert set(found.collections) == {"vm", "nic", "address", "resource_group"}
    assert found.names == {"nics", "address"}
    assert all(found.checks_of[name] == {"a"} for name in ("vm", "nic", "address"))


def test_a_child_of_two_parents_is_read_below_the_one_that_is_named():
    found = plan(*KINDS, checks=[check("a", "vm", {"some": {"in": "extensions"}})])
    assert found.collections["extension"] == {"vm"} and "nic" not in found.collections
    assert [each.name for each in found.children("vm")] == ["extension"] and not found.children("nic")


def test_a_child_that_is_the_subject_is_read_below_all_of_them():
    assert plan(*KINDS, checks=[check("a", "extension", ON)]).collections["extension"] == {"vm", "nic"}


def test_a_map_is_walked_by_its_keys():
    found = plan(*KINDS, checks=[check("a", "address", {"field": "settings.tls.properties.value", "equals": "on"})])
    assert found.names == {"settings"} and found.collections["setting"] == {"address"}


def test_applies_and_when_count_too():
    gated = kind("gated", of=("nic",), when={"field": "address.x", "exists": True})
    found = plan(*KINDS, gated, checks=[check("a", "gated", ON, applies={"field": "properties.z", "exists": True})])
    assert {"gated", "nic", "address"} <= set(found.collections)


def test_tenant_level_reads_need_no_subscription():
    user = kind("user", host="graph", list="/users")
    found = plan(user, checks=[check("a", "user", ON)])
    assert [each.name for each in found.roots(tenant=True)] == ["user"]
    assert found.roots(tenant=False) == [] and not found.needs_resource_list()


def test_the_resource_list_is_needed_for_what_it_can_rule_out():
    assert not plan(*KINDS, checks=[check("a", "nic", ON)]).needs_resource_list()
    assert plan(kind("l", presence="listed"), checks=[check("a", "l", ON)]).needs_resource_list()
    by_region = kind("r", per="location", list="/subscriptions/{subscriptionId}/locations/{location}/rs")
    assert plan(by_region, checks=[check("a", "r", ON)]).needs_resource_list()
    assert plan(checks=[check("a", "subscription", {"some": {"in": "resources"}})]).needs_resource_list()


def test_a_second_check_rests_on_what_the_first_one_planned():
    checks = [check(name, "vm", {"some": {"in": "extensions"}}) for name in ("a", "b")]
    found = plan(*KINDS, checks=checks)
    assert all(found.checks_of[name] == {"a", "b"} for name in ("vm", "extension"))


def test_the_subscription_itself_is_never_listed_again():
    inner = kind("inner", of=("subscription",), list="{id}/inners")
    found = plan(inner, checks=[check("a", "inner", ON)])
    assert found.collections["inner"] == {"subscription"}
    assert all(each.name == "resource_group" for tenant in (True, False) for each in found.roots(tenant=tenant))


def test_types_that_are_looked_for_in_the_list_of_all_resources_are_known():
    vaults = {"none": {"in": "resources", "where": VAULT, "whenEmpty": "pass"}}
    either = {"anyOf": [{"field": "type", "equals": "A/b"}, {"not": {"field": "type", "equals": "C/d"}}]}
    count = {"count": {"in": "resources", "where": either}, "greater": 0}
    found = plan(checks=[check("a", "subscription", vaults), check("b", "subscription", count)])
    assert found.sought == {"Microsoft.Test/vaults", "A/b", "C/d"}
    assert not plan(checks=[check("a", "subscription", {"some": {"in": "resources"}})]).sought
