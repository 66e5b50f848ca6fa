"""Bad days of signing in: said in words, before anything is read, and nothing secret is said."""

from __future__ import annotations

from pathlib import Path

from azscan.emulator import Options
from tests.bad_days.ground import (
    SECRET,
    accounts,
    assert_nothing_lost,
    assert_refused,
    held,
    ran,
    served,
    three,
    verdict_rows,
)

ELSEWHERE = "99999999-9999-4999-8999-999999999999"


def test_wrong_tenant(tmp_path: Path) -> None:
    with served(three()) as emulator:
        done = ran(emulator, tmp_path, "--tenant", ELSEWHERE)
        assert_refused(done, 3, "fatal: no scan was performed", "there is no such tenant", "--tenant")
        assert not [record for record in emulator.log if record.service in ("arm", "graph")]


def test_a_tenant_that_does_not_hold_the_subscription(tmp_path: Path) -> None:
    with served(three(), Options(tenants=[ELSEWHERE])) as emulator:
        done = ran(emulator, tmp_path, "--tenant", ELSEWHERE)
    assert_refused(done, 3, f"in tenant {ELSEWHERE}", "choose another tenant with --tenant")


def test_wrong_secret(tmp_path: Path) -> None:
    with served(three()) as emulator:
        for debug in ([], ["--debug"]):
            done = ran(emulator, tmp_path, *debug, env={"AZURE_CLIENT_SECRET": "another~secret.of-bad-days"})
            assert_refused(done, 3, "fatal: no scan was performed", "the client secret is wrong", "AADSTS7000215")
            assert "another~secret.of-bad-days" not in done.stdout + done.stderr
        assert not [record for record in emulator.log if record.service in ("arm", "graph")]


def test_expired_secret(tmp_path: Path) -> None:
    with served(three(), Options(expired_secrets=[SECRET])) as emulator:
        done = ran(emulator, tmp_path)
    assert_refused(done, 3, "the client secret has expired", "AADSTS7000222", "create a new secret")


def test_token_expiry_in_mid_scan(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(expire_tokens_after=6))
    assert 401 in {record.status for record in scanned.emulator.log}
    assert_asked_anew(scanned.emulator.sign_ins, 2)
    (tmp_path / "good").mkdir()
    assert_nothing_lost(scanned, tmp_path / "good")


def test_a_token_that_cannot_be_renewed(tmp_path: Path) -> None:
    """Given by hand, it ends where it ends: what was not read by then is open, and the exit code is no pass."""
    options = Options(expire_tokens_after=6)
    with served(accounts("alpha", "gamma"), options) as emulator:
        given = {"AZSCAN_ACCESS_TOKEN": emulator.token("arm"), "AZSCAN_GRAPH_ACCESS_TOKEN": emulator.token("graph")}
        done = ran(emulator, tmp_path, "--auth", "token", "--show", "unreadable", env=given)
    assert done.returncode in (3, 4)
    assert "unauthenticated" in done.stdout + done.stderr
    assert given["AZSCAN_ACCESS_TOKEN"] not in done.stdout + done.stderr


def test_a_claims_challenge_in_mid_scan(tmp_path: Path) -> None:
    scanned = held(tmp_path, Options(claims_challenge_after=6))
    log = [record for record in scanned.emulator.log if record.status == 401]
    assert log, "nobody was challenged"
    assert any("nbf" in record.claims for record in scanned.emulator.sign_ins)
    (tmp_path / "good").mkdir()
    assert_nothing_lost(scanned, tmp_path / "good")
    assert verdict_rows(scanned.verdicts)


def assert_asked_anew(sign_ins: list[object], least: int) -> None:
    """More tokens were asked for than the two at the start (Resource Manager and Graph)."""
    assert len(sign_ins) > least, sign_ins
