"""ARM ids by segments, in any case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.estate.ids import ResourceId, ancestors, key_of, parse_id, region_of

SUB = "/subscriptions/S1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SUB, ResourceId("S1", "", "Microsoft.Resources/subscriptions", "S1")),
        (f"{SUB}/resourceGroups/RG", ResourceId("S1", "RG", "Microsoft.Resources/resourceGroups", "RG")),
        (f"{SUB}/resourcegroups/rg/providers/A.B/cs/d", ResourceId("S1", "rg", "A.B/cs", "d")),
        (f"{SUB}/resourceGroups/rg/providers/A.B/cs/d/es/f/", ResourceId("S1", "rg", "A.B/cs/es", "f")),
        (f"{SUB}/resourceGroups/rg/providers/A.B/cs/d/PROVIDERS/X.Y/zs/z", ResourceId("S1", "rg", "X.Y/zs", "z")),
        (f"{SUB}/providers/A.B/cs/d", ResourceId("S1", "", "A.B/cs", "d")),
        (
            f"{SUB}/locations/westeurope",
            ResourceId("S1", "", "Microsoft.Resources/subscriptions/locations", "westeurope"),
        ),
        ("/providers/A.B/cs/d", ResourceId("", "", "A.B/cs", "d")),
        ("b4d1", ResourceId("", "", "", "b4d1")),
        ("", ResourceId("", "", "", "")),
        (f"{SUB}/resourceGroups/providers/providers/A.B/cs/d", ResourceId("S1", "providers", "A.B/cs", "d")),
    ],
)
def test_the_pieces_of_an_id(text, expected):
    assert parse_id(text) == expected


@given(st.text(st.characters(exclude_categories=["Z", "C"])))
def test_spellings_of_one_id_have_one_key(text):
    assert key_of(key_of(text)) == key_of(text)
    assert key_of(f"/{text}/") == key_of(text)
    parse_id(text)
    assert ancestors(text)[0] == key_of(text)


def test_ancestors_are_resources_groups_and_the_subscription():
    assert ancestors(f"{SUB}/resourceGroups/RG/providers/A.B/cs/d/es/f") == [
        "/subscriptions/s1/resourcegroups/rg/providers/a.b/cs/d/es/f",
        "/subscriptions/s1/resourcegroups/rg/providers/a.b/cs/d",
        "/subscriptions/s1/resourcegroups/rg",
        "/subscriptions/s1",
    ]
    assert ancestors(f"{SUB}/providers/A.B/cs/d")[-1] == "/subscriptions/s1"
    assert ancestors(SUB) == ["/subscriptions/s1"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("West Europe", "westeurope"), ("westeurope", "westeurope"), ("", "global"), (None, "global"), (7, "global")],
)
def test_regions_have_one_spelling(text, name):
    assert region_of(text) == name
