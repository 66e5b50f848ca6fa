"""`azscan frameworks` and `azscan mappings`, as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import azscan

MAPPING = """\
framework: ours
title: House rules
source: Our own
controls:
  - id: "1"
    title: Storage is encrypted on the way
    checks:
      - basis: microsoft
        checks: [storage-https-only]
      - basis: curated
        strength: partial
        reason: Old protocols are refused.
        checks: [storage-minimum-tls]
    left-out:
      - reason: This is about keys.
        checks: [storage-key-reminder]
    manual: Whether clients check certificates is theirs.
  - id: "2"
    title: Doors are locked
    inherited: Microsoft keeps the buildings.
  - id: "3"
    title: People are trained
    manual: Training leaves no trace in Azure.
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "ours.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def test_list(mine: Path) -> None:
    ran = azscan("frameworks", "list", "--mappings-dir", str(mine))
    assert ran.returncode == 0, ran.stderr
    assert "ours\t3\tHouse rules" in ran.stdout.splitlines()
    assert any(line.startswith("iso-27001-2022\t93\t") for line in ran.stdout.splitlines())


def test_coverage(mine: Path) -> None:
    ran = azscan("frameworks", "coverage", "--format", "json", "--mappings-dir", str(mine))
    (ours,) = [each for each in json.loads(ran.stdout)["frameworks"] if each["key"] == "ours"]
    assert {name: ours[name] for name in ("direct", "partial", "manual", "inherited", "edges", "microsoft")} == {
        "direct": 1, "partial": 0, "manual": 1, "inherited": 1, "edges": 2, "microsoft": 1,
    }  # fmt: skip
    table = azscan("frameworks", "coverage", "--mappings-dir", str(mine)).stdout
    assert any(line.split() == ["ours", "3", "1", "0", "1", "1", "2", "2", "1"] for line in table.splitlines())


def test_show_a_framework(mine: Path) -> None:
    ran = azscan("frameworks", "show", "ours", "--mappings-dir", str(mine))
    assert "1  Storage is encrypted on the way\n  2 checks (1 direct, 1 partial)\n  manual: Whether" in ran.stdout
    assert "2  Doors are locked\n  inherited: Microsoft keeps the buildings.\n" in ran.stdout


def test_show_the_checks_behind_a_control(mine: Path) -> None:
    ran = azscan("frameworks", "show", "ours", "1", "--mappings-dir", str(mine))
    assert "direct (microsoft)\n  high      storage-https-only\n" in ran.stdout
    assert "partial (curated): Old protocols are refused.\n" in ran.stdout
    assert "left out: This is about keys.\n  storage-key-reminder\n" in ran.stdout
    told = json.loads(azscan("frameworks", "show", "ours", "1", "--format", "json", "--mappings-dir", str(mine)).stdout)
    assert [edge["check"] for edge in told["edges"]] == ["storage-https-only", "storage-minimum-tls"]


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["show", "iso-27001-2023"], "no framework is named iso-27001-2023", "did you mean iso-27001-2022?"),
        (["show", "iso-27001-2022", "A.8.240"], "iso-27001-2022 has no control A.8.240", "did you mean A.8.24?"),
        (
            ["show", "soc-2", "cc7"],
            "soc-2 has no control cc7",
            "those that begin so are CC7.1, CC7.2, CC7.3, CC7.4, CC7.5",
        ),
        (["list", "--format", "xml"], "there is no format xml", "one of table, json"),
    ],
)
def test_wrong_names(words: list[str], error: str, hint: str) -> None:
    ran = azscan("frameworks", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [f"error: {error}", f" help: {hint}"]


def test_a_mapping_with_a_control_twice_is_refused(mine: Path) -> None:
    path = mine / "ours.yaml"
    path.write_text(MAPPING.replace('id: "3"', 'id: "2"'), encoding="utf-8")
    for words in (("frameworks", "show", "ours"), ("scan", "--demo", "--framework", "ours")):
        ran = azscan(*words, "--mappings-dir", str(mine))
        assert ran.returncode == 2
        assert f"{path}:21:5: the control 2 stands here a second time" in ran.stderr


def test_a_check_shows_all_its_controls(mine: Path) -> None:
    ran = azscan("checks", "show", "storage-minimum-tls", "--mappings-dir", str(mine))
    assert "ours 1 (partial)\n" in ran.stdout
    assert "iso-27001-2022 " in ran.stdout


def test_edges_are_derived_from_a_table(mine: Path) -> None:
    table = mine / "edges.tsv"
    policies = {
        "404c3081-a854-4457-ae30-26a93ef643f9": ("1", "3"),  # storage-https-only
        "fe83a0eb-a853-422d-aac2-1bffd182c5d0": ("4",),  # storage-minimum-tls
    }
    lines = [f"{policy}\tx\t{control}" for policy, controls in policies.items() for control in controls]
    table.write_text("\n".join(["policy\tframework\tcontrol", *lines]) + "\n", encoding="utf-8")
    ran = azscan("mappings", "derive", "ours", "--edges", str(table), "--key", "x", "--mappings-dir", str(mine))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["proposed\t3\tstorage-https-only\t404c3081-a854-4457-ae30-26a93ef643f9"]
    assert ran.stderr.splitlines() == [
        "ours: of 2 edges that the table draws for our checks 1 are kept, 0 left out with a reason, 1 proposed",
        "controls that the file lacks: 4",
    ]


def test_what_was_chosen_of_a_framework_is_no_whole_framework(mine: Path) -> None:
    ran = azscan("scan", "--demo", "--framework", "ours", "--control", "1", "--mappings-dir", str(mine), "--quiet")
    assert "\n  1 of 3 controls, chosen by --control; the others are not told\n" in ran.stdout
    assert "    by: storage-https-only, storage-minimum-tls\n" in ran.stdout


def test_a_control_that_no_check_decides_cannot_be_scanned_alone(mine: Path) -> None:
    ran = azscan("scan", "--demo", "--framework", "ours", "--control", "3", "--mappings-dir", str(mine))
    assert ran.returncode == 2
    assert "no check decides what was chosen; see why: azscan frameworks show ours" in ran.stderr


class TestTheGateOnControls:
    def scan(self, mine: Path, *words: str) -> tuple[int, str]:
        ran = azscan(
            "scan", "--demo", "--service", "storage", "--framework", "ours", "--fail-on", "never",
            "--mappings-dir", str(mine), "--quiet", *words,
        )  # fmt: skip
        return ran.returncode, ran.stdout + ran.stderr

    def test_a_control_that_fails_fails_the_gate(self, mine: Path) -> None:
        assert self.scan(mine)[0] == 0
        code, text = self.scan(mine, "--fail-on-control", "1")
        assert code == 10
        assert "the gate failed: control ours:1" in text

    def test_one_of_which_not_all_was_run_stays_open(self, mine: Path) -> None:
        passing = MAPPING.replace("storage-minimum-tls", "aks-sla-tier")
        (mine / "ours.yaml").write_text(passing, encoding="utf-8")
        code, text = self.scan(mine, "--fail-on-control", "ours:1", "--resource-group", "rg-data")
        assert (code, "the gate held, but control ours:1 could not be decided" in text) == (4, True), text
        assert "not run: 1 of its 2 checks" in text

    @pytest.mark.parametrize(
        ("name", "hint"), [("ours:9", "did you mean ours:"), ("3", "see why: azscan frameworks show ours")]
    )
    def test_one_that_cannot_gate_is_refused(self, mine: Path, name: str, hint: str) -> None:
        code, text = self.scan(mine, "--fail-on-control", name)
        assert code == 2
        assert hint in text
