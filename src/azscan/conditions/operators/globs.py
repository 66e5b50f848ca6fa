"""Action patterns as sets of strings: whether two share one, and whether some cover another, decided exactly.

A pattern is literal but for `*`, which stands for any text, none included; letter case does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

# Beyond so many states the question is given up; real roles need a few hundred.
_LIMIT: Final = 5_000
_OTHER: Final = "\0"

# Positions in one pattern that a text read so far can have reached.
_Positions = frozenset[int]


class TooHard(Exception):
    """The patterns are too many or too tangled to decide."""


def overlaps(one: str, other: str) -> bool:
    """True where some text matches both patterns."""
    return _find([one, other], lambda hits: hits[0] and hits[1])


def covered(pattern: str, by: Sequence[str]) -> bool:
    """True where every text that matches the pattern matches one of the others, too."""
    near = [each for each in by if overlaps(pattern, each)]
    if any(each == "*" for each in near):
        return True
    return not _find([pattern, *near], lambda hits: hits[0] and not any(hits[1:]))


def overlaps_outside(one: str, other: str, without: Sequence[str]) -> bool:
    """True where some text matches both patterns and none of `without`."""
    near = [each for each in without if overlaps(one, each) and overlaps(other, each)]
    return _find([one, other, *near], lambda hits: hits[0] and hits[1] and not any(hits[2:]))


def _find(patterns: Sequence[str], wanted: Callable[[list[bool]], bool]) -> bool:
    """Whether a text exists whose hits (which patterns it matches) are as wanted: a walk over all of them at once."""
    lower = [_squeezed(pattern.lower()) for pattern in patterns]
    letters = [*sorted({letter for pattern in lower for letter in pattern if letter != "*"}), _OTHER]
    start = tuple(_closed(pattern, {0}) for pattern in lower)
    seen = {start}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        hits = [len(pattern) in positions for pattern, positions in zip(lower, state, strict=True)]
        if wanted(hits):
            return True
        for letter in letters:
            after = tuple(_stepped(pattern, positions, letter) for pattern, positions in zip(lower, state, strict=True))
            # the first pattern must match in the end; once it cannot, neither can anything that follows
            if after[0] and after not in seen:
                if len(seen) >= _LIMIT:
                    raise TooHard
                seen.add(after)
                waiting.append(after)
    return False


def _squeezed(pattern: str) -> str:
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern


def _closed(pattern: str, positions: set[int]) -> _Positions:
    """The positions, with those after a `*` that matches nothing; those before the last `*` reached add nothing."""
    reached = set(positions)
    for position in positions:
        if position < len(pattern) and pattern[position] == "*":
            reached.add(position + 1)
    stars = [position for position in reached if position < len(pattern) and pattern[position] == "*"]
    last = max(stars, default=0)
    return frozenset(position for position in reached if position >= last)


def _stepped(pattern: str, positions: _Positions, letter: str) -> _Positions:
    after: set[int] = set()
    for position in positions:
        if position < len(pattern):
            if pattern[position] == "*":
                after.add(position)
            elif pattern[position] == letter:
                after.add(position + 1)
    return _closed(pattern, after)
