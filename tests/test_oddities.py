"""What real Azure responses look like: one test for each oddity of ../shared/recordings/ODDITIES.md, named after it.

Each is decided on the snippets that stand there, cut out of recorded responses, or on whole recorded responses: sent
by the emulator and read by the scanner, or, where it is about a value, held against the operator.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from azscan.catalog.load import load
from azscan.catalog.model import Catalog
from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.emulator import Estate, FaultRule, Options, demo_estate, harvest
from tests.azure.servers import HurriedClock
from tests.emulator.rig import ONE, STORAGE, account, child, estate
from tests.harness import Scanned, scan

HTTPS, VERSIONS, CONTAINERS = "storage-https-only", "storage-blob-versioning", "storage-containers-private"
ACCOUNTS = f"*/providers/{STORAGE}"
BLOBS = "*/blobServices/default"
SITES = "Microsoft.Web/sites"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@cache
def catalog() -> Catalog:
    return load((), ())


@cache
def snippets(shared: Path) -> dict[str, list[Any]]:
    """The snippets of each oddity, by its heading; what is no JSON is left as text."""
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    found: dict[str, list[Any]] = {}
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition("\n")
        found[heading.strip()] = [
            json.loads(each) if kind == "json" else each.strip()
            for kind, each in re.findall(r"```(json|text)\n(.*?)```", rest, re.DOTALL)
        ]
    return found


@cache
def records(shared: Path, name: str) -> list[dict[str, Any]]:
    """The recorded responses of one provider, of one subscription of ours where the recorder had cut it out."""
    text = (shared / "recordings" / name).read_text(encoding="utf-8").replace("AZURE_SUBSCRIPTION_ID", ONE)
    return list(json.loads(text)["records"])


def judge(condition: dict[str, Any], document: dict[str, Any]) -> int:
    return compile_condition(parse(condition, {}), NOW)(document)[0]


def answered(
    folder: Path, body: Any, *, of: str = ACCOUNTS, checks: str = HTTPS, status: int = 200, **given: Any
) -> Scanned:
    """A scan of one storage account, where one read is answered as was recorded."""
    headers, count = given.pop("headers", {}), given.pop("count", None)
    one = account("recorded")
    resources = given.pop("resources", [one, child(one, "blobServices/default", isVersioningEnabled=True)])
    rule = FaultRule(of, status=status, body=body, headers=headers, count=count)
    options = Options(faults=[rule])
    return scan(folder, estate(*resources), options, catalog=catalog(), clock=HurriedClock(), checks=[checks], **given)


def site(name: str, **more: Any) -> dict[str, Any]:
    identifier = f"/subscriptions/{ONE}/resourceGroups/rg-web/providers/{SITES}/{name}"
    return {"id": identifier, "name": name, "type": SITES, "location": "West Europe", "properties": {}, **more}


def statuses(scanned: Scanned) -> list[str]:
    return [verdict.status for verdict in scanned.verdicts]


def test_every_oddity_has_a_test(shared: Path) -> None:
    told = {name for name, examples in snippets(shared).items() if examples}
    assert told == set(TESTED)


# Identity of a resource


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
    assert all(fact.actual["items"] == 1 for each in with_interface for fact in each.evidence[:1])


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


# Lists and pages


def test_empty_list(shared: Path, tmp_path: Path) -> None:
    (empty,) = snippets(shared)["Empty list"]
    scanned = answered(tmp_path, empty)
    assert scanned.verdicts == []
    assert not scanned.results.unreadable
    assert scanned.exit_code == 0


def test_a_bare_array_without_value(shared: Path, tmp_path: Path) -> None:
    (array,) = snippets(shared)["A bare array, no `value`"]
    scanned = answered(tmp_path, [*array, account("good")])
    assert {verdict.resource.id: verdict.status for verdict in scanned.verdicts} == {
        array[0]["id"]: "fail",
        account("good")["id"]: "pass",
    }


def test_value_holding_strings(shared: Path, tmp_path: Path) -> None:
    (strings,) = snippets(shared)["`value` holding strings"]
    scanned = answered(tmp_path, {"value": [*strings["value"], account("good")]})
    assert sorted(statuses(scanned)) == ["fail", "pass"]


@pytest.mark.parametrize("end", [0, 1])
def test_next_page_null_or_empty_is_the_end(shared: Path, tmp_path: Path, end: int) -> None:
    link = snippets(shared)["Next page: every form"][end]
    scanned = answered(tmp_path, {"value": [account("a")], **link})
    assert statuses(scanned) == ["pass"]
    assert not scanned.results.unreadable


@pytest.mark.parametrize("form", [2, 3, 4, 5])
def test_next_page_is_asked_as_the_link_says(shared: Path, tmp_path: Path, form: int) -> None:
    """Not encoded anew, with the link's own api-version; an empty page goes on."""
    sent = snippets(shared)["Next page: every form"][form]["nextLink"]
    host, path, query = re.fullmatch(r"(https://[^/]+)([^?]+)\?(.*)", sent).groups()  # type: ignore[union-attr]
    path = f"/subscriptions/{ONE}/providers/{STORAGE}"
    kind = catalog().collections["storage_account"]
    first = {"value": [] if form == 5 else [account("a")], "nextLink": f"{host}{path}?{query}"}
    pages = [(f"{path}?api-version={kind.api['']}", first), (f"{path}?{query}", {"value": [account("b")]})]
    scanned = scan(tmp_path, played(tmp_path, pages), catalog=catalog(), clock=HurriedClock(), checks=[HTTPS])
    assert [verdict.resource.name for verdict in scanned.verdicts] == ["b"] if form == 5 else ["a", "b"]
    assert query in [record.query for record in scanned.emulator.log]
    assert not scanned.results.unreadable


