"""The doctor's report as a page of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from azscan.catalog.fix import command_line
from azscan.words import count

if TYPE_CHECKING:
    from azscan.doctor.finding import Finding, Report
    from azscan.report.page import Page

_COLUMN = 10
_STYLES = {"ok": "green", "warning": "yellow", "blocking": "bold red"}
MOST_OK = 5
"""Lines of one kind that are printed while all is well; where there are more, they are counted."""


def print_report(page: Page, report: Report, shell: str) -> None:
    """Print a line for each diagnosis, with its remedy where it needs one, and what it comes to."""
    numbers = Counter(each.name for each in report.findings if each.state == "ok")
    told: set[str] = set()
    for each in report.findings:
        if each.state != "ok" or numbers[each.name] <= MOST_OK:
            _print_finding(page, each, shell)
        elif each.name not in told:
            told.add(each.name)
            _head(page, each, f"{count(numbers[each.name], 'subscription')} without trouble")
    for skipped in report.not_looked_at:
        page.line("not seen  ", skipped)
    page.blank()
    page.line("", (_summary(report), "bold"))


def _print_finding(page: Page, finding: Finding, shell: str) -> None:
    _head(page, finding, finding.what)
    lead = " " * _COLUMN
    if finding.means:
        page.line(f"{lead}= ", finding.means)
    if finding.portal:
        page.whole(f"{lead}= portal: ", finding.portal)
    for words in finding.commands:
        page.whole(f"{lead}= ", command_line(words, shell))


def _head(page: Page, finding: Finding, words: str) -> None:
    first, *more = words.split("\n")
    style = _STYLES[finding.state]
    page.line("", (f"{finding.state:<{_COLUMN}}", style), (finding.group, "bold"), f": {first}", rest=" " * _COLUMN)
    for line in more:
        page.line(" " * _COLUMN, line.strip())


def _summary(report: Report) -> str:
    numbers = Counter(each.state for each in report.findings)
    parts = [f"{numbers['blocking']} blocking"] if numbers["blocking"] else []
    parts += [count(numbers["warning"], "warning")] if numbers["warning"] else []
    if not parts:
        return "nothing stands in the way of a scan: azscan scan"
    if not numbers["blocking"]:
        return f"{parts[0]}: a scan can be made, and what it lacks will be unreadable"
    return f"{', '.join(parts)}: mend what blocks, then run azscan doctor again"
