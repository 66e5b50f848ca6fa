"""Ten broken set-ups: the doctor says what is broken, what it prints mends it, and the scan that follows is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import Role
from azscan.emulator.estate import TENANT
from azscan.errors import AzscanError, NothingScannedError, UsageError
from tests.doctor.ground import ELSEWHERE, GROUP, ONE, STORAGE, TWO, VISIBLE, World, found, states
from tests.harness import Scanned

SUBSCRIPTION = f"/subscriptions/{ONE}"
PORTAL = "https://portal.azure.com/"


def assert_true(scanned: Scanned) -> None:
    """The scan decided, and nothing of it rests on what could not be read."""
    assert {verdict.status for verdict in scanned.of("storage-https-only")} == {"pass"}
    assert not list(scanned.results.unreadable)


def assert_refused(world: World, folder: Path, finding: Any) -> None:
    """The scan refuses with 3, in the doctor's words."""
    with pytest.raises(AzscanError) as refused:
        world.scan(folder)
    assert refused.value.exit_code == NothingScannedError.exit_code
    assert (refused.value.message, refused.value.hint) == (finding.what, finding.means)


def test_no_role(tmp_path: Path) -> None:
    world = World(roles=[])
    broken = found(world.doctor(tmp_path), "subscriptions")
    assert broken.state == "blocking" and "no subscription is visible to azscan-reader" in broken.what
    assert broken.portal.startswith(f"{PORTAL}{TENANT}#view/Microsoft_Azure_Billing/SubscriptionsBlade")
    assert broken.commands[0][-1] == "/subscriptions/SUBSCRIPTION_ID"
    assert_refused(world, tmp_path / "refused", broken)
    world.apply(broken)
    after = world.doctor(tmp_path)
    assert after.state == "ok" and "Reader (direct, on the subscription)" in found(after, "roles").what
    assert_true(world.scan(tmp_path / "scan"))


def test_a_subscription_that_is_named_and_not_seen(tmp_path: Path) -> None:
    """Others are: a scan would take it for a wrong name, but an id is more likely a role that is missing."""
    broken = found(World().doctor(tmp_path, subscriptions=[TWO]), "subscriptions")
    assert broken.state == "blocking" and f"no subscription '{TWO}' is visible" in broken.what
    assert broken.commands[0][-1] == f"/subscriptions/{TWO}"
    with pytest.raises(UsageError, match="no subscription 'prid' is visible"):
        World().doctor(tmp_path, subscriptions=["prid"])


def test_no_role_on_the_subscription_that_is_named(tmp_path: Path) -> None:
    broken = found(World(roles=[]).doctor(tmp_path, subscriptions=[ONE]), "subscriptions")
    assert broken.commands[0][-1] == SUBSCRIPTION
    assert broken.portal == f"{PORTAL}#@{TENANT}/resource{SUBSCRIPTION}/users"


@pytest.mark.parametrize("known", [False, True], ids=["unknown tenant", "somebody else's tenant"])
def test_wrong_tenant(tmp_path: Path, known: bool) -> None:
    world = World(env={"AZURE_TENANT_ID": ELSEWHERE}, more={"tenants": [ELSEWHERE]} if known else {})
    report = world.doctor(tmp_path)
    broken = found(report, "subscriptions" if known else "sign-in")
    assert broken.state == report.state == "blocking"
    assert ("there is no such tenant" in broken.what) is not known
    if known:
        assert f"in tenant {ELSEWHERE}" in broken.what and "--tenant" in broken.means
        # Of the two remedies the second is the one: the list of subscriptions shows another tenant.
        assert broken.commands[1][:3] == ("az", "account", "list")
        world.env["AZURE_TENANT_ID"] = TENANT
    else:
        world.apply(broken)
    assert states(world.doctor(tmp_path))["sign-in"] == "ok"
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_expired_secret(tmp_path: Path) -> None:
    world = World(expired=["first-secret"])
    report = world.doctor(tmp_path)
    broken = found(report, "sign-in")
    assert report.state == "blocking" and "the client secret has expired (AADSTS7000222" in broken.what
    assert broken.portal.endswith("/ApplicationMenuBlade/~/Credentials/appId/22222222-2222-4222-8222-222222222222")
    assert any("nobody is signed in" in words for words in report.not_looked_at)
    assert_refused_sign_in(world, tmp_path, broken)
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def assert_refused_sign_in(world: World, folder: Path, broken: Any) -> None:
    """As assert_refused, but each sign-in has a correlation id of its own."""
    with pytest.raises(AzscanError) as refused:
        world.scan(folder / "refused")
    assert refused.value.exit_code == NothingScannedError.exit_code and refused.value.hint == broken.means
    assert refused.value.message.partition(", correlation id")[0] == broken.what.partition(", correlation id")[0]


