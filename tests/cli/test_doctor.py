"""`azscan doctor` as a process: what it prints, what it asks, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azscan.cli.doctor_page import print_report
from azscan.doctor.finding import Finding, Report
from azscan.emulator import Options, Role, demo_estate
from azscan.report import Options as PageOptions
from azscan.report.page import Page
from tests.cli.served import serving
from tests.harness import azscan

PROD = "11111111-aaaa-4aaa-8aaa-111111111111"
MOST_REQUESTS = 12


def test_one_subscription_takes_twelve_requests_with_sign_in_and_all(tmp_path: Path) -> None:
    custom = Role(f"/subscriptions/{PROD}", ("*/read",), ("Microsoft.Media/*",), name="Almost")
    with serving(tmp_path, demo_estate(), Options(roles=[custom])) as (emulator, around):
        done = azscan("doctor", "--subscription", "contoso-prod", "--json", env=around, cwd=tmp_path)
        asked = [record for record in emulator.log if record.service != "foreign"]
        assert not emulator.write_attempts
    assert done.returncode == 0, done.stderr
    assert len(asked) <= MOST_REQUESTS, [record.url for record in asked]
    report = json.loads(done.stdout)
    assert report["schema"] == "azscan.doctor/1" and report["state"] == "warning"
    assert report["requests"] == sum(record.service in ("arm", "graph") for record in asked)
    assert {each["state"] for each in report["findings"]} <= {"ok", "warning"}
    assert any("Almost (direct, on the subscription)" in each["what"] for each in report["findings"])


def test_what_blocks_ends_with_3_and_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path, demo_estate(), Options(roles=[])) as (_, around):
        done = azscan("doctor", "--subscription", PROD, "--service", "storage", env=around, cwd=tmp_path)
        refused = azscan("scan", "--subscription", PROD, "--service", "storage", env=around, cwd=tmp_path)
    assert done.returncode == refused.returncode == 3
    assert "blocking  subscriptions: no subscription is visible to azscan-reader" in done.stdout
    assert "= az role assignment create --assignee-object-id 3333" in done.stdout
    assert f"--scope /subscriptions/{PROD}\n" in done.stdout and "= portal: https://portal.azure.com/#@" in done.stdout
    assert done.stdout.endswith("1 blocking: mend what blocks, then run azscan doctor again\n")
    assert "no subscription is visible to azscan-reader" in refused.stderr
    assert " help: the page and the command that mend it: azscan doctor " in refused.stderr


def test_the_shell_of_the_commands(tmp_path: Path) -> None:
    with serving(tmp_path, demo_estate()) as (_, around):
        elsewhere = {**around, "AZURE_TENANT_ID": "11111111-9999-4999-8999-999999999999"}
        done = azscan("doctor", "--shell", "powershell", env=elsewhere, cwd=tmp_path)
    assert done.returncode == 3
    assert "= az account list --all --query '[].{name:name,id:id,tenant:tenantId}' --output table" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--check", "nonesuch"), "no check is called nonesuch"),
        (("--cloud", "Nowhere"), "there is no cloud named"),
        (("--demo",), "no such option"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = azscan("doctor", *words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def page_of(report: Report, folder: Path) -> str:
    path = folder / "page.txt"
    with path.open("wb") as stream:
        page = Page(stream, PageOptions())
        print_report(page, report, "posix")
        page.flush()
    return path.read_text()


def test_many_subscriptions_without_trouble_are_counted(tmp_path: Path) -> None:
    good = [Finding("roles", "roles", "ok", f"sub {number}: fine") for number in range(30)]
    bad = Finding("roles", "roles", "warning", "sub x: not fine", "means this")
    text = page_of(Report((*good, bad), ("the moon",)), tmp_path)
    assert text.count("\n") < 9 and "ok        roles: 30 subscriptions without trouble\n" in text
    assert "warning   roles: sub x: not fine\n          = means this\n" in text and "not seen  the moon\n" in text
    assert text.endswith("1 warning: a scan can be made, and what it lacks will be unreadable\n")


def test_names_of_others_do_not_reach_the_terminal(tmp_path: Path) -> None:
    evil = Finding("roles", "roles", "warning", "sub \x1b[2Jx", "a\u202eb", "https://p/\x07", (("az", "x\x1b[0m"),))
    text = page_of(Report((evil,)), tmp_path)
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text and "\\x1b[2Jx" in text


def test_nothing_in_the_way(tmp_path: Path) -> None:
    text = page_of(Report((Finding("clock", "clock", "ok", "fine"),)), tmp_path)
    assert text.endswith("nothing stands in the way of a scan: azscan scan\n")


def test_the_role_on_record_is_told_once(tmp_path: Path) -> None:
    with serving(tmp_path, demo_estate(), Options()) as (_, around):
        done = azscan("doctor", "--subscription", PROD, "--service", "storage", "--json", env=around, cwd=tmp_path)
    (told,) = [each["what"] for each in json.loads(done.stdout)["findings"] if each["name"] == "roles"]
    assert told.count("Reader (direct, on the subscription)") == 1
