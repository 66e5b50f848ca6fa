"""Proof that nothing in a pack was changed, added or removed; it is read as if an enemy had sent it."""

from __future__ import annotations

import hashlib
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec

from azscan.errors import AzscanError, UsageError
from azscan.evidence.manifest import FORMAT, MANIFEST, MOST_FILES, SIGNATURE, Entry, Manifest, decode
from azscan.evidence.signing import fingerprint_of, is_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# So many problems are listed; of a pack in ruins nobody reads more.
MOST_PROBLEMS = 20
# Bytes that an entry of the zip's directory, or a line of the manifest, has at most for each file of a pack.
_PER_FILE = 1024
# What a pack of text can shrink to is a tenth or a fiftieth; a bomb shrinks to a thousandth.
_LARGEST_RATIO = 300
_ALWAYS_ALLOWED = 64 << 20
_SIGNATURE_SIZE = 64
_CHUNK = 1 << 20

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8


class NotProvenError(AzscanError):
    """A pack is not as it was made; `faults` are the reasons."""

    exit_code = 10

    def __init__(self, message: str, faults: Sequence[str] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(faults)


class Proven(msgspec.Struct, frozen=True):
    """What was proven of a pack. `signed_by` is the fingerprint in the manifest; `is_checked` that a key was held."""

    manifest: Manifest
    files: int
    signed_by: str
    is_checked: bool


def verify(path: Path, key: Ed25519PublicKey | None = None) -> Proven:
    """What the pack proves: every file is as its manifest says, there is no other, and with `key` who signed it.

    Nothing is unpacked, and no more of it is read than the manifest accounts for. Raises NotProvenError with all that
    is wrong, UsageError where there is no file.
    """
    try:
        with path.open("rb") as stream:
            return _verify(path, stream, key)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name an evidence pack") from error


def _verify(path: Path, stream: BinaryIO, key: Ed25519PublicKey | None) -> Proven:
    _check_directory(path, stream)
    try:
        archive = ZipFile(stream)
    except (BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        raise _no_zip(path, str(error)) from error
    with archive:
        entries = archive.infolist()
        if problems := _few([*_unsafe(entries), *_hidden(archive, stream, entries)]):
            raise NotProvenError(f"{path} is not safe to read", problems, hint="unpack it nowhere; get the pack anew")
        manifest, content = _manifest(path, archive, entries)
        problems = _few(
            [
                *_signature_problems(archive, manifest, content, key),
                *_differences(manifest, entries),
                *_changes(archive, manifest, entries),
            ]
        )
    if problems:
        raise NotProvenError(
            f"{path} is not as it was made", problems, hint="do not rely on it; get the pack anew from its maker"
        )
    return Proven(manifest, len(manifest.files), manifest.signed_by, key is not None)


def _check_directory(path: Path, stream: BinaryIO) -> None:
    """Refuse what is no whole zip file before the directory, which may be huge, is read into memory."""
    size = stream.seek(0, 2)
    if size < _END.size:
        raise _no_zip(path, "it is too short")
    stream.seek(size - _END.size)
    signature, _, _, _, entries, length, _, comment = _END.unpack(stream.read(_END.size))
    if signature != b"PK\x05\x06" or comment:
        raise _no_zip(path, "its end is not that of a pack")
    if entries == 0xFFFF or length == 0xFFFFFFFF:
        place = size - _END.size - _LOCATOR.size - _END64.size
        if place >= 0:
            stream.seek(place)
            found = _END64.unpack(stream.read(_END64.size))
            if found[0] == b"PK\x06\x06":
                entries, length = found[7], found[8]
    if entries > MOST_FILES + 2 or length > (entries + 1) * _PER_FILE:
        raise NotProvenError(
            f"{path} is not safe to read", [f"its directory has {entries:,} entries in {length:,} bytes"]
        )
    stream.seek(0)


def _no_zip(path: Path, why: str) -> NotProvenError:
    return NotProvenError(f"{path} is cut short, or no evidence pack: {why}", hint="copy the pack anew")


def _unsafe(entries: Sequence[ZipInfo]) -> Iterator[str]:
    """What is wrong with the names and kinds of the entries."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if why := _unsafe_name(name):
            yield f"{name!r} {why}"
        elif name.casefold() in seen:
            yield f"{name} stands there twice"
        elif kind not in (0, stat.S_IFREG):
            yield f"{name} is {'a link' if kind == stat.S_IFLNK else 'no plain file'}"
        elif entry.flag_bits & _ENCRYPTED:
            yield f"{name} is encrypted"
        elif entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            yield f"{name} is compressed in a way that no pack is"
        seen.add(name.casefold())
    packed = sum(entry.compress_size for entry in entries)
    whole = sum(entry.file_size for entry in entries)
    if whole > _ALWAYS_ALLOWED and whole > packed * _LARGEST_RATIO:
        yield f"{packed:,} bytes would unpack to {whole:,}: this is no pack but a bomb"


def _unsafe_name(name: str) -> str:
    if name.startswith("/") or ":" in name or "\\" in name:
        return "leads out of the folder that it is unpacked to"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "leads out of the folder that it is unpacked to" if ".." in name else "is no name of a file"
    return "" if name.isprintable() else "has characters that cannot be seen"


def _hidden(archive: ZipFile, stream: BinaryIO, entries: Sequence[ZipInfo]) -> Iterator[str]:
    """Bytes of the file that belong to no entry, and entries that share bytes."""
    at = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset != at:
            what = "is preceded by bytes that belong to no file" if entry.header_offset > at else "lies within another"
            yield f"{entry.orig_filename!r} {what}"
            return
        stream.seek(at)
        head = stream.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
            yield f"{entry.orig_filename!r} is cut short"
            return
        name, extra = _LOCAL.unpack(head)[-2:]
        at += _LOCAL.size + name + extra + entry.compress_size
        if entry.flag_bits & _DESCRIPTOR:
            at += _descriptor_size(stream, at, entry)
    if at != archive.start_dir:
        yield "there are bytes between the last file and the directory"


def _descriptor_size(stream: BinaryIO, at: int, entry: ZipInfo) -> int:
    """How long the sizes behind an entry are, which has none before it (written to what could not be gone back in)."""
    stream.seek(at)
    is_long = struct.pack("<4sLQQ", b"PK\x07\x08", entry.CRC, entry.compress_size, entry.file_size)
    return len(is_long) if stream.read(len(is_long)) == is_long else 16


def _manifest(path: Path, archive: ZipFile, entries: Sequence[ZipInfo]) -> tuple[Manifest, bytes]:
    found = next((entry for entry in entries if entry.orig_filename == MANIFEST), None)
    if found is None:
        raise NotProvenError(f"{path} has no {MANIFEST}", hint="it is no evidence pack, or not all of one")
    if found.file_size > (len(entries) + 64) * _PER_FILE:
        raise NotProvenError(f"{path}: {MANIFEST} is larger than the files it could name")
    content, problem = _content(archive, found, found.file_size)
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


def _signature_problems(
    archive: ZipFile, manifest: Manifest, content: bytes, key: Ed25519PublicKey | None
) -> Iterator[str]:
    found = next((entry for entry in archive.infolist() if entry.orig_filename == SIGNATURE), None)
    if found is None:
        if manifest.signed_by:
            yield f"{SIGNATURE} is missing: the manifest says that it was signed"
        elif key is not None:
            yield "it is not signed: anybody may have made it"
        return
    signature, problem = _content(archive, found, _SIGNATURE_SIZE)
    if problem:
        yield problem
    elif not manifest.signed_by:
        yield f"{SIGNATURE} was added: the manifest says nothing of a signature"
    elif key is not None and fingerprint_of(key) != manifest.signed_by:
        yield f"the key does not match: the pack names the key {manifest.signed_by}, this one is {fingerprint_of(key)}"
    elif key is not None and not is_signature(key, signature, content):
        yield f"the signature does not fit {MANIFEST}: one of the two was changed"


def _differences(manifest: Manifest, entries: Sequence[ZipInfo]) -> Iterator[str]:
    """Files that only the manifest or only the zip has."""
    named = {entry.path for entry in manifest.files}
    there = {entry.orig_filename for entry in entries} - {MANIFEST, SIGNATURE}
    if len(named) != len(manifest.files) or named & {MANIFEST, SIGNATURE}:
        yield f"{MANIFEST} names a file twice, or itself"
    for path in sorted(named - there):
        yield f"{path!r} was removed"
    for path in sorted(there - named):
        yield f"{path!r} was added"


def _changes(archive: ZipFile, manifest: Manifest, entries: Sequence[ZipInfo]) -> Iterator[str]:
    there = {entry.orig_filename: entry for entry in entries}
    for told in manifest.files:
        if (entry := there.get(told.path)) is not None and (problem := _change(archive, entry, told)):
            yield problem


def _change(archive: ZipFile, entry: ZipInfo, told: Entry) -> str:
    if entry.file_size != told.size:
        return f"{told.path!r} was changed: it has {entry.file_size:,} bytes, not {told.size:,}"
    digest = hashlib.sha256()
    problem = _read(archive, entry, told.size, digest.update)
    if problem or digest.hexdigest() == told.sha256:
        return problem
    return f"{told.path!r} was changed: its SHA-256 is not that of the manifest"


def _content(archive: ZipFile, entry: ZipInfo, size: int) -> tuple[bytes, str]:
    """The content of an entry that must have so many bytes, or what is wrong with it."""
    blocks: list[bytes] = []
    problem = _read(archive, entry, size, blocks.append)
    return b"".join(blocks), problem


def _read(archive: ZipFile, entry: ZipInfo, size: int, take: object) -> str:
    """Hand the entry's bytes on, never more than `size`; what is wrong where it has others, or cannot be read."""
    name, left = entry.orig_filename, size
    try:
        with archive.open(entry) as stream:
            while block := stream.read(min(_CHUNK, left + 1)):
                left -= len(block)
                if left < 0:
                    return f"{name!r} was changed: it has more than {size:,} bytes"
                take(block)  # type: ignore[operator]
    except (BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        return f"{name!r} was changed, or is cut short: {error}"
    return "" if not left else f"{name!r} was changed: it has fewer than {size:,} bytes"


def _few(problems: Sequence[str]) -> list[str]:
    shown = list(problems[:MOST_PROBLEMS])
    return shown if len(problems) <= MOST_PROBLEMS else [*shown, f"and {len(problems) - MOST_PROBLEMS:,} more"]
