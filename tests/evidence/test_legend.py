"""Whoever has nothing but the pack can look up each word in it, and is told first what the scan has to note."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest
from openpyxl import load_workbook

from azscan.catalog.model import Edge
from azscan.evidence import legend, not_applicable
from azscan.evidence.rows import PACK_COLUMNS
from azscan.results import CONTROL_STATUSES, STATUSES, Strength
from tests.evidence.ground import FRAMEWORKS, Pack, packed
from tests.evidence.test_summary import tables
from tests.harness import Scanned

NOTE = "DEMO ESTATE, made up <b>"
WORDS = {word for part in legend.legend() for word, _ in part.rows}


def test_every_word_of_a_pack_is_explained() -> None:
    assert set(STATUSES) == set(legend.VERDICTS) and set(CONTROL_STATUSES) == set(legend.CONTROLS)
    assert set(get_args(Strength)) == set(legend.STRENGTHS)
    assert set(get_args(get_type_hints(Edge)["basis"])) == set(legend.BASES)
    assert set(legend.COLUMNS) == {*PACK_COLUMNS, *not_applicable.COLUMNS}


def test_words_of_the_summary_are_those_that_stand_there(demo: Pack) -> None:
    told = tables(demo)
    there = {*told["controls"][0], *told["frameworks"][0], *(row[0] for row in told["scan"])}
    assert set(legend.SUMMARY) <= there


def test_each_file_is_explained(demo: Pack) -> None:
    for name in demo.names:
        assert name == "README.txt" or name.partition("/")[0] in {file.rstrip("/") for file in legend.FILES}


def test_page_readme_and_workbook_hold_the_legend(demo: Pack) -> None:
    page, readme = (demo.zip.read(name).decode() for name in ("summary.html", "README.txt"))
    book = load_workbook(io.BytesIO(demo.zip.read(f"frameworks/{FRAMEWORKS[0]}.xlsx")))
    assert book.sheetnames == ["verdicts", "legend"]
    of_book = {row[1].value for row in book["legend"].iter_rows(min_row=2)}
    assert of_book == WORDS
    for word in WORDS:
        assert f"<td>{word}</td>" in page and f"\n  {word} " in readme
    assert max(map(len, readme.splitlines())) <= 100


def test_what_the_scan_notes_stands_first_everywhere(
    scanned: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = scanned.results
    monkeypatch.setattr(results, "scan", msgspec.structs.replace(results.scan, notes=(NOTE,)))
    pack = packed(results, tmp_path / "pack.zip")
    assert tables(pack)["scan"][1] == ["note", NOTE]
    page = pack.zip.read("summary.html").decode()
    assert page.index('<p class="note">DEMO ESTATE, made up &lt;b&gt;</p>') < page.index("<h2>")
    assert pack.zip.read("README.txt").decode().splitlines()[2] == f"NOTE: {NOTE}"
    sheet = load_workbook(io.BytesIO(pack.zip.read(f"frameworks/{FRAMEWORKS[0]}.xlsx")))["legend"]
    assert (sheet["A2"].value, sheet["C2"].value) == ("note", NOTE)
    assert pack.json("oscal/assessment-results.json")["assessment-results"]["metadata"]["remarks"] == NOTE
