"""Parameters that a team gives to checks: each fault names the check, the parameter, the value and what fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.catalog.model import Check, FixText
from azscan.catalog.params import param_faults
from azscan.conditions.grammar import parse
from tests.harness import shipped

PARAMS = sorted((check.id, name) for check in shipped().checks.values() for name in check.params)


def told(check: str, given: dict[str, Any]) -> list[str]:
    """The faults as "keys: message (hint)", the check's id left out of the keys."""
    found = param_faults(shipped().checks[check], check, given)
    return [f"{'.'.join(map(str, fault.keys[1:]))}: {fault.message} ({fault.hint})" for fault in found]


@pytest.mark.parametrize(
    ("check", "name", "value", "words"),
    [
        ("aks-supported-version", "minimum", "banana",
         '"banana" is not a version such as 1.29 or 8.0.21 (its default is "1.35")'),
        ("keyvault-secret-not-expiring", "days", -5, "-5 is not a whole number from 0 to 99999 (its default is 14)"),
        ("keyvault-secret-not-expiring", "days", 9999999,
         "9999999 is not a whole number from 0 to 99999 (its default is 14)"),
        ("keyvault-secret-not-expiring", "days", 1.5, "1.5 is not a whole number from 0 to 99999 (its default is 14)"),
        ("keyvault-secret-not-expiring", "days", True, "true is not a number (its default is 14)"),
        ("keyvault-secret-not-expiring", "days", None, "null is not a number (its default is 14)"),
        ("vmss-several-zones", "zones", 1.5, "1.5 is not a whole number (its default is 2)"),
        ("entra-global-admins-few", "least", -1, "-1 is not a whole number from 0 on (its default is 2)"),
        ("entra-users-active", "after", "90 days",
         '"90 days" is not a span such as 12h, 30d, 4w or 1y (its default is "90d")'),
        ("sql-minimum-tls", "version", 1.2, '1.2 is not text (put quotes around it: "1.2")'),
        ("sql-minimum-tls", "version", ["1.2"], '["1.2"] is not text (its default is "1.2")'),
        ("load-balancer-no-http", "ports", [], "[] does not fit: an empty list can never decide anything"
         " (its default is [80,8080])"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(check: str, name: str, value: Any, words: str) -> None:
    assert told(check, {name: value}) == [f"{name}: {name} of {check}: {words}"]


def test_the_items_of_a_list_are_like_those_of_its_default() -> None:
    """A port in quotes equals no port of Azure's: the check would pass without a word."""
    words = "is not a number, as the items of its default are (its default is [80,8080])"
    assert told("load-balancer-no-http", {"ports": [80, "8080", 443, "http"]}) == [
        f'ports.1: ports of load-balancer-no-http: "8080" {words}',
        f'ports.3: ports of load-balancer-no-http: "http" {words}',
    ]
    assert told("load-balancer-no-http", {"ports": [443]}) == []


def test_several_at_once_and_names_that_are_unknown() -> None:
    assert told("entra-global-admins-few", {"laest": 1, "least": -1, "most-in-group": "x"}) == [
        "laest: entra-global-admins-few has no parameter laest (did you mean least?)",
        "least: least of entra-global-admins-few: -1 is not a whole number from 0 on (its default is 2)",
        'most-in-group: most-in-group of entra-global-admins-few: "x" is not a number (its default is 4)',
    ]


def test_parameters_that_do_not_go_together() -> None:
    two = Check(
        "c", "t", "high", "stable", "s", "a", "s", {"field": "a", "olderThan": "${a}${b}"}, "w", FixText("f"),
        params={"a": "1", "b": "d"},
    )  # fmt: skip
    (fault,) = param_faults(two, "c", {"a": "99999", "b": "9d"})
    assert "do not go together: '999999d' is not a span" in fault.message


@given(
    where=st.sampled_from(PARAMS),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
)
def test_what_is_let_through_the_conditions_take(where: tuple[str, str], value: Any) -> None:
    id, name = where
    check = shipped().checks[id]
    faults = list(param_faults(check, id, {name: value}))
    assert all(fault.keys[:2] == where and fault.message.startswith(f"{name} of {id}: ") for fault in faults)
    if not faults:
        for condition in filter(None, (check.applies, check.require)):
            parse(condition, {**check.params, name: value})
