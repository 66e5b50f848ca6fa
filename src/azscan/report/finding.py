"""How the table shows what one check found: the check once, then each resource with its evidence and fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from rich.cells import cell_len

from azscan.report import Options
from azscan.report.known import IN_BASELINE
from azscan.report.labels import alternative_of, expected_of, told
from azscan.report.page import Page, Piece
from azscan.report.text import visible
from azscan.results import Evidence, ResourceRef, Results, Status, Verdict, Waiver
from azscan.words import count

LABELS: Mapping[Status, tuple[str, str]] = {
    "fail": ("error", "bold red"),
    "unreadable": ("unreadable", "bold yellow"),
    "waived": ("waived", "bold cyan"),
    "pass": ("passed", "bold green"),
    "not-applicable": ("not applicable", "dim"),
}
_LEAVES = 3
_ENTRIES = 5
_LONGEST = 2000
# The least of a path that is shown of one too long for its line.
_NARROWEST = 18
_ARM_ID = re.compile(r"/(?:subscriptions|providers)/[^\s'\"]+", re.IGNORECASE)
_MORE = re.compile(r"… of (\d+) items")
_NOTE = "   = "
_BAR = "   | "
_OR = "  or "


class CheckBlock:
    """Prints the verdicts of one check that came out alike. With `whole`, all of them, with all that is known."""

    def __init__(self, page: Page, results: Results, names: Mapping[str, str], *, whole: bool) -> None:
        self._page = page
        self._waivers = results.waivers
        self._overrides = results.severity_overrides
        self._names = names
        self._whole = whole
        self._printed: set[str] = set()

    def print(self, verdicts: Iterator[Verdict]) -> None:
        """Print the first few verdicts (or all), then how many more there are and how to see them."""
        first = next(verdicts)
        self._head(first)
        if self._whole:
            for verdict in chain((first,), verdicts):
                self._place_line(verdict)
                self._about([verdict])
                self._page.flush()
            self._closing(first, 0)
            return
        few = [first, *islice(verdicts, self._page.options.per_check - 1)]
        for _, group in groupby(few, _alike):
            members = list(group)
            for verdict in members:
                self._place_line(verdict)
            self._about(members)
        self._closing(first, sum(1 for _ in verdicts))

    def _head(self, first: Verdict) -> None:
        page = self._page
        label, style = LABELS[first.status]
        url = self._url(first) if page.options.terminal else ""
        if self._whole:
            page.blank()
        page.line("", (f"{label}[{first.check}]", style), f" ({self._severity(first)})", link=url)
        # A title says what holds where the check passes.
        lead = "  expected: " if first.status in ("fail", "waived") else "  "
        page.line(lead, (first.title, "bold"))

    def _severity(self, verdict: Verdict) -> str:
        """The severity that counts, with that of the catalogue where it is another."""
        if verdict.override is None:
            return verdict.severity
        return f"{verdict.severity} instead of {self._overrides[verdict.override].changed[verdict.check]}"

    def _place_line(self, verdict: Verdict) -> None:
        self._page.line("  --> ", (place_of(self._page, verdict.resource, self._names), "bold"))
        if self._whole:
            self._page.line(_NOTE + "id: ", verdict.resource.id)
        if verdict.resource.managed_by:
            self._page.line(_NOTE + "managed by: ", self._page.cut(verdict.resource.managed_by, self._page.width - 17))

    def _about(self, members: Sequence[Verdict]) -> None:
        """Print once what is the same for the members, then the commands that mend them."""
        verdict = members[0]
        if self._whole or verdict.status != "pass":
            self._evidence(verdict)
        if verdict.status == "waived" and verdict.waiver is not None:
            self._page.line(_NOTE + "waived: ", waiver_words(self._waivers[verdict.waiver]))
        elif verdict.reason and not self._goes_without_saying(verdict):
            self._page.line(_NOTE + ("why: " if verdict.status == "unreadable" else "note: "), verdict.reason)
        if verdict.known:
            self._page.line(_NOTE, IN_BASELINE)
        for each in members:
            if each.status == "fail" and each.fix and each.fix.cli:
                self._command(each, each.fix.cli)

    def _goes_without_saying(self, verdict: Verdict) -> bool:
        """True where the reason only repeats the evidence: that something is absent."""
        shown = verdict.evidence[:_LEAVES]
        return not self._whole and verdict.status == "fail" and any(leaf.present is False for leaf in shown)

    def _evidence(self, verdict: Verdict) -> None:
        leaves = verdict.evidence if self._whole else verdict.evidence[:_LEAVES]
        hidden = len(verdict.evidence) - len(leaves)
        facts = [_Fact.of(leaf, brief=not self._whole) for leaf in leaves]
        column = max((cell_len(fact.path) for fact in facts), default=0)
        before = 0
        for fact in facts:
            # Of alternatives one would do.
            self._fact(fact, column, _OR if 0 < before < fact.alternative else _BAR)
            before = fact.alternative
        if hidden:
            self._page.line(_BAR, f"and {hidden} more")
        if self._whole:
            for url, api, at in dict.fromkeys((leaf.url, leaf.api, leaf.read_at) for leaf in leaves if leaf.url):
                self._page.line(_NOTE + "read: ", f"{url} (api {api}, {at})")

    def _fact(self, fact: _Fact, column: int, lead: str) -> None:
        """One piece of evidence: on one line where it fits, its path shortened if need be, else on two."""
        page, room = self._page, self._page.width - len(_BAR)
        beside = 22 + cell_len(fact.expected) + cell_len(fact.actual)
        is_short = not fact.entries or (beside <= room and not self._whole)
        is_cut = is_short and not self._whole and room - beside >= _NARROWEST
        if is_short and max(column, cell_len(fact.path)) + beside <= room:
            self._line(fact, fact.path + " " * (column - cell_len(fact.path)), lead)
        elif is_cut and (path := page.path(fact.path, room - beside)):
            self._line(fact, path, lead)
        else:
            self._lines(fact, _LONGEST if self._whole else room - 11, lead)

    def _line(self, fact: _Fact, path: str, lead: str) -> None:
        self._page.line(lead, path, f"   expected {fact.expected}   actual ", (fact.actual, "bold"))

    def _lines(self, fact: _Fact, room: int, lead: str) -> None:
        page = self._page
        wide = page.width - len(_BAR)
        path = fact.path if self._whole else page.path(fact.path, wide) or page.cut(fact.path, wide)
        is_beside = not (fact.entries or self._whole) and cell_len(path) + 10 + cell_len(fact.actual) <= room + 11
        beside: list[Piece] = ["   actual ", (fact.actual, "bold")] if is_beside else []
        page.line(lead, path, *beside)
        page.line(_BAR + "  expected ", page.cut(fact.expected, room), rest=_BAR + "    ")
        if fact.entries:
            self._entries(fact.entries, room)
        elif not is_beside:
            page.line(_BAR + "  actual   ", (page.cut(fact.actual, room), "bold"), rest=_BAR + "    ")

    def _entries(self, entries: Sequence[str], room: int) -> None:
        """The entries of a list, one on each line."""
        total = len(entries)
        if cut := _MORE.fullmatch(entries[-1]):
            entries, total = entries[:-1], int(cut[1])
        few = entries if self._whole else entries[:_ENTRIES]
        for number, entry in enumerate(few):
            lead = "           " if number else "  actual   "
            self._page.line(_BAR + lead, (self._page.cut(entry, room), "bold"), rest=_BAR + "           ")
        if total > len(few):
            self._page.line(_BAR + "           ", f"… and {total - len(few):,} more")

    def _command(self, verdict: Verdict, command: str) -> None:
        """The command as it is where it fits (or all is wanted), else with its ids shortened.

        Of commands that differ in nothing but the resource, the first is enough where not all is wanted.
        """
        if not command.isprintable():
            command = ""
        if not self._whole:
            pattern = _pattern(command, verdict)
            if pattern in self._printed:
                return
            self._printed.add(pattern)
        if not command:
            self._page.line(_NOTE + "fix: ", "the command is in the JSON report: the name holds control characters")
        elif self._whole or (room := self._page.width - len(_NOTE) - 5) >= cell_len(command):
            self._page.whole(_NOTE + "fix: ", command)
        else:
            short = _ARM_ID.sub(_short_id, command)
            short = short if cell_len(short) <= room else _without_names(short, verdict)
            self._page.line(_NOTE + "fix: ", short, rest="          ")

    def _closing(self, first: Verdict, more: int) -> None:
        """One line for the rest; in full, how to mend it in words too."""
        page, url = self._page, self._url(first)
        if self._whole and first.status == "fail" and first.fix and first.fix.text:
            page.line(_NOTE + "how: ", first.fix.text)
        if self._whole and first.status == "fail" and not url:
            page.command(_NOTE + "docs: ", f"{page.options.show_check} {first.check}")
        if more:
            page.command(f"{_NOTE}and {more:,} more: ", f"{page.options.command} --show {first.check}")
        if url and first.status == "fail" and not page.options.terminal:
            page.line(_NOTE + "docs: ", url)
        page.flush()

    def _url(self, verdict: Verdict) -> str:
        return self._page.options.docs_url.format(service=verdict.service, check=verdict.check)


class _Fact(NamedTuple):
    """A piece of evidence in words; `entries` are those of a list, `alternative` its number (0 where it is none)."""

    path: str
    expected: str
    actual: str
    entries: tuple[str, ...] = ()
    alternative: int = 0

    @classmethod
    def of(cls, leaf: Evidence, *, brief: bool) -> _Fact:
        actual = told(leaf)
        entries = tuple(map(visible, actual)) if isinstance(actual, list) else ()
        words = ", ".join(entries) if isinstance(actual, list) else visible(actual)
        expected, alternative = alternative_of(expected_of(leaf, brief=brief))
        return cls(visible(leaf.path), visible(expected), words, entries, alternative)


def place_of(page: Page, resource: ResourceRef, names: Mapping[str, str]) -> str:
    """ "subscription / group / name (region)", as far as the resource has them, on one line."""
    subscription = names.get(resource.subscription.lower(), resource.subscription)
    parts = [subscription, resource.resource_group, resource.name or resource.id]
    if resource.id.rstrip("/").lower() == f"/subscriptions/{resource.subscription}".lower():
        parts = [subscription]
    parts = [visible(part) for part in parts if part]
    region = f" ({page.cut(resource.region, 24)})" if resource.region else ""
    room = page.width - 6 - len(region) - 3 * (len(parts) - 1)
    while (over := sum(map(cell_len, parts)) - room) > 0:
        longest = max(range(len(parts)), key=lambda index: cell_len(parts[index]))
        size = cell_len(parts[longest])
        if size <= 12:
            break
        parts[longest] = page.cut(parts[longest], max(size - over, 12))
    return " / ".join(parts) + region


def print_brief(page: Page, verdicts: Iterator[Verdict]) -> str:
    """One line for all findings of a check: its severity, how many there are, its id and title.

    Returns what such a line says, in a sentence.
    """
    first = next(verdicts)
    number = 1 + sum(1 for _ in verdicts)
    lead = f"  {first.severity:<8} {number:>3} x "
    page.line(lead, (first.check, "bold"), f": {page.head(first.title, page.width - len(lead) - len(first.check) - 2)}")
    resources = count(number, "resource")
    return f"{first.severity} {number:,} x ID: {resources} below the gate for which the title is not true"


def _alike(verdict: Verdict) -> tuple[Any, ...]:
    """What verdicts have in common that can be told together."""
    return (
        verdict.reason,
        verdict.waiver,
        verdict.known,
        [(leaf.path, leaf.expected, told(leaf)) for leaf in verdict.evidence],
    )


def _without_names(command: str, verdict: Verdict) -> str:
    """The command with an ellipsis for the options that name the resource, whose name stands above it."""
    resource = verdict.resource
    names = "|".join(
        re.escape(word) for word in (resource.name, resource.resource_group, resource.subscription) if word
    )
    return re.sub(rf"(?:--[a-z-]+ (?:…/\S+|'?(?:{names})'?)(?: |$))+", "… ", command).rstrip() if names else command


def _pattern(command: str, verdict: Verdict) -> str:
    """The command without what names the resource."""
    resource = verdict.resource
    words = sorted({resource.id, resource.name, resource.resource_group, resource.subscription} - {""}, key=len)
    for word in reversed(words):
        command = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "\0", command)
    return command


def waiver_words(waiver: Waiver) -> str:
    """Why something was waived and by whom: "reason (approved by j.doe, SEC-12, until 2027-01-31)"."""
    return record_words(waiver.reason, waiver.approved_by, waiver.expires, waiver.ticket)


def record_words(reason: str, approved_by: str, expires: str, ticket: str = "") -> str:
    """A reason with what is on record about it in brackets."""
    record = [f"approved by {approved_by}" if approved_by else "", ticket, f"until {expires}" if expires else ""]
    words = ", ".join(part for part in record if part)
    return f"{reason} ({words})" if words else reason


def _short_id(match: re.Match[str]) -> str:
    parts = match[0].strip("/").split("/")
    return match[0] if len(parts) <= 2 else f"…/{parts[-1]}"


def picked(options: Options) -> tuple[tuple[Status, ...], tuple[str, ...]]:
    """What --show asks for: the statuses to list, and the checks (ids or globs) to list in full."""
    words: Mapping[str, tuple[Status, ...]] = {
        "failed": ("fail",),
        "unreadable": ("unreadable",),
        "waived": ("waived",),
        "passed": ("pass",),
        "all": ("fail", "unreadable", "waived", "pass"),
    }
    statuses = dict.fromkeys(status for word in options.show or ("failed",) for status in words.get(word, ()))
    return tuple(statuses), tuple(word for word in options.show if word not in words)
