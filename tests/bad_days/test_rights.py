"""Bad days of rights and of what is there: what may not be read is open, what is proven absent is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import Deletion, Deny, FaultRule, Options, Role
from tests.bad_days.ground import (
    ACCOUNTS,
    CONTAINERS,
    FIRST_CONTAINERS,
    HTTPS,
    IDENTITY,
    ONE,
    STORAGE,
    VERSIONS,
    accounts,
    assert_child_lost,
    assert_list_lost,
    assert_nothing_lost,
    assert_told,
    child,
    estate,
    held,
    kinds,
    names,
    ran,
    served,
    spoiled,
    stored,
    three,
)
from tests.emulator.rig import TWO

BOTH = [{"subscriptionId": ONE, "displayName": "one"}, {"subscriptionId": TWO, "displayName": "two"}]
BLOB_READ = f"{STORAGE}/blobServices/containers/read"


def test_403_on_one_read(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(deny=[Deny(FIRST_CONTAINERS)]))
    assert_child_lost(scanned, "access_denied")
    (part,) = scanned.results.unreadable
    assert part.action.lower() == BLOB_READ.lower()
    assert part.code == "AuthorizationFailed"
    assert part.request_id


def test_403_on_a_whole_service(tmp_path: Path) -> None:
    """Storage is closed; what else was chosen is judged all the same."""
    vault = tracked("Microsoft.KeyVault/vaults", "kv", properties={"enablePurgeProtection": True})
    what = estate(*stored("alpha"), vault, identity=IDENTITY)
    options = Options(deny=[Deny("Microsoft.Storage/*")])
    scanned = held(tmp_path, options, what, checks=[HTTPS, CONTAINERS, "keyvault-purge-protection"])
    assert names(scanned, "keyvault-purge-protection") == {"kv": "pass"}
    assert names(scanned, HTTPS) == names(scanned, CONTAINERS) == {"*": "unreadable"}
    assert kinds(scanned) == {"access_denied"}
    assert scanned.exit_code == 4


def test_403_on_a_subscription(tmp_path: Path) -> None:
    what = estate(*stored("alpha"), *stored("beta", subscription=TWO), subscriptions=BOTH, identity=IDENTITY)
    rules = [FaultRule(f"/subscriptions/{TWO}/*", status=403, code="AuthorizationFailed", message="No authorization.")]
    scanned = held(tmp_path, Options(faults=rules), what)
    for check in (HTTPS, VERSIONS, CONTAINERS):
        assert names(scanned, check) == {"alpha": "pass", "*": "unreadable"}
    assert {part.subscription for part in scanned.results.unreadable} == {TWO}
    assert kinds(scanned) == {"access_denied"}
    assert scanned.exit_code == 4


def test_403_on_everything(tmp_path: Path) -> None:
    """It ends with 3 and says what is missing; it is no interrupted scan, so nothing of it is left behind."""
    with served(three(), Options(deny=[Deny("Microsoft.Storage/*")])) as emulator:
        done = ran(emulator, tmp_path)
        assert ran(emulator, tmp_path).stderr == done.stderr
    assert done.returncode == 3
    assert f"does not grant one read of the selected checks ({STORAGE}/" in done.stderr and not done.stdout
    assert not list((tmp_path / "state").iterdir())


def test_the_resource_list_denied(tmp_path: Path) -> None:
    """Nothing is proven absent then, so everything is asked, and no verdict changes."""
    scanned = held(tmp_path, Options(deny=[Deny("Microsoft.Resources/subscriptions/resources/read", "403")]))
    (tmp_path / "good").mkdir()
    good = held(tmp_path / "good")
    assert scanned.outcome() == good.outcome()
    assert [part.collection for part in scanned.results.unreadable] == ["resource"]
    # without an account there is nothing to prove absence by, and the list itself says that it is empty
    (tmp_path / "empty").mkdir()
    empty = held(tmp_path / "empty", Options(deny=[Deny("*/resources", "403")]), estate(identity=IDENTITY))
    assert any(record.kind == STORAGE.lower() for record in empty.emulator.log), "the accounts were not asked for"


def test_reader_on_one_resource_group_only(tmp_path: Path) -> None:
    what = estate(
        *stored("alpha"), *stored("beta", group="rg-hidden", supportsHttpsTrafficOnly=False), identity=IDENTITY
    )
    scanned = held(tmp_path, Options(roles=[Role(f"/subscriptions/{ONE}/resourceGroups/rg-web")]), what)
    assert all(record.status == 200 for record in scanned.emulator.log if record.kind == STORAGE.lower())
    for check in (HTTPS, VERSIONS, CONTAINERS):
        assert names(scanned, check) == {"alpha": "pass", "*": "unreadable"}
    assert kinds(scanned) == {"partial_access"}
    assert scanned.exit_code == 4  # `beta` fails, and nobody was shown it


def test_reader_on_an_empty_resource_group_only(tmp_path: Path) -> None:
    """An empty list, answered with 200, is no proof that there is nothing."""
    what = estate(*stored("beta", group="rg-hidden", supportsHttpsTrafficOnly=False), identity=IDENTITY)
    scanned = held(tmp_path, Options(roles=[Role(f"/subscriptions/{ONE}/resourceGroups/rg-web")]), what)
    assert_list_lost(scanned, "partial_access")


@pytest.mark.parametrize("manner", ["403", "filter"])
def test_a_custom_role_without_one_types_read(manner: Any, tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    scanned = held(tmp_path / "list", Options(deny=[Deny(f"{STORAGE}/read", manner)]))
    assert_list_lost(scanned, "access_denied")
    (tmp_path / "child").mkdir()
    scanned = held(tmp_path / "child", Options(deny=[Deny(BLOB_READ, manner)]))
    assert set(names(scanned, CONTAINERS).values()) == {"unreadable"}
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass"}
    assert kinds(scanned) == {"access_denied"}
    assert {part.action.lower() for part in scanned.results.unreadable} == {BLOB_READ.lower()}


@pytest.mark.parametrize("proven", [True, False], ids=["permissions told", "permissions not told"])
def test_an_unregistered_provider_of_a_tracked_type(proven: bool, tmp_path: Path) -> None:
    """First meaning: there is nothing of the type, which is a fact and no gap."""
    vault = tracked("Microsoft.KeyVault/vaults", "kv", properties={"enablePurgeProtection": True})
    options = Options(
        providers={"Microsoft.Storage": "NotRegistered"}, permissions_at="anywhere" if proven else "nowhere"
    )
    scanned = held(tmp_path, options, estate(vault, identity=IDENTITY), checks=[HTTPS, "keyvault-purge-protection"])
    assert names(scanned, "keyvault-purge-protection") == {"kv": "pass"}
    assert scanned.of(HTTPS) == []
    assert not scanned.results.unreadable
    assert scanned.exit_code == 0
    assert not scanned.emulator.write_attempts


def test_an_unregistered_provider_of_what_is_configured(tmp_path: Path) -> None:
    """Second meaning: nothing is configured on the subscription, and the check judges that."""
    what = estate(tracked("Microsoft.KeyVault/vaults", "kv"), identity=IDENTITY)
    options = Options(providers={"Microsoft.Security": "NotRegistered"})
    scanned = held(tmp_path, options, what, checks=["defender-servers"])
    assert [verdict.status for verdict in scanned.of("defender-servers")] == ["fail"]
    assert 409 in {record.status for record in scanned.emulator.log}
    assert not scanned.results.unreadable


def test_an_unregistered_provider_of_an_extension(tmp_path: Path) -> None:
    """Third meaning, of what hangs on a resource: nothing hangs there, and the check judges that."""
    what = estate(tracked("Microsoft.KeyVault/vaults", "kv"), identity=IDENTITY)
    options = Options(providers={"Microsoft.Insights": "NotRegistered"})
    scanned = held(tmp_path, options, what, checks=["keyvault-audit-logs"])
    assert names(scanned, "keyvault-audit-logs") == {"kv": "fail"}
    assert not scanned.results.unreadable


QUERY_SERVICE = """\
service: advice
title: What others found
area: posture
collections:
  advice_finding:
    type: Microsoft.Storage/storageAccounts
    api: "2024-04-01"
    query_kql: resources
    as: advice_findings
    presence: always
