"""Garbage is looked for rarely only as long as it should be."""

from __future__ import annotations

import gc

import pytest

from azscan.garbage import RARELY, collected_rarely


def test_the_pace_from_before_returns():
    before = gc.get_threshold()
    with collected_rarely():
        assert gc.get_threshold() == RARELY
    assert gc.get_threshold() == before


def test_the_pace_returns_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="stop"), collected_rarely():
        raise ValueError("stop")
    assert gc.get_threshold() == before
