"""The one registry of report formats: each writes a Results to a binary stream, and streams."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import BinaryIO, TextIO

import msgspec

from azscan.errors import UsageError
from azscan.options import SHOW
from azscan.report.output import STDOUT, check_writable, open_output
from azscan.results import Results
from azscan.words import did_you_mean

__all__ = [
    "FORMATS",
    "SHOW",
    "STDOUT",
    "Format",
    "Options",
    "check_writable",
    "format_of",
    "open_output",
    "write",
    "write_to",
]

# In a file nothing is cut for want of room: it is read where lines are as long as they are, or searched.
FILE_WIDTH = 100_000


class Options(msgspec.Struct, frozen=True):
    """How people will read a report; the others but the table do not depend on it.

    `show` holds words of SHOW, check ids and globs; where it is empty, the failures are listed that the gate is about,
    and a line for each other check that failed. `terminal` allows links, `colour` colours. `docs_url` is a template
    with {service} and {check} ("": the command that shows the check stands instead). `per_check` is the most findings
    that the table lists of one check, unless the check is named in `show`. For the lines that say how to see more,
    `command` reports on the same again, and `show_check` shows the check whose id follows.
    """

    show: tuple[str, ...] = ()
    width: int = 80
    terminal: bool = False
    colour: bool = False
    encoding: str = "utf-8"
    docs_url: str = ""
    per_check: int = 3
    command: str = "azscan scan …"
    show_check: str = "azscan checks show"

    def on(self, stream: TextIO, environ: Mapping[str, str]) -> Options:
        """The same, fitted to the stream that people read: its width, its encoding, colours and links.

        NO_COLOR (https://no-color.org) takes the colours away, TERM=dumb the links too; what is piped is 80 wide.
        """
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        return msgspec.structs.replace(
            self,
            terminal=terminal,
            colour=terminal and not environ.get("NO_COLOR"),
            width=max(shutil.get_terminal_size().columns, 40) if stream.isatty() else 80,
            encoding=stream.encoding or "utf-8",
        )


class Format(msgspec.Struct, frozen=True):
    """One format: its name, the suffix of its files, and the writer (loaded when it is used)."""

    name: str
    suffix: str
    load: Callable[[], Callable[[Results, BinaryIO, Options], None]]


def _table() -> Callable[[Results, BinaryIO, Options], None]:
    from azscan.report.table import write_table

    return write_table


def _json() -> Callable[[Results, BinaryIO, Options], None]:
    from azscan.report.json_report import write_json

    return write_json


def _csv() -> Callable[[Results, BinaryIO, Options], None]:
    from azscan.report.csv_report import write_csv

    return write_csv


def _markdown() -> Callable[[Results, BinaryIO, Options], None]:
    from azscan.report.markdown_report import write_markdown

    return write_markdown


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("table", ".txt", _table),
        Format("json", ".json", _json),
        Format("csv", ".csv", _csv),
        Format("markdown", ".md", _markdown),
    )
}


def format_of(path: str) -> str:
    """The format that a file's suffix asks for. Raises UsageError where no format has it."""
    suffix = PurePath(path).suffix.lower()
    for each in FORMATS.values():
        if each.suffix == suffix:
            return each.name
    known = ", ".join(each.suffix for each in FORMATS.values())
    raise UsageError(f"the format of {path} is not known by its suffix", hint=f"end the name with one of {known}")


def write(format: str, results: Results, stream: BinaryIO, options: Options | None = None) -> None:
    """Write the report to a binary stream. Raises UsageError for an unknown format, OSError where it cannot write."""
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        hint = did_you_mean(format, FORMATS) or f"the formats are {known}"
        raise UsageError(f"no format is named {format}", hint=hint)
    FORMATS[format].load()(results, stream, options or Options())


def write_to(path: str, results: Results, options: Options | None = None, *, format: str = "") -> None:
    """Write the report to a file (its format by the suffix, unless given) or "-". Raises OutputError (exit 5)."""
    chosen = format or ("table" if path == STDOUT else format_of(path))
    options = options or Options()
    if path != STDOUT:
        options = msgspec.structs.replace(options, width=FILE_WIDTH)
    with open_output(path) as stream:
        write(chosen, results, stream, options)
