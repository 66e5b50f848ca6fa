from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import OPERATORS, ConditionError, check, condition_schema, named_paths, parse
from azscan.conditions.logic import TRUE
from azscan.conditions.nodes import All, Any_, Count, Leaf, Not, Quantifier
from azscan.conditions.paths import Path
from tests.conditions.held import NOW

KIND = Leaf(Path(("kind",)), "equals", "x")


@pytest.mark.parametrize(
    ("condition", "node"),
    [
        ({"field": "kind", "equals": "x"}, KIND),
        ({"field": "kind", "equals": "x", "default": "y"}, Leaf(Path(("kind",)), "equals", "x", "y", True)),
        ({"field": "kind", "contains": "x", "as": "list"}, Leaf(Path(("kind",)), "contains", "x", as_="list")),
        ({"allOf": [{"field": "kind", "equals": "x"}]}, All((KIND,))),
        ({"anyOf": [{"field": "kind", "equals": "x"}]}, Any_((KIND,))),
        ({"not": {"field": "kind", "equals": "x"}}, Not(KIND)),
        ({"some": {"in": "a"}}, Quantifier("some", Path(("a",)))),
        (
            {"none": {"in": "a", "where": {"field": "kind", "equals": "x"}, "whenEmpty": "pass"}},
            Quantifier("none", Path(("a",)), KIND, "pass"),
        ),
        (
            {"every": {"in": "a", "where": {"field": ".", "equals": "x"}, "whenEmpty": "not-applicable"}},
            Quantifier("every", Path(("a",)), Leaf(Path(()), "equals", "x"), "not-applicable"),
        ),
        ({"count": {"in": "a"}, "greaterOrEquals": 1}, Count(Path(("a",)), None, "greaterOrEquals", 1)),
        (
            {"count": {"in": "a", "where": {"field": "kind", "equals": "x"}, "default": []}, "less": 3},
            Count(Path(("a",)), KIND, "less", 3, True),
        ),
    ],
)
def test_forms(condition: dict[str, Any], node: Any) -> None:
    assert check(condition) == []
    assert parse(condition) == node


