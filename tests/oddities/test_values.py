"""What real values look like: absent, null, loosely typed; rules and dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from tests.azure.servers import HurriedClock
from tests.emulator.rig import ONE, account, estate
from tests.harness import scan
from tests.oddities.ground import (
    NOW,
    SITES,
    answered,
    catalog,
    judge,
    listed,
    records,
    site,
    snippets,
    statuses,
)


def test_no_properties(shared: Path, tmp_path: Path) -> None:
    (flat,) = snippets(shared)["No `properties`"]
    scanned = answered(tmp_path, {"value": [flat]})
    assert [(verdict.status, verdict.reason) for verdict in scanned.verdicts] == [
        ("fail", "Azure does not say properties.supportsHttpsTrafficOnly")
    ]


def test_tags_null_and_identity_null(shared: Path, tmp_path: Path) -> None:
    tags, identity = snippets(shared)["`tags: null`, `identity: null`"]
    odd = site("null", tags=tags["tags"], identity=identity["identity"])
    good = site("good", tags={"team": "web"}, identity={"type": "SystemAssigned"})
    given = {"of": f"*/providers/{SITES}", "checks": "appservice-managed-identity", "resources": [site("a")]}
    every = answered(tmp_path, {"value": [odd, good]}, **given)
    assert {each.resource.name: each.status for each in every.verdicts} == {"null": "fail", "good": "pass"}
    tagged = answered(tmp_path, {"value": [odd, good]}, tags=["team=web"], **given)
    assert [each.resource.name for each in tagged.verdicts] == ["good"]


def test_security_relevant_property_present_but_null(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["Security-relevant property present but null"]
    assert found["properties"] == {"publicNetworkAccess": None}
    body = {"value": [account("null", properties=found["properties"])]}
    assert statuses(answered(tmp_path, body, checks="storage-public-network-disabled")) == ["fail"]


@pytest.mark.parametrize(
    ("name", "path", "check"),
    [
        ("microsoft.storage.json", "allowBlobPublicAccess", "storage-no-anonymous-access"),
        ("microsoft.storage.json", "allowSharedKeyAccess", "storage-shared-key-disabled"),
        ("microsoft.storage.json", "minimumTlsVersion", "storage-minimum-tls"),
        ("microsoft.storage.json", "networkAcls", "storage-network-restricted"),
        ("microsoft.storage.json", "publicNetworkAccess", "storage-public-network-disabled"),
        ("microsoft.keyvault.json", "enablePurgeProtection", "keyvault-purge-protection"),
        ("microsoft.keyvault.json", "enableRbacAuthorization", "keyvault-rbac"),
        ("microsoft.keyvault.json", "enableSoftDelete", "keyvault-soft-delete"),
        ("microsoft.keyvault.json", "networkAcls", "keyvault-network-restricted"),
        ("microsoft.keyvault.json", "publicNetworkAccess", "keyvault-public-network-disabled"),
    ],
)
def test_security_relevant_property_absent(shared: Path, tmp_path: Path, name: str, path: str, check: str) -> None:
    """The recorded resources that lack it: not one passes without a word of Azure's."""
    kind = catalog().collections[catalog().checks[check].subject].type.lower()
    lacking = [
        {**each, "id": re.sub("^/subscriptions/[^/]+", f"/subscriptions/{ONE}", each["id"])}
        for record in records(shared, name)
        for each in listed(record)
        if each.get("type", "").lower() == kind
        and each["id"].count("/") == 8
        and path not in (each.get("properties") or {path: 1})
    ]
    assert lacking
    scanned = scan(tmp_path, estate(*lacking), catalog=catalog(), clock=HurriedClock(), checks=[check])
    assert scanned.verdicts
    assert [each.resource.id for each in scanned.verdicts if each.status == "pass" and not closed(each.evidence)] == []


def closed(evidence: Any) -> bool:
    """Whether another property that Azure did send decided."""
    return any(fact.present for fact in evidence)


def test_booleans_as_strings(shared: Path) -> None:
    (found,) = snippets(shared)["Booleans as strings"]
    ((path, value),) = found.items()
    assert value == "False"
    assert judge({"field": path, "equals": True, "as": "boolean"}, found) == FALSE
    assert judge({"field": path, "equals": False, "as": "boolean"}, found) == TRUE
    assert judge({"field": path, "equals": True}, found) != TRUE


def test_numbers_as_strings(shared: Path) -> None:
    (found,) = snippets(shared)["Numbers as strings"]
    for limit, truth in ((7, TRUE), (8, FALSE), (10, FALSE)):
        assert judge({"field": "properties.value", "greaterOrEquals": limit, "as": "number"}, found) == truth


