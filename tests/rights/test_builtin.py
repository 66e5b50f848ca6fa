"""Built-in roles: the least that covers, and never one that does more than read."""

from __future__ import annotations

import pytest

from azscan.collect.plan import Plan
from azscan.rights.builtin import BUILT_IN_ROLES, least_for, nearly_for
from azscan.rights.role import actions_for
from tests.harness import shipped


def test_only_roles_that_read_are_named():
    assert [role.name for role in BUILT_IN_ROLES if not role.only_reads] == ["Security Reader"]
    assert all(role.page.startswith("https://learn.microsoft.com/") for role in BUILT_IN_ROLES)


@pytest.mark.parametrize("service", sorted(shipped().services))
def test_reader_covers_every_service(service):
    plan = Plan(shipped(), [each for each in shipped().checks.values() if each.service == service], {})
    for at_group in (False, True):
        actions = actions_for(plan, at_group=at_group)
        assert not least_for(actions).lacking(actions)


def test_a_narrower_role_is_named_where_it_covers():
    assert least_for(["Microsoft.Authorization/locks/read"]).name == "Management Group Reader"
    assert least_for(["Microsoft.Security/pricings/read"]).name == "Reader"


def test_what_a_narrower_role_lacks_is_told_where_it_is_little():
    actions = ["Microsoft.Security/pricings/read", "Microsoft.Security/settings/read", "Microsoft.Easm/workspaces/read"]
    assert nearly_for(actions) == {"Security Reader": ["Microsoft.Easm/workspaces/read"]}
