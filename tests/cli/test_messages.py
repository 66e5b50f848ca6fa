"""What a scan says beside its report, and what it leaves behind when it goes wrong."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azscan.cli.log import log_to
from azscan.emulator import FaultRule, Options, load_estate
from azscan.estate.store import Estate
from azscan.keeping import close_broken
from azscan.options import OPTION_KEYS
from azscan.report import FORMATS, SHOW
from azscan.scan import _waits
from azscan.settings import Settings
from tests.cli.served import serving
from tests.cli.test_scan import BAD, CHECK, GOOD, ONE, ONLY, STORAGE, begun, estate, left_behind, scanned
from tests.harness import ROOT, azscan, shipped

DEPRECATED = sorted(check.id for check in shipped().checks.values() if check.status == "deprecated")


# what may stay unreadable


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("foo", "no service, check or error kind is named foo"),
        ("storge", "did you mean storage?"),
        ("access-denid", "did you mean access_denied?"),
        ("zzz-*", "no service, check or error kind matches zzz-*"),
    ],
)
def test_an_accepted_part_must_exist(tmp_path: Path, part: str, words: str) -> None:
    before = {"AZSCAN_CLOUD": "https://localhost:1", "AZSCAN_STATE_DIR": str(tmp_path)}
    typed = azscan("scan", *ONLY, "--allow-unreadable", part, env=before, cwd=tmp_path)
    assert typed.returncode == 2 and typed.stderr.startswith("error: --allow-unreadable: ") and words in typed.stderr
    kept = azscan("scan", *ONLY, env={**before, "AZSCAN_ALLOW_UNREADABLE": f"storage,{part}"}, cwd=tmp_path)
    assert kept.returncode == 2 and kept.stderr.startswith("error: AZSCAN_ALLOW_UNREADABLE: ") and words in kept.stderr


@pytest.mark.parametrize("part", ["storage", "Storage", "storage-*", CHECK, "access_denied", "access-denied"])
def test_what_may_be_accepted(tmp_path: Path, part: str) -> None:
    assert scanned(tmp_path, estate(GOOD), *ONLY, "--allow-unreadable", part).returncode == 0


# what is left behind


def test_an_estate_of_a_scan_that_ended_in_wrong_usage_is_removed(tmp_path: Path) -> None:
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--resource-group", "nope")
    assert done.returncode == 2 and "no resource matches" in done.stderr
    assert left_behind(tmp_path) == []


def test_an_estate_that_was_named_stays(tmp_path: Path) -> None:
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--resource-group", "nope", "--save-estate", "e.sqlite")
    assert done.returncode == 2 and (tmp_path / "e.sqlite").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("hangs", "is_kept"), [("/subscriptions", False), (f"/subscriptions/{ONE}/*", True)], ids=["no estate yet", "begun"]
)
def test_ctrl_c_and_the_next_scan_say_the_same(tmp_path: Path, hangs: str, is_kept: bool) -> None:
    slow = Options(faults=[FaultRule(hangs, do="slow", seconds=20)])
    with serving(tmp_path, estate(GOOD), slow) as (emulator, around):
        process = begun(tmp_path, around, *ONLY)
        deadline = time.monotonic() + 60
        while not any(record.path.startswith(hangs.rstrip("*")) for record in emulator.log):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and not out
    assert ("interrupted before anything was read" in err) is not is_kept
    assert ("what was read so far is kept" in err) is is_kept
    assert bool(left_behind(tmp_path)) is is_kept
    assert ("replaces an interrupted" in scanned(tmp_path, estate(GOOD), *ONLY).stderr) is is_kept


@pytest.mark.parametrize("named", [False, True])
def test_an_estate_that_holds_nothing_is_nothing_to_go_on_with(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "e.sqlite"
    settings = Settings(save_estate=str(path) if named else "")
    empty = Estate.create(path, {"tenant": "t"})
    assert empty.is_empty() and not close_broken(empty, settings)
    assert path.exists() is named
    begun_one = Estate.create(path, {})
    begun_one.note("storage_account", "read", ONE, f"/subscriptions/{ONE}", "proven_absent")
    assert close_broken(begun_one, settings) and path.exists()


# the log


@pytest.fixture
def loggers() -> Iterator[None]:
    """The loggers of this process as they were before."""
    known = [logging.getLogger(name) for name in ("azscan", "azure")]
    before = [(each, list(each.handlers), each.level) for each in known]
    yield
    for each, handlers, level in before:
        for handler in set(each.handlers) - set(handlers):
            each.removeHandler(handler)
            handler.close()
        each.setLevel(level)


def test_the_log_tells_what_happened(tmp_path: Path) -> None:
    faults = [FaultRule(f"*/providers/{STORAGE}", do="status", status=500)]
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--log-file", "l.log", options=Options(faults=faults))
    assert done.returncode == 3
    log = (tmp_path / "l.log").read_text()
    assert " DEBUG " not in log
    assert "signed in as azscan-reader" in log
    assert f"subscription in scope: prod ({ONE})" in log
    (failed,) = [line for line in log.splitlines() if "read failed: " in line and f"/{STORAGE}?" in line]
    assert ": unavailable (HTTP 500" in failed
    assert failed.rpartition("; request ")[2] not in ("", "without an id")
    assert " requests; read " in log and "1 unreadable" in log
    assert "exit code 3" in log
    assert "eyJ" not in log and "emulator-secret" not in log


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_an_older_log_becomes_its_owners_only(tmp_path: Path, loggers: None) -> None:
    log = tmp_path / "l.log"
    log.write_text("before\n")
    log.chmod(0o644)
    log_to(Settings(log_file=str(log)))
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and log.read_text() == "before\n"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log_to(Settings(log_file=str(pipe)))
    os.close(reader)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644, "what is no file of ours is left as it is"


TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize("debug", [True, False])
def test_the_log_holds_no_token_and_nothing_of_azures_chatter(tmp_path: Path, loggers: None, debug: bool) -> None:
    log = tmp_path / "l.log"
    log_to(Settings(log_file=str(log), debug=debug))
    logging.getLogger("azscan.azure.session").warning("sent %s", f"Bearer {TOKEN}")
    logging.getLogger("azscan.azure.session").debug("in full")
    # What azure-core says of each request and answer.
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: chatter")
    logging.getLogger("azure.core.pipeline").warning("trouble with %s", TOKEN)
    text = log.read_text()
    assert "sent Bearer [redacted]\n" in text and "trouble with [redacted]\n" in text and TOKEN[:20] not in text
    assert "chatter" not in text
    assert ("in full" in text) is debug


def test_the_log_tells_of_waits(caplog: pytest.LogCaptureFixture) -> None:
    from azscan.azure.governor import Wait
    from azscan.collect.progress import Progress

    progress = Progress()
    with caplog.at_level("INFO", "azscan"):
        for seconds, reads in ((12.5, 3), (9.0, 2), (0.0, 0)):
            _waits(progress, Wait("subscription one", seconds, reads))
    assert [record.message for record in caplog.records] == ["throttled: subscription one waits 12.5 s"]
    assert progress.waiting == {}


# --verbose and checks list


def test_verbose_says_which_deprecated_checks_are_left_out(tmp_path: Path) -> None:
    assert DEPRECATED
    services = sorted({shipped().checks[check].service for check in DEPRECATED})
    chosen = [word for service in services for word in ("--service", service)]
    done = scanned(tmp_path, estate(GOOD), *chosen, "--verbose", "--fail-on", "never")
    assert f"left out as deprecated (they run where --check names them): {', '.join(DEPRECATED)}\n" in done.stderr
    assert "deprecated" not in scanned(tmp_path, estate(GOOD), *ONLY, "--verbose").stderr


# help and wrong usage


def test_help_shows_what_holds_by_default() -> None:
    told = azscan("scan", "--help", env={"COLUMNS": "300"}).stdout
    for name, default in (
        ("fail-on", "high"),
        ("concurrency", "32"),
        ("timeout", "60"),
        ("auth", "auto"),
        ("format", "table"),
    ):
        (line,) = [line for line in told.splitlines() if f" --{name} " in line and "AZSCAN" in line]
        assert f", default {default} [AZSCAN" in line, line


@pytest.mark.parametrize("command", [("scan",), ("checks",), ("checks", "list"), ("emulator",), ("emulator", "serve")])
def test_a_flag_has_no_type(command: tuple[str, ...]) -> None:
    told = azscan(*command, "--help").stdout
    assert "--help" in told and "bool" not in told.lower()


def test_help_names_words_and_suffixes() -> None:
    says = {key.name: key.says for key in OPTION_KEYS}
    assert [word for word in SHOW if word not in says["show"]] == []
    assert [each.suffix for each in FORMATS.values() if each.suffix not in says["output"]] == []


@pytest.mark.parametrize(
    ("arguments", "error", "command"),
    [
        (("nope",), "no such command 'nope'", "azscan"),
        (("checks", "nope"), "no such command 'nope'", "azscan checks"),
        (("scan", "--nope"), "no such option: --nope", "azscan scan"),
        (("scan", "extra"), "got unexpected extra argument", "azscan scan"),
        (("scan", "--concurrency", "x"), "invalid value for '--concurrency'", "azscan scan"),
        (("checks", "show"), "missing argument 'ID'", "azscan checks show"),
    ],
)
def test_wrong_usage_is_told_in_our_words(arguments: tuple[str, ...], error: str, command: str) -> None:
    done = azscan(*arguments)
    assert done.returncode == 2 and not done.stdout
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: {error}") and not first.endswith(".")
    assert second == f" help: see what it takes: {command} --help"


@pytest.mark.parametrize("arguments", [(), ("checks",), ("emulator",)])
def test_nothing_typed_shows_the_help(arguments: tuple[str, ...]) -> None:
    done = azscan(*arguments)
    assert done.returncode == 2 and "Usage: azscan" in done.stdout + done.stderr and "error:" not in done.stderr


def test_an_error_of_plain_click_is_told_in_our_words_too(capsys: pytest.CaptureFixture[str]) -> None:
    from azscan.cli import _tell_usage

    click = pytest.importorskip("click")
    assert _tell_usage(click.UsageError("No such thing.")) == 2
    assert capsys.readouterr().err == "error: no such thing\n help: see what it takes: azscan --help\n"
    assert _tell_usage(click.Abort()) == 130
    assert _tell_usage(ValueError("no")) is None


# modules that are run


@pytest.mark.parametrize("module", ["azscan.catalog.schema", "azscan.cli.reference"])
def test_help_of_a_module_writes_nothing(module: str, tmp_path: Path) -> None:
    around = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=tmp_path, env=around, check=False
    )
    assert done.returncode == 0 and f"python -m {module}" in done.stdout
    assert list(tmp_path.iterdir()) == []


# a saved estate in the emulator


def test_a_saved_estate_keeps_its_tenant_and_its_subscriptions(tmp_path: Path) -> None:
    tenant = "dddddddd-1111-4222-8333-444455556666"
    made = estate(GOOD, BAD, tenant={"id": tenant, "displayName": "Fabrikam"})
    assert scanned(tmp_path, made, *ONLY, "--save-estate", "e.sqlite").returncode == 10
    again = load_estate(tmp_path / "e.sqlite")
    assert again.tenant["id"] == tenant
    assert {key: (each["displayName"], each["state"]) for key, each in again.known_subscriptions.items()} == {
        ONE: ("prod", "Enabled")
    }
    done = scanned(tmp_path, again, *ONLY)
    assert done.returncode == 10 and f"of tenant {tenant} in" in " ".join(done.stdout.split())
    assert "prod / web / stbad" in done.stdout


def test_an_empty_subscription_of_a_saved_estate_is_there_again(tmp_path: Path) -> None:
    assert scanned(tmp_path, estate(), *ONLY, "--save-estate", "e.sqlite").returncode == 0
    with sqlite3.connect(tmp_path / "e.sqlite") as connection:
        connection.execute("DELETE FROM resource")
    assert [each["displayName"] for each in load_estate(tmp_path / "e.sqlite").known_subscriptions.values()] == ["prod"]


# evidence that names what is at fault


def resource(type: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A resource as a list answers with it."""
    identifier = f"/subscriptions/{ONE}/resourceGroups/rg/providers/{type}/{name}"
    return {"id": identifier, "name": name, "type": type, "location": "westeurope", "properties": properties}


