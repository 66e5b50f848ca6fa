"""The table: what people read on a terminal, grouped by service and severity, failing first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import BinaryIO

from azscan.report import Options
from azscan.report.closing import print_closing
from azscan.report.finding import CheckBlock, picked, print_brief
from azscan.report.known import Known
from azscan.report.labels import subscription_names
from azscan.report.page import Page
from azscan.results import DEMO, SEVERITIES, SEVERITY_RANK, Results, Severity, Status, Verdict
from azscan.words import count, glob


def write_table(results: Results, stream: BinaryIO, options: Options) -> None:
    """Write what --show asks for, one check after the other, then what was not read, and the summary."""
    page = Page(stream, options)
    names = subscription_names(results.scan)
    statuses, checks = picked(options)
    fits = [glob(pattern) for pattern in checks]
    _print_head(page, results)
    shortened = False
    example = ""
    critical: dict[str, None] = {}
    # Where --show says nothing, what the gate is about is told in full; a gate that never fails has the usual bar.
    gate = SEVERITY_RANK.get(results.summary.gate.fail_on, SEVERITY_RANK["high"])
    bar = len(SEVERITIES) if options.show else gate
    known = Known(is_named=lambda check: any(fit(check) for fit in fits))
    chosen = known.left_out_of(_chosen(results, statuses, checks))
    for service, group in groupby(chosen, lambda verdict: verdict.service):
        page.rule(service)
        for (check, severity, status), verdicts in groupby(group, _block):
            if (severity, status) == ("critical", "fail"):
                critical[check] = None
            if SEVERITY_RANK[severity] > bar:
                told = print_brief(page, verdicts)
                example = example or told
                shortened = True
                continue
            whole = any(fit(check) for fit in fits)
            CheckBlock(page, results, names, whole=whole).print(verdicts)
            shortened |= not whole
    known.print(page, results.summary.gate.baseline, listed="fail" in statuses and bool(options.show))
    print_closing(page, results, names, more=shortened, example=example, critical=tuple(critical))


def _block(verdict: Verdict) -> tuple[str, Severity, Status]:
    return verdict.check, verdict.severity, verdict.status


def _chosen(results: Results, statuses: Sequence[Status], checks: Sequence[str]) -> Iterator[Verdict]:
    if not checks:
        return results.verdicts(*statuses)
    fits = [glob(pattern) for pattern in checks]
    return (
        verdict
        for verdict in results.verdicts()
        if verdict.status in statuses or any(fit(verdict.check) for fit in fits)
    )


def _print_head(page: Page, results: Results) -> None:
    scan = results.scan
    scanned = sum(not each.left_out for each in scan.subscriptions)
    scope = f"{count(scanned, 'subscription')} of tenant {scan.tenant} in {scan.cloud}"
    if DEMO in scan.notes:
        page.line("", (DEMO, "bold yellow"), rest="  ")
    page.line("", f"azscan {scan.version}: {scope}, read as {scan.identity} at {scan.started}", rest="  ")
    if scan.filters:
        page.line("filters: ", ", ".join(scan.filters))
