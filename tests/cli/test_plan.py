"""`azscan plan` as a process: what it prints, what it reads, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azscan.azure.governor import Load
from azscan.catalog.load import load
from azscan.cli import plan as plan_command
from azscan.cli.plan_page import print_forecast
from azscan.cli.reference import commands
from azscan.collect.forecast import Expected, Forecast
from azscan.emulator import Deny, Options, demo_estate, read_estate
from azscan.errors import OutputError
from azscan.report import Options as PageOptions
from azscan.report.page import Page
from tests.cli.served import serving
from tests.harness import azscan

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
FILTERS = {"--region", "--resource-group", "--tag"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A saved scan of the demo, and how many requests the emulator counted."""
    folder = tmp_path_factory.mktemp("saved")
    with serving(folder, demo_estate()) as (emulator, around):
        done = azscan("scan", "--save-estate", "e.sqlite", env=around, cwd=folder)
        assert done.returncode == 10, done.stderr
        return folder / "e.sqlite", sum(record.service in ("arm", "graph") for record in emulator.log)


def test_the_plan_of_a_saved_demo_is_what_the_emulator_counted(saved: tuple[Path, int], tmp_path: Path) -> None:
    path, number = saved
    done = azscan("plan", "--estate", str(path), "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "azscan.plan/1"
    assert (document["requests"], document["bound"]) == (number, "exact")
    assert sum(each["requests"] for each in document["reads"]) == number
    assert document["requests_per_resource"] == pytest.approx(number / document["resources"], abs=0.001)


def test_the_table_says_the_same(saved: tuple[Path, int], tmp_path: Path) -> None:
    path, number = saved
    done = azscan("plan", "--estate", str(path), cwd=tmp_path)
    assert f"\n{number} requests for " in done.stdout and " per resource\n" in done.stdout
    assert (
        "GET {id}/blobServices/default\n" in done.stdout and "under Azure's throttles they take at least" in done.stdout
    )
    assert "at most" not in done.stdout and "about" not in done.stdout
    assert azscan("plan", "--estate", str(path), "--service", "storage", cwd=tmp_path).stdout.count("\n\n") < 4


def test_a_live_plan_reads_the_subscriptions_the_permissions_and_the_list(
    saved: tuple[Path, int], tmp_path: Path
) -> None:
    with serving(tmp_path, demo_estate()) as (emulator, around):
        done = azscan("plan", "--format", "json", env=around, cwd=tmp_path)
        read = {record.path.rpartition("/")[2] for record in emulator.log if record.service in ("arm", "graph")}
        assert not emulator.write_attempts
    assert done.returncode == 0, done.stderr
    assert read == {"subscriptions", "permissions", "resources"}
    assert saved[1] <= json.loads(done.stdout)["requests"] <= saved[1] * 1.25
    assert not list((tmp_path / "state").glob("*")), "nothing is left behind"


def test_the_demo_can_be_planned(tmp_path: Path) -> None:
    done = azscan("plan", "--demo", "--service", "keyvault", cwd=tmp_path)
    assert done.returncode == 0 and "Key vaults: " in done.stdout
    assert "about 3  key_vault_key, the rest of it, one per key_vault_key" in done.stdout
    assert "about: how many there are is known only after reading" in done.stdout


def test_variables_that_a_scan_keeps_files_by_do_not_matter(tmp_path: Path) -> None:
    around = {"AZSCAN_RESUME": "1", "AZSCAN_SAVE_ESTATE": str(tmp_path / "kept.sqlite")}
    assert azscan("plan", "--demo", "--service", "storage", cwd=tmp_path, env=around).returncode == 0
    assert not (tmp_path / "kept.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--demo", "--check", "nonesuch"), 2, "no check is called nonesuch"),
        (("--demo", "--format", "csv"), 2, "there is no format csv"),
        (("--estate", "nowhere.sqlite"), 2, "there is no estate at nowhere.sqlite"),
        (("--estate", "nowhere.sqlite", "--demo"), 2, "--estate and --demo exclude each other"),
        (("--demo", "--subscription", "nonesuch"), 2, "no subscription 'nonesuch' is visible"),
        (("--demo", "--region", "westeurope"), 2, "--region"),
    ],
)
def test_wrong_usage(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = azscan("plan", *words, cwd=tmp_path)
    assert done.returncode == code and said in done.stderr and not done.stdout
    assert "Traceback" not in done.stderr


def test_no_subscription_is_exit_3(tmp_path: Path) -> None:
    nothing = read_estate({"format": 1, "subscriptions": [], "resources": []})
    with serving(tmp_path, nothing) as (_, around):
        done = azscan("plan", env=around, cwd=tmp_path)
    assert done.returncode == 3 and "no subscription is visible" in done.stderr


def test_a_resource_list_that_may_not_be_read_is_no_hindrance(tmp_path: Path) -> None:
    denied = Options(deny=[Deny("Microsoft.Resources/subscriptions/resources/read", "403")])
    with serving(tmp_path, demo_estate(), denied) as (_, around):
        done = azscan("plan", "--service", "storage", "--format", "json", env=around, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert done.returncode == 0 and document["bound"] == "assumed" and document["resources"] is None


def test_it_takes_the_options_of_a_scan_that_choose_what_is_read() -> None:
    known = {name: {option for param in command.params for option in param.opts} for name, command in commands()}
    apart = known["azscan scan"] - known["azscan plan"]
    assert apart >= FILTERS and not known["azscan plan"] - known["azscan scan"]
    assert apart - FILTERS == {
        *(
            "-o",
            "--output",
            "--show",
            "--shell",
            "--save-estate",
            "--resume",
            "--fail-on",
            "--baseline",
            "--fail-on-control",
            "--allow-unreadable",
        )
    }


def test_an_estate_that_breaks_while_it_is_read_is_exit_5(saved: tuple[Path, int], monkeypatch, tmp_path: Path) -> None:
    async def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("azscan.collect.forecast.forecast", broken)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(plan_command.app, ["--estate", str(saved[0])])
    assert isinstance(ended.exception, OutputError)


@pytest.mark.parametrize(
    "spoiled",
    [
        "UPDATE scan SET value = '5' WHERE key = 'permissions'",
        "UPDATE scan SET value = '{\"/x\":{\"items\":1}}' WHERE key = 'permissions'",
        "UPDATE scan SET value = '\"many\"' WHERE key = 'scope_reads'",
        "UPDATE scan SET value = '[]' WHERE key = 'tenant'",
        "UPDATE resource SET body = CAST('[]' AS BLOB) WHERE collection = 'subscription'",
        "UPDATE resource SET body = CAST('{}' AS BLOB) WHERE collection = 'subscription'",
        "UPDATE resource SET body = CAST('{\"subscriptionId\":1}' AS BLOB) WHERE collection = 'subscription'",
        "UPDATE resource SET body = CAST('{' AS BLOB) WHERE collection = 'storage_account'",
        "UPDATE resource SET body = CAST('nonsense' AS BLOB) WHERE collection = 'resource'",
        "DROP TABLE read",
    ],
)
def test_an_estate_that_azscan_did_not_write_is_refused_in_words(
    saved: tuple[Path, int], tmp_path: Path, spoiled: str
) -> None:
    path = tmp_path / "e.sqlite"
    path.write_bytes(saved[0].read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(spoiled)
    done = azscan("plan", "--estate", "e.sqlite", cwd=tmp_path)
    assert done.returncode in (0, 2, 5) and "Traceback" not in done.stderr, done.stderr


def printed(forecast: Forecast) -> str:
    stream = io.BytesIO()
    page = Page(stream, PageOptions())
    print_forecast(page, load(), forecast)
    page.flush()
    return stream.getvalue().decode()


def test_waits_are_told_longest_first() -> None:
    reads = (Expected("storage", "container", "read", "GET /x", "storage_account", 9000, "at_most"),)
    shown = printed(Forecast(reads, (Load("a", 8000, 3750.0), Load("b", 400, 0.2), Load("c", 1, 0)), 10))
    assert "under Azure's throttles they take at least 1 h 2 min 30 s:" in shown
    assert "  1 h 2 min 30 s for 8,000 reads of a\n  1 s for 400 reads of b\n" in shown
    assert " c\n" not in shown and "at most 9,000 requests for 10 resources: 900.00 per resource" in shown
