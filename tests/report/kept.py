"""Whole outputs kept in files. AZSCAN_UPDATE_SNAPSHOTS=1 pytest tests/report tests/test_config.py writes them anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

from azscan import __version__

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
_LINK_ID = re.compile(rb"\x1b\]8;id=\d+;")


def assert_kept(path: Path, data: bytes) -> None:
    """The data must be what the file holds; updating is asked for by the environment variable."""
    if os.environ.get("AZSCAN_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert path.exists(), f"{path.name} is not kept yet: run with AZSCAN_UPDATE_SNAPSHOTS=1"
    assert data.decode() == path.read_bytes().decode(), f"{path.name} is stale: AZSCAN_UPDATE_SNAPSHOTS=1 renews it"


def scrubbed(data: bytes) -> bytes:
    """The output without what differs from run to run: versions, paths, the random ids of links."""
    data = _LINK_ID.sub(b"\x1b]8;id=ID;", data)
    data = re.sub(rb"(?<![\d.])" + re.escape(__version__.encode()) + rb"(?![\d.])", b"VERSION", data)
    return data.replace(str(ROOT).encode(), b"ROOT")
