"""The workbook of a framework: the rows of its CSV, with filters and a heading that stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def write_workbook(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    created: datetime,
    rows_per_sheet: int = ROWS,
) -> None:
    """Write the rows as an .xlsx file; beyond `rows_per_sheet` they go on in another sheet.

    Every cell is a text: nothing in it is a formula, a number or a link. Memory does not grow with the rows; what
    waits stands beside `path`. The same rows give the same bytes.
    """
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    book = Workbook(str(path), options)
    book.use_zip64()
    book.set_properties({"title": "azscan evidence", "created": created.replace(tzinfo=None)})
    heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    sheet, line = None, 0
    for cells in rows:
        if sheet is None or line >= rows_per_sheet:
            _finish(sheet, line, columns)
            sheet, line = _sheet(book, columns, heading), 0
        line += 1
        for place, text in enumerate(cells):
            if text:
                sheet.write_string(line, place, _fitting(text))
    _finish(sheet if sheet is not None else _sheet(book, columns, heading), line, columns)
    book.close()


def _sheet(book: Any, columns: Sequence[str], heading: Any) -> Any:
    number = len(book.worksheets()) + 1
    sheet = book.add_worksheet("verdicts" if number == 1 else f"verdicts {number}")
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(columns):
        sheet.set_column(place, place, _WIDTHS.get(name, 16))
        sheet.write_string(0, place, name, heading)
    return sheet


def _finish(sheet: Any, lines: int, columns: Sequence[str]) -> None:
    if sheet is not None:
        sheet.autofilter(0, 0, lines, len(columns) - 1)


def _fitting(text: str) -> str:
    # Excel counts UTF-16 units, of which a character may take two.
    if len(text) * 2 <= LONGEST_CELL or len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL:
        return text
    room = LONGEST_CELL - len(_CUT)
    return text.encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore") + _CUT
