"""What stands in a pack, and that the same results make the same one."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from azscan.catalog.load import load
from azscan.choosing import choose_checks
from azscan.config import Config
from azscan.emulator import Estate, demo_estate, harvest
from azscan.errors import OutputError
from azscan.estate.secret_names import is_secret_name
from azscan.estate.secret_values import shows_secret
from azscan.evidence import archive
from azscan.evidence.rows import EVIDENCE_COLUMN, PACK_COLUMNS
from azscan.report import write
from azscan.report.csv_report import COLUMNS
from azscan.results import Waiver
from azscan.scan import assess
from azscan.settings import resolve
from azscan.words import is_guid
from tests.azure.servers import HurriedClock
from tests.evidence.ground import FRAMEWORKS, Pack, packed
from tests.harness import Scanned, scan

PLANTED = "Zq9plantedQz"
SUMMARY = (
    *("scan", "scope", "roles-of-the-identity", "frameworks", "controls", "unreadable-parts", "waivers"),
    *("switched-off", "severities", "accepted-as-unreadable"),
)


def test_layout(demo: Pack) -> None:
    others = [name for name in demo.names if not name.startswith("evidence/")]
    assert others == [
        *(f"frameworks/{key}.{kind}" for key in FRAMEWORKS for kind in ("csv", "xlsx")),
        *("not-applicable.csv", "oscal/assessment-results.json"),
        *(f"summary/{name}.csv" for name in SUMMARY),
        *("summary.html", "README.txt", "MANIFEST.json"),
    ]
    assert len(set(demo.names)) == len(demo.names)


def test_no_entry_tells_of_the_day_or_the_machine(demo: Pack) -> None:
    told = {(each.date_time, each.create_system, each.external_attr >> 16) for each in demo.zip.infolist()}
    assert told == {((1980, 1, 1, 0, 0, 0), 3, 0o100644)}


def test_the_same_results_make_the_same_pack(scanned: Scanned, demo: Pack, tmp_path: Path) -> None:
    again = packed(scanned.results, tmp_path / "again.zip")
    assert again.path.read_bytes() == demo.path.read_bytes()


def test_rows_are_those_of_a_scan_with_more_beside(scanned: Scanned, demo: Pack) -> None:
    stream = io.BytesIO()
    write("csv", scanned.results, stream)
    of_scan = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))
    assert list(of_scan[0]) == list(COLUMNS) and tuple(demo.every_row[0]) == PACK_COLUMNS
    same = (*COLUMNS[:3], *COLUMNS[4:8], *COLUMNS[9:14], "read at", "fix")
    assert [[row[name] for name in same] for row in demo.every_row] == [[row[name] for name in same] for row in of_scan]
    for ours, theirs in zip(demo.every_row, of_scan, strict=True):
        title = "check title" if ours["check"] else "control title"
        assert (ours[title], ours["api version"], ours["note"]) == (theirs["title"], theirs["api"], theirs["reason"])


def test_every_row_has_the_title_of_its_control(scanned: Scanned, demo: Pack) -> None:
    titles = {each.name: each.title for each in scanned.results.controls}
    for row in demo.every_row:
        assert row["control title"] == titles[f"{row['framework']}:{row['control']}"]
        assert bool(row["check title"]) == bool(row["check"])


def test_a_row_names_the_policies_that_it_rests_on(scanned: Scanned, demo: Pack) -> None:
    for row in demo.every_row:
        policies = scanned.results.catalog.checks[row["check"]].policy if row["check"] else ()
        assert row["policies"] == "\n".join(policies)
        assert policies or row["basis"] != "microsoft"
    assert {row["why it counts"] for row in demo.every_row if row["basis"] == "microsoft"} == {
        "an initiative of Microsoft's ties a policy that asks the same to this control"
    }


def test_a_custom_role_is_told_by_its_own_name(demo: Pack) -> None:
    names = {row["name"] for row in demo.every_row if row["type"] == "Microsoft.Authorization/roleDefinitions"}
    assert "contoso-subscription-admin" in names and not any(map(is_guid, names))


def test_a_waiver_stands_in_columns_of_its_own(tmp_path: Path) -> None:
    waiver = Waiver(("*",), ("*",), "public site", "j.doe", "SEC-12", "2099-01-31")
    given = {"frameworks": FRAMEWORKS, "checks": ["storage-*", "databricks-*"]}
    estate = scan(tmp_path, demo_estate(), **given).results.estate
    settings = resolve(given, {}, Config(waivers=(waiver,)))
    pack = packed(assess(estate, settings, choose_checks(settings, load())), tmp_path / "pack.zip")
    names = ("status", "waiver reason", "waiver ticket", "waiver approved by", "waiver expires")
    told = {tuple(row[name] for name in names) for row in pack.every_row if row["check"]}
    assert told == {("pass", "", "", "", ""), ("waived", "public site", "SEC-12", "j.doe", "2099-01-31")}
    notes = {row["note"][:18] for row in pack.every_row if row["status"] == "waived"}
    assert notes == {"", "Azure does not say"}


@pytest.mark.parametrize(
    ("cloud", "arm", "graph"),
    [
        ("AzureCloud", "https://management.azure.com", "https://graph.microsoft.com"),
        ("AzureUSGovernment", "https://management.usgovcloudapi.net", "https://graph.microsoft.us"),
        ("AzureCloudEmulator", "", ""),
    ],
)
def test_addresses_have_the_host_where_it_is_known(
    scanned: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str, arm: str, graph: str
) -> None:
    results = scanned.results
    monkeypatch.setattr(results, "scan", msgspec.structs.replace(results.scan, cloud=cloud))
    pack = packed(results, tmp_path / "pack.zip")
    urls = {url for row in pack.every_row for url in row["evidence url"].split("\n")} - {""}
    assert {url[: url.index("/", 8 if arm else 0)] for url in urls} == {arm, graph}
    assert any(url.startswith(f"{graph}/v1.0/policies") for url in urls)
    assert any(url.startswith(f"{arm}/subscriptions/") for url in urls)


def test_what_was_expected_stands_line_by_line_against_what_was_found(demo: Pack) -> None:
    paired = [(row["expected"].split("\n"), row["actual"].split("\n")) for row in demo.every_row]
    assert all(len(expected) == len(actual) for expected, actual in paired)
    assert any(len(actual) > 1 and len(set(actual)) == 1 for _, actual in paired)


def test_every_verdict_names_files_that_are_there(demo: Pack) -> None:
    there = set(demo.names)
    for row in demo.every_row:
        named = row[EVIDENCE_COLUMN].split("\n") if row[EVIDENCE_COLUMN] else []
        assert bool(named) == bool(row["check"]) and set(named) <= there


def test_files_are_named_by_their_content_and_all_are_named(demo: Pack) -> None:
    rows = [*demo.every_row, *demo.table("not-applicable.csv")]
    named = {name for row in rows for name in row[EVIDENCE_COLUMN].split("\n")} - {""}
    for name in demo.names:
        if name.startswith("evidence/"):
            digest = hashlib.sha256(demo.zip.read(name)).hexdigest()
            assert name == f"evidence/{digest[:2]}/{digest}.json"
            named |= set(demo.json(name).get("files", ()))
    assert {name for name in demo.names if name.startswith("evidence/")} == named


def test_each_read_that_a_row_tells_stands_in_its_files(demo: Pack) -> None:
    for row in demo.every_row:
        told = set()
        for content in demo.evidence(row):
            records = content.get("records", ())
            for read in (content["read"], content.get("detail"), *(each.get("detail") for each in records)):
                told.add((read or {}).get("url", ""))
        assert set(row["evidence url"].split("\n")) <= told | {""}, row["check"]


def test_the_manifest_has_every_other_file(demo: Pack) -> None:
    manifest = demo.json("MANIFEST.json")
    paths = [each["path"] for each in manifest["files"]]
    assert paths == sorted(paths) and set(paths) == set(demo.names) - {"MANIFEST.json"}
    for each in manifest["files"]:
        content = demo.zip.read(each["path"])
        assert (each["sha256"], each["size"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_the_mark_of_utf_8_stands_where_it_is_wanted(scanned: Scanned, demo: Pack, tmp_path: Path) -> None:
    marked = packed(scanned.results, tmp_path / "bom.zip", bom=True)
    tables = [name for name in demo.names if name.endswith(".csv")]
    assert all(marked.zip.read(name) == b"\xef\xbb\xbf" + demo.zip.read(name) for name in tables)


def test_a_pack_of_too_many_files_is_refused(scanned: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 100)
    with pytest.raises(OutputError, match="more than 100 files"):
        packed(scanned.results, tmp_path / "pack.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_older_pack(scanned: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = tmp_path / "pack.zip"
    pack.write_bytes(b"older")
    monkeypatch.setattr("azscan.evidence.summary.write_html", _full)
    with pytest.raises(OutputError, match="the disk is full"):
        packed(scanned.results, pack)
    assert pack.read_bytes() == b"older" and list(tmp_path.iterdir()) == [pack]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def planted(estate: Estate) -> Estate:
    """The estate with secrets in every resource, under names and in values that show them."""
    for body in estate.resources:
        properties = body.setdefault("properties", {})
        if isinstance(properties, dict):
            properties["adminPassword"] = f"{PLANTED}-1"
            properties["extra"] = {"value": f"Endpoint=sb://x;SharedAccessKey={PLANTED}-2"}
            properties["link"] = f"https://x.blob.core.windows.net/c?sv=1&sig={PLANTED}-3"
    return estate


def held_secrets(estate: Estate) -> set[bytes]:
    """Texts of the estate that stand where secrets do, as far as they are too long to be words."""
    found: set[str] = set()

    def walk(value: object, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, key)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, name)
        elif isinstance(value, str) and (is_secret_name(name) or shows_secret(value)):
            found.add(value)

    for body in estate.resources:
        walk(body)
    return {each.encode() for each in found if len(each) >= 20}


def assert_no_secret(pack: Pack, secrets: set[bytes]) -> None:
    assert secrets
    for name in pack.names:
        contents = [pack.zip.read(name)]
        if name.endswith(".xlsx"):
            with zipfile.ZipFile(io.BytesIO(contents[0])) as book:
                contents = [book.read(part) for part in book.namelist()]
        for content in contents:
            assert not [secret for secret in secrets if secret in content], name


def test_no_secret_of_the_demo_is_in_the_pack(tmp_path: Path) -> None:
    estate = planted(demo_estate())
    secrets = held_secrets(estate)
    results = scan(tmp_path, estate, frameworks=FRAMEWORKS).results
    pack = packed(results, tmp_path / "pack.zip")
    assert b"(redacted by azscan)" in b"".join(map(pack.zip.read, pack.names[:200]))
    assert_no_secret(pack, {*secrets, PLANTED.encode()})


def test_no_secret_of_the_recordings_is_in_the_pack(shared: Path, tmp_path: Path) -> None:
    estate = planted(harvest(shared / "recordings"))
    secrets = held_secrets(estate)
    scanned = scan(tmp_path, estate, clock=HurriedClock(scale=300), frameworks=FRAMEWORKS[1:])
    pack = packed(scanned.results, tmp_path / "pack.zip")
    assert len(pack.names) > 1000
    assert_no_secret(pack, {*secrets, PLANTED.encode()})


def test_a_framework_without_a_verdict_has_its_files_all_the_same(tmp_path: Path) -> None:
    results = scan(tmp_path, demo_estate(), frameworks=FRAMEWORKS, controls=["A.8.24"]).results
    pack = packed(results, tmp_path / "pack.zip")
    assert pack.rows(FRAMEWORKS[0]) == []
    assert {row["control"] for row in pack.rows(FRAMEWORKS[1])} == {"A.8.24"}
