"""An emulator that runs in a thread of the test process, for scans in processes of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from azscan.emulator import Emulator, Estate, Options


@contextmanager
def serving(
    folder: Path, estate: Estate, options: Options | None = None
) -> Iterator[tuple[Emulator, Mapping[str, str]]]:
    """A running emulator, and the variables with which the command line scans it."""
    ready, failed = threading.Event(), []
    began: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    emulator = Emulator(estate, options or Options())

    async def run() -> None:
        stop = asyncio.Event()
        async with emulator:
            began.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(30)
    assert not failed, failed
    try:
        yield (
            emulator,
            {
                **emulator.environment(emulator.write_ca(folder / "ca.pem")),
                "AZSCAN_CLOUD": emulator.url,
                "AZSCAN_AUTH": "service-principal",
                "AZSCAN_STATE_DIR": str(folder / "state"),
            },
        )
    finally:
        loop, stop = began[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
