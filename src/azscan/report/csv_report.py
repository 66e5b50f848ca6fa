"""The CSV report for auditors (RFC 4180, UTF-8), sorted without holding it in memory."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import BinaryIO

import msgspec

from azscan.decisions import NAMES, decisions
from azscan.report import Options
from azscan.report.finding import record_words
from azscan.report.known import IN_BASELINE
from azscan.report.labels import subscription_names, told_line
from azscan.report.text import visible
from azscan.results import CONTROL_STATUSES, STATUSES, ControlResult, Evidence, Framework, Results, Verdict, Waiver

COLUMNS = (
    "framework",
    "control",
    "check",
    "title",
    "severity",
    "status",
    "subscription",
    "resource id",
    "name",
    "type",
    "region",
    "expected",
    "actual",
    "evidence url",
    "api",
    "read at",
    "reason",
    "approved by",
    "expires",
    "fix",
)

# The status of a row that tells what the team decided; such rows stand at the end.
DECISION = "decision"
# A control without a verdict has a row with the control's status: an auditor's sheet shows its gaps.
_STATUS_RANK = {status: rank for rank, status in enumerate(dict.fromkeys((*STATUSES, *CONTROL_STATUSES)))}
# A cell that begins so is a formula to one spreadsheet or another, the wide forms too.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = frozenset("=+-@\t\r＝＋－＠")
# Where the decimal sign is a comma, spreadsheets split lines at semicolons, whatever quotes stand around them.
_NEXT_CELL = re.compile(r';(?=[ "]*[=+@＝＋－＠-])')
_BLOCK = 1000
_TABLE = """
CREATE TABLE row(framework INT, control INT, "check" TEXT, status INT, subscription TEXT, id TEXT, cells BLOB);
"""
_SORTED = 'SELECT cells FROM row {} ORDER BY framework, control, "check", status, subscription, id, rowid'

Row = tuple[int, int, str, int, str, str, bytes]


def write_csv(results: Results, stream: BinaryIO, options: Options) -> None:
    """Write the report as CSV: one row per verdict, or with frameworks one per control and verdict.

    Rows are sorted by framework, control (as the framework orders them), check, status (failing first), subscription
    and resource id. A control without a verdict has a row that says why. At the end stand the team's decisions. Where
    several leaves decided a verdict, `expected` and `actual` have a line for each, so that line stands against line;
    of the reads, which mostly agree, one line stands for all where they do.
    """
    with SortedRows(results) as rows:
        rows.fill((verdict, ()) for verdict in results.verdicts())
        write_rows(COLUMNS, chain(rows.of(), _decided(results)), stream)


class SortedRows:
    """The rows of a report in their order, each a list of cells that nothing takes for a formula or a command.

    Sorting is left to a nameless database of SQLite's, which moves to a private temporary file as it grows; OSError
    where that file cannot be written. `beside` is the number of cells that `fill` is given beside each verdict: they
    stand behind those of COLUMNS.
    """

    def __init__(self, results: Results, beside: int = 0) -> None:
        self._results = results
        self._beside = beside
        self._connection = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> SortedRows:
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(_TABLE)
        self._connection.execute("BEGIN")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def fill(self, verdicts: Iterable[tuple[Verdict, Sequence[str]]]) -> None:
        """Take in the verdicts, each with the cells beside it, which must be safe as they are."""
        with _sorting():
            rows = _rows(self._results, verdicts, self._beside)
            self._connection.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def of(self, framework: int | None = None) -> Iterator[list[str]]:
        """The rows of all frameworks, or of the one in that place."""
        only = "" if framework is None else "WHERE framework = ?"
        with _sorting():
            for (cells,) in self._connection.execute(_SORTED.format(only), () if framework is None else (framework,)):
                yield _DECODER.decode(cells)


@contextlib.contextmanager
def _sorting() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(errno.ENOSPC if "full" in str(error) else errno.EIO, f"sorting failed: {error}") from error


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], stream: BinaryIO, *, bom: bool = False) -> None:
    """Write a heading and rows as CSV; with `bom` the mark stands before them by which Excel knows UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff" if bom else "")
    writer.writerow(columns)
    for number, cells in enumerate(rows):
        writer.writerow(cells)
        if number % _BLOCK == 0:
            _flush(text, stream)
    _flush(text, stream)


def _flush(text: io.StringIO, stream: BinaryIO) -> None:
    stream.write(text.getvalue().encode("utf-8", "backslashreplace"))
    text.seek(0)
    text.truncate()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[str])


def _rows(results: Results, verdicts: Iterable[tuple[Verdict, Sequence[str]]], beside: int) -> Iterator[Row]:
    """The rows with what they are sorted by, in any order."""
    names = subscription_names(results.scan)
    places = _Places(results.frameworks, results.controls)
    for verdict, others in verdicts:
        cells = _cells(
            verdict, results, names.get(verdict.resource.subscription.lower(), verdict.resource.subscription)
        )
        key = (verdict.check, _STATUS_RANK[verdict.status], cells[4], verdict.resource.id.lower())
        for framework, control, start in places.of(verdict):
            yield (framework, control, *key, _ENCODER.encode([*start, *cells, *others]))
    yield from places.gaps(beside)


