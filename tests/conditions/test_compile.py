from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.compile import EVIDENCE_LIMIT, compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, NOT_APPLICABLE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.values import MISSING, Document, Unreadable
from tests.conditions.held import DENIED, NOW, Attached, Streamed, evidence, judge

ON = {"field": "on", "equals": True}
HTTPS = {"field": "properties.https", "equals": True}


@pytest.mark.parametrize(
    ("document", "truth"),
    [
        pytest.param({"properties": {"https": True}}, TRUE, id="true"),
        pytest.param({"properties": {"https": False}}, FALSE, id="false"),
        pytest.param({"properties": {}}, UNSAID, id="trap-8-absent"),
        pytest.param({"properties": {"https": None}}, UNSAID, id="trap-8-null"),
        pytest.param({"properties": {"https": ""}}, UNSAID, id="trap-10-empty-text"),
        pytest.param({"properties": None}, UNSAID, id="null-on-the-way"),
        pytest.param({}, UNSAID, id="no-properties"),
        pytest.param({"properties": "text"}, UNSAID, id="text-on-the-way"),
        pytest.param({"properties": [{"https": True}]}, UNSAID, id="list-on-the-way"),
        pytest.param({"properties": {"https": "True"}}, UNSAID, id="text-for-a-boolean"),
        pytest.param({"properties": {"https": 1}}, UNSAID, id="number-for-a-boolean"),
        pytest.param({"properties": Attached(DENIED)}, UNREADABLE, id="unreadable-part"),
        pytest.param({"properties": DENIED}, UNREADABLE, id="unreadable-value"),
        pytest.param(Document({"properties": {}}, fault=DENIED), UNREADABLE, id="absent-and-half-read"),
        pytest.param(Document({"properties": {"https": None}}, fault=DENIED), UNREADABLE, id="null-and-half-read"),
        pytest.param(Document({"properties": {"https": False}}, fault=DENIED), FALSE, id="half-read-but-there"),
    ],
)
def test_a_leaf(document: dict[str, Any], truth: int) -> None:
    assert judge(HTTPS, document) == truth
    flipped = {TRUE: FALSE, FALSE: TRUE}
    assert judge({"not": HTTPS}, document) == flipped.get(truth, truth)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_depth_of_path_reads_alike(depth: int) -> None:
    keys = ["a", "b", "c", "d"][:depth]
    condition = {"field": ".".join(keys), "equals": "x"}

    def nested(value: Any, at: int = depth) -> Any:
        for key in reversed(keys[:at]):
            value = {key: value}
        return value

    assert judge(condition, nested("X")) == TRUE
    assert judge(condition, nested("y")) == FALSE
    assert judge(condition, nested("")) == UNSAID
    assert judge(condition, nested(None)) == UNSAID
    assert judge(condition, {}) == UNSAID
    for at in range(1, depth + 1):
        assert judge(condition, nested(Attached(DENIED), at)) == UNREADABLE
        assert judge(condition, nested(DENIED, at)) == UNREADABLE
        assert judge(condition, nested(Attached(MISSING), at)) == UNSAID
        rest = "x"
        for key in reversed(keys[at:]):
            rest = {key: rest}
        if isinstance(rest, dict):
            assert judge(condition, nested(Attached(Document(rest)), at)) == TRUE
            assert judge(condition, nested(5, at)) == UNSAID


@pytest.mark.parametrize(
    ("value", "truth"), [("absent", TRUE), (None, TRUE), ("", TRUE), (False, FALSE), (DENIED, UNREADABLE), ([], UNSAID)]
)
def test_a_default_stands_in_for_what_is_absent_only(value: Any, truth: int) -> None:
    document = {"properties": {} if value == "absent" else {"https": value}}
    assert judge({**HTTPS, "default": True}, document) == truth


@pytest.mark.parametrize(
    ("document", "there"),
    [
        ({"a": 1}, TRUE),
        ({"a": False}, TRUE),
        ({"a": []}, TRUE),
        ({"a": None}, FALSE),
        ({"a": ""}, FALSE),
        ({}, FALSE),
        ({"a": Attached(MISSING)}, FALSE),
        ({"a": Attached(Document({}))}, TRUE),
        ({"a": Attached(DENIED)}, UNREADABLE),
        (Document({}, fault=DENIED), UNREADABLE),
    ],
)
def test_exists_decides_on_absence(document: dict[str, Any], there: int) -> None:
    assert judge({"field": "a", "exists": True}, document) == there
    flipped = {TRUE: FALSE, FALSE: TRUE}
    assert judge({"field": "a", "exists": False}, document) == flipped.get(there, there)


