"""The manifest of a pack: the SHA-256 of every file, in bytes that can be signed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

FORMAT = "azscan.evidence/1"
MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.sig"
# More than this neither the writer puts into a pack nor the verifier takes out of one.
MOST_FILES = 1_000_000


class Entry(msgspec.Struct, frozen=True):
    """One file: its path below the pack's root, SHA-256 (hex) and size in bytes."""

    path: str
    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every file of a pack but the manifest itself and its signature, by path.

    `finished` is when the scan ended (ISO 8601, UTC); `signed_by` the fingerprint of the key that signed the manifest's
    bytes ("" where none did).
    """

    format: str
    azscan: str
    finished: str
    files: tuple[Entry, ...]
    signed_by: str = msgspec.field(default="", name="signed-by")


def encode(manifest: Manifest) -> bytes:
    """The manifest as it stands in the pack: a line for each file, sorted."""
    about = {"format": manifest.format, "azscan": manifest.azscan, "finished": manifest.finished}
    if manifest.signed_by:
        about["signed-by"] = manifest.signed_by
    head = msgspec.json.encode(about)[:-1]
    return head + b',"files":[\n' + b",\n".join(_lines(manifest.files)) + b"\n]}\n"


def _lines(files: Iterable[Entry]) -> Iterable[bytes]:
    return (msgspec.json.encode(each) for each in sorted(files, key=lambda each: each.path))


def decode(content: bytes) -> Manifest:
    """The manifest that these bytes are; ValueError says in words what is wrong with them."""
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{MANIFEST} is not a manifest: {error}") from error
