"""Keys of documents: whatever a condition could tell apart has another key, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.conditions.alike import LONGEST, MOST_ITEMS, UNIQUE, Look, Looks, looked_at
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
    seen = {look.keys[0] for look in looks.looks}
    changed = {name: value for name, value in {**other, **document}.items() if name in seen or name in other}
    changed |= {name: value for name, value in document.items() if name in seen}
    for name in seen - document.keys():
        changed.pop(name, None)
    assert looks.at(Document(changed)) == looks.at(Document(document))
    assert said(condition, Document(changed, 1)) == said(condition, Document(document, 1))


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
    ],
)
def test_looks_are_no_more_than_what_decides(condition: Any, looks: list[Look]) -> None:
    assert sorted(looked_at(parse(condition)), key=repr) == looks


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ([{"x": 1, "id": "/a"}], [{"x": 1, "id": "/b"}], True),
        ([{"x": 1, "name": "a"}], [{"x": 1, "name": "b"}], False),
        ([{"x": 1}], [{"x": 1.0}], False),
        ([{"x": 1}], {"0": {"x": 1}}, False),
        ({"a": {"x": 1}}, {"b": {"x": 1}}, False),
        ([{"x": 1}, 2], [2, {"x": 1}], False),
        ([{"x": 1}] * 2, [{"x": 1}], False),
        ([{}], [{"x": None}], False),
    ],
)
def test_items_are_alike_by_what_is_looked_at(one: Any, other: Any, is_alike: bool) -> None:
    looks = looks_of({"some": X_OF_L})
    assert (looks.at(Document({"l": one})) == looks.at(Document({"l": other}))) == is_alike


def test_long_lists_and_long_items_are_unique() -> None:
    looks = looks_of({"some": X_OF_L})
    assert looks.at(Document({"l": [{"x": 1}] * (MOST_ITEMS + 1)})) == [UNIQUE]
    assert looks.at(Document({"l": [{"x": "x" * (LONGEST + 1)}]})) == [UNIQUE]


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
    assert Looks([Look(("a", "b"))]).at(Document(document)) == [key]