def test_a_path_through_a_list_never_counts_as_absent() -> None:
    assert judge({"field": "a.b", "exists": False}, {"a": [{"b": 1}]}) == UNSAID
    assert judge({"field": "a.b", "equals": 1, "default": 1}, {"a": [{"b": 2}]}) == UNSAID


@pytest.mark.parametrize(
    ("as_", "value", "operator", "truth"),
    [
        pytest.param("number", "30", {"greater": 29}, TRUE, id="trap-15-number-as-text"),
        pytest.param("number", "7.5", {"less": 8}, TRUE, id="fraction"),
        pytest.param("number", 30, {"greater": 29}, TRUE, id="a-number-already"),
        pytest.param("number", "many", {"greater": 29}, UNSAID, id="no-number"),
        pytest.param("number", "nan", {"notEquals": 29}, UNSAID, id="nan"),
        pytest.param("number", "1_0", {"equals": 10}, UNSAID, id="underscore"),
        pytest.param("number", True, {"equals": 1}, UNSAID, id="boolean-for-number"),
        pytest.param("boolean", "on", {"equals": True}, TRUE, id="trap-15-on"),
        pytest.param("boolean", "ON", {"equals": True}, TRUE, id="trap-15-ON"),
        pytest.param("boolean", "False", {"equals": False}, TRUE, id="boolean-as-text"),
        pytest.param("boolean", "maybe", {"equals": False}, UNSAID, id="no-boolean"),
        pytest.param("boolean", 0, {"equals": False}, UNSAID, id="number-for-boolean"),
        pytest.param("list", "functionapp,linux", {"contains": "linux"}, TRUE, id="trap-37-kind"),
        pytest.param("list", "functionapplinux", {"contains": "linux"}, FALSE, id="part-of-a-word"),
        pytest.param(
            "list", "SystemAssigned, UserAssigned", {"contains": "userassigned"}, TRUE, id="blank-after-comma"
        ),
        pytest.param("list", " , ,", {"length": {"equals": 0}}, TRUE, id="trap-10-blank-entries"),
        pytest.param("list", {}, {"contains": "x"}, UNSAID, id="no-list"),
        pytest.param("json", '{"on": true}', {"containsKey": "on"}, TRUE, id="json"),
        pytest.param("json", "[1, 2]", {"length": {"equals": 2}}, TRUE, id="json-list"),
        pytest.param("json", "{", {"containsKey": "on"}, UNSAID, id="broken-json"),
        pytest.param("json", "null", {"equals": "x"}, UNSAID, id="json-null"),
        pytest.param("json", "[" * 100_000, {"equals": "x"}, UNSAID, id="deep-json"),
    ],
)
def test_values_sent_as_text(as_: str, value: Any, operator: dict[str, Any], truth: int) -> None:
    assert judge({"field": "a", "as": as_, **operator}, {"a": value}) == truth


def test_conversion_works_beside_other_values() -> None:
    condition = {"field": "a", "equalsField": "b", "as": "number"}
    assert judge(condition, {"a": "3", "b": 3}) == TRUE
    assert judge(condition, {"a": "x", "b": 3}) == UNSAID
    assert judge({**condition, "default": 3}, {"b": 3}) == TRUE


ITEMS_ON = [{"on": True}, {"on": True}]
ITEMS_MIXED = [{"on": True}, {"on": False}]
ITEMS_OFF = [{"on": False}]
ITEMS_UNSAID = [{"on": True}, {}]
ITEMS_OFF_UNSAID = [{"on": False}, {}]
ITEMS_DENIED = [{"on": True}, DENIED, {}]
ITEMS_OFF_DENIED = [{"on": False}, DENIED, {}]


