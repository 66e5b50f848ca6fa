"""The one table of operators: what each expects, how it reads in evidence, and how it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from azscan.conditions.kinds import Kind, ListOf, OneOf, OneOrMore, Plain, Table, Written
from azscan.conditions.logic import COMPARISONS, FALSE, TRUE
from azscan.conditions.operators import (
    Test,
    TestBeside,
    admits,
    durations,
    fields,
    grants,
    logs,
    moments,
    networks,
    policy,
    tls,
    versions,
)
from azscan.conditions.operators.addresses import read_addresses
from azscan.conditions.paths import parse_path

Words = Callable[[Any], str]


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """One operator.

    `build` makes its test from the expected value and the time of the scan. An operator that needs other values of
    the document names their paths by `beside` and is built by `build_beside`. `decides_absence` marks `exists`;
    `rests_on` is the truth that rests on something being absent, which an incompletely read document cannot say.
    `shows` makes a short text of one item of the field's list for evidence, or None where the item has no part in it;
    `weighs` says how much it counts, for the order in evidence. `members` names the members that an operator with
    `shows` looks at in an item that is an object; none where it looks at all of it.
    `counts` marks the comparisons that may stand beside `count`.
    """

    summary: str
    kind: Kind
    words: Words
    build: Callable[[Any, datetime], Test] | None = None
    beside: Callable[[Any], tuple[str, ...]] | None = None
    build_beside: Callable[[Any, datetime], TestBeside] | None = None
    shows: Callable[[Any, Any], Any] | None = None
    weighs: Callable[[Any, Any], float] | None = None
    members: Callable[[Any], tuple[str, ...]] | None = None
    decides_absence: bool = False
    rests_on: int | None = None
    counts: bool = False


def plain(value: Any) -> str:
    """An expected value as it stands in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or "an empty list"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items())
    return str(value)


def _after(phrase: str) -> Words:
    return lambda expected: f"{phrase} {plain(expected)}"


def _policy(
    summary: str,
    phrase: str,
    kind: Kind,
    build: Callable[[Any], Test],
    *,
    rests_on: int | None = None,
    counts: bool = False,
) -> Operator:
    return Operator(
        summary=summary,
        kind=kind,
        words=_after(phrase),
        build=lambda expected, _now: build(expected),
        rests_on=rests_on,
        counts=counts,
    )


_SCALAR = Plain("string", "number", "boolean")
_STRING = Plain("string")
_NUMBER = Plain("number")
_FLAG = Plain("boolean")
_PATH = Written(parse_path)
_SIZE = Table({name: Plain("integer") for name in COMPARISONS}, required=(COMPARISONS,))
_VERSION = Written(versions.read_version, numbers=True)
_SPAN = Written(moments.read_span, r"^\d{1,5}[hdwy]$")

_COMPARED = {
    "atLeast": "at least",
    "atMost": "at most",
    "less": "less than",
    "lessOrEquals": "at most",
    "greater": "more than",
    "greaterOrEquals": "at least",
    "equals": "exactly",
    "notEquals": "not",
}


def _compared(expected: Mapping[str, Any]) -> str:
    return " and ".join(f"{_COMPARED[name]} {plain(value)}" for name, value in expected.items())


def _expiry_words(expected: str) -> str:
    span = moments.span_words(expected)
    return "has expired" if span.startswith("0 ") else f"expires within {span}"


def _cidr_words(expected: Mapping[str, Any]) -> str:
    if "covers" in expected:
        return f"covers all of {plain(expected['covers'])}"
    public = expected.get("public")
    if "addresses" in expected:
        return f"opens {_compared(expected['addresses'])} {'public ' if public else ''}addresses"
    return "has a public address" if public else "has no public address"


def _admits_words(expected: Mapping[str, Any]) -> str:
    ports = f"port {plain(expected['ports'])}" if "ports" in expected else "any port"
    protocol = f" by {plain(expected['protocol'])}" if "protocol" in expected else ""
    least = f" (more than {expected['addresses']} addresses)" if "addresses" in expected else ""
    return f"admits the internet{least} to {ports}{protocol}"


def _grants_words(expected: Mapping[str, Any]) -> str:
    some = "any of " if str(expected.get("match", "")).lower() == "any" else ""
    scope = f" at {expected['withinScope']} or above" if "withinScope" in expected else ""
    return f"grants {some}{plain(expected['action'])}{scope}"


def _logs_words(expected: Mapping[str, Any]) -> str:
    wanted = [plain(expected["categories"])] if "categories" in expected else []
    if "category" in expected:
        one = expected["category"]
        wanted.append(one if isinstance(one, str) else " or ".join(one))
    return f"logs {' and '.join(wanted)}"


