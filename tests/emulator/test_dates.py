from __future__ import annotations

from datetime import UTC, datetime

import pytest

from azscan.emulator import read_estate
from azscan.emulator.dates import resolve
from azscan.errors import UsageError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_dates_stand_at_a_distance_from_today() -> None:
    value = {"a": [{"$days": -30}, {"$days": 1, "as": "unix"}], "b": {"c": "as it is"}}
    unix = int(datetime(2026, 2, 1, 12, tzinfo=UTC).timestamp())
    assert resolve(value, NOW) == {"a": ["2026-01-01T12:00:00.0000000Z", unix], "b": {"c": "as it is"}}


@pytest.mark.parametrize("odd", ['{"$days": "x"}', '{"$days": 1, "as": "moon"}', '{"$days": true}'])
def test_another_form_is_refused_in_words(odd: str) -> None:
    with pytest.raises(UsageError, match="is no date"):
        read_estate(b'{"format": 1, "tenant": {"id": %s}}' % odd.encode())
