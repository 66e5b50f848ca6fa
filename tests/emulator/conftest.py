from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from tests.emulator.rig import Rigs


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Rigs]:
    """`await start(estate, **options)` runs an emulator for the length of the test."""
    async with AsyncExitStack() as stack:
        yield Rigs(stack)
