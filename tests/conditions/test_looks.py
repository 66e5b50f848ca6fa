"""Conditions look at no more than what decides."""

from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.grammar import parse
from azscan.conditions.looks import Look, looked_at

ADMITS = {"field": "l", "admits": {"from": "internet", "ports": [22]}}
X_OF_L = {"in": "l", "where": {"field": "x", "equals": 1}}


@pytest.mark.parametrize(
    ("condition", "looks"),
    [
        ({"field": "a.b", "equals": 1}, [Look(("a", "b"))]),
        ({"field": "a.b", "equalsField": "c"}, [Look(("a", "b")), Look(("c",))]),
        ({"allOf": [{"field": "a.b", "equals": 1}, {"field": "a", "exists": True}]}, [Look(("a",))]),
        ({"not": {"some": {"in": "l"}}}, [Look(("l",), ())]),
        ({"some": X_OF_L}, [Look(("l",), (Look(("x",)),))]),
        ({"allOf": [{"some": X_OF_L}, {"field": "l", "exists": True}]}, [Look(("l",))]),
        ({"anyOf": [{"field": "l", "exists": True}, {"some": X_OF_L}]}, [Look(("l",))]),
        (
            {"anyOf": [{"some": X_OF_L}, {"count": {"in": "l", "where": {"field": "y", "equals": 1}}, "less": 2}]},
            [Look(("l",), (Look(("x",)), Look(("y",))))],
        ),
        (
            {"some": {"in": "l", "where": {"anyOf": [{"some": {"in": "m"}}, {"field": "$.a", "equals": 1}]}}},
            [Look(("a",)), Look(("l",), (Look(("m",), ()),))],
        ),
        ({"some": {"in": "l", "where": {"field": ".", "equals": 1}}}, [Look(("l",), (Look(()),))]),
        (ADMITS, [Look(("l",), members=("name", "properties"))]),
        (
            {"allOf": [ADMITS, {"some": X_OF_L}]},
            [Look(("l",), (Look(("x",)),)), Look(("l",), members=("name", "properties"))],
        ),
        ({"allOf": [ADMITS, {"field": "l", "exists": True}]}, [Look(("l",))]),
        (
            {"field": "l", "admits": {"from": "internet", "also": "m"}},
            [Look((name,), members=("name", "properties")) for name in "lm"],
        ),
        ({"field": "l", "cidr": {"public": True, "keys": ["a.x", "b"]}}, [Look(("l",), members=("a", "b", "name"))]),
        ({"field": "l", "cidr": {"public": True, "keys": "."}}, [Look(("l",))]),
    ],
)
def test_looks_are_no_more_than_what_decides(condition: Any, looks: list[Look]) -> None:
    assert sorted(looked_at(parse(condition)), key=repr) == looks
