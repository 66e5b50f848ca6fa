"""Which checks of a catalogue a scan runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from azscan.catalog.model import AREAS, Catalog, Check
from azscan.errors import Misfit, MisfitError, UsageError
from azscan.results import SEVERITIES
from azscan.words import did_you_mean, glob, is_glob


class Step(NamedTuple):
    """One filter: the key of the option that it stands for, and which checks it lets pass."""

    name: str
    fits: Callable[[Check], bool]


def select(
    catalog: Catalog,
    services: Sequence[str] = (),
    checks: Sequence[str] = (),
    severities: Sequence[str] = (),
    areas: Sequence[str] = (),
    **excluded: Sequence[str],
) -> tuple[Check, ...]:
    """The checks that fit one name of each filter and no exclusion, sorted by id; an empty filter lets all pass.

    Services and checks may be globs, checks also former ids. A deprecated check runs only where `checks` names it.
    The exclusions are those of `steps`. UsageError where a name matches nothing, or nothing is left.
    """
    found = steps(catalog, services=services, checks=checks, severities=severities, areas=areas, **excluded)
    chosen = tuple(
        check
        for check in sorted(catalog.checks.values(), key=lambda one: one.id)
        if (checks or check.status != "deprecated") and all(step.fits(check) for step in found)
    )
    if not chosen:
        raise UsageError("no check fits all of these filters", hint="see them all: azscan checks list")
    return chosen


def steps(
    catalog: Catalog,
    *,
    services: Sequence[str] = (),
    checks: Sequence[str] = (),
    severities: Sequence[str] = (),
    areas: Sequence[str] = (),
    exclude_services: Sequence[str] = (),
    exclude_checks: Sequence[str] = (),
    exclude_severities: Sequence[str] = (),
    exclude_areas: Sequence[str] = (),
) -> list[Step]:
    """The filters that are not empty, what chooses before what excludes. MisfitError where a name matches nothing."""
    ids = {alias: check.id for check in catalog.checks.values() for alias in (check.id, *check.aliases)}
    kinds: tuple[tuple[str, Iterable[str], Sequence[str], Sequence[str], Callable[[Check], str]], ...] = (
        ("service", catalog.services, services, exclude_services, lambda check: check.service),
        ("check", ids, checks, exclude_checks, lambda check: check.id),
        ("severity", SEVERITIES, severities, exclude_severities, lambda check: check.severity),
        ("area", AREAS, areas, exclude_areas, lambda check: check.area),
    )
    wanted, unwanted = [], []
    for what, known, names, excluded, of in kinds:
        key = _PLURALS[what]
        if names:
            fitting = {ids.get(name, name) for name in _names(known, names, what, key)}
            wanted.append(Step(key, partial(_is_one, fitting, of)))
        if excluded:
            fitting = {ids.get(name, name) for name in _names(known, excluded, f"{what} to exclude", f"exclude-{key}")}
            unwanted.append(Step(f"exclude-{key}", partial(_is_none, fitting, of)))
    return wanted + unwanted


_PLURALS = {"service": "services", "check": "checks", "severity": "severities", "area": "areas"}


def _is_one(names: Collection[str], of: Callable[[Check], str], check: Check) -> bool:
    return of(check) in names


def _is_none(names: Collection[str], of: Callable[[Check], str], check: Check) -> bool:
    return of(check) not in names


def find(catalog: Catalog, name: str) -> Check:
    """The check with this id or former id; UsageError with the nearest one where there is none."""
    ids = {alias: check.id for check in catalog.checks.values() for alias in (check.id, *check.aliases)}
    (found,) = _fitting(ids, name, "check", "checks", globs=False)
    return catalog.checks[ids[found]]


def _names(known: Iterable[str], patterns: Sequence[str], what: str, key: str) -> frozenset[str]:
    known = list(known)
    return frozenset(name for pattern in patterns for name in _fitting(known, pattern, what, key))


def _fitting(known: Iterable[str], pattern: str, what: str, key: str, *, globs: bool = True) -> list[str]:
    known = list(known)
    fits: Callable[[str], bool] = glob(pattern) if globs else pattern.casefold().__eq__
    found = [name for name in known if fits(name)]
    if not found:
        verb = "matches" if globs and is_glob(pattern) else "is called"
        hint = did_you_mean(pattern, known)
        if not hint and len(known) <= 12:
            hint = f"one of {', '.join(known)}"
        raise MisfitError(
            key, [Misfit(pattern, f"no {what} {verb} {pattern}", hint or "see them all: azscan checks list")]
        )
    return found
