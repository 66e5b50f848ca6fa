"""Keys: the right kind is taken, and of any other it is said what is wrong with it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from azscan.errors import UsageError
from azscan.evidence.signing import PASSWORD, is_signature, load_public_key, load_signer

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OPEN = NoEncryption()


def private(folder: Path, key: Any = KEY, locked: Any = OPEN, form: Any = PrivateFormat.PKCS8) -> Path:
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, form, locked))
    return path


def public(folder: Path, key: Any = KEY) -> Path:
    path = folder / "public.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def test_what_is_signed_is_recognised(tmp_path: Path) -> None:
    signer, key = load_signer(private(tmp_path), {}), load_public_key(public(tmp_path))
    signature = signer.sign(b"content")
    assert len(signature) == 64 and signature == signer.sign(b"content")
    assert is_signature(key, signature, b"content") and not is_signature(key, signature, b"other")


def test_a_password_comes_from_the_environment(tmp_path: Path) -> None:
    locked = private(tmp_path, locked=BestAvailableEncryption(b"hunter2"))
    assert load_signer(locked, {PASSWORD: "hunter2"}).fingerprint
    for environ, told in (({}, "is encrypted"), ({PASSWORD: "x"}, "cannot be opened with the password")):
        with pytest.raises(UsageError, match=told) as error:
            load_signer(locked, environ)
        assert PASSWORD in f"{error.value.message} {error.value.hint}"
    assert load_signer(private(tmp_path), {PASSWORD: "not needed"}).fingerprint
    locked = private(tmp_path, locked=BestAvailableEncryption(b"\xff"))
    assert load_signer(locked, {PASSWORD: "\udcff"}).fingerprint


def test_openssl_tells_the_same_fingerprint_and_signature(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    signer, key = load_signer(private(tmp_path), {}), public(tmp_path)
    command = [openssl, "pkey", "-pubin", "-in", str(key), "-outform", "DER"]
    der = subprocess.run(command, check=True, capture_output=True).stdout
    assert signer.fingerprint == hashlib.sha256(der).hexdigest()
    (tmp_path / "m").write_bytes(b"content")
    (tmp_path / "s").write_bytes(signer.sign(b"content"))
    checked = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin", "-in", "m", "-sigfile", "s"]
    assert b"Verified Successfully" in subprocess.run(checked, cwd=tmp_path, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no private key in PEM"),
        (b"\xff\x00", "holds no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds a public key"),
        (b"x" * 70_000, "is too large for a key"),
    ],
)
def test_what_is_no_private_key_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=told):
        load_signer(path, {})


@pytest.mark.parametrize(
    ("key", "kind"),
    [(rsa.generate_private_key(65537, 2048), "RSA"), (ec.generate_private_key(ec.SECP256R1()), "EC")],
)
def test_keys_of_another_kind_are_told(tmp_path: Path, key: Any, kind: str) -> None:
    with pytest.raises(UsageError, match=rf"--sign-key: .* not Ed25519 \({kind}"):
        load_signer(private(tmp_path, key), {})
    with pytest.raises(UsageError, match=rf"--key: .* not Ed25519 \({kind}"):
        load_public_key(public(tmp_path, key))


def test_a_private_key_is_not_asked_for_to_verify(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a private key") as error:
        load_public_key(private(tmp_path))
    assert "openssl pkey" in error.value.hint


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    for load in (load_public_key, lambda path: load_signer(path, {})):
        with pytest.raises(UsageError, match="cannot be read"):
            load(tmp_path / "none.pem")
