"""Fixtures of the Azure room's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.azure.sessions import azure, certificates, clock, credential, network, open_session, session
from tests.azure.signing import At, signing

__all__ = ["at", "azure", "certificates", "clock", "credential", "network", "open_session", "session"]


@pytest.fixture
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[At]:
    """A place to sign in at, on loopback."""
    async with signing(tmp_path, monkeypatch) as place:
        yield place