@pytest.mark.parametrize(
    ("condition", "keys", "said"),
    [
        pytest.param("x", (), "expected a condition", id="text"),
        pytest.param([], (), "expected a condition", id="list"),
        pytest.param({}, (), "empty condition", id="empty"),
        pytest.param({"equals": 1}, (), "without a field", id="no-field"),
        pytest.param({"field": "a"}, (), "without an operator", id="no-operator"),
        pytest.param({"field": "a", "equls": 1}, ("equls",), "unknown operator", id="operator"),
        pytest.param({"field": "a", "equals": 1, "in": [1]}, ("in",), "on one field", id="two-operators"),
        pytest.param({"field": "a", "equals": 1, "allOf": []}, (), "side by side", id="two-forms"),
        pytest.param({"not": {"field": "a", "equals": 1}, "x": 1}, ("x",), "unknown key", id="beside-not"),
        pytest.param({"allOf": []}, ("allOf",), "an empty list", id="empty-all"),
        pytest.param({"anyOf": {"field": "a"}}, ("anyOf",), "a list of conditions", id="any-of-a-map"),
        pytest.param({"allOf": [{"field": "a", "equals": ""}]}, ("allOf", 0, "equals"), "empty string", id="nothing"),
        pytest.param({"field": "a", "equals": None}, ("equals",), "found nothing", id="null"),
        pytest.param({"field": "a", "in": []}, ("in",), "empty list", id="in-nothing"),
        pytest.param({"field": "a", "in": "x"}, ("in",), "expected a list", id="in-text"),
        pytest.param({"field": "a", "in": ["x", {}]}, ("in", 1), "found a map", id="in-map"),
        pytest.param({"field": "a", "less": "3"}, ("less",), "expected a number", id="less-text"),
        pytest.param({"field": "a", "less": True}, ("less",), "found true", id="less-boolean"),
        pytest.param({"field": "a", "exists": "true"}, ("exists",), "expected true or false", id="exists-text"),
        pytest.param({"field": "a", "exists": True, "default": 1}, ("default",), "makes no sense", id="exists-default"),
        pytest.param({"field": "a", "exists": True, "as": "list"}, ("as",), "nothing to convert", id="exists-as"),
        pytest.param({"field": "a", "equals": 1, "default": None}, ("default",), "not null", id="default-null"),
        pytest.param({"field": "a", "equals": 1, "as": "int"}, ("as",), "expected one of", id="as"),
        pytest.param({"field": "a[*].b", "equals": 1}, ("field",), "is not a path", id="path"),
        pytest.param({"field": 3, "equals": 1}, ("field",), "expected a path", id="path-number"),
        pytest.param({"field": ".", "equals": 1}, ("field",), "inside where", id="item-outside"),
        pytest.param({"some": "a"}, ("some",), "needs a map", id="some-text"),
        pytest.param({"some": {}}, ("some",), "needs in", id="some-without-in"),
        pytest.param(
            {"some": {"in": "a", "whenEmpty": "pass"}}, ("some", "whenEmpty"), "is false for", id="some-empty"
        ),
        pytest.param(
            {"none": {"in": "a", "where": {"field": "b", "equals": 1}}}, ("none",), "empty list means", id="none-empty"
        ),
        pytest.param({"every": {"in": "a", "whenEmpty": "pass"}}, ("every",), "needs where", id="every-where"),
        pytest.param(
            {"every": {"in": "a", "where": {"field": "b", "equals": 1}, "whenEmpty": "ok"}},
            ("every", "whenEmpty"),
            "expected one of pass",
            id="when-empty",
        ),
        pytest.param(
            {"not": {"none": {"in": "a", "where": {"field": "b", "exists": True}, "whenEmpty": "not-applicable"}}},
            ("not", "none", "whenEmpty"),
            "the whole condition",
            id="not-applicable-below",
        ),
        pytest.param({"some": {"in": "a", "default": [1]}}, ("some", "default"), "the empty list", id="list-default"),
        pytest.param({"some": {"in": "a", "wher": {}}}, ("some", "wher"), "unknown key", id="wher"),
        pytest.param({"count": {"in": "a"}}, (), "one comparison", id="count-alone"),
        pytest.param({"count": {"in": "a"}, "equals": 1, "less": 2}, (), "one comparison", id="count-two"),
        pytest.param({"count": {"in": "a"}, "equals": "1"}, ("equals",), "number of items", id="count-text"),
        pytest.param({"count": {"in": "a"}, "like": "1"}, ("like",), "unknown key", id="count-like"),
        pytest.param({"field": "a", "equals": "${dais}"}, ("equals",), "unknown parameter", id="parameter"),
        pytest.param({"field": "a", "minimumTls": "1.4"}, ("minimumTls",), "not a TLS version", id="tls"),
        pytest.param({"field": "a", "version": {"atLest": "1"}}, ("version", "atLest"), "unknown key", id="version"),
        pytest.param({"field": "a", "version": {}}, ("version",), "needs atLeast", id="version-empty"),
        pytest.param({"field": "a", "olderThan": 90}, ("olderThan",), "expected text", id="span-number"),
        pytest.param({"field": "a", "olderThan": "90"}, ("olderThan",), "is not a span", id="span-bare"),
        pytest.param(
            {"field": "a", "duration": {"atLeast": "30d"}}, ("duration", "atLeast"), "duration", id="duration"
        ),
        pytest.param({"field": "a", "cidr": {"covers": "Internet2"}}, ("cidr", "covers"), "not an address", id="cidr"),
        pytest.param({"field": "a", "cidr": {"keys": "x"}}, ("cidr",), "needs covers", id="cidr-keys"),
        pytest.param(
            {"field": "a", "cidr": {"covers": "10.0.0.0/8", "public": True}}, ("cidr",), "exclude", id="cidr-apart"
        ),
        pytest.param({"field": "a", "admits": {"from": "vnet"}}, ("admits", "from"), "expected one of", id="admits"),
        pytest.param(
            {"field": "a", "admits": {"from": "internet", "ports": ["22-"]}}, ("admits", "ports", 0), "port", id="port"
        ),
        pytest.param({"field": "a", "grants": {}}, ("grants",), "needs action", id="grants"),
        pytest.param(
            {"field": "a", "grants": {"action": "*", "withinScope": "vm"}},
            ("grants", "withinScope"),
            "scope",
            id="scope",
        ),
        pytest.param({"field": "a", "logs": {"destination": False}}, ("logs",), "needs category", id="logs"),
        pytest.param({"field": "a", "equalsField": "b["}, ("equalsField",), "no property name", id="equals-field"),
        pytest.param({"field": "a", "length": {"greater": "1"}}, ("length", "greater"), "a whole number", id="length"),
    ],
)
def test_faults_say_where_and_what(condition: Any, keys: tuple[str | int, ...], said: str) -> None:
    faults = check(condition)
    assert [fault.keys for fault in faults] == [keys]
    assert said in faults[0].message


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ({"feild": "a", "equals": 1}, ""),
        ({"field": "a", "equls": 1}, "did you mean equals?"),
        ({"field": "a", "MinimumTLS": "1.2"}, "did you mean minimumTls?"),
        ({"alOf": []}, "did you mean allOf?"),
        ({"some": {"in": "a", "wher": {}}}, "did you mean where?"),
        ({"field": "a", "equals": "${dais}"}, "did you mean days?"),
        ({"field": "a", "equals": 1, "as": "bool"}, "did you mean boolean?"),
        ({"field": "a", "admits": {"from": "internet", "protocol": "TCPP"}}, "did you mean Tcp?"),
        ([{"field": "a", "equals": 1}], "combine conditions with allOf or anyOf"),
    ],
)
def test_the_nearest_word_is_offered(condition: Any, hint: str) -> None:
    assert check(condition, {"days": 90})[0].hint == hint


