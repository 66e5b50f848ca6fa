"""What the bad days have in common: small estates, scans of them, a served emulator, and what must hold every time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from azscan.catalog.model import Catalog
from azscan.emulator import Emulator, Estate, FaultRule, Options
from azscan.results import Verdict
from tests.azure.servers import HurriedClock
from tests.emulator.rig import ONE, STORAGE, account, child, estate
from tests.harness import ROOT, Scanned, azscan, scan, shipped

SECRET = "a-secret~of-bad.days"
IDENTITY = {
    "clientId": "22222222-2222-4222-8222-222222222222",
    "clientSecret": SECRET,
    "objectId": "33333333-3333-4333-8333-333333333333",
    "name": "azscan-reader",
}

# A list, a singleton child, a list below each account: the three shapes that a storage account rests on.
HTTPS, VERSIONS, CONTAINERS = "storage-https-only", "storage-blob-versioning", "storage-containers-private"
CHECKS = (HTTPS, VERSIONS, CONTAINERS)
ACCOUNTS = f"*/providers/{STORAGE}"


@cache
def catalog() -> Catalog:
    """The shipped catalogue, loaded once in a process."""
    return shipped()


def stored(name: str, group: str = "rg-web", subscription: str = ONE, **properties: Any) -> list[dict[str, Any]]:
    """A storage account that passes all of CHECKS, with its children."""
    base = account(name, group, subscription)
    base["properties"] |= properties
    return [
        base,
        child(base, "blobServices/default", isVersioningEnabled=True),
        child(base, "blobServices/default/containers/first", publicAccess="None"),
        child(base, "blobServices/default/containers/second", publicAccess="None"),
    ]


def accounts(*names: str, more: Mapping[str, Any] | None = None) -> Estate:
    """An estate of storage accounts that pass all of CHECKS; `bad-…` accepts plain HTTP, so it fails one."""
    resources = [each for name in names for each in stored(name, supportsHttpsTrafficOnly=not name.startswith("bad"))]
    return estate(*resources, **{"identity": IDENTITY, **(more or {})})


def three() -> Estate:
    """Two good accounts and a bad one."""
    return accounts("alpha", "bad", "gamma")


def held(folder: Path, options: Options | None = None, what: Estate | None = None, **given: Any) -> Scanned:
    """A scan in this process, in hurried time, with CHECKS unless others are given."""
    given = {"checks": list(CHECKS), "clock": HurriedClock(), "catalog": catalog(), **given}
    scanned = scan(folder, what or three(), options, **given)
    assert_kept(folder, scanned)
    return scanned


def spoiled(folder: Path, match: str, what: Estate | None = None, **fault: Any) -> Scanned:
    """A scan during which one read goes wrong in the same way every time."""
    return held(folder, Options(faults=[FaultRule(match, **fault)]), what)


def names(scanned: Scanned, check: str) -> dict[str, str]:
    """Status by the resource's name, for one check."""
    return {verdict.resource.name: verdict.status for verdict in scanned.of(check)}


def kinds(scanned: Scanned) -> set[str]:
    """The kinds of trouble in the report's list of unreadable parts."""
    return {part.kind for part in scanned.results.unreadable}


def assert_kept(folder: Path, scanned: Scanned) -> None:
    """What holds on every day: no write was tried, no token went astray, nothing secret on the disk."""
    assert not scanned.emulator.write_attempts
    assert not [each for each in scanned.emulator.log if each.service == "foreign"], "somebody else was asked"
    for path in folder.glob("*.sqlite*"):
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert b"eyJ0eX" not in content, "a token lies in the estate"


def assert_child_lost(scanned: Scanned, kind: str) -> None:
    """The containers of `alpha` could not be read: that verdict alone is open, and the report says why."""
    assert names(scanned, CONTAINERS) == {"alpha": "unreadable", "bad": "pass", "gamma": "pass"}
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass"}
    assert names(scanned, VERSIONS) == dict.fromkeys(("alpha", "bad", "gamma"), "pass")
    (open_one,) = [verdict for verdict in scanned.verdicts if verdict.status == "unreadable"]
    assert open_one.reason.startswith(f"{kind}: ")
    (part,) = scanned.results.unreadable
    assert (part.kind, part.verdicts, part.checks) == (kind, 1, (CONTAINERS,))
    assert part.scope.endswith("/storageaccounts/alpha")
    assert part.message
    assert scanned.exit_code == 10  # `bad` accepts plain HTTP; that alpha is open does not hide it


def assert_list_lost(scanned: Scanned, kind: str) -> None:
    """The accounts could not be listed: one open row for each check and subscription, and no verdict beside them."""
    assert [verdict.status for verdict in scanned.verdicts] == ["unreadable"] * len(CHECKS)
    assert {verdict.check for verdict in scanned.verdicts} == set(CHECKS)
    assert kinds(scanned) == {kind}
    assert scanned.exit_code == 3


def assert_nothing_lost(scanned: Scanned, folder: Path) -> None:
    """The scan says what it would have said on a good day."""
    good = held(folder)
    assert scanned.outcome() == good.outcome()
    assert not scanned.results.unreadable


FIRST_CONTAINERS = f"*/{STORAGE}/alpha/blobServices/default/containers"


