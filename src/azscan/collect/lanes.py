"""Lanes: each kind of read has its own queue, so that one that waits for its budget holds nobody else up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Runs jobs, at most `width` of each lane at once; jobs may add jobs. `run` returns when none is left.

    There is no nested pool: a job that waits holds one place of its own lane and nothing else.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._waiting: dict[Hashable, deque[Job]] = {}
        self._running: dict[Hashable, int] = {}
        self._group: asyncio.TaskGroup | None = None

    def add(self, lane: Hashable, job: Job) -> None:
        """Queue a job; it starts as soon as its lane has a place."""
        self._waiting.setdefault(lane, deque()).append(job)
        if self._group is not None:
            self._start(lane)

    async def run(self) -> None:
        """Work until every job is done; the first error that a job raises ends the others and is raised."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for lane, jobs in list(self._waiting.items()):
                    for _ in range(len(jobs)):
                        self._start(lane)
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._group = None

    def _start(self, lane: Hashable) -> None:
        assert self._group is not None
        running = self._running.get(lane, 0)
        if self._waiting[lane] and running < self._width:
            self._running[lane] = running + 1
            self._group.create_task(self._work(lane))

    async def _work(self, lane: Hashable) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                await waiting.popleft()()
        finally:
            self._running[lane] -= 1


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
