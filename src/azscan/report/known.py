"""The failures that stand in the baseline: counted, so that what the table tells in full is what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from azscan.catalog.fix import command_line
from azscan.report.page import Page
from azscan.results import SEVERITY_RANK, Severity, Verdict
from azscan.words import count

IN_BASELINE = "known: it stands in the baseline"


class Known:
    """Counts the known failures that it leaves out of a report; those of a check that the user named stay in."""

    def __init__(self, is_named: Callable[[str], bool]) -> None:
        self._is_named = is_named
        self._counts: Counter[tuple[Severity, str, str]] = Counter()

    def left_out_of(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """The verdicts without the known failures, in the same order."""
        for verdict in verdicts:
            if verdict.known and not self._is_named(verdict.check):
                self._counts[verdict.severity, verdict.check, verdict.title] += 1
            else:
                yield verdict

    def print(self, page: Page, baseline: str, *, listed: bool) -> None:
        """Print how many were left out, with `listed` check by check, and how to see what became of the others."""
        total = self._counts.total()
        if not total:
            return
        page.blank()
        told = f"{count(total, 'known failure stands', 'known failures stand')} in the baseline {baseline}"
        page.line("", (told, "bold"), rest="  ")
        if listed:
            for severity, check, title in sorted(self._counts, key=lambda each: (SEVERITY_RANK[each[0]], each[1])):
                lead = f"  {severity:<8} {self._counts[severity, check, title]:>3} x "
                page.line(lead, (check, "bold"), f": {page.head(title, page.width - len(lead) - len(check) - 2)}")
            page.command("  their resources: ", f"{page.options.command} --show ID")
        else:
            page.command("  check by check: ", f"{page.options.command} --show failed")
        compare = command_line(["azscan", "diff", baseline, "results.json"])
        page.line("  ", f"what is solved or changed since, having scanned with -o results.json: {compare}", rest="    ")
