"""Making a pack: one walk over the verdicts of an assessed estate, then the tables, the manifest and its signature."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from azscan.config import Located
from azscan.evidence import legend, not_applicable, oscal, summary
from azscan.evidence.archive import Archive
from azscan.evidence.manifest import FORMAT, MANIFEST, SIGNATURE, Manifest, encode
from azscan.evidence.records import EvidenceFiles
from azscan.evidence.rows import BESIDE, PACK_COLUMNS, Beside, with_controls
from azscan.evidence.signing import Signer
from azscan.evidence.workbook import ROWS, Workbook
from azscan.report.csv_report import SortedRows, write_rows
from azscan.report.output import open_output
from azscan.results import Verdict
from azscan.verdicts import StoredResults


def write_pack(
    path: str,
    results: StoredResults,
    params: Mapping[str, Mapping[str, Any]],
    *,
    judged_at: datetime,
    signer: Signer | None = None,
    bom: bool = False,
    rows_per_sheet: int = ROWS,
    config: Located | None = None,
) -> int:
    """Write the evidence pack of results with frameworks; returns how many files its manifest names.

    The same results give the same bytes. `params` are the parameters that the checks were assessed with, by check id,
    `config` is the azscan.yaml that was used, where there was one.
    With `bom` every CSV begins with the mark by which Excel knows UTF-8. Raises OutputError where the pack, or what
    waits for it in the folder for temporary files, cannot be written.
    """
    with (
        open_output(path) as stream,
        tempfile.TemporaryDirectory(prefix="azscan-pack-") as folder,
        Archive(stream) as archive,
    ):
        files, beside = EvidenceFiles(results, params, archive.write), Beside(results)
        with SortedRows(results, beside=BESIDE) as rows, oscal.Oscal(results) as document:
            rows.fill(_walk(results, files, document, beside))
            for place, framework in enumerate(results.frameworks):
                book = Workbook(
                    Path(folder, "book.xlsx"),
                    PACK_COLUMNS,
                    created=judged_at,
                    rows_per_sheet=rows_per_sheet,
                    legend=legend.sheet(results),
                )
                with book as sheets, archive.open(f"frameworks/{framework.key}.csv") as entry:
                    of_pack = with_controls(rows.of(place), results.catalog.frameworks[framework.key], results.catalog)
                    write_rows(PACK_COLUMNS, sheets.through(of_pack), entry, bom=bom)
                archive.copy(f"frameworks/{framework.key}.xlsx", book.path, is_packed=True)
            # Beside the pack until it is whole: on its way evidence files go into the pack.
            left_out = Path(folder, not_applicable.PATH)
            with left_out.open("wb") as entry:
                not_applicable.write_rows_of(results, params, beside, files, entry, bom=bom)
            archive.copy(not_applicable.PATH, left_out)
            with archive.open(oscal.PATH) as entry:
                document.write(entry)
        parts = summary.sections(results, params, config)
        for part in parts:
            with archive.open(part.path) as entry:
                part.write_csv(entry, bom=bom)
        with archive.open(summary.PAGE) as entry:
            summary.write_html(parts, results.scan.notes, entry)
        with archive.open(legend.README) as entry:
            legend.write_readme(results, entry)
        named = len(archive.entries)
        _seal(archive, results, signer)
    return named


def _walk(
    results: StoredResults, files: EvidenceFiles, document: oscal.Oscal, beside: Beside
) -> Iterator[tuple[Verdict, Sequence[str]]]:
    for verdict, trace in results.traced():
        names = files.of(verdict, trace)
        document.take(verdict, names)
        yield verdict, beside.of(verdict, trace, names)


def _seal(archive: Archive, results: StoredResults, signer: Signer | None) -> None:
    scan = results.scan
    fingerprint = signer.fingerprint if signer is not None else ""
    manifest = encode(Manifest(FORMAT, scan.version, scan.finished, tuple(archive.entries), fingerprint))
    archive.write(MANIFEST, manifest)
    if signer is not None:
        archive.write(SIGNATURE, signer.sign(manifest))
