"""Whoever reads along may leave, or never have been there: files and exit codes are those of the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors and shells of POSIX")

DEMO = ("scan", "--demo", "--check", "storage-https-only")


def run(folder: Path, redirection: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`azscan …` in a shell that sends its streams elsewhere; stdout and stderr are those that are left."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_"))}
    around |= {"PYTHONPATH": str(ROOT / "src"), "AZSCAN_STATE_DIR": str(folder / "state"), **env}
    around["PYTHONUNBUFFERED"] = env.get("PYTHONUNBUFFERED", "")
    line = f'exec "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", "azscan", *arguments],
        capture_output=True,
        text=True,
        env=around,
        cwd=folder,
        check=False,
    )


def left(folder: Path, *arguments: str, **env: str) -> int:
    """The exit code of `azscan …` whose stdout and stderr are a pipe that nobody reads any more."""
    around = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "AZSCAN_STATE_DIR": str(folder / "state"), **env}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "azscan", *arguments],
        stdout=writer,
        stderr=writer,
        env=around,
        cwd=folder,
        check=False,
    )
    os.close(writer)
    return done.returncode


CLOSED = ["2>&-", ">&-", ">&- 2>&- <&-", "2>/dev/full"]


@pytest.mark.parametrize("redirection", CLOSED)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_scan_without_a_stream_writes_its_files_and_ends_as_ever(
    tmp_path: Path, redirection: str, unbuffered: str
) -> None:
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = run(tmp_path, redirection, *DEMO, "-o", "z.json", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 10, done.stderr
    assert "fatal" not in done.stderr
    assert json.loads((tmp_path / "z.json").read_text())["verdicts"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_scan_whose_readers_left_writes_its_files_and_ends_as_ever(tmp_path: Path, unbuffered: str) -> None:
    assert left(tmp_path, *DEMO, "-o", "z.json", PYTHONUNBUFFERED=unbuffered) == 10
    assert json.loads((tmp_path / "z.json").read_text())["verdicts"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("scan", "--nope"), 2),
        (("scan", "--check", "nope"), 2),
        (("scan", "--cloud", "https://localhost:1"), 3),
        (("checks", "list"), 0),
        (("scan", "--help"), 0),
        ((*DEMO, "--debug"), 10),
    ],
)
def test_nobody_listening_changes_no_exit_code(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    assert left(tmp_path, *arguments) == code
    assert run(tmp_path, "2>&-", *arguments).returncode == code


def test_a_full_disk_under_standard_output_is_told_once(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = run(tmp_path, ">/dev/full", *DEMO)
    assert done.returncode == 5
    assert "error: standard output cannot be written: the disk is full\n" in done.stderr
    assert "Exception ignored" not in done.stderr