def test_no_consent_for_graph(tmp_path: Path) -> None:
    world = World(granted=[])
    report = world.doctor(tmp_path)
    broken = found(report, "graph-permissions")
    assert broken.state == report.state == "warning"
    assert "Policy.Read.All" in broken.what and "administrator consents" in broken.means
    before = world.scan(tmp_path / "before")
    assert {verdict.status for verdict in before.of("entra-guest-access-restricted")} == {"unreadable"}
    assert any(part.kind == "access_denied" for part in before.results.unreadable)
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_no_consent_blocks_where_every_check_rests_on_it(tmp_path: Path) -> None:
    world = World(granted=[], services=("entra",))
    broken = found(world.doctor(tmp_path), "graph-permissions")
    assert broken.state == "blocking"
    assert_refused(world, tmp_path / "refused", broken)
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"


def test_defender_off(tmp_path: Path) -> None:
    world = World(providers={"Microsoft.Security": "NotRegistered"})
    report = world.doctor(tmp_path)
    broken = found(report, "defender")
    assert broken.state == report.state == "warning" and "Defender for Cloud is off" in broken.what
    assert world.scan(tmp_path / "before").of("storage-https-only"), "a scan goes on all the same"
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_a_plan_of_defender_off_and_then_no_data_yet(tmp_path: Path) -> None:
    world = World()
    for each in world.resources:
        if each["name"] in ("VirtualMachines", "CloudPosture"):
            each["properties"] = {"pricingTier": "Free"}
    world.resources = [each for each in world.resources if "/assessments/" not in each["id"]]
    broken = found(world.doctor(tmp_path), "defender-plan")
    assert "the plan VirtualMachines of Defender for Cloud is off" in broken.what
    assert "defender-machines-scanned" in broken.means and "paid" in broken.means
    world.apply(broken)
    after = world.doctor(tmp_path)
    assert "defender-plan" not in states(after)
    waiting = found(after, "first-data")
    assert waiting.state == "warning" and "up to 24 hours" in waiting.means
    world.resources = World().resources
    assert world.doctor(tmp_path).state == "ok"


def test_provider_not_registered(tmp_path: Path) -> None:
    world = World(providers={"Microsoft.Insights": "NotRegistered", "Microsoft.Search": "NotRegistered"})
    report = world.doctor(tmp_path)
    broken = found(report, "provider")
    assert broken.state == report.state == "warning" and "Microsoft.Insights is not registered" in broken.what
    assert broken.portal == f"{PORTAL}#@{TENANT}/resource{SUBSCRIPTION}/resourceproviders"
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_disabled_subscription(tmp_path: Path) -> None:
    world = World(states={ONE: "Disabled"})
    report = world.doctor(tmp_path)
    broken = found(report, "subscriptions")
    assert broken.state == "blocking" and "state Disabled: its services are stopped" in broken.what
    assert broken.portal == f"{PORTAL}#@{TENANT}/resource{SUBSCRIPTION}/overview"
    assert_refused(world, tmp_path / "refused", broken)
    # The other way, which its words name, is to read it as it is.
    named = found(world.doctor(tmp_path, subscriptions=[ONE]), "subscription")
    assert named.state == "warning" and "services are stopped" in named.means
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


