"""Secrets are taken out of what Azure sent before anything is stored; a marker tells set from empty."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

MARKER = "(redacted by azscan)"
MAX_DEPTH = 100
_SEGMENT = re.compile(r"\['([^']+)'\]|(\[\*\]|[^.\[\]]+)")

# Names of members that hold a secret whatever resource they stand in, without punctuation and in lower case.
# tests/contract proves that every path that Microsoft's schema flags as sensitive in a declared type is covered.
SECRET_NAMES = frozenset(
    {
        "accesskey",
        "accesskey1",
        "accesskey2",
        "accesstoken",
        "accountkey",
        "administratorloginpassword",
        "adminpassword",
        "apikey",
        "authorizationcode",
        "authorizationkey",
        "bitlockerkey",
        "certificatekey",
        "certificatepassword",
        "certificatevalue",
        "clientsecret",
        "commandtoexecute",
        "connectionkey",
        "connectionstring",
        "connectionstringprimarykey",
        "connectionstrings",
        "connectionstringsecondarykey",
        "credential",
        "customdata",
        "developertoken",
        "encodedcertificate",
        "hubdatabasepassword",
        "instrumentationkey",
        "keydata",
        "keytab",
        "kubeconfig",
        "licensekey",
        "osprofilepassword",
        "passphrase",
        "password",
        "pfxblob",
        "primaryaccesskey",
        "primaryconnectionstring",
        "primarykey",
        "primarymasterkey",
        "primaryreadonlymasterkey",
        "privatekey",
        "privatekeydata",
        "productkey",
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
        "secretvalue",
        "securestring",
        "securevalue",
        "securitytoken",
        "sharedaccesskey",
        "sharedkey",
        "sharedsecret",
        "storageaccountaccesskey",
        "storageaccountkey",
        "storagekey",
        "token",
        "userdata",
        "validationkey",
        "verificationtoken",
        "verifytoken",
        "workspacekey",
    }
)
SECRET_ENDINGS = (
    "password",
    "secret",
    "connectionstring",
    "accesskey",
    "apikey",
    "privatekey",
    "saskey",
    "secretkey",
    "sharedkey",
    "accesstoken",
    "authtoken",
    "sastoken",
)
# Members below which everything is secret but what things are called.
SECRET_WHOLE = frozenset({"protectedsettings", "connectionstrings"})
OPEN_NAMES = frozenset({"name", "type"})

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
    b'data":"',
    b'data":["',
    b'string"',
    b'strings"',
    b"credential",
    b"protectedsettings",
    b"commandtoexecute",
    b"scripturi",
    b"passphrase",
    b"accesssignature",
    b"pfxblob",
    b"encodedcertificate",
    b"certificatevalue",
    b"securevalue",
    b"kubeconfig",
    b"authorizationcode",
)


def redacted(body: Any, paths: Iterable[tuple[str, ...]] = ()) -> tuple[Any, bytes]:
    """The body without its secrets, and the same as encoded JSON.

    `paths` are those that the collection names (`redact:`), split into segments; `[*]` and `*` stand for every
    item or member. What is empty stays empty, so that a check can still tell set from unset. A body that is nested
    deeper than any resource becomes null, which is no object to anyone who reads it: unreadable.
    """
    try:
        encoded = msgspec.json.encode(body)
    except RecursionError:
        return None, b"null"
    # A nested body has as many brackets: most have fewer, and are not looked through.
    if encoded.count(b"{") + encoded.count(b"[") > MAX_DEPTH and _is_too_deep(body):
        return None, b"null"
    for path in paths:
        _redact_path(body, path)
        encoded = msgspec.json.encode(body)
    plain = encoded.lower().translate(None, b"_-.")
    if any(suspect in plain for suspect in SUSPECTS):
        body = _walk(body)
        encoded = msgspec.json.encode(body)
    return body, encoded


def _is_too_deep(body: Any) -> bool:
    """True beyond MAX_DEPTH, where what walks a body would run out of stack and take the whole scan with it."""
    layer = [body]
    for _ in range(MAX_DEPTH):
        layer = [
            inner
            for each in layer
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) is dict or type(inner) is list
        ]
        if not layer:
            return False
    return True


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    """`properties.a[*].b.*` and `tags['a.b']` as the segments that `redacted` takes."""
    return tuple(quoted or segment for quoted, segment in _SEGMENT.findall(path))


def is_secret_name(name: str) -> bool:
    """True where a member of that name holds a secret in whatever resource it stands."""
    plain = _plain(name)
    return plain in SECRET_NAMES or plain.endswith(SECRET_ENDINGS)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(".", "").lower()


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _member(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner) for inner in value]
    if isinstance(value, str) and SECRET_VALUE.search(value):
        return MARKER
    return value


def _member(name: str, value: Any) -> Any:
    if is_secret_name(name) and _is_plain(value):
        return _mark(value)
    if _plain(name) in SECRET_WHOLE:
        return _mark(value, spared=OPEN_NAMES)
    return _walk(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _mark(value: Any, spared: frozenset[str] = frozenset()) -> Any:
    if isinstance(value, dict):
        return {name: inner if name in spared else _mark(inner, spared) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mark(inner, spared) for inner in value]
    return value if value in (None, "") or isinstance(value, bool) else MARKER


def _redact_path(value: Any, path: tuple[str, ...]) -> None:
    if not path or value is None:
        return
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        if head != "[*]":
            # A list that the path does not mention: better taken out of every item than of none.
            for item in value:
                _redact_path(item, path)
        elif rest:
            for item in value:
                _redact_path(item, rest)
        else:
            value[:] = [_mark(item) for item in value]
    elif isinstance(value, dict):
        for name in [name for name in value if head in ("*", name) or head.lower() == name.lower()]:
            if rest:
                _redact_path(value[name], rest)
            else:
                value[name] = _mark(value[name])
