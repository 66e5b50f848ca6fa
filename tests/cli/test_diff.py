"""`azscan diff` and `azscan scan --baseline` as processes: what they print, and each exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import Deny, Options
from tests.cli.served import serving
from tests.cli.test_scan import BAD, CHECK, GOOD, ONE, ONLY, STORAGE, account, estate
from tests.harness import azscan

SIDES = {
    "good": ((GOOD,), None),
    "bad": ((GOOD, BAD), None),
    "mended": ((GOOD, account("stbad", True)), None),
    "denied": ((GOOD, BAD), Options(deny=[Deny(f"{STORAGE}/read", "403")])),
}
# A second check of another service keeps a scan readable where the first cannot look.
OTHER = "monitor-alert-lock-deleted"
TWO = ("--check", CHECK, "--check", OTHER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results and estates of the same subscription on several days."""
    folder = tmp_path_factory.mktemp("sides")
    for name, (resources, options) in SIDES.items():
        with serving(folder, estate(*resources), options) as (emulator, around):
            files = ("-o", f"{name}.json", "--save-estate", f"{name}.sqlite")
            done = azscan("scan", *TWO, *files, "--fail-on", "never", env=_steady(around), cwd=folder)
            assert done.returncode == 0, done.stderr
            assert not emulator.write_attempts
    return folder


def _steady(around: Any) -> dict[str, str]:
    return {**around, "AZSCAN_STATE_DIR": "state"}


def diffed(made: Path, *arguments: str) -> Any:
    return azscan("diff", *arguments, cwd=made)


@pytest.mark.parametrize("suffix", ["json", "sqlite"])
@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("good", "bad", 10, "new failures: 1"),
        ("mended", "bad", 10, "passed before"),
        ("bad", "mended", 0, "solved: 1"),
        ("bad", "good", 0, "gone: 1"),
        ("bad", "bad", 0, "no new failure at or above high"),
        ("bad", "denied", 4, "became unreadable"),
        ("denied", "bad", 10, "new failures: 1"),
        ("denied", "good", 0, "can be read now"),
    ],
)
def test_files_and_estates_compare_alike(made: Path, suffix: str, old: str, new: str, code: int, words: str) -> None:
    done = diffed(made, f"{old}.{suffix}", f"{new}.{suffix}", *TWO)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in " ".join(done.stdout.split())
    assert f"exit code {code}: " in done.stdout and done.stderr == ""


def test_results_and_an_estate_compare_too(made: Path) -> None:
    done = diffed(made, "good.json", "bad.sqlite", *TWO)
    assert done.returncode == 10 and "--> prod / web / stbad (westeurope)" in done.stdout


def test_the_table(made: Path) -> None:
    done = diffed(made, "good.json", "denied.json")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("old: good.json: 1 subscription of tenant ")
    assert "-- no longer readable, or never read: 2 --" in done.stdout
    at = lines.index("unreadable[storage-https-only] (high)")
    assert lines[at + 1] == "  Storage account accepts only encrypted connections"
    assert lines[at + 2] == "  --> prod" and lines[at + 3].startswith(
        "   = the list of them cannot be read: access_denied"
    )
    assert "  --> prod / web / stgood (westeurope)\n   = passed before, unreadable now: access_denied: " in done.stdout
    assert lines[-4].startswith("0 new, 2 unreadable, 0 changed, 0 solved, 0 gone, 0 not compared")


def test_the_json(made: Path) -> None:
    done = diffed(made, "good.json", "bad.json", "--format", "json")
    document = json.loads(done.stdout)
    assert document["schema"] == "azscan.diff/1"
    assert document["counts"]["new"] == {"high": 1}
    assert document["outcome"] == {"fail_on": "high", "failed": 1, "undecided": 0, "exit_code": 10}
    (found,) = document["differences"]
    assert (found["kind"], found["check"], found["was"], found["now"]) == ("new", CHECK, "", "fail")
    assert found["resource"]["name"] == "stbad" and len(done.stdout.splitlines()) == 9
    assert "check_ids" not in document["new"]


def test_the_bar_and_the_selection(made: Path) -> None:
    assert diffed(made, "good.json", "bad.json", "--fail-on", "critical").returncode == 0
    assert diffed(made, "good.json", "bad.json", "--service", "monitor").returncode == 0
    assert diffed(made, "good.json", "bad.json", "--check", "keyvault-*").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.json", "good.json"), "there is no results file at none.json"),
        (("good.json", "none.sqlite"), "there is no results file at none.sqlite"),
        (("good.json", "ca.pem"), "ca.pem is no results file of azscan"),
        (("good.json", "other.sqlite"), "other.sqlite is not an estate"),
        (("good.json", "good.json", "--check", "nope"), "no check is called nope"),
        (("good.json", "good.json", "--format", "csv"), "there is no format csv"),
        (("good.json",), "missing argument 'NEW'"),
    ],
)
def test_wrong_input(made: Path, arguments: tuple[str, ...], words: str) -> None:
    import sqlite3

    with sqlite3.connect(made / "other.sqlite") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t(x)")
    done = diffed(made, *arguments)
    assert done.returncode == 2 and words in done.stderr and done.stdout == "", done.stderr
    assert "Traceback" not in done.stderr and " help: " in done.stderr


