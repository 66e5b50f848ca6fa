"""Ed25519 keys of those who sign packs and of those who check them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from azscan.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PASSWORD = "AZSCAN_SIGN_KEY_PASSWORD"
MAKE_ONE = "make one: openssl genpkey -algorithm ed25519 -out key.pem"
TAKE_PUBLIC = "take the public half: openssl pkey -in key.pem -pubout -out public.pem"
# A key is a few hundred bytes; a file that is much more is something else.
_LARGEST = 64 * 1024


class Signer:
    """Signs manifests; `fingerprint` tells with which key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.fingerprint = fingerprint_of(key.public_key())

    def sign(self, content: bytes) -> bytes:
        """The signature, 64 bytes; the same content gives the same (https://www.rfc-editor.org/rfc/rfc8032)."""
        return self._key.sign(content)


def load_signer(path: Path, environ: Mapping[str, str]) -> Signer:
    """The private key of a PEM file; UsageError where it is none, another kind, or its password is missing or wrong."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _content(path, "--sign-key")
    if b"PUBLIC KEY" in content and b"PRIVATE KEY" not in content:
        raise UsageError(f"--sign-key: {path} holds a public key", hint="signing needs the private one")
    password = os.fsencode(environ.get(PASSWORD, "")) or None
    try:
        key = load_pem_private_key(content, password)
    except TypeError as error:
        if password is None:
            raise UsageError(f"--sign-key: {path} is encrypted", hint=f"put its password into {PASSWORD}") from error
        # The password was meant for another key; this one needs none.
        key = load_pem_private_key(content, None)
    except (ValueError, UnsupportedAlgorithm) as error:
        if b"ENCRYPTED" in content and password is not None:
            raise UsageError(
                f"--sign-key: {path} cannot be opened with the password in {PASSWORD}", hint="check the password"
            ) from error
        raise UsageError(f"--sign-key: {path} holds no private key in PEM", hint=MAKE_ONE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"--sign-key: {path} holds a key of another kind, not Ed25519 ({_kind(key)})", hint=MAKE_ONE)
    return Signer(key)


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file; UsageError where it is none, or another kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _content(path, "--key")
    if b"PRIVATE KEY" in content:
        raise UsageError(f"--key: {path} holds a private key", hint=TAKE_PUBLIC)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"--key: {path} holds no public key in PEM", hint=TAKE_PUBLIC) from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"--key: {path} holds a key of another kind, not Ed25519 ({_kind(key)})", hint=TAKE_PUBLIC)
    return key


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the public key (DER, SubjectPublicKeyInfo) in hex, as openssl and sha256sum tell it too."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def is_signature(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    """True where the key's owner signed the content so."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _content(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{option}: {path} cannot be read: {error.strerror or error}", hint="name the key's PEM file"
        ) from error
    if len(content) > _LARGEST:
        raise UsageError(f"{option}: {path} is too large for a key", hint="name the key's PEM file")
    return content


def _kind(key: object) -> str:
    return type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").lstrip("_")