OPERATORS: Final[Mapping[str, Operator]] = {
    "equals": _policy("the same value", "equals", _SCALAR, policy.equals, counts=True),
    "notEquals": _policy("another value", "does not equal", _SCALAR, policy.not_equals, counts=True),
    "in": _policy("one of the values", "is one of", ListOf(_SCALAR), policy.is_in),
    "notIn": _policy("none of the values", "is none of", ListOf(_SCALAR), policy.not_in),
    "like": _policy("matches a pattern with *", "is like", _STRING, policy.like),
    "notLike": _policy("does not match a pattern with *", "is not like", _STRING, policy.not_like),
    "contains": _policy("a part of the text, or an element of the list", "contains", _SCALAR, policy.contains),
    "notContains": _policy("no such part or element", "does not contain", _SCALAR, policy.not_contains),
    "containsKey": _policy("the map has the key", "has the key", _STRING, policy.contains_key, rests_on=FALSE),
    "notContainsKey": _policy(
        "the map lacks the key", "does not have the key", _STRING, policy.not_contains_key, rests_on=TRUE
    ),
    "less": _policy("a number below", "is less than", _NUMBER, policy.less, counts=True),
    "lessOrEquals": _policy("a number not above", "is at most", _NUMBER, policy.less_or_equals, counts=True),
    "greater": _policy("a number above", "is greater than", _NUMBER, policy.greater, counts=True),
    "greaterOrEquals": _policy("a number not below", "is at least", _NUMBER, policy.greater_or_equals, counts=True),
    "exists": Operator(
        summary="there, and neither null nor empty text",
        kind=Plain("boolean"),
        words=lambda expected: "exists" if expected else "does not exist",
        build=lambda expected, _now: policy.exists(expected),
        decides_absence=True,
    ),
    "minimumTls": Operator(
        summary="the weakest TLS version accepted is this one or later",
        kind=Written(tls.read_wanted, numbers=True),
        words=lambda expected: f"is TLS {expected} or later",
        build=lambda expected, _now: tls.minimum_tls(expected),
    ),
    "version": Operator(
        summary="dotted numerals by order",
        kind=Table(dict.fromkeys(versions.COMPARISONS, _VERSION), required=(tuple(versions.COMPARISONS),)),
        words=lambda expected: f"is version {_compared(expected)}",
        build=lambda expected, _now: versions.version(expected),
    ),
    "expiresWithin": Operator(
        summary="a moment before now + span, past ones included",
        kind=_SPAN,
        words=_expiry_words,
        build=moments.expires_within,
    ),
    "olderThan": Operator(
        summary="a moment before now - span",
        kind=_SPAN,
        words=lambda expected: f"is older than {moments.span_words(expected)}",
        build=moments.older_than,
    ),
    "duration": Operator(
        summary="a length of time, ISO 8601 or TimeSpan",
        kind=Table(
            dict.fromkeys(durations.COMPARISONS, Written(durations.read_duration)),
            required=(tuple(durations.COMPARISONS),),
        ),
        words=lambda expected: f"lasts {_compared(expected)}",
        build=lambda expected, _now: durations.duration(expected),
    ),
    "cidr": Operator(
        summary="what address ranges add up to",
        kind=Table(
            {
                "covers": OneOrMore(Written(read_addresses)),
                "addresses": _SIZE,
                "public": _FLAG,
                "keys": OneOrMore(_PATH),
            },
            required=(("covers", "addresses", "public"),),
            apart=(("covers", "addresses"), ("covers", "public")),
        ),
        words=_cidr_words,
        build=lambda expected, _now: networks.cidr(expected),
        shows=networks.show,
        weighs=networks.weigh,
        members=networks.members,
    ),
    "admits": Operator(
        summary="security rules let the internet reach a port",
        kind=Table(
            {
                "from": OneOf("internet"),
                "ports": ListOf(Written(admits.read_ports, numbers=True)),
                "protocol": OneOrMore(OneOf(*admits.PROTOCOLS)),
                "addresses": Plain("integer"),
                "also": _PATH,
            },
            required=(("from",),),
        ),
        words=_admits_words,
        beside=admits.beside,
        build_beside=lambda expected, _now: admits.admits(expected),
        shows=admits.show,
        members=lambda _expected: admits.MEMBERS,
    ),
    "grants": Operator(
        summary="permissions include actions",
        kind=Table(
            {
                "action": OneOrMore(_STRING),
                "match": OneOf("every", "any"),
                "plane": OneOf("control", "data"),
                "withinScope": Written(grants.read_scope),
                "scopes": _PATH,
            },
            required=(("action",),),
        ),
        words=_grants_words,
        beside=grants.beside,
        build_beside=lambda expected, _now: grants.grants(expected),
    ),
    "logs": Operator(
        summary="diagnostic settings send a log somewhere",
        kind=Table(
            {
                "category": OneOrMore(_STRING),
                "categories": ListOf(_STRING),
                "group-audit": _FLAG,
                "destination": _FLAG,
            },
            required=(("category", "categories"),),
        ),
        words=_logs_words,
        build=lambda expected, _now: logs.logs(expected),
        shows=logs.show,
        members=lambda _expected: logs.MEMBERS,
    ),
    "equalsField": Operator(
        summary="the same value as at another path",
        kind=_PATH,
        words=lambda expected: f"equals the value of {expected}",
        beside=lambda expected: (expected,),
        build_beside=lambda expected, _now: fields.equals_field(expected),
    ),
    "length": Operator(
        summary="the number of characters or elements",
        kind=_SIZE,
        words=lambda expected: f"has a length of {_compared(expected)}",
        build=lambda expected, _now: fields.length(expected),
    ),
}