def test_a_full_disk(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from azscan import compare
    from azscan.cli.diff import run
    from azscan.errors import OutputError

    monkeypatch.chdir(made)
    monkeypatch.setattr(compare, "_DIFFERENCES", "PRAGMA max_page_count = 2;" + compare._DIFFERENCES)
    with pytest.raises(OutputError, match=r"the two cannot be compared: .*full") as caught:
        run("good.json", "bad.json", {}, {}, as_json=False)
    assert caught.value.exit_code == 5


class TestBaseline:
    """`azscan scan --baseline`."""

    def scanned(self, made: Path, tmp_path: Path, name: str, *arguments: str) -> Any:
        resources, options = SIDES[name]
        with serving(tmp_path, estate(*resources), options) as (emulator, around):
            done = azscan("scan", *arguments, env={**around}, cwd=made)
            self.requests = len(emulator.log)
        return done

    @pytest.mark.parametrize("output", ["bad.json", "./bad.json", "linked.json"])
    def test_the_baseline_is_not_written_over(self, made: Path, tmp_path: Path, output: str) -> None:
        (tmp_path / "bad.json").write_bytes((made / "bad.json").read_bytes())
        (tmp_path / "linked.json").symlink_to("bad.json")
        estate = made / "bad.sqlite"
        done = azscan("scan", "--estate", str(estate), *ONLY, "--baseline", "bad.json", "-o", output, cwd=tmp_path)
        assert done.returncode == 2 and f"-o {output} would replace the baseline" in done.stderr
        assert (tmp_path / "bad.json").read_bytes() == (made / "bad.json").read_bytes()

    @pytest.mark.parametrize(("baseline", "code"), [("bad", 0), ("good", 10), ("mended", 10), ("denied", 10)])
    def test_only_new_failures_fail_the_gate(self, made: Path, tmp_path: Path, baseline: str, code: int) -> None:
        done = self.scanned(made, tmp_path, "bad", *ONLY, "--baseline", f"{baseline}.json")
        assert done.returncode == code, done.stdout + done.stderr
        let_through = "1 known" if code == 0 else "0 known"
        assert ("1 known failure stands in the baseline" in done.stdout) == (code == 0)
        assert ("--> prod / web / stbad" in done.stdout) == (code == 10)
        assert f"{let_through} from {baseline}.json let through" in " ".join(done.stdout.split())

    def test_what_is_unreadable_stays_undecided(self, made: Path, tmp_path: Path) -> None:
        assert self.scanned(made, tmp_path, "denied", *TWO, "--baseline", "denied.json").returncode == 4

    def test_where_it_does_not_fit_is_said_and_stands_in_the_report(self, made: Path, tmp_path: Path) -> None:
        report = tmp_path / "r.json"
        more = ("--check", CHECK, "--check", "storage-minimum-tls", "--baseline", "bad.json", "-o", str(report))
        done = self.scanned(made, tmp_path, "bad", *more)
        line = "the baseline bad.json lacks the checks storage-minimum-tls: all of their failures are new"
        assert f"warning: {line}" in done.stderr
        document = json.loads(report.read_text())
        assert line in document["scan"]["notes"]
        assert [each["known"] for each in document["verdicts"] if each["resource"]["name"] == "stbad"] == [True, False]
        assert document["summary"]["gate"]["baseline"] == "bad.json" and document["summary"]["gate"]["known"] == 1

    @pytest.mark.parametrize("file", ["none.json", "ca.pem", "bad.sqlite"])
    def test_a_wrong_file_ends_the_scan_before_anything_is_read(self, made: Path, tmp_path: Path, file: str) -> None:
        done = self.scanned(made, tmp_path, "bad", *ONLY, "--baseline", file)
        assert done.returncode == 2 and file in done.stderr and done.stdout == ""
        assert self.requests == 0

    def test_a_saved_estate_and_a_variable(self, made: Path) -> None:
        done = azscan("scan", *ONLY, "--estate", "bad.sqlite", env={"AZSCAN_BASELINE": "bad.json"}, cwd=made)
        assert done.returncode == 0, done.stderr
        assert ONE in (made / "bad.json").read_text()
