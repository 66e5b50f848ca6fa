"""Proof that nothing in a pack was changed, added or removed; it is read as if an enemy had sent it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from azscan.errors import AzscanError, UsageError
from azscan.evidence.container import PER_FILE, NotProvenError, Packed, may_be_zip, open_container, unpack
from azscan.evidence.manifest import FORMAT, MANIFEST, SIGNATURE, Entry, Manifest, decode, encode
from azscan.evidence.signing import fingerprint_of, is_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SIGNATURE_SIZE = 64


class Proven(msgspec.Struct, frozen=True):
    """What was proven of a pack. `signed_by` is the fingerprint in the manifest; `is_checked` that a key was held."""

    manifest: Manifest
    files: int
    signed_by: str
    is_checked: bool


def verify(path: Path, key: Ed25519PublicKey | None = None) -> Proven:
    """What the pack proves: every file is as its manifest says, there is no other, and with `key` who signed it.

    Nothing is unpacked, and no more of it is read than the manifest accounts for. Raises NotProvenError with all that
    is wrong, UsageError where there is no file, or one that is no part of a zip file either.
    """
    try:
        with path.open("rb") as stream:
            if not may_be_zip(stream):
                raise UsageError(
                    f"{path} is no evidence pack: it is no zip file",
                    hint="name a pack that azscan evidence has written",
                )
            return _verify(path, stream, key)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name an evidence pack") from error


def is_signed(path: Path) -> bool:
    """True where the file is a whole pack that names a signer; whether it was that one only a key can tell."""
    try:
        with path.open("rb") as stream:
            if SIGNATURE not in open_container(path, stream):
                return False
        return bool(verify(path).signed_by)
    except (OSError, AzscanError):
        return False


def _verify(path: Path, stream: BinaryIO, key: Ed25519PublicKey | None) -> Proven:
    there = open_container(path, stream)
    manifest, content = _manifest(path, stream, there)
    changes = [*_differences(manifest, content, there), *_changes(stream, manifest, there)]
    is_tampered, unproven = _signature_problem(stream, there.get(SIGNATURE), manifest, content, key)
    if changes or is_tampered:
        problems = [*([unproven] if unproven else []), *changes]
        raise NotProvenError(
            f"{path} is not as it was made", problems, hint="do not rely on it; get the pack anew from its maker"
        )
    if unproven:
        raise NotProvenError(
            f"{path} is whole, and not proven to be of the key's owner",
            [unproven],
            hint="ask its maker for the public key, or for a signed pack",
        )
    return Proven(manifest, len(manifest.files), manifest.signed_by, key is not None)


def _manifest(path: Path, stream: BinaryIO, there: Mapping[str, Packed]) -> tuple[Manifest, bytes]:
    found = there.get(MANIFEST)
    if found is None:
        raise NotProvenError(f"{path} has no {MANIFEST}", hint="it is no evidence pack, or not all of one")
    if found.info.file_size > (len(there) + 64) * PER_FILE:
        raise NotProvenError(f"{path}: {MANIFEST} is larger than the files it could name")
    content, problem = _content(stream, found)
    if problem:
        raise NotProvenError(f"{path}: {problem}")
    try:
        manifest = decode(content)
    except ValueError as error:
        raise NotProvenError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise NotProvenError(
            f"{path} has the format {manifest.format!r}, which this azscan does not know", hint="upgrade azscan"
        )
    return manifest, content


def _signature_problem(
    stream: BinaryIO, found: Packed | None, manifest: Manifest, content: bytes, key: Ed25519PublicKey | None
) -> tuple[bool, str]:
    """Whether the signature shows that the pack was changed, and what is wrong with it ("" for nothing)."""
    if found is None:
        if manifest.signed_by:
            return True, f"{SIGNATURE} is missing: the manifest says that it was signed"
        return False, "it is not signed: anybody may have made it" if key is not None else ""
    if found.info.file_size != _SIGNATURE_SIZE:
        return True, f"{SIGNATURE!r} was changed: it has {found.info.file_size:,} bytes, not {_SIGNATURE_SIZE}"
    signature, problem = _content(stream, found)
    if problem:
        return True, problem
    if not manifest.signed_by:
        return True, f"{SIGNATURE} was added: the manifest says nothing of a signature"
    if key is None:
        return False, ""
    ours = fingerprint_of(key)
    if ours != manifest.signed_by:
        return False, f"the key does not match: the pack names the key {manifest.signed_by}, this one is {ours}"
    if not is_signature(key, signature, content):
        return True, f"the signature does not fit {MANIFEST}: one of the two was changed"
    return False, ""


def _differences(manifest: Manifest, content: bytes, there: Mapping[str, Packed]) -> Iterator[str]:
    """Files that only the manifest or only the zip has."""
    if encode(manifest) != content:
        # Other readers may take something else from it: the first of two values of one name, say.
        yield f"{MANIFEST} was changed: azscan writes it in another way"
    named = {entry.path for entry in manifest.files}
    others = there.keys() - {MANIFEST, SIGNATURE}
    if len(named) != len(manifest.files) or named & {MANIFEST, SIGNATURE}:
        yield f"{MANIFEST} names a file twice, or itself"
    for path in sorted(named - others):
        yield f"{path!r} was removed"
    for path in sorted(others - named):
        yield f"{path!r} was added"


def _changes(stream: BinaryIO, manifest: Manifest, there: Mapping[str, Packed]) -> Iterator[str]:
    for told in manifest.files:
        if (packed := there.get(told.path)) is not None and (problem := _change(stream, packed, told)):
            yield problem


def _change(stream: BinaryIO, packed: Packed, told: Entry) -> str:
    if packed.info.file_size != told.size:
        return f"{told.path!r} was changed: it has {packed.info.file_size:,} bytes, not {told.size:,}"
    digest = hashlib.sha256()
    problem = unpack(stream, packed, digest.update)
    if problem or digest.hexdigest() == told.sha256:
        return problem
    return f"{told.path!r} was changed: its SHA-256 is not that of the manifest"


def _content(stream: BinaryIO, packed: Packed) -> tuple[bytes, str]:
    """The content of an entry, and what is wrong with it."""
    blocks: list[bytes] = []
    problem = unpack(stream, packed, blocks.append)
    return b"".join(blocks), problem