def test_kind_as_a_comma_list(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["`kind` as a comma list"]
    assert judge({"field": "kind", "contains": "linux", "as": "list"}, found) == TRUE
    kinds = {"app": found["kind"], "function": "functionapp,linux", "turned": "linux,functionapp"}
    sites = [site(name, kind=kind) for name, kind in kinds.items()]
    scanned = scan(tmp_path, estate(*sites), catalog=catalog(), checks=["appservice-http-logs"])
    assert [verdict.resource.name for verdict in scanned.verdicts] == ["app"]


def test_identity_type_lists(shared: Path, tmp_path: Path) -> None:
    forms = [each["identity"] for each in snippets(shared)["`identity.type` lists"]]
    assert len(forms) == 3
    sites = [site(f"s{at}", identity=identity) for at, identity in enumerate(forms)]
    scanned = scan(tmp_path, estate(*sites), catalog=catalog(), checks=["appservice-managed-identity"])
    assert statuses(scanned) == ["pass"] * 3


def test_one_setting_many_spellings(shared: Path) -> None:
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(min\w*tlsversion)` \| (.*) \|$", text, re.MULTILINE)
    found = {value for _, row in rows for value in re.findall(r"`([^`]*)`", row)}
    enough = {value for value in found if judge({"field": "v", "minimumTls": "1.2"}, {"v": value}) == TRUE}
    assert enough == {"Tls12", "1.2", "TLS1_2", "TLS12"}
    assert found - enough >= {"TLS1_0", "TLS1_1", "Tls", "1.0", "None", "TLSEnforcementDisabled", "null"}


def test_network_security_rules(shared: Path) -> None:
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    part = text.split("## Network security rules")[1].split("## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.MULTILINE))
    values = {name: re.findall(r'`"([^"]*)"`', row) for name, row in rows.items()}
    tcp = {each for each in values["protocol"] if admits(22, protocol=each)}
    assert tcp == {"Tcp", "*", "TCP", "tcp"}
    internet = {each for each in values["sourceAddressPrefix"] if admits(22, sourceAddressPrefix=each)}
    assert {"*", "INTERNET"} <= internet
    assert not internet & {"VirtualNetwork", "172.16.1.0/24", "CorpNetPublic"}
    ports = {each for each in values["destinationPortRange"] if admits(22, destinationPortRange=each)}
    assert ports == {"*", "22", "22-25", "22-22"}
    assert not admits(22, access="Deny")
    assert not admits(22, direction="Outbound")


def admits(port: int, **rule: Any) -> bool:
    full = {
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "destinationPortRange": "*",
        "destinationAddressPrefix": "*",
        "access": "Allow",
        "direction": "Inbound",
        "priority": 100,
        **rule,
    }
    condition = {"field": "rules", "admits": {"from": "internet", "ports": [port], "protocol": "Tcp"}}
    return judge(condition, {"rules": [{"properties": full}]}) == TRUE


def test_plural_instead_of_singular_members(shared: Path) -> None:
    open_ports, closed_source = (each["properties"] for each in snippets(shared)["Plural instead of singular members"])
    rule = {**open_ports, "priority": 100, "destinationAddressPrefix": "*"}
    condition = {"field": "rules", "admits": {"from": "internet", "ports": [8082], "protocol": "Tcp"}}
    assert judge(condition, {"rules": [{"properties": rule}]}) == TRUE
    between = {"field": "rules", "admits": {"from": "internet", "ports": [8081], "protocol": "Tcp"}}
    assert judge(between, {"rules": [{"properties": rule}]}) == FALSE
    few = {**closed_source, "access": "Allow", "protocol": "*", "priority": 100, "destinationPortRange": "*"}
    assert judge(condition, {"rules": [{"properties": few}]}) == FALSE


# Dates


def test_dates(shared: Path) -> None:
    """Every form is understood but the one that is April to some and November to others."""
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| \d+ \| `[^`]+`: `([^`]+)` \|$", text, re.MULTILINE)
    assert len(rows) >= 25
    for form, value in rows:
        wanted = UNSAID if form == "m/d/Y ..." else TRUE
        assert judge({"field": "at", "olderThan": "30d"}, {"at": value}) == wanted, form
        if wanted == TRUE:
            year, month, day = re.search(r"(\d{4})-(\d\d)-(\d\d)", value).groups() if value[0].isdigit() else (0, 0, 0)  # type: ignore[union-attr]
            if year:
                age = (NOW - datetime(int(year), int(month), int(day), tzinfo=UTC)) / timedelta(days=1)
                assert judge({"field": "at", "olderThan": f"{int(age) + 2}d"}, {"at": value}) == FALSE, form


def test_dates_that_are_not_dates(shared: Path) -> None:
    (found,) = snippets(shared)["Dates that are not dates"]
    ((path, value),) = found.items()
    for each in (value, "9999-12-31T23:59:59Z"):
        assert judge({"field": path, "olderThan": "30d"}, {path: each}) == UNSAID
    assert judge({"field": path, "expiresWithin": "30d"}, {path: "9999-12-31T23:59:59Z"}) == FALSE


def test_dates_as_numbers(shared: Path) -> None:
    (found,) = snippets(shared)["Dates as numbers"]
    ((path, value),) = found.items()
    assert judge({"field": path, "olderThan": "30d"}, found) == TRUE
    assert judge({"field": path, "olderThan": "30d"}, {path: value * 1000}) == UNSAID
