"""What a role leaves unreadable; tests/test_role_proof.py holds it against scans."""

from __future__ import annotations

from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS
from azscan.collect.plan import Plan
from azscan.rights.gaps import gaps_of
from azscan.rights.role import SUBSCRIPTIONS, actions_for
from tests.collect.ground import catalog, check, kind, link
from tests.harness import shipped

ON = {"field": "properties.on", "equals": True}
VM = kind("vm", links=(link("nics", "nic", "properties.nics[*]", "id", many=True),))
DEEP = {"some": {"in": "nics", "where": ON}}
CHECKS = [check("deep", "vm", DEEP), check("flat", "vm", ON), check("nic", "nic", ON)]


def plan() -> Plan:
    return Plan(catalog(VM, kind("nic"), checks=CHECKS), CHECKS, {})


def without(*actions):
    held = [each for each in actions_for(plan(), at_group=False) if each not in actions]
    return gaps_of(plan(), [{"actions": held}])


def test_the_smallest_role_and_reader_leave_nothing():
    assert not without().checks and not without().nothing
    assert not gaps_of(plan(), [{"actions": ["*/read"]}]).actions
    every = Plan(shipped(), shipped().checks.values(), {})
    assert not gaps_of(every, [{"actions": list(actions_for(every, at_group=True))}]).actions


def test_what_rests_on_an_action_is_unreadable_without_it():
    assert without("Microsoft.Test/nics/read").by_check() == {
        "deep": ("Microsoft.Test/nics/read",),
        "nic": ("Microsoft.Test/nics/read",),
    }
    assert without("Microsoft.Test/vms/read").actions == {"Microsoft.Test/vms/read": {"deep", "flat"}}


def test_not_actions_take_away_in_their_own_role_only():
    narrowed = {"actions": ["*/read"], "notActions": ["Microsoft.Test/nics/*"]}
    assert gaps_of(plan(), [narrowed]).checks == {"deep", "nic"}
    assert not gaps_of(plan(), [narrowed, {"actions": ["microsoft.test/NICS/read"]}]).checks


def test_the_permissions_or_the_assignments_prove_that_a_list_is_complete():
    assert not without(PERMISSIONS).actions
    assert not without(*ASSIGNMENTS).actions
    assert without(PERMISSIONS, ASSIGNMENTS[0]).actions == {PERMISSIONS: {"deep", "flat", "nic"}}


def test_without_a_visible_subscription_nothing_is_scanned():
    found = without(SUBSCRIPTIONS)
    assert found.nothing and found.checks == {"deep", "flat", "nic"}