@pytest.mark.parametrize("last", ["absent", "null", "empty"])
def test_pages_of_every_length_say_the_same(tmp_path: Path, last: str) -> None:
    """ARM's lists and Graph's, with empty pages between."""
    whole = scan(tmp_path, demo_estate(), catalog=catalog())
    options = Options(page_size=1, empty_pages=True, last_link=last)  # type: ignore[arg-type]
    assert scan(tmp_path, demo_estate(), options, catalog=catalog()).outcome() == whole.outcome()


def test_count_as_an_object(shared: Path, tmp_path: Path) -> None:
    (count,) = snippets(shared)["`count` as an object"]
    assert statuses(answered(tmp_path, {**count, "value": [account("a")]})) == ["pass"]


@pytest.mark.parametrize("is_table", [False, True])
def test_resource_graph_has_two_result_formats(shared: Path, tmp_path: Path, is_table: bool) -> None:
    (objects,) = snippets(shared)["Resource Graph: two result formats"]
    (row,) = objects["data"]
    names = [{"name": name, "type": "string"} for name in row]
    table = {**objects, "data": {"columns": names, "rows": [list(row.values())]}}
    service = tmp_path / "checks" / "queried"
    service.mkdir(parents=True)
    (service / "_service.yaml").write_text(QUERIED, encoding="utf-8")
    (service / "queried-named.yaml").write_text(QUERIED_NAMED, encoding="utf-8")
    rule = FaultRule("*Microsoft.ResourceGraph/resources", status=200, body=table if is_table else objects)
    scanned = scan(
        tmp_path,
        estate(account("a")),
        Options(faults=[rule]),
        checks_dir=[str(tmp_path / "checks")],
        checks=["queried-named"],
    )
    assert [(verdict.resource.id, verdict.status) for verdict in scanned.verdicts] == [(row["id"], "pass")]


QUERIED = """\
service: queried
title: What a query finds
area: compute
collections:
  found:
    type: Microsoft.Compute/locations/communityGalleries
    api: "2022-10-01"
    query_kql: communitygalleryresources | project id, name, type, tenantId
    presence: always
"""
QUERIED_NAMED = """\
id: queried-named
title: It has a name
severity: low
status: stable
subject: found
require: {field: name, like: "pubname-*"}
why: >-
  It is an example. It has two sentences.
fix: {text: Name it.}
refs: [https://learn.microsoft.com/azure/governance/resource-graph/]
examples:
  pass: [{name: pubname-1}]
  fail: [{name: other}]
"""


# Missing, null, and loosely typed values


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


# Errors: of a child's read, as a list's errors have the same ways

ERRORS = (
    "The usual shape, by status",
    "Without the `error` wrapper",
    "JSON inside the message",
    "No `message`",
    "`details` or `innererror`",
    "HTML, plain text, or nothing",
    "Throttled",
)
KINDS = {400: "rejected", 401: "unauthenticated", 403: "access_denied", 429: "throttled", 500: "unavailable"}


@pytest.mark.parametrize("heading", ERRORS)
def test_errors_never_end_as_a_pass(shared: Path, tmp_path: Path, heading: str) -> None:
    for at, found in enumerate(snippets(shared)[heading]):
        folder = tmp_path / str(at)
        folder.mkdir()
        status, body = found["status"], found.get("body", found.get("text"))
        scanned = answered(folder, "" if body is None else body, of=BLOBS, checks=VERSIONS, status=status)
        (verdict,) = scanned.verdicts
        words = error_of(body)
        if status == 404 and words.get("code") in ("ResourceNotFound", "NotFound"):
            assert verdict.status == "fail", "Azure says that there is none"
            continue
        assert verdict.status == "unreadable", found
        (part,) = scanned.results.unreadable
        assert part.kind == KINDS.get(status, "rejected" if status < 500 else "unavailable")
        assert part.code == (words.get("code") or "")
        assert part.message and len(part.message) <= 300
        assert "{" not in part.message and "<" not in part.message
        if status == 403 and "action" in str(body):
            assert part.action == "Microsoft.Storage/storageAccounts/read"


