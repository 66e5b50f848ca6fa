"""The cover sheet: everything an auditor asks first, and nothing in it that runs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec

from azscan.emulator import Deny, Options, demo_estate
from azscan.evidence.pack import write_pack
from azscan.evidence.section import Section
from azscan.evidence.summary import write_html
from azscan.results import Allowance, Off, Waiver
from tests.evidence.ground import FRAMEWORKS, JUDGED_AT, Pack, packed
from tests.harness import Scanned, scan

PARAMS = {"keyvault-key-expires": {"days": 36500}, "a-check-of-another-framework": {"days": 1}}
DENIED = "Microsoft.KeyVault/vaults/keys/read"


def tables(pack: Pack) -> dict[str, list[list[str]]]:
    """The rows of each table of the summary, its heading first, by the name of its file."""
    found: dict[str, list[list[str]]] = {}
    for name in pack.names:
        folder, _, file = name.rpartition("/")
        if folder == "summary":
            text = pack.zip.read(name).decode("utf-8-sig")
            found[file.removesuffix(".csv")] = list(csv.reader(io.StringIO(text, newline="")))
    return found


def test_each_table_is_a_csv_under_its_own_heading(demo: Pack) -> None:
    for name, rows in tables(demo).items():
        assert len({len(row) for row in rows}) == 1, name
        assert len(set(rows[0])) == len(rows[0]) and all(rows[0]), name


def test_it_tells_who_looked_at_what_when_and_with_what(demo: Pack, scanned: Scanned) -> None:
    told, scan_info = tables(demo), scanned.results.scan
    facts = dict(told["scan"])
    assert facts["identity"] == scan_info.identity and facts["tenant"] == scan_info.tenant
    assert facts["scan started"] == scan_info.started and facts["scan finished"] == scan_info.finished
    assert facts["scan started"] <= facts["first answer of Azure"] <= facts["last answer of Azure"]
    assert facts["catalogue (SHA-256)"] == scan_info.catalog == scanned.results.catalog.hash
    assert facts["azscan that read"] == facts["azscan that judged"] == scan_info.version
    assert "addresses stand without it" in facts["host of Microsoft Graph"]
    assert {row[1] for row in told["scope"][1:]} == {"contoso-dev", "contoso-prod"}


def test_the_control_table_has_every_control(demo: Pack, scanned: Scanned) -> None:
    head, *rows = tables(demo)["controls"]
    assert head[:4] == ["framework", "control", "control title", "control status"]
    controls = scanned.results.controls
    assert [row[:4] for row in rows] == [[each.framework, each.control, each.title, each.status] for each in controls]
    frameworks = tables(demo)["frameworks"][1:]
    assert [row[0] for row in frameworks] == FRAMEWORKS
    assert "ISO/IEC 27002 2022" in frameworks[1][-1]


def test_roles_are_told_as_far_as_they_were_read(demo: Pack) -> None:
    head, *rows = tables(demo)["roles-of-the-identity"]
    assert head == ["subscription", "role or actions", "assigned at", "source"]
    assert {row[0] for row in rows} == {"contoso-dev", "contoso-prod"}
    assert any(row[1] == "*/read" and row[3] == "effective permissions" for row in rows)


def test_unreadable_parts_waivers_and_what_is_off_stand_there(tmp_path: Path, scanned: Scanned) -> None:
    results = scan(tmp_path, demo_estate(), Options(deny=[Deny(DENIED, "403")]), frameworks=FRAMEWORKS).results
    results.waivers = (Waiver(("storage-*",), ("*/www",), "public site", "j.doe", "SEC-1", "2027-01-31", used=3),)
    results.off = (Off("not in use", services=("media",), approved_by="a.b", expired=True),)
    accepted = (Allowance("keyvault", "later", "j.doe", "2027-01-31", used=7),)
    results.scan = msgspec.structs.replace(results.scan, allowed_unreadable=accepted)
    told = tables(packed(results, tmp_path / "pack.zip"))
    parts = told["unreadable-parts"][1:]
    assert parts and all(row[0] == "access_denied" and row[6] == DENIED and row[7] for row in parts)
    assert told["waivers"][1] == ["storage-*", "*/www", "public site", "j.doe", "SEC-1", "2027-01-31", "3", "in force"]
    assert told["switched-off"][1][:5] == ["media", "not in use", "a.b", "", "expired"]
    assert told["accepted-as-unreadable"][1][:6] == ["keyvault", "later", "j.doe", "2027-01-31", "7", "in force"]


def test_parameters_that_the_team_has_set_stand_there(scanned: Scanned, tmp_path: Path) -> None:
    write_pack(str(tmp_path / "pack.zip"), scanned.results, PARAMS, judged_at=JUDGED_AT)
    told = [row[1] for row in tables(Pack(tmp_path / "pack.zip"))["scan"] if row[0] == "parameter"]
    assert told == ["keyvault-key-expires: days = 36500"]


def test_an_empty_table_says_what_that_means(demo: Pack) -> None:
    told = tables(demo)
    assert told["waivers"][1] == ["none", *[""] * 7]
    assert told["unreadable-parts"][1][0] == "none: all that the checks of this pack need was read"
    page = demo.zip.read("summary.html").decode()
    assert "<p>none: all that the checks of this pack need was read</p>" in page


def test_names_from_strangers_neither_run_nor_count() -> None:
    name = "<script>alert(1)</script>\x1b[2J"
    part = Section("Scope", ("name",), ((name,), ("=1+1",), ('" onload="x',)))
    page, table = io.BytesIO(), io.BytesIO()
    write_html([part], [name], page)
    part.write_csv(table)
    html = page.getvalue().decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J" in html and "<script" not in html and '"x' not in html
    assert "default-src 'none'" in html
    rows = list(csv.reader(io.StringIO(table.getvalue().decode(), newline="")))
    assert [row[-1] for row in rows[1:]] == ["<script>alert(1)</script>\\x1b[2J", "'=1+1", '" onload="x']


def test_the_page_has_the_same_tables(demo: Pack) -> None:
    page = demo.zip.read("summary.html").decode()
    titles = [part.split("</h2>")[0] for part in page.split("<h2>")[1:]]
    assert [title.lower().replace(" ", "-") for title in titles] == list(tables(demo))
