"""The zip file of a pack: entries in the order they come, and nothing in them of the day or the machine."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from azscan.errors import OutputError
from azscan.evidence.manifest import MOST_FILES, Entry

# The earliest that a zip file can tell.
EPOCH = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20


class Archive:
    """Writes the files of a pack and keeps the path, SHA-256 and size of each (`entries`)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._zip = ZipFile(stream, "w", ZIP_DEFLATED)
        self.entries: list[Entry] = []

    def write(self, path: str, content: bytes) -> None:
        """Add a file."""
        self._zip.writestr(entry_info(path), content)
        self._told(path, hashlib.sha256(content).hexdigest(), len(content))

    @contextlib.contextmanager
    def open(self, path: str, *, is_packed: bool = False) -> Iterator[BinaryIO]:
        """A stream to write a file to, however long; `is_packed` for what would not get smaller."""
        info = entry_info(path)
        info.compress_type = ZIP_STORED if is_packed else ZIP_DEFLATED
        with self._zip.open(info, "w", force_zip64=True) as entry:
            hashed = _Hashed(entry)  # type: ignore[arg-type]
            yield hashed  # type: ignore[misc]
        self._told(path, hashed.digest.hexdigest(), hashed.size)

    def copy(self, path: str, source: Path, *, is_packed: bool = False) -> None:
        """Add a file that stands on the disk."""
        with source.open("rb") as content, self.open(path, is_packed=is_packed) as stream:
            while block := content.read(CHUNK):
                stream.write(block)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the directory of the zip file; where something failed, what failed is told and nothing else."""
        with contextlib.suppress(OSError, ValueError) if kind else contextlib.nullcontext():
            self._zip.close()

    def _told(self, path: str, sha256: str, size: int) -> None:
        if len(self.entries) >= MOST_FILES:
            raise OutputError(
                f"the pack would have more than {MOST_FILES:,} files",
                hint="make several: of fewer frameworks, controls or subscriptions each",
            )
        self.entries.append(Entry(path, sha256, size))


class _Hashed:
    """A stream that hashes and counts what goes through."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._stream.write(data)


def entry_info(path: str) -> ZipInfo:
    """What the zip file says of an entry beside its sizes: the same for all."""
    info = ZipInfo(path, EPOCH)
    info.compress_type = ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is made: else the entry would tell
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info
