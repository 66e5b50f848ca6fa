from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from azscan.cli.check_page import print_check
from azscan.cli.checks import app
from azscan.errors import AzscanError, CatalogError, OutputError, UsageError
from azscan.report import Options
from azscan.report.page import Page
from tests.harness import shipped

ROOT = Path(__file__).resolve().parents[2]

CHECK = """\
id: storage-mine
title: Storage account is as we want it
severity: high
status: stable
aliases: [storage-formerly]
subject: storage_account
applies: {field: kind, notEquals: FileStorage, default: Storage}
params: {days: 30}
require:
  allOf:
    - field: properties.mine
      equals: "on"
    - field: properties.days
      greaterOrEquals: ${days}
why: >-
  Because somebody decided so.
fix:
  text: Change the setting.
  cli: az storage account update --ids {id} --mine on
policy: [404c3081-a854-4457-ae30-26a93ef643f9]
false-positives: Some need it otherwise.
refs:
  - https://example.org/mine
examples:
  pass:
    - properties: {mine: "on", days: 30}
  fail:
    - properties: {mine: "off", days: 30}
  not-applicable:
    - kind: FileStorage
"""

MAPPING = """\
framework: ours
title: Our rules
source: Our handbook
controls:
  - id: "1.2"
    title: As we want it
    checks: [storage-mine]
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZSCAN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with one check of the user's, and one with a framework."""
    folder = tmp_path / "mine"
    (folder / "storage").mkdir(parents=True)
    (folder / "storage" / "storage-mine.yaml").write_text(CHECK, encoding="utf-8")
    (tmp_path / "frameworks").mkdir()
    (tmp_path / "frameworks" / "ours.yaml").write_text(MAPPING, encoding="utf-8")
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def error(*arguments: str | Path) -> AzscanError:
    """The error that ends the command; the root command prints it."""
    result = run(*arguments)
    assert isinstance(result.exception, AzscanError), result.output
    return result.exception


class TestList:
    def test_piped_it_is_one_line_a_check(self) -> None:
        result = run("list")
        assert result.exit_code == 0
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        assert [row[0] for row in rows] == list(shipped().checks)
        assert ["storage-https-only", "high", "stable", "storage"] in [row[:4] for row in rows]

    def test_filters(self, mine: Path) -> None:
        rows = run("list", "--service", "storage", "--severity", "high", "--checks-dir", mine).stdout.splitlines()
        assert any(row.startswith("storage-mine\t") for row in rows)
        assert {tuple(row.split("\t")[1:4:2]) for row in rows} == {("high", "storage")}
        by_area = run("list", "--area", "network").stdout.splitlines()
        assert by_area
        assert {row.split("\t")[3] for row in by_area} > {"network", "firewall"}

    def test_a_variable_stands_for_an_option(self, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZSCAN_CHECKS_DIR", str(mine))
        monkeypatch.setenv("AZSCAN_TIMEOUT", "nonsense that another command would mind")
        assert "storage-mine\t" in run("list").stdout

    def test_json(self, mine: Path) -> None:
        made = json.loads(run("list", "--format", "json", "--checks-dir", mine).stdout)
        assert made["schema"] == "azscan.checks/1"
        (row,) = [check for check in made["checks"] if check["id"] == "storage-mine"]
        assert row == {
            "id": "storage-mine",
            "title": "Storage account is as we want it",
            "severity": "high",
            "status": "stable",
            "service": "storage",
            "area": "data-security",
            "subject": "storage_account",
            "aliases": ["storage-formerly"],
            "policy": ["404c3081-a854-4457-ae30-26a93ef643f9"],
            "file": f"{mine}/storage/storage-mine.yaml",
        }

    def test_what_matches_nothing_is_wrong_usage(self) -> None:
        found = error("list", "--service", "storge")
        assert (found.exit_code, found.hint) == (2, "did you mean storage?")
        assert error("list", "--severity", "hihg").exit_code == 2
        assert error("list", "--format", "xml").message == "there is no format xml"
        assert isinstance(error("list", "--checks-dir", "/no/such/folder"), UsageError)

    @pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals of our own on this system")
    def test_on_a_terminal_it_is_a_table_of_80_columns(self) -> None:
        import pty

        main, other = pty.openpty()
        environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm"}
        process = subprocess.Popen(
            [sys.executable, "-m", "azscan", "checks", "list", "--service", "storage"],
            stdout=other, stdin=subprocess.DEVNULL, env=environ,
        )  # fmt: skip
        os.close(other)
        text = b""
        try:
            while chunk := os.read(main, 65536):
                text += chunk
        except OSError:  # the terminal is closed at the other end
            pass
        assert process.wait(60) == 0
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).split("\r\n")
        assert "  high      storage-https-only" in lines
        assert max(map(len, lines)) <= 80
        assert "everything about one: azscan checks show ID" in lines