"""
QUERY_CHECK = """\
id: advice-none
title: Nothing was found
severity: high
status: stable
subject: subscription
require:
  none: {in: advice_findings, where: {field: name, exists: true}, whenEmpty: pass}
why: A finding wants work.
fix: {text: Work on it.}
examples:
  pass: [{advice_findings: []}]
  fail: [{advice_findings: [{name: one}]}]
"""


def test_an_unregistered_provider_of_a_query(tmp_path: Path) -> None:
    """That Resource Graph is not registered says nothing of what it would have found: open, never a pass."""
    folder = tmp_path / "checks" / "advice"
    folder.mkdir(parents=True)
    (folder / "_service.yaml").write_text(QUERY_SERVICE)
    (folder / "advice-none.yaml").write_text(QUERY_CHECK)
    given: dict[str, Any] = {"catalog": None, "checks": ["advice-none"], "checks_dir": [str(folder.parent)]}
    for name, rules, expected in (("good", [], "fail"), ("bad", [UNREGISTERED_GRAPH], "unreadable")):
        (tmp_path / name).mkdir()
        scanned = held(tmp_path / name, Options(faults=rules), three(), **given)
        assert [verdict.status for verdict in scanned.of("advice-none")] == [expected]
    assert kinds(scanned) == {"unsupported"}
    assert "not registered" in scanned.results.unreadable[0].message


UNREGISTERED_GRAPH = FaultRule(
    "*/Microsoft.ResourceGraph/resources",
    status=409,
    code="MissingSubscriptionRegistration",
    message="The subscription is not registered to use namespace 'Microsoft.ResourceGraph'.",
)


def test_404_on_a_child(tmp_path: Path) -> None:
    """Azure's word that there is none: judged as absent, so a check that needs it fails."""
    resources = [each for each in stored("alpha") if not each["id"].endswith("/blobServices/default")]
    scanned = held(tmp_path, None, estate(*resources, identity=IDENTITY))
    assert 404 in {record.status for record in scanned.emulator.log}
    assert names(scanned, VERSIONS) == {"alpha": "fail"}
    assert not scanned.results.unreadable
    # a 404 that says something else says nothing
    (tmp_path / "other").mkdir()
    other = spoiled(tmp_path / "other", FIRST_CONTAINERS, status=404, code="UserError", message="No such thing.")
    assert_child_lost(other, "rejected")


