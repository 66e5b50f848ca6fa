"""The results of an assessed estate: verdicts streamed from it, with everything that travels with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from azscan.assess import Tally, reference
from azscan.catalog.builtin import BUILT_IN
from azscan.catalog.fix import Shell, render
from azscan.catalog.model import Catalog, Check
from azscan.estate.ids import parse_id
from azscan.estate.store import Estate, ReadRow, Row
from azscan.results import (
    SEVERITIES,
    SEVERITY_RANK,
    STATUSES,
    Evidence,
    Fix,
    Framework,
    Gate,
    Off,
    ResourceRef,
    ScanInfo,
    Status,
    Summary,
    Unread,
    Verdict,
    Waiver,
)

_decode = msgspec.json.Decoder().decode


@dataclass
class StoredResults:
    """Results over an estate: nothing but counts is held in memory.

    `severities` overrides a check's own; `shell` is the one that fixes are quoted for (posix or powershell).
    """

    estate: Estate
    catalog: Catalog
    scan: ScanInfo
    summary: Summary
    unreadable: Sequence[Unread]
    waivers: Sequence[Waiver]
    off: Sequence[Off]
    frameworks: Sequence[Framework]
    controls: Mapping[str, tuple[str, ...]]
    shell: Shell = "posix"

    def verdicts(self, *statuses: Status) -> Iterator[Verdict]:
        """The verdicts of the given statuses, by service, then status, severity and check; all where none is given."""
        wanted = statuses or tuple(status for status in STATUSES if status != "not-applicable")
        numbers = self.estate.connection.execute("SELECT number, id, leaves FROM assessed").fetchall()
        tables = {check: (number, _decode(leaves)) for number, check, leaves in numbers}
        checks = sorted((self.catalog.checks[check] for check in tables), key=lambda each: (each.service, each.id))
        order = sorted(
            ((check, status) for check in checks for status in wanted),
            key=lambda each: (
                each[0].service,
                STATUSES.index(each[1]),
                SEVERITY_RANK[each[0].severity],
                each[0].id,
            ),
        )
        for check, status in order:
            number, leaves = tables[check.id]
            yield from self._of_check(check, number, status, leaves)

    def _of_check(self, check: Check, number: int, status: Status, leaves: list[tuple[str, str]]) -> Iterator[Verdict]:
        controls = self.controls.get(check.id, ())
        read_of = lru_cache(maxsize=4096)(self.estate.read)
        found = self.estate.connection.execute(
            "SELECT verdict.resource, verdict.evidence, verdict.reason, verdict.waiver, verdict.subscription,"
            " resource.id_as_sent, resource.body, resource.parent FROM verdict"
            " LEFT JOIN resource ON resource.id = verdict.resource"
            " WHERE verdict.number = ? AND verdict.status = ? ORDER BY verdict.subscription, resource.id_key, verdict.rowid",
            (number, STATUSES.index(status)),
        )
        for row_id, evidence, reason, waiver, subscription, sent, body, parent in found:
            if row_id:
                row = Row(row_id, sent, body, 0, 0, subscription, parent)
                document = _decode(body)
                resource = reference(row, document if isinstance(document, dict) else {})
                facts = tuple(_evidence(each, leaves, read_of) for each in _decode(evidence))
            else:
                scope, read = _decode(evidence)
                resource = self._part(check, scope, subscription)
                facts = tuple(_unread_fact(read_of(read)) for _ in range(1) if read)
            yield Verdict(
                check=check.id,
                title=check.title,
                service=check.service,
                severity=check.severity,
                status=status,
                resource=resource,
                evidence=facts,
                reason=reason or "",
                fix=self._fix(check, resource) if status in ("fail", "waived") else None,
                controls=controls,
                waiver=waiver,
            )

    def _part(self, check: Check, scope: str, subscription: str) -> ResourceRef:
        """What stands for the resources that could not be listed below a scope."""
        kind = self.catalog.collections.get(check.subject) or BUILT_IN[check.subject]
        return ResourceRef(
            id=scope,
            name="*",
            type=kind.type,
            subscription=subscription,
            resource_group=parse_id(scope).resource_group,
        )

    def _fix(self, check: Check, resource: ResourceRef) -> Fix:
        cli = render(check.fix.cli, resource, self.shell) if check.fix.cli else ""
        return Fix(text=check.fix.text, cli=cli)


def summarise(catalog: Catalog, checks: Sequence[Check], tally: Tally, gate: Gate) -> Summary:
    """The counts of an assessment, by status and by severity."""
    statuses: dict[str, int] = dict.fromkeys(STATUSES, 0)
    severities: dict[str, dict[str, int]] = {severity: dict.fromkeys(STATUSES, 0) for severity in SEVERITIES}
    for (check, status, _), count in tally.counts.items():
        statuses[status] += count
        severities[catalog.checks[check].severity][status] += count
    return Summary(resources=tally.resources, checks=len(checks), statuses=statuses, severities=severities, gate=gate)


def unread_parts(
    estate: Estate,
    catalog: Catalog,
    tally: Tally,
    checks_of: Mapping[str, set[str]],
    is_allowed: Callable[[Unread], bool],
) -> list[Unread]:
    """Every part of the estate that could not be read, with the checks and the number of verdicts that rest on it.

    `is_allowed` tells whether --allow-unreadable accepts a part.
    """
    by_read = {blame.read: checks for blame, checks in tally.blamed.items() if blame.read}
    parts = []
    for collection, _, subscription, scope, page in estate.failed_reads():
        kind = catalog.collections.get(collection) or BUILT_IN.get(collection)
        charged: Mapping[str, int] = by_read.get(page.id, {})
        checks = tuple(sorted({*charged, *checks_of.get(collection, ())}))
        parts.append(
            Unread(
                kind=page.kind,
                service=kind.service if kind else "",
                collection=collection,
                subscription=subscription,
                scope=scope,
                message=page.message,
                action=page.action,
                code=page.code,
                request_id=page.request_id,
                checks=checks,
                verdicts=sum(charged.values()),
            )
        )
    for blame, charged in tally.blamed.items():
        if not blame.read:
            services = sorted({catalog.checks[check].service for check in charged})
            parts.append(
                Unread(
                    kind=blame.kind,
                    service=", ".join(services),
                    collection="",
                    subscription="",
                    scope="",
                    message=blame.message,
                    checks=tuple(sorted(charged)),
                    verdicts=sum(charged.values()),
                )
            )
    return [msgspec.structs.replace(part, allowed=is_allowed(part)) for part in parts]


def _evidence(fact: list[Any], leaves: list[tuple[str, str]], read_of: Callable[[int], ReadRow | None]) -> Evidence:
    path, expected = leaves[fact[0]]
    read = read_of(fact[3]) if fact[3] else None
    return Evidence(
        path=fact[4] if len(fact) > 4 else path,
        expected=expected,
        actual=fact[1],
        present=fact[2],
        url=read.url if read else "",
        api=read.api if read else "",
        read_at=read.at if read else "",
    )


def _unread_fact(read: ReadRow | None) -> Evidence:
    return Evidence(
        path="",
        expected="the list to be readable",
        actual=f"HTTP {read.status} {read.code}".strip() if read and read.status else None,
        present=False,
        url=read.url if read else "",
        api=read.api if read else "",
        read_at=read.at if read else "",
    )
