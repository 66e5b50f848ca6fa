"""The frameworks' files: every control, in order, with checks or a reason, in our own words; Microsoft's edges."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from azscan.catalog.derive import Derived, PolicyEdge, derive, read_edges
from azscan.catalog.model import Catalog, FrameworkMap
from azscan.results import SEVERITY_RANK
from tests.contract.framework_ids import COUNTS, ids_of, rows
from tests.harness import azscan, shipped

NAMES = tuple(COUNTS)
# Where Microsoft has an initiative: its key in the table of edges, and what its ids lack at their beginning.
INITIATIVES = {
    "mcsb-v1": ("mcsb-v1", ""),
    "mcsb-v2": ("mcsb-v2", ""),
    "cis-azure-3.0": ("cis-azure-3.0", ""),
    "soc-2": ("soc-2", ""),
    "iso-27001-2022": ("iso-27002-2022", "A."),
    "pci-dss-4.0.1": ("pci-dss-4", ""),
    "nist-800-53-r5": ("nist-800-53-r5", ""),
    "nist-800-171-r2": ("nist-800-171-r2", ""),
    "cmmc-2.0-l2": ("cmmc-2.0-l2", ""),
    "nist-csf-2": ("nist-csf-2", ""),
    "nis2": ("nis2-measures", ""),
    "dora": ("dora", ""),
}
# Those that tie few policies to each control, with care: how many of their controls they back by a policy, and how
# many of these have a check of ours (of nist-800-53-r5, 12 of 48 are not in the moderate baseline).
NARROW = {
    "mcsb-v1": (41, 41),
    "soc-2": (17, 17),
    "nist-800-53-r5": (36, 36),
    "pci-dss-4.0.1": (20, 20),
    "cis-azure-3.0": (47, 47),
}
# The ten groups of the initiative follow the points (a) to (j) of article 21(2).
NIS2 = {str(number): f"21.2.{letter}" for number, letter in enumerate("abcdefghij", 1)}


@pytest.fixture(scope="module", params=NAMES)
def framework(request: pytest.FixtureRequest, catalog: Catalog) -> FrameworkMap:
    return catalog.frameworks[request.param]


@pytest.fixture(scope="module")
def titles(shared: Path) -> set[str]:
    """The standards' own titles; copyrighted, so that none may stand in our files."""
    return {_plain(row[3]) for row in rows(shared / "facts" / "control_titles.tsv")}


def edges_of(name: str, shared: Path) -> tuple[PolicyEdge, ...]:
    """The edges of Microsoft's initiative for a framework, under our control ids."""
    key, prefix = INITIATIVES[name]
    edges = read_edges(shared / "facts" / "policy_controls.tsv", key, prefix)
    return tuple(PolicyEdge(edge.policy, NIS2[edge.control]) for edge in edges) if name == "nis2" else edges


def derived(name: str, catalog: Catalog, shared: Path) -> Derived:
    """Microsoft's edges against ours."""
    return derive(catalog.frameworks[name], catalog.checks.values(), edges_of(name, shared))


def test_these_are_the_frameworks(catalog: Catalog) -> None:
    assert tuple(catalog.frameworks) == NAMES


def test_every_control_stands_there_in_the_frameworks_order(framework: FrameworkMap, shared: Path) -> None:
    wanted = ids_of(framework.framework, shared / "facts")
    assert len(wanted) == len(set(wanted)) == COUNTS[framework.framework]
    assert [control.id for control in framework.controls] == wanted


def test_every_control_has_checks_or_a_reason(framework: FrameworkMap) -> None:
    for control in framework.controls:
        assert control.edges or control.manual or control.inherited, control.id


def test_every_edge_names_a_check_that_runs(framework: FrameworkMap, catalog: Catalog) -> None:
    named = {check for control in framework.controls for check in control.checks}
    assert not [check for check in named if catalog.checks[check].status == "deprecated"]


def test_a_check_stands_for_few_controls(framework: FrameworkMap) -> None:
    """What is evidence for everything is evidence for nothing."""
    curated: dict[str, int] = {}
    for control in framework.controls:
        for edge in control.edges:
            curated[edge.check] = curated.get(edge.check, 0) + (edge.basis == "curated")
    assert {check: number for check, number in curated.items() if number > 8} == {}