def test_invalid_resource_type(tmp_path: Path) -> None:
    fault = {"status": 404, "code": "InvalidResourceType", "message": "The resource type could not be found."}
    for name in ("child", "list"):
        (tmp_path / name).mkdir()
    assert_child_lost(spoiled(tmp_path / "child", FIRST_CONTAINERS, **fault), "unsupported")
    assert_list_lost(spoiled(tmp_path / "list", ACCOUNTS, **fault), "unsupported")


@pytest.mark.parametrize("words", ["emulated", "recorded"])
def test_parent_deleted(words: str, tmp_path: Path) -> None:
    """An account that goes while its children are read has no verdict, and a note says so; nothing is guessed of it."""
    gone = f"/subscriptions/{ONE}/resourceGroups/rg-web/providers/{STORAGE}/alpha"
    if words == "emulated":
        options = Options(deletions=[Deletion(gone, on=ACCOUNTS)])
    else:
        # what ARM answered for children of a parent that was not there
        message = (
            f"The Resource '{STORAGE}/alpha' under resource group 'rg-web' was not found. For more details please go"
            " to https://aka.ms/ARMResourceNotFoundFix"
        )
        options = Options(
            faults=[FaultRule(f"*/{STORAGE}/alpha/*", status=404, code="ResourceNotFound", message=message)]
        )
    scanned = held(tmp_path, options)
    for check in (HTTPS, VERSIONS, CONTAINERS):
        assert set(names(scanned, check)) == {"bad", "gamma"}
    assert not scanned.results.unreadable
    assert any("deleted while they were read" in note for note in scanned.results.scan.notes)


def test_resource_deleted_between_list_and_get(tmp_path: Path) -> None:
    vault = tracked("Microsoft.KeyVault/vaults", "kv")
    policy = {"lifetimeActions": [{"action": {"type": "rotate"}, "trigger": {"timeAfterCreate": "P90D"}}]}
    keys = [child(vault, f"keys/{name}", attributes={"enabled": True}, rotationPolicy=policy) for name in ("k1", "k2")]
    options = Options(deletions=[Deletion(keys[0]["id"], on="*/vaults/kv/keys")])
    scanned = held(tmp_path, options, estate(vault, *keys, identity=IDENTITY), checks=["keyvault-key-rotates"])
    assert 404 in {record.status for record in scanned.emulator.log}
    assert names(scanned, "keyvault-key-rotates") == {"k2": "pass"}
    assert not scanned.results.unreadable
    assert any("deleted while they were read" in note for note in scanned.results.scan.notes)


def test_stopped_server(tmp_path: Path) -> None:
    server = tracked("Microsoft.Sql/servers", "sql")
    rule = FaultRule("*/servers/sql/auditingSettings/default", status=409, code="ServerUnavailableForOperation")
    what = estate(server, identity=IDENTITY)
    scanned = held(tmp_path, Options(faults=[rule]), what, checks=["sql-auditing-enabled", "sql-minimum-tls"])
    assert names(scanned, "sql-auditing-enabled") == {"sql": "unreadable"}
    assert set(names(scanned, "sql-minimum-tls").values()) == {"fail"}
    assert kinds(scanned) == {"wrong_state"}


