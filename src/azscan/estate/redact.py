"""Secrets are taken out of what Azure sent before anything is stored; a marker tells set from empty."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

MARKER = "(redacted by azscan)"

# Names of members that hold a secret whatever resource they stand in, without punctuation and in lower case.
# tests/contract proves that every path that Microsoft's schema flags as sensitive in a declared type is covered.
SECRET_NAMES = frozenset(
    {
        "accesskey",
        "accesstoken",
        "accountkey",
        "adminpassword",
        "administratorloginpassword",
        "apikey",
        "certificatepassword",
        "clientsecret",
        "commandtoexecute",
        "connectionstring",
        "connectionstrings",
        "credential",
        "customdata",
        "encodedcertificate",
        "hubdatabasepassword",
        "instrumentationkey",
        "keydata",
        "licensekey",
        "osprofilepassword",
        "password",
        "passphrase",
        "pfxblob",
        "primaryaccesskey",
        "primaryconnectionstring",
        "primarykey",
        "primarymasterkey",
        "primaryreadonlymasterkey",
        "privatekey",
        "protectedsettings",
        "protectedsettingsfromkeyvault",
        "publishingpassword",
        "refreshtoken",
        "registrationtoken",
        "sastoken",
        "scripturi",
        "secondaryaccesskey",
        "secondaryconnectionstring",
        "secondarykey",
        "secondarymasterkey",
        "secondaryreadonlymasterkey",
        "secret",
        "secretstring",
        "securestring",
        "sharedaccesskey",
        "sharedkey",
        "sharedsecret",
        "storageaccountaccesskey",
        "storageaccountkey",
        "storagekey",
        "token",
        "userdata",
        "workspacekey",
    }
)
SECRET_ENDINGS = ("password", "connectionstring", "clientsecret", "sharedkey", "accesskey", "sastoken")
# Members that end like a secret and hold none: versions, names, ids and addresses of secrets.
NO_SECRET = re.compile(r"(id|ids|name|names|uri|url|version|type|expiry|expires|enabled|resourceid|reference)$")

SECRET_VALUE = re.compile(
    r"(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)\s*=\s*[^;\s]"
    r"|[?&;](sig|code|token)=[^&\s]|-----BEGIN [A-Z ]*PRIVATE KEY",
    re.IGNORECASE,
)
# A quick look at the encoded bytes, in lower case: most bodies hold none of these and are not walked at all.
# Whatever SECRET_NAMES, SECRET_ENDINGS or SECRET_VALUE can find must show here.
SUSPECTS = (
    b"password",
    b"pwd",
    b"secret",
    b"token",
    b"key",
    b"sig=",
    b"code=",
    b"data\":\"",
    b"string\"",
    b"strings\"",
    b"credential",
    b"protectedsettings",
    b"commandtoexecute",
    b"scripturi",
    b"passphrase",
    b"pfxblob",
    b"encodedcertificate",
)


def redacted(body: Any, paths: Iterable[tuple[str, ...]] = ()) -> tuple[Any, bytes]:
    """The body without its secrets, and the same as encoded JSON.

    `paths` are those that the collection names (`redact:`), split into segments; `[*]` and `*` stand for every
    item or member. What is empty stays empty, so that a check can still tell set from unset.
    """
    for path in paths:
        _redact_path(body, path)
    encoded = msgspec.json.encode(body)
    lowered = encoded.lower()
    if any(suspect in lowered for suspect in SUSPECTS):
        body = _walk(body)
        encoded = msgspec.json.encode(body)
    return body, encoded


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    """`properties.a[*].b.*` as the segments that `redacted` takes."""
    return tuple(segment for segment in path.replace("[*]", ".[*]").split(".") if segment)


def is_secret_name(name: str) -> bool:
    """True where a member of that name holds a secret in whatever resource it stands."""
    plain = name.replace("_", "").replace("-", "").replace(".", "").lower()
    if plain in SECRET_NAMES:
        return True
    return plain.endswith(SECRET_ENDINGS) and not NO_SECRET.search(plain)


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _mark(inner) if is_secret_name(name) and _is_plain(inner) else _walk(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_walk(inner) for inner in value]
    if isinstance(value, str) and SECRET_VALUE.search(value):
        return MARKER
    return value


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _mark(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mark(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mark(inner) for inner in value]
    return value if value in (None, "") or isinstance(value, bool) else MARKER


def _redact_path(value: Any, path: tuple[str, ...]) -> None:
    if not path or value is None:
        return
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        if head == "[*]":
            if rest:
                for item in value:
                    _redact_path(item, rest)
            else:
                value[:] = [_mark(item) for item in value]
    elif isinstance(value, dict):
        for name in list(value) if head == "*" else [head] if head in value else []:
            if rest:
                _redact_path(value[name], rest)
            else:
                value[name] = _mark(value[name])
