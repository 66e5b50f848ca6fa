"""`azscan waivers`: what the team decided to leave out, by whom, why and until when."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from azscan.cli.options import CHECKS_DIR, MAPPINGS_DIR, SELECTION, Words, option
from azscan.cli.stdout import FORMAT, check_format, print_json, print_line, say, stdout_page
from azscan.errors import UsageError

if TYPE_CHECKING:
    from azscan.decisions import Decision
    from azscan.report.page import Page

app = typer.Typer(rich_markup_mode="rich", add_completion=False, no_args_is_help=True)

RESULTS = typer.Option(
    "", "--results", metavar="FILE", help="JSON report of a scan, to list what it says", rich_help_panel="Scan"
)
COLUMNS = ("kind", "state", "expires", "what", "reason", "approved_by", "ticket", "source", "note")
HEADINGS = {
    "waiver": "waivers",
    "off": "switched off",
    "severity": "of another severity than in the catalogue",
    "unreadable": "accepted as unreadable",
}


@app.callback()
def waivers() -> None:
    """List what the team decided: what has expired, what does nothing."""


@app.command("list")
def list_waivers(
    estate: str = option("--estate", "Scan", metavar="FILE"),
    results: str = RESULTS,
    format: str = FORMAT,
    config: str = option("--config", SELECTION, metavar="FILE"),
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
) -> None:
    """List waivers, what is switched off, changed severities and what may stay unreadable, each with its reason.

    Piped, one line each: kind, state, last day, what, reason, approver, ticket, place and note, tabs between them. What
    does nothing is told only with --estate or --results: an entry is unused where a scan looked at all that it names.
    """
    from azscan.decisions import warnings

    check_format(format)
    if estate and results:
        raise UsageError("--estate and --results exclude each other", hint="leave one of them out")
    given = {"config": config, "checks_dir": checks_dir, "mappings_dir": mappings_dir, "estate": estate}
    found = _reported(results) if results else _decided(given, os.environ)
    if format == "json":
        import msgspec

        print_json({"schema": "azscan.decisions/1", "decisions": [msgspec.to_builtins(each) for each in found]})
    elif sys.stdout.isatty():
        page = stdout_page()
        _print(page, found)
        page.flush()
    else:
        from azscan.report.text import visible

        for each in found:
            print_line("\t".join(visible(getattr(each, name)) for name in COLUMNS))
    if not found and results:
        say(f"{results} was scanned without any decisions; those of azscan.yaml as it is now: azscan waivers list")
    for line in warnings(found):
        say(f"warning: {line}")


def _decided(given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Decision, ...]:
    """What azscan.yaml decides now; with an estate, what becomes of it there."""
    from azscan.cli.scan import decisions_of, in_use, open_estate, prepare
    from azscan.decisions import decisions
    from azscan.scan import assess

    settings, choice = prepare(given, environ)
    if settings.estate:
        opened = open_estate(settings, choice, environ)
        try:
            with in_use(opened, settings):
                return decisions_of(assess(opened, settings, choice))
        finally:
            opened.close()
    return decisions(
        settings.waivers,
        choice.off,
        choice.overrides,
        settings.allow_unreadable,
        is_scanned=False,
        today=datetime.now(UTC).date(),
    )


def _reported(path: str) -> tuple[Decision, ...]:
    """What a JSON report says of them."""
    from azscan.cli.scan import decisions_of
    from azscan.results_file import ResultsFile

    return decisions_of(ResultsFile(path).decided)


def _print(page: Page, found: Sequence[Decision]) -> None:
    from itertools import groupby

    from azscan.report.finding import record_words

    for kind, entries in groupby(found, key=lambda each: each.kind):
        page.heading(HEADINGS[kind])
        for each in entries:
            style = "bold" if each.state == "in force" else "bold yellow"
            page.line(f"  {each.state:<9}  ", (each.what, style))
            record = record_words(each.reason or "no reason on record", each.approved_by, each.expires, each.ticket)
            page.line(" " * 13, record)
            page.line(" " * 13, (", ".join(part for part in (each.source, each.note) if part), "dim"))
    if not found:
        page.line("", "nothing is waived, switched off, of another severity, or accepted as unreadable")
