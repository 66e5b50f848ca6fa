"""Time as the session sees it, so that tests can let it pass faster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What `Clock.call_later` returns."""

    def cancel(self) -> None:
        """The callback is no longer wanted."""


class Clock:
    """Time as the governor sees it: the event loop's. Tests hand in a faster one."""

    def now(self) -> float:
        """Seconds, from any start."""
        return asyncio.get_running_loop().time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Calls `callback` after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""
        if seconds > 0:
            done = asyncio.get_running_loop().create_future()
            timer = self.call_later(seconds, lambda: None if done.done() else done.set_result(None))
            try:
                await done
            finally:
                timer.cancel()
