"""`azscan doctor`: what stands between here and a true scan, and what mends it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import typer

from azscan.cli.options import SCOPE, SELECTION, SIGN_IN, by_key, option, taking
from azscan.cli.scan import prepare, scan, speaker
from azscan.cli.stdout import print_json, stdout_page
from azscan.errors import NothingScannedError

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

# These choose what is judged, not what is read; and the demo needs no doctor.
LEFT_OUT = ("region", "resource_group", "tag", "demo")


@app.command()
@taking(scan, SIGN_IN, SCOPE, SELECTION, "Reading", "Messages", leaving_out=LEFT_OUT)
def doctor(
    json: bool = typer.Option(False, "--json", help="Print JSON", rich_help_panel="Output"),
    shell: str = option("--shell", "Output"),
    **given: Any,
) -> None:
    """Tell whether a scan with these options can read what it must, and what to do where it cannot.

    Looks at the sign-in, the subscriptions, the roles and Graph permissions that the selected checks need, Defender for
    Cloud, resource providers, the credential's end, the clock and the network. Each line is ok, a warning or blocking,
    with the page of the portal and the az command that mend it. Ends with 3 where something blocks.
    """
    raise typer.Exit(run({**by_key(given), "shell": shell}, os.environ, as_json=json))


def run(given: Mapping[str, Any], environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print the diagnoses for the options as given; returns the exit code."""
    from azscan.collect.plan import Plan
    from azscan.doctor.examine import examine
    from azscan.doctor.finding import as_document
    from azscan.scan import params_of

    settings, choice = prepare(given, environ)
    plan = Plan(choice.catalog, choice.checks, params_of(settings, choice.catalog))
    report = asyncio.run(examine(settings, plan, choice.checks, environ, speaker(settings)))
    if as_json:
        print_json(as_document(report, settings.shell))
    else:
        from azscan.cli.doctor_page import print_report

        page = stdout_page()
        print_report(page, report, settings.shell)
        page.flush()
    return NothingScannedError.exit_code if report.state == "blocking" else 0