@pytest.mark.parametrize(
    ("items", "some", "every", "none"),
    [
        pytest.param(ITEMS_ON, TRUE, TRUE, FALSE, id="all-true"),
        pytest.param(ITEMS_MIXED, TRUE, FALSE, FALSE, id="trap-18-mixed"),
        pytest.param(ITEMS_OFF, FALSE, FALSE, TRUE, id="all-false"),
        pytest.param(ITEMS_UNSAID, TRUE, UNSAID, FALSE, id="true-and-unsaid"),
        pytest.param(ITEMS_OFF_UNSAID, UNSAID, FALSE, UNSAID, id="false-and-unsaid"),
        pytest.param(ITEMS_DENIED, TRUE, UNREADABLE, FALSE, id="true-and-unreadable"),
        pytest.param(ITEMS_OFF_DENIED, UNREADABLE, FALSE, UNREADABLE, id="false-and-unreadable"),
        pytest.param([None], UNSAID, UNSAID, UNSAID, id="trap-3-null-item"),
        pytest.param(["text"], UNSAID, UNSAID, UNSAID, id="text-item"),
        pytest.param([], FALSE, NOT_APPLICABLE, NOT_APPLICABLE, id="trap-18-empty"),
        pytest.param(Attached(Streamed(*ITEMS_MIXED)), TRUE, FALSE, FALSE, id="attached"),
        pytest.param(Attached(Streamed()), FALSE, NOT_APPLICABLE, NOT_APPLICABLE, id="attached-empty"),
        pytest.param(Attached(Streamed(*ITEMS_ON, fault=DENIED)), TRUE, UNREADABLE, FALSE, id="trap-6-half-read-true"),
        pytest.param(Attached(Streamed(*ITEMS_OFF, fault=DENIED)), UNREADABLE, FALSE, UNREADABLE, id="half-read-false"),
        pytest.param(Attached(Streamed(fault=DENIED)), UNREADABLE, UNREADABLE, UNREADABLE, id="trap-1-nothing-came"),
        pytest.param(Attached(DENIED), UNREADABLE, UNREADABLE, UNREADABLE, id="trap-2-denied"),
        pytest.param(None, UNSAID, UNSAID, UNSAID, id="null-list"),
        pytest.param("x", UNSAID, UNSAID, UNSAID, id="no-list"),
        pytest.param(Attached(Document({"on": True})), UNSAID, UNSAID, UNSAID, id="a-document-is-no-list"),
        pytest.param({"first": {"on": True}, "second": {"on": False}}, TRUE, FALSE, FALSE, id="map"),
        pytest.param(Attached({"k": Document({"on": True})}), TRUE, TRUE, FALSE, id="map-of-documents"),
    ],
)
def test_quantifiers(items: Any, some: int, every: int, none: int) -> None:
    document = {"items": items}
    rest = {"in": "items", "where": ON, "whenEmpty": "not-applicable"}
    assert judge({"some": {"in": "items", "where": ON}}, document) == some
    assert judge({"every": rest}, document) == every
    assert judge({"none": rest}, document) == none


@pytest.mark.parametrize(("when_empty", "truth"), [("pass", TRUE), ("fail", FALSE), ("not-applicable", NOT_APPLICABLE)])
@pytest.mark.parametrize("kind", ["every", "none"])
def test_an_empty_list_means_what_the_check_says(kind: str, when_empty: str, truth: int) -> None:
    condition = {kind: {"in": "a", "where": ON, "whenEmpty": when_empty}}
    assert judge(condition, {"a": []}) == truth
    assert judge(condition, {}) == UNSAID
    assert judge({kind: {**condition[kind], "default": []}}, {}) == truth
    assert judge({kind: {**condition[kind], "default": []}}, {"a": None}) == truth
    assert judge({kind: {**condition[kind], "default": []}}, {"a": DENIED}) == UNREADABLE


def test_some_without_where_asks_for_an_item() -> None:
    assert judge({"some": {"in": "a"}}, {"a": [DENIED]}) == TRUE
    assert judge({"some": {"in": "a"}}, {"a": []}) == FALSE
    assert judge({"some": {"in": "a"}}, {"a": Attached(Streamed(fault=DENIED))}) == UNREADABLE
    assert judge({"some": {"in": "a"}}, {}) == UNSAID


@pytest.mark.parametrize(
    ("items", "comparison", "truth"),
    [
        (ITEMS_ON, {"equals": 2}, TRUE),
        (ITEMS_ON, {"notEquals": 2}, FALSE),
        (ITEMS_MIXED, {"greaterOrEquals": 2}, FALSE),
        (ITEMS_UNSAID, {"greaterOrEquals": 1}, TRUE),
        (ITEMS_UNSAID, {"greaterOrEquals": 2}, UNSAID),
        (ITEMS_UNSAID, {"greater": 2}, FALSE),
        (ITEMS_DENIED, {"less": 2}, UNREADABLE),
        (ITEMS_DENIED, {"lessOrEquals": 3}, TRUE),
        ([], {"less": 1}, TRUE),
        (Attached(Streamed(*ITEMS_ON, fault=DENIED)), {"greater": 1}, TRUE),
        (Attached(Streamed(*ITEMS_ON, fault=DENIED)), {"less": 2}, FALSE),
        (Attached(Streamed(*ITEMS_ON, fault=DENIED)), {"less": 5}, UNREADABLE),
        (Attached(Streamed(fault=DENIED)), {"equals": 0}, UNREADABLE),
        (Attached(DENIED), {"less": 5}, UNREADABLE),
        (None, {"less": 5}, UNSAID),
    ],
)
def test_counts(items: Any, comparison: dict[str, int], truth: int) -> None:
    assert judge({"count": {"in": "a", "where": ON}, **comparison}, {"a": items}) == truth


