"""The action's scan step run as a runner runs it, on the demo estate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from azscan.results import DEMO
from tests.pipelines.files import ACTION, AZURE_PIPELINES, PRE_MERGE, ROOT, documents, scripts

pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="needs bash")


class Ran(NamedTuple):
    code: int
    folder: Path
    outputs: dict[str, str]
    summary: str
    told: str


def fake_azscan(folder: Path) -> Path:
    """A folder with an azscan that scans the demo, whatever identity it is told to take."""
    scripts_folder = folder / "scripts"
    scripts_folder.mkdir()
    path = scripts_folder / "azscan"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m azscan "$@" --demo\n')
    path.chmod(0o755)
    return scripts_folder


def run_bash(script: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    around = {
        name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_", "GITHUB_"))
    }
    around |= {"PYTHONPATH": str(ROOT / "src"), "AZSCAN_STATE_DIR": str(folder / "state")}
    # As GitHub calls it for `shell: bash`.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=around | given, capture_output=True, text=True, timeout=240, check=False
    )


def scanned(folder: Path, **given: str) -> Ran:
    """The scan step with the inputs' defaults, but for `given` variables."""
    document = documents(ACTION)[0]
    (step,) = [each for each in document["runs"]["steps"] if each.get("id") == "scan"]
    variables = {
        name: document["inputs"][value[11:-3]].get("default", "") if value.startswith("${{ inputs.") else value
        for name, value in step["env"].items()
    }
    for name in ("output", "summary"):
        (folder / name).touch()
    variables |= {
        "SCRIPTS": str(fake_azscan(folder)),
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "AZSCAN_SERVICE": "storage",
    }
    ran = run_bash(step["run"], folder, **variables | given)
    outputs = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    return Ran(ran.returncode, folder / "azscan", outputs, (folder / "summary").read_text(), ran.stdout + ran.stderr)


def test_a_gate_that_fails_keeps_its_reports_first(tmp_path: Path) -> None:
    ran = scanned(tmp_path)
    assert ran.code == 0, ran.told
    assert ran.outputs == {
        "exit-code": "10",
        "results": f"{ran.folder}/results.json",
        "reports": str(ran.folder),
    }
    assert json.loads((ran.folder / "results.json").read_text())["schema"] == "azscan.results/1"
    assert sorted(path.name for path in ran.folder.iterdir()) == ["results.csv", "results.json", "summary.md"]
    assert ran.summary.startswith(f"## azscan\n\n**{DEMO}**\n\n**exit code 10: ")
    (gate,) = [each["run"] for each in documents(ACTION)[0]["runs"]["steps"] if each["name"] == "Gate"]
    assert run_bash(gate, tmp_path, CODE=ran.outputs["exit-code"]).returncode == 10
    # A step that never came to its end leaves no code.
    assert run_bash(gate, tmp_path, CODE="").returncode != 0


def test_what_ends_without_a_report_says_so(tmp_path: Path) -> None:
    ran = scanned(tmp_path, AZSCAN_SERVICE="no-such-service")
    assert ran.code == 0 and ran.outputs["exit-code"] == "2"
    assert ran.summary == "azscan ended with exit code 2 before it had a report; the log says why.\n"


def test_inputs_cannot_run_anything(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ran = scanned(tmp_path, AZSCAN_SUBSCRIPTION=f'"; touch {mark}; $(touch {mark}) `touch {mark}`')
    assert ran.outputs["exit-code"] in ("2", "3") and not mark.exists()


def test_without_a_summary(tmp_path: Path) -> None:
    assert scanned(tmp_path, WITH_SUMMARY="false").summary == ""


def test_a_baseline_of_the_same_estate_lets_all_through(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    before = scanned(first)
    ran = scanned(second, AZSCAN_BASELINE=before.outputs["results"])
    assert ran.outputs["exit-code"] == "0", ran.told


def test_the_script_for_azure_pipelines_keeps_the_exit_code(tmp_path: Path) -> None:
    (script,) = [each for each in scripts(AZURE_PIPELINES) if "azscan scan" in each]
    reports = tmp_path / "reports"
    path = f"{fake_azscan(tmp_path)}{os.pathsep}{os.environ['PATH']}"
    ran = run_bash(script, tmp_path, REPORTS=str(reports), PATH=path, AZSCAN_SERVICE="storage")
    assert ran.returncode == 10, ran.stderr
    assert f"##vso[task.uploadsummary]{reports}/summary.md\n" in ran.stdout
    assert (reports / "results.json").is_file()


def step_of_the_gate(name: str) -> str:
    (found,) = [each["run"] for each in documents(PRE_MERGE)[0]["jobs"]["gate"]["steps"] if each.get("name") == name]
    return str(found)


@pytest.mark.parametrize(("given", "code"), [("", 1), (" , ", 1), ("prod, test", 0)])
def test_the_pre_merge_gate_refuses_to_scan_everything(tmp_path: Path, given: str, code: int) -> None:
    ran = run_bash(step_of_the_gate("Refuse to scan everything"), tmp_path, TEST_SUBSCRIPTION=given)
    assert ran.returncode == code, ran.stderr
    assert ("::error::The variable TEST_SUBSCRIPTION" in ran.stdout) == bool(code)


@pytest.mark.parametrize(
    ("listing", "download", "words"),
    [
        ("echo 'could not find any workflows named posture.yml' >&2; exit 1", "exit 1", "cannot be listed"),
        ("true", "exit 1", "has not run yet"),
        ("echo 77", "echo 'no valid artifacts found to download' >&2; exit 1", "(run 77) kept no results"),
        ("echo 77", "mkdir baseline; touch baseline/summary.md", "(run 77) kept no results"),
        ("echo 77", "mkdir baseline; touch baseline/results.json", ""),
    ],
)
def test_the_pre_merge_gate_says_why_it_has_no_baseline(
    tmp_path: Path, listing: str, download: str, words: str
) -> None:
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\nif [ "$2" = list ]; then {listing}; else {download}; fi\n')
    gh.chmod(0o755)
    path = f"{gh.parent}{os.pathsep}{os.environ['PATH']}"
    ran = run_bash(step_of_the_gate("Fetch the known failures"), tmp_path, PATH=path, BRANCH="main")
    assert ran.returncode == bool(words), ran.stderr
    assert ("::error::The " in ran.stdout) == bool(words) and words in ran.stdout
