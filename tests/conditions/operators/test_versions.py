from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators.versions import order
from tests.conditions.held import leaf


@pytest.mark.parametrize(
    ("expected", "value", "truth"),
    [
        ({"atLeast": "1.29"}, "1.29.4", TRUE),
        ({"atLeast": "1.29"}, "1.29", TRUE),
        ({"atLeast": "1.29"}, "1.9.11", FALSE),
        ({"atLeast": "1.29"}, "1.100.0", TRUE),
        pytest.param({"atLeast": "1.29.3"}, "1.29", UNSAID, id="too-coarse"),
        ({"atLeast": "1.29.0"}, "1.29", TRUE),
        ({"less": "1.29.3"}, "1.28", TRUE),
        ({"atLeast": "12"}, "16", TRUE),
        ({"atLeast": 12}, 16, TRUE),
        ({"atLeast": "11"}, "9.6", FALSE),
        ({"atLeast": "8.0"}, "v8.0", TRUE),
        ({"atLeast": "8.0"}, "V6.0", FALSE),
        ({"atLeast": "3.9"}, "PYTHON|3.12", TRUE),
        ({"atLeast": "3.9"}, "PYTHON|3.8", FALSE),
        ({"atLeast": "20"}, "NODE|18-lts", FALSE),
        ({"atLeast": "9.0"}, "TOMCAT|9.0-java11", TRUE),
        ({"atLeast": "4"}, "~4", TRUE),
        ({"atLeast": "8.0"}, "8.0.21-azure", TRUE),
        pytest.param({"less": "16"}, "16", FALSE, id="trap-17-dropped-with-16"),
        ({"less": "16"}, "15.4", TRUE),
        ({"atMost": "16"}, "16.1", FALSE),
        ({"equals": "16"}, "16.0", TRUE),
        ({"atLeast": "11", "less": "16"}, "14", TRUE),
        ({"atLeast": "11", "less": "16"}, "17", FALSE),
        ({"atLeast": "1.29.3", "less": "1.28"}, "1.29", FALSE),
        ({"greater": "12"}, "12.0", FALSE),
        ({"atLeast": "1"}, "latest", UNSAID),
        ({"atLeast": "1"}, "DOCKER|repo/image:1.2", UNSAID),
        ({"atLeast": "1"}, "1.2.", UNSAID),
        ({"atLeast": "1"}, "1" * 40, UNSAID),
        ({"atLeast": "1"}, True, UNSAID),
        ({"atLeast": "1"}, ["1"], UNSAID),
        ({"atLeast": "1"}, None, UNSAID),
    ],
)
def test_versions(expected: dict[str, Any], value: Any, truth: int) -> None:
    assert leaf(value, version=expected) == truth


NUMERALS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)


@given(NUMERALS, NUMERALS)
def test_order_is_that_of_any_completion(actual: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    found = order(actual, wanted)
    if found is None:
        assert len(actual) < len(wanted)
        assert wanted[: len(actual)] == actual
    elif len(actual) >= len(wanted):
        assert (found > 0) == (actual > wanted + (0,) * (len(actual) - len(wanted)))
    else:
        tail = (0,) * (len(wanted) - len(actual))
        assert (found < 0) == (actual + tail < wanted)
