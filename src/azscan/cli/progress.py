"""What people see on stderr while azscan reads: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from azscan.collect.progress import Progress
from azscan.settings import Settings
from azscan.words import how_long

# Seconds between two plain lines: often enough to show life, rare enough for a log.
EVERY = 10.0


@contextlib.contextmanager
def shown(settings: Settings, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """A progress that is shown as long as the block runs; --quiet shows none."""
    progress = Progress()
    if settings.quiet:
        yield progress
    elif sys.stderr.isatty():
        with _bar(progress, clock):
            yield progress
    else:
        progress.changed = _Lines(clock)
        yield progress
        print(f"read {progress.done} of {progress.planned} parts, {progress.failed} unreadable", file=sys.stderr)


def waits(progress: Progress) -> str:
    """Who is short of budget, in words; "" where nobody is."""
    if not progress.waiting:
        return ""
    who, seconds = max(progress.waiting.items(), key=lambda each: each[1])
    return f"throttled: {who} waits {seconds:.0f} s"


def time_left(progress: Progress, elapsed: float) -> str:
    """How long the reads that are planned will take at the pace of the past `elapsed` seconds; "" where none is known.

    A guess: lists bring more reads.
    """
    left = progress.planned - progress.done
    return f"about {how_long(elapsed / progress.done * left)} left" if progress.done and left and elapsed else ""


class _Pace:
    """When the reads began, which is when the first was planned: what went before was signing in."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None

    def elapsed(self) -> float:
        """The seconds since the first call."""
        now = self._clock()
        if self._began is None:
            self._began = now
        return now - self._began

    def more(self, progress: Progress) -> str:
        """The time left and the longest wait, as far as there are any."""
        return ", ".join(filter(None, (time_left(progress, self.elapsed()), waits(progress))))


class _Lines:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._pace = _Pace(clock)
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = self._pace.elapsed()
        if now - self._last >= EVERY:
            self._last = now
            reading = f"reading {progress.reading}" if progress.reading else ""
            told = ", ".join(filter(None, (reading, self._pace.more(progress))))
            line = f"read {progress.done} of {progress.planned} parts"
            print(f"{line}: {told}" if told else line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bar(progress: Progress, clock: Callable[[], float]) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("reading {task.fields[reading]}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        pace = _Pace(clock)
        task = bar.add_task("read", total=None, reading="", more="")

        def changed(state: Progress) -> None:
            more = pace.more(state)
            bar.update(task, total=state.planned or None, completed=state.done, reading=state.reading, more=more)

        progress.changed = changed
        yield
