"""Globs: what people write where they name several things, and what role definitions hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.words import glob


def slow_but_sure(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slow_but_sure(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and slow_but_sure(pattern[1:], text[1:])


@given(st.text("ab*?.", max_size=7), st.text("ab.\n", max_size=7))
def test_a_glob_fits_what_its_stars_can_be_stretched_over(pattern: str, text: str) -> None:
    assert glob(pattern)(text) == slow_but_sure(pattern, text)


@pytest.mark.parametrize("pattern", ["*a" * 40 + "*b", "*" * 50 + "b", "*?" * 30 + "b"])
def test_no_glob_takes_for_ever(pattern: str) -> None:
    assert not glob(pattern)("a" * 200)
