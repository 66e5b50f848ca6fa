"""What Microsoft's schema flags as secret in the types that are read never reaches the disk."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from azscan.catalog.model import Catalog, Collection
from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, TRUE
from azscan.estate.redact import MARKER, is_secret_name, redacted, split_path
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
    return bool(found.values) or path in NO_SECRETS or bool(re.search(r"(Id|ID)$", path))


@pytest.fixture(scope="module")
def secrets(catalog: Catalog, facts: Facts) -> list[tuple[Collection, str, Found]]:
    """Every path of a declared type that the schema flags."""
    kinds = catalog.collections.values()
    return [(kind, path, found) for kind in kinds for path, found in facts.secrets(kind).items()]


def test_what_the_schema_flags_is_taken_out(secrets: list[tuple[Collection, str, Found]]) -> None:
    leaks = []
    judged = 0
    for kind, path, found in secrets:
        if holds_no_secret(path, found):
            continue
        judged += 1
        body, encoded = redacted(_document(path, found, SECRET), [split_path(each) for each in kind.redact])
        if SECRET.encode() in encoded or SECRET in repr(body):
            leaks.append((kind.name, path))
    assert judged, "the schema flags nothing, so nothing was proven"
    assert not leaks, f"name them under redact: of the collection, or in azscan/estate/redact.py: {leaks}"


def test_exists_still_tells_set_from_empty(secrets: list[tuple[Collection, str, Found]]) -> None:
    for kind, path, found in secrets:
        if found.json_type != "string" or "*" in path or holds_no_secret(path, found):
            continue
        for value, expected in ((SECRET, TRUE), ("", FALSE), (None, FALSE)):
            body, _ = redacted(_document(path, found, value), [split_path(each) for each in kind.redact])
            assert _exists(path, body) == expected, (kind.name, path, value)


def test_what_is_no_secret_is_still_needed(secrets: list[tuple[Collection, str, Found]]) -> None:
    assert {path for _, path, _ in secrets} >= NO_SECRETS.keys(), "the schema flags it no more"


@pytest.mark.parametrize(
    "name",
    [
        *("administratorLoginPassword", "adminPassword", "vmPassword", "serverAppSecret", "clientSecret"),
        *("storageAccountAccessKey", "storageContainerSasKey", "accessKey", "primaryKey", "connectionString"),
        *("customData", "userData", "protectedSettings", "secret", "password", "sharedKey", "authorizationKey"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
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


def _document(path: str, found: Found, value: Any) -> dict[str, Any]:
    """A document with the value at the path, in the shape that the schema has there."""
    inner: Any = value
    if value is not None and "array" in found.json_type:
        inner = [{"name": "one", "value": value, "connectionString": value}]
    elif value is not None and found.json_type == "object":
        inner = {"inner": {"value": value}}
    steps = path.replace("[*]", f".{EACH}").split(".")
    for step in reversed(steps):
        inner = [inner] if step == EACH else {"member" if step == "*" else step: inner}
    return inner if isinstance(inner, dict) else {}


def _exists(path: str, body: Any) -> int:
    condition = compile_condition(parse({"field": path, "exists": True}), datetime.now(UTC))
    return condition(body)[0]
