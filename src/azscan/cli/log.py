"""Logging of the command line: the standard library's, to stderr or a file, with everything secret scrubbed."""

from __future__ import annotations

import logging
import os
import stat
import sys

from azscan.azure.scrub import ScrubFilter
from azscan.cli import harmless
from azscan.errors import OutputError
from azscan.settings import Settings


def log_to(settings: Settings) -> None:
    """Send the log where the settings say: nowhere, to stderr (--debug), or to --log-file (owner-readable)."""
    if not (settings.debug or settings.log_file):
        return
    handler: logging.Handler
    if settings.log_file:
        try:
            _make_private(settings.log_file)
            handler = logging.FileHandler(settings.log_file, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"the log cannot be written to {settings.log_file}: {error.strerror}",
                hint="name another file with --log-file",
            ) from error
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(ScrubFilter())
    handler.setFormatter(_Harmless("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger("azscan")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if settings.debug else logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("azure").addHandler(handler)


def _make_private(path: str) -> None:
    """The file, its owner's only, also where it was there before; a device stays as it is."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if stat.S_ISREG(os.fstat(number).st_mode) and hasattr(os, "fchmod"):
            os.fchmod(number, 0o600)
    finally:
        os.close(number)


class _Harmless(logging.Formatter):
    """Writes out what a terminal would act on; a message is one line, for nobody may begin a line of his own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        record.msg, record.args = record.getMessage().replace("\n", "\\n"), None
        return harmless(super().format(record))
