"""Python's search for cyclic garbage, made rarer where a million small objects come and go."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects between two searches, and searches between two longer ones: documents hold themselves by their parts, so
# the search cannot be switched off, but at Python's own pace it takes a third of an assessment's time.
RARELY = (100_000, 50, 100)


@contextmanager
def collected_rarely() -> Iterator[None]:
    """As long as the block runs, garbage is looked for rarely; the pace from before returns after it."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