def error_of(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    return body.get("error") or body.get("odata.error") or body


def test_key_vault_challenge(shared: Path, tmp_path: Path) -> None:
    """The first half of a handshake is no answer."""
    (found,) = snippets(shared)["Key Vault challenge"]
    scanned = answered(tmp_path, "", of=BLOBS, checks=VERSIONS, **found)
    assert [part.kind for part in scanned.results.unreadable] == ["unauthenticated"]
    assert statuses(scanned) == ["unreadable"]


def test_throttled_without_retry_after(shared: Path, tmp_path: Path) -> None:
    """The wait that stands in the message only is waited for."""
    (found,) = snippets(shared)["Throttled"]
    clock = HurriedClock()
    one = account("a")
    rule = FaultRule(BLOBS, status=429, body=found["body"], count=1)
    scanned = scan(
        tmp_path,
        estate(one, child(one, "blobServices/default", isVersioningEnabled=True)),
        Options(faults=[rule]),
        catalog=catalog(),
        clock=clock,
        checks=[VERSIONS],
    )
    assert statuses(scanned) == ["pass"]
    first, second = (record for record in scanned.emulator.log if record.path.endswith("blobServices/default"))
    assert (first.status, second.status) == (429, 200)
    assert (second.started - first.started) * clock.scale >= 324


def test_retry_after_on_success(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["`retry-after` on success"]
    scanned = answered(tmp_path, {"value": [account("a")]}, **found)
    assert statuses(scanned) == ["pass"]
    assert len([record for record in scanned.emulator.log if record.path.endswith(STORAGE)]) == 1


def test_get_answered_201_or_202(shared: Path, tmp_path: Path) -> None:
    """201 is an answer. What a 202 brings may be a part: judged where it decides, unreadable where it does not."""
    (found,) = snippets(shared)["GET answered 201 or 202"]
    made = {**found["body"], "properties": {"isVersioningEnabled": True}}
    assert statuses(answered(tmp_path, made, of=BLOBS, checks=VERSIONS, status=201)) == ["pass"]
    partial = answered(tmp_path, found["body"], of=BLOBS, checks=VERSIONS, status=202)
    assert statuses(partial) == ["unreadable"]
    assert [part.kind for part in partial.results.unreadable] == ["wrong_state"]


# Headers


def test_headers(shared: Path, tmp_path: Path) -> None:
    """No value that was met in a budget header keeps an answer from being read."""
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(x-[\w-]+)` \| \d+ \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) >= 10
    for at in range(3):
        headers = {
            name: values[min(at, len(values) - 1)] for name, row in rows if (values := re.findall("`([^`]*)`", row))
        }
        folder = tmp_path / str(at)
        folder.mkdir()
        assert statuses(answered(folder, {"value": [account("a")]}, headers=headers)) == ["pass"]


def test_xml(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["XML"]
    scanned = answered(tmp_path, found, of=BLOBS, checks=VERSIONS, headers={"content-type": "application/xml"})
    assert statuses(scanned) == ["unreadable"]
    assert [part.kind for part in scanned.results.unreadable] == ["bad_response"]


def listed(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a recorded response."""
    body = record.get("body")
    items = body["value"] if isinstance(body, dict) and isinstance(body.get("value"), list) else [body]
    return [each for each in items if isinstance(each, dict) and isinstance(each.get("id"), str)]


def played(folder: Path, pages: list[tuple[str, Any]]) -> Estate:
    """Recordings with these URLs and bodies, as an estate."""
    where = folder / "played"
    where.mkdir()
    told = [
        {"method": "GET", "host": "management.azure.com", "url": url, "status": 200, "headers": {}, "body": body}
        for url, body in pages
    ]
    (where / "played.json").write_text(json.dumps({"sources": {}, "records": told}), encoding="utf-8")
    return harvest(where)


# Every heading of ODDITIES.md that has a snippet.
TESTED = {
    "Resource group segment in lower or upper case",
    "`type` spelled unlike the id",
    "Id without a leading slash",
    "`id: null`, missing `type`",
    "`name` with slashes",
    "`location` as a display name, or null",
    "Empty list",
    "A bare array, no `value`",
    "`value` holding strings",
    "Next page: every form",
    "`count` as an object",
    "Resource Graph: two result formats",
    "No `properties`",
    "`tags: null`, `identity: null`",
    "Security-relevant property present but null",
    "Booleans as strings",
    "Numbers as strings",
    "`kind` as a comma list",
    "`identity.type` lists",
    "Plural instead of singular members",
    "Dates that are not dates",
    "Dates as numbers",
    *ERRORS,
    "Key Vault challenge",
    "`retry-after` on success",
    "GET answered 201 or 202",
    "XML",
}
