"""What Microsoft's schema flags as secret in the types that are read never reaches the disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from azscan.catalog.builtin import parts_of
from azscan.catalog.examples import run_examples
from azscan.catalog.model import Catalog, Collection, Examples
from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, TRUE
from azscan.estate.redact import MARKER, redacted, split_path
from azscan.estate.secret_names import SECRET_ENDINGS, SECRET_NAMES, named
from tests.contract.claims import kinds_of
from tests.contract.facts import EACH, Facts, Found

SECRET = "zX9-hunter2-Qv7"

# Flagged writeOnly, because a GET does not answer with it; whoever learned it would have learned no secret.
NO_SECRETS = {
    "properties.restorePointInTime": "a moment",
    "properties.sourceDatabaseDeletionDate": "a moment",
    "properties.storageContainerPath": "the address of a container, which opens nothing without its key",
}


def holds_no_secret(path: str, found: Found) -> bool:
    """True for a path that is writeOnly for another reason: one of a few words, an id, or named in NO_SECRETS."""
    if "sensitive" in found.flags:
        return False
    return bool(found.values) or path in NO_SECRETS or path.endswith("Id")


def places(kind: Collection, path: str, found: Found, facts: Facts) -> list[tuple[str, ...]]:
    """Where a secret can stand: the path itself, or every text below a flagged list or object but names and types."""
    if found.json_type == "string":
        return [split_path(path)]
    below = [each for each in facts.texts(kind) if each.startswith((f"{path}.", f"{path}["))]
    return [split_path(each) for each in below if each.rpartition(".")[2] not in ("name", "type")]


@pytest.fixture(scope="module")
def secrets(catalog: Catalog, facts: Facts) -> list[tuple[Collection, str, Found]]:
    """Every path of a declared type that the schema flags."""
    kinds = catalog.collections.values()
    return [(kind, path, found) for kind in kinds for path, found in facts.secrets(kind).items()]


def test_what_the_schema_flags_is_taken_out(secrets: list[tuple[Collection, str, Found]], facts: Facts) -> None:
    leaks = []
    judged = 0
    for kind, path, found in secrets:
        if holds_no_secret(path, found):
            continue
        for steps in places(kind, path, found, facts):
            judged += 1
            body, encoded = redacted(_document(steps, SECRET), [split_path(each) for each in kind.redact])
            if SECRET.encode() in encoded or SECRET in repr(body):
                leaks.append((kind.name, ".".join(steps)))
    assert judged > len(secrets) / 2, "hardly anything was proven"
    assert not leaks, f"name them under redact: of the collection, or in azscan/estate/redact.py: {leaks}"


def test_exists_still_tells_set_from_empty(secrets: list[tuple[Collection, str, Found]]) -> None:
    for kind, path, found in secrets:
        if found.json_type != "string" or "*" in path or holds_no_secret(path, found):
            continue
        for value, expected in ((SECRET, TRUE), ("", FALSE), (None, FALSE)):
            body, _ = redacted(_document(split_path(path), value), [split_path(each) for each in kind.redact])
            assert _exists(path, body) == expected, (kind.name, path, value)


def test_what_is_no_secret_is_still_needed(secrets: list[tuple[Collection, str, Found]]) -> None:
    assert {path for _, path, _ in secrets} >= NO_SECRETS.keys(), "the schema flags it no more"


def test_no_verdict_rests_on_a_secret(catalog: Catalog) -> None:
    """Every example gets the same verdict once its secrets are out: a check asks whether one is set, not what it is."""
    parts, kinds = parts_of(catalog), kinds_of(catalog)

    def without(document: Any, name: str, depth: int = 3) -> Any:
        if not isinstance(document, dict):
            return document
        attached = {key: part for key, part in parts.get(name, {}).items() if key in document and depth}
        own = {key: value for key, value in document.items() if key not in attached}
        own = redacted(own, [split_path(path) for path in kinds[name].redact])[0]
        for key, part in attached.items():
            own[key] = _each(document[key], part.shape, lambda one, of=part.collection: without(one, of, depth - 1))
        return own

    for check in catalog.checks.values():
        cleaned = {
            group: tuple(
                without(msgspec.json.decode(msgspec.json.encode(document)), check.subject)
                for document in getattr(check.examples, group)
            )
            for group in ("passing", "failing", "not_applicable")
        }
        clean = msgspec.structs.replace(check, examples=Examples(**cleaned))
        assert [one.outcome for one in run_examples(clean)] == [one.outcome for one in run_examples(check)], check.id


def _each(value: Any, shape: str, change: Callable[[Any], Any]) -> Any:
    if shape == "list" and isinstance(value, list):
        return [change(one) for one in value]
    if shape == "map" and isinstance(value, dict):
        return {key: change(one) for key, one in value.items()}
    return change(value)


@pytest.mark.parametrize("name", sorted(SECRET_NAMES | {f"own{ending}" for ending in SECRET_ENDINGS}))
def test_every_name_on_the_list_is_found_in_a_body(name: str) -> None:
    assert redacted({"properties": {name: SECRET}})[0] == {"properties": {name: MARKER}}


@pytest.mark.parametrize(
    "name",
    [
        *("administratorLoginPassword", "adminPassword", "vmPassword", "serverAppSecret", "clientSecret"),
        *("storageAccountAccessKey", "storageContainerSasKey", "accessKey", "primaryKey", "connectionString"),
        *("customData", "userData", "protectedSettings", "secret", "password", "sharedKey", "authorizationKey"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert named(name)
    assert redacted({"properties": {name: SECRET}})[0] == {"properties": {name: MARKER}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("disablePasswordAuthentication", True),
        ("allowSharedKeyAccess", False),
        ("defaultToOAuthAuthentication", True),
        ("keyVaultUri", "https://kv-contoso.vault.azure.net/"),
        ("keyName", "cmk"),
        ("keyVersion", "0123456789abcdef0123456789abcdef"),
        ("currentVersionedKeyIdentifier", "https://kv-contoso.vault.azure.net/keys/cmk/0123"),
        ("keyUrl", "https://kv-contoso.vault.azure.net/keys/des/1"),
        ("keyEncryptionKeyUrl", "https://kv-contoso.vault.azure.net/keys/des/1"),
        ("secretUri", "https://kv-contoso.vault.azure.net/secrets/tls"),
        ("secretName", "tls"),
        ("keySource", "Microsoft.Keyvault"),
        ("keyType", "Account"),
        ("keyExpirationPeriodInDays", 90),
        ("publicKey", "ssh-ed25519 AAAAC3Nza"),
        ("passwordCredentials", [{"keyId": "0", "endDateTime": "2027-01-01T00:00:00Z", "displayName": "ci"}]),
        ("tokenStore", {"enabled": True}),
        ("clientSecretSettingName", "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET"),
        ("secretPermissions", ["get", "list"]),
        ("connectionStringReference", "AzureWebJobsStorage"),
        ("passwordValidityPeriodInDays", 90),
    ],
)
def test_what_only_sounds_like_a_secret_stays(name: str, value: Any) -> None:
    document = {"properties": {name: value}}
    assert redacted(msgspec.json.decode(msgspec.json.encode(document)))[0] == document


def _document(steps: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A document with the value at the path; EACH is an item of a list, `*` a member of a map."""
    inner: Any = value
    for step in reversed(steps):
        inner = [inner] if step == EACH else {"member" if step == "*" else step: inner}
    assert isinstance(inner, dict)
    return inner


def _exists(path: str, body: Any) -> int:
    condition = compile_condition(parse({"field": path, "exists": True}), datetime.now(UTC))
    return condition(body)[0]
