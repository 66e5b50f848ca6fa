"""What evidence says of the leaves of a condition."""

from __future__ import annotations

from azscan.conditions.grammar import parse
from azscan.conditions.nodes import Any_, Leaf
from azscan.conditions.values import MISSING
from azscan.told import Told


def test_alternatives_that_failed_together_are_told_as_such() -> None:
    node = parse({"anyOf": [{"field": "a", "equals": 1}, {"field": "b", "equals": 2, "default": 3}]}, {})
    assert isinstance(node, Any_)
    told = Told([node])
    told.facts([(leaf, "", MISSING, None) for leaf in node.parts if isinstance(leaf, Leaf)])
    assert told.table() == [
        ("a", "equals 1 (alternative 1 of 2)"),
        ("b", "equals 2 (alternative 2 of 2) (absent counts as 3)"),
    ]