def test_a_count_of_everything_and_of_an_absent_list() -> None:
    assert judge({"count": {"in": "a"}, "equals": 2}, {"a": [1, None]}) == TRUE
    assert judge({"count": {"in": "a", "default": []}, "equals": 0}, {}) == TRUE


def test_items_reach_the_document_and_each_other() -> None:
    condition = {
        "every": {
            "in": "groups",
            "whenEmpty": "pass",
            "where": {
                "some": {
                    "in": "members",
                    "where": {
                        "allOf": [{"field": ".", "like": "a*"}, {"field": "$.kind", "equals": "team"}],
                    },
                }
            },
        }
    }
    document = {"kind": "Team", "groups": [{"members": ["b", "a1"]}, {"members": ["a2"]}]}
    assert judge(condition, document) == TRUE
    assert judge(condition, {**document, "kind": "other"}) == FALSE
    named = {"some": {"in": "rules", "where": {"field": "name", "equalsField": "$.wanted"}}}
    assert judge(named, {"wanted": "x", "rules": [{"name": "X"}]}) == TRUE
    listed = {"some": {"in": "a", "where": {"some": {"in": "$.b", "where": {"field": ".", "equals": 1}}}}}
    assert judge(listed, {"a": [{}], "b": [1]}) == TRUE
    assert judge({"field": "$.kind", "equals": "team"}, document) == TRUE


def test_evidence_names_path_expectation_and_value() -> None:
    assert evidence(HTTPS, {"properties": {"https": False}}) == [("properties.https", "equals true", False, True)]
    assert evidence(HTTPS, {}) == [("properties.https", "equals true", None, False)]
    assert evidence(HTTPS, {"properties": {"https": None}}) == [("properties.https", "equals true", None, True)]
    assert evidence(HTTPS, {"properties": DENIED}) == [("properties.https", "equals true", None, None)]


FIRST = {"field": "a", "equals": 1}
SECOND = {"field": "b", "equals": 1}


@pytest.mark.parametrize(
    ("condition", "document", "paths"),
    [
        ({"allOf": [FIRST, SECOND]}, {"a": 1, "b": 1}, ["a", "b"]),
        ({"allOf": [FIRST, SECOND]}, {"a": 1, "b": 2}, ["b"]),
        ({"allOf": [FIRST, SECOND]}, {"a": 2, "b": 2}, ["a"]),
        ({"allOf": [FIRST, SECOND]}, {"b": 2}, ["b"]),
        ({"allOf": [FIRST, SECOND]}, {"b": 1}, ["a"]),
        ({"allOf": [FIRST, SECOND]}, {}, ["a", "b"]),
        ({"allOf": [FIRST, SECOND]}, {"b": DENIED}, ["b"]),
        ({"anyOf": [FIRST, SECOND]}, {"a": 2, "b": 1}, ["b"]),
        ({"anyOf": [FIRST, SECOND]}, {"a": 2, "b": 2}, ["a", "b"]),
        # what was false is told beside what is unsaid: it may be the reason
        ({"anyOf": [FIRST, SECOND]}, {"a": 2}, ["a", "b"]),
        ({"not": {"anyOf": [FIRST, SECOND]}}, {"a": 2, "b": 2}, ["a", "b"]),
    ],
)
def test_the_grounds_are_the_leaves_that_decided(
    condition: dict[str, Any], document: dict[str, Any], paths: list[str]
) -> None:
    assert [path for path, *_ in evidence(condition, document)] == paths


RULES = {
    "properties": {
        "rules": [
            {"name": "allow-ssh", "properties": {"access": "Allow"}},
            {"name": "a b[c]", "properties": {"access": "Allow"}},
            {"name": "deny", "properties": {"access": "Deny"}},
        ]
    }
}
ALLOW = {"field": "properties.access", "equals": "Allow"}


