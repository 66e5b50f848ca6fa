"""`azscan scan` as a process: each exit code, what it leaves behind, and what it prints."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from azscan.cli import scan as scan_command
from azscan.emulator import Deny, FaultRule, Options, demo_estate, read_estate
from azscan.options import OPTION_KEYS
from azscan.settings import Settings, resolve
from tests.cli.served import serving
from tests.harness import ROOT, azscan, shipped

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
STORAGE = "Microsoft.Storage/storageAccounts"
CHECK = "storage-https-only"
ONLY = ("--check", CHECK)


def account(name: str, secure: bool, **more: Any) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{ONE}/resourceGroups/web/providers/{STORAGE}/{name}",
        "name": name,
        "type": STORAGE,
        "location": "westeurope",
        "kind": "StorageV2",
        "properties": {"supportsHttpsTrafficOnly": secure},
        **more,
    }


def estate(*resources: Mapping[str, Any], **more: Any) -> Any:
    subscriptions = [{"subscriptionId": ONE, "displayName": "prod"}]
    return read_estate({"format": 1, "subscriptions": subscriptions, "resources": list(resources), **more})


GOOD, BAD = account("stgood", True), account("stbad", False)
DENIED = Options(deny=[Deny(f"{STORAGE}/read", "403")])
ANOTHER = ("--check", "keyvault-*")


def scanned(
    tmp_path: Path, made: Any, *arguments: str, options: Options | None = None, env: Mapping[str, str] | None = None
):
    with serving(tmp_path, made, options) as (emulator, around):
        done = azscan("scan", *arguments, env={**around, **(env or {})}, cwd=tmp_path)
        assert not emulator.write_attempts
    assert "Traceback" not in done.stderr
    return done


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "state").glob("*"))


# exit codes


def test_0_all_is_well(tmp_path):
    done = scanned(tmp_path, estate(GOOD), *ONLY)
    assert done.returncode == 0 and "exit code 0" in done.stdout
    assert left_behind(tmp_path) == [], "the estate of a finished scan is removed"


def test_0_where_what_failed_is_below_the_gate(tmp_path):
    assert scanned(tmp_path, estate(BAD), *ONLY, "--fail-on", "critical").returncode == 0
    assert scanned(tmp_path, estate(BAD), *ONLY, env={"AZSCAN_FAIL_ON": "never"}).returncode == 0


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--format", "json"),
        ("--format", "csv"),
        ("--format", "markdown"),
        ("--quiet",),
        ("-o", "out.json"),
        ("--show", "all"),
    ],
)
def test_10_the_gate_failed_whatever_the_format(tmp_path, more):
    assert scanned(tmp_path, estate(GOOD, BAD), *ONLY, *more).returncode == 10


def test_4_what_the_gate_asks_about_could_not_be_decided(tmp_path):
    vault = {
        "id": f"/subscriptions/{ONE}/resourceGroups/web/providers/Microsoft.KeyVault/vaults/kv",
        "type": "Microsoft.KeyVault/vaults",
        "name": "kv",
        "location": "westeurope",
        "properties": {"enablePurgeProtection": True},
    }
    both = ("--check", CHECK, "--check", "keyvault-purge-protection")
    done = scanned(tmp_path, estate(GOOD, vault), *both, options=DENIED)
    assert done.returncode == 4
    allowed = scanned(tmp_path, estate(GOOD, vault), *both, "--allow-unreadable", "storage", options=DENIED)
    assert allowed.returncode == 0


def test_3_nothing_could_be_read(tmp_path):
    done = scanned(tmp_path, estate(GOOD), *ONLY, options=DENIED)
    assert done.returncode == 3
    assert done.stderr.count("fatal: no scan was performed") == 1
    assert f"does not grant one read of the selected checks ({STORAGE}/read" in done.stderr


def test_3_a_scan_that_decides_nothing_does_not_say_that_there_was_none(tmp_path):
    silent = Options(deny=[Deny(f"{STORAGE}/read", "filter")])
    # A right to one of the reads lets the scan go on; there is no vault to read.
    both = ("--check", CHECK, "--check", "keyvault-purge-protection", "--auth", "service-principal")
    done = scanned(tmp_path, estate(GOOD), *both, options=silent)
    assert done.returncode == 3 and "exit code 3: not one verdict could be read" in done.stdout
    assert "no scan was performed" not in done.stderr
    assert "fatal: nothing could be decided: not one verdict is readable\n" in done.stderr
    line = f"azscan doctor --check {CHECK} --check keyvault-purge-protection --auth service-principal"
    assert f" help: the page and the command that mend it: {line}\n" in done.stderr


def test_3_the_sign_in_failed(tmp_path):
    done = scanned(tmp_path, estate(GOOD), *ONLY, env={"AZURE_CLIENT_SECRET": "wrong-hunter2"})
    assert done.returncode == 3 and not done.stdout and "hunter2" not in done.stderr
    assert left_behind(tmp_path) == []


def test_3_no_subscription(tmp_path):
    done = scanned(tmp_path, read_estate({"format": 1, "subscriptions": []}), *ONLY)
    assert done.returncode == 3 and "no subscription is visible" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--check", "storage-https-onyl"), "storage-https-only"),
        (("--service", "nope"), "no service"),
        (("--severity", "huge"), "--severity must be one of"),
        (("--format", "pdf"), "--format must be one of"),
        (("--fail-on", "all"), "--fail-on must be one of"),
        (("--concurrency", "0"), "--concurrency must be a whole number above 0"),
        (("--quiet", "--verbose"), "exclude each other"),
        (("--estate", "x", "--demo"), "--estate and --demo exclude each other"),
        (("--estate", "x", "--resume"), "--estate and --resume exclude each other"),
        (("--estate", "x", "--save-estate", "y"), "--estate and --save-estate exclude each other"),
        (("--estate", "x", "--subscription", "y"), "--estate and --subscription exclude each other"),
        (("--estate", "x", "--auth", "cli"), "--estate and --auth exclude each other"),
        (("--estate", "x", "--cloud", "AzureCloud"), "--estate and --cloud exclude each other"),
        (("--estate", "x", "--tenant", "t"), "--estate and --tenant exclude each other"),
        (("--demo", "--cloud", "AzureUSGovernment", "--auth", "browser"), "--demo and --auth exclude each other"),
        (("--demo", "--client-id", "c"), "--demo and --client-id exclude each other"),
        (("--estate", "nowhere.sqlite"), "there is no estate at nowhere.sqlite"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
        (("--show", "nope"), "nope"),
        (("-o", "report.pdf"), "report.pdf"),
        (("--checks-dir", "nowhere"), "nowhere"),
        (("--framework", "nope"), "nope"),
    ],
)
def test_2_wrong_usage_is_told_before_anything_is_asked(tmp_path, arguments, words):
    done = azscan(
        "scan", *arguments, env={"AZSCAN_CLOUD": "https://localhost:1", "AZSCAN_STATE_DIR": str(tmp_path)}, cwd=tmp_path
    )
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("error: ") and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("--subscription", "prdo"), ("--resource-group", "nope"), ("--region", "mars"), ("--tag", "a=b")]
)
def test_2_a_name_that_matches_nothing(tmp_path, arguments):
    done = scanned(tmp_path, estate(GOOD), *ONLY, *arguments)
    assert done.returncode == 2 and " help: " in done.stderr


def test_2_a_configuration_found_upward_may_not_steer(tmp_path):
    (tmp_path / "azscan.yaml").write_text("version: 1\ncloud: https://evil.example\n")
    done = azscan("scan", "--demo", cwd=tmp_path)
    assert done.returncode == 2 and "cloud" in done.stderr


def test_5_an_output_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path):
    done = azscan("scan", *ONLY, "-o", "no/where.json", env={"AZSCAN_CLOUD": "https://localhost:1"}, cwd=tmp_path)
    assert done.returncode == 5 and "no/where.json" in done.stderr


@pytest.mark.parametrize("path", ["state/is-a-file/e.sqlite", "folder"])
def test_5_an_estate_that_cannot_be_written(tmp_path, path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "is-a-file").touch()
    (tmp_path / "folder").mkdir()
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--save-estate", path)
    assert done.returncode == 5 and not done.stdout


def test_5_an_estate_in_use(tmp_path):
    from azscan.estate.store import Estate

    held = Estate.create(tmp_path / "e.sqlite", {})
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--save-estate", "e.sqlite")
    held.close()
    assert done.returncode == 5 and "in use by another azscan" in done.stderr


def test_5_somebody_elses_file_is_not_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--save-estate", "notes.txt")
    assert done.returncode == 5 and (tmp_path / "notes.txt").read_text() == "mine"


def test_5_an_estate_that_is_damaged(tmp_path):
    assert (
        scanned(
            tmp_path, estate(*(account(f"st{n}", True) for n in range(200))), *ONLY, "--save-estate", "e.sqlite"
        ).returncode
        == 0
    )
    path = tmp_path / "e.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\x5a" * (len(content) - 12288)
    path.write_bytes(content)
    done = azscan("scan", *ONLY, "--estate", "e.sqlite", cwd=tmp_path)
    assert done.returncode == 5 and "e.sqlite" in done.stderr and "Traceback" not in done.stderr


# interruption


def begun(tmp_path: Path, around: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_"))}
    env |= {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", **around}
    return subprocess.Popen(
        [sys.executable, "-m", "azscan", "scan", *arguments],
        env=env,
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("shell", ["posix", "powershell"])
def test_130_prints_a_line_that_goes_on(tmp_path, number, shell):
    slow = Options(faults=[FaultRule(f"*/providers/{STORAGE}", do="slow", seconds=20, count=1)])
    again = ("--check", CHECK, "--shell", shell, "--resource-group", "it's web")
    made = estate(account("st", True, id=GOOD["id"].replace("/web/", "/it's web/")))
    with serving(tmp_path, made, slow) as (emulator, around):
        process = begun(tmp_path, around, *again)
        deadline = time.monotonic() + 60
        while not any(STORAGE in record.path for record in emulator.log) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and not out and "Traceback" not in err
        assert "interrupted; what was read so far is kept for 24 hours" in err
        line = err.rpartition("go on with: ")[2].strip()
        quoted = "'it''s web'" if shell == "powershell" else shlex.quote("it's web")
        assert line == f"azscan scan --check {CHECK} --shell {shell} --resource-group {quoted} --resume"
        assert len(left_behind(tmp_path)) == 1
        asked = len(emulator.log)
        done = azscan("scan", *again, "--resume", env=around, cwd=tmp_path)
        assert done.returncode == 0 and "1 resource" in done.stdout
        reads = [record.path for record in emulator.log[asked:] if "/subscriptions/" in record.path]
        assert not any(path.endswith("/resources") for path in reads), "what was read is not read again"
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_while_the_report_is_written_prints_a_line_that_goes_on(tmp_path, number):
    # A pipe that nobody drains holds up the report, for it is longer than a pipe's buffer.
    many = estate(*(account(f"st{name}", False) for name in range(400)))
    os.mkfifo(tmp_path / "all.json")
    with serving(tmp_path, many) as (_, around):
        process = begun(tmp_path, around, *ONLY, "-o", "all.json")
        reader = os.open(tmp_path / "all.json", os.O_RDONLY)
        process.send_signal(number)
        size = 0
        while part := os.read(reader, 65536):
            size += len(part)
        os.close(reader)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and not out and "Traceback" not in err
        assert err.endswith(f"go on with: azscan scan --check {CHECK} -o all.json --resume\n")
        done = azscan("scan", *ONLY, "-o", "whole.json", "--resume", env=around, cwd=tmp_path)
        assert done.returncode == 10
        assert size < (tmp_path / "whole.json").stat().st_size
    assert left_behind(tmp_path) == []


# what comes out


def test_data_goes_to_stdout_and_everything_else_to_stderr(tmp_path):
    done = scanned(tmp_path, estate(GOOD, BAD), *ONLY, "--format", "json")
    document = json.loads(done.stdout)
    assert document["schema"] == "azscan.results/1" and len(document["verdicts"]) == 2
    assert "read " in done.stderr and "signed in as azscan-reader" in done.stderr
    assert "localhost" in done.stderr.partition("signed in")[0], "hosts are told before a token is asked"


def test_quiet_leaves_the_report_and_the_exit_code(tmp_path):
    done = scanned(tmp_path, estate(BAD), *ONLY, "--quiet")
    assert done.returncode == 10 and CHECK in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("cloud AzureCloudEmulator: "), "where tokens go is told in a cloud of the user's own"


def test_quiet_leaves_out_the_hosts_of_the_demo(tmp_path):
    done = azscan("scan", "--demo", *ONLY, "--quiet", env={"AZSCAN_STATE_DIR": str(tmp_path)}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (10, "") and CHECK in done.stdout


def test_one_scan_writes_several_reports_for_their_owner_only(tmp_path):
    done = scanned(
        tmp_path, estate(BAD), *ONLY, "-o", "a.json", "-o", "b.csv", "--save-estate", "e.sqlite", "--log-file", "l.log"
    )
    assert done.returncode == 10
    for name in ("a.json", "b.csv", "e.sqlite", "l.log"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    assert "emulator-secret" not in (tmp_path / "l.log").read_text()


def test_a_reader_that_leaves_changes_no_exit_code(tmp_path):
    with serving(tmp_path, estate(BAD)) as (_, around):
        for stream in ("stdout", "stderr"):
            process = begun(tmp_path, around, *ONLY, "-o", f"{stream}.json")
            getattr(process, stream).close()
            assert process.wait(60) == 10
            assert json.loads((tmp_path / f"{stream}.json").read_text())["verdicts"]


def test_a_saved_estate_is_assessed_without_azure_and_stays(tmp_path):
    assert scanned(tmp_path, estate(GOOD, BAD), "--service", "storage", "--save-estate", "e.sqlite").returncode == 10
    before = (tmp_path / "e.sqlite").read_bytes()
    online = {"AZSCAN_CLOUD": "https://localhost:1"}
    done = azscan("scan", *ONLY, "--estate", "e.sqlite", "--format", "json", cwd=tmp_path, env=online)
    assert done.returncode == 10
    assert {each["resource"]["name"]: each["status"] for each in json.loads(done.stdout)["verdicts"]} == {
        "stgood": "pass",
        "stbad": "fail",
    }
    assert azscan("scan", *ANOTHER, "--estate", "e.sqlite", cwd=tmp_path).returncode == 3, "never read, never passed"
    assert (tmp_path / "e.sqlite").read_bytes() == before and sorted(
        path.name for path in tmp_path.glob("e.sqlite*")
    ) == ["e.sqlite"]


@pytest.mark.parametrize(
    "spoiled",
    [
        "UPDATE resource SET parent = id",
        "UPDATE resource SET body = 7",
        "UPDATE resource SET body = CAST('{' AS BLOB)",
        "UPDATE resource SET body = CAST(printf('%.*c', 5000, '[') AS BLOB)",
        "UPDATE resource SET body = x'7b226e616d65223a22ff227d'",
        "UPDATE resource SET body = zeroblob(300000000)",
        "UPDATE resource SET id_as_sent = x'00'",
        "UPDATE read SET at = x'ff'",
        "UPDATE scan SET value = '{' WHERE key = 'notes'",
        "UPDATE scan SET value = '5' WHERE key = 'subscriptions'",
        "UPDATE scan SET value = '[{\"id\":1}]' WHERE key = 'subscriptions'",
        "DROP INDEX resource_in",
        "DROP TABLE resource; CREATE VIEW resource AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON verdicts BEGIN DELETE FROM resource; END; UPDATE resource SET parent = 9e9",
    ],
)
def test_a_stranger_estate_is_refused_in_words(tmp_path, spoiled):
    assert scanned(tmp_path, estate(GOOD, BAD), *ONLY, "--save-estate", "e.sqlite").returncode == 10
    with sqlite3.connect(tmp_path / "e.sqlite") as connection:
        connection.executescript(spoiled)
    connection.close()
    done = azscan("scan", *ONLY, "--estate", "e.sqlite", cwd=tmp_path, timeout=60)
    assert done.returncode in (2, 5), done.stderr
    assert "error:" in done.stderr and "e.sqlite" in done.stderr and "Traceback" not in done.stderr


def test_an_estate_is_not_written_through_a_link(tmp_path):
    (tmp_path / "mine.txt").touch(mode=0o644)
    (tmp_path / "e.sqlite").symlink_to("mine.txt")
    assert scanned(tmp_path, estate(GOOD), *ONLY, "--save-estate", "e.sqlite").returncode == 5
    assert (tmp_path / "mine.txt").stat().st_size == 0 and (tmp_path / "mine.txt").stat().st_mode & 0o777 == 0o644


def test_the_log_holds_one_line_for_each_message_and_nothing_for_a_terminal(tmp_path):
    evil = "\x1b[31mprod\n2026-01-01 INFO azscan.scan all is well\x07"
    made = read_estate(
        {"format": 1, "resources": [GOOD], "subscriptions": [{"subscriptionId": ONE, "displayName": evil}]}
    )
    logged = scanned(tmp_path, made, *ONLY, "--log-file", "l.log")
    shown = scanned(tmp_path, made, *ONLY, "--debug")
    assert logged.returncode == shown.returncode == 0
    for text in ((tmp_path / "l.log").read_text(), shown.stderr):
        assert "prod" in text and "\x1b" not in text and "\x07" not in text and "\n2026-01-01 " not in text


def test_names_from_strangers_reach_no_terminal(tmp_path):
    evil = "\x1b[31mprod\x07"
    made = read_estate(
        {"format": 1, "resources": [GOOD], "subscriptions": [{"subscriptionId": ONE, "displayName": evil}]}
    )
    done = scanned(tmp_path, made, *ONLY, "--subscription", "nope")
    assert done.returncode == 2 and "\x1b" not in done.stderr and "\x07" not in done.stderr and "prod" in done.stderr
    left = scanned(tmp_path, made, *ONLY, "--exclude-subscription", ONE)
    assert left.returncode == 3 and "\x1b" not in left.stderr


def test_verbose_says_which_configuration_counts(tmp_path):
    (tmp_path / "azscan.yaml").write_text(f"version: 1\nchecks: [{CHECK}]\nfail-on: never\n")
    done = scanned(tmp_path, estate(BAD), "--verbose")
    assert done.returncode == 0
    told = done.stderr.partition("cloud ")[0]
    assert told == f"configuration: azscan.yaml\nchecks: 1 of {len(shipped().checks):,}\n"
    assert "checks: " not in scanned(tmp_path, estate(BAD)).stderr


def test_parameters_reach_a_check_by_its_former_id(tmp_path):
    folder = tmp_path / "own"
    (folder / "storage").mkdir(parents=True)
    (folder / "storage" / "storage-few-tags.yaml").write_text(
        """\
