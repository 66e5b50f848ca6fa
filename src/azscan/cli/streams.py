"""Standard output and standard error that outlive their readers: nobody listening changes nothing of what is done."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO


def outlive_readers() -> None:
    """Let writing to stdout and stderr go on, to nowhere, once the reader has left or where there is none.

    So files are written and the exit code is that of the work, as if somebody had read along. A stdout that cannot be
    written for another reason (a full disk) still raises OSError: data would be lost. What stderr loses is only talk.
    """
    sys.stdout = _lasting(sys.stdout, BrokenPipeError)
    sys.stderr = _lasting(sys.stderr, OSError)


def _lasting(stream: TextIO | None, lost: type[OSError]) -> TextIO:
    if stream is None:
        # Python has none where its descriptor is closed (2>&-).
        return Path(os.devnull).open("w", encoding="utf-8")
    buffer = getattr(stream, "buffer", None)
    if isinstance(buffer, io.BufferedWriter):
        bytes_to: Any = io.BufferedWriter(_Lasting(buffer.raw, lost))
    elif isinstance(buffer, io.RawIOBase):  # python -u
        bytes_to = _Lasting(buffer, lost)
    else:
        return stream
    return io.TextIOWrapper(
        bytes_to,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(getattr(stream, "line_buffering", False)),
        write_through=bool(getattr(stream, "write_through", False)),
    )


class _Lasting(io.RawIOBase):
    """A raw stream that drops everything from the first failure on; what is not `lost` is raised, once."""

    def __init__(self, raw: Any, lost: type[OSError]) -> None:
        self._raw = raw
        self._lost = lost
        self._is_lost = False

    def write(self, data: Any) -> int | None:
        """The number of bytes that were written or dropped."""
        if not self._is_lost:
            try:
                written: int | None = self._raw.write(data)
                return written
            except OSError as error:
                # Python would try the rest again when it exits, and end with a code of its own.
                self._is_lost = True
                if not isinstance(error, self._lost):
                    raise
        return len(data)

    def writable(self) -> bool:
        """True: it takes everything."""
        return True

    def fileno(self) -> int:
        """The descriptor that it writes to."""
        number: int = self._raw.fileno()
        return number

    def isatty(self) -> bool:
        """Whether a terminal shows what is written."""
        return bool(self._raw.isatty())
