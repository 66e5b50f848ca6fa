"""One table of a pack's summary, and its CSV."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from azscan.report.csv_report import safe_cell, write_rows

FOLDER = "summary"


class Section(msgspec.Struct, frozen=True):
    """One table; `note` says what its emptiness means."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = "none"

    @property
    def path(self) -> str:
        """Where its CSV stands in the pack."""
        return f"{FOLDER}/{self.title.lower().replace(' ', '-')}.csv"

    def write_csv(self, stream: BinaryIO, *, bom: bool = False) -> None:
        """Write it under its own heading; without rows it says in one what that means."""
        width = len(self.columns)
        filled = ([*map(safe_cell, row), *[""] * (width - len(row))] for row in self.rows or ((self.note,),))
        write_rows(self.columns, filled, stream, bom=bom)