def test_all_faults_come_at_once() -> None:
    condition = {
        "allOf": [
            {"field": "a", "equls": 1},
            {"anyOf": [{"field": "b[", "olderThan": "x"}, {"some": {"wher": {"field": "c"}}}]},
        ]
    }
    keys = [fault.keys for fault in check(condition)]
    assert keys == [
        ("allOf", 0, "equls"),
        ("allOf", 1, "anyOf", 0, "field"),
        ("allOf", 1, "anyOf", 0, "olderThan"),
        ("allOf", 1, "anyOf", 1, "some", "wher"),
        ("allOf", 1, "anyOf", 1, "some"),
    ]
    with pytest.raises(ConditionError) as caught:
        parse(condition)
    assert [fault.keys for fault in caught.value.faults] == keys
    assert caught.value.exit_code == 2
    assert caught.value.message == str(caught.value.faults[0]) == "allOf.0.equls: unknown operator 'equls'"


def test_parameters_keep_their_type_alone_and_are_text_inside_text() -> None:
    params = {"days": 90, "on": True, "ports": [22, 3389], "name": "x"}
    cases = {
        "equals": ("${on}", True),
        "greater": ("${days}", 90),
        "olderThan": ("${days}d", "90d"),
        "like": ("a-${name}-*", "a-x-*"),
        "in": (["${name}", "${days}"], ["x", 90]),
        "admits": ({"from": "internet", "ports": "${ports}"}, {"from": "internet", "ports": [22, 3389]}),
    }
    for op, (written, meant) in cases.items():
        node = parse({"field": "a", op: written}, params)
        assert isinstance(node, Leaf)
        assert node.expected == meant
    counted = parse({"count": {"in": "a"}, "less": "${days}"}, params)
    assert isinstance(counted, Count)
    assert counted.expected == 90
    defaulted = parse({"field": "a", "equals": True, "default": "${on}"}, params)
    assert isinstance(defaulted, Leaf)
    assert defaulted.default is True


def test_a_parameter_of_the_wrong_type_is_a_fault_where_it_is_used() -> None:
    faults = check({"field": "a", "greater": "${days}"}, {"days": "ninety"})
    assert [fault.keys for fault in faults] == [("greater",)]


def test_a_condition_that_is_not_the_whole_has_no_not_applicable() -> None:
    condition = {"none": {"in": "a", "where": {"field": "b", "exists": True}, "whenEmpty": "not-applicable"}}
    assert check(condition) == []
    assert [fault.keys for fault in check(condition, whole=False)] == [("none", "whenEmpty")]


