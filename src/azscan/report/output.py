"""Where a report goes: standard output, or a file that appears whole and is its owner's only."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from azscan.errors import OutputError

STDOUT = "-"
OWNER_ONLY = 0o600

_WORDS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write to another disk"),
    errno.EROFS: ("the folder is read-only", "choose a folder that you may write to"),
    errno.EACCES: ("permission is denied", "choose a folder that you may write to"),
    errno.EPERM: ("permission is denied", "choose a folder that you may write to"),
    errno.ENOENT: ("the folder does not exist", "create it first, or choose another"),
    errno.ENOTDIR: ("a part of the path is not a folder", "choose another path"),
    errno.EISDIR: ("this is a folder", "add a file name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
}


def unwritable(path: str, error: OSError) -> OutputError:
    """The error for an output that cannot be written, in words."""
    what, hint = _WORDS.get(error.errno or 0, (error.strerror or str(error), "choose another place"))
    name = "standard output" if path == STDOUT else path
    return OutputError(f"{name} cannot be written: {what}", hint=hint)


def check_writable(path: str) -> None:
    """Raises OutputError where `open_output(path)` is bound to fail; asked before a long scan, not after it."""
    if path == STDOUT:
        return
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_special(target):
            return
        handle, part = _beside(target)
        os.close(handle)
        part.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


@contextlib.contextmanager
def open_output(path: str, *, mode: int = OWNER_ONLY) -> Iterator[BinaryIO]:
    """A binary stream to write a report to; "-" is standard output.

    A file is written beside its place under another name, with the permissions `mode`, and renamed once it is whole:
    a failure leaves an older report as it was. A link is replaced, not followed; a device or pipe is written to as it
    is. Raises OutputError (exit 5) where it cannot be written. A reader of standard output that closes it early
    (`| head`) is no error: the rest is dropped, and the exit code stays that of the scan.
    """
    if path == STDOUT:
        with _standard_output() as stream:
            yield stream
        return
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_special(target):
            with target.open("wb") as stream:
                yield stream
            return
        handle, part = _beside(target)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if mode != OWNER_ONLY:
                part.chmod(mode)
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


@contextlib.contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    sys.stdout.flush()
    stream = sys.stdout.buffer
    try:
        yield cast(BinaryIO, stream)
        stream.flush()
    except BrokenPipeError:
        # What Python still holds back would fail again, with a message, when it exits.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except OSError as error:
        raise unwritable(STDOUT, error) from error


def _is_special(target: Path) -> bool:
    """True for a pipe, a device or /dev/stdout: what cannot be replaced by a file."""
    try:
        return not stat.S_ISREG(target.stat().st_mode)
    except FileNotFoundError:
        return False


def _beside(target: Path) -> tuple[int, Path]:
    """A new file of the owner's in the target's folder."""
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.open(part, flags, OWNER_ONLY), part
