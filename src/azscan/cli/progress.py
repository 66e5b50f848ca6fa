"""What people see on stderr while azscan reads: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from azscan.collect.progress import Progress
from azscan.settings import Settings

# Seconds between two plain lines: often enough to show life, rare enough for a log.
EVERY = 10.0


@contextlib.contextmanager
def shown(settings: Settings) -> Iterator[Progress]:
    """A progress that is shown as long as the block runs; --quiet shows none."""
    progress = Progress()
    if settings.quiet:
        yield progress
    elif sys.stderr.isatty():
        with _bar(progress):
            yield progress
    else:
        progress.changed = _Lines()
        yield progress
        print(f"read {progress.done} of {progress.planned} parts, {progress.failed} unreadable", file=sys.stderr)


def waits(progress: Progress) -> str:
    """Who is short of budget, in words; "" where nobody is."""
    if not progress.waiting:
        return ""
    who, seconds = max(progress.waiting.items(), key=lambda each: each[1])
    return f"throttled: {who} waits {seconds:.0f} s"


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            more = waits(progress)
            print(
                f"read {progress.done} of {progress.planned} parts ({progress.reading})"
                + (f"; {more}" if more else ""),
                file=sys.stderr,
                flush=True,
            )


@contextlib.contextmanager
def _bar(progress: Progress) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("reading {task.fields[reading]}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waiting]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("read", total=None, reading="", waiting="")

        def changed(state: Progress) -> None:
            bar.update(
                task, total=state.planned or None, completed=state.done, reading=state.reading, waiting=waits(state)
            )

        progress.changed = changed
        yield
