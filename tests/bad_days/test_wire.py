"""Bad days of the wire: what Azure and the network do to a read, and that no false answer comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import FaultRule, Options
from tests.azure.servers import HurriedClock
from tests.bad_days.ground import (
    ACCOUNTS,
    CONTAINERS,
    FIRST_CONTAINERS,
    HTTPS,
    VERSIONS,
    accounts,
    assert_child_lost,
    assert_list_lost,
    assert_nothing_lost,
    assert_survived,
    held,
    kinds,
    names,
    spoiled,
)


def test_429_with_retry_after(tmp_path: Path) -> None:
    clock = HurriedClock()
    rule = FaultRule(FIRST_CONTAINERS, status=429, code="SubscriptionRequestsThrottled", retry_after=17, count=2)
    scanned = held(tmp_path, Options(faults=[rule]), clock=clock)
    assert [record.status for record in scanned.emulator.log if record.fault] == [429, 429]
    (tmp_path / "good").mkdir()
    assert_nothing_lost(scanned, tmp_path / "good")
    asked = [record.started for record in scanned.emulator.log if "alpha" in record.path and "containers" in record.path]
    assert all(after - before >= 17 / clock.scale for before, after in zip(asked, asked[1:], strict=False))


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


def test_page_3_of_5_failing_and_resumed(tmp_path: Path) -> None:
    """What hangs on the first pages is not lost when the list is read anew."""
    kept = str(tmp_path / "kept.sqlite")
    rule = FaultRule(ACCOUNTS, page=3, status=500)
    held(tmp_path, Options(page_size=1, faults=[rule]), five(), save_estate=kept).results.estate.close()
    resumed = held(tmp_path, Options(page_size=1), five(), save_estate=kept, resume=True)
    (tmp_path / "good").mkdir()
    good = held(tmp_path / "good", Options(page_size=1), five())
    assert resumed.outcome() == good.outcome()
    assert not resumed.results.unreadable


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
