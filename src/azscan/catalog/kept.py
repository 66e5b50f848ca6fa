"""A catalogue without faults is kept as it was parsed, for the next command need not read a thousand YAML files again.

What is kept holds nothing but JSON values, is found under a hash of everything that it came from, and is believed
only where nobody but the user could have written it. Where anything is amiss, the files are parsed as if there were
nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from azscan import __version__
from azscan.catalog.model import Check, Collection, Service

# Kept are the last few: with the user's folders and without.
MOST: Final = 4
_SUFFIX: Final = ".catalogue"
_CODE: Final = Path(__file__).resolve().parents[1]


class Kept(msgspec.Struct, frozen=True):
    """A catalogue without its frameworks; `ids` maps ids and aliases of checks to ids."""

    services: Mapping[str, Service]
    collections: Mapping[str, Collection]
    checks: Mapping[str, Check]
    ids: Mapping[str, str]


def key_of(digest: str, names: Iterable[str]) -> str:
    """What a kept catalogue is found by: its files' hash and names, and the versions of what parsed them."""
    versions = [__version__, msgspec.__version__, sys.version, *_code()]
    return hashlib.sha256(msgspec.json.encode([digest, [*names], versions])).hexdigest()


def _code() -> list[str]:
    """The modules that parse and judge: an author changes them under one version."""
    found = []
    for room in ("catalog", "conditions", "conditions/operators"):
        for entry in os.scandir(_CODE / room):
            if entry.name.endswith(".py"):
                known = entry.stat()
                found.append(f"{room}/{entry.name} {known.st_size} {known.st_mtime_ns}")
    return sorted(found)


def recall(folder: Path, key: str) -> Kept | None:
    """The catalogue that was kept under the key, if there is a sound one."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        descriptor = os.open(folder / f"{key}{_SUFFIX}", os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            if _is_own(os.fstat(descriptor)):
                return msgspec.msgpack.decode(file.read(), type=Kept)
    return None


def _is_own(status: os.stat_result) -> bool:
    """True where only the user can have written the file; Windows keeps the folder of a profile for its user."""
    if not stat.S_ISREG(status.st_mode):
        return False
    return sys.platform == "win32" or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def keep(folder: Path, key: str, kept: Kept) -> None:
    """Keep a catalogue for the user alone; where that cannot be, nothing is kept and nothing is said."""
    with contextlib.suppress(OSError, OverflowError, msgspec.MsgspecError):
        encoded = msgspec.msgpack.encode(kept)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made readable by its owner only.
        descriptor, written = tempfile.mkstemp(dir=folder, suffix=f"{_SUFFIX}.new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(encoded)
            Path(written).replace(folder / f"{key}{_SUFFIX}")
        finally:
            Path(written).unlink(missing_ok=True)
        by_age = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in by_age[MOST:]:
            path.unlink(missing_ok=True)
