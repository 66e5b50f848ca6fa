"""The comparison of two results as JSON, written difference by difference."""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec

from azscan.compare import KINDS, Comparison, Difference, Outcome
from azscan.results import ScanInfo

DIFF_SCHEMA = "azscan.diff/1"


class Compared(msgspec.Struct, frozen=True):
    """One of the two: its file as it was named, and what its scan was about."""

    file: str
    version: str
    started: str
    cloud: str
    tenant: str
    identity: str
    catalog: str
    filters: tuple[str, ...] = ()


class DiffDocument(msgspec.Struct, frozen=True):
    """The whole comparison as one value; `counts` maps kind → severity → number, `unchanged` status → number."""

    schema: str
    old: Compared
    new: Compared
    notes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    unchanged: dict[str, int]
    outcome: Outcome
    differences: tuple[Difference, ...]


def write_diff(comparison: Comparison, old: str, new: str, stream: BinaryIO) -> None:
    """Write the comparison as JSON (UTF-8), each difference on a line of its own; memory does not grow with them."""
    scans = comparison.scans
    head: dict[str, Any] = {
        "schema": DIFF_SCHEMA,
        "old": _compared(old, scans[0]),
        "new": _compared(new, scans[1]),
        "notes": comparison.notes,
        "counts": {kind: dict(comparison.counts[kind]) for kind in KINDS},
        "unchanged": dict(comparison.unchanged),
        "outcome": comparison.outcome,
    }
    lead = b"{"
    for name, value in head.items():
        stream.write(lead + msgspec.json.encode(name) + b":" + msgspec.json.encode(value))
        lead = b",\n"
    stream.write(b',\n"differences":[')
    lead = b"\n"
    for each in comparison.differences():
        stream.write(lead + msgspec.json.encode(each))
        lead = b",\n"
    stream.write(b"]}\n")


def _compared(file: str, scan: ScanInfo) -> Compared:
    return Compared(
        file, scan.version, scan.started, scan.cloud, scan.tenant, scan.identity, scan.catalog, scan.filters
    )


def diff_schema() -> dict[str, Any]:
    """The JSON Schema of the comparison."""
    schema = msgspec.json.schema(DiffDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": DIFF_SCHEMA, **schema}
