"""Open connections, those that idle included."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from tests.harness import scan

from azscan.azure import wire
from azscan.emulator import demo_estate

# Reads of Azure Resource Manager and of Microsoft Graph, which are two hosts.
CHECKS = ["storage-*", "entra-*"]


def most_connections(folder: Path) -> int:
    scanned = scan(folder, demo_estate(), checks=CHECKS, concurrency=3)
    assert {"storage", "entra"} <= {verdict.service for verdict in scanned.verdicts}
    return scanned.emulator.statistics["max_connections"]


def test_idle_connections_to_another_host_make_room(tmp_path: Path) -> None:
    assert most_connections(tmp_path) == 3


def test_aiohttps_own_limit_would_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "Connections", aiohttp.TCPConnector)
    assert most_connections(tmp_path) > 3