def test_evidence_of_a_firewall_names_its_rules(tmp_path: Path) -> None:
    server = resource("Microsoft.Sql/servers", "sql", {"publicNetworkAccess": "Enabled"})
    rules = [
        {
            "id": f"{server['id']}/firewallRules/{name}",
            "name": name,
            "type": "Microsoft.Sql/servers/firewallRules",
            "properties": {"startIpAddress": first, "endIpAddress": last},
        }
        for name, first, last in (("office", "8.8.8.0", "8.8.8.255"), ("all", "0.0.0.0", "255.255.255.255"))
    ]
    done = scanned(tmp_path, estate(server, *rules), "--check", "sql-firewall-narrow")
    assert done.returncode == 10, done.stderr
    assert "   |   actual   all: 0.0.0.0-255.255.255.255\n   |            office: 8.8.8.0-8.8.8.255\n" in done.stdout


def test_evidence_of_what_must_not_be_says_so(tmp_path: Path) -> None:
    ssh = {
        "access": "Allow", "direction": "Inbound", "priority": 100, "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "22",
    }  # fmt: skip
    rules = {"securityRules": [{"name": "ssh", "properties": ssh}]}
    group = resource("Microsoft.Network/networkSecurityGroups", "nsg", rules)
    done = scanned(tmp_path, estate(group), "--check", "network-nsg-no-ssh-from-internet")
    assert done.returncode == 10, done.stderr
    assert "expected does not admit the internet to port 22 by Tcp" in done.stdout
    assert "actual   ssh (priority 100): Allow Tcp from * to port 22\n" in done.stdout