def assert_survived(folder: Path, kind: str, times: int = 2, **fault: Any) -> None:
    """A fault of one read: passing by, it costs nothing; staying, it leaves exactly that part open."""
    for name in ("child", "list", "good"):
        (folder / name).mkdir()
    rule = {"match": FIRST_CONTAINERS, **fault}
    passing = held(folder, Options(faults=[FaultRule(count=times, **rule)]))
    assert sum(record.fault != "" for record in passing.emulator.log) == times
    assert_nothing_lost(passing, folder / "good")
    assert_child_lost(spoiled(folder / "child", **rule), kind)
    assert_list_lost(spoiled(folder / "list", **{**rule, "match": ACCOUNTS}), kind)


@contextlib.contextmanager
def served(what: Estate, options: Options | None = None) -> Iterator[Emulator]:
    """An emulator in a thread of this process, for scans that are processes of their own."""
    loop = asyncio.new_event_loop()
    begun: list[Emulator | BaseException] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def work() -> None:
        try:
            async with Emulator(what, options or Options()) as emulator:
                begun.append(emulator)
                ready.set()
                await stop.wait()
        except BaseException as error:
            begun.append(error)
            ready.set()
            raise

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),), daemon=True)
    thread.start()
    ready.wait()
    emulator = begun[0]
    assert isinstance(emulator, Emulator), emulator
    try:
        yield emulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()


def variables(emulator: Emulator, folder: Path) -> dict[str, str]:
    """The environment of a scan of that emulator, with its state below `folder`."""
    ca = emulator.write_ca(folder / f"ca-{emulator.url.rpartition(':')[2]}.pem")
    return {**emulator.environment(ca), "AZSCAN_STATE_DIR": str(folder / "state"), "HOME": str(folder)}


def command(emulator: Emulator, *arguments: str) -> list[str]:
    """The arguments of a scan of that emulator, with CHECKS."""
    is_chosen = bool({"--service", "--check"} & set(arguments))
    chosen = [] if is_chosen else [word for check in CHECKS for word in ("--check", check)]
    return ["scan", "--cloud", emulator.url, "--auth", "service-principal", *chosen, *arguments]


def ran(
    emulator: Emulator, folder: Path, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> CompletedProcess[str]:
    """A scan of that emulator as a user runs it."""
    done = azscan(*command(emulator, *arguments), env={**variables(emulator, folder), **(env or {})}, cwd=cwd or folder)
    assert_told(done, traced="--debug" in arguments)
    return done


def begun(emulator: Emulator, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The same scan, started and left to itself."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_"))}
    around |= {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "COLUMNS": "80", **variables(emulator, folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "azscan", *command(emulator, *arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=around,
        cwd=folder,
    )


def report_rows(path: Path) -> list[Any]:
    """The verdicts of a JSON report without the places and times of their reads."""
    report = json.loads(path.read_text())
    for verdict in report["verdicts"]:
        for leaf in verdict["evidence"]:
            leaf["url"] = leaf["read_at"] = ""
    return [report["summary"], report["unreadable"], report["verdicts"]]


# How the lines of an error begin: of one without a scan, and of any other.
TOLD = {
    True: (["fatal", "error", " help", " help"], ["fatal", " help", " help"]),
    False: (["error", " help"],),
}


def assert_told(done: CompletedProcess[str], *, traced: bool = False) -> None:
    """No traceback, no secret, and where it ended badly a line of what happened and, as the last, one of what to do.

    Where nothing was scanned (3) a line before says what that means, and the last names the doctor.
    """
    said = done.stdout + done.stderr
    assert traced or "Traceback" not in said, said
    assert "fault of azscan's own" not in said, said
    assert SECRET not in said
    assert "eyJ0eX" not in said, "a token was shown"
    if done.returncode in (2, 3, 5, 130):
        lines = [line for line in done.stderr.splitlines() if re.match(r"(error|fatal| help): \S", line)]
        starts = [line.partition(":")[0] for line in lines]
        assert lines and lines[-1] == done.stderr.splitlines()[-1], done.stderr
        assert starts in TOLD[done.returncode == 3], done.stderr


def assert_refused(done: CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended with that code and said these words on stderr, and nothing on stdout."""
    assert done.returncode == code, (done.returncode, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert not done.stdout, done.stdout


def on_read(emulator: Emulator, number: int, act: Callable[[], None]) -> None:
    """Act once, at the moment at which the emulator gets its read of that number."""
    emulator.logbook.records = _Tripwire(emulator.logbook.records, number, act)


_SIGN_IN = ("oauth2", "openid-configuration", "/metadata/", "/discovery/")


class _Tripwire(list[Any]):
    def __init__(self, records: list[Any], number: int, act: Callable[[], None]) -> None:
        super().__init__(records)
        self._left = number
        self._act = act

    def append(self, record: Any) -> None:
        super().append(record)
        # Those of signing in are marked as such only once they are answered.
        is_read = record.service in ("arm", "graph") and not any(part in record.path for part in _SIGN_IN)
        if is_read:
            self._left -= 1
            if self._left == 0:
                self._act()


def verdict_rows(verdicts: list[Verdict]) -> list[tuple[Any, ...]]:
    """Verdicts without the times of their reads: what two scans of one estate must agree on."""
    return sorted(
        (
            each.check,
            each.status,
            each.resource.id,
            each.reason,
            [(leaf.path, leaf.expected, leaf.actual, leaf.present) for leaf in each.evidence],
        )
        for each in verdicts
    )