@pytest.mark.parametrize("told", ["anywhere", "nowhere"], ids=["by permissions", "by assignments"])
def test_a_role_that_a_group_inherits(tmp_path: Path, told: str) -> None:
    above = "/providers/Microsoft.Management/managementGroups/root"
    poor = Role(
        above,
        (VISIBLE, "Microsoft.Billing/*/read", "Microsoft.Authorization/*/read"),
        group=GROUP,
        name="Billing Reader",
    )
    world = World(roles=[poor], more={"permissions_at": told}, services=("storage", "defender", "monitor"))
    report = world.doctor(tmp_path)
    broken = found(report, "roles")
    assert broken.state == report.state == "blocking"
    assert "Billing Reader (by group, inherited from management group root) does not grant" in broken.what
    assert_refused(world, tmp_path / "refused", broken)
    world.apply(broken)
    assert found(world.doctor(tmp_path), "roles").state == "ok"
    # As good: the group gets the right role, and the identity needs none of its own.
    world.roles = [poor, Role(above, group=GROUP)]
    report = world.doctor(tmp_path)
    assert report.state == "ok" and "Reader (by group, inherited from management group root)" in str(report.findings)
    assert_true(world.scan(tmp_path / "scan"))


@pytest.mark.parametrize("told", ["anywhere", "nowhere"], ids=["by permissions", "by assignments"])
def test_a_custom_role_that_takes_reads_away(tmp_path: Path, told: str) -> None:
    custom = Role("/", ("*/read",), ("Microsoft.Storage/*",), name="Anything but storage")
    world = World(roles=[custom], more={"permissions_at": told})
    report = world.doctor(tmp_path)
    broken = found(report, "roles")
    assert broken.state == report.state == "warning"
    assert "Anything but storage (direct, inherited from the root of the tenant)" in broken.what
    assert f"{STORAGE}/read" in broken.means and "may be unreadable" in broken.means
    before = world.scan(tmp_path / "before")
    assert {verdict.status for verdict in before.of("storage-https-only")} == {"unreadable"}
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_conditional_access(tmp_path: Path) -> None:
    world = World(refused={"*": 53003})
    report = world.doctor(tmp_path)
    broken = found(report, "sign-in")
    assert report.state == "blocking" and "a conditional access policy blocks this sign-in (AADSTS53003" in broken.what
    assert "ConditionalAccessBlade" in broken.portal
    assert_refused_sign_in(world, tmp_path, broken)
    world.apply(broken)
    assert world.doctor(tmp_path).state == "ok"
    assert_true(world.scan(tmp_path / "scan"))


def test_from_nothing_to_the_first_true_scan(tmp_path: Path) -> None:
    """Everything is wrong at once; the user does what stands first, and looks again."""
    world = World(
        env={"AZURE_CLIENT_SECRET": "", "AZURE_TENANT_ID": ELSEWHERE},
        expired=["first-secret"],
        refused={"*": 53003},
        roles=[],
        granted=[],
        states={ONE: "Disabled"},
        providers={"Microsoft.Security": "NotRegistered", "Microsoft.Insights": "NotRegistered"},
    )
    nothing = found(world.doctor(tmp_path), "sign-in")
    assert "AZURE_CLIENT_SECRET is not set" in nothing.what and "or set AZURE_TENANT_ID" in nothing.means
    del world.env["AZURE_CLIENT_SECRET"]
    steps = []
    while (report := world.doctor(tmp_path)).state != "ok":
        worst = next(each for each in report.findings if each.state == report.state)
        assert (worst.name, worst.what) not in [(each.name, each.what) for each in steps], "the remedy did not help"
        steps.append(worst)
        world.apply(worst)
    told = [each.what for each in steps]
    expected = (
        "there is no such tenant",
        "conditional access",
        "has expired",
        "no subscription is visible",
        "state Disabled",
        "permissions of Microsoft Graph are missing",
        "Defender for Cloud is off",
        "Microsoft.Insights is not registered",
    )
    assert len(told) == len(expected)
    assert all(words in what for words, what in zip(expected, told, strict=True)), told
    assert_true(world.scan(tmp_path / "scan"))
