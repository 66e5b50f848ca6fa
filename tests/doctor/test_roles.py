"""Rights: from permissions or assignments, never from names; denials counted; partial rights let a scan go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azscan.doctor.roles import MOST_NAMES, Held
from azscan.emulator import Deny, Role
from azscan.errors import NothingScannedError
from tests.doctor.ground import GROUP, OID, ONE, STORAGE, VISIBLE, World, found, states

SCOPE = f"/subscriptions/{ONE}"
ABOVE = "/providers/Microsoft.Management/managementGroups/root"
EVERYONE = {"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}
STORAGE_ONLY = ("storage",)


def denial(scope: str = SCOPE, actions: tuple[str, ...] = ("*",), **more: Any) -> dict[str, Any]:
    """A deny assignment, as ARM lists it; of Microsoft's documentation of its properties."""
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/denyAssignments/77777777-7777-4777-8777-777777777777",
        "type": "Microsoft.Authorization/denyAssignments",
        "name": "77777777-7777-4777-8777-777777777777",
        "properties": {
            "denyAssignmentName": "Stack 'core'",
            "scope": scope,
            "permissions": [{"actions": list(actions), "notActions": more.pop("not_actions", [])}],
            "principals": [EVERYONE],
            "excludePrincipals": [],
            **more,
        },
    }


def denied(folder: Path, body: dict[str, Any]) -> Any:
    world = World(services=STORAGE_ONLY)
    world.resources.append(body)
    return [each for each in world.doctor(folder).findings if each.name == "deny-assignment"]


def test_a_denial_that_takes_reads_away_is_told(tmp_path: Path) -> None:
    (told,) = denied(tmp_path, denial())
    assert told.state == "warning" and "Stack 'core'" in told.what
    assert f"{STORAGE}/read" in told.means and "excluded principals" in told.means and not told.commands


@pytest.mark.parametrize(
    "body",
    [
        denial(actions=("*/write", "*/delete")),
        denial(not_actions=["*/read"]),
        denial(principals=[{"id": GROUP, "type": "User"}]),
        denial(excludePrincipals=[{"id": OID.upper(), "type": "ServicePrincipal"}]),
        denial(actions=("Microsoft.Compute/*",)),
    ],
    ids=["only writes", "all but reads", "of somebody else", "this identity excluded", "what no check reads"],
)
def test_a_denial_that_takes_nothing_away_is_not(tmp_path: Path, body: dict[str, Any]) -> None:
    assert denied(tmp_path, body) == []


def test_a_denial_of_a_group_is_taken_to_hold(tmp_path: Path) -> None:
    assert denied(tmp_path, denial(principals=[{"id": GROUP, "type": "Group"}]))


@pytest.mark.parametrize("told", ["anywhere", "nowhere"])
def test_whatever_grants_the_reads_is_enough(tmp_path: Path, told: str) -> None:
    roles = [
        Role(SCOPE, (f"{STORAGE}/*",), name="Blobs and such"),
        Role(ABOVE, ("Microsoft.Resources/*/read", "Microsoft.Authorization/*/read"), group=GROUP, name="Onlookers"),
        Role(SCOPE, ("microsoft.insights/DIAGNOSTICSETTINGS/*",), name="Logs"),
    ]
    report = World(roles=roles, services=STORAGE_ONLY, more={"permissions_at": told}).doctor(tmp_path)
    good = found(report, "roles")
    assert good.state == "ok" and "every read is covered" in good.what
    assert "Blobs and such (direct, on the subscription)" in good.what
    assert "Onlookers (by group, inherited from management group root)" in good.what


def test_rights_of_one_role_do_not_mend_what_another_takes_away(tmp_path: Path) -> None:
    """notActions take from their own role only."""
    roles = [Role("/", ("*/read",), ("Microsoft.Storage/*",)), Role(SCOPE, ("Microsoft.Storage/*/read",))]
    assert found(World(roles=roles, services=STORAGE_ONLY).doctor(tmp_path), "roles").state == "ok"