def test_evidence_of_items_names_them_or_their_place() -> None:
    found = evidence({"none": {"in": "properties.rules", "where": ALLOW, "whenEmpty": "pass"}}, RULES)
    assert [(path, actual) for path, _, actual, _ in found] == [
        ("properties.rules[allow-ssh].properties.access", "Allow"),
        ("properties.rules['a b[c]'].properties.access", "Allow"),
    ]


@pytest.mark.parametrize(
    ("condition", "path", "actual"),
    [
        ({"every": {"in": "a", "where": {"field": ".", "equals": "x"}, "whenEmpty": "pass"}}, "a[1]", "y"),
        ({"every": {"in": "b", "where": {"field": "['c.d']", "equals": "x"}, "whenEmpty": "pass"}}, "b[0]['c.d']", "y"),
        ({"every": {"in": "m", "where": {"field": ".", "equals": "x"}, "whenEmpty": "pass"}}, "m['k/1']", "y"),
        ({"every": {"in": "m", "where": {"field": "$.a", "equals": "x"}, "whenEmpty": "pass"}}, "a", ["x", "y"]),
    ],
)
def test_paths_of_evidence(condition: dict[str, Any], path: str, actual: Any) -> None:
    document = {"a": ["x", "y"], "b": [{"c.d": "y"}], "m": {"k/1": "y"}}
    assert evidence(condition, document)[0][:3:2] == (path, actual)


def test_evidence_of_a_list_that_no_item_decides() -> None:
    some = {"some": {"in": "properties.rules", "where": {"field": "properties.access", "equals": "Audit"}}}
    assert evidence(some, RULES) == [
        ("properties.rules", "some item where properties.access equals Audit", {"items": 3, "true": 0}, True)
    ]
    every = {"every": {"in": "properties.rules", "where": {"field": "name", "exists": True}, "whenEmpty": "fail"}}
    assert evidence(every, RULES) == [
        ("properties.rules", "every item (of at least one) where name exists", {"items": 3, "false": 0}, True)
    ]
    none = {"none": {"in": "empty", "where": {"field": "name", "exists": False}, "whenEmpty": "fail"}}
    assert evidence(none, {"empty": []}) == [
        ("empty", "no item (of at least one) where name does not exist", {"items": 0}, True)
    ]
    assert evidence(every, {"properties": {"rules": []}})[0][2] == {"items": 0}
    count = {"count": {"in": "properties.rules", "where": ALLOW}, "less": 2}
    assert evidence(count, RULES) == [
        ("properties.rules", "fewer than 2 items where properties.access equals Allow", {"items": 3, "true": 2}, True)
    ]


def test_evidence_keeps_twenty_and_the_total() -> None:
    document = {"a": Attached(Streamed(*({"on": True} for _ in range(5000))))}
    found = evidence({"none": {"in": "a", "where": ON, "whenEmpty": "pass"}}, document)
    assert len(found) == EVIDENCE_LIMIT
    assert found[-1][2] == {"items": 5000, "true": 5000}
    unsaid = evidence({"none": {"in": "a", "where": {"field": "off", "equals": True}, "whenEmpty": "pass"}}, document)
    assert len(unsaid) == EVIDENCE_LIMIT
    assert unsaid[-1][2] == {"items": 5000, "unsaid": 5000}


def test_the_ground_of_an_incomplete_list_is_its_fault() -> None:
    decide = compile_condition(parse({"some": {"in": "a", "where": ON}}), NOW)
    truth, grounds = decide({"a": Attached(Streamed({"on": False}, fault=DENIED))})
    assert truth == UNREADABLE
    assert [actual for _, _, actual, _ in grounds] == [DENIED]
    count = compile_condition(parse({"count": {"in": "a", "where": ON}, "less": 3}), NOW)
    assert [actual for _, _, actual, _ in count({"a": Attached(Streamed(fault=DENIED))})[1]] == [DENIED]


def test_the_source_is_the_nearest_document() -> None:
    child = Document({"name": "c", "on": False}, read=9)
    root = Document({"own": False, "child": Attached(child), "list": Attached(Streamed(child))}, read=1)

    def sources(condition: dict[str, Any]) -> list[int | None]:
        _, grounds = compile_condition(parse(condition), NOW)(root)
        return [source.read if source is not None else None for *_, source in grounds]

    assert sources({"field": "own", "equals": True}) == [1]
    assert sources({"field": "child.on", "equals": True}) == [9]
    assert sources({"every": {"in": "list", "where": ON, "whenEmpty": "pass"}}) == [9]
    assert sources({"some": {"in": "list", "where": ON}}) == [1]
    assert sources({"every": {"in": "list", "where": {"field": "$.own", "equals": True}, "whenEmpty": "pass"}}) == [1]


