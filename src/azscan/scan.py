"""A scan from end to end: sign in, choose subscriptions, plan, read, assess; or assess a saved estate."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from azscan.about import FILTERS, facts_of, of_demo, scan_info, words_of, written
from azscan.assess import Assessor, Filters, Tally
from azscan.baseline import Baseline
from azscan.catalog.model import Catalog
from azscan.choosing import Choice
from azscan.collect.plan import Plan
from azscan.collect.progress import Progress
from azscan.controls import Outcome, control_results, scores
from azscan.errors import NothingDecidedError, NothingScannedError, UsageError
from azscan.estate.documents import Documents
from azscan.estate.ids import region_of
from azscan.estate.store import Estate
from azscan.gate import Allowed, GatedControl, decide
from azscan.gate import Tally as GateTally
from azscan.keeping import Say, close_broken, open_estate, remove_estate
from azscan.options import in_one
from azscan.results import ControlResult, ScanInfo
from azscan.settings import Settings, aliases_of, giver, is_from_file
from azscan.verdicts import StoredResults, summarise, unread_parts
from azscan.waivers import Looked, Waivers

if TYPE_CHECKING:
    from azscan.azure.governor import Governor, Wait

LOGGER = logging.getLogger("azscan.scan")


async def collect(
    settings: Settings,
    choice: Choice,
    environ: Mapping[str, str],
    say: Say,
    progress: Progress,
    governor: Governor | None = None,
    *,
    only_survey: bool = False,
) -> Estate:
    """Sign in and read what the chosen checks need into an estate; what was read before is not read again.

    With `only_survey` no more than what a forecast of those reads needs. `governor` stands in for the session's own,
    with a clock that it does not wait by.
    """
    from azscan.azure.clouds import discover, named
    from azscan.azure.credentials import sign_in
    from azscan.azure.network import network_from_environment
    from azscan.azure.scope import choose_subscriptions
    from azscan.azure.session import Session
    from azscan.collect.collector import Collector
    from azscan.doctor.quick import refuse_worthless

    started = written(datetime.now(UTC))
    network = network_from_environment(environ)
    if settings.cloud.startswith("https://"):
        cloud = await discover(settings.cloud, network)
    else:
        cloud = named(settings.cloud)
    signed_in = await sign_in(
        settings.auth,
        cloud,
        tenant=settings.tenant,
        client_id=settings.client_id,
        network=network,
        environ=environ,
        say=say if not settings.demo else LOGGER.debug,
    )
    if settings.demo:
        signed_in = of_demo(signed_in)
    LOGGER.info("signed in as %s, tenant %s (%s)", signed_in.who, signed_in.tenant, signed_in.kind)
    for note in signed_in.notes:
        say(f"note: {note}")
    try:
        async with Session(
            cloud,
            signed_in.credential,
            network=network,
            concurrency=settings.concurrency,
            timeout=settings.timeout,
            governor=governor,
            listener=lambda wait: _waits(progress, wait),
        ) as session:
            scope = await choose_subscriptions(
                session,
                wanted=settings.subscriptions,
                management_groups=settings.management_groups,
                excluded=settings.exclude_subscriptions,
                tenant=signed_in.tenant,
                who=signed_in.who,
            )
            for left_out in scope.left_out:
                say(f"note: {left_out}")
            for each in scope.subscriptions:
                LOGGER.info("subscription in scope: %s (%s)", each.get("displayName", ""), each["subscriptionId"])
            plan = Plan(choice.catalog, choice.checks, params_of(settings, choice.catalog))
            about = facts_of(settings, choice, cloud.name, signed_in, scope, started)
            estate = open_estate(settings, about, environ, say)
            try:
                estate.describe({"scope_reads": session.governor.requests})
                collector = Collector(
                    session,
                    estate,
                    plan,
                    scope.subscriptions,
                    tenant=signed_in.tenant,
                    principal=signed_in.object_id,
                    cloud=cloud.name,
                    concurrency=settings.concurrency,
                    progress=progress,
                )
                if not only_survey:
                    rights = await collector.learn_rights()
                    await refuse_worthless(session, signed_in, scope.subscriptions, plan, rights)
                await (collector.survey() if only_survey else collector.run())
                about = {
                    "finished": written(datetime.now(UTC)),
                    "complete": not only_survey,
                    "requests": session.governor.requests,
                }
                estate.describe(about)
            except NothingScannedError:
                # It came to its end: there is nothing to go on with.
                estate.close()
                if not settings.save_estate:
                    remove_estate(estate.path)
                raise
            except BaseException:
                progress.is_kept = close_broken(estate, settings)
                raise
            LOGGER.info(
                "%d requests; read %d of %d parts, %d unreadable",
                session.governor.requests,
                progress.done,
                progress.planned,
                progress.failed,
            )
            return estate
    finally:
        await signed_in.credential.close()


def assess(
    estate: Estate,
    settings: Settings,
    choice: Choice,
    now: datetime | None = None,
    *,
    baseline: Baseline | None = None,
) -> StoredResults:
    """Hold the chosen checks against an estate; the results stream from it.

    Dates, waivers and what else expires are judged at the time given (by default the present). Failures that stand in
    the `baseline` do not fail the gate; where it does not fit, the results' notes say so.
    Raises UsageError where a filter matches no resource although all of them could be read.
    """
    catalog = choice.catalog
    now = now or datetime.now(UTC)
    params = params_of(settings, catalog)
    plan = Plan(catalog, choice.checks, params)
    owners = [each["id"] for each in estate.about("subscriptions", [])]
    waivers = Waivers(settings.waivers, now.date(), aliases_of(catalog))
    filters = _filters(settings)
    documents = Documents(estate, catalog, owners, plan.names)
    tally = Assessor(
        estate,
        catalog,
        documents,
        choice.checks,
        owners=owners,
        now=now,
        params=params,
        filters=filters,
        match=waivers.match if settings.waivers else None,
        is_known=baseline.knows if baseline is not None else None,
    ).run()
    if tally.filtered and not tally.chosen:
        raise _none_fits(settings)
    allowed = Allowed(settings.allow_unreadable, now.date(), aliases_of(catalog))
    controls = _controls(choice, tally)
    gate = decide(
        _gate_tallies(catalog, tally),
        settings.fail_on,
        allowed,
        proven_empty=bool(estate.about("complete", False)) and not any(estate.failed_reads()),
        controls=_gated(choice, controls),
        baseline=baseline.path if baseline is not None else "",
    )
    looked = Looked(
        checks=frozenset(check.id for check in choice.checks),
        unread=frozenset(check for check, status, _ in tally.counts if status == "unreadable"),
        subscriptions=frozenset(owners),
        is_filtered=tally.filtered,
    )
    is_short = any(kind == "not_collected" for _, _, kind in tally.counts)
    scan = scan_info(estate, settings, choice, allowed.report(), now, is_short=is_short)
    return StoredResults(
        estate=estate,
        catalog=catalog,
        scan=_with_notes(scan, baseline),
        summary=summarise(catalog, choice.checks, tally, gate),
        unreadable=unread_parts(estate, catalog, tally, plan.checks_of, allowed.covers_part),
        waivers=waivers.report(looked),
        off=choice.off,
        severity_overrides=choice.overrides,
        frameworks=choice.mapped.frameworks,
        controls=controls,
        scores=scores(choice.mapped.frameworks, controls),
        controls_of=choice.mapped.controls,
        shell="powershell" if settings.shell == "powershell" else "posix",
        is_known=baseline.knows if baseline is not None else None,
    )


def _with_notes(scan: ScanInfo, baseline: Baseline | None) -> ScanInfo:
    """The scan with notes of where the baseline does not fit it."""
    if baseline is None:
        return scan
    return msgspec.structs.replace(scan, notes=(*scan.notes, *baseline.misfits(scan, scan.check_ids)))


def params_of(settings: Settings, catalog: Catalog) -> dict[str, dict[str, Any]]:
    """The parameters of azscan.yaml by the present ids of their checks; what stands under the present id wins."""
    current = {old: check for check, olds in aliases_of(catalog).items() for old in olds}
    found: dict[str, dict[str, Any]] = {}
    for name, values in sorted(settings.params.items(), key=lambda each: each[0] in catalog.checks):
        found.setdefault(name if name in catalog.checks else current.get(name, name), {}).update(values)
    return found


def _waits(progress: Progress, wait: Wait) -> None:
    if wait.reads and wait.who not in progress.waiting:
        LOGGER.info("throttled: %s waits %.1f s", wait.who, wait.seconds)
    progress.wait(wait.who, wait.seconds if wait.reads else 0.0)


def _filters(settings: Settings) -> Filters:
    tags = [tag.partition("=") for tag in settings.tags]
    return Filters(
        regions=frozenset(region_of(region) for region in settings.regions),
        resource_groups=frozenset(group.lower() for group in settings.resource_groups),
        tags=tuple((name.strip(), value.strip() if equals else None) for name, equals, value in tags),
    )


def _none_fits(settings: Settings) -> UsageError:
    """The error for filters that no resource fits, with who gave them: an option, a variable, or a line of the file."""
    given, hints = [], []
    for key, word in words_of(settings, FILTERS):
        given.append(f"{giver(settings, key.name) if key.name in settings.sources else key.option} {word}")
        hints.append(in_one(key.name, word, in_file=is_from_file(settings, key.name)))
    hint = next(filter(None, hints), "check the spelling; names are compared in any case")
    return UsageError(f"no resource matches {', '.join(given)}", hint=hint)


def _gate_tallies(catalog: Catalog, tally: Tally) -> list[GateTally]:
    return [
        GateTally(
            check=check,
            service=catalog.checks[check].service,
            severity=catalog.checks[check].severity,
            status=status,
            count=count,
            kinds=(kind,) if kind else (),
            known=tally.known[check] if status == "fail" else 0,
        )
        for (check, status, kind), count in tally.counts.items()
    ]


def _controls(choice: Choice, tally: Tally) -> tuple[ControlResult, ...]:
    outcomes = {check.id: Outcome(check.severity) for check in choice.checks}
    for (check, status, _), count in tally.counts.items():
        outcomes[check].counts[status] += count
    deprecated = {check.id for check in choice.catalog.checks.values() if check.status == "deprecated"}
    return control_results(choice.mapped.frameworks, outcomes, choice.switched_off, deprecated)


def _gated(choice: Choice, controls: Sequence[ControlResult]) -> list[GatedControl]:
    checks = {each.key: each.checks for each in choice.mapped.frameworks}
    return [
        GatedControl(
            each.name,
            each.status,
            checks[each.framework][each.control],
            choice.switched_off.issuperset(each.not_run),
        )
        for each in controls
        if each.name in choice.gated
    ]


def check_something_was_read(results: StoredResults) -> None:
    """Raises NothingDecidedError where not one verdict is readable: such a report would prove nothing."""
    if results.summary.gate.exit_code == NothingScannedError.exit_code:
        blamed = [part for part in results.unreadable if part.verdicts]
        causes = sorted({f"{part.kind} ({part.action or part.collection})" for part in blamed})
        hint = "no resource of a selected check was found"
        if causes:
            hint = f"what stood in the way: {'; '.join(causes[:5])}; --show unreadable tells more"
        raise NothingDecidedError("nothing could be decided: not one verdict is readable", hint=hint)