def test_a_condition_nested_without_end_is_a_fault() -> None:
    condition: dict[str, Any] = {"field": "a", "equals": 1}
    for _ in range(500):
        condition = {"not": condition}
    assert "too deeply" in check(condition)[0].message


def test_every_path_that_is_opened_is_named() -> None:
    node = parse(
        {
            "allOf": [
                {"field": "properties.a", "equalsField": "tags['x.y']"},
                {"field": "rules", "admits": {"from": "internet", "also": "properties.defaults"}},
                {"field": "permissions", "grants": {"action": "*", "withinScope": "subscription"}},
                {
                    "none": {
                        "in": "keys",
                        "whenEmpty": "pass",
                        "where": {
                            "anyOf": [
                                {"field": "attributes.enabled", "equals": True},
                                {"field": "$.vault.on", "equals": True},
                                {"count": {"in": "policies", "where": {"field": ".", "equals": "x"}}, "less": 1},
                            ]
                        },
                    }
                },
            ]
        }
    )
    assert named_paths(node) == {
        ("properties", "a"),
        ("tags", "x.y"),
        ("rules",),
        ("properties", "defaults"),
        ("permissions",),
        ("properties", "assignableScopes"),
        ("keys",),
        ("keys", "attributes", "enabled"),
        ("vault", "on"),
        ("keys", "policies"),
    }


def test_the_schema_names_every_operator_and_is_json() -> None:
    schema = condition_schema()
    text = json.dumps(schema)
    leaf = schema["$defs"]["condition"]["oneOf"][0]
    assert set(OPERATORS) <= set(leaf["properties"])
    for reference in ("condition", "path"):
        assert f"#/$defs/{reference}" in text
        assert reference in schema["$defs"]


VALID: dict[str, Any] = {
    "equals": "x",
    "notEquals": 1,
    "in": ["x"],
    "notIn": [1],
    "like": "x*",
    "notLike": "*x",
    "contains": "x",
    "notContains": "x",
    "containsKey": "x",
    "notContainsKey": "x",
    "less": 1,
    "lessOrEquals": 1.5,
    "greater": 1,
    "greaterOrEquals": 1,
    "exists": True,
    "minimumTls": "1.2",
    "version": {"atLeast": "1.29"},
    "expiresWithin": "30d",
    "olderThan": "12h",
    "duration": {"atMost": "P30D"},
    "cidr": {"addresses": {"greater": 256}, "public": True},
    "admits": {"from": "internet", "ports": [22, "3389-3390"]},
    "grants": {"action": "Microsoft.Authorization/locks/*"},
    "logs": {"category": "AuditEvent"},
    "equalsField": "b",
    "length": {"greater": 1},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


def test_every_operator_has_a_valid_use_here() -> None:
    assert set(VALID) == set(OPERATORS)


@pytest.mark.parametrize("op", VALID)
@given(value=ANYTHING)
def test_no_value_makes_an_operator_raise(op: str, value: Any) -> None:
    decide = compile_condition(parse({"field": "a", op: VALID[op]}), NOW)
    assert decide({"a": value, "b": value})[0] in (0, 1, 2, 3)


@pytest.mark.parametrize("op", VALID)
@given(expected=ANYTHING)
def test_what_the_checker_accepts_compiles_and_decides(op: str, expected: Any) -> None:
    condition = {"field": "a", op: expected}
    if not check(condition):
        assert compile_condition(parse(condition), NOW)({"a": "x"})[0] in (0, 1, 2, 3)


@given(st.dictionaries(st.sampled_from(["field", "allOf", "not", "some", "count", "equals", "default"]), ANYTHING))
def test_no_input_makes_the_checker_raise(condition: dict[str, Any]) -> None:
    if not check(condition):
        parse(condition)


def test_the_words_of_every_operator_can_be_read() -> None:
    for op, expected in VALID.items():
        text = OPERATORS[op].words(expected)
        assert text
        assert "{" not in text
        assert "None" not in text
    assert OPERATORS["equals"].words(True) == "equals true"
    assert compile_condition(parse({"field": "a", "equals": True}), NOW)({"a": True})[0] == TRUE
