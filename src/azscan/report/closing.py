"""The end of the table: what was not read, waived or left out, the counts, and why the exit code is what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from azscan.decisions import changes, covers
from azscan.gate import explain
from azscan.report.control_table import print_controls
from azscan.report.denied import is_denied, print_unread, reach
from azscan.report.finding import record_words, waiver_words
from azscan.report.page import Page
from azscan.results import SEVERITIES, Off, Results, SeverityOverride, Summary, Unread, Waiver
from azscan.words import count, few

_ITEMS = 10
_WAIVERS = 20
_CRITICAL = 6


def print_closing(
    page: Page,
    results: Results,
    names: Mapping[str, str],
    *,
    more: bool = False,
    example: str = "",
    critical: Sequence[str] = (),
) -> None:
    """Print everything that follows the findings; with `more`, how to see all that they left out.

    `example` says what one of the lines above means that stand for a whole check ("" where there is none), `critical`
    are the checks with critical failures.
    """
    whole = "unreadable" in page.options.show or "all" in page.options.show
    if more:
        page.heading("to see more of a finding, ID being that of its check")
        page.command("  why it matters, how to mend it: ", f"{page.options.show_check} ID")
        page.command("  every resource, whole commands: ", f"{page.options.command} --show ID")
        if example:
            page.line("  ", example, rest="    ")
        if not page.options.show:
            page.command("  all that failed: ", f"{page.options.command} --show failed")
    print_controls(page, results)
    _unread(page, results.unreadable, names, results.scan.services, whole=whole)
    _waivers(page, results.waivers)
    _off(page, results.off)
    _overrides(page, results.severity_overrides)
    _accepted(page, results)
    _left_out(page, results)
    if critical:
        page.blank()
        page.line("critical: ", (few(critical, _CRITICAL), "bold red"), rest="  ")
    _counts(page, results.summary)
    page.blank()
    _summary(page, summary_line(results.summary))
    page.line("", (explain(results.summary.gate), "bold"), rest="  ")
    page.flush()


def summary_line(summary: Summary) -> str:
    """Coverage and outcome in one line."""
    statuses = summary.statuses
    parts = [f"{statuses.get('fail', 0):,} failed"]
    if statuses.get("unreadable"):
        parts.append(f"{statuses['unreadable']:,} unreadable (see --show unreadable)")
    if statuses.get("waived"):
        parts.append(f"{statuses['waived']:,} waived")
    return f"{count(summary.resources, 'resource')}, {count(summary.checks, 'check')}: {', '.join(parts)}"


def _summary(page: Page, line: str) -> None:
    """One line; where it is too long for the page, broken after a comma."""
    rows = [""]
    for part in re.split(r"(?<=, )(?=\D*\d)", line):
        if rows[-1].strip() and len(rows[-1]) + len(part.rstrip()) > page.width:
            rows.append("  ")
        rows[-1] += part
    for row in rows:
        page.whole("", row.rstrip(), "bold")


def _unread(
    page: Page, parts: Sequence[Unread], names: Mapping[str, str], services: Sequence[str], *, whole: bool
) -> None:
    if not parts:
        return
    page.heading("not read")
    print_unread(page, parts, services)
    if whole:
        for part in parts:
            _part(page, part, names)
        return
    groups: dict[tuple[str, str, str, str, bool], list[Unread]] = {}
    for part in (each for each in parts if not is_denied(each)):
        groups.setdefault((part.service, part.collection, part.kind, part.action, part.allowed), []).append(part)
    for (service, collection, kind, action, allowed), members in list(groups.items())[:_ITEMS]:
        places = f"{reach(members)}{', accepted' if allowed else ''}"
        page.line("  ! ", (_kind(kind), "yellow"), f": {_place(service, collection)} ({places})")
        if action:
            page.line("    missing: ", action)
    page.command("  see each of them: ", f"{page.options.command} --show unreadable")
    if len(groups) > _ITEMS:
        page.line("  ", f"and {count(len(groups) - _ITEMS, 'more kind', 'more kinds')} of them")


def _part(page: Page, part: Unread, names: Mapping[str, str]) -> None:
    accepted = ", accepted" if part.allowed else ""
    place = _place(part.service, part.collection)
    page.line("  ! ", (_kind(part.kind), "yellow"), f": {place} ({reach([part])}{accepted})")
    if at := part.scope or names.get(part.subscription.lower(), part.subscription):
        page.line("    at: ", at)
    if part.action:
        page.line("    missing: ", part.action)
    if part.message:
        page.line("    azure says: ", page.cut(part.message, max(400, page.width)))
    if part.code or part.request_id:
        page.line(
            "    ", " ".join(word for word in (part.code, part.request_id and f"request {part.request_id}") if word)
        )
    page.flush()


def _waivers(page: Page, waivers: Sequence[Waiver]) -> None:
    if not waivers:
        return
    expired = [waiver for waiver in waivers if waiver.expired]
    idle = [waiver for waiver in waivers if not waiver.used and not waiver.expired]
    unused = [waiver for waiver in idle if not waiver.not_tried]
    not_tried = [waiver for waiver in idle if waiver.not_tried]
    used = [waiver for waiver in waivers if waiver.used]
    page.heading("waivers")
    untold = f", {len(not_tried):,} not tried" if not_tried else ""
    page.line("  ", f"{len(used):,} used, {len(expired):,} expired, {len(unused):,} unused{untold}")
    for state, group in (("expired", expired), ("unused", unused), ("not tried", not_tried), ("used", used)):
        if len(group) > _WAIVERS:
            page.line("  - ", f"{len(group) - _WAIVERS:,} more {state} ones stand in the JSON report")
        for waiver in group[:_WAIVERS]:
            told = f"used for {count(waiver.used, 'finding')}" if state == "used" else state
            told += f" ({waiver.not_tried})" if waiver.not_tried else ""
            page.line("  - ", (told, "bold"), f": {covers(waiver)}: {waiver_words(waiver)}")


def _off(page: Page, entries: Sequence[Off]) -> None:
    if not entries:
        return
    page.heading("switched off")
    for entry in entries:
        what = ", ".join((*entry.services, *entry.checks))
        expired = "expired, on again: " if entry.expired else ""
        page.line(
            "  - ",
            (f"{expired}{what}", "bold"),
            f": {record_words(entry.reason, entry.approved_by, entry.expires, entry.ticket)}",
        )


def _overrides(page: Page, entries: Sequence[SeverityOverride]) -> None:
    if not entries:
        return
    page.heading("of another severity than in the catalogue")
    for entry in entries:
        state = "expired: " if entry.expired else "" if entry.changed else "unused: "
        record = record_words(entry.reason, entry.approved_by, entry.expires, entry.ticket)
        was = f" ({changes(entry)})" if entry.changed else ""
        page.line("  - ", (f"{state}{', '.join(entry.checks)}: {entry.severity}", "bold"), f"{was}: {record}")


def _accepted(page: Page, results: Results) -> None:
    entries = results.scan.allowed_unreadable
    if not entries:
        return
    page.heading("accepted as unreadable")
    for entry in entries:
        state = "expired" if entry.expired else count(entry.used, "verdict")
        reason = record_words(entry.reason or "no reason on record", entry.approved_by, entry.expires, entry.ticket)
        page.line("  - ", (entry.part, "bold"), f": {state}: {reason}")


def _left_out(page: Page, results: Results) -> None:
    left_out = [each for each in results.scan.subscriptions if each.left_out]
    if left_out:
        page.heading("subscriptions left out")
        for each in left_out:
            page.line("  - ", (each.name or each.id, "bold"), f" ({each.id}): {each.left_out}")
    notes: Iterable[str] = results.scan.notes
    if notes:
        page.heading("notes")
        for note in notes:
            page.line("  - ", note)


def _counts(page: Page, summary: Summary) -> None:
    columns = (("failed", "fail"), ("unreadable", "unreadable"), ("waived", "waived"), ("passed", "pass"))
    rows = [
        (severity, [summary.severities.get(severity, {}).get(status, 0) for _, status in columns])
        for severity in SEVERITIES
    ]
    rows = [(severity, numbers) for severity, numbers in rows if any(numbers)]
    if not rows:
        return
    page.blank()
    page.line("", " " * 10 + "".join(f"{name:>13}" for name, _ in columns))
    for severity, numbers in rows:
        page.line("", f"{severity:<10}" + "".join(f"{number:>13,}" for number in numbers))


def _place(service: str, collection: str) -> str:
    """What a part belongs to: what the estate does not hold has no collection, and what all need no service."""
    return " / ".join(part for part in (service, collection) if part)


def _kind(kind: str) -> str:
    return kind.replace("_", " ")
