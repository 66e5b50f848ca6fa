"""`azscan scan` over the ways of signing in, as a process against the emulator's endpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.served import serving
from tests.cli.test_scan import GOOD, ONE, ONLY, estate, scanned
from tests.harness import azscan


@pytest.mark.parametrize("command", ["scan", "doctor", "plan", "evidence"])
def test_quiet_still_asks_for_what_a_sign_in_needs(tmp_path: Path, command: str) -> None:
    more = ("-o", "pack.zip", "--framework", "cis-azure-5.0") if command == "evidence" else ()
    with serving(tmp_path, estate(GOOD)) as (emulator, around):
        done = azscan(command, *ONLY, *more, "--quiet", "--auth", "device-code", env=around, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    hosts, asked, *others = done.stderr.splitlines()
    assert hosts.startswith("cloud AzureCloudEmulator: ")
    assert asked.startswith(f"to sign in, open {emulator.url}/devicelogin and enter the code ")
    assert others == []


@pytest.mark.parametrize("blanks", [" {} ", "{}\n", "\u200b{}\ufeff", "\u00a0{}"])
@pytest.mark.parametrize(
    "names",
    [("--tenant", "--client-id", "--subscription"), ("AZSCAN_CLIENT_ID", "AZSCAN_TENANT", "AZSCAN_SUBSCRIPTION")],
    ids=["options", "variables"],
)
def test_blanks_around_ids_are_left_out_with_a_warning(tmp_path: Path, names: tuple[str, ...], blanks: str) -> None:
    made = estate(GOOD)
    ids = {"tenant": made.tenant["id"], "client": made.identity["clientId"], "subscription": "prod"}
    given = {name: blanks.format(next(ids[part] for part in ids if part in name.lower())) for name in names}
    typed = [word for name, value in given.items() if name.startswith("--") for word in (name, value)]
    variables = {name: value for name, value in given.items() if not name.startswith("--")}
    done = scanned(tmp_path, made, *ONLY, *typed, "--quiet", env=variables)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert sorted(warned) == [f"warning: {name} has blanks around it; they were left out" for name in sorted(names)]


def test_blanks_between_the_words_of_a_variable_are_no_news(tmp_path: Path) -> None:
    around = {"AZSCAN_SUBSCRIPTION": "prod, " + ONE, "AZURE_CLIENT_SECRET": "emulator-secret "}
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--quiet", env=around)
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert warned == ["warning: AZURE_CLIENT_SECRET has blanks around it; they were left out"]
