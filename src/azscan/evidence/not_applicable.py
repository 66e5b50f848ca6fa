"""What the checks of a pack say nothing about: each check and resource, and the condition that leaves it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from azscan.catalog.model import Check
from azscan.conditions.evidence import phrase
from azscan.conditions.grammar import parse
from azscan.conditions.nodes import Quantifier
from azscan.evidence.records import EvidenceFiles
from azscan.evidence.rows import EVIDENCE_COLUMN, Beside
from azscan.report.csv_report import lines, paired, safe_cell, write_rows
from azscan.report.labels import subscription_names
from azscan.verdicts import StoredResults

PATH = "not-applicable.csv"
COLUMNS = (
    *("check", "check title", "subscription", "resource id", "name", "type", "region"),
    *("applies only where", "expected", "actual", "evidence url", "api version", "read at", "controls"),
    EVIDENCE_COLUMN,
)


def write_rows_of(
    results: StoredResults,
    params: Mapping[str, Mapping[str, Any]],
    beside: Beside,
    files: EvidenceFiles,
    stream: BinaryIO,
    *,
    bom: bool = False,
) -> None:
    """Write a row for each verdict `not-applicable`, by service, severity, check, subscription and id.

    `params` are the parameters that the checks were assessed with, by check id.
    """
    write_rows(COLUMNS, _rows(results, params, beside, files), stream, bom=bom)


def _rows(
    results: StoredResults, params: Mapping[str, Mapping[str, Any]], beside: Beside, files: EvidenceFiles
) -> Iterator[Sequence[str]]:
    names = subscription_names(results.scan)
    conditions: dict[str, str] = {}
    for verdict, trace in results.traced("not-applicable"):
        check, resource, evidence = verdict.check, verdict.resource, verdict.evidence
        if check not in conditions:
            conditions[check] = safe_cell(_condition(results.catalog.checks[check], params.get(check, {})))
        subscription = names.get(resource.subscription.lower(), resource.subscription)
        about = (subscription, resource.id, beside.name(verdict, trace), resource.type, resource.region)
        yield (
            *(check, safe_cell(verdict.title), *map(safe_cell, about), conditions[check], *paired(evidence)),
            lines([beside.url(leaf.url) for leaf in evidence]),
            *(lines([leaf.api for leaf in evidence]), lines([leaf.read_at for leaf in evidence])),
            *("\n".join(map(safe_cell, verdict.controls)), "\n".join(files.of(verdict, trace))),
        )


def _condition(check: Check, params: Mapping[str, Any]) -> str:
    """What a resource must be like for the check to say something of it, in words."""
    merged = {**check.params, **params}
    parts = [phrase(parse(check.applies, merged))] if check.applies is not None else []
    require = parse(check.require, merged)
    if isinstance(require, Quantifier) and require.when_empty == "not-applicable":
        parts.append(f"{require.in_.text or 'it'} has an item")
    return " and ".join(parts)