class TestShow:
    def test_it_tells_everything(self, mine: Path) -> None:
        result = run("show", "storage-mine", "--checks-dir", mine, "--mappings-dir", mine.parent / "frameworks")
        assert result.exit_code == 0
        assert (
            result.stdout.replace(str(mine), "FOLDER").splitlines()
            == """\
storage-mine
Storage account is as we want it

severity    high
status      stable
service     storage (Storage accounts, data-security)
subject     storage_account (Microsoft.Storage/storageAccounts, once per
            subscription)
once called storage-formerly
parameters  days = 30
policies    404c3081-a854-4457-ae30-26a93ef643f9
controls    ours 1.2
file        FOLDER/storage/storage-mine.yaml:1

Applies where
  field: kind
  notEquals: FileStorage
  default: Storage

Requires
  allOf:
  - field: properties.mine
    equals: 'on'
  - field: properties.days
    greaterOrEquals: ${days}

Why
  Because somebody decided so.

Fix
  Change the setting.

  az storage account update --ids {id} --mine on

False positives
  Some need it otherwise.

References
  https://example.org/mine

Examples that pass
  - properties:
      mine: 'on'
      days: 30

Examples that fail
  - properties:
      mine: 'off'
      days: 30

Examples that are not applicable
  - kind: FileStorage
""".splitlines()
        )

    def test_a_former_id_shows_the_check(self, mine: Path) -> None:
        assert run("show", "storage-formerly", "--checks-dir", mine).stdout.startswith("storage-mine\n")

    def test_json(self, mine: Path) -> None:
        options = ("--checks-dir", mine, "--mappings-dir", mine.parent / "frameworks")
        made = json.loads(run("show", "storage-mine", "--format", "json", *options).stdout)
        assert made["controls"] == {"ours": {"1.2": "direct"}}
        assert made["params"] == {"days": 30}
        assert made["examples"]["failing"] == [{"properties": {"mine": "off", "days": 30}}]

    def test_every_shipped_check_can_be_shown(self) -> None:
        for check in shipped().checks.values():
            stream = io.BytesIO()
            page = Page(stream, Options())
            print_check(page, shipped(), check)
            page.flush()
            assert stream.getvalue().decode().startswith(f"{check.id}\n")

    def test_an_unknown_id_is_wrong_usage(self) -> None:
        assert error("show", "storage-https").hint == "did you mean storage-https-only?"

    def test_what_a_terminal_would_act_on_is_written_out(self, mine: Path) -> None:
        path = mine / "storage" / "storage-mine.yaml"
        path.write_text(CHECK.replace('mine: "off"', r'mine: "\e]0;x\a[bold]"'), encoding="utf-8")
        shown = run("show", "storage-mine", "--checks-dir", mine).stdout
        assert "[bold]" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown


class TestNew:
    def test_it_writes_a_check_that_loads_and_passes(self, tmp_path: Path) -> None:
        result = run("new", "storage-our-rule", "--checks-dir", tmp_path)
        path = tmp_path / "storage" / "storage-our-rule.yaml"
        assert result.exit_code == 0
        assert result.stdout == f"{path}\n"
        assert f"azscan checks validate --checks-dir {tmp_path}" in result.stderr
        assert run("validate", "--strict", "--checks-dir", tmp_path).exit_code == 0
        assert run("test", "storage-our-rule", "--checks-dir", tmp_path).exit_code == 0

    def test_without_a_folder_it_writes_into_checks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert error("new", "storage-our-rule").message == "there is no folder checks"
        (tmp_path / "checks").mkdir()
        assert run("new", "storage-our-rule").exit_code == 0
        assert (tmp_path / "checks" / "storage" / "storage-our-rule.yaml").is_file()

    def test_it_overwrites_nothing(self, tmp_path: Path) -> None:
        assert run("new", "storage-our-rule", "--checks-dir", tmp_path).exit_code == 0
        path = tmp_path / "storage" / "storage-our-rule.yaml"
        path.write_text("not: [valid", encoding="utf-8")
        found = error("new", "storage-our-rule", "--checks-dir", tmp_path)
        assert isinstance(found, UsageError)
        assert path.read_text(encoding="utf-8") == "not: [valid"

    def test_an_id_that_is_taken_or_unfit_is_wrong_usage(self, tmp_path: Path) -> None:
        assert error("new", "storage-https-only", "--checks-dir", tmp_path).exit_code == 2
        assert error("new", "../evil", "--checks-dir", tmp_path).exit_code == 2
        assert error("new", "nothing-x", "--checks-dir", tmp_path).exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written_to_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "storage").write_text("a file where a folder should be", encoding="utf-8")
        found = error("new", "storage-our-rule", "--checks-dir", tmp_path)
        assert isinstance(found, OutputError | UsageError)
        assert "storage-our-rule.yaml" in found.message

    def test_a_folder_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        assert error("new", "storage-x", "--checks-dir", tmp_path / "none").message.startswith("there is no folder")


