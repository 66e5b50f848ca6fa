"""The control table: how each control of the chosen frameworks came out, and the frameworks' scores."""

from __future__ import annotations

from collections.abc import Sequence

from azscan.report.page import Page
from azscan.report.text import visible
from azscan.results import ControlResult, ControlStatus, Framework, Results, Score
from azscan.words import count

# These are told in a row each, the others by their ids.
_ROWS: tuple[ControlStatus, ...] = ("fail", "unreadable", "waived")
_LISTS: tuple[ControlStatus, ...] = ("pass", "no-resources", "manual", "inherited")
_STYLES = {"fail": "red", "unreadable": "yellow", "waived": "cyan"}
_COLUMNS = (("failed", "fail"), ("unread", "unreadable"), ("waived", "waived"), ("passed", "pass"))
_PARTIAL = "*"
# So many of the checks behind a control are named.
_CHECKS = 3


def print_controls(page: Page, results: Results) -> None:
    """Print a table for each framework: a row for each control that needs a look, and the ids of all others."""
    of_key = {score.framework: score for score in results.scores}
    for framework in results.frameworks:
        controls = [each for each in results.controls if each.framework == framework.key]
        _framework(page, framework, of_key[framework.key], controls)


def score_line(score: Score) -> str:
    """The score in words: "41.6 %: 10 of 24 decided controls pass"."""
    if score.percent is None:
        return "no control was decided"
    verb = "passes" if score.decided == 1 else "pass"
    return f"{score.percent:g} %: {score.passed} of {count(score.decided, 'decided control')} {verb}"


def chosen_line(framework: Framework) -> str:
    """How many controls --control chose of a framework, in words."""
    whole = len(framework.controls) + framework.left_out
    return f"{len(framework.controls)} of {count(whole, 'control')}, chosen by --control; the others are not told"


def _framework(page: Page, framework: Framework, score: Score, controls: Sequence[ControlResult]) -> None:
    page.heading(f"controls of {framework.title}")
    page.line("  ", (score_line(score), "bold"), rest="    ")
    if framework.left_out:
        page.line("  ", chosen_line(framework), rest="    ")
    rows = [each for each in controls if each.status in _ROWS]
    if rows:
        width = max(len("control"), *(len(visible(_name(each))) for each in rows))
        head = "".join(f"{title:>9}" for title, _ in _COLUMNS)
        page.whole("  ", f"{'control':<{width}}  {'status':<10}  {'worst':<8}{head}")
        for each in rows:
            numbers = "".join(f"{each.counts.get(status, 0):>9,}" for _, status in _COLUMNS)
            words = f"{visible(_name(each)):<{width}}  {each.status:<10}  {each.severity:<8}{numbers}"
            page.whole("  ", words, _STYLES[each.status])
            page.line("    ", each.title)
            if each.decided_by:
                more = len(each.decided_by) - _CHECKS
                rest = f" and {count(more, 'more check')}" if more > 0 else ""
                page.line("    by: ", f"{', '.join(each.decided_by[:_CHECKS])}{rest}", rest="      ")
            if each.not_run:
                page.line("    ", each.reason)
        page.flush()
    for status in _LISTS:
        names = [_name(each) for each in controls if each.status == status]
        if names:
            page.line("  ", (f"{status.replace('-', ' ')} ({len(names)}): ", "bold"), ", ".join(names), rest="    ")
    if any(each.strength == "partial" for each in controls):
        page.line("  ", f"{_PARTIAL} its checks decide only a part of the control")
    if rows and not framework.left_out:
        page.command("  what makes a control fail: ", f"{page.options.command} --control ID --show failed")
    if score.statuses["manual"] or score.statuses["inherited"]:
        page.line("  ", f"why no read decides a control: azscan frameworks show {framework.key}", rest="    ")


def _name(result: ControlResult) -> str:
    return result.control + _PARTIAL * (result.strength == "partial")
