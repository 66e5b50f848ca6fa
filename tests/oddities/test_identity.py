"""How real resources are named: ids, types, names and locations."""

from __future__ import annotations

from pathlib import Path

from tests.azure.servers import HurriedClock
from tests.emulator.rig import account, estate
from tests.harness import scan
from tests.oddities.ground import (
    HTTPS,
    SITES,
    answered,
    catalog,
    listed,
    records,
    site,
    snippets,
    statuses,
)


def test_resource_group_segment_in_lower_or_upper_case(shared: Path, tmp_path: Path) -> None:
    """A machine in MIQ-VMS-WESTUS has its interface, which says miq-vms-westus."""
    machines = [
        each
        for record in records(shared, "microsoft.compute.json")
        for each in listed(record)
        if "/resourceGroups/MIQ-VMS-WESTUS/" in each["id"]
        and each["id"].count("/") == 8
        and "/virtualMachines/" in each["id"]
    ]
    interfaces = [
        each
        for record in records(shared, "microsoft.network.json")
        for each in listed(record)
        if "/resourceGroups/miq-vms-westus/" in str((each.get("properties") or {}).get("virtualMachine"))
    ]
    assert machines and interfaces
    one = estate(*machines, *interfaces)
    scanned = scan(tmp_path, one, catalog=catalog(), clock=HurriedClock(), checks=["compute-vm-not-exposed"])
    joined = {each["properties"]["virtualMachine"]["id"].lower() for each in interfaces}
    with_interface = [each for each in scanned.verdicts if each.resource.id.lower() in joined]
    assert with_interface
    for first in (each.evidence[0] for each in with_interface):
        assert first.path.startswith("network_interfaces[") or first.actual["items"] == 1


def test_type_spelled_unlike_the_id(tmp_path: Path) -> None:
    odd = {**account("a"), "type": "microsoft.storage/StorageAccounts"}
    scanned = scan(tmp_path, estate(odd), catalog=catalog(), checks=[HTTPS])
    assert statuses(scanned) == ["pass"]


def test_id_without_a_leading_slash(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["Id without a leading slash"]
    sent = {"value": [{**found, "properties": {"workspaceId": "/x", "logs": [{"enabled": True}]}}]}
    scanned = answered(tmp_path, sent, of="*/diagnosticSettings", checks="monitor-activity-log-exported")
    assert statuses(scanned) == ["pass"]
    query = "SELECT id_key FROM resource WHERE collection = 'subscription_diagnostic_setting'"
    ((key,),) = scanned.results.estate.connection.execute(query)
    assert key == "/" + found["id"].lower()


def test_id_null_and_missing_type(shared: Path, tmp_path: Path) -> None:
    items = snippets(shared)["`id: null`, missing `type`"]
    scanned = answered(tmp_path, {"value": [*items, account("good")]})
    assert sorted(statuses(scanned)) == ["fail", "fail", "pass"]
    assert {verdict.resource.name for verdict in scanned.verdicts} == {"powershell", "keyforsan", "good"}
    assert len({verdict.resource.id for verdict in scanned.verdicts}) == 3


def test_name_with_slashes(shared: Path, tmp_path: Path) -> None:
    (slot,) = snippets(shared)["`name` with slashes"]
    twin = {**slot, "id": slot["id"].replace("000003", "000004")}
    scanned = answered(
        tmp_path,
        {"value": [slot, twin]},
        of=f"*/providers/{SITES}",
        checks="appservice-https-only",
        resources=[site("a")],
    )
    assert [verdict.resource.name for verdict in scanned.verdicts] == [slot["name"]] * 2
    assert {verdict.resource.id for verdict in scanned.verdicts} == {slot["id"], twin["id"]}


def test_location_as_a_display_name_or_null(shared: Path, tmp_path: Path) -> None:
    named, nothing = (each["location"] for each in snippets(shared)["`location` as a display name, or null"])
    assert (named, nothing) == ("West Europe", None)
    body = {"value": [account("named", location=named), account("nothing", location=nothing)]}
    here = answered(tmp_path, body, regions=["westeurope"])
    assert [(each.resource.name, each.resource.region) for each in here.verdicts] == [("named", "westeurope")]
    nowhere = answered(tmp_path, body, regions=["global"])
    assert [each.resource.name for each in nowhere.verdicts] == ["nothing"]