def test_a_link_into_a_subscription_outside_the_scope(tmp_path: Path) -> None:
    """Whether the group over there closes the port is not known: not that there is none, and nobody asks."""
    group = tracked(
        "Microsoft.Network/networkSecurityGroups", "nsg-far", subscription=TWO, properties={"securityRules": []}
    )
    vnet = tracked("Microsoft.Network/virtualNetworks", "vnet")
    subnet = child(vnet, "subnets/default", addressPrefix="10.0.0.0/24")
    machine = tracked("Microsoft.Compute/virtualMachines", "vm")
    address = tracked("Microsoft.Network/publicIPAddresses", "ip", sku={"name": "Standard"})
    place = {"name": "ip1", "properties": {"publicIPAddress": {"id": address["id"]}, "subnet": {"id": subnet["id"]}}}
    card = tracked(
        "Microsoft.Network/networkInterfaces",
        "nic",
        properties={
            "virtualMachine": {"id": machine["id"]},
            "networkSecurityGroup": {"id": group["id"]},
            "ipConfigurations": [place],
        },
    )
    what = estate(group, vnet, subnet, machine, address, card, subscriptions=BOTH, identity=IDENTITY)
    (tmp_path / "all").mkdir()
    assert names(held(tmp_path / "all", None, what, checks=["compute-vm-not-exposed"]), "compute-vm-not-exposed") == {
        "vm": "pass"
    }
    scanned = held(tmp_path, None, what, checks=["compute-vm-not-exposed"], exclude_subscriptions=[TWO])
    (verdict,) = scanned.of("compute-vm-not-exposed")
    assert verdict.status == "unreadable"
    assert verdict.reason.startswith("out_of_scope: ")
    assert not [record for record in scanned.emulator.log if record.subscription == TWO]
    assert any(TWO in line and "--exclude-subscription" in line for line in scanned.said)


def test_disabled_subscription(tmp_path: Path) -> None:
    """It is left out with a line, unless it is asked for; alone it is nothing to scan."""
    asleep = {"subscriptionId": TWO, "displayName": "two", "state": "Disabled"}
    resources = [*stored("alpha"), *stored("beta", subscription=TWO)]
    what = estate(*resources, subscriptions=[BOTH[0], asleep], identity=IDENTITY)
    scanned = held(tmp_path, None, what)
    assert names(scanned, HTTPS) == {"alpha": "pass"}
    assert [(each.id, bool(each.left_out)) for each in scanned.results.scan.subscriptions] == [
        (ONE, False),
        (TWO, True),
    ]
    assert any(line.startswith("note: two") and "Disabled" in line for line in scanned.said)
    assert not [record for record in scanned.emulator.log if record.subscription == TWO]
    (tmp_path / "asked").mkdir()
    assert names(held(tmp_path / "asked", None, what, subscriptions=["two"]), HTTPS) == {"beta": "pass"}
    with served(estate(subscriptions=[asleep], identity=IDENTITY)) as emulator:
        done = ran(emulator, tmp_path)
    assert done.returncode == 3
    assert "no subscription is left to scan" in done.stderr
    assert "two" in done.stderr and "Disabled" in done.stderr


def test_no_subscription(tmp_path: Path) -> None:
    with served(estate(subscriptions=[], identity=IDENTITY)) as emulator:
        done = ran(emulator, tmp_path)
    assert_told(done)
    assert done.returncode == 3
    assert "no scan was performed" in done.stderr
    assert "no subscription is visible to azscan-reader" in done.stderr
    assert "--tenant" in done.stderr


def test_a_good_day(tmp_path: Path) -> None:
    """What all of the above is measured against."""
    scanned = held(tmp_path, None, three())
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass"}
    assert names(scanned, VERSIONS) == names(scanned, CONTAINERS) == dict.fromkeys(("alpha", "bad", "gamma"), "pass")
    assert scanned.exit_code == 10
    assert not scanned.results.unreadable
    (tmp_path / "again").mkdir()
    assert_nothing_lost(scanned, tmp_path / "again")
    (tmp_path / "good").mkdir()
    assert held(tmp_path / "good", None, accounts("alpha", "gamma")).exit_code == 0


def tracked(kind: str, name: str, subscription: str = ONE, **more: Any) -> dict[str, Any]:
    """A tracked resource as ARM shows it."""
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/rg-web/providers/{kind}/{name}",
        "name": name,
        "type": kind,
        "location": "westeurope",
        "properties": {},
        **more,
    }
