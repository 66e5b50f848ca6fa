"""The workbook: the rows as texts, whatever they hold."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from azscan.evidence.workbook import LONGEST_CELL, Workbook
from azscan.report.csv_report import safe_cell
from tests.evidence.ground import FRAMEWORKS, Pack

CREATED = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
COLUMNS = ("name", "fix", "evidence files")
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|'/c calc'!A1",
    "{=1+1}",
    "https://example.org/x",
    "mailto:a@b.example",
    "internal:Sheet2!A1",
    "external:c:\\x.xlsx",
    "12",
    "1e5",
    "TRUE",
    "2026-01-01",
    "#REF!",
    "<r>x</r>",
    '<r><t>x</t></r></is></c><c r="C9"><f>1+1</f></c><c r="D9" t="inlineStr"><is><r><t>y</t></r>',
    "_x0041_",
    " leading",
    "two\nlines",
    "\x1b[2J",
    "名前",
    "\ufffe\ud800",
]


def written(path: Path, rows: list[tuple[str, ...]], **given: int) -> Path:
    with Workbook(path, COLUMNS, created=CREATED, **given) as book:
        assert list(book.through(rows)) == rows
    return path


def test_every_cell_is_a_text_and_comes_back(tmp_path: Path) -> None:
    cells = [safe_cell(each) for each in HOSTILE]
    path = written(tmp_path / "b.xlsx", [(cell, "x", "y") for cell in cells])
    sheet = load_workbook(path)["verdicts"]
    found = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in found} <= {"s", "inlineStr"}
    told = [cell.value for cell in found]
    assert [each.replace("_x005F_", "_") for each in told] == cells
    assert not any(cell.hyperlink for cell in found)
    with zipfile.ZipFile(path) as book:
        xml = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml and b"<hyperlink" not in xml and b"<v>" not in xml


@given(st.lists(st.text(max_size=30), min_size=2, max_size=2))
@settings(deadline=None, max_examples=60)
def test_any_text_is_a_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = written(tmp_path_factory.mktemp("any") / "b.xlsx", [("x", *map(safe_cell, texts))])
    with zipfile.ZipFile(path) as book:
        xml = book.read("xl/worksheets/sheet1.xml")
    assert xml.count(b'<c r="') - xml.count(b't="inlineStr"') == 0 and b"<f" not in xml
    for cell in next(load_workbook(path)["verdicts"].iter_rows(min_row=2)):
        assert cell.data_type != "f" and str(cell.value or "")[:1] not in ("=", "+", "-", "@")


def test_filters_and_a_heading_that_stays(tmp_path: Path) -> None:
    sheet = load_workbook(written(tmp_path / "b.xlsx", [("a", "b", "c")] * 3))["verdicts"]
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:C4"
    assert tuple(cell.value for cell in sheet[1]) == COLUMNS


def test_rows_beyond_a_sheet_go_on_in_the_next(tmp_path: Path) -> None:
    rows = [(f"n{number}", "", "") for number in range(25)]
    book = load_workbook(written(tmp_path / "b.xlsx", rows, rows_per_sheet=10))
    assert [(sheet.title, sheet.max_row) for sheet in book] == [("verdicts", 11), ("verdicts 2", 11), ("verdicts 3", 6)]
    assert [row[0].value for sheet in book for row in sheet.iter_rows(min_row=2)] == [row[0] for row in rows]
    assert {(sheet.freeze_panes, sheet["A1"].value) for sheet in book} == {("A2", "name")}


def test_without_rows_there_is_a_heading(tmp_path: Path) -> None:
    (sheet,) = load_workbook(written(tmp_path / "b.xlsx", []))
    assert sheet.max_row == 1


@pytest.mark.parametrize("letter", ["a", "😀"])
def test_a_cell_too_long_for_excel_says_that_it_is_cut(tmp_path: Path, letter: str) -> None:
    path = written(tmp_path / "b.xlsx", [(letter * 40_000, "", "")])
    value = load_workbook(path)["verdicts"]["A2"].value
    assert value.endswith("(cut: the CSV has the rest)")
    assert len(value.encode("utf-16-le")) // 2 in (LONGEST_CELL, LONGEST_CELL - 1)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    rows = [(each, "x", "") for each in map(safe_cell, HOSTILE)]
    assert written(tmp_path / "a.xlsx", rows).read_bytes() == written(tmp_path / "b.xlsx", rows).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "b.xlsx"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_workbook_of_a_pack_holds_the_rows_of_its_csv(demo: Pack, framework: str) -> None:
    book = load_workbook(io.BytesIO(demo.zip.read(f"frameworks/{framework}.xlsx")), read_only=True)
    first, *others = [tuple(value or "" for value in row) for row in book["verdicts"].iter_rows(values_only=True)]
    assert list(first) == list(demo.every_row[0])
    assert [row + ("",) * (len(first) - len(row)) for row in others] == [
        tuple(row.values()) for row in demo.rows(framework)
    ]


@pytest.mark.office
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_office_evaluates_nothing(tmp_path: Path, kind: str) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    cells = [safe_cell(each) for each in HOSTILE]
    source = tmp_path / f"hostile.{kind}"
    if kind == "xlsx":
        written(source, [(cell, "x", "y") for cell in cells])
    else:
        with source.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *((cell, "x", "y") for cell in cells)])
    # Fields apart at commas, UTF-8, every column a text as far as the import leaves it to us: none is named.
    command = [office, "--headless", f"-env:UserInstallation={tmp_path.as_uri()}/profile", "--convert-to", "fods"]
    subprocess.run([*command, "--outdir", str(tmp_path), str(source)], check=True, timeout=120, capture_output=True)
    assert "table:formula" not in (tmp_path / "hostile.fods").read_text(encoding="utf-8")
