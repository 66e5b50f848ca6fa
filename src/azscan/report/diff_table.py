"""The comparison of two results as people read it: each kind of difference, check by check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby, islice

from azscan.compare import KINDS, Comparison, Difference, Kind, Outcome
from azscan.compare.sides import is_list
from azscan.report.finding import LABELS, place_of
from azscan.report.labels import subscription_names
from azscan.report.page import Page
from azscan.report.text import count

PER_CHECK = 10
LONGEST = 300

_TITLES: Mapping[Kind, str] = {
    "new": "new failures",
    "unreadable": "no longer readable, or never read",
    "changed": "changed",
    "solved": "solved",
    "gone": "gone",
    "not-compared": "not compared",
}


def print_comparison(page: Page, old: str, new: str, comparison: Comparison) -> None:
    """Print the differences; `old` and `new` are the files as they were named."""
    scans = comparison.scans
    for lead, file, scan in (("old: ", old, scans[0]), ("new: ", new, scans[1])):
        scanned = count(sum(not each.left_out for each in scan.subscriptions), "subscription")
        page.line(lead, f"{file}: {scanned} of tenant {scan.tenant}, read as {scan.identity} at {scan.started}")
    for note in comparison.notes:
        page.line("note: ", note)
    names = {**subscription_names(scans[0]), **subscription_names(scans[1])}
    for kind, group in groupby(comparison.differences(), lambda each: each.kind):
        page.rule(f"{_TITLES[kind]}: {sum(comparison.counts[kind].values()):,}")
        for _, members in groupby(group, lambda each: (each.check, each.severity)):
            _check(page, members, names)
        page.flush()
    _closing(page, comparison)


def _check(page: Page, members: Iterable[Difference], names: Mapping[str, str]) -> None:
    rest = iter(members)
    few = list(islice(rest, PER_CHECK))
    first = few[0]
    label, style = LABELS[first.now or "not-applicable"] if first.kind != "gone" else ("gone", "dim")
    if first.kind == "not-compared":
        label, style = "not compared", "dim"
    page.line("", (f"{label}[{first.check}]", style), f" ({first.severity})")
    page.line("  expected: " if first.now in ("fail", "waived") else "  ", (first.title, "bold"))
    for told, alike in groupby(few, _told):
        for each in alike:
            page.line("  --> ", (place_of(page, each.resource, names), "bold"))
        page.line("   = ", page.head(told, LONGEST))
    if more := sum(1 for _ in rest):
        page.line("   = ", f"and {more:,} more: --format json tells them all")


_BEFORE = {"": "no verdict", "fail": "failed", "pass": "passed"}
_NOW = {"fail": "fails", "pass": "passes"}


def _told(each: Difference) -> str:
    """What the finding was and is, and why."""
    told = f"{_BEFORE.get(each.was, each.was)} before"
    if is_list(each.resource):
        told = "the list of them " + ("could not be read before" if each.was else "cannot be read")
    elif each.now and each.was != each.now and each.kind != "new":
        told += f", {_NOW.get(each.now, each.now)} now"
    return f"{told}: {each.why}" if each.why else told


def _closing(page: Page, comparison: Comparison) -> None:
    numbers = [f"{sum(comparison.counts[kind].values()):,} {kind.replace('-', ' ')}" for kind in KINDS]
    same = comparison.unchanged
    page.blank()
    page.line("", (", ".join(numbers), "bold"), rest="  ")
    page.line("", f"as before: {same['fail']:,} failed, {same['unreadable']:,} unreadable, {same['waived']:,} waived")
    page.line("", (explain(comparison.outcome), "bold"), rest="  ")


def explain(outcome: Outcome) -> str:
    """Why the comparison ends with its exit code, in one line without a full stop."""
    bar = f"at or above {outcome.fail_on}"
    undecided = f"{count(outcome.undecided, 'verdict')} {bar} became unreadable"
    if outcome.exit_code == 3:
        why = "not one verdict of the new results is readable, so nothing is proven"
    elif outcome.failed:
        why = f"{count(outcome.failed, 'new failure')} {bar}" + (f"; {undecided}" if outcome.undecided else "")
    elif outcome.undecided:
        why = f"no new failure {bar}, but {undecided}"
    elif outcome.fail_on == "never":
        why = "no gate was asked for (--fail-on never)"
    else:
        why = f"no new failure {bar}"
    return f"exit code {outcome.exit_code}: {why}"
