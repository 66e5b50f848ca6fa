"""The commands that reports hint at: harmless to follow, and true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azscan.cli import scan as scan_command
from azscan.cli.again import look_again, show_check
from azscan.options import OPTION_KEYS
from azscan.settings import resolve
from tests.cli.served import serving
from tests.cli.test_scan import BAD, ONLY, estate
from tests.harness import azscan


def hinted(given: dict[str, object], **variables: str) -> str:
    return look_again(resolve(given, variables))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"demo": True}, "azscan scan --demo"),
        ({"demo": True, "show": ["all"], "quiet": True}, "azscan scan --demo"),
        ({"tags": ["a=$(b) c"]}, "azscan scan --tag 'a=$(b) c'"),
        ({"tags": ["it's"]}, "azscan scan --tag 'it'\"'\"'s'"),
        ({"tags": ["it's"], "shell": "powershell"}, "azscan scan --tag 'it''s' --shell powershell"),
        ({"tags": ["a;b`c$d"], "shell": "powershell"}, "azscan scan --tag 'a;b`c$d' --shell powershell"),
        ({"services": ["a", "b"], "timeout": 2.5}, "azscan scan --service a --service b --timeout 2.5"),
        ({"allow_unreadable": ["sql"], "concurrency": 7}, "azscan scan --concurrency 7 --allow-unreadable sql"),
    ],
)
def test_what_was_typed_stays_and_is_quoted_for_the_shell(given, line):
    assert hinted(given) == line


def test_the_demo_is_scanned_without_signing_in():
    assert hinted({}, AZSCAN_DEMO="1", AZSCAN_AUTH="cli", AZSCAN_TENANT="t") == "azscan scan --demo"


def test_nothing_that_writes_is_hinted_at():
    given = {"output": ["h.json"], "log_file": "l.log", "resume": True, "format": "json", "baseline": "b.json"}
    assert hinted(given) == "azscan scan --baseline b.json"


@pytest.mark.parametrize("name", ["estate", "save_estate"])
def test_an_estate_that_there_is_is_looked_at(name):
    given = {name: "my estate.sqlite", "severities": ["high"], "tenant": "t", "auth": "cli", "regions": ["uksouth"]}
    assert hinted(given) == "azscan scan --estate 'my estate.sqlite' --region uksouth --severity high"
    assert hinted({"save_estate": "e", "demo": True, "subscriptions": ["s"]}) == "azscan scan --estate e"


def test_what_variables_gave_holds_again_but_what_would_write_or_hinder_is_emptied():
    variables = {"AZSCAN_SERVICE": "sql,aks", "AZSCAN_OUTPUT": "r.json", "AZSCAN_QUIET": "1", "AZSCAN_AUTH": "cli"}
    assert hinted({}, **variables) == "AZSCAN_OUTPUT= azscan scan --auth cli --service sql --service aks"
    line = hinted({"shell": "powershell"}, AZSCAN_SAVE_ESTATE="e.sqlite", AZSCAN_DEMO="1", AZSCAN_AUTH="cli")
    assert line == (
        "$env:AZSCAN_DEMO = ''; $env:AZSCAN_SAVE_ESTATE = ''; azscan scan --estate e.sqlite --shell powershell"
    )


LEFT_OUT = {"output", "save-estate", "resume", "log-file", "format", "show", "verbose", "quiet", "debug"}


@pytest.mark.parametrize("key", OPTION_KEYS, ids=lambda key: key.name)
def test_every_other_option_holds_again(key, monkeypatch):
    seen = []
    monkeypatch.setattr(scan_command, "run", lambda given, environ: seen.append(resolve(given, {})) or 0)
    values = {"flag": True, "count": 7, "seconds": 2.5, "text": "x y", "words": ["one", "two"], "choices": ["info"]}
    before = resolve({key.field: values.get(key.kind) or key.choices[0]}, {})
    assert CliRunner().invoke(scan_command.app, shlex.split(look_again(before))[2:]).exit_code == 0
    # Where an estate is saved, it is looked at.
    expected = {"save-estate": {"estate": "--estate"}}.get(key.name, {key.name: key.option})
    assert seen[0].sources == ({} if key.name in LEFT_OUT - {"save-estate"} else expected)
    if key.name not in LEFT_OUT:
        assert getattr(seen[0], key.field) == getattr(before, key.field)


def test_a_hint_followed_reads_nothing_and_replaces_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, estate(BAD)) as (_, around):
        arguments = ("scan", *ONLY, "--save-estate", "e.sqlite", "-o", "r.json")
        done = azscan(*arguments, "--quiet", env=around, cwd=tmp_path)
    (hint,) = re.findall(r"every resource, whole commands:\s+(azscan scan .*)", done.stdout)
    files = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    # The emulator is gone: whatever asked it would fail.
    seen = azscan(*shlex.split(hint.replace(" ID", f" {ONLY[1]}"))[1:], env=around, cwd=tmp_path)
    assert seen.returncode == 10 and "   = id: " in seen.stdout, seen.stderr
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_a_check_of_ones_own_is_shown_by_the_hint(tmp_path: Path) -> None:
    folder = tmp_path / "my checks" / "storage"
    folder.mkdir(parents=True)
    (folder / "storage-named.yaml").write_text(
        """\
id: storage-named
title: Storage account is named
severity: high
status: stable
subject: storage_account
require:
  field: tags.owner
  exists: true
why: Because.
fix:
  text: Name it.
examples:
  pass: [{tags: {owner: x}}]
  fail: [{tags: {}}]
"""
    )
    own = ("--checks-dir", "my checks", "--check", "storage-named")
    with serving(tmp_path, estate(BAD)) as (_, around):
        done = azscan("scan", *own, "--save-estate", "e.sqlite", env=around, cwd=tmp_path)
        whole = azscan("scan", *own, "--estate", "e.sqlite", "--show", "storage-named", cwd=tmp_path)
    hints = [
        *re.findall(r"how to mend it:\s+(azscan .*)", done.stdout),
        *re.findall(r"docs:\s+(azscan .*)", whole.stdout),
    ]
    assert len(hints) == 2
    for hint in hints:
        shown = azscan(*shlex.split(hint.replace(" ID", " storage-named"))[1:], cwd=tmp_path)
        assert shown.returncode == 0 and "Storage account is named" in shown.stdout, shown.stderr


def test_the_checks_of_no_other_folder_need_none() -> None:
    assert show_check(resolve({}, {})) == "azscan checks show"
