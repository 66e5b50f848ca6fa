"""How the table shows what one check found: the check once, then each resource with its evidence and fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from azscan.report import Options
from azscan.report.labels import actual_of, expected_of
from azscan.report.page import Page, Piece
from azscan.report.text import visible
from azscan.results import Evidence, Results, Status, Verdict, Waiver

LABELS: Mapping[Status, tuple[str, str]] = {
    "fail": ("error", "bold red"),
    "unreadable": ("unreadable", "bold yellow"),
    "waived": ("waived", "bold cyan"),
    "pass": ("passed", "bold green"),
    "not-applicable": ("not applicable", "dim"),
}
_LEAVES = 3
_LONGEST = 2000
_ARM_ID = re.compile(r"/(?:subscriptions|providers)/[^\s'\"]+", re.IGNORECASE)
_NOTE = "   = "
_BAR = "   | "


class CheckBlock:
    """Prints the verdicts of one check that came out alike. With `whole`, all of them, with all that is known."""

    def __init__(self, page: Page, results: Results, names: Mapping[str, str], *, whole: bool) -> None:
        self._page = page
        self._waivers = results.waivers
        self._names = names
        self._whole = whole
        self._shortened = False

    def print(self, verdicts: Iterator[Verdict]) -> None:
        """Print the first few verdicts (or all), then how many more there are and how to see them."""
        first = next(verdicts)
        label, style = LABELS[first.status]
        self._page.blank()
        # A title says what holds where the check passes: of a finding it is what does not.
        untrue = "not met: " if first.status == "fail" else ""
        self._page.line("", (f"{label}[{first.check}]", style), f": {untrue}", (first.title, "bold"), rest="    ")
        self._resource(first)
        more, shown = 0, 1
        for verdict in verdicts:
            if self._whole or shown < self._page.options.per_check:
                self._resource(verdict)
                shown += 1
                self._page.flush()
            else:
                more += 1
        self._closing(first, more)
        self._page.flush()

    def _resource(self, verdict: Verdict) -> None:
        self._page.line("  --> ", (self._place(verdict), "bold"))
        if self._whole:
            self._page.line(_NOTE + "id: ", verdict.resource.id)
        if verdict.resource.managed_by:
            self._page.line(_NOTE + "managed by: ", self._page.cut(verdict.resource.managed_by, self._page.width - 17))
        if self._whole or verdict.status != "pass":
            self._evidence(verdict)
        if verdict.status == "waived" and verdict.waiver is not None:
            self._page.line(_NOTE + "waived: ", waiver_words(self._waivers[verdict.waiver]))
        elif verdict.reason:
            self._page.line(_NOTE + ("why: " if verdict.status == "unreadable" else "note: "), verdict.reason)
        if verdict.status == "fail" and verdict.fix and verdict.fix.cli:
            self._command(verdict.fix.cli)

    def _place(self, verdict: Verdict) -> str:
        """ "subscription / group / name (region)", as far as the resource has them, on one line."""
        resource = verdict.resource
        subscription = self._names.get(resource.subscription.lower(), resource.subscription)
        parts = [subscription, resource.resource_group, resource.name or resource.id]
        if resource.id.rstrip("/").lower() == f"/subscriptions/{resource.subscription}".lower():
            parts = [subscription]
        parts = [visible(part) for part in parts if part]
        region = f" ({self._page.cut(resource.region, 24)})" if resource.region else ""
        room = self._page.width - 6 - len(region) - 3 * (len(parts) - 1)
        while (over := sum(map(cell_len, parts)) - room) > 0:
            longest = max(range(len(parts)), key=lambda index: cell_len(parts[index]))
            size = cell_len(parts[longest])
            if size <= 12:
                break
            parts[longest] = self._page.cut(parts[longest], max(size - over, 12))
        return " / ".join(parts) + region

    def _evidence(self, verdict: Verdict) -> None:
        leaves = verdict.evidence if self._whole else verdict.evidence[:_LEAVES]
        column = max((cell_len(visible(leaf.path)) for leaf in leaves), default=0)
        for leaf in leaves:
            self._leaf(leaf, column)
        hidden = len(verdict.evidence) - len(leaves)
        if hidden:
            self._page.line(_BAR, f"and {hidden} more")
        if self._whole:
            for url, api, at in dict.fromkeys((leaf.url, leaf.api, leaf.read_at) for leaf in leaves if leaf.url):
                self._page.line(_NOTE + "read: ", f"{url} (api {api}, {at})")

    def _leaf(self, leaf: Evidence, column: int) -> None:
        path, expected, actual = visible(leaf.path), visible(expected_of(leaf)), visible(actual_of(leaf))
        pieces: list[Piece] = [
            path + " " * (column - cell_len(path)),
            f"   expected {expected}   actual ",
            (actual, "bold"),
        ]
        if 5 + column + 20 + cell_len(expected) + cell_len(actual) <= self._page.width:
            self._page.line(_BAR, *pieces)
            return
        room = _LONGEST if self._whole else self._page.width - len(_BAR) - 11
        self._page.line(_BAR, path if self._whole else self._page.cut(path, room + 11))
        self._page.line(_BAR + "  expected ", self._page.cut(expected, room), rest=_BAR + "    ")
        self._page.line(_BAR + "  actual   ", (self._page.cut(actual, room), "bold"), rest=_BAR + "    ")

    def _command(self, command: str) -> None:
        """The command as it is where it fits (or all is wanted), else with its ids shortened."""
        if not command.isprintable():
            self._page.line(_NOTE + "fix: ", "the command is in the JSON report: the name holds control characters")
        elif cell_len(command) + len(_NOTE) + 5 <= self._page.width or self._whole:
            self._page.whole(_NOTE + "fix: ", command)
        else:
            self._shortened = True
            self._page.line(_NOTE + "fix: ", _ARM_ID.sub(_short_id, command), rest="          ")

    def _closing(self, first: Verdict, more: int) -> None:
        options = self._page.options
        if first.status == "fail":
            if first.fix and first.fix.text:
                self._page.line(_NOTE + "how: ", first.fix.text)
            url = options.docs_url.format(service=first.service, check=first.check)
            if url and options.terminal:
                self._page.line(_NOTE + "docs: ", (first.check, "underline"), link=url)
            else:
                self._page.line(_NOTE + "docs: ", url or f"azscan checks show {first.check}")
        again = f"{options.command} --show {first.check}"
        if more:
            too = ", whole commands too" if self._shortened else ""
            self._page.line(_NOTE, f"and {more:,} more{too}: {again}")
        elif self._shortened:
            self._page.line(_NOTE, f"whole commands: {again}")


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
    return match[0] if len(parts) <= 2 else f"/{parts[0]}/…/{parts[-1]}"


def picked(options: Options) -> tuple[tuple[Status, ...], tuple[str, ...]]:
    """What --show asks for: the statuses to list, and the checks (ids or globs) to list in full."""
    words: Mapping[str, tuple[Status, ...]] = {
        "failed": ("fail",),
        "unreadable": ("unreadable",),
        "waived": ("waived",),
        "passed": ("pass",),
        "all": ("fail", "unreadable", "waived", "pass"),
    }
    statuses = dict.fromkeys(status for word in options.show for status in words.get(word, ()))
    return tuple(statuses), tuple(word for word in options.show if word not in words)
