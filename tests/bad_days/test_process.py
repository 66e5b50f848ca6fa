"""Bad days of the process and the disk: stopped, killed, locked out, without room; nothing that was read is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from azscan.emulator import Estate, Options
from tests.bad_days.ground import (
    IDENTITY,
    account,
    accounts,
    assert_refused,
    assert_told,
    begun,
    command,
    estate,
    on_read,
    ran,
    report_rows,
    served,
    variables,
)
from tests.bad_days.inside import Inside
from tests.harness import azscan

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals and limits")
PAGES = Options(page_size=1)
SEED = 20


def eight() -> Estate:
    """Accounts on eight pages, each with containers on two."""
    return accounts("bad", *(f"good{number}" for number in range(7)))


@cache
def good_day() -> tuple[list[Any], int]:
    """The report on `eight` when nothing happens, and how many reads it took."""
    with TemporaryDirectory() as name, served(eight(), PAGES) as emulator:
        folder = Path(name)
        assert ran(emulator, folder, "-o", "out.json").returncode == 10
        reads = [record for record in emulator.log if record.service in ("arm", "graph")]
        return report_rows(folder / "out.json"), len(reads)


def stored_urls(path: Path) -> set[str]:
    """The URLs that an estate holds an answer to, without their hosts and without the list of subscriptions."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT url FROM read WHERE status = 200").fetchall()
    urls = {"/" + url.split("/", 3)[-1] if url.startswith("https:") else url for (url,) in found}
    return {url for url in urls if not url.startswith("/subscriptions?")}


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_ctrl_c(number: int, tmp_path: Path) -> None:
    """It ends with 130 and the line to go on with; that line comes to the same results without reading anew."""
    expected, reads = good_day()
    with served(eight(), PAGES) as emulator:
        process = begun(emulator, tmp_path, "-o", "out.json")
        on_read(emulator, reads // 2, lambda: process.send_signal(number))
        stdout, stderr = process.communicate(timeout=60)
        assert_told(subprocess.CompletedProcess([], process.returncode, stdout, stderr))
        assert process.returncode == 130, stderr
        assert "error: interrupted" in stderr
        (line,) = [line for line in stderr.splitlines() if line.startswith(" help: go on with: azscan ")]
        assert not (tmp_path / "out.json").exists()
        (kept,) = (tmp_path / "state").glob("*.sqlite")
        held = stored_urls(kept)
        assert held
        before = len(emulator.log)
        words = shlex.split(line.removeprefix(" help: go on with: azscan "))
        done = azscan(*words, env=variables(emulator, tmp_path), cwd=tmp_path)
        again = {record.url for record in emulator.log[before:]}
    assert_told(done)
    assert done.returncode == 10, done.stderr
    assert report_rows(tmp_path / "out.json") == expected
    assert not again & held
    assert not list((tmp_path / "state").glob("*.sqlite*")), "the estate of a finished scan is left behind"


@posix
def test_ctrl_c_before_anything_was_read(tmp_path: Path) -> None:
    with served(eight(), PAGES) as emulator:
        process = begun(emulator, tmp_path)
        on_read(emulator, 1, lambda: process.send_signal(signal.SIGINT))
        stdout, stderr = process.communicate(timeout=60)
    assert_refused(subprocess.CompletedProcess([], process.returncode, stdout, stderr), 130, "interrupted before")
    assert "--resume" not in stderr


@posix
@pytest.mark.parametrize("share", [round(random.Random(SEED + n).random(), 3) for n in range(20)], ids=str)
def test_kill_9_at_a_random_read(
    share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is in the estate whole or not at all, so --resume reads only the rest and says the same."""
    expected, reads = good_day()
    kept = tmp_path / "kept.sqlite"
    with served(eight(), PAGES) as emulator:
        process = begun(emulator, tmp_path, "--save-estate", str(kept))
        # the first read finds the subscriptions, before there is an estate
        on_read(emulator, 2 + int(share * (reads - 1)), process.kill)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert kept.stat().st_mode & 0o077 == 0
        held = stored_urls(kept)
        before = len(emulator.log)
        inside = Inside(capfd, monkeypatch, tmp_path, **variables(emulator, tmp_path))
        done = inside(*command(emulator, "--save-estate", str(kept), "--resume", "-o", "out.json"))
        again = {record.url for record in emulator.log[before:]}
    assert done.returncode == 10, done.stderr
    assert report_rows(tmp_path / "out.json") == expected
    assert not again & held, "what was on record was read again"


def heavy() -> Estate:
    """Accounts whose records take about 3 MB."""
    many = [account(f"st{number}", tags={"note": "x" * 10_000}) for number in range(300)]
    return estate(*many, identity=IDENTITY)


HEAVY = ("--check", "storage-https-only")


@contextlib.contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own; skips the test where mounting is not allowed."""
    folder.mkdir()
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(["size=1m", *options]), "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if sys.platform == "linux"
        else None
    )
    if mounted is None or mounted.returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_disk_full(tmp_path: Path) -> None:
    """On a full disk the scan ends with 5; with room again it goes on where it was."""
    with served(heavy(), Options(page_size=20)) as emulator:
        assert ran(emulator, tmp_path, *HEAVY, "-o", "good.json").returncode == 0
        with small_disk(tmp_path / "small") as small:
            kept = small / "kept.sqlite"
            done = ran(emulator, tmp_path, *HEAVY, "--save-estate", str(kept))
            assert_refused(done, 5, "error: the disk is full", "free some space", "--resume")
            subprocess.run(["mount", "-o", "remount,size=32m", str(small)], check=True)
            held = stored_urls(kept)
            assert held, "nothing was kept"
            before = len(emulator.log)
            done = ran(emulator, tmp_path, *HEAVY, "--save-estate", str(kept), "--resume", "-o", "out.json")
            assert done.returncode == 0, done.stderr
            assert report_rows(tmp_path / "out.json") == report_rows(tmp_path / "good.json")
            assert not {record.url for record in emulator.log[before:]} & held, "what was kept was read again"


def test_disk_full_of_a_report(tmp_path: Path) -> None:
    """An older report stays as it was."""
    with served(heavy()) as emulator, small_disk(tmp_path / "small") as small:
        (small / "out.json").write_text("an older report")
        (small / "ballast").write_bytes(bytes(960_000))
        done = ran(emulator, tmp_path, *HEAVY, "-o", str(small / "out.json"))
        assert_refused(done, 5, "out.json cannot be written: the disk is full")
        assert (small / "out.json").read_text() == "an older report"
        assert sorted(path.name for path in small.iterdir()) == ["ballast", "out.json"]


@posix
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The same without a disk of its own: the process may write no more than 200 kB into one file."""
    import resource

    with served(heavy(), Options(page_size=20)) as emulator:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "azscan",
                *command(emulator, *HEAVY, "--save-estate", str(tmp_path / "kept.sqlite")),
            ],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
            env={**os.environ, **variables(emulator, tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert_told(done)
    assert_refused(done, 5, "kept.sqlite cannot be used")


def test_a_locked_estate(tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    with served(accounts("alpha")) as emulator:
        assert ran(emulator, tmp_path, "--save-estate", str(kept)).returncode == 0
        content = kept.read_bytes()
        with contextlib.closing(sqlite3.connect(kept, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            for arguments in (["--save-estate", str(kept)], ["--save-estate", str(kept), "--resume"]):
                done = ran(emulator, tmp_path, *arguments)
                assert_refused(done, 5, f"the estate {kept} is in use by another azscan", "wait until it has finished")
            done = azscan("scan", "--estate", str(kept), env={"AZSCAN_STATE_DIR": str(tmp_path)})
            assert_refused(done, 5, "is in use by another azscan")
        assert kept.read_bytes() == content


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder that nobody may write to; for root that takes a file system that is read-only."""
    if os.geteuid() == 0:
        with small_disk(folder) as small:
            subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
            yield small
        return
    folder.mkdir(mode=0o555)
    yield folder


@posix
def test_a_read_only_folder(tmp_path: Path) -> None:
    """Said before the scan, not after it; reading a saved estate needs no leave to write beside it."""
    with served(accounts("alpha")) as emulator, read_only(tmp_path / "shut") as shut:
        done = ran(emulator, tmp_path, "-o", str(shut / "out.json"))
        assert_refused(done, 5, f"{shut}/out.json cannot be written", "may write to")
        assert not emulator.log, "it was found out only after something was read"
        assert_refused(ran(emulator, tmp_path, "--log-file", str(shut / "log")), 5, "the log cannot be written")
        assert_refused(ran(emulator, tmp_path, "--save-estate", str(shut / "kept.sqlite")), 5, "kept.sqlite")
        state = {"AZSCAN_STATE_DIR": str(shut / "state")}
        assert_refused(ran(emulator, tmp_path, env=state), 5, "check that the folder exists and is writable")


@posix
def test_a_saved_estate_in_a_read_only_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    with served(accounts("alpha", "bad")) as emulator:
        assert ran(emulator, tmp_path, "--save-estate", str(kept), "-o", "first.json").returncode == 10
    with contextlib.ExitStack() as stack:
        shut = tmp_path / "shut"
        if os.geteuid() == 0:
            stack.enter_context(small_disk(shut))
        else:
            shut.mkdir()
        (shut / "kept.sqlite").write_bytes(kept.read_bytes())
        if os.geteuid() == 0:
            subprocess.run(["mount", "-o", "remount,ro", str(shut)], check=True)
        else:
            shut.chmod(0o555)
        chosen = [word for word in command(emulator) if word.startswith(("--check", "storage-"))]
        arguments = ["scan", "--estate", str(shut / "kept.sqlite"), *chosen, "-o", str(tmp_path / "again.json")]
        done = azscan(*arguments, env={"AZSCAN_STATE_DIR": str(tmp_path)})
    assert done.returncode == 10, done.stderr
    assert (
        json.loads((tmp_path / "again.json").read_text())["verdicts"]
        == json.loads((tmp_path / "first.json").read_text())["verdicts"]
    )


@posix
@pytest.mark.parametrize("named", [True, False], ids=["named", "of the state folder"])
def test_two_scans_into_one_estate_file(named: bool, tmp_path: Path) -> None:
    """The second is sent away, or takes a file of its own; the first ends as if it had been alone."""
    expected, reads = good_day()
    kept = ["--save-estate", str(tmp_path / "kept.sqlite")] if named else []
    with served(eight(), PAGES) as emulator:
        first = begun(emulator, tmp_path, *kept, "-o", "out.json")
        stopped = threading.Event()

        def stop() -> None:
            first.send_signal(signal.SIGSTOP)
            stopped.set()

        on_read(emulator, reads // 2, stop)
        assert stopped.wait(60)
        try:
            done = ran(emulator, tmp_path, *kept, "-o", "second.json")
            again = ran(emulator, tmp_path, *kept, "--resume")
        finally:
            first.send_signal(signal.SIGCONT)
        assert_refused(again, 5, "is in use by another azscan", "wait until it has finished")
        if named:
            assert_refused(done, 5, "is in use by another azscan", "wait until it has finished")
        else:
            assert "note: another azscan scans the same subscriptions" in done.stderr
            assert report_rows(tmp_path / "second.json") == expected
        _, stderr = first.communicate(timeout=60)
    assert first.returncode == 10, stderr
    assert report_rows(tmp_path / "out.json") == expected
