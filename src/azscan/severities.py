"""The severities that the team gave checks, put over those of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from azscan.catalog.model import Catalog, Check
from azscan.config import has_expired
from azscan.results import SeverityOverride
from azscan.words import glob


def override(
    catalog: Catalog, entries: Sequence[SeverityOverride], today: date
) -> tuple[Catalog, tuple[SeverityOverride, ...]]:
    """The catalogue with the severities that count, and the entries with what became of them.

    Of several entries that fit a check (by its id, a former id or a glob) the first counts. An expired one changes
    nothing; nor does one that says what the catalogue says, so that a superfluous entry has an empty `changed`.
    """
    told = [msgspec.structs.replace(entry, expired=has_expired(entry.expires, today)) for entry in entries]
    live = [(index, [glob(name) for name in entry.checks]) for index, entry in enumerate(told) if not entry.expired]
    if not live:
        return catalog, tuple(told)

    def first(check: Check) -> int | None:
        names = (check.id, *check.aliases)
        return next((index for index, fits in live if any(fit(name) for fit in fits for name in names)), None)

    chosen = {check.id: index for check in catalog.checks.values() if (index := first(check)) is not None}
    changed = {id: index for id, index in chosen.items() if catalog.checks[id].severity != told[index].severity}
    checks = dict(catalog.checks)
    for id, index in changed.items():
        checks[id] = msgspec.structs.replace(checks[id], severity=told[index].severity)
    before = [
        {id: catalog.checks[id].severity for id in sorted(changed) if changed[id] == index}
        for index in range(len(told))
    ]
    report = (msgspec.structs.replace(entry, changed=was) for entry, was in zip(told, before, strict=True))
    return msgspec.structs.replace(catalog, checks=checks), tuple(report)
