"""What must hold for every condition and every document: unknowns never become passes, and knowledge only adds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, NOT_APPLICABLE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.values import Part
from tests.conditions.held import DENIED, NOW, Attached, Streamed

KEYS = ("a", "b", "c")
LISTS = ("l", "m")
SCALARS = st.sampled_from([True, False, 1, 2, "x", "y"])
ABSENT = st.sampled_from([None, ""])

# Operators over plain values; none with `default` or `exists`, which decide on absence.
LEAVES = st.one_of(
    st.fixed_dictionaries({"field": st.sampled_from(["a", "b", "c.a", "c.b"]), "equals": SCALARS}),
    st.fixed_dictionaries({"field": st.sampled_from(["a", "c.a"]), "notEquals": SCALARS}),
    st.fixed_dictionaries({"field": st.sampled_from(["a", "b"]), "in": st.lists(SCALARS, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"field": st.sampled_from(["a", "b"]), "notIn": st.lists(SCALARS, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"field": st.just("a"), "greater": st.integers(0, 2)}),
    st.fixed_dictionaries({"field": st.just("a"), "equalsField": st.sampled_from(["b", "c.a"])}),
)
KINDS = st.sampled_from(["some", "every", "none"])


def _quantified(kind: str, in_: str, where: Any, when_empty: str) -> dict[str, Any]:
    return {kind: {"in": in_, "where": where} | ({} if kind == "some" else {"whenEmpty": when_empty})}


def _conditions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda parts: {"allOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(_quantified, KINDS, st.sampled_from(LISTS), inner, st.sampled_from(["pass", "fail"])),
        st.builds(
            lambda in_, where, op, number: {"count": {"in": in_, "where": where}, op: number},
            st.sampled_from(LISTS),
            inner,
            st.sampled_from(["equals", "less", "greaterOrEquals", "notEquals"]),
            st.integers(0, 3),
        ),
    )


CONDITIONS = st.recursive(LEAVES, _conditions, max_leaves=6)
FLAT = st.dictionaries(st.sampled_from(["a", "b"]), SCALARS | ABSENT, max_size=2)
ITEMS = st.recursive(
    st.builds(lambda own, c: {**own, "c": c}, FLAT, FLAT),
    lambda inner: st.builds(lambda own, items: {**own, "l": items, "m": items[:1]}, FLAT, st.lists(inner, max_size=3)),
    max_leaves=4,
)
DOCUMENTS = st.builds(
    lambda own, c, one, two: {**own, "c": c, "l": one, "m": two},
    FLAT,
    FLAT,
    st.lists(ITEMS, max_size=3),
    st.lists(ITEMS, max_size=3),
)


def truth_of(condition: Any, document: Any) -> int:
    return compile_condition(parse(condition), NOW)(document)[0]


def removals(value: Any) -> Iterator[Any]:
    """Every way to take one property away, anywhere in the document."""
    if isinstance(value, dict):
        for key in value:
            rest = dict(value)
            del rest[key]
            yield rest
            for changed in removals(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for changed in removals(item):
                yield [*value[:index], changed, *value[index + 1 :]]


@given(CONDITIONS, DOCUMENTS)
@settings(max_examples=300)
def test_removing_a_property_never_turns_a_fail_into_a_pass(condition: Any, document: Any) -> None:
    if truth_of(condition, document) != TRUE:
        for less in removals(document):
            assert truth_of(condition, less) != TRUE


@given(CONDITIONS, DOCUMENTS, st.data())
@settings(max_examples=300)
def test_what_azure_leaves_unsaid_never_ends_as_a_pass(condition: Any, document: Any, data: st.DataObject) -> None:
    """A pass, or a refutation, stands whatever the absent properties would have said."""
    truth = truth_of(condition, document)
    assume(truth in (TRUE, FALSE))
    told = _told(document, data)
    assert truth_of(condition, told) == truth


def _told(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, list):
        return [_told(item, data) for item in value]
    if not isinstance(value, dict):
        return value
    told = {key: _told(each, data) for key, each in value.items()}
    for key in ("a", "b"):
        if told.get(key) in (None, ""):
            told[key] = data.draw(SCALARS)
    return told


@given(CONDITIONS, DOCUMENTS, st.data())
@settings(max_examples=400)
def test_learning_what_was_unreadable_never_contradicts(condition: Any, document: Any, data: st.DataObject) -> None:
    hidden = _hide(copy.deepcopy(document), data)
    before = truth_of(condition, hidden)
    if before in (TRUE, FALSE, NOT_APPLICABLE):
        assert truth_of(condition, document) == before


@given(CONDITIONS, DOCUMENTS, st.data())
@settings(max_examples=200)
def test_what_is_attached_reads_as_what_it_holds(condition: Any, document: Any, data: st.DataObject) -> None:
    attached = {
        key: Attached(Streamed(*each)) if isinstance(each, list) and data.draw(st.booleans()) else each
        for key, each in document.items()
    }
    assert truth_of(condition, attached) == truth_of(condition, document)


def _hide(value: Any, data: st.DataObject) -> Any:
    """The document with parts of it denied, or lists cut short."""
    if isinstance(value, dict):
        for key in list(value):
            if data.draw(st.integers(0, 5)) == 0:
                value[key] = data.draw(st.sampled_from([DENIED, Attached(DENIED)]))
            else:
                value[key] = _hide(value[key], data)
        for key in KEYS + LISTS:
            if key not in value and data.draw(st.integers(0, 9)) == 0:
                value[key] = DENIED
        return value
    if isinstance(value, list):
        items = [DENIED if data.draw(st.integers(0, 5)) == 0 else _hide(item, data) for item in value]
        if data.draw(st.integers(0, 4)) == 0:
            return Attached(Streamed(*items[: data.draw(st.integers(0, len(items)))], fault=DENIED))
        return items
    return value


@given(CONDITIONS)
def test_over_a_wholly_unreadable_document_nothing_is_decided(condition: Any) -> None:
    document = dict.fromkeys(KEYS + LISTS, DENIED)
    assert truth_of(condition, document) == UNREADABLE


STRUCTURED = [
    ({"cidr": {"addresses": {"greater": 9}, "public": True}}, [{"properties": {"startIpAddress": "8.0.0.0"}}]),
    (
        {"cidr": {"addresses": {"greater": 9}}},
        [
            {"name": "r", "properties": {"startIpAddress": "8.0.0.0", "endIpAddress": "8.0.9.0"}},
            {"value": "10.0.0.0/8"},
        ],
    ),
    ({"cidr": {"public": False}}, [{"value": "10.0.0.0/8", "action": "Allow"}, {"properties": {"ipMask": "10.0.0.1"}}]),
    ({"cidr": {"covers": "10.0.0.0/8"}}, [{"value": "10.0.0.0/9"}, {"value": "10.128.0.0/9"}]),
    (
        {"grants": {"action": "a/*"}},
        [{"actions": ["*"], "notActions": ["a/b"]}, {"actions": ["a/b"], "notActions": []}],
    ),
    ({"grants": {"action": "a/*", "match": "any"}}, [{"actions": ["a/*"], "notActions": ["a/*"]}]),
    ({"grants": {"action": "a/*"}}, [{"actions": ["*"], "notActions": ["b/*"], "dataActions": []}]),
    (
        {"logs": {"category": "A"}},
        [{"properties": {"workspaceId": "w", "logs": [{"category": "A", "categoryGroup": None, "enabled": True}]}}],
    ),
    (
        {"logs": {"category": "A"}},
        [{"properties": {"workspaceId": "w", "logs": [{"category": "A", "enabled": False}, {"category": "B"}]}}],
    ),
]


@pytest.mark.parametrize(("operator", "value"), STRUCTURED)
def test_removing_a_member_of_a_structure_never_turns_a_decision(operator: dict[str, Any], value: Any) -> None:
    condition = {"field": "value", **operator}
    truth = truth_of(condition, {"value": value})
    for less in removals({"value": value}):
        assert truth_of(condition, less) in (truth, UNSAID)


@given(CONDITIONS, DOCUMENTS)
def test_every_outcome_has_grounds(condition: Any, document: Any) -> None:
    _, grounds = compile_condition(parse(condition), NOW)(document)
    assert grounds
    assert not any(isinstance(actual, Part) for _, _, actual, _ in grounds)
