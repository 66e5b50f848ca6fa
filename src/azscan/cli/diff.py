"""`azscan diff`: what became of an estate between two scans, with an exit code for new failures."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from azscan.cli.again import show_check
from azscan.cli.options import GATE, SELECTION, by_key, option, taking
from azscan.cli.scan import in_use, prepare, scan
from azscan.cli.stdout import FORMAT, check_format, stdout_page
from azscan.errors import OutputError

if TYPE_CHECKING:
    from azscan.choosing import Choice
    from azscan.compare import Comparison
    from azscan.compare.sides import Side
    from azscan.settings import Settings

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

SQLITE = b"SQLite format 3\x00"


@app.command()
@taking(scan, SELECTION, "Messages")
def diff(
    old: str = typer.Argument(..., metavar="OLD", help="Results (.json) or a saved estate, then later ones"),
    new: str = typer.Argument(..., metavar="NEW", help="The later results (.json), or a later estate"),
    format: str = FORMAT,
    fail_on: str = option("--fail-on", GATE),
    **given: Any,
) -> None:
    """Compare two results, or two saved estates: what failed anew, what is solved, changed, gone or unreadable.

    Estates are assessed as azscan scan --estate does, both with the checks and the azscan.yaml of today. The exit code
    is 10 where a check at or above --fail-on failed anew, 4 where none did but one became unreadable, else 0.
    """
    check_format(format)
    raise typer.Exit(run(old, new, {**by_key(given), "fail_on": fail_on}, os.environ, as_json=format == "json"))


def run(old: str, new: str, given: Mapping[str, Any], environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print the comparison for the options as given; returns the exit code."""
    from azscan.report import STDOUT, open_output

    settings, choice = prepare(given, environ)
    with compared(old, new, settings, choice) as comparison:
        if as_json:
            from azscan.report.diff_json import write_diff

            with open_output(STDOUT) as stream:
                write_diff(comparison, old, new, stream)
        else:
            from azscan.report.diff_table import print_comparison

            page = stdout_page(show_check(settings))
            print_comparison(page, old, new, comparison)
            page.flush()
        return comparison.outcome.exit_code


@contextlib.contextmanager
def compared(old: str, new: str, settings: Settings, choice: Choice) -> Iterator[Comparison]:
    """The comparison of two files, open; raises what opening and assessing them raises."""
    from azscan.compare import Comparison
    from azscan.settings import present_ids

    # A results file may hold checks that are no longer known: only a selection leaves anything out.
    wanted = frozenset(check.id for check in choice.checks).__contains__ if _is_selected(settings) else bool
    with contextlib.ExitStack() as stack:
        # One moment for both: what expires between two looks would be a difference of no estate.
        now = datetime.now(UTC)
        sides = [stack.enter_context(_side(path, settings, choice, now)) for path in (old, new)]
        try:
            comparison = Comparison(
                *sides, fail_on=settings.fail_on, present_id=present_ids(choice.catalog), wanted=wanted
            )
            yield stack.enter_context(comparison)
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"the two cannot be compared: {error}", hint="free some space where temporary files are kept"
            ) from error


def _is_selected(settings: Settings) -> bool:
    chosen = (settings.services, settings.checks, settings.severities, settings.areas, settings.frameworks)
    left_out = (
        settings.exclude_services,
        settings.exclude_checks,
        settings.exclude_severities,
        settings.exclude_areas,
    )
    return any(chosen) or any(left_out)


@contextlib.contextmanager
def _side(path: str, settings: Settings, choice: Choice, now: datetime) -> Iterator[Side]:
    """One of the two, by what its file begins with."""
    from azscan.estate.store import Estate
    from azscan.results_file import ResultsFile
    from azscan.scan import assess

    if not _is_database(path):
        yield ResultsFile(path)
        return
    opened = Estate.open_saved(Path(path), to_write=False)
    try:
        settings = msgspec.structs.replace(settings, estate=path)
        with in_use(opened, settings):
            yield assess(opened, settings, choice, now)
    finally:
        opened.close()


def _is_database(path: str) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(SQLITE)) == SQLITE
    except OSError:
        return False
