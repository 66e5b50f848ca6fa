"""The workbook of a framework: the rows of its CSV, with filters and a heading that stays.

XlsxWriter makes all of it but the rows, which are millions of cells that need none of what it can: they are
written as they come, each cell an inline text
(https://learn.microsoft.com/dotnet/api/documentformat.openxml.spreadsheet.inlinestring).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from azscan.evidence.archive import entry_info

if TYPE_CHECKING:
    from xlsxwriter import Workbook as Book
    from xlsxwriter.format import Format

# Excel takes 1,048,576 rows and 32,767 characters in a cell.
# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
ROWS = 1_000_000
LONGEST_CELL = 32_767
# Excel counts UTF-16 units, of which a character may take two.
_SHORT = LONGEST_CELL // 2
_CUT = "\n(cut: the CSV has the rest)"
# Columns wider than the others, by their name.
_WIDTHS = {
    **dict.fromkeys(("control title", "check title", "expected", "note", "waiver reason", "fix", "why it counts"), 45),
    **dict.fromkeys(("resource id", "evidence url", "evidence files"), 60),
    "name": 30,
    "actual": 30,
    "policies": 38,
}
# Rows that are written at once.
_BLOCK = 200
_END = b"</sheetData>"
# How large a sheet is would have to stand before its rows, and nothing needs it.
_DIMENSION = re.compile(rb"<dimension [^>]*>")
# What XML does not take, and what Excel would take for such a character written out.
_SPECIAL = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]|_(?=x[0-9A-Fa-f]{4}_)")
_KEPT = ' xml:space="preserve"'
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Workbook:
    """An .xlsx file of rows; beyond `rows_per_sheet` they go on in another sheet. A context manager.

    Where there is a `legend` (rows of kind, word and meaning, safe in a spreadsheet), the last sheet holds it.

    Every cell is a text: nothing in it is a formula, a number or a link. Memory does not grow with the rows. The
    same rows give the same bytes.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        *,
        created: datetime,
        rows_per_sheet: int = ROWS,
        legend: Sequence[Sequence[str]] = (),
    ) -> None:
        from xlsxwriter.utility import xl_col_to_name

        self.path = path
        self._legend = legend
        self._columns = columns
        self._letters = [xl_col_to_name(place) for place in range(len(columns))]
        self._created = created
        self._folder = str(path.parent)
        self._rows_per_sheet = rows_per_sheet
        self._zip = ZipFile(path, "w", ZIP_DEFLATED)
        # How many rows each sheet has so far.
        self._lines: list[int] = []
        self._waiting: list[str] = []
        self._sheet = self._new_sheet()

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file; without that there is none, whatever was written."""
        with self._zip:
            self._finish_sheet()
            frame = self._frame()
            for name in frame.namelist():
                if name not in self._zip.NameToInfo:
                    self._zip.writestr(entry_info(name), frame.read(name))

    def through(self, rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """The rows, each written on its way through."""
        for cells in rows:
            if self._lines[-1] >= self._rows_per_sheet:
                self._finish_sheet()
                self._sheet = self._new_sheet()
            self._lines[-1] += 1
            self._waiting.append(_row(self._letters, self._lines[-1] + 1, cells))
            if len(self._waiting) >= _BLOCK:
                self._flush()
            yield cells

    def _new_sheet(self) -> IO[bytes]:
        self._lines.append(0)
        name = f"xl/worksheets/sheet{len(self._lines)}.xml"
        head, _ = self._frame().read(name).split(_END)
        sheet = self._zip.open(entry_info(name), "w", force_zip64=True)
        sheet.write(_DIMENSION.sub(b"", head))
        return sheet

    def _flush(self) -> None:
        self._sheet.write("".join(self._waiting).encode())
        self._waiting.clear()

    def _finish_sheet(self) -> None:
        with self._sheet as sheet:
            self._flush()
            _, tail = self._frame().read(f"xl/worksheets/sheet{len(self._lines)}.xml").split(_END)
            sheet.write(_END + tail)

    def _frame(self) -> ZipFile:
        """The workbook without its rows."""
        from xlsxwriter import Workbook as Book

        made = io.BytesIO()
        # So that the heading is inline texts too.
        with Book(made, {"constant_memory": True, "tmpdir": self._folder}) as book:
            book.set_properties({"title": "azscan evidence", "created": self._created.replace(tzinfo=None)})
            heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
            for number, lines in enumerate(self._lines, 1):
                sheet = book.add_worksheet("verdicts" if number == 1 else f"verdicts {number}")
                sheet.freeze_panes(1, 0)
                for place, name in enumerate(self._columns):
                    sheet.set_column(place, place, _WIDTHS.get(name, 16))
                    sheet.write_string(0, place, name, heading)
                sheet.autofilter(0, 0, lines, len(self._columns) - 1)
            if self._legend:
                self._add_legend(book, heading)
        return ZipFile(made)

    def _add_legend(self, book: Book, heading: Format) -> None:
        sheet = book.add_worksheet("legend")
        sheet.freeze_panes(1, 0)
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        for place, (name, width) in enumerate((("about", 24), ("word", 24), ("meaning", 90))):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, name, heading)
        for number, row in enumerate(self._legend, 1):
            for place, text in enumerate(row):
                sheet.write_string(number, place, text, wrapped)


def _row(letters: Sequence[str], number: int, cells: Sequence[str]) -> str:
    told = [
        # Blanks around a text are dropped unless they are asked to stay.
        f'<c r="{letter}{number}" t="inlineStr"><is>'
        f"<t{_KEPT if text[0] <= ' ' or text[-1] <= ' ' else ''}>"
        f"{text if len(text) <= _SHORT and not _SPECIAL.search(text) else _written(text)}</t></is></c>"
        for letter, text in zip(letters, cells, strict=True)
        if text
    ]
    return f'<row r="{number}">{"".join(told)}</row>'


def _written(text: str) -> str:
    if len(text) > _SHORT and len(text.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_CELL:
        room = LONGEST_CELL - len(_CUT)
        text = text.encode("utf-16-le", "surrogatepass")[: room * 2].decode("utf-16-le", "ignore") + _CUT
    return _SPECIAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or f"_x{ord(found[0]):04X}_"
