"""The rows of a pack's tables: those of a scan's CSV, with what an auditor asks of each beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec

from azscan.azure.clouds import NAMES, named
from azscan.azure.records import properties_of, text_of
from azscan.catalog.model import Catalog, FrameworkMap
from azscan.report.csv_report import COLUMNS, lines, note_of, safe_cell, waiver_of
from azscan.results import Verdict
from azscan.verdicts import StoredResults, Trace
from azscan.words import is_guid

EVIDENCE_COLUMN = "evidence files"
# What stands beside the columns of a scan's CSV: known with the verdict, or with the control that the row is of.
_BESIDE = (
    *("note", "waiver reason", "waiver ticket", "waiver approved by", "waiver expires"),
    *("shown name", "full url", EVIDENCE_COLUMN),
)
_OF_CONTROL = ("control title", "strength", "basis", "why it counts", "policies")
# The columns of a pack, each with where its cell comes from.
_SOURCES: Mapping[str, str] = {
    "framework": "framework",
    "control": "control",
    "control title": "control title",
    "check": "check",
    "check title": "title",
    "severity": "severity",
    "status": "status",
    "subscription": "subscription",
    "resource id": "resource id",
    "name": "shown name",
    "type": "type",
    "region": "region",
    "expected": "expected",
    "actual": "actual",
    "evidence url": "full url",
    "api version": "api",
    "read at": "read at",
    "note": "note",
    "waiver reason": "waiver reason",
    "waiver ticket": "waiver ticket",
    "waiver approved by": "waiver approved by",
    "waiver expires": "waiver expires",
    "fix": "fix",
    "strength": "strength",
    "basis": "basis",
    "why it counts": "why it counts",
    "policies": "policies",
    EVIDENCE_COLUMN: EVIDENCE_COLUMN,
}
PACK_COLUMNS = tuple(_SOURCES)
BESIDE = len(_BESIDE)

_STORED = (*COLUMNS, *_BESIDE, *_OF_CONTROL)
_picked = itemgetter(*(_STORED.index(source) for source in _SOURCES.values()))
_CHECK, _CONTROL, _TITLE, _REASON = map(COLUMNS.index, ("check", "control", "title", "reason"))
_NOTE = _STORED.index("note")
_MICROSOFTS = "an initiative of Microsoft's ties a policy that asks the same to this control"
# Paths of Microsoft Graph begin with its version: https://learn.microsoft.com/graph/versioning-and-support
_OF_GRAPH = re.compile(r"/(?:v\d|beta/)")
# Names that are looked up once: a few megabytes at the most.
_KEPT = 10_000


def hosts_of(cloud: str) -> tuple[str, str]:
    """The addresses of Azure Resource Manager and Microsoft Graph in a cloud; ("", "") where it is not a named one."""
    if cloud not in NAMES:
        return "", ""
    found = named(cloud)
    return found.arm, found.graph


class Beside:
    """Tells what stands beside the columns of a scan's CSV for a verdict. Its cells are safe in a spreadsheet."""

    def __init__(self, results: StoredResults) -> None:
        self._results = results
        self._arm, self._graph = hosts_of(results.scan.cloud)
        self._shown = lru_cache(maxsize=_KEPT)(self._name_within)

    def of(self, verdict: Verdict, trace: Trace, files: Sequence[str]) -> list[str]:
        """The cells, in the order that `with_controls` takes them in."""
        waiver = waiver_of(verdict, self._results)
        record = (waiver.reason, waiver.ticket, waiver.approved_by, waiver.expires) if waiver else ("", "", "", "")
        urls = lines([self.url(leaf.url) for leaf in verdict.evidence])
        note = safe_cell(note_of(verdict, self._results))
        return [note, *map(safe_cell, record), safe_cell(self.name(verdict, trace)), urls, "\n".join(files)]

    def url(self, url: str) -> str:
        """An address with its host, where the cloud is one whose hosts are known."""
        return f"{self._graph if _OF_GRAPH.match(url) else self._arm}{url}" if url else ""

    def name(self, verdict: Verdict, trace: Trace) -> str:
        """What the resource is called: where its name is a GUID, what its properties call it."""
        name = verdict.resource.name
        return (trace.row and is_guid(name) and self._shown(trace.row)) or name

    def _name_within(self, row_id: int) -> str:
        row = self._results.estate.row(row_id)
        body: Any = msgspec.json.decode(row.body) if row is not None else None
        properties = properties_of(body) if isinstance(body, dict) else {}
        return text_of(properties, "roleName") or text_of(properties, "displayName")


def with_controls(rows: Iterator[list[str]], framework: FrameworkMap, catalog: Catalog) -> Iterator[Sequence[str]]:
    """The rows of a framework as PACK_COLUMNS has them, from those that `SortedRows` holds."""
    titles = {safe_cell(control.id): safe_cell(control.title) for control in framework.controls}
    edges = {
        (safe_cell(control.id), edge.check): (
            *(edge.strength, edge.basis, safe_cell(edge.reason or (_MICROSOFTS if edge.basis == "microsoft" else ""))),
            "\n".join(catalog.checks[edge.check].policy),
        )
        for control in framework.controls
        for edge in control.edges
    }
    nothing = ("", "", "", "")
    for cells in rows:
        control = cells[_CONTROL]
        if not cells[_CHECK]:
            # The row of a control that no verdict speaks of: its title stands where a check's would.
            cells[_NOTE], cells[_TITLE] = cells[_REASON], ""
        yield _picked([*cells, titles.get(control, ""), *edges.get((control, cells[_CHECK]), nothing)])
