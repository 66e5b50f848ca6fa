from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from tests.conditions.held import DENIED, Attached, Streamed, judge, leaf


@pytest.mark.parametrize(
    ("document", "truth"),
    [
        ({"a": "X", "b": "x"}, TRUE),
        ({"a": "x", "b": "y"}, FALSE),
        ({"a": 1, "b": 1.0}, TRUE),
        ({"a": True, "b": True}, TRUE),
        ({"a": True, "b": 1}, UNSAID),
        ({"a": "1", "b": 1}, UNSAID),
        ({"a": "x"}, UNSAID),
        ({"b": "x"}, UNSAID),
        ({"a": "x", "b": ""}, UNSAID),
        ({"a": "x", "b": ["x"]}, UNSAID),
        ({"a": ["x"], "b": ["x"]}, UNSAID),
        ({"a": "x", "b": DENIED}, UNREADABLE),
        ({"a": Attached(DENIED), "b": "x"}, UNREADABLE),
        ({"a": DENIED}, UNREADABLE),
    ],
)
def test_equals_field(document: dict[str, Any], truth: int) -> None:
    assert judge({"field": "a", "equalsField": "b"}, document) == truth


@pytest.mark.parametrize(
    ("expected", "value", "truth"),
    [
        ({"greaterOrEquals": 1}, ["x"], TRUE),
        pytest.param({"greaterOrEquals": 1}, [], FALSE, id="trap-19-empty-list"),
        ({"equals": 0}, [], TRUE),
        pytest.param({"greaterOrEquals": 1}, "", UNSAID, id="trap-10-empty-text"),
        ({"equals": 3}, "abc", TRUE),
        ({"greater": 1, "less": 3}, "ab", TRUE),
        ({"greater": 1, "less": 3}, "abc", FALSE),
        ({"equals": 1}, {"a": 1}, UNSAID),
        ({"equals": 1}, 1, UNSAID),
        ({"equals": 1}, None, UNSAID),
        ({"equals": 2}, Attached(Streamed(1, 2)), TRUE),
        ({"less": 2}, Attached(Streamed(1, 2, fault=DENIED)), FALSE),
        ({"less": 5}, Attached(Streamed(1, 2, fault=DENIED)), UNREADABLE),
        ({"greater": 1}, Attached(Streamed(1, 2, fault=DENIED)), TRUE),
    ],
)
def test_length(expected: dict[str, int], value: Any, truth: int) -> None:
    assert leaf(value, length=expected) == truth