# checks


def listed(*arguments: str) -> list[str]:
    done = azscan("checks", "list", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def test_checks_are_listed_by_name_and_by_framework() -> None:
    catalog = shipped()
    found = listed("--check", "storage-https-*")
    assert found == [check for check in sorted(catalog.checks) if check.startswith("storage-https-")]
    framework, mapped = next(iter(catalog.frameworks.items()))
    covered = {check for control in mapped.controls for check in control.checks}
    assert set(listed("--framework", framework)) == covered
    assert set(listed("--framework", framework, "--service", "storage")) == {
        check for check in covered if catalog.checks[check].service == "storage"
    }


def test_the_list_counts_what_is_deprecated_apart(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    from azscan.cli.checks import _print_list
    from azscan.cli.stdout import stdout_page

    _print_list(stdout_page(), tuple(shipped().checks.values()))
    told = " ".join(capsysbinary.readouterr().out.decode().split())
    assert f"{len(shipped().checks):,} checks, {len(DEPRECATED)} of them deprecated" in told
    assert all(f"{check} (deprecated)" in told for check in DEPRECATED)


def test_a_new_check_is_told_which_services_there_are(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = azscan("checks", "new", "foo-bar", "--checks-dir", "mine", cwd=tmp_path)
    assert done.returncode == 2 and f"the services are {', '.join(sorted(shipped().services))}" in done.stderr
    without = azscan("checks", "new", "storage-mine", cwd=tmp_path)
    assert without.returncode == 2 and " help: name a folder of your own: --checks-dir FOLDER\n" in without.stderr
