"""Which checks of a catalogue a scan runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from azscan.catalog.model import AREAS, Catalog, Check
from azscan.errors import UsageError
from azscan.results import SEVERITIES
from azscan.words import did_you_mean, glob, is_glob


def select(
    catalog: Catalog,
    services: Sequence[str] = (),
    checks: Sequence[str] = (),
    severities: Sequence[str] = (),
    areas: Sequence[str] = (),
    *,
    exclude_services: Sequence[str] = (),
    exclude_checks: Sequence[str] = (),
    exclude_severities: Sequence[str] = (),
    exclude_areas: Sequence[str] = (),
) -> tuple[Check, ...]:
    """The checks that fit one name of each filter and no exclusion, sorted by id; an empty filter lets all pass.

    Services and checks may be globs, checks also former ids. A deprecated check runs only where `checks` names it.
    UsageError where a name matches nothing, or nothing is left.
    """
    wanted = _ids(catalog, checks, "check")
    unwanted = _ids(catalog, exclude_checks, "check to exclude")
    in_services = _names(catalog.services, services, "service")
    out_services = _names(catalog.services, exclude_services, "service to exclude")
    in_severities = _names(SEVERITIES, severities, "severity")
    out_severities = _names(SEVERITIES, exclude_severities, "severity to exclude")
    in_areas = _names(AREAS, areas, "area")
    out_areas = _names(AREAS, exclude_areas, "area to exclude")
    chosen = tuple(
        check
        for check in sorted(catalog.checks.values(), key=lambda one: one.id)
        if (check.id in wanted if checks else check.status != "deprecated")
        and check.id not in unwanted
        and (not services or check.service in in_services)
        and check.service not in out_services
        and (not severities or check.severity in in_severities)
        and check.severity not in out_severities
        and (not areas or check.area in in_areas)
        and check.area not in out_areas
    )
    if not chosen:
        raise UsageError(
            "no check fits all of these filters",
            hint="see them all: azscan checks list; an azscan.yaml may leave some out too",
        )
    return chosen


def find(catalog: Catalog, name: str) -> Check:
    """The check with this id or former id; UsageError with the nearest one where there is none."""
    (check,) = _ids(catalog, [name], "check", globs=False)
    return catalog.checks[check]


def _ids(catalog: Catalog, patterns: Sequence[str], what: str, *, globs: bool = True) -> frozenset[str]:
    """The ids of the checks whose id or former id fits one of the patterns."""
    names = {alias: check.id for check in catalog.checks.values() for alias in (check.id, *check.aliases)}
    found = (_fitting(names, pattern, what, globs=globs) for pattern in patterns)
    return frozenset(names[name] for some in found for name in some)


def _names(known: Iterable[str], patterns: Sequence[str], what: str) -> frozenset[str]:
    known = list(known)
    return frozenset(name for pattern in patterns for name in _fitting(known, pattern, what))


def _fitting(known: Iterable[str], pattern: str, what: str, *, globs: bool = True) -> list[str]:
    known = list(known)
    fits: Callable[[str], bool] = glob(pattern) if globs else pattern.casefold().__eq__
    found = [name for name in known if fits(name)]
    if not found:
        verb = "matches" if globs and is_glob(pattern) else "is called"
        hint = did_you_mean(pattern, known)
        if not hint and len(known) <= 12:
            hint = f"one of {', '.join(known)}"
        raise UsageError(f"no {what} {verb} {pattern}", hint=hint or "see them all: azscan checks list")
    return found
