"""What people see while azscan reads."""

from __future__ import annotations

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


def work(progress):
    progress.plan(3)
    for name in ("storage_account", "[red]evil[/red]", "vault"):
        progress.finish(name, failed=name == "vault")


def test_without_a_terminal_there_are_plain_lines(capsys, monkeypatch):
    monkeypatch.setattr(shown_on, "EVERY", 0.0)
    with shown(Settings()) as progress:
        work(progress)
        progress.wait("Microsoft.Storage in westeurope", 7)
    err = capsys.readouterr().err
    assert "read 1 of 3 parts (storage_account)\n" in err
    assert "; throttled: Microsoft.Storage in westeurope waits 7 s\n" in err
    assert err.endswith("read 3 of 3 parts, 1 unreadable\n") and "\x1b" not in err


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

    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    with shown(Settings()) as progress:
        work(progress)
        assert progress.changed is not None
    assert "parts, " not in capsys.readouterr().err


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
