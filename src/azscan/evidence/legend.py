"""What the words in a pack mean: it goes to people who have nothing of azscan but the pack."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from azscan.evidence.section import Section
from azscan.report.csv_report import safe_cell
from azscan.report.text import visible
from azscan.results import Results

README = "README.txt"
TITLE = "Evidence of an assessment of Azure by azscan"
_WIDTH = 100

FILES = {
    "summary.html": "begin here: what was looked at, when and by whom, and how each control came out",
    "summary/": "each table of that page as a CSV",
    "frameworks/": "for each framework a row for each control, check and resource, as a CSV and as a workbook",
    "not-applicable.csv": "which resources a check says nothing about, and by which condition of the check's",
    "evidence/": "what Azure returned; each file is named by its SHA-256, and the rows name the files they rest on",
    "oscal/": "the results for tools that take OSCAL",
    "MANIFEST.json": "SHA-256 and size of every other file",
    "MANIFEST.sig": "the signature of MANIFEST.json, where the pack is signed",
}
VERDICTS = {
    "fail": "the resource is not as the check asks; what Azure does not say fails, unless a default is documented",
    "unreadable": "it could not be read, so nothing is known of it; it counts neither as passed nor as failed",
    "waived": "it fails, and the team accepts that, with the reason on record",
    "pass": "the resource is as the check asks",
    "not-applicable": "a condition of the check's leaves the resource out; it counts for no control",
}
CONTROLS = {
    "fail": "at least one verdict of its checks is fail",
    "unreadable": "none is fail, and at least one is unreadable, or not all of its checks were run",
    "waived": "none of those, and at least one is waived, or a check was switched off with the reason on record",
    "pass": "all of its checks pass on all resources that they speak of",
    "no-resources": "its checks met nothing to judge",
    "manual": "no reading of Azure decides it; the reason stands beside it, and it is to be looked at in another way",
    "inherited": "Microsoft answers for it, not the owner of the estate",
}
STRENGTHS = {
    "direct": "the check decides what the control asks of the resources that it looks at",
    "partial": "it is evidence, but the control asks for more: people, paper, other systems",
}
BASES = {
    "microsoft": "an initiative of Azure Policy ties a built-in policy to the control that asks what the check asks",
    "curated": "drawn by azscan's authors, with the reason under `why it counts`",
}
SUMMARY = {
    "score": "passed controls / decided controls; decided are those that pass, fail or are waived",
    "strength": "of a control: direct where at least one of its checks is, else partial; passing a partial control does"
    " not fulfil it",
    "worst severity": "of the verdicts behind a status of fail, unreadable or waived",
    "decided by": "the checks behind that status, the worst first",
    "checks not run": "those that the scan's selection left out, or that the team switched off",
    "resources": "those that at least one check looks at; each stands in frameworks/ or in not-applicable.csv",
}
COLUMNS = {
    "framework": "the standard",
    "control": "the id of the control in it",
    "control title": "what the control asks for, in azscan's words",
    "check": "the id of azscan's check",
    "check title": "what holds where the check passes",
    "severity": "how grave a failure is: critical, high, medium, low or info",
    "status": "of the verdict; in a row without a check that of the control",
    "subscription": "its name, or its id where it has none",
    "resource id": "as Azure sent it; of what could not be listed the place where it was asked for",
    "name": "the resource's name; where that is a GUID what its properties call it; * for all that could not be listed",
    "type": "the resource's type",
    "region": "where it lies",
    "expected": "what the check asks, a line for each part that decided the verdict",
    "actual": "what was found, line by line against `expected`; `absent` where Azure sent nothing",
    "evidence url": "what was asked of Azure; without its host it is relative to those that the summary names",
    "api version": "the version of Azure's interface that was asked",
    "read at": "when Azure answered (UTC)",
    "note": "why something could not be read, what Azure does not say, a severity that the team changed, or why no"
    " check decides the control",
    "waiver reason": "why the team accepts the failure",
    "waiver ticket": "where that was decided",
    "waiver approved by": "who approved it",
    "waiver expires": "the last day on which it counts",
    "fix": "how to mend a failure",
    "strength": "how much of the control the check decides",
    "basis": "who ties the check to the control",
    "why it counts": "why the check is evidence for the control",
    "policies": "the built-in policies of Azure that ask what the check asks, by the ids of their definitions",
    "evidence files": "the files of the pack that the verdict rests on",
    "applies only where": "the condition without which the check says nothing of a resource",
    "controls": "the controls that the check belongs to",
}


def legend() -> tuple[Section, ...]:
    """What there is to explain, a table for each kind of word."""
    told: Mapping[str, Mapping[str, str]] = {
        "Files of the pack": FILES,
        "Status of a verdict": VERDICTS,
        "Status of a control": CONTROLS,
        "Strength of a check": STRENGTHS,
        "Basis of a check": BASES,
        "Words of the summary": SUMMARY,
        "Columns of the tables": COLUMNS,
    }
    return tuple(Section(title, ("word", "meaning"), tuple(words.items())) for title, words in told.items())


def sheet(results: Results) -> list[tuple[str, str, str]]:
    """The rows of a sheet that explains a workbook, each (kind, word, meaning); notes of the scan come first."""
    rows = [("note", "", safe_cell(note)) for note in results.scan.notes]
    return rows + [(part.title, word, meaning) for part in legend() for word, meaning in part.rows]


def write_readme(results: Results, stream: BinaryIO) -> None:
    """Write what a pack is and what its words mean, as plain text."""
    stream.write("\n".join(_readme(results)).encode("utf-8", "backslashreplace") + b"\n")


def _readme(results: Results) -> Iterator[str]:
    yield TITLE
    yield ""
    for note in results.scan.notes:
        yield from _wrapped(f"NOTE: {visible(note)}", "")
    if results.scan.notes:
        yield ""
    yield f"cloud {visible(results.scan.cloud)}, tenant {visible(results.scan.tenant)}"
    yield f"scan finished at {results.scan.finished}"
    for framework in results.frameworks:
        yield f"framework {visible(framework.key)}: {visible(framework.title)}"
    for part in legend():
        yield ""
        yield part.title
        yield ""
        yield from _listed(part.rows)


def _listed(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    width = max(len(word) for word, _ in rows)
    for word, meaning in rows:
        yield from _wrapped(f"  {word:<{width}}  {meaning}", " " * (width + 4))


def _wrapped(text: str, behind: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=behind, break_on_hyphens=False)