def _decided(results: Results) -> Iterator[list[str]]:
    """A row for each waiver, each thing switched off, each changed severity and each part accepted as unreadable."""
    found = decisions(
        results.waivers,
        results.off,
        results.severity_overrides,
        results.scan.allowed_unreadable,
        is_scanned=True,
        # What had expired when the scan was made has expired in its report, whenever that is written.
        today=date.min,
    )
    for each in found:
        reason = f"{each.reason} ({each.ticket})" if each.ticket else each.reason
        told = [safe_cell(f"{NAMES[each.kind]}: {each.what}"), "", DECISION, *[""] * 10]
        why = safe_cell(": ".join(part for part in (each.state, each.note, reason) if part))
        yield ["", "", "", *told, why, safe_cell(each.approved_by), safe_cell(each.expires), ""]


class _Places:
    """Where a verdict's rows stand among the frameworks' controls, and which controls got none."""

    def __init__(self, frameworks: Sequence[Framework], controls: Sequence[ControlResult]) -> None:
        self._controls = controls
        self._places = {
            f"{framework.key}:{control}": (number, position, (safe_cell(framework.key), safe_cell(control)))
            for number, framework in enumerate(frameworks)
            for position, control in enumerate(framework.controls)
        }
        self._met: set[str] = set()

    def of(self, verdict: Verdict) -> Iterator[tuple[int, int, tuple[str, str]]]:
        if not self._places:
            yield 0, 0, ("", "")
            return
        for name in dict.fromkeys(verdict.controls):
            if name in self._places:
                self._met.add(name)
                yield self._places[name]

    def gaps(self, beside: int) -> Iterator[Row]:
        for result in self._controls:
            if result.name in self._met:
                continue
            number, position, start = self._places[result.name]
            about = (safe_cell(result.title), "", result.status, *[""] * 10, safe_cell(result.reason))
            cells = [*start, "", *about, *[""] * (3 + beside)]
            yield number, position, "", _STATUS_RANK[result.status], "", "", _ENCODER.encode(cells)


def _cells(verdict: Verdict, results: Results, subscription: str) -> list[str]:
    """The cells after framework and control."""
    resource, evidence = verdict.resource, verdict.evidence
    reason, approved_by, expires = _record(verdict, results)
    fix = [part for part in (verdict.fix.text, verdict.fix.cli) if part] if verdict.fix else []
    one_line = (
        verdict.check, verdict.title, verdict.severity, verdict.status, subscription,
        resource.id, resource.name, resource.type, resource.region,
    )  # fmt: skip
    return [
        *map(safe_cell, one_line),
        *paired(evidence),
        lines([leaf.url for leaf in evidence]),
        lines([leaf.api for leaf in evidence]),
        lines([leaf.read_at for leaf in evidence]),
        safe_cell(reason),
        safe_cell(approved_by),
        safe_cell(expires),
        lines(fix),
    ]


def _record(verdict: Verdict, results: Results) -> tuple[str, str, str]:
    """Reason, approver and last day: the waiver's where there is one. A severity that was changed is told with it."""
    waiver = waiver_of(verdict, results)
    if waiver is None:
        return note_of(verdict, results), "", ""
    reason = f"{waiver.reason} ({waiver.ticket})" if waiver.ticket else waiver.reason
    told = "; ".join(part for part in (reason, _override(verdict, results)) if part)
    return told, waiver.approved_by, waiver.expires


def waiver_of(verdict: Verdict, results: Results) -> Waiver | None:
    """The waiver that a verdict is waived by, if it is."""
    return results.waivers[verdict.waiver] if verdict.waiver is not None and verdict.status == "waived" else None


def note_of(verdict: Verdict, results: Results) -> str:
    """What is to be said of a verdict whatever waives it: that it is known, its reason, its changed severity."""
    parts = (IN_BASELINE if verdict.known else "", verdict.reason, _override(verdict, results))
    return "; ".join(part for part in parts if part)


def _override(verdict: Verdict, results: Results) -> str:
    """Where the team chose another severity than the catalogue's, both of them and why, else ""."""
    if verdict.override is None:
        return ""
    entry = results.severity_overrides[verdict.override]
    record = record_words(entry.reason, entry.approved_by, entry.expires, entry.ticket)
    return f"severity {verdict.severity} instead of {entry.changed[verdict.check]}: {record}"


def paired(evidence: Sequence[Evidence]) -> tuple[str, str]:
    """What was expected and what was found, as two cells that are safe: line stands against line."""
    expected = [f"{leaf.path} {leaf.expected}".strip() for leaf in evidence]
    return _each(expected), _each([told_line(leaf) for leaf in evidence])


def _each(values: Sequence[str]) -> str:
    """The values as the lines of one cell."""
    return "\n".join(map(safe_cell, values))


def lines(values: Sequence[str]) -> str:
    """The values as the lines of one cell that is safe; one line where all of them agree."""
    return _each(values[:1] if len(set(values)) == 1 else values)


def safe_cell(value: str) -> str:
    """The value as a cell that no spreadsheet takes for a formula and no terminal for a command."""
    first = value[:1]
    if not first or ((first == "/" or first.isalnum()) and ";" not in value and value.isprintable()):
        return value
    return _NEXT_CELL.sub(";'", visible(_no_formula(value)))


def _no_formula(text: str) -> str:
    for char in text:
        if char in _FORMULA:
            return f"'{text}"
        if not (char.isspace() or char == '"' or unicodedata.category(char) in ("Cc", "Cf")):
            break
    return text
