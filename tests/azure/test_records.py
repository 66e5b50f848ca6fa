"""Members of a record, whatever a stranger sends for it."""

from __future__ import annotations

from typing import Any

import pytest

from azscan.azure.records import properties_of, text_of


@pytest.mark.parametrize(
    ("record", "properties"),
    [
        ({"properties": {"a": 1}}, {"a": 1}),
        ({"properties": [1]}, {}),
        ({"properties": None}, {}),
        ({}, {}),
        ("x", {}),
        (None, {}),
    ],
)
def test_properties_are_a_map(record: Any, properties: Any) -> None:
    assert properties_of(record) == properties


@pytest.mark.parametrize(("value", "text"), [("x", "x"), ("", ""), (None, ""), (5, ""), (["x"], "")])
def test_text_is_text(value: Any, text: str) -> None:
    assert text_of({"name": value}, "name") == text
    assert text_of({}, "name") == ""
