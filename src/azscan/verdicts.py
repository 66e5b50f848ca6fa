"""The results of an assessed estate: verdicts streamed from it, with everything that travels with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from azscan.assess import Tally
from azscan.catalog.builtin import BUILT_IN
from azscan.catalog.fix import Shell, render
from azscan.catalog.model import Catalog, Check
from azscan.estate.ids import parse_id
from azscan.estate.references import managers
from azscan.estate.references import reference as reference_of
from azscan.estate.store import Estate
from azscan.garbage import collected_rarely
from azscan.results import (
    SEVERITIES,
    SEVERITY_RANK,
    STATUSES,
    ControlResult,
    Evidence,
    Fix,
    Framework,
    Gate,
    Off,
    ResourceRef,
    ScanInfo,
    Score,
    SeverityOverride,
    Status,
    Summary,
    Unread,
    Verdict,
    Waiver,
)

# What is kept between checks while verdicts stream: a few dozen megabytes at the most.
KEPT_REFERENCES = 30_000
KEPT_READS = 100_000
KEPT_FACTS = 5_000
LONGEST_KEPT = 500

_decode = msgspec.json.Decoder().decode
_decode_block = msgspec.json.Decoder(list[tuple[int, msgspec.Raw, str | None, int | None]]).decode


class Trace(NamedTuple):
    """What a verdict rests on: the row id of its resource (0 where none could be listed) and those of the reads."""

    row: int
    reads: tuple[int, ...]


@dataclass
class StoredResults:
    """Results over an estate: nothing but counts is held in memory.

    `controls_of` gives the controls of a check, as "framework:control"; `shell` is the one that fixes are quoted for
    (posix or powershell). `is_known` tells whether a failure (check, resource id) stands in the baseline.
    """

    estate: Estate
    catalog: Catalog
    scan: ScanInfo
    summary: Summary
    unreadable: Sequence[Unread]
    waivers: Sequence[Waiver]
    off: Sequence[Off]
    severity_overrides: Sequence[SeverityOverride]
    frameworks: Sequence[Framework]
    controls: Sequence[ControlResult]
    scores: Sequence[Score]
    controls_of: Callable[[str], tuple[str, ...]]
    shell: Shell = "posix"
    is_known: Callable[[str, str], bool] | None = None

    def verdicts(self, *statuses: Status) -> Iterator[Verdict]:
        """The verdicts of the given statuses, by service, then status, severity and check; all where none is given."""
        with collected_rarely():
            for check, status, number, leaves in self._in_order(statuses):
                yield from self._of_check(check, number, status, leaves)

    def traced(self, *statuses: Status) -> Iterator[tuple[Verdict, Trace]]:
        """The same verdicts in the same order, each with what it rests on in the estate."""
        with collected_rarely():
            for check, status, number, leaves in self._in_order(statuses):
                yield from zip(self._of_check(check, number, status, leaves), self._traces(number, status), strict=True)

    def _in_order(self, statuses: Sequence[Status]) -> Iterator[tuple[Check, Status, int, list[tuple[str, str]]]]:
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
            yield check, status, *tables[check.id]

    def _told(self, number: int, status: Status) -> Iterator[tuple[int, msgspec.Raw, str | None, int | None]]:
        # Within a check and status the rows were written by subscription and resource id: no sorting here.
        blocks = self.estate.connection.execute(
            "SELECT told FROM verdicts WHERE number = ? AND status = ? ORDER BY rowid",
            (number, STATUSES.index(status)),
        )
        # Block by block in C: a generator's step for each verdict would cost as much as decoding it.
        return chain.from_iterable(_decode_block(block) for (block,) in blocks)

    def _traces(self, number: int, status: Status) -> Iterator[Trace]:
        for row_id, evidence, _, _ in self._told(number, status):
            facts = _decode(evidence)
            if row_id:
                yield Trace(row_id, tuple(dict.fromkeys(fact[3] for fact in facts if fact[3])))
            else:
                yield Trace(0, (facts[1],) if facts[1] else ())

    def _of_check(self, check: Check, number: int, status: Status, leaves: list[tuple[str, str]]) -> Iterator[Verdict]:
        name, title, service, severity = check.id, check.title, check.service, check.severity
        controls = self.controls_of(check.id)
        is_finding = status in ("fail", "waived")
        is_known = self.is_known if status == "fail" else None
        override = self._overridden.get(check.id)
        reference, provenance = self._reference, self._provenance

        # Resources that came with one page and are alike have the same evidence, word for word.
        @lru_cache(maxsize=KEPT_FACTS)
        def facts_of(evidence: bytes) -> tuple[Evidence, ...]:
            return tuple([_evidence(fact, leaves, provenance) for fact in _decode(evidence)])

        for row_id, evidence, reason, waiver in self._told(number, status):
            if row_id:
                resource = reference(row_id)
                # What is long is seldom the same, and would fill the memory.
                told = bytes(evidence)
                facts = facts_of(told) if len(told) <= LONGEST_KEPT else facts_of.__wrapped__(told)
            else:
                scope, read, subscription = _decode(evidence)
                resource = self._part(check, scope, subscription)
                facts = self._unread_fact(read)
            yield Verdict(
                name,
                title,
                service,
                severity,
                status,
                resource,
                facts,
                reason or "",
                self._fix(check, resource) if is_finding else None,
                controls,
                waiver,
                override,
                is_known is not None and is_known(check.id, resource.id),
            )

    @cached_property
    def _reference(self) -> Callable[[int], ResourceRef]:
        managed = managers(self.estate)

        def of_row(row_id: int) -> ResourceRef:
            row = self.estate.row(row_id)
            assert row is not None
            document = _decode(row.body)
            found = reference_of(row, document if isinstance(document, dict) else {}, managed)
            if row.parent and not found.region:
                # A child lies where its parent lies.
                return msgspec.structs.replace(found, region=self._reference(row.parent).region)
            return found

        return lru_cache(maxsize=KEPT_REFERENCES)(of_row)

    @cached_property
    def _provenance(self) -> Callable[[int], tuple[str, str, str]]:
        return lru_cache(maxsize=KEPT_READS)(self.estate.provenance)

    @cached_property
    def _overridden(self) -> dict[str, int]:
        """Check id → the index of the override that changed its severity."""
        return {check: index for index, entry in enumerate(self.severity_overrides) for check in entry.changed}

    def _unread_fact(self, read_id: int | None) -> tuple[Evidence, ...]:
        read = self.estate.read(read_id) if read_id else None
        if read is None:
            return ()
        actual = f"HTTP {read.status} {read.code}".strip() if read.status else None
        return (Evidence("", "the list to be readable", actual, None, read.url, read.api, read.at),)

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


def _evidence(
    fact: list[Any], leaves: list[tuple[str, str]], provenance: Callable[[int], tuple[str, str, str]]
) -> Evidence:
    path, expected = leaves[fact[0]]
    url, api, at = provenance(fact[3]) if fact[3] else ("", "", "")
    return Evidence(fact[4] if len(fact) > 4 else path, expected, fact[1], fact[2], url, api, at)


def summarise(catalog: Catalog, checks: Sequence[Check], tally: Tally, gate: Gate) -> Summary:
    """The counts of an assessment, by status and by severity."""
    statuses: dict[str, int] = dict.fromkeys(STATUSES, 0)
    severities: dict[str, dict[str, int]] = {severity: dict.fromkeys(STATUSES, 0) for severity in SEVERITIES}
    skipped: dict[str, int] = {}
    for (check, status, _), count in sorted(tally.counts.items()):
        statuses[status] += count
        severities[catalog.checks[check].severity][status] += count
        if status == "not-applicable" and count:
            skipped[check] = count
    return Summary(
        resources=tally.resources,
        checks=len(checks),
        statuses=statuses,
        severities=severities,
        gate=gate,
        not_applicable=skipped,
    )


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
