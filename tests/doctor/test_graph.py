"""Permissions of Microsoft Graph: what the claims hold, the fewest that serve, and who can be given them."""

from __future__ import annotations

from pathlib import Path

import pytest

from azscan.azure.credentials import CLI_APP, SignedIn
from azscan.catalog.fix import command_line
from azscan.collect.needs import Needs, needs_of
from azscan.collect.plan import Plan
from azscan.doctor.finding import Portal
from azscan.doctor.graph import APP_ROLES, diagnose, fewest, lacking
from tests.doctor.ground import CLIENT, OID, World, found
from tests.harness import shipped

USER, POLICY = ("User.Read.All", "Directory.Read.All"), ("Policy.Read.All",)
NEEDS = Needs({}, {}, {USER: frozenset({"a"}), POLICY: frozenset({"b", "c"})})
PORTAL = Portal("https://portal.azure.com")


def identity(kind: str = "client secret from the environment", *held: str, is_app: bool = True, app: str = CLIENT):
    return SignedIn(
        credential=None,  # type: ignore[arg-type]
        kind=kind,
        who="somebody",
        tenant="t",
        object_id=OID,
        app_id=app,
        graph_permissions=frozenset(held),
        is_cli_app=app == CLI_APP,
        is_app=is_app,
    )


def diagnosed(who: SignedIn, needs: Needs = NEEDS, cloud: str = "AzureCloud", *, is_all: bool = False):
    return diagnose(who, needs, cloud, "sub", PORTAL, is_all=is_all)


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ((), [USER, POLICY]),
        (("User.Read.All",), [POLICY]),
        (("Directory.ReadWrite.All",), [POLICY]),
        (("Directory.AccessAsUser.All",), [POLICY]),
        (("Policy.Read.All", "Directory.Read.All"), []),
        (("Policy.ReadWrite.All",), [USER]),
        (("User.Read",), [USER, POLICY]),
    ],
)
def test_what_the_claims_lack(held: tuple[str, ...], missing: list[tuple[str, ...]]) -> None:
    assert list(lacking(NEEDS, frozenset(held))) == missing


def test_the_fewest_permissions_that_serve_and_of_those_the_narrowest() -> None:
    assert fewest({USER: frozenset()}) == ["User.Read.All"]
    assert fewest({USER: frozenset(), ("Domain.Read.All", "Directory.Read.All"): frozenset()}) == ["Directory.Read.All"]
    assert fewest({}) == []


def test_what_the_whole_catalogue_needs_can_be_added_by_id() -> None:
    needs = needs_of(Plan(shipped(), shipped().checks.values(), {}))
    assert set(fewest(needs.graph)) <= APP_ROLES.keys()
    (told,) = diagnosed(identity(), needs)
    assert "ROLE_ID" not in str(told.commands) and [words[4] for words in told.commands] == ["add", "admin-consent"]


def test_an_app_adds_application_permissions_and_a_user_delegated_ones() -> None:
    (app,) = diagnosed(identity())
    assert "application permissions" in app.means and "3 checks" in app.means
    assert command_line(app.commands[0]).endswith(
        f"--api-permissions {APP_ROLES['Policy.Read.All']}=Role {APP_ROLES['User.Read.All']}=Role"
    )
    (user,) = diagnosed(identity("device code", is_app=False))
    assert "delegated permissions" in user.means
    assert command_line(user.commands[0]).endswith("--scope 'Policy.Read.All User.Read.All'")


def test_the_app_of_az_login_gets_no_advice_of_consent() -> None:
    (told,) = diagnosed(identity("az login", is_app=False, app=CLI_APP), is_all=True)
    assert told.state == "blocking"
    assert "--auth service-principal" in told.means and "--auth device-code --client-id ID" in told.means
    lines = [command_line(words) for words in told.commands]
    assert lines == ["az ad sp create-for-rbac --name azscan-reader --role Reader --scopes /subscriptions/sub"]
    assert "consent" not in " ".join(lines) and "CallAnAPI" not in told.portal


def test_a_managed_identity_is_assigned_its_roles() -> None:
    (told,) = diagnosed(identity("managed identity"))
    assert len(told.commands) == 2 and all(words[:2] == ("az", "rest") for words in told.commands)
    assert f"/objectId/{OID}" in told.portal


def test_in_china_the_ids_are_looked_up() -> None:
    (told,) = diagnosed(identity(), cloud="AzureChinaCloud")
    assert told.commands[0][:5] == ("az", "ad", "sp", "show", "--id")
    assert "value=='Policy.Read.All' || value=='User.Read.All'" in told.commands[0][-1]
    assert "ROLE_ID=Role" in told.commands[1]


def test_what_a_given_token_says_does_not_block() -> None:
    assert diagnosed(identity("given token"), is_all=True)[0].state == "warning"
    assert diagnosed(identity(), is_all=True)[0].state == "blocking"


def test_nothing_is_said_where_nothing_is_needed() -> None:
    assert diagnosed(identity(), Needs({}, {}, {})) == []
    (told,) = diagnosed(identity("browser", "Policy.Read.All", "User.Read.All", is_app=False))
    assert told.state == "ok" and "role in Entra ID" in told.what


def test_a_user_of_az_s_app_through_sign_in(tmp_path: Path) -> None:
    """Device code without an app of one's own is az's app; its scopes come from the token's `scp`."""
    world = World(granted=["User.Read.All", "Directory.AccessAsUser.All"])
    report = world.doctor(tmp_path, auth="device-code")
    told = found(report, "graph-permissions")
    assert told.state == "warning" and "two ways work" in told.means
    assert "Policy.Read.All" in told.what and "Directory.Read.All" not in told.what
