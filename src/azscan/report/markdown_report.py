"""The Markdown report: a page for a pipeline's summary, short whatever the size of the estate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import BinaryIO

from azscan.gate import explain
from azscan.report import Options
from azscan.report.closing import summary_line
from azscan.report.control_table import score_line
from azscan.report.labels import subscription_names
from azscan.report.text import middle, visible
from azscan.results import DEMO, SEVERITIES, SEVERITY_RANK, ResourceRef, Results, Verdict
from azscan.words import count

# GitHub takes a summary of 1 MiB for each step:
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
CHECKS = 300
RESOURCES = 3
PARTS = 20
_LONGEST = 300

# What is markup anywhere in a line, and what GitHub makes a link of without any.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+!|~$&^\"=@]|(?<=:)/(?=/)|(?<=www)\.)", re.IGNORECASE)
_RUNS = re.compile(r"`+")
_COLUMNS = (("failed", "fail"), ("unreadable", "unreadable"), ("waived", "waived"), ("passed", "pass"))


def write_markdown(results: Results, stream: BinaryIO, options: Options) -> None:
    """Write the outcome, the counts, and each check that failed with its first resources, the severest first.

    Names of resources stand in code spans and all else that others wrote is escaped: neither can be markup.
    """
    for line in _lines(results, options):
        stream.write(line.encode("utf-8", "backslashreplace") + b"\n")


def escaped(text: str) -> str:
    """The text so that Markdown takes none of it for markup, on one line."""
    return _MARKUP.sub(r"\\\1", middle(visible(text), _LONGEST))


def code(text: str) -> str:
    """The text as a code span, on one line, shortened where it is very long."""
    return _span(middle(visible(text), _LONGEST))


def _span(text: str) -> str:
    """The text as a code span; the fence is longer than any run of backticks inside."""
    shown = visible(text)
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(shown)), default=0))
    # A blank at both ends is dropped there (https://spec.commonmark.org/0.31.2/#code-spans), unless all are blanks.
    is_stripped = shown.startswith(" ") and shown.endswith(" ") and shown.strip(" ")
    pad = " " if is_stripped or shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _lines(results: Results, options: Options) -> Iterator[str]:
    scan, summary = results.scan, results.summary
    scanned = count(sum(not each.left_out for each in scan.subscriptions), "subscription")
    yield "## azscan"
    yield ""
    if DEMO in scan.notes:
        yield f"**{escaped(DEMO)}**"
        yield ""
    yield f"**{escaped(explain(summary.gate))}**"
    yield ""
    yield f"{escaped(summary_line(summary))}. {scanned} of tenant {code(scan.tenant)}, read at {escaped(scan.started)}."
    yield from _counts(results)
    notes = [note for note in scan.notes if note != DEMO]
    yield from (f"- note: {escaped(note)}" for note in notes)
    if notes:
        yield ""
    yield from _failed(results, options)
    yield from _known(results)
    yield from _unread(results)
    yield from _controls(results)


def _counts(results: Results) -> Iterator[str]:
    severities = results.summary.severities
    rows = [each for each in SEVERITIES if any(severities.get(each, {}).get(status) for _, status in _COLUMNS)]
    yield ""
    if not rows:
        return
    yield f"| | {' | '.join(name for name, _ in _COLUMNS)} |"
    yield "| --- |" + " ---: |" * len(_COLUMNS)
    for severity in rows:
        numbers = (f"{severities[severity].get(status, 0):,}" for _, status in _COLUMNS)
        yield f"| {severity} | {' | '.join(numbers)} |"
    yield ""


class _Failed:
    """A check that failed: its words, how often, and its first resources."""

    def __init__(self, verdicts: Iterator[Verdict], names: Mapping[str, str]) -> None:
        few = list(islice(verdicts, RESOURCES))
        self.first = few[0]
        self.places = [_place(each.resource, names) for each in few]
        self.more = sum(1 for _ in verdicts)


def _failed(results: Results, options: Options) -> Iterator[str]:
    names = subscription_names(results.scan)
    new = (each for each in results.verdicts("fail") if not each.known)
    groups = groupby(new, lambda each: (each.check, each.severity))
    found = [_Failed(verdicts, names) for _, verdicts in groups]
    if not found:
        return
    found.sort(key=lambda each: (SEVERITY_RANK[each.first.severity], each.first.check))
    yield "### Failed anew" if results.summary.gate.baseline else "### Failed"
    yield ""
    for each in found[:CHECKS]:
        first, number = each.first, len(each.places) + each.more
        yield f"- **{first.severity}** {code(first.check)} x {number:,}: expected {escaped(first.title)}"
        for place in each.places:
            yield f"  - {place}"
        if each.more:
            yield f"  - and {each.more:,} more"
    if len(found) > CHECKS:
        yield f"- and {count(len(found) - CHECKS, 'more check')}"
    yield ""
    if len(found) > CHECKS or any(each.more for each in found):
        yield f"All of them, with every resource: {_span(f'{options.command} -o report.csv')}"
        yield ""


def _known(results: Results) -> Iterator[str]:
    """One line for each check with failures that stand in the baseline, the severest first."""
    baseline = results.summary.gate.baseline
    if not baseline:
        return
    found = Counter((SEVERITY_RANK[each.severity], each.check) for each in results.verdicts("fail") if each.known)
    yield "### Known"
    yield ""
    yield f"{count(found.total(), 'known failure stands', 'known failures stand')} in the baseline {code(baseline)}."
    yield ""
    for rank, check in sorted(found)[:CHECKS]:
        yield f"- {SEVERITIES[rank]} {code(check)} x {found[rank, check]:,}"
    if len(found) > CHECKS:
        yield f"- and {count(len(found) - CHECKS, 'more check')}"
    if found:
        yield ""


def _place(resource: ResourceRef, names: Mapping[str, str]) -> str:
    subscription = names.get(resource.subscription.lower(), resource.subscription)
    parts = [subscription, resource.resource_group, resource.name or resource.id]
    return code(" / ".join(middle(visible(part), 80) for part in parts if part))


def _unread(results: Results) -> Iterator[str]:
    parts = results.unreadable
    if not parts:
        return
    yield "### Not read"
    yield ""
    for part in parts[:PARTS]:
        what = f"{part.service} / {part.collection}" if part.collection else part.service
        missing = f", missing {code(part.action)}" if part.action else ""
        accepted = ", accepted" if part.allowed else ""
        kind = part.kind.replace("_", " ")
        yield f"- {escaped(kind)}: {escaped(what)} ({count(part.verdicts, 'verdict')}{accepted}){missing}"
    if len(parts) > PARTS:
        yield f"- and {count(len(parts) - PARTS, 'more part')}"
    yield ""


def _controls(results: Results) -> Iterator[str]:
    scores = {score.framework: score for score in results.scores}
    for framework in results.frameworks:
        yield f"### {escaped(framework.title)}"
        yield ""
        yield f"{escaped(score_line(scores[framework.key]))}."
        yield ""
        for status in ("fail", "unreadable"):
            controls = [
                each.control for each in results.controls if each.framework == framework.key and each.status == status
            ]
            if controls:
                yield f"- {status}: {', '.join(map(code, controls))}"
        yield ""
