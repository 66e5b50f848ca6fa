"""Bad days of the wire: what Azure and the network do to a read, and that no false answer comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azscan.azure.clock import Timer
from azscan.emulator import FaultRule, Options
from tests.azure.servers import HurriedClock
from tests.bad_days.ground import (
    ACCOUNTS,
    CONTAINERS,
    FIRST_CONTAINERS,
    HTTPS,
    STORAGE,
    VERSIONS,
    accounts,
    assert_child_lost,
    assert_list_lost,
    assert_nothing_lost,
    assert_survived,
    held,
    kinds,
    names,
    ran,
    report_rows,
    served,
    spoiled,
)


class Listening(HurriedClock):
    """Keeps the waits that were asked for, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        self.waits.append(seconds)
        return super().call_later(seconds, callback)


def test_429_with_retry_after(tmp_path: Path) -> None:
    """Waited for as long as Azure says, and nothing is lost."""
    clock = Listening()
    rule = FaultRule(FIRST_CONTAINERS, status=429, code="SubscriptionRequestsThrottled", retry_after=1700, count=2)
    scanned = held(tmp_path, Options(faults=[rule]), clock=clock)
    assert [record.status for record in scanned.emulator.log if record.fault] == [429, 429]
    (tmp_path / "good").mkdir()
    assert_nothing_lost(scanned, tmp_path / "good")
    assert any(1600 < wait <= 1701 for wait in clock.waits), clock.waits


def test_429_without_retry_after(tmp_path: Path) -> None:
    assert_survived(tmp_path, "throttled", status=429, code="TooManyRequests", message="Too many requests.")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_error(status: int, tmp_path: Path) -> None:
    assert_survived(tmp_path, "unavailable", status=status, code="ServerError", message="It failed.")


def test_timeout(tmp_path: Path) -> None:
    rule = FaultRule(FIRST_CONTAINERS, do="hang")
    scanned = held(tmp_path, Options(faults=[rule]), timeout=0.3)
    assert_child_lost(scanned, "unavailable")
    (part,) = scanned.results.unreadable
    assert "within 0.3 seconds" in part.message


def test_reset_in_mid_body(tmp_path: Path) -> None:
    assert_survived(tmp_path, "unavailable", do="reset", bytes=40)


def lost_for_good(folder: Path, **fault: Any) -> None:
    """An answer that is wrong in itself: not asked again, and never taken for an empty list."""
    for name in ("child", "list"):
        (folder / name).mkdir()
    scanned = spoiled(folder / "child", FIRST_CONTAINERS, **fault)
    assert_child_lost(scanned, "bad_response")
    assert sum(record.fault != "" for record in scanned.emulator.log) == 1
    assert_list_lost(spoiled(folder / "list", ACCOUNTS, **fault), "bad_response")


def test_truncated_json(tmp_path: Path) -> None:
    lost_for_good(tmp_path, do="truncate")


def test_html_with_200(tmp_path: Path) -> None:
    lost_for_good(tmp_path, do="html")


def test_value_missing(tmp_path: Path) -> None:
    lost_for_good(tmp_path, do="value_missing")


def test_value_null(tmp_path: Path) -> None:
    lost_for_good(tmp_path, do="value_null")


def test_value_not_a_list(tmp_path: Path) -> None:
    lost_for_good(tmp_path, do="value_string")


def five() -> Any:
    return accounts("a1", "a2", "a3", "a4", "bad5")


def test_page_3_of_5_failing(tmp_path: Path) -> None:
    rule = FaultRule(ACCOUNTS, page=3, status=500)
    scanned = held(tmp_path, Options(page_size=1, faults=[rule]), five())
    assert names(scanned, HTTPS) == {"a1": "pass", "a2": "pass", "*": "unreadable"}
    assert names(scanned, CONTAINERS) == {"a1": "pass", "a2": "pass", "*": "unreadable"}
    assert kinds(scanned) == {"unavailable"}
    assert scanned.exit_code == 4  # the account that accepts plain HTTP is on page 5: nobody may call this a pass


@pytest.mark.parametrize("cursor", ["kept", "too old"])
def test_page_3_of_5_failing_and_resumed(cursor: str, tmp_path: Path) -> None:
    """With --resume the list goes on at that page, or begins anew; what hangs on its records is there either way."""
    failing = FaultRule(ACCOUNTS, page=3, status=500, retry_after=0, count=5)
    stale = FaultRule(ACCOUNTS, page=3, after=5, count=1, status=400, code="InvalidSkipToken", message="Too old.")
    rules = [failing, stale] if cursor == "too old" else [failing]
    keep = ["--save-estate", str(tmp_path / "kept.sqlite")]
    with served(five(), Options(page_size=1, faults=rules)) as emulator:
        assert ran(emulator, tmp_path, *keep).returncode == 4
        before = len(emulator.log)
        done = ran(emulator, tmp_path, *keep, "--resume", "-o", "resumed.json")
        again = [record for record in emulator.log[before:] if record.kind == STORAGE.lower()]
        assert ran(emulator, tmp_path, "-o", "good.json").returncode == 10
    assert done.returncode == 10, done.stderr
    assert report_rows(tmp_path / "resumed.json") == report_rows(tmp_path / "good.json")
    assert [record.page for record in again] == ([3, 4, 5] if cursor == "kept" else [3, 1, 2, 3, 4, 5])


def test_an_empty_page_with_a_next_link(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(empty_pages=True, page_size=1))
    (tmp_path / "good").mkdir()
    assert_nothing_lost(scanned, tmp_path / "good")
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass"}


def test_a_next_link_loop(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(faults=[FaultRule(ACCOUNTS, do="next_loop")]))
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass", "*": "unreadable"}
    assert kinds(scanned) == {"bad_response"}
    assert len([record for record in scanned.emulator.log if record.fault == "next_loop"]) <= 2


def test_a_next_link_to_a_foreign_host(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(faults=[FaultRule(ACCOUNTS, do="next_foreign")]))
    assert names(scanned, HTTPS) == {"alpha": "pass", "bad": "fail", "gamma": "pass", "*": "unreadable"}
    assert names(scanned, VERSIONS) == {"alpha": "pass", "bad": "pass", "gamma": "pass", "*": "unreadable"}
    assert kinds(scanned) == {"bad_response"}
    assert "another host" in scanned.results.unreadable[0].message
    assert not [record for record in scanned.emulator.log if record.service == "foreign"]


def test_a_redirect_to_a_foreign_host(tmp_path: Path) -> None:
    scanned = spoiled(tmp_path, FIRST_CONTAINERS, do="redirect_foreign")
    assert_child_lost(scanned, "bad_response")
    assert [record.status for record in scanned.emulator.log if record.fault] == [307]
    assert not [record for record in scanned.emulator.log if record.service == "foreign"], "the token followed"


def test_a_409_that_would_make_a_client_register(tmp_path: Path) -> None:
    """The generated clients answer this 409 with a POST …/register; nothing but reads may leave here."""
    rule = FaultRule(
        FIRST_CONTAINERS,
        status=409,
        code="MissingSubscriptionRegistration",
        message="The subscription is not registered to use namespace 'Microsoft.Storage'.",
    )
    scanned = held(tmp_path, Options(faults=[rule]))
    log = [record for record in scanned.emulator.log if record.service in ("arm", "graph")]
    assert 409 in {record.status for record in log}
    assert {record.method for record in log} == {"GET"}
    assert not scanned.emulator.write_attempts
