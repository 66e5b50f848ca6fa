from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.operators import policy
from azscan.conditions.values import Document
from tests.conditions.held import DENIED, judge, leaf


@pytest.mark.parametrize(
    ("operator", "value", "truth"),
    [
        ({"equals": "Allow"}, "allow", TRUE),
        ({"equals": "Allow"}, "ALLOW", TRUE),
        ({"equals": "Allow"}, "Deny", FALSE),
        ({"equals": "Allow"}, True, UNSAID),
        ({"equals": "true"}, True, UNSAID),
        ({"equals": True}, "true", UNSAID),
        ({"equals": True}, 1, UNSAID),
        ({"equals": 1}, True, UNSAID),
        ({"equals": 1}, 1.0, TRUE),
        ({"equals": 1}, "1", UNSAID),
        ({"equals": 0}, 0, TRUE),
        ({"equals": False}, False, TRUE),
        ({"equals": False}, 0, UNSAID),
        ({"equals": "x"}, ["x"], UNSAID),
        ({"equals": "x"}, {"x": 1}, UNSAID),
        ({"notEquals": "Deny"}, "Allow", TRUE),
        ({"notEquals": "Deny"}, "deny", FALSE),
        ({"notEquals": "Deny"}, ["x"], UNSAID),
        pytest.param({"notEquals": True}, "True", UNSAID, id="boolean-as-text-is-not-another-value"),
        ({"in": ["Disabled", "SecuredByPerimeter"]}, "securedbyperimeter", TRUE),
        pytest.param({"in": ["Disabled"]}, "SecuredByPerimeter", FALSE, id="trap-37-perimeter"),
        ({"in": ["a", 1]}, 1.0, TRUE),
        ({"in": ["a", 1]}, True, UNSAID),
        ({"in": ["a", True]}, True, TRUE),
        ({"in": ["a"]}, ["a"], UNSAID),
        ({"notIn": ["a", "b"]}, "c", TRUE),
        ({"notIn": ["a", "b"]}, "B", FALSE),
        ({"notIn": ["a", "b"]}, 1, UNSAID),
        ({"contains": "Audit"}, "preaudited", TRUE),
        ({"contains": "Audit"}, "pre", FALSE),
        ({"contains": "Audit"}, ["audit", "x"], TRUE),
        ({"contains": "Audit"}, ["audits"], FALSE),
        ({"contains": "Audit"}, [], FALSE),
        ({"contains": "Audit"}, [None], UNSAID),
        ({"contains": "Audit"}, [1, "audit"], TRUE),
        ({"contains": 1}, [1], TRUE),
        ({"contains": 1}, "1", UNSAID),
        ({"contains": "a"}, {"a": 1}, UNSAID),
        ({"notContains": "Audit"}, ["x"], TRUE),
        ({"notContains": "Audit"}, ["AUDIT"], FALSE),
        ({"notContains": "Audit"}, [{}], UNSAID),
        ({"notContains": "Audit"}, 5, UNSAID),
        ({"containsKey": "Owner"}, {"owner": ""}, TRUE),
        ({"containsKey": "Owner"}, {}, FALSE),
        ({"containsKey": "Owner"}, "owner", UNSAID),
        ({"notContainsKey": "Owner"}, {"cost": 1}, TRUE),
        ({"notContainsKey": "Owner"}, ["owner"], UNSAID),
        ({"less": 5}, 4, TRUE),
        ({"less": 5}, 5, FALSE),
        ({"lessOrEquals": 5}, 5, TRUE),
        ({"lessOrEquals": 5}, 5.5, FALSE),
        ({"greater": 5}, 5, FALSE),
        pytest.param({"greaterOrEquals": 90}, 365, TRUE, id="trap-16-above-the-threshold"),
        ({"greaterOrEquals": 90}, 89, FALSE),
        ({"greaterOrEquals": 90}, "365", UNSAID),
        ({"greaterOrEquals": 0}, False, UNSAID),
        ({"less": 5}, [1], UNSAID),
    ],
)
def test_policy_operators(operator: dict[str, Any], value: Any, truth: int) -> None:
    assert leaf(value, **operator) == truth


@pytest.mark.parametrize(
    ("pattern", "value", "truth"),
    [
        ("Microsoft.Network/*", "microsoft.network/loadBalancers", TRUE),
        ("Microsoft.Network/*", "microsoft.net", FALSE),
        ("*netrg", "web-NETRG", TRUE),
        ("*netrg", "netrg1", FALSE),
        ("a*c", "abc", TRUE),
        ("a*a", "a", FALSE),
        ("a*a", "aa", TRUE),
        ("*", "anything", TRUE),
        ("*b*b*", "abab", TRUE),
        ("*b*b*", "aba", FALSE),
        ("plain", "PLAIN", TRUE),
        ("plain", "plainer", FALSE),
        ("a.c", "abc", FALSE),
        ("[ab]", "a", FALSE),
        ("a?", "ab", FALSE),
        ("x*", 5, UNSAID),
        ("x*", ["x1"], UNSAID),
    ],
)
def test_like(pattern: str, value: Any, truth: int) -> None:
    assert leaf(value, like=pattern) == truth
    assert leaf(value, notLike=pattern) == {TRUE: FALSE, FALSE: TRUE}.get(truth, truth)


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=12))
def test_like_means_what_a_pattern_means(pattern: str, text: str) -> None:
    wanted = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
    assert policy.like(pattern)(text) == int(wanted)


def test_many_stars_cost_no_more_than_the_length() -> None:
    assert leaf("a" * 200_000, like="*a" * 200 + "*b*") == FALSE


@given(st.sampled_from(["equals", "in", "like", "contains"]), st.text("aB1", min_size=1), st.none() | st.text("Ab1"))
def test_the_opposite_operator_is_the_opposite(op: str, expected: str, value: str | None) -> None:
    wanted = [expected] if op == "in" else expected
    opposite = "not" + op[0].upper() + op[1:]
    assert leaf(value, **{opposite: wanted}) == {TRUE: FALSE, FALSE: TRUE, UNSAID: UNSAID}[leaf(value, **{op: wanted})]


def test_keys_of_a_half_read_document_may_be_missing() -> None:
    half = Document({"tags": {"cost": 1}}, fault=DENIED)
    assert judge({"field": "tags", "containsKey": "cost"}, half) == TRUE
    assert judge({"field": "tags", "containsKey": "owner"}, half) == UNREADABLE
    assert judge({"field": "tags", "notContainsKey": "owner"}, half) == UNREADABLE
    assert judge({"field": "tags", "notContainsKey": "cost"}, half) == FALSE
