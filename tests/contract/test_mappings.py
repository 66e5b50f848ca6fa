"""The frameworks' files: every control of each framework, once, in order, with checks or a reason, in our own words."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from azscan.catalog.load import load, locate
from azscan.catalog.model import Catalog, FrameworkMap
from tests.harness import azscan

NAMES = ("cis-azure-5.0", "cis-azure-6.0", "iso-27001-2022")
ANSWERS = ("checks", "manual", "inherited")


@pytest.fixture(scope="module", params=NAMES)
def framework(request: pytest.FixtureRequest, catalog: Catalog) -> FrameworkMap:
    return catalog.frameworks[request.param]


@pytest.fixture(scope="module")
def titles(shared: Path) -> dict[str, dict[str, str]]:
    """The standards' own titles by framework and control; copyrighted, so that none may stand in our files."""
    found: dict[str, dict[str, str]] = {}
    with (shared / "facts" / "control_titles.tsv").open(encoding="utf-8", newline="") as file:
        for name, control, _, title, *_ in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found.setdefault(name, {})[control] = title
    return found


def _annex_a() -> list[str]:
    """Annex A of ISO/IEC 27001:2022 has four themes with 37, 8, 14 and 34 controls."""
    return [
        f"A.{theme}.{number}" for theme, last in ((5, 37), (6, 8), (7, 14), (8, 34)) for number in range(1, last + 1)
    ]


def test_the_catalogue_has_no_other_framework(catalog: Catalog) -> None:
    assert tuple(sorted(catalog.frameworks)) == NAMES


def test_every_control_stands_there_in_the_frameworks_order(
    framework: FrameworkMap, titles: dict[str, dict[str, str]]
) -> None:
    wanted = _annex_a() if framework.framework == "iso-27001-2022" else list(titles[framework.framework])
    assert [control.id for control in framework.controls] == wanted
    assert titles[framework.framework].keys() <= set(wanted)


def test_every_control_has_exactly_one_answer(framework: FrameworkMap) -> None:
    """`checks: []` is an answer too: reads could decide it, and no check does so yet."""
    written = yaml.safe_load((locate() / "mappings" / f"{framework.framework}.yaml").read_text(encoding="utf-8"))
    for control in written["controls"]:
        assert len([key for key in ANSWERS if key in control]) == 1, control["id"]


def test_every_edge_names_a_check(framework: FrameworkMap, catalog: Catalog) -> None:
    for control in framework.controls:
        assert set(control.checks) <= catalog.checks.keys(), control.id
        assert len(set(control.checks)) == len(control.checks), control.id


def test_titles_are_ours(framework: FrameworkMap, titles: dict[str, dict[str, str]]) -> None:
    theirs = {_plain(title) for by_control in titles.values() for title in by_control.values()}
    ours = [control.title for control in framework.controls]
    assert len(set(ours)) == len(ours), "two controls with one title"
    assert not [title for title in ours if _plain(title) in theirs]


def test_a_reason_says_something_of_its_own(framework: FrameworkMap) -> None:
    """A reason is a sentence, and no reason stands for more than a handful of controls."""
    reasons = [reason for control in framework.controls if (reason := control.manual or control.inherited)]
    assert all(reason.endswith(".") and len(reason) > 15 for reason in reasons)
    assert max(map(reasons.count, reasons)) <= 5


def test_most_checks_stand_for_a_control(catalog: Catalog) -> None:
    mapped = {check for one in catalog.frameworks.values() for control in one.controls for check in control.checks}
    strays = catalog.checks.keys() - mapped
    assert len(strays) <= len(catalog.checks) // 20, f"no framework knows {sorted(strays)}"


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_writes_a_row_for_every_control(name: str, tmp_path: Path) -> None:
    file = tmp_path / "controls.csv"
    ran = azscan("scan", "--demo", "--service", "storage", "--framework", name, "-o", str(file), cwd=tmp_path)
    assert ran.returncode in (0, 4, 10), ran.stderr
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig", newline="")))
    assert {row["framework"] for row in rows} == {name}
    assert {row["control"] for row in rows} == {control.id for control in load().frameworks[name].controls}


def test_a_checks_page_names_its_controls() -> None:
    ran = azscan("checks", "show", "storage-https-only")
    assert ran.returncode == 0, ran.stderr
    assert "A.8.24" in ran.stdout and "9.3.4" in ran.stdout


def _plain(title: str) -> str:
    return re.sub(r"[\W_]+", " ", title.casefold()).strip()
