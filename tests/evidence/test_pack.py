"""What stands in a pack, and that the same results make the same one."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from azscan.emulator import Estate, demo_estate, harvest
from azscan.errors import OutputError
from azscan.estate.secret_names import is_secret_name
from azscan.estate.secret_values import shows_secret
from azscan.evidence import archive
from azscan.evidence.pack import EDGE_COLUMNS, EVIDENCE_COLUMN
from azscan.report import write
from azscan.report.csv_report import COLUMNS
from tests.azure.servers import HurriedClock
from tests.evidence.ground import FRAMEWORKS, Pack, packed
from tests.harness import Scanned, scan

PLANTED = "Zq9plantedQz"


def test_layout(demo: Pack) -> None:
    others = [name for name in demo.names if not name.startswith("evidence/")]
    assert others == [
        *(f"frameworks/{key}.{kind}" for key in FRAMEWORKS for kind in ("csv", "xlsx")),
        *("oscal/assessment-results.json", "summary.csv", "summary.html", "MANIFEST.json"),
    ]
    assert len(set(demo.names)) == len(demo.names)


def test_no_entry_tells_of_the_day_or_the_machine(demo: Pack) -> None:
    told = {(each.date_time, each.create_system, each.external_attr >> 16) for each in demo.zip.infolist()}
    assert told == {((1980, 1, 1, 0, 0, 0), 3, 0o100644)}


def test_the_same_results_make_the_same_pack(scanned: Scanned, demo: Pack, tmp_path: Path) -> None:
    again = packed(scanned.results, tmp_path / "again.zip")
    assert again.path.read_bytes() == demo.path.read_bytes()


def test_rows_are_those_of_a_scan_with_the_files_beside(scanned: Scanned, demo: Pack) -> None:
    stream = io.BytesIO()
    write("csv", scanned.results, stream)
    of_scan = list(csv.reader(io.StringIO(stream.getvalue().decode(), newline="")))
    of_pack = [list(row.values()) for row in demo.every_row]
    assert of_scan[0] == list(COLUMNS)
    assert list(demo.every_row[0]) == [*COLUMNS, EVIDENCE_COLUMN, *EDGE_COLUMNS]
    assert [row[: len(COLUMNS)] for row in of_pack] == of_scan[1:]


def test_a_row_tells_why_its_check_counts_for_its_control(demo: Pack) -> None:
    for row in demo.every_row:
        told = (row["strength"], row["basis"], row["why it counts"])
        if row["check"]:
            assert row["strength"] in ("direct", "partial") and row["basis"] in ("microsoft", "curated")
            assert bool(row["why it counts"]) == (row["basis"] == "curated")
        else:
            assert told == ("", "", "")


def test_every_verdict_names_files_that_are_there(demo: Pack) -> None:
    there = set(demo.names)
    for row in demo.every_row:
        named = row[EVIDENCE_COLUMN].split("\n") if row[EVIDENCE_COLUMN] else []
        assert bool(named) == bool(row["check"]) and set(named) <= there


def test_files_are_named_by_their_content_and_all_are_named(demo: Pack) -> None:
    named = {name for row in demo.every_row for name in row[EVIDENCE_COLUMN].split("\n")} - {""}
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
