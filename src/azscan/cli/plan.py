"""`azscan plan`: which requests a scan will make, and how long Azure's throttles make them take."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from azscan.cli.options import SCOPE, SELECTION, SIGN_IN, by_key, option, taking
from azscan.cli.scan import in_use, open_estate, prepare, scan
from azscan.cli.stdout import FORMAT, check_format, print_json, stdout_page

if TYPE_CHECKING:
    from azscan.choosing import Choice
    from azscan.collect.forecast import Forecast
    from azscan.settings import Settings

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

# These choose what is judged, not what is read.
FILTERS = ("region", "resource_group", "tag")


@app.command()
@taking(scan, SIGN_IN, SCOPE, SELECTION, "Reading", "Messages", leaving_out=FILTERS)
def plan(format: str = FORMAT, estate: str = option("--estate", "Output", metavar="FILE"), **given: Any) -> None:
    """Tell which requests a scan with these options makes, without making them.

    Only the subscriptions, the permissions and the list of resources are read; with --estate nothing is, and what the
    estate holds is counted exactly. Filters (region, resource group, tag) change nothing: they choose what is judged.
    """
    check_format(format)
    raise typer.Exit(run({**by_key(given), "estate": estate}, os.environ, as_json=format == "json"))


def run(given: Mapping[str, Any], environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print the plan for the options as given; returns the exit code."""
    settings, choice = prepare(given, environ)
    found = _forecast(settings, choice, environ)
    if as_json:
        from azscan.collect.forecast import as_document

        print_json(as_document(found))
    else:
        from azscan.cli.plan_page import print_forecast

        page = stdout_page()
        print_forecast(page, choice.catalog, found)
        page.flush()
    return 0


def _forecast(settings: Settings, choice: Choice, environ: Mapping[str, str]) -> Forecast:
    from azscan.collect.forecast import forecast
    from azscan.collect.plan import Plan
    from azscan.scan import params_of

    with TemporaryDirectory(prefix="azscan-plan-") as folder:
        if not settings.estate:
            settings = msgspec.structs.replace(settings, save_estate=str(Path(folder, "survey.sqlite")), resume=False)
        opened = open_estate(settings, choice, environ, only_survey=True)
        try:
            plan = Plan(choice.catalog, choice.checks, params_of(settings, choice.catalog))
            with in_use(opened, settings):
                return asyncio.run(forecast(opened, plan))
        finally:
            opened.close()