class TestValidate:
    def test_a_sound_catalogue(self, mine: Path) -> None:
        result = run("validate", "--strict", "--checks-dir", mine, "--mappings-dir", mine.parent / "frameworks")
        assert result.exit_code == 0
        assert f"{len(shipped().checks) + 1:,} checks" in result.stdout
        assert result.stdout.endswith(": no faults\n")

    def test_every_fault_is_printed(self, mine: Path) -> None:
        path = mine / "storage" / "storage-mine.yaml"
        path.write_text(
            CHECK.replace("severity: high", "severity: hihg").replace("equals:", "equls:"), encoding="utf-8"
        )
        result = run("validate", "--checks-dir", mine)
        assert result.exit_code == 2
        assert result.stdout.replace(str(mine), "FOLDER").splitlines() == [
            "FOLDER/storage/storage-mine.yaml:3:1: severity cannot be hihg (did you mean high?)",
            "FOLDER/storage/storage-mine.yaml:12:7: unknown operator 'equls' (did you mean equals?)",
        ]
        assert result.stderr == "2 faults in 1 file of the catalogue\n"
        assert isinstance(error("list", "--checks-dir", mine), CatalogError)

    def test_order_is_a_fault_only_when_strict(self, mine: Path) -> None:
        path = mine / "storage" / "storage-mine.yaml"
        path.write_text("title: T\n" + CHECK.replace("title: Storage account is as we want it\n", ""), encoding="utf-8")
        assert run("validate", "--checks-dir", mine).exit_code == 0
        result = run("validate", "--strict", "--checks-dir", mine)
        assert result.exit_code == 2
        assert "the key id stands before title" in result.stdout

    def test_a_fault_cannot_act_on_the_terminal(self, mine: Path) -> None:
        (mine / "storage" / "storage-mine.yaml").write_text(CHECK + '"\\e[31mkey": 1\n', encoding="utf-8")
        result = run("validate", "--checks-dir", mine)
        assert result.exit_code == 2
        assert "\\x1b[31mkey" in result.stdout
        assert "\x1b" not in result.stdout


class TestTest:
    def test_examples_that_are_right(self, mine: Path) -> None:
        result = run("test", "storage-mine", "--checks-dir", mine)
        assert (result.exit_code, result.stdout) == (0, "3 examples of 1 check: none failed\n")

    def test_globs_choose(self) -> None:
        result = run("test", "storage-*", "keyvault-*")
        assert result.exit_code == 0
        wanted = [check for check in shipped().checks if check.startswith(("storage-", "keyvault-"))]
        assert f" of {len(wanted)} checks: none failed" in result.stdout

    def test_a_wrong_example_is_exit_10_and_says_what_decided(self, mine: Path) -> None:
        path = mine / "storage" / "storage-mine.yaml"
        path.write_text(CHECK.replace('mine: "off"', 'mine: "ON"'), encoding="utf-8")
        result = run("test", "storage-mine", "--checks-dir", mine)
        assert result.exit_code == 10
        assert result.stdout.replace(str(mine), "FOLDER").splitlines() == [
            "FOLDER/storage/storage-mine.yaml: example 1 under fail gets pass",
            "    properties.mine: equals on, is 'ON'",
            "    properties.days: is at least 30, is 30",
            "3 examples of 1 check: 1 failed",
        ]

    def test_an_unknown_id_is_wrong_usage(self) -> None:
        assert error("test", "storage-https").hint == "did you mean storage-https-only?"
        assert error("test", "nothing-*").exit_code == 2


def test_no_command_imports_aiohttp_or_azure() -> None:
    code = """
import sys
from azscan.cli import app
for arguments in (["list"], ["show", "storage-https-only"], ["validate"], ["test"]):
    try:
        app(["checks", *arguments])
    except SystemExit as done:
        assert not done.code, (arguments, done.code)
heavy = sorted(name for name in sys.modules if name.partition(".")[0] in ("aiohttp", "azure", "msal", "cryptography"))
assert not heavy, heavy
"""
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "storage-https-only" in done.stdout


@pytest.mark.parametrize("command", ["list", "show", "new", "validate", "test"])
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--checks-dir" in result.stdout