@pytest.mark.parametrize("told", ["anywhere", "nowhere"])
def test_a_role_on_a_group_of_resources_warns_and_lets_a_scan_go_on(tmp_path: Path, told: str) -> None:
    world = World(roles=[Role(f"{SCOPE}/resourceGroups/rg-web")], services=STORAGE_ONLY, more={"permissions_at": told})
    report = world.doctor(tmp_path)
    assert states(report)["roles"] == "warning" == report.state
    if told == "anywhere":
        assert "no role on the whole subscription, only below it: resource group rg-web" in found(report, "roles").what
    scanned = world.scan(tmp_path / "scan")
    assert scanned.of("storage-https-only")
    asked = [record for record in scanned.emulator.log if "roleAssignments" in record.path]
    assert len(asked) == (told == "nowhere"), "the quick part costs nothing"


def test_a_part_of_the_reads_lets_a_scan_go_on(tmp_path: Path) -> None:
    world = World(
        roles=[Role(SCOPE, (VISIBLE, "Microsoft.Authorization/permissions/read", f"{STORAGE}/read"))],
        services=STORAGE_ONLY,
    )
    scanned = world.scan(tmp_path / "scan")
    assert scanned.of("storage-https-only")
    assert not [record for record in scanned.emulator.log if "roleAssignments" in record.path]


def test_where_nothing_can_be_asked_it_says_so(tmp_path: Path) -> None:
    deny = [Deny("Microsoft.Authorization/roleAssignments/read")]
    report = World(services=STORAGE_ONLY, more={"permissions_at": "nowhere", "deny": deny}).doctor(tmp_path)
    told = found(report, "roles")
    assert told.state == "warning" and "it cannot be told what this identity may read" in told.what
    for action in ("permissions", "roleAssignments", "roleDefinitions"):
        assert f"Microsoft.Authorization/{action}/read" in told.means


def test_a_group_that_is_not_shown_is_not_named(tmp_path: Path) -> None:
    role = Role(f"{SCOPE}/resourceGroups/rg-web", (VISIBLE, "Microsoft.Authorization/permissions/read"))
    told = found(World(roles=[role], services=STORAGE_ONLY).doctor(tmp_path), "roles")
    assert "no role on the whole subscription: 0 reads of" in told.what


def test_defender_is_looked_at_only_where_a_check_reads_it(tmp_path: Path) -> None:
    role = Role(SCOPE, (VISIBLE, "Microsoft.Authorization/*/read", f"{STORAGE}/read"))

    def told(*services: str) -> list[str]:
        world = World(roles=[role], services=services)
        report = world.doctor(tmp_path)
        assert world.emulator is not None
        asked = [record for record in world.emulator.log if "pricings" in record.path]
        assert bool(asked) == ("defender" in services)
        return [each for each in report.not_looked_at if "Defender" in each] + [
            each.what for each in report.findings if each.group == "defender"
        ]

    assert told("storage") == []
    assert any(each.endswith(": for want of Microsoft.Security/pricings/read") for each in told("defender"))


def test_a_subscription_that_grants_something_keeps_the_others_from_blocking(tmp_path: Path) -> None:
    poor = (VISIBLE, "Microsoft.Billing/*/read", "Microsoft.Authorization/*/read")
    world = World(roles=[Role(SCOPE, poor)], services=STORAGE_ONLY)
    assert world.doctor(tmp_path).state == "blocking"
    with pytest.raises(NothingScannedError, match="does not grant one read of the selected checks"):
        world.scan(tmp_path / "scan")
    assert not list((tmp_path / "scan").glob("state/*"))


def test_names_of_many_roles_are_listed_at_once(tmp_path: Path) -> None:
    names = [f"role {number}" for number in range(MOST_NAMES + 2)]
    roles = [Role(SCOPE, (f"Microsoft.Test{at}/*",), name=name) for at, name in enumerate(names)]
    world = World(roles=[Role(SCOPE), *roles], services=STORAGE_ONLY)
    world.doctor(tmp_path)
    assert world.emulator is not None
    asked = [record.path for record in world.emulator.log if "roleDefinitions" in record.path]
    assert len(asked) == 1 and asked[0].endswith("/roleDefinitions")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (SCOPE, "on the subscription"),
        ("/", "inherited from the root of the tenant"),
        (ABOVE, "inherited from management group root"),
        (f"{SCOPE}/resourceGroups/rg", "only on resourceGroups/rg"),
    ],
)
def test_where_a_role_is_assigned(scope: str, words: str) -> None:
    assert Held("Reader", False, scope).words(ONE) == f"Reader (direct, {words})"
    assert Held("Reader", True, scope, True).words(ONE) == f"Reader (by group, {words}, with a condition)"