def test_unreadable_values_stay_in_the_grounds_for_the_reason() -> None:
    decide = compile_condition(parse({"field": "rules", "admits": {"from": "internet", "also": "more"}}), NOW)
    truth, grounds = decide({"rules": [], "more": Attached(DENIED)})
    assert truth == UNREADABLE
    assert isinstance(grounds[0][2], Unreadable)


def test_evidence_of_long_lists_is_short() -> None:
    long = {"a": [f"x{index}" for index in range(300)]}
    actual = evidence({"field": "a", "contains": "y"}, long)[0][2]
    assert actual[:2] == ["x0", "x1"]
    assert len(actual) == EVIDENCE_LIMIT
    assert actual[-1] == "… of 300 items"
    whole = {"a": [f"x{index}" for index in range(EVIDENCE_LIMIT)]}
    assert evidence({"field": "a", "contains": "y"}, whole)[0][2] == whole["a"]


def test_evidence_of_documents_is_their_id_and_never_opens_a_part() -> None:
    child = Document({"id": "/subscriptions/s/x", "name": "x"})
    assert evidence({"field": "a", "exists": False}, {"a": Attached(child)})[0][2] == "/subscriptions/s/x"
    nameless = Document({"kind": "y", "more": Attached(DENIED)})
    assert evidence({"field": "a", "exists": False}, {"a": Attached(nameless)})[0][2] == {"kind": "y"}
    assert evidence({"field": "a", "length": {"equals": 0}}, {"a": Attached(Streamed(child, DENIED))})[0][2] == [
        "/subscriptions/s/x",
        None,
    ]


def test_evidence_of_rules_shows_those_that_bear_on_the_answer() -> None:
    def rule(name: str, **body: Any) -> dict[str, Any]:
        whole = {"access": "Allow", "direction": "Inbound", "priority": 100, "protocol": "Tcp", "sourcePortRange": "*"}
        return {"name": name, "properties": {**whole, "destinationAddressPrefix": "*", **body}}

    rules = [
        rule("ssh", sourceAddressPrefix="*", destinationPortRange="22"),
        rule("web", sourceAddressPrefix="*", destinationPortRange="443"),
        rule("office", sourceAddressPrefix="10.0.0.0/8", destinationPortRange="22"),
        rule("out", sourceAddressPrefix="*", destinationPortRange="22", direction="Outbound"),
        rule("many", sourceAddressPrefixes=[f"8.0.{n}.0/24" for n in range(9)], destinationPortRanges=["20-25"]),
    ]
    found = evidence({"field": "rules", "admits": {"from": "internet", "ports": [22]}}, {"rules": rules})
    assert found == [
        (
            "rules",
            "admits the internet to port 22",
            [
                "ssh (priority 100): Allow Tcp from * to port 22",
                "many (priority 100): Allow Tcp from 8.0.0.0/24, 8.0.1.0/24, 8.0.2.0/24, 8.0.3.0/24, 8.0.4.0/24, "
                "… of 9 to port 20-25",
            ],
            True,
        )
    ]


def test_evidence_of_firewalls_and_settings_is_one_line_each() -> None:
    rules = [
        Document({"name": "all", "properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}}),
        {"value": "8.8.8.8"},
        {"name": "odd"},
        "9.9.9.9",
    ]
    opened = evidence({"field": "a", "cidr": {"public": False}}, {"a": Attached(Streamed(*rules))})
    assert opened[0][1:3] == (
        "has no public address",
        ["all: 0.0.0.0-255.255.255.255", "8.8.8.8", "9.9.9.9", "odd: addresses unknown"],
    )
    named = {"public": False, "keys": "at"}
    assert evidence({"field": "a", "cidr": named}, {"a": [{"at": "8.8.8.8"}]})[0][2] == ["8.8.8.8"]
    settings = [
        {"name": "one", "properties": {"logs": [{"category": "A", "enabled": True}], "workspaceId": "/w"}},
        {"name": "two", "properties": {"logs": [{"categoryGroup": "audit", "enabled": True}]}},
        {"name": "three", "properties": {"logs": [{"category": "A", "enabled": False}], "storageAccountId": "/s"}},
        {},
    ]
    assert evidence({"field": "a", "logs": {"category": "B"}}, {"a": settings})[0][2] == [
        "one: A to workspace",
        "two: group audit to nowhere",
        "three: no log to storageAccount",
        "a setting without properties",
    ]
