"""How far a scan is: a state that listeners watch, so that collecting itself never prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Reads `planned` so far and `done`; `reading` names the collection whose read began last.

    `planned` grows while lists bring resources whose children are still to be read. `waiting` tells who is short of
    budget. `is_kept` tells of a scan that was broken off whether it left anything behind to go on with.
    """

    planned: int = 0
    done: int = 0
    failed: int = 0
    reading: str = ""
    is_kept: bool = False
    waiting: dict[str, float] = field(default_factory=dict)
    changed: Callable[[Progress], None] = lambda progress: None

    def plan(self, reads: int = 1) -> None:
        """More reads have become known."""
        self.planned += reads
        self.changed(self)

    def begin(self, collection: str) -> None:
        """One read begins."""
        self.reading = collection
        self.changed(self)

    def finish(self, *, failed: bool = False) -> None:
        """One read came to its end."""
        self.done += 1
        self.failed += failed
        self.changed(self)

    def wait(self, who: str, seconds: float) -> None:
        """A budget is spent: reads that need it wait so long; 0 seconds ends the wait."""
        if seconds:
            self.waiting[who] = seconds
        else:
            self.waiting.pop(who, None)
        self.changed(self)
