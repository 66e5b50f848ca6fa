"""Secrets are taken out, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.estate.redact import (
    MARKER,
    SECRET_ENDINGS,
    SECRET_NAMES,
    SECRET_WHOLE,
    is_secret_name,
    redacted,
    split_path,
)

PLANTED = "Zq9plantedQz"
PLAIN = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=12).filter(
    lambda text: PLANTED not in text
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PLAIN
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3), max_leaves=8
)
VALUES = (
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={PLANTED}==;EndpointSuffix=core.windows.net",
    f"AccountKey = {PLANTED}",
    f"Server=s;User=u;Password={PLANTED};",
    f"server=s;pwd={PLANTED}",
    f"Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey={PLANTED}",
    f"SharedAccessSignature={PLANTED}",
    f"https://x.blob.core.windows.net/c?sv=1&sig={PLANTED}",
    f"https://x.azurewebsites.net/api/f?code={PLANTED}",
    f"https://events?token={PLANTED}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END",
    f"-----BEGIN PRIVATE KEY-----\n{PLANTED}",
)


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """A name of a secret as a provider may write it: in any case, with separators."""
    letters = []
    for letter in name:
        letters.append(letter.upper() if draw(st.booleans()) else letter)
        letters.append(draw(st.sampled_from(["", "", "", "_", "-", "."])))
    return "".join(letters)


def planted_at(draw: st.DrawFn, tree: Any, name: str, value: Any) -> Any:
    """The tree somewhere in a document, with one more member."""
    holder = tree if isinstance(tree, dict) else {"other": tree}
    holder = {**holder, name: value}
    for _ in range(draw(st.integers(0, 3))):
        holder = [holder, draw(LEAVES)] if draw(st.booleans()) else {draw(PLAIN): draw(LEAVES), "properties": holder}
    return {"id": "/subscriptions/s", "properties": holder}


@given(st.data(), TREES, st.sampled_from(sorted(SECRET_NAMES)))
def test_no_secret_survives_under_a_name_of_secrets(data, tree, name):
    written = data.draw(spelled(name))
    value = data.draw(st.sampled_from([PLANTED, [PLANTED], ["", PLANTED]]))
    body, encoded = redacted(planted_at(data.draw, tree, written, value))
    assert PLANTED.encode() not in encoded
    assert msgspec.json.decode(encoded) == msgspec.json.decode(msgspec.json.encode(body))
    assert MARKER.encode() in encoded, "set stays apart from empty"


@given(st.data(), TREES, st.sampled_from(SECRET_ENDINGS))
def test_no_secret_survives_under_a_name_that_ends_like_one(data, tree, ending):
    written = "my" + data.draw(spelled(ending))
    assert PLANTED.encode() not in redacted(planted_at(data.draw, tree, written, PLANTED))[1]


@given(st.data(), TREES, st.sampled_from(sorted(SECRET_WHOLE)))
def test_nothing_below_a_wholly_secret_member_survives(data, tree, name):
    value = data.draw(st.sampled_from([{"a": {"value": PLANTED}}, [{"value": [PLANTED]}], {"x": PLANTED}]))
    assert PLANTED.encode() not in redacted(planted_at(data.draw, tree, data.draw(spelled(name)), value))[1]


@given(st.data(), TREES, st.sampled_from(VALUES), PLAIN)
def test_no_secret_survives_in_a_value_that_shows_it(data, tree, value, name):
    assert PLANTED.encode() not in redacted(planted_at(data.draw, tree, f"x{name}", value))[1]


@given(st.data(), TREES)
def test_no_secret_survives_at_a_path_that_the_collection_names(data, tree):
    steps = data.draw(st.lists(st.sampled_from(["values", "env", "inner"]), min_size=1, max_size=4))
    value: Any = PLANTED
    written = ""
    for step in reversed(steps):
        many = data.draw(st.booleans())
        value = {step: [value, data.draw(LEAVES)] if many else value}
        written = f"{step}{'[*]' if many else ''}.{written}"
    body = {"properties": {**value, "tree": tree}}
    assert PLANTED.encode() not in redacted(body, [split_path(f"properties.{written}".rstrip("."))])[1]


@given(TREES)
def test_what_is_no_secret_stays_as_it_is(tree):
    names = {"id", "name", "location", "enabled"}
    body = {"properties": {"x": tree}, **dict.fromkeys(names, "v")}
    before = copy.deepcopy(body)
    after, encoded = redacted(body)
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    if MARKER.encode() not in encoded:
        assert after == before


@pytest.mark.parametrize("value", [None, "", True, False, 0, 17, [], {}])
def test_empty_values_booleans_and_numbers_stay(value):
    body = {"properties": {"adminPassword": value, "secret": value}}
    assert redacted(copy.deepcopy(body))[0] == body


@pytest.mark.parametrize(
    "name",
    [
        "disablePasswordAuthentication",
        "passwordCredentials",
        "secretUri",
        "keyVaultSecretId",
        "secretName",
        "tokenVersion",
        "keyName",
        "publicKeys",
        "keySource",
        "tokenStoreEnabled",
        "secretExpiry",
        "keyVaultProperties",
        "secretsCount",
    ],
)
def test_names_about_secrets_are_no_secrets(name):
    assert not is_secret_name(name)


def test_ids_stay_even_beside_secrets():
    identity = "/subscriptions/s/resourceGroups/password/providers/Microsoft.KeyVault/vaults/secret-keys"
    body = {
        "id": identity,
        "properties": {"keyVaultSecretId": identity, "password": "x", "vault": {"secret": {"id": identity}}},
    }
    after = redacted(body)[0]
    assert after == {**body, "properties": {**body["properties"], "password": MARKER}}


def test_names_and_types_of_connection_strings_stay():
    body = {"connectionStrings": [{"name": "main", "type": "SQLAzure", "value": "whatever"}]}
    assert redacted(body)[0] == {"connectionStrings": [{"name": "main", "type": "SQLAzure", "value": MARKER}]}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("a.b", {"a": {"b": "x"}}, {"a": {"b": MARKER}}),
        ("a.b", {"A": {"B": "x"}}, {"A": {"B": MARKER}}),
        ("a[*].b", {"a": [{"b": "x"}, 1, {"c": 2}]}, {"a": [{"b": MARKER}, 1, {"c": 2}]}),
        ("a.b", {"a": [{"b": "x"}]}, {"a": [{"b": MARKER}]}),
        ("a[*]", {"a": ["x", "", None]}, {"a": [MARKER, "", None]}),
        ("a.*", {"a": {"b": "x", "c": {"d": 1, "e": True}}}, {"a": {"b": MARKER, "c": {"d": MARKER, "e": True}}}),
        ("a.*.v", {"a": {"b": {"v": "x", "w": "y"}}}, {"a": {"b": {"v": MARKER, "w": "y"}}}),
        ("tags['a.b']", {"tags": {"a.b": "x", "a": {"b": "y"}}}, {"tags": {"a.b": MARKER, "a": {"b": "y"}}}),
        ("['@odata.x'].y", {"@odata.x": {"y": "x"}}, {"@odata.x": {"y": MARKER}}),
        ("a.b", {"a": None}, {"a": None}),
        ("a.b", {"a": "text"}, {"a": "text"}),
    ],
)
def test_paths(path, body, expected):
    assert redacted(body, [split_path(path)])[0] == expected


@pytest.mark.parametrize("body", [None, 7, "Password=x", ["a"], [{"password": "x"}]])
def test_any_json_can_come(body):
    assert b'"x"' not in redacted(body)[1] and b"=x" not in redacted(body)[1]
