"""The comparison of two results as people read it: each kind of difference, check by check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby, islice

from azscan.compare import KINDS, Comparison, Difference, Kind, Outcome
from azscan.compare.sides import is_list
from azscan.report.finding import LABELS, place_of
from azscan.report.labels import expected_of, subscription_names, told
from azscan.report.page import Page
from azscan.report.text import visible
from azscan.results import Evidence
from azscan.words import count

PER_CHECK = 10
FACTS = 3
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
        if kind == "not-compared":
            # The last kind, and not told one by one: there may be thousands.
            _not_compared(page, comparison.not_compared)
            break
        for _, members in groupby(group, lambda each: (each.check, each.severity)):
            _check(page, members, names)
        page.flush()
    _closing(page, comparison)


def _check(page: Page, members: Iterable[Difference], names: Mapping[str, str]) -> None:
    rest = iter(members)
    few = list(islice(rest, PER_CHECK))
    first = few[0]
    label, style = LABELS[first.now or "not-applicable"] if first.kind != "gone" else ("gone", "dim")
    page.line("", (f"{label}[{first.check}]", style), f" ({first.severity})")
    page.line("  expected: " if first.now in ("fail", "waived") else "  ", (first.title, "bold"))
    for (became, facts), alike in groupby(few, lambda each: (_told(each), _facts(each))):
        for each in alike:
            page.line("  --> ", (place_of(page, each.resource, names), "bold"))
        for fact in facts[:FACTS]:
            page.line("   | ", page.head(fact, LONGEST))
        if len(facts) > FACTS:
            page.line("   | ", f"and {len(facts) - FACTS:,} more")
        page.line("   = ", page.head(became, LONGEST))
    if first.kind == "new":
        page.command("   = why and how to mend it: ", f"{page.options.show_check} {first.check}")
    if more := sum(1 for _ in rest):
        page.line("   = ", f"and {more:,} more: --format json tells them all")


def _not_compared(page: Page, reasons: Mapping[str, int]) -> None:
    """One line for each reason: where another selection was scanned, thousands of findings share it."""
    for why, number in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
        page.line("  ", (f"{number:,} x ", "bold"), page.head(why, LONGEST), rest="    ")
    page.line("   = ", "--format json tells them all")


def _facts(each: Difference) -> tuple[str, ...]:
    """The evidence of a failure in short: what was expected and sent, or what was sent before and now."""
    if not each.evidence_before:
        return tuple(
            f"{visible(leaf.path)}   expected {visible(expected_of(leaf, brief=True))}   actual {_sent(leaf)}"
            for leaf in each.evidence
        )
    # Leaves that say the same on both sides explain nothing.
    old, new = ({(leaf.path, _sent(leaf)): leaf for leaf in side} for side in (each.evidence_before, each.evidence))
    before, now = ([old[key] for key in old if key not in new], [new[key] for key in new if key not in old])
    paths = dict.fromkeys(leaf.path for leaf in (*before, *now))
    return tuple(f"{visible(path)}   was {_at(path, before)}   now {_at(path, now)}" for path in paths)


def _at(path: str, leaves: Iterable[Evidence]) -> str:
    """What Azure sent at a path, among the leaves that differ."""
    return ", ".join(_sent(leaf) for leaf in leaves if leaf.path == path) or "not the reason"


def _sent(leaf: Evidence) -> str:
    actual = told(leaf)
    return visible(", ".join(actual) if isinstance(actual, list) else actual)


_BEFORE = {"": "no verdict", "fail": "failed", "pass": "passed"}
_NOW = {"fail": "fails", "pass": "passes"}


def _told(each: Difference) -> str:
    """What the finding was and is, and why."""
    became = f"{_BEFORE.get(each.was, each.was)} before"
    if is_list(each.resource):
        became = "the list of them " + ("could not be read before" if each.was else "cannot be read")
    elif each.now and each.was != each.now and each.kind != "new":
        became += f", {_NOW.get(each.now, each.now)} now"
    return f"{became}: {each.why}" if each.why else became


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
