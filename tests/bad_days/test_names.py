"""Bad days of names, which come from other people: shown as they are, and nothing acts on them."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import Estate
from azscan.report import Options as ReportOptions
from azscan.report import write
from tests.bad_days.ground import CHECKS, HTTPS, IDENTITY, ONE, STORAGE, estate, held, ran, served, stored
from tests.emulator.rig import TWO

NAMES = {
    "markup": "[bold red]fine[reverse]x[link=evil.example]y",
    "ansi": "st\x1b[2J\x1b]0;owned\x07\x1b[31mfine\x9b31m",
    "formula": "=cmd()|'C calc'!A0",
    "formula at": "@SUM(1+1)*cmd()",
    "quotes": 'o\'hara "quoted" `back`',
    "substitution": "$(touch pwned)`touch pwned`${IFS}",
    "newlines": "one\ntwo\r\nerror[storage-https-only]: forged",
    "bidi": "abc\u202egnp.exe\u200b",
    "option": "--help",
}


def named(name: str) -> Estate:
    """A bad account of that name, in a group and a subscription of that name, with tags of it."""
    resources = stored("plain") + stored(name, group=f"rg-{name}", supportsHttpsTrafficOnly=False)
    for each in resources:
        each["tags"] = {name: name}
    subscriptions = [
        {"subscriptionId": ONE, "displayName": name},
        {"subscriptionId": TWO, "displayName": f"asleep {name}", "state": "Disabled"},
    ]
    return estate(*resources, subscriptions=subscriptions, identity=IDENTITY)


def printed(results: Any, form: str, *, terminal: bool = False) -> str:
    """A report in one format."""
    stream = io.BytesIO()
    write(form, results, stream, ReportOptions(show=("all",), terminal=terminal, colour=terminal))
    return stream.getvalue().decode()


@pytest.mark.parametrize("kind", NAMES)
def test_name(kind: str, tmp_path: Path) -> None:
    name = NAMES[kind]
    scanned = held(tmp_path, None, named(name))
    (verdict,) = [each for each in scanned.of(HTTPS) if each.status == "fail"]
    assert verdict.resource.name == name, "the name was changed"
    # what hangs on it could be read, or is open: a name never makes a verdict disappear
    assert {each.check for each in scanned.verdicts if each.resource.name == name} == set(CHECKS)
    unwritable = any(ord(char) < 32 or ord(char) == 127 for char in name)
    for each in scanned.verdicts:
        if each.resource.name == name and each.check != HTTPS:
            assert each.status == ("unreadable" if unwritable else "pass"), each
    results = scanned.results
    told = json.loads(printed(results, "json"))
    assert name in {each["resource"]["name"] for each in told["verdicts"]}
    table = printed(results, "table")
    assert all(char.isprintable() or char == "\n" for char in table)
    assert not [line for line in table.splitlines() if line.endswith("forged") and line.startswith("error")]
    if kind == "markup":
        assert "[bold red]fine" in table and "[bold red]fine" in printed(results, "table", terminal=True)
    coloured = printed(results, "table", terminal=True)
    assert "\x1b[2J" not in coloured and "\x1b]0;" not in coloured and "\x07" not in coloured and "\x9b" not in coloured
    rows = list(csv.reader(io.StringIO(printed(results, "csv"), newline="")))
    assert len(rows) == 1 + len([each for each in scanned.verdicts if each.status != "not-applicable"])
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
        assert all(char.isprintable() or char == "\n" for char in cell), cell


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize("kind", NAMES)
def test_name_in_a_command(kind: str, tmp_path: Path) -> None:
    """Pasted into a shell, the fix is one az with the id as one word; where no quoting helps there is no command."""
    name = NAMES[kind]
    scanned = held(tmp_path, None, named(name))
    (verdict,) = [each for each in scanned.of(HTTPS) if each.status == "fail"]
    assert verdict.fix is not None
    if any(not char.isprintable() for char in name):
        assert verdict.fix.cli == ""
        return
    script = f"az() {{ printf '%s\\n' \"$@\"; }}\n{verdict.fix.cli}\n"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20)
    assert verdict.resource.id in done.stdout.splitlines()
    assert not (tmp_path / "pwned").exists()
    assert shlex.split(verdict.fix.cli)[0] == "az"


@pytest.mark.parametrize("kind", ["markup", "ansi", "newlines", "bidi"])
def test_name_of_a_subscription_on_stderr(kind: str, tmp_path: Path) -> None:
    """Notes, and the error for a name that is not there, name other people's subscriptions."""
    name = NAMES[kind]
    with served(named(name)) as emulator:
        runs = [ran(emulator, tmp_path), ran(emulator, tmp_path, "--subscription", "nowhere")]
    assert [done.returncode for done in runs] == [10, 2]
    for done in runs:
        assert all(char.isprintable() or char == "\n" for char in done.stderr + done.stdout), done.stderr
        assert not [line for line in done.stderr.splitlines() if line.startswith("error[storage-https-only]: forged")]
    assert "asleep" in runs[0].stderr and "asleep" in runs[1].stderr


def test_a_name_in_azures_own_words(tmp_path: Path) -> None:
    """Azure repeats names in its errors; those are other people's words too."""
    from azscan.emulator import FaultRule, Options

    words = "The account 'x\x1b[2J\x1b]0;owned\x07' could\nnot be read; AccountKey=c2VjcmV0LXNlY3JldA==;sig=abcdef"
    rule = FaultRule(f"*/providers/{STORAGE}", status=400, code="Bad\x1b[31m", message=words)
    with served(named("plain-too"), Options(faults=[rule])) as emulator:
        done = ran(emulator, tmp_path, "--show", "unreadable")
    said = done.stdout + done.stderr
    assert done.returncode == 3
    assert all(char.isprintable() or char == "\n" for char in said), said
    assert "c2VjcmV0" not in said and "abcdef" not in said
