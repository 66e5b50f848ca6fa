"""Keys of documents: whatever a condition could tell apart has another key, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.conditions.alike import LONGEST, UNIQUE, Looks, looked_at
from azscan.conditions.compile import compile_condition, describe
from azscan.conditions.grammar import parse
from azscan.conditions.paths import ASTRAY
from azscan.conditions.values import MISSING, Document
from tests.conditions.held import NOW
from tests.conditions.test_properties import CONDITIONS, DOCUMENTS

# Values that are equal in Python and not in JSON, and whatever else a document may hold at a path.
VALUES = st.recursive(
    st.sampled_from([True, False, 1, 1.0, 0, 0.0, -0.0, 2, None, "", "x", "X", "y", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abclm"), inner, max_size=3),
    max_leaves=6,
)
WILD = st.dictionaries(st.sampled_from("abclm"), VALUES, max_size=5)


def looks_of(condition: Any) -> Looks:
    return Looks(looked_at(parse(condition)))


def said(condition: Any, document: Document) -> tuple[int, bytes]:
    """The truth, and the evidence byte by byte: there 1, 1.0 and true are three."""
    truth, grounds = compile_condition(parse(condition), NOW)(document)
    assert all(source is document for _, _, _, source in grounds)
    return truth, msgspec.json.encode([describe(ground) for ground in grounds])


@given(CONDITIONS, st.lists(DOCUMENTS | WILD, min_size=2, max_size=12))
@settings(max_examples=400)
def test_documents_of_one_key_are_judged_the_same(condition: Any, documents: list[dict[str, Any]]) -> None:
    looks = looks_of(condition)
    known: dict[Any, tuple[int, bytes]] = {}
    for each in documents:
        document = Document(each, 1)
        outcome = said(condition, document)
        assert known.setdefault(tuple(looks.at(document)), outcome) == outcome


@given(CONDITIONS, DOCUMENTS, WILD)
@settings(max_examples=300)
def test_what_a_condition_does_not_look_at_is_in_no_key(condition: Any, document: dict[str, Any], other: Any) -> None:
    looks = looks_of(condition)
    seen = {path[0] for path in looks.paths}
    changed = {name: value for name, value in {**other, **document}.items() if name in seen or name in other}
    changed |= {name: value for name, value in document.items() if name in seen}
    for name in seen - document.keys():
        changed.pop(name, None)
    assert looks.at(Document(changed)) == looks.at(Document(document))
    assert said(condition, Document(changed, 1)) == said(condition, Document(document, 1))


@pytest.mark.parametrize(
    ("condition", "paths"),
    [
        ({"field": "a.b", "equals": 1}, [("a", "b")]),
        ({"field": "a.b", "equalsField": "c"}, [("a", "b"), ("c",)]),
        ({"allOf": [{"field": "a.b", "equals": 1}, {"field": "a", "exists": True}]}, [("a",)]),
        (
            {"some": {"in": "l", "where": {"anyOf": [{"field": "x", "equals": 1}, {"field": "$.a", "equals": 1}]}}},
            [("a",), ("l",)],
        ),
        ({"some": {"in": "l", "where": {"field": ".", "equals": 1}}}, [("l",)]),
    ],
)
def test_paths_are_the_shortest_that_hold_everything(condition: Any, paths: list[tuple[str, ...]]) -> None:
    assert sorted(looked_at(parse(condition))) == paths


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({}, MISSING),
        ({"a": None}, MISSING),
        ({"a": {"b": None}}, None),
        ({"a": [1]}, ASTRAY),
        ({"a": ""}, ASTRAY),
        ({"a": {"b": ""}}, ""),
        ({"a": {"b": True}}, True),
        ({"a": {"b": 1}}, (int, "1")),
        ({"a": {"b": [1, "x"]}}, b'[1,"x"]'),
        ({"a": {"b": "x" * (LONGEST + 1)}}, UNIQUE),
        ({"a": {"b": ["x" * LONGEST]}}, UNIQUE),
    ],
)
def test_what_stands_at_a_path_is_its_key(document: dict[str, Any], key: Any) -> None:
    assert Looks([("a", "b")]).at(Document(document)) == [key]
