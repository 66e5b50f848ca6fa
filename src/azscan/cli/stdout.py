"""What commands print: pages, JSON and lines, with nothing in them that a terminal would act on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import typer

from azscan.errors import UsageError

if TYPE_CHECKING:
    from azscan.report.page import Page

FORMAT = typer.Option("table", "--format", metavar="WORD", help="What to print (table, json)", rich_help_panel="Output")


def check_format(format: str) -> None:
    """UsageError where there is no such format."""
    if format not in ("table", "json"):
        raise UsageError(f"there is no format {format}", hint="one of table, json")


def stdout_page(show_check: str = "azscan checks show") -> Page:
    """A page for stdout, as wide and colourful as that can show; `show_check` is what its hints show a check by."""
    from azscan.report import Options
    from azscan.report.page import Page

    return Page(sys.stdout.buffer, Options(show_check=show_check).on(sys.stdout, os.environ))


def print_json(value: Any) -> None:
    """The value as JSON, indented."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_line(text: str) -> None:
    """One line on stdout; a tab stays, whatever else a terminal would act on is written out."""
    from azscan.report.text import visible

    typer.echo("\t".join(map(visible, text.split("\t"))))


def say(text: str) -> None:
    """One line on stderr."""
    from azscan.report.text import visible

    typer.echo(visible(text), err=True)