id: storage-few-tags
title: Storage account has few tags
severity: high
status: stable
aliases: [storage-tag-count]
subject: storage_account
params: {most: 5}
require:
  field: properties.number
  lessOrEquals: ${most}
why: Because.
fix:
  text: Remove tags.
examples:
  pass: [{properties: {number: 1}}]
  fail: [{properties: {number: 9}}, {properties: {}}]
"""
    )
    made = estate({**GOOD, "properties": {"number": 3}})
    arguments = ("--checks-dir", str(folder), "--check", "storage-tag-count")
    verbose = scanned(tmp_path, made, *arguments, "--verbose")
    assert verbose.returncode == 0
    assert f"checks of your own: {folder}\nchecks: 1 of {len(shipped().checks) + 1:,}\n" in verbose.stderr
    (tmp_path / "azscan.yaml").write_text("version: 1\nparams: {storage-tag-count: {most: 2}}\n")
    assert scanned(tmp_path, made, *arguments).returncode == 10


# variables

VALUES = {
    "flag": ("1", True),
    "count": ("7", 7),
    "seconds": ("2.5", 2.5),
    "text": ("some text", "some text"),
    "words": ("one,two", ("one", "two")),
}


@pytest.mark.parametrize("key", OPTION_KEYS, ids=lambda key: key.name)
def test_every_option_has_a_variable_that_works(key):
    text, value = VALUES.get(key.kind) or (
        key.choices[-1],
        key.choices[-1] if key.kind == "choice" else (key.choices[-1],),
    )
    found = getattr(resolve({}, {key.variable: text}), key.field)
    if key.name == "allow-unreadable":
        found = tuple(each.part for each in found)
    assert found == value
    assert found != getattr(Settings(), key.field), "the value tells apart from the default"


@pytest.mark.parametrize("key", OPTION_KEYS, ids=lambda key: key.name)
def test_the_command_passes_every_option_on(key, monkeypatch):
    """What is typed arrives in the settings under its own name, and wins over the variable."""
    from typer.testing import CliRunner

    seen = []
    monkeypatch.setattr(scan_command, "run", lambda given, environ: seen.append(resolve(given, environ)) or 0)
    text, value = VALUES.get(key.kind) or (
        key.choices[-1],
        key.choices[-1] if key.kind == "choice" else (key.choices[-1],),
    )
    typed = (
        [key.option]
        if key.kind == "flag"
        else [key.option, "one", key.option, "two"]
        if key.kind == "words"
        else [key.option, text]
    )
    result = CliRunner().invoke(scan_command.app, typed)
    assert result.exit_code == 0, result.output
    (settings,) = seen
    found = getattr(settings, key.field)
    assert (tuple(each.part for each in found) if key.name == "allow-unreadable" else found) == value
    assert settings.sources == {key.name: key.option}


def test_the_demo_can_be_asked_for_by_variable(tmp_path):
    others = {"AZSCAN_CLOUD": "https://localhost:1", "AZSCAN_AUTH": "browser", "AZSCAN_TENANT": "t"}
    env = {"AZSCAN_DEMO": "true", "AZSCAN_STATE_DIR": str(tmp_path), **others}
    done = azscan("scan", *ONLY, env=env, cwd=tmp_path)
    assert done.returncode == 10 and demo_estate().resources


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the cache lies in the same folder")
def test_the_estate_of_the_demo_lies_in_the_state_folder_and_nowhere_else(tmp_path):
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_STATE_HOME", "LOCALAPPDATA")}
    around = {**home, "XDG_CACHE_HOME": str(tmp_path / "cache"), "AZSCAN_STATE_DIR": str(tmp_path / "state")}
    process = begun(tmp_path, around, "--demo", *ONLY)
    assert process.wait(60) == 10
    assert (tmp_path / "state").is_dir() and not (tmp_path / "home").exists()
