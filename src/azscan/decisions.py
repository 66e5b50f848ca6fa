"""What the team decided, as one table: waived, switched off, of another severity, accepted as unreadable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from azscan.config import has_expired
from azscan.results import Allowance, Off, SeverityOverride, Waiver
from azscan.words import count, few

Kind = Literal["waiver", "off", "severity", "unreadable"]
# `not tried`: the scan did not look at all that the entry names, so nothing can be said.
State = Literal["in force", "expired", "unused", "not tried"]


NAMES: Mapping[Kind, str] = {
    "waiver": "waiver",
    "off": "switched off",
    "severity": "severity",
    "unreadable": "accepted as unreadable",
}


class Decision(msgspec.Struct, frozen=True):
    """One entry. `what` says in words what it covers, `note` what became of it; `source` is its file and line.

    `expires` is its last day (YYYY-MM-DD), or "".
    """

    kind: Kind
    what: str
    state: State
    note: str
    reason: str
    approved_by: str
    ticket: str
    expires: str
    source: str


def decisions(
    waivers: Iterable[Waiver],
    off: Iterable[Off],
    overrides: Iterable[SeverityOverride],
    allowed: Iterable[Allowance],
    *,
    is_scanned: bool,
    today: date,
) -> tuple[Decision, ...]:
    """All entries, in the order of their kinds and of the file.

    Only where `is_scanned` do the counts in waivers and allowances mean something: without, none is unused.
    """
    found = [_decision("waiver", covers(each), each, today, *_of_waiver(each, is_scanned)) for each in waivers]
    found += [_decision("off", ", ".join((*each.services, *each.checks)), each, today) for each in off]
    found += [
        _decision("severity", f"{', '.join(each.checks)}: {each.severity}", each, today, *_of_override(each))
        for each in overrides
    ]
    found += [_decision("unreadable", each.part, each, today, *_of_allowance(each, is_scanned)) for each in allowed]
    return tuple(found)


def warnings(entries: Iterable[Decision]) -> list[str]:
    """A line for each entry that has expired, and each waiver or override that does nothing."""
    found = []
    for entry in entries:
        what = f"{entry.source}: {_SUBJECTS[entry.kind]} {entry.what}"
        if entry.state == "expired":
            found.append(f"{what} expired after {entry.expires} and no longer counts")
        elif entry.state == "unused" and entry.kind == "waiver":
            found.append(f"{what} matches no finding")
        elif entry.state == "unused" and entry.kind == "severity":
            found.append(f"{what} changes nothing")
    return found


def covers(waiver: Waiver) -> str:
    """What a waiver covers: "storage-* on */www*; tag env=dev"."""
    limits: Mapping[str, Sequence[str]] = {
        "": waiver.resources,
        "tag ": waiver.tags,
        "group ": waiver.resource_groups,
        "subscription ": waiver.subscriptions,
        "managed by ": waiver.managed_by,
    }
    where = "; ".join(f"{word}{', '.join(values)}" for word, values in limits.items() if values)
    return f"{', '.join(waiver.checks)} on {where}"


def changes(override: SeverityOverride) -> str:
    """What an override changes: "high in the catalogue: storage-a, storage-b"; "" where nothing."""
    by_severity: dict[str, list[str]] = {}
    for check, severity in override.changed.items():
        by_severity.setdefault(severity, []).append(check)
    return "; ".join(f"{severity} in the catalogue: {few(checks, _FEW)}" for severity, checks in by_severity.items())


_SUBJECTS: Mapping[Kind, str] = {
    "waiver": "the waiver of",
    "off": "what switches off",
    "severity": "the severity of",
    "unreadable": "what accepts as unreadable",
}
_FEW = 5


def _decision(
    kind: Kind,
    what: str,
    entry: Waiver | Off | SeverityOverride | Allowance,
    today: date,
    state: State = "in force",
    note: str = "",
) -> Decision:
    expired = entry.expired or has_expired(entry.expires, today)
    return Decision(
        kind=kind,
        what=what,
        state="expired" if expired else state,
        note="" if expired else note,
        reason=entry.reason,
        approved_by=entry.approved_by,
        ticket=entry.ticket,
        expires=entry.expires,
        source=entry.source,
    )


def _of_waiver(waiver: Waiver, is_scanned: bool) -> tuple[State, str]:
    if not is_scanned:
        return "in force", ""
    if waiver.used:
        return "in force", f"used for {count(waiver.used, 'finding')}"
    return ("not tried", waiver.not_tried) if waiver.not_tried else ("unused", "")


def _of_override(entry: SeverityOverride) -> tuple[State, str]:
    return ("in force", changes(entry)) if entry.changed else ("unused", "")


def _of_allowance(entry: Allowance, is_scanned: bool) -> tuple[State, str]:
    if not is_scanned:
        return "in force", ""
    return ("in force", f"used for {count(entry.used, 'verdict')}") if entry.used else ("unused", "")
