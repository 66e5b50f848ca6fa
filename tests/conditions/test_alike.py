"""Keys of documents: whatever a condition could tell apart has another key, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.conditions.alike import LONGEST, MOST_ITEMS, UNIQUE, Looks
from azscan.conditions.compile import compile_condition, describe
from azscan.conditions.grammar import parse
from azscan.conditions.looks import Look, looked_at
from azscan.conditions.paths import ASTRAY
from azscan.conditions.table import OPERATORS
from azscan.conditions.values import MISSING, Document
from tests.conditions.held import DENIED, NOW, Attached, Streamed
from tests.conditions.test_looks import ADMITS, X_OF_L
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


def keys_of(looks: Looks, document: dict[str, Any]) -> list[Any]:
    keys, reads = looks.at(Document(document))
    assert reads == []
    return keys


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
        assert known.setdefault(tuple(keys_of(looks, document)), outcome) == outcome


@given(CONDITIONS, DOCUMENTS, WILD)
@settings(max_examples=300)
def test_what_a_condition_does_not_look_at_is_in_no_key(condition: Any, document: dict[str, Any], other: Any) -> None:
    looks = looks_of(condition)
    seen = {look.keys[0] for look in looks.looks}
    changed = {name: value for name, value in {**other, **document}.items() if name in seen or name in other}
    changed |= {name: value for name, value in document.items() if name in seen}
    for name in seen - document.keys():
        changed.pop(name, None)
    assert keys_of(looks, changed) == keys_of(looks, document)
    assert said(condition, Document(changed, 1)) == said(condition, Document(document, 1))


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
    assert (keys_of(looks, {"l": one}) == keys_of(looks, {"l": other})) == is_alike


def test_long_lists_and_long_items_are_unique() -> None:
    looks = looks_of({"some": X_OF_L})
    assert keys_of(looks, {"l": [{"x": 1}] * (MOST_ITEMS + 1)}) == [UNIQUE]
    assert keys_of(looks, {"l": [{"x": "x" * (LONGEST + 1)}]}) == [UNIQUE]
    assert keys_of(looks, {"l": {"n" * (LONGEST + 1): {"x": 1}}}) == [UNIQUE]


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
    assert keys_of(Looks([Look(("a", "b"))]), document) == [key]


RULES = st.fixed_dictionaries(
    {},
    optional={
        "access": st.sampled_from(["Allow", "Deny"]),
        "direction": st.sampled_from(["Inbound", "Outbound"]),
        "priority": st.sampled_from([100, 200]),
        "protocol": st.sampled_from(["*", "Tcp"]),
        "sourceAddressPrefix": st.sampled_from(["*", "10.0.0.0/8"]),
        "sourcePortRange": st.just("*"),
        "destinationAddressPrefix": st.just("*"),
        "destinationPortRange": st.sampled_from(["22", "80"]),
    },
)
FIREWALL = st.fixed_dictionaries(
    {},
    optional={
        "startIpAddress": st.sampled_from(["1.2.3.4", "10.0.0.1", "0.0.0.0"]),
        "endIpAddress": st.sampled_from(["1.2.3.4", "10.0.0.9", "255.255.255.255"]),
        "value": st.sampled_from(["1.2.3.4", "10.0.0.0/8"]),
    },
)
LOGS = st.fixed_dictionaries(
    {},
    optional={
        "workspaceId": st.sampled_from(["", "/w"]),
        "logs": st.lists(
            st.fixed_dictionaries({"category": st.sampled_from(["Audit", "Other"]), "enabled": st.booleans()}),
            max_size=2,
        ),
    },
)
OF_MEMBERS = {"admits": ({"from": "internet"}, RULES), "cidr": ({"public": True}, FIREWALL)}
OF_MEMBERS |= {"logs": ({"category": "Audit"}, LOGS)}


def test_each_operator_that_names_members_is_tried() -> None:
    assert {name for name, operator in OPERATORS.items() if operator.members} == OF_MEMBERS.keys()


@pytest.mark.parametrize("name", sorted(OF_MEMBERS))
@given(st.data())
@settings(max_examples=150)
def test_an_operator_looks_at_the_members_that_it_names(name: str, data: st.DataObject) -> None:
    expected, bodies = OF_MEMBERS[name]
    condition = {"field": "l", name: expected}
    members = OPERATORS[name].members(expected)
    whole = st.builds(
        lambda properties, top, others: {**others, **top, **({"properties": properties} if properties else {})},
        bodies,
        bodies,
        st.dictionaries(st.sampled_from(["name", "id", "etag", "type", "x"]), st.sampled_from(["a", "1.2.3.4", "/b"])),
    )
    items = data.draw(st.lists(whole, max_size=4))
    seen = [{member: item[member] for member in members if member in item} for item in items]
    assert said(condition, Document({"l": items}, 1)) == said(condition, Document({"l": seen}, 1))
    assert keys_of(looks_of(condition), {"l": items}) == keys_of(looks_of(condition), {"l": seen})


def test_items_of_which_much_is_looked_at_are_told_apart() -> None:
    looks = looks_of(ADMITS)
    one, other = ([{"properties": {"sourceAddressPrefixes": ["10.0.0.1"] * 99 + [last]}}] for last in ("x", "y"))
    assert keys_of(looks, {"l": one}) == keys_of(looks, {"l": [{**one[0], "id": "/another"}]})
    assert keys_of(looks, {"l": one}) != keys_of(looks, {"l": other})


def parts(**named: Any) -> Document:
    return Document({name: Attached(value) for name, value in named.items()}, 1)


def opening(condition: Any) -> Looks:
    return Looks(looked_at(parse(condition)), {"c", "l"})


ALL_X = {"every": {**X_OF_L, "whenEmpty": "pass"}}


@pytest.mark.parametrize(
    ("condition", "document", "reads"),
    [
        ({"field": "c.x", "equals": 1}, parts(c=Document({"x": 1}, 5)), [5]),
        ({"field": "c.x", "equals": 1}, parts(c=MISSING), []),
        ({"field": "c.k.x", "equals": 1}, parts(c={"k": Document({"x": 1}, 5)}), [5]),
        ({"field": "c.d.x", "equals": 1}, parts(c=Document({"d": Attached(Document({"x": 1}, 6))}, 5)), [5, 6]),
        (ALL_X, parts(l=Streamed()), [7]),
        (ALL_X, parts(l=Streamed(Document({"x": 1}, 5), Document({"x": 1}, 6))), [7, 5, 6]),
        (ALL_X, parts(l={"k": Document({"x": 1}, 5)}), [5]),
        (ADMITS, parts(l=Streamed(Document({"name": "a"}, 5))), [7, 5]),
    ],
)
def test_the_reads_of_opened_parts_are_told(condition: Any, document: Document, reads: list[int]) -> None:
    keys, found = opening(condition).at(document)
    assert found == [reads] and UNIQUE not in keys


@pytest.mark.parametrize(
    ("condition", "document"),
    [
        ({"field": "c.x", "equals": 1}, parts(c=DENIED)),
        ({"field": "c.x", "equals": 1}, parts(c=Document({"x": 1}, 5, DENIED))),
        ({"field": "c", "exists": True}, parts(c=Document({"x": 1}, 5))),
        ({"field": "c", "containsKey": "k"}, parts(c={"k": Document({"x": 1}, 5)})),
        ({"field": "l", "exists": True}, parts(l=Streamed())),
        (ALL_X, parts(l=DENIED)),
        (ALL_X, parts(l=Streamed(fault=DENIED))),
        (ALL_X, parts(l=Streamed(Document({"x": 1}, 5, DENIED)))),
        (ALL_X, parts(l=Streamed(Attached(Document({"x": 1}, 5))))),
        (ALL_X, parts(l=Document({"k": Document({"x": 1}, 5)}, 5, DENIED))),
        (ALL_X, parts(l={"k": DENIED})),
        (ALL_X, parts(l=Streamed(*[Document({"x": 1}, 5)] * (MOST_ITEMS + 1)))),
        (ADMITS, parts(l=Streamed(Document({"name": "a"}, 5, DENIED)))),
        (ADMITS, parts(l=Streamed(Document({"name": "a", "properties": Attached(DENIED)}, 5)))),
    ],
)
def test_what_is_not_known_in_full_is_unique(condition: Any, document: Document) -> None:
    assert UNIQUE in opening(condition).at(document)[0]


def test_no_more_parts_are_opened_than_a_key_may_hold() -> None:
    opened: list[int] = []

    class Counted(Attached):
        def open(self) -> Any:
            opened.append(1)
            return super().open()

    inner = Streamed(*[Document({"x": 1}, 6)] * MOST_ITEMS)
    outer = Streamed(*[Document({"l": Counted(inner)}, 5) for _ in range(MOST_ITEMS)])
    keys, (reads,) = opening({"some": {"in": "l", "where": {"some": X_OF_L}}}).at(parts(l=outer))
    assert keys == [UNIQUE] and len(opened) == 1 and len(reads) <= 2 * MOST_ITEMS


def test_a_part_that_is_there_is_another_than_one_that_is_not() -> None:
    looks = opening({"field": "c.x", "exists": False})
    assert looks.at(parts(c=Document({}, 5)))[0] != looks.at(parts(c=MISSING))[0]
