"""What people see while azscan reads."""

from __future__ import annotations

import re

import pytest

from azscan.cli import progress as shown_on
from azscan.cli.progress import shown, waits
from azscan.collect.progress import Progress
from azscan.settings import Settings


class Terminal:
    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def isatty(self):
        return True


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def work(progress):
    progress.plan(3)
    for name in ("storage_account", "vault", "[red]evil[/red]"):
        progress.begin(name)
        progress.finish(failed=name == "vault")


def test_without_a_terminal_there_are_plain_lines(capsys, monkeypatch):
    monkeypatch.setattr(shown_on, "EVERY", 0.0)
    clock = Clock()
    with shown(Settings(), clock) as progress:
        progress.plan(3)
        for seconds, name in enumerate(("storage_account", "[red]evil[/red]", "vault"), start=64):
            progress.begin(name)
            clock.now += seconds
            progress.finish(failed=name == "vault")
        progress.wait("Microsoft.Storage in westeurope", 7)
    assert capsys.readouterr().err == (
        "read 0 of 3 parts\n"
        "read 0 of 3 parts: reading storage_account\n"
        "read 1 of 3 parts: reading storage_account, about 2 min 8 s left\n"
        "read 1 of 3 parts: reading [red]evil[/red], about 2 min 8 s left\n"
        "read 2 of 3 parts: reading [red]evil[/red], about 1 min 4 s left\n"
        "read 2 of 3 parts: reading vault, about 1 min 4 s left\n"
        "read 3 of 3 parts: reading vault\n"
        "read 3 of 3 parts: reading vault, throttled: Microsoft.Storage in westeurope waits 7 s\n"
        "read 3 of 3 parts, 1 unreadable\n"
    )


def test_lines_are_rare(capsys):
    with shown(Settings()) as progress:
        work(progress)
    assert capsys.readouterr().err == "read 3 of 3 parts, 1 unreadable\n"


def test_quiet_says_nothing(capsys):
    with shown(Settings(quiet=True)) as progress:
        work(progress)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_takes_names_as_they_are(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    import sys

    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    clock = Clock()
    with shown(Settings(), clock) as progress:
        progress.plan(4)
        for name in ("storage_account", "vault", "[red]evil[/red]"):
            progress.begin(name)
            clock.now += 70
            progress.finish()
        progress.wait("Microsoft.Storage in westeurope", 7)
    err = capsys.readouterr().err
    bar = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err).strip().splitlines()[-1]
    assert bar.startswith("reading [red]evil[/red] ━")
    assert bar.endswith(" 3/4 about 1 min 10 s left, throttled: Microsoft.Storage in westeurope waits 7 s")
    assert "parts" not in err


def test_an_error_inside_passes_through(capsys):
    with pytest.raises(LookupError), shown(Settings()) as progress:
        work(progress)
        raise LookupError
    assert "unreadable" not in capsys.readouterr().err


def test_the_longest_wait_is_told():
    progress = Progress()
    assert waits(progress) == ""
    progress.wait("a", 2.4)
    progress.wait("b", 11.6)
    assert waits(progress) == "throttled: b waits 12 s"
