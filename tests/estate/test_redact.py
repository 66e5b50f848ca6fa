"""Secrets are taken out, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.estate.redact import MARKER, redacted, split_path
from azscan.estate.secret_names import FREE_INSIDE, FREE_NAMES, SECRET_ENDINGS, SECRET_NAMES, is_secret_name

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
    f"AccountName%3Da%3BAccountKey%3D{PLANTED}",
    f"Endpoint=https://x.service.signalr.net;AccessKey={PLANTED};Version=1.0",
    f"Endpoint=https://x.azconfig.io;Id=i;Secret={PLANTED}",
    f"Server=s;User=u;Password={PLANTED};",
    f"jdbc:sqlserver://s:1433;user=u;password={PLANTED}",
    f"server=s;pwd={PLANTED}",
    f"Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey={PLANTED}",
    f"SharedAccessSignature={PLANTED}",
    f"SharedAccessSignature sr=x&sig={PLANTED}&se=1&skn=n",
    f"sig={PLANTED}",
    f"sv=1&sp=r&sig%3D{PLANTED}",
    f"https%3A%2F%2Fx%2Fc%3Fsv%3D1%26sig%3d{PLANTED}",
    f"https%253A%252F%252Fx%252Fc%253Fsig%253D{PLANTED}",
    f'{{"url":"https://x/c?sv=1\\u0026sig\\u003d{PLANTED}"}}',
    f"https://x/c?sv=1&amp;sig={PLANTED}",
    f"https://x.blob.core.windows.net/c?sv=1&sig={PLANTED}",
    f"https://x.azurewebsites.net/api/f?code={PLANTED}",
    f"code={PLANTED}",
    f"https://events?token={PLANTED}",
    f"InstrumentationKey={PLANTED};IngestionEndpoint=https://x",
    f"export DB_PASSWORD={PLANTED}",
    f"DB_PASS={PLANTED}",
    f"Endpoint=https://x;Key={PLANTED}",
    f"az login --service-principal -u x -p {PLANTED}",
    f"curl -u ann:{PLANTED} https://x",
    f"ConvertTo-SecureString '{PLANTED}' -AsPlainText",
    f"Bearer\t{PLANTED}",
    f"Authorization%3A%20Basic%20{PLANTED}",
    f'{{"password": {{"value": "{PLANTED}"}}}}',
    f"//u:{PLANTED}@host/share",
    f"run --api-key {PLANTED}",
    f"./run.sh -Password {PLANTED}",
    f'{{"clientSecret":"{PLANTED}"}}',
    f'{{"a": "{{\\"password\\": \\"{PLANTED}\\"}}"}}',
    f"x-api-key: {PLANTED}",
    f"Ocp-Apim-Subscription-Key:{PLANTED}",
    f"password: {PLANTED}",
    f"<password>{PLANTED}</password>",
    f"Authorization: {PLANTED}",
    f"Basic {PLANTED}",
    f"Bearer {PLANTED}",
    f"curl -H 'authorization: bearer {PLANTED}'",
    f"eyJhbGciOiJub25lIn0.{PLANTED}.sgn",
    f"access eyJhbGciOiJub25lIn0.{PLANTED}",
    f"https://u:{PLANTED}@host/repo.git",
    f"https://{PLANTED}@github.com/contoso/repo",
    f"postgres://u:{PLANTED}@host:5432/db",
    f"redis://:{PLANTED}@host",
    f"mongodb+srv://u:a/b@{PLANTED}@host/db",
    f"amqp%3A%2F%2Fu%3A{PLANTED}%40host",
    f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END",
    f"-----BEGIN PRIVATE KEY-----\n{PLANTED}",
    f"LS0tLS1CRUdJTiBSU0EgUFJJ{PLANTED}",
    f"{PLANTED}{'a' * 74}==",
    f"COMPOSE|{PLANTED}",
    f"https://hooks.slack.com/services/T0/B0/{PLANTED}",
    f"https://contoso.webhook.office.com/webhookb2/{PLANTED}",
    f"ghp_{PLANTED}12345678",
)
# What is about keys, tokens and sign-in, or looks a little like them, and is none.
HARMLESS = (
    "https://kv-contoso.vault.azure.net/keys/cmk/0123456789abcdef0123456789abcdef",
    "https://kv-contoso.vault.azure.net/secrets/db-password",
    "/subscriptions/s/resourceGroups/password/providers/Microsoft.KeyVault/vaults/secret-keys",
    "@Microsoft.KeyVault(SecretUri=https://kv-contoso.vault.azure.net/secrets/x)",
    "0123456789ABCDEF0123456789ABCDEF01234567",
    "https://prod-03.westeurope.logic.azure.com:443/workflows/ac81639b6ff0400f9ce36fdca8ac9206",
    "contoso.azurecr.io/app:1.0@sha256:0123456789abcdef",
    "https://acr.azurecr.io/app:1.0@sha256:0123456789abcdef",
    "abfss://container@contoso.dfs.core.windows.net/",
    "api://44444444-0000-4000-8000-000000000001/token",
    "Basic",
    "Basic authentication is off for publishing",
    "A bearer token of this tenant",
    "Secrets without an end are found",
    "Password protected accounts",
    "PYTHON|3.12",
    "DOCKER|contoso.azurecr.io/app:latest",
    "2026-05-04T03:02:01.1234567Z",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk user@host",
    "-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----",
    "https://contoso.example/?api-version=2024-01-01&$filter=a eq 'b'",
    "mail@contoso.example",
    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "Contoso.Hello, Version=1.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
    "UserAgent=x;Statuscode=200&zipcode=1",
    "bypass=AzureServices",
    '{"password": null, "secret": {}}',
    "login to the portal",
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


@given(st.data(), TREES, st.sampled_from(sorted(FREE_NAMES | FREE_INSIDE | SECRET_NAMES)))
def test_nothing_below_a_free_or_secret_member_survives(data, tree, name):
    forms = [
        {"a": {"value": PLANTED}},
        [{"value": [PLANTED]}],
        {"x": PLANTED},
        [PLANTED],
        [{"name": "a", "v": PLANTED}],
    ]
    value = data.draw(st.sampled_from(forms))
    assert PLANTED.encode() not in redacted(planted_at(data.draw, tree, data.draw(spelled(name)), value))[1]


@given(st.data(), TREES, st.sampled_from(sorted(SECRET_NAMES)), st.sampled_from(["name", "key"]))
def test_no_secret_survives_beside_its_name(data, tree, name, called):
    body = planted_at(data.draw, tree, "settings", [{called: data.draw(spelled(name)), "value": PLANTED}])
    assert PLANTED.encode() not in redacted(body)[1]


@given(st.data(), TREES, st.sampled_from(VALUES), PLAIN)
def test_no_secret_survives_in_a_value_that_shows_it(data, tree, value, name):
    assert PLANTED.encode() not in redacted(planted_at(data.draw, tree, f"x{name}", value))[1]


@pytest.mark.parametrize("value", VALUES)
def test_each_value_is_marked_by_itself(value):
    marked = f"COMPOSE|{MARKER}" if value.startswith("COMPOSE|") else MARKER
    assert redacted({"x": value, "y": [value]})[0] == {"x": marked, "y": [marked]}


@pytest.mark.parametrize("value", HARMLESS)
def test_what_shows_no_secret_stays(value):
    assert redacted({"x": value, "y": [value]})[0] == {"x": value, "y": [value]}


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


@pytest.mark.parametrize("value", [None, "", True, False, 0, [], {}])
def test_empty_values_and_booleans_stay(value):
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (17, MARKER),
        ({"value": 17}, {"value": MARKER}),
        ({"type": "SecureString", "value": "x"}, {"type": "SecureString", "value": MARKER}),
        ({"a": {"b": ["x", None, ""]}}, {"a": {"b": [MARKER, None, ""]}}),
        ({"id": "/subscriptions/s"}, {"id": "/subscriptions/s"}),
        ({"id": {"value": "x"}}, {"id": {"value": MARKER}}),
        ({"name": "eyJhbGciOiJub25lIn0.e30."}, {"name": MARKER}),
        ({"generationTime": "2026-05-04T03:02:01.12Z"}, {"generationTime": "2026-05-04T03:02:01.12Z"}),
        ([{"secretName": "tls", "value": "x"}], [{"secretName": "tls", "value": MARKER}]),
    ],
)
def test_numbers_and_objects_of_a_secret_name(value, expected):
    """Of an object what it refers to stays, and when it was made: checks ask how old keys are."""
    assert redacted({"properties": {"masterKey": value}})[0] == {"properties": {"masterKey": expected}}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("env", "prod", "prod"),
        ("env", ["A=b"], [MARKER]),
        ("env", {"name": "x"}, {"name": MARKER}),
        ("env", [{"name": "A", "value": "b"}, {"name": "C", "secretRef": "c"}], None),
        ("protectedSettings", {"type": "x", "y": {"name": "x"}}, {"type": MARKER, "y": {"name": MARKER}}),
        ("httpHeaders", [{"name": "X-Own", "value": "x"}], [{"name": "X-Own", "value": MARKER}]),
        ("command", "run x", MARKER),
        ("disableRunCommand", True, True),
    ],
)
def test_what_people_write_freely(name, value, expected):
    """Items keep what they are called; the members of a map may be called anything."""
    after = redacted({"properties": {name: copy.deepcopy(value)}})[0]["properties"][name]
    if expected is None:
        expected = [{"name": "A", "value": MARKER}, {"name": "C", "secretRef": "c"}]
    assert after == expected


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
