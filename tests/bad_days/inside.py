"""The command line inside the test's process: as good as a process of its own, without a second to start."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from azscan.cli import main
from tests.bad_days.ground import assert_told


class Inside:
    """Runs `azscan …` in a folder, away from the variables of whoever runs the tests."""

    def __init__(
        self, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, **env: str
    ) -> None:
        self._capture = capture
        self._monkeypatch = monkeypatch
        for name in os.environ:
            if name.startswith(("AZSCAN_", "AZURE_")):
                monkeypatch.delenv(name)
        for name, value in {"AZSCAN_STATE_DIR": str(folder / "state"), "NO_COLOR": "1", "COLUMNS": "80", **env}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: str) -> CompletedProcess[str]:
        """What that command said, and how it ended."""
        self._capture.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["azscan", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        said = self._capture.readouterr()
        done = CompletedProcess(list(arguments), code, said.out, said.err)
        if code != 2 or "validate" not in arguments:
            assert_told(done)
        return done
