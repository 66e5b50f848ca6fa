from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators.moments import FAR_OFF, LONG_AGO, read_moment
from tests.conditions.held import NOW, leaf

MOMENT = datetime(2023, 8, 23, 4, 34, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2023-08-23T04:34:12Z", MOMENT),
        pytest.param("2023-08-23T04:34:12", MOMENT, id="trap-29-no-zone"),
        ("2023-08-23T04:34:12.1Z", MOMENT + 0.1),
        ("2023-08-23T04:34:12.12", MOMENT + 0.12),
        ("2023-08-23T04:34:12.123+00:00", MOMENT + 0.123),
        ("2023-08-23T04:34:12.1234Z", MOMENT + 0.1234),
        ("2023-08-23T04:34:12.12345Z", MOMENT + 0.12345),
        ("2023-08-23T04:34:12.123456Z", MOMENT + 0.123456),
        pytest.param("2023-08-23T04:34:12.1234567Z", MOMENT + 0.1234567, id="trap-29-seven-digits"),
        ("2023-08-23T06:34:12+02:00", MOMENT),
        ("2023-08-22T23:34:12-0500", MOMENT),
        ("2023-08-23 04:34:12", MOMENT),
        ("2023-08-23t04:34:12z", MOMENT),
        ("2023-08-23T04:34Z", MOMENT - 12),
        ("2023-08-23", MOMENT - 12 - 34 * 60 - 4 * 3600),
        ("Wed, 23 Aug 2023 04:34:12 GMT", MOMENT),
        pytest.param(1692765252, MOMENT, id="trap-29-unix-seconds"),
        (1692765252.5, MOMENT + 0.5),
        (0, 0.0),
        ("0001-01-01T00:00:00", LONG_AGO),
        ("0001-01-01T00:00:00+00:00", LONG_AGO),
        ("0001-01-01T00:00:00-08:00", LONG_AGO),
        ("9999-12-31T23:59:59.9999999Z", FAR_OFF),
        ("9999-12-31T23:59:59+14:00", FAR_OFF),
    ],
)
def test_forms(text: Any, seconds: float) -> None:
    assert read_moment(text) == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize(
    "value",
    [
        "11/4/2021 12:33:01 AM",
        "2023-13-01T00:00:00Z",
        "2023-02-30",
        "2023-08-23T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "soon",
        "٢٠٢٣-08-23",
        "Wed, 23 Abc 2023 04:34:12 GMT",
        1692765252000,
        -(10**12),
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_moment(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_moment(value)
    assert leaf(value, olderThan="1d") == UNSAID
    assert leaf(value, expiresWithin="1d") == UNSAID


def days(number: float) -> str:
    return (NOW + timedelta(days=number)).isoformat()


@pytest.mark.parametrize(
    ("value", "expires", "old"),
    [
        (days(29), TRUE, FALSE),
        (days(31), FALSE, FALSE),
        pytest.param(days(-1), TRUE, FALSE, id="expired-yesterday"),
        (days(-89), TRUE, FALSE),
        (days(-91), TRUE, TRUE),
        (int(NOW.timestamp()) - 91 * 86400, TRUE, TRUE),
        ("0001-01-01T00:00:00Z", UNSAID, UNSAID),
        pytest.param("9999-12-31T23:59:59Z", FALSE, UNSAID, id="never"),
    ],
)
def test_spans(value: Any, expires: int, old: int) -> None:
    assert leaf(value, expiresWithin="30d") == expires
    assert leaf(value, olderThan="90d") == old


@pytest.mark.parametrize(("span", "truth"), [("23h", FALSE), ("25h", TRUE), ("2d", TRUE), ("1w", TRUE), ("1y", TRUE)])
def test_units(span: str, truth: int) -> None:
    assert leaf(days(1), expiresWithin=span) == truth


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_moment_means_the_same_in_every_zone(moment: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    text = moment.isoformat()
    assert read_moment(text + zone) == pytest.approx(read_moment(text + "Z") - minutes * 60, abs=1e-4)


def test_every_date_recorded_from_azure_is_read(shared: Path) -> None:
    looks = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d|(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d).{0,24}\Z")
    seen = 0
    for file in sorted((shared / "recordings").glob("*.json")):
        for text in _texts(json.loads(file.read_text(encoding="utf-8"))["records"]):
            if looks.match(text):
                seen += 1
                assert read_moment(text) < 7e9 or read_moment(text) == FAR_OFF, text
    assert seen > 1000


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def test_json_numbers_stay_exact_to_the_second() -> None:
    assert read_moment(json.loads("253402300799")) == 253402300799.0