def test_reasons_of_edges_are_sentences(framework: FrameworkMap) -> None:
    edges = {edge.reason for control in framework.controls for edge in control.edges if edge.reason}
    edges |= {group.reason for control in framework.controls for group in control.left_out}
    assert not [reason for reason in edges if not (reason.endswith(".") and 20 < len(reason) <= 250)]
    assert not [reason for reason in edges if reason[:1].islower()]


def test_titles_are_ours(framework: FrameworkMap, titles: set[str]) -> None:
    ours = [control.title for control in framework.controls]
    assert len(set(ours)) == len(ours), "two controls with one title"
    assert not [title for title in ours if _plain(title) in titles]


def test_a_reason_says_something_of_its_own(framework: FrameworkMap) -> None:
    """A reason is a sentence, and no reason stands for more than a handful of controls."""
    reasons = [reason for control in framework.controls if (reason := control.manual or control.inherited)]
    assert all(reason.endswith(".") and len(reason) > 15 for reason in reasons)
    assert max(map(reasons.count, reasons)) <= 5


class TestTheBenchmark:
    """Microsoft's own cloud security benchmark is mapped best: nothing of weight is without a control of it."""

    def test_every_check_of_weight_has_a_control_or_says_why_not(self, catalog: Catalog) -> None:
        mapped = {check for control in catalog.frameworks["mcsb-v1"].controls for check in control.checks}
        heavy = {
            check.id
            for check in catalog.checks.values()
            if SEVERITY_RANK[check.severity] <= SEVERITY_RANK["medium"] and check.status != "deprecated"
        }
        unmapped = {check.id for check in catalog.checks.values() if check.unmapped}
        assert heavy - mapped <= unmapped
        assert not unmapped & mapped, "mapped, and says that it is not"
        assert len(unmapped) <= 5


class TestMicrosoftsEdges:
    @pytest.mark.parametrize("name", INITIATIVES)
    def test_what_says_microsoft_is_microsofts(self, name: str, catalog: Catalog, shared: Path) -> None:
        found = derived(name, catalog, shared)
        assert found.unfounded == ()
        # Each edge that follows from a policy is kept, or left out with a reason.
        assert found.proposed == ()

    @pytest.mark.parametrize("name", NARROW)
    def test_controls_that_microsoft_backs_have_a_check(self, name: str, catalog: Catalog, shared: Path) -> None:
        with_checks = {control.id for control in catalog.frameworks[name].controls if control.edges}
        ours = {control.id for control in catalog.frameworks[name].controls}
        backed = {edge.control for edge in edges_of(name, shared)} & ours
        print(
            f"{name}: of {len(backed)} controls that Microsoft backs {len(backed & with_checks)} have a check of ours"
        )
        assert (len(backed), len(backed & with_checks)) >= NARROW[name]

    @pytest.mark.parametrize("name", INITIATIVES)
    def test_the_narrow_ones_are_agreed_with(self, name: str, catalog: Catalog, shared: Path) -> None:
        found = derived(name, catalog, shared)
        total = len(found.kept) + len(found.left_out)
        print(f"{name}: {len(found.kept)} of {total} edges agreed with ({len(found.kept) / total:.1%})")
        assert name not in NARROW or len(found.kept) >= 0.9 * total


def test_a_scan_writes_a_row_for_every_control(tmp_path: Path) -> None:
    file, estate = tmp_path / "controls.csv", tmp_path / "estate.sqlite"
    chosen = [word for name in NAMES for word in ("--framework", name)]
    ran = azscan(
        "scan", "--demo", "--service", "storage", *chosen, "-o", str(file), "--save-estate", str(estate), cwd=tmp_path
    )
    assert ran.returncode in (0, 4, 10), ran.stderr
    read: dict[str, set[str]] = {name: set() for name in NAMES}
    with file.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            read[row["framework"]].add(row["control"])
    for name in NAMES:
        assert read[name] == {control.id for control in shipped().frameworks[name].controls}


def test_a_checks_page_names_its_controls() -> None:
    ran = azscan("checks", "show", "storage-https-only")
    assert ran.returncode == 0, ran.stderr
    assert "A.8.24" in ran.stdout and "9.3.4" in ran.stdout


def _plain(title: str) -> str:
    return re.sub(r"[\W_]+", " ", title.casefold()).strip()
