"""The workbook of a framework: the rows of its CSV, with filters and a heading that stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

# Excel takes 1,048,576 rows and 32,767 characters in a cell.
# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
ROWS = 1_000_000
LONGEST_CELL = 32_767
_CUT = "\n(cut: the CSV has the rest)"
# Columns wider than the others, by their name.
_WIDTHS = {"title": 45, "resource id": 60, "expected": 45, "actual": 30, "reason": 45, "fix": 45, "evidence files": 60}


class Workbook:
    """An .xlsx file of rows; beyond `rows_per_sheet` they go on in another sheet. A context manager.

    Every cell is a text: nothing in it is a formula, a number or a link. Memory does not grow with the rows; what
    waits stands beside `path`. The same rows give the same bytes.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, created: datetime, rows_per_sheet: int = ROWS) -> None:
        from xlsxwriter import Workbook as Book

        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        self._book = Book(str(path), options)
        self._book.use_zip64()
        self._book.set_properties({"title": "azscan evidence", "created": created.replace(tzinfo=None)})
        self._heading = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._columns = columns
        self._rows_per_sheet = rows_per_sheet
        self._line = 0
        self._sheet = self._new_sheet()

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file; without that there is none, whatever was written."""
        self._finish_sheet()
        self._book.close()

    def through(self, rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """The rows, each written on its way through."""
        for cells in rows:
            if self._line >= self._rows_per_sheet:
                self._finish_sheet()
                self._sheet, self._line = self._new_sheet(), 0
            self._line += 1
            for place, text in enumerate(cells):
                if text:
                    self._sheet.write_string(self._line, place, _fitting(text))
            yield cells

    def _new_sheet(self) -> Any:
        number = len(self._book.worksheets()) + 1
        sheet = self._book.add_worksheet("verdicts" if number == 1 else f"verdicts {number}")
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(self._columns):
            sheet.set_column(place, place, _WIDTHS.get(name, 16))
            sheet.write_string(0, place, name, self._heading)
        return sheet

    def _finish_sheet(self) -> None:
        self._sheet.autofilter(0, 0, self._line, len(self._columns) - 1)


def _fitting(text: str) -> str:
    # What XlsxWriter takes for markup of its own it would write as it is: cells, formulas and all.
    if text.startswith("<r>"):
        text = f"'{text}"
    # Excel counts UTF-16 units, of which a character may take two.
    if len(text) * 2 <= LONGEST_CELL or len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL:
        return text
    room = LONGEST_CELL - len(_CUT)
    return text.encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore") + _CUT
