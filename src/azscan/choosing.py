"""What a scan is to decide: the checks and controls that the settings choose, or all that speaks against them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from azscan.azure.answers import FAULT_KINDS
from azscan.catalog.load import load
from azscan.catalog.model import Catalog, Check
from azscan.catalog.select import Step, steps
from azscan.config import CONFIG_NAME, Config, ConfigError
from azscan.errors import AzscanError, MisfitError, SourceFault, UsageError
from azscan.frameworks import Mapped, choose, narrowed
from azscan.results import Off, SeverityOverride
from azscan.settings import (
    Settings,
    aliases_of,
    blamed,
    check_accepted,
    giver,
    is_from_file,
    load_config,
    name_faults,
    named_config,
    resolve,
    show_misfits,
)
from azscan.severities import override
from azscan.waivers import SwitchedOff
from azscan.words import count


@dataclass(frozen=True)
class Choice:
    """What a scan is to decide: the checks, what the team switched off, and the frameworks to report on.

    `catalog` and `checks` have the severities that count; `overrides` say which the team changed, `declared` is the
    catalogue without them. `deprecated` are the ids of checks that would fit, but are left out because nobody named
    them; `switched_off` those that the team switched off; `gated` the controls ("framework:control") that
    --fail-on-control names.
    """

    catalog: Catalog
    checks: tuple[Check, ...]
    off: tuple[Off, ...]
    mapped: Mapped
    deprecated: tuple[str, ...] = ()
    switched_off: frozenset[str] = frozenset()
    gated: tuple[str, ...] = ()
    overrides: tuple[SeverityOverride, ...] = ()
    declared: Catalog | None = None


def choose_checks(settings: Settings, catalog: Catalog, today: date | None = None) -> Choice:
    """The checks that the settings select, without those that are switched off; UsageError where none is left.

    They are selected by the severities that count, which azscan.yaml may have changed. What the team decided counts as
    it stands on the day given (by default today). An error names the option, the variable or the line of azscan.yaml
    (ConfigError) that it is about.
    """
    try:
        return _choice(settings, catalog, today or datetime.now(UTC).date())
    except MisfitError as error:
        raise blamed(settings, error) from None


def _choice(settings: Settings, declared: Catalog, today: date) -> Choice:
    catalog, overrides = override(declared, settings.severity_overrides, today)
    mapped = choose(narrowed(catalog.frameworks, settings.frameworks, settings.controls), settings.frameworks)
    filters = _filters(settings, catalog)
    if settings.frameworks:
        filters.append(Step("frameworks", lambda check: check.id in mapped.checks))
    named = [check for _, check in sorted(catalog.checks.items()) if settings.checks or check.status != "deprecated"]
    selected = _fitting(filters, named)
    decisions = SwitchedOff(settings.off, today, aliases_of(catalog))
    off = {check.id: decisions.match(check.id, check.service) for check in selected}
    left = tuple(check for check in selected if off[check.id] is None)
    gated: tuple[str, ...] = ()
    problems: list[UsageError] = []
    try:
        gated = mapped.named(settings.fail_on_control)
    except MisfitError as error:
        problems.append(blamed(settings, error))
    if not left:
        problems.append(_none_left(settings, mapped, named, filters, off))
    if problems:
        raise _first_or_all(problems)
    return Choice(
        catalog=catalog,
        checks=left,
        off=decisions.entries,
        mapped=mapped,
        deprecated=_deprecated(settings, catalog),
        switched_off=frozenset(id for id, index in off.items() if index is not None),
        gated=gated,
        overrides=overrides,
        declared=declared,
    )


def _filters(settings: Settings, catalog: Catalog) -> list[Step]:
    return steps(
        catalog,
        services=settings.services,
        checks=settings.checks,
        severities=settings.severities,
        areas=settings.areas,
        exclude_services=settings.exclude_services,
        exclude_checks=settings.exclude_checks,
        exclude_severities=settings.exclude_severities,
        exclude_areas=settings.exclude_areas,
    )


def _fitting(filters: Sequence[Step], checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if all(step.fits(check) for step in filters)]


def _deprecated(settings: Settings, catalog: Catalog) -> tuple[str, ...]:
    """The ids of those that would be selected were they named."""
    if settings.checks:
        return ()
    checks = [check for _, check in sorted(catalog.checks.items()) if check.status == "deprecated"]
    return tuple(check.id for check in _fitting(_filters(settings, catalog), checks))


def _none_left(
    settings: Settings, mapped: Mapped, checks: Sequence[Check], filters: Sequence[Step], off: Mapping[str, int | None]
) -> UsageError:
    """The error that tells who took the checks, one after the other, until none was left.

    `off` has the index of the entry that switches off each check that fits the filters.
    """
    takers: list[tuple[tuple[str | int, ...], str, Callable[[Check], bool]]] = [
        ((step.name,), _taker(settings, step.name), step.fits) for step in filters
    ]
    for index, entry in enumerate(settings.off):
        words = f"off in {entry.source or CONFIG_NAME} ({entry.reason})"
        takers.append((("off", index), words, partial(_is_not_of, off, index)))
    told: list[str] = []
    left, is_of_file, last = checks, True, takers[-1][0] if takers else ()
    for keys, words, fits in takers:
        kept = [check for check in left if fits(check)]
        if len(kept) < len(left):
            left = kept
            told.append(f"{words} leaves {len(kept) or 'none'}")
            is_of_file = is_of_file and (keys[0] == "off" or is_from_file(settings, str(keys[0])))
            last = keys
    hint = f"of {count(len(checks), 'check')}, {', '.join(told)}"
    if settings.frameworks and not mapped.checks:
        hint += f"; no check decides what was chosen; see why: azscan frameworks show {settings.frameworks[0]}"
    message = "no check is left to run"
    if told and is_of_file and settings.file is not None:
        return ConfigError([settings.file.fault(last, message, hint)])
    return UsageError(message, hint=hint if told else "see what there is: azscan checks list")


def _taker(settings: Settings, name: str) -> str:
    who = giver(settings, name)
    words = getattr(settings, name.replace("-", "_"))
    return who if is_from_file(settings, name) else f"{who} {', '.join(words)}"


def _first_or_all(problems: Sequence[UsageError]) -> UsageError:
    """What an option or a variable did; where it was the file alone, all of its faults."""
    faults: list[SourceFault] = []
    for each in problems:
        if not isinstance(each, ConfigError):
            return each
        faults += each.faults
    return ConfigError(sorted(faults))


def _is_not_of(off: Mapping[str, int | None], index: int, check: Check) -> bool:
    return off.get(check.id) != index


def judge(config: Config, settings: Settings, catalog: Catalog) -> Choice:
    """The choice of a command with these settings, some of which the file gave.

    Raises ConfigError with all that speaks against the file at once: names, parameters, controls, and where it alone
    leaves no check; UsageError where an option or a variable is wrong.
    """
    faults = name_faults(config, catalog, FAULT_KINDS)
    try:
        check_accepted(settings, catalog, FAULT_KINDS)
        choice = choose_checks(settings, catalog)
    except ConfigError as error:
        raise ConfigError(joined(faults, error.faults)) from None
    except UsageError:
        if not faults:
            raise
    if faults:
        raise ConfigError(sorted(faults))
    return choice


def check_show(settings: Settings, choice: Choice) -> None:
    """Raises UsageError for a word that was given to --show, or its variable, and names nothing that is run.

    What azscan.yaml shows is meant for all scans: a check that this one leaves out is no fault there.
    """
    misfits = show_misfits(settings.show, (check.id for check in choice.checks))
    if misfits and not is_from_file(settings, "show"):
        raise blamed(settings, MisfitError("show", misfits))


def configuration(given: Mapping[str, Any], environ: Mapping[str, str], *, file: str = "") -> Config:
    """What load_config gives for `file`, or else for what the option or its variable names.

    Its ConfigError has what the catalogue says to the sound part of the file besides.
    `given` and `environ` are those that the command resolves its settings from.
    """
    named, giver = (file, "") if file else named_config(given, environ)
    try:
        return load_config(named, giver=giver)
    except ConfigError as error:
        if error.config is None:
            raise
        raise ConfigError(joined(error.faults, _further_faults(error.config, given, environ))) from None


def _further_faults(config: Config, given: Mapping[str, Any], environ: Mapping[str, str]) -> Sequence[SourceFault]:
    try:
        settings = resolve(given, environ, config)
        judge(config, settings, load(settings.checks_dir, settings.mappings_dir))
    except ConfigError as more:
        return more.faults
    except AzscanError:
        pass
    return ()


def joined(first: Sequence[SourceFault], more: Sequence[SourceFault]) -> list[SourceFault]:
    """Both, sorted; of `more` only those at places where the first find nothing."""
    places = {(fault.line, fault.column) for fault in first}
    return sorted([*first, *(fault for fault in more if (fault.line, fault.column) not in places)])
