"""The zip file of a pack, read as if an enemy had sent it: it has the form that `Archive` writes, or is refused.

Zip readers differ in what they make of a file that says two things at once
(https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT has the format). So nothing may stand in it twice in
two ways, and no byte where none of azscan's would stand: what one reader sees is then what all of them see.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZIP64_LIMIT, ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from azscan.errors import AzscanError
from azscan.evidence.archive import CHUNK, entry_info
from azscan.evidence.manifest import MOST_FILES

# So many problems are listed; of a pack in ruins nobody reads more.
MOST_PROBLEMS = 20
# Bytes that an entry of the zip's directory, or a line of the manifest, has at most for each file of a pack.
PER_FILE = 1024
# What a pack of text can shrink to is a tenth or a fiftieth; a bomb shrinks to a thousandth.
_LARGEST_RATIO = 300
_ALWAYS_ALLOWED = 64 << 20

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL_SIZE, _LOCAL_SIZE = 46, 30
_LOCAL, _ENDING = b"PK\x03\x04", b"PK\x05\x06"
# What may stand behind the end of a zip file, which tells its length in two bytes.
_LONGEST_NOTE = 0xFFFF
_DESCRIPTOR = 0x8
_ENCRYPTED = 0x1
# What of an entry never differs between packs.
_FIXED = ("date_time", "create_system", "internal_attr", "external_attr", "comment", "volume", "reserved")
# Any other character is another one, or none, to one system or the next.
_PART = r"\w[\w-]*(?:\.[\w-]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)


class NotProvenError(AzscanError):
    """A pack is not as it was made; `faults` are the reasons, of which only some are told."""

    exit_code = 10

    def __init__(self, message: str, faults: Sequence[str] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        more = len(faults) - MOST_PROBLEMS
        self.faults = (*faults[:MOST_PROBLEMS], *((f"and {more:,} more",) if more > 0 else ()))


class Packed(NamedTuple):
    """An entry, and where its bytes begin in the zip file."""

    info: ZipInfo
    start: int


def may_be_zip(stream: BinaryIO) -> bool:
    """False where a file neither begins nor ends as a zip file does; of an empty one nobody knows what it was."""
    size = stream.seek(0, 2)
    stream.seek(0)
    if not size or stream.read(len(_LOCAL)) == _LOCAL:
        return True
    stream.seek(max(0, size - _END.size - _LONGEST_NOTE))
    return _ENDING in stream.read()


def open_container(path: Path, stream: BinaryIO) -> Mapping[str, Packed]:
    """The entries of a pack by name. Raises NotProvenError where the file is none, or not as azscan writes one."""
    end = _End(path, stream)
    try:
        with ZipFile(stream) as archive:
            entries, start = archive.infolist(), archive.start_dir
    except (BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        raise _no_zip(path, str(error)) from error
    problems = [*_unsafe(entries)]
    if not problems:
        length = sum(_CENTRAL_SIZE + len(entry.orig_filename) + len(entry.extra) for entry in entries)
        if (start, len(entries), length) != (end.start, end.entries, end.length):
            problems.append("it has a second directory, or bytes that belong to none")
    found: dict[str, Packed] = {}
    if not problems:
        problems += _lay_out(stream, entries, end.start, found)
    if problems:
        raise NotProvenError(f"{path} is not safe to read", problems, hint="unpack it nowhere; get the pack anew")
    return found


def unpack(stream: BinaryIO, packed: Packed, take: Callable[[bytes], object]) -> str:
    """Hand the bytes of an entry on, never more than it says that it has; what is wrong with them, or ""."""
    info, crc, left = packed.info, 0, packed.info.file_size
    name = info.orig_filename
    stream.seek(packed.start)
    blocks = _inflated if info.compress_type == ZIP_DEFLATED else _stored
    try:
        for block in blocks(stream, info.compress_size):
            left -= len(block)
            if left < 0:
                return f"{name!r} was changed: it has more than {info.file_size:,} bytes"
            crc = zlib.crc32(block, crc)
            take(block)
    except zlib.error as error:
        return f"{name!r} was changed, or is cut short: {error}"
    if left:
        return f"{name!r} was changed: it has fewer than {info.file_size:,} bytes"
    return "" if crc == info.CRC else f"{name!r} was changed: its CRC-32 is not that of the directory"


def _stored(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while block := stream.read(min(CHUNK, left)):
        left -= len(block)
        yield block


def _inflated(stream: BinaryIO, left: int) -> Iterator[bytes]:
    """The content of a deflate stream of so many bytes; zlib.error where it ends before or behind them."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    waiting = b""
    while not inflate.eof:
        if not waiting:
            waiting = stream.read(min(CHUNK, left))
            left -= len(waiting)
        block = inflate.decompress(waiting, CHUNK)
        if not block and not waiting:
            raise zlib.error("its end is missing")
        waiting = inflate.unconsumed_tail
        yield block
    if left or inflate.unused_data:
        raise zlib.error("bytes stand behind its end")


