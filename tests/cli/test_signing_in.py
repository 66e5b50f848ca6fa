"""`azscan scan` over the ways of signing in, as a process against the emulator's endpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.served import serving
from tests.cli.test_scan import GOOD, ONLY, estate
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
