from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators.durations import days_of_months, read_duration
from tests.conditions.held import leaf


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("P30D", 0, 30 * 86400),
        ("PT1H", 0, 3600),
        ("PT30M", 0, 1800),
        ("P1DT12H30M5.5S", 0, 86400 + 12 * 3600 + 30 * 60 + 5.5),
        ("P2W", 0, 14 * 86400),
        ("P1Y6M", 18, 0),
        ("P1.5Y", 18, 0),
        ("-P1D", 0, -86400),
        ("P10675199DT2H48M5.4775807S", 0, 10675199 * 86400 + 2 * 3600 + 48 * 60 + 5.4775807),
        ("30.00:00:00", 0, 30 * 86400),
        ("00:30:00", 0, 1800),
        ("1.02:03:04.5", 0, 86400 + 2 * 3600 + 3 * 60 + 4.5),
        ("12:00", 0, 12 * 3600),
        ("-00:05:00", 0, -300),
        (" PT5M ", 0, 300),
    ],
)
def test_forms(text: str, months: int, seconds: float) -> None:
    found_months, found_seconds = read_duration(text)
    assert found_months == months
    assert found_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1", "30", "30d", "P1DT", "25:00:00", "00:61:00", "P0.1M", "forever"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_duration(text)


@pytest.mark.parametrize(
    ("expected", "value", "truth"),
    [
        ({"atLeast": "P30D"}, "P30D", TRUE),
        ({"atLeast": "P30D"}, "30.00:00:00", TRUE),
        ({"atLeast": "P30D"}, "P29DT23H", FALSE),
        ({"atMost": "PT1H"}, "00:30:00", TRUE),
        ({"less": "P30D"}, "P30D", FALSE),
        ({"greater": "P30D"}, "P31D", TRUE),
        ({"atLeast": "P7D", "atMost": "P30D"}, "P14D", TRUE),
        ({"atLeast": "P7D", "atMost": "P30D"}, "P31D", FALSE),
        pytest.param({"atMost": "P2Y"}, "P2Y", TRUE, id="years-alike"),
        ({"atMost": "P1Y"}, "P12M", TRUE),
        ({"atLeast": "P365D"}, "P1Y", TRUE),
        ({"atLeast": "P366D"}, "P1Y", UNSAID),
        ({"atLeast": "P367D"}, "P1Y", FALSE),
        ({"atLeast": "P28D"}, "P1M", TRUE),
        ({"atLeast": "P30D"}, "P1M", UNSAID),
        ({"atMost": "P31D"}, "P1M", TRUE),
        ({"atMost": "P731D"}, "P2Y", TRUE),
        ({"atMost": "P30D"}, "P100000000Y", FALSE),
        ({"atLeast": "P1D"}, "soon", UNSAID),
        ({"atLeast": "P1D"}, 30, UNSAID),
        ({"atLeast": "P1D"}, None, UNSAID),
    ],
)
def test_durations(expected: dict[str, str], value: Any, truth: int) -> None:
    assert leaf(value, duration=expected) == truth


@pytest.mark.parametrize(
    ("months", "days"),
    [
        (0, (0, 0)),
        (1, (28, 31)),
        (2, (59, 62)),
        (12, (365, 366)),
        (48, (1460, 1461)),
        (4800, (146097, 146097)),
        (-1, (-31, -28)),
    ],
)
def test_months_have_no_fixed_length(months: int, days: tuple[int, int]) -> None:
    assert days_of_months(months) == days