class _End:
    """What the end of a zip file says of its directory, read before the directory, which may be huge."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        size = stream.seek(0, 2)
        if size < _END.size:
            raise _no_zip(path, "it is too short")
        at = size - _END.size
        stream.seek(at)
        signature, *told = _END.unpack(stream.read(_END.size))
        self.entries, self.length, self.start = told[3:6]
        if signature != _ENDING or told != [0, 0, self.entries, *told[3:6], 0]:
            raise _no_zip(path, "its end is not that of a pack")
        place = at - _LOCATOR.size - _END64.size
        if place >= 0:
            at = self._long(stream, place) or at
        if self.entries > MOST_FILES + 2 or self.length > (self.entries + 1) * PER_FILE:
            raise NotProvenError(
                f"{path} is not safe to read", [f"its directory has {self.entries:,} entries in {self.length:,} bytes"]
            )
        if self.start + self.length != at:
            raise _no_zip(path, "its directory does not stand at its end")
        stream.seek(0)

    def _long(self, stream: BinaryIO, place: int) -> int:
        """Take the numbers from the long form of the end where there is one; returns its place (-1: unsound), or 0.

        Some readers take them from there whatever the short form says: both must say the same.
        """
        stream.seek(place)
        told = _END64.unpack(stream.read(_END64.size))
        locator = stream.read(_LOCATOR.size)
        if locator[:4] != b"PK\x06\x07":
            return 0
        short = (self.entries, self.length, self.start)
        entries, length, start = told[7:]
        expected = (b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, length, start)
        fits = short == (min(entries, 0xFFFF), min(length, 0xFFFFFFFF), min(start, 0xFFFFFFFF))
        if told != expected or not fits or locator != _LOCATOR.pack(b"PK\x06\x07", 0, place, 1):
            return -1
        self.entries, self.length, self.start = entries, length, start
        return place


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
        elif not _is_as_written(entry):
            yield f"{name} has a date, a mark or a note that no pack has: it was packed anew"
        seen.add(name.casefold())
    packed = sum(entry.compress_size for entry in entries)
    whole = sum(entry.file_size for entry in entries)
    if whole > _ALWAYS_ALLOWED and whole > packed * _LARGEST_RATIO:
        yield f"{packed:,} bytes would unpack to {whole:,}: this is no pack but a bomb"


def _unsafe_name(name: str) -> str:
    if name.startswith("/") or ":" in name or "\\" in name or ".." in name.split("/"):
        return "leads out of the folder that it is unpacked to"
    if not name.isprintable():
        return "has characters that cannot be seen"
    return "" if _NAME.fullmatch(name) else "is no name of a file in a pack"


def _is_as_written(entry: ZipInfo) -> bool:
    fixed = entry_info(entry.orig_filename)
    is_fixed = all(getattr(entry, name) == getattr(fixed, name) for name in _FIXED)
    return is_fixed and entry.flag_bits in (0, _DESCRIPTOR) and entry.extra == _extra(entry)


def _extra(entry: ZipInfo) -> bytes:
    """The extra field that the directory has of an entry: its large numbers, if any."""
    large: list[int] = []
    if max(entry.file_size, entry.compress_size) > ZIP64_LIMIT:
        large += (entry.file_size, entry.compress_size)
    if entry.header_offset > ZIP64_LIMIT:
        large.append(entry.header_offset)
    return struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""


def _lay_out(stream: BinaryIO, entries: Sequence[ZipInfo], end: int, found: dict[str, Packed]) -> Iterator[str]:
    """Put into `found` where each entry begins; the first that says other than the directory, or shares bytes."""
    at = 0
    for entry in entries:
        name = entry.orig_filename
        if entry.header_offset != at:
            what = "is preceded by bytes that belong to no file" if entry.header_offset > at else "lies within another"
            yield f"{name!r} {what}"
            return
        stream.seek(at)
        head = stream.read(_LOCAL_SIZE + len(name) + 20)
        for is_long in (False, True):
            local = _local(entry, is_long=is_long)
            if head[: len(local)] == local:
                break
        else:
            yield f"{name!r} is cut short, or is another file than the directory says"
            return
        at += len(local)
        found[name] = Packed(entry, at)
        at += entry.compress_size
        if entry.flag_bits & _DESCRIPTOR:
            behind = _descriptor(entry, is_long=is_long)
            stream.seek(at)
            if stream.read(len(behind)) != behind:
                yield f"{name!r} has other sizes behind it than the directory says"
                return
            at += len(behind)
    if at != end:
        yield "there are bytes that belong to no file between the last file and the directory"


def _local(entry: ZipInfo, *, is_long: bool) -> bytes:
    """What stands before an entry's bytes; `is_long` for sizes of 8 bytes."""
    info = entry_info(entry.orig_filename)
    for name in ("compress_type", "flag_bits", "CRC", "compress_size", "file_size"):
        setattr(info, name, getattr(entry, name))
    return info.FileHeader(is_long)


def _descriptor(entry: ZipInfo, *, is_long: bool) -> bytes:
    """What stands behind the bytes of an entry that was written to what could not be gone back in."""
    form = "<4sLQQ" if is_long else "<4sLLL"
    return struct.pack(form, b"PK\x07\x08", entry.CRC, entry.compress_size, entry.file_size)
