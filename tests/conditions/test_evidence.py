"""Where evidence says that a value stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.evidence import written


@pytest.mark.parametrize(
    ("key", "item", "path"),
    [
        (0, {"name": "images"}, "containers[images]."),
        (0, {"name": "$web"}, "containers['$web']."),
        (0, {"name": "it's"}, "containers['it''s']."),
        (0, {"name": "a]b[c"}, "containers['a]b[c']."),
        # A name is no place, and no place a name.
        (7, {"name": "0"}, "containers['0']."),
        (7, {"name": "10.0.0.4"}, "containers[10.0.0.4]."),
        (7, {"name": ""}, "containers[7]."),
        (7, {"name": 5}, "containers[7]."),
        (7, {"name": "x" * 81}, "containers[7]."),
        (7, "text", "containers[7]."),
        ("8080/tcp", 1, "containers['8080/tcp']."),
        ("key", 1, "containers[key]."),
    ],
)
def test_an_item_is_called_by_its_name(key: Any, item: Any, path: str) -> None:
    assert written(("", "containers", key, item)) == path


names = st.text(st.sampled_from("a0'[]. "), min_size=1, max_size=6)


@given(one=names | st.integers(0, 9), other=names | st.integers(0, 9))
def test_no_two_items_have_one_path(one: Any, other: Any) -> None:
    def path(each: Any) -> str:
        return written(("", "l", 0, {"name": each})) if isinstance(each, str) else written(("", "l", each, {}))

    assert (path(one) == path(other)) == (one == other)
