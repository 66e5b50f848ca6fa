"""Where evidence says that a value stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.evidence import alternatives, opposite, words, written
from azscan.conditions.grammar import parse
from azscan.conditions.nodes import Leaf, walk


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


@pytest.mark.parametrize(
    ("condition", "said", "turned"),
    [
        ({"field": "p", "olderThan": "366d"}, "is older than 366 days", "is not older than 366 days"),
        ({"field": "p", "expiresWithin": "1y"}, "expires within 1 year", "does not expire within 1 year"),
        ({"field": "p", "expiresWithin": "0d"}, "has expired", "has not expired"),
        ({"count": {"in": "p"}, "greaterOrEquals": 1}, "at least 1 item", "fewer than 1 item"),
        ({"count": {"in": "p"}, "lessOrEquals": 2}, "at most 2 items", "more than 2 items"),
        ({"count": {"in": "p"}, "notEquals": 2}, "not exactly 2 items", "exactly 2 items"),
        ({"field": "p", "greater": 3}, "is greater than 3", "is at most 3"),
        ({"field": "p", "lessOrEquals": 3}, "is at most 3", "is greater than 3"),
        ({"field": "p", "less": 3}, "is less than 3", "is at least 3"),
        (
            {"field": "p", "cidr": {"addresses": {"lessOrEquals": 3}}},
            "opens at most 3 addresses",
            "not (opens at most 3 addresses)",
        ),
        ({"field": "p", "grants": {"action": "a/read"}}, "grants a/read", "does not grant a/read"),
    ],
)
def test_conditions_and_their_opposites_are_plain_words(condition: Any, said: str, turned: str) -> None:
    node = parse(condition, {})
    assert words(node) == said and opposite(said) == turned
    assert opposite(turned) == said or turned.startswith("not (")


A, B, C = ({"field": name, "equals": 1} for name in "abc")


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ({"anyOf": [A, {"allOf": [B, C]}]}, {"a": 1, "b": 2, "c": 2}),
        ({"allOf": [A, {"anyOf": [B, {"not": C}]}]}, {"b": 1, "c": 2}),
        ({"anyOf": [A, {"anyOf": [B, C]}]}, {"a": 1, "b": 2, "c": 2}),
        # Which of two a number is of would not be told; below a not, alternatives are demands.
        ({"allOf": [{"anyOf": [A, B]}, {"anyOf": [A, C]}]}, {}),
        ({"not": {"anyOf": [A, B]}}, {}),
        ({"allOf": [A, B]}, {}),
    ],
)
def test_alternatives_are_numbered(condition: Any, numbers: dict[str, int]) -> None:
    node = parse(condition, {})
    found = alternatives(node)
    leaves = [each for each in walk(node) if isinstance(each, Leaf) and id(each) in found]
    assert {each.path.text: found[id(each)] for each in leaves} == {
        name: f"(alternative {number} of 2)" for name, number in numbers.items()
    }
