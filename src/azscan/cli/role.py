"""`azscan role`: the smallest role that the chosen checks need, and what a given one leaves unreadable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from azscan.cli.options import OUTPUT, SCOPE, SELECTION, Words, by_key, option, taking
from azscan.cli.scan import prepare, scan
from azscan.cli.stdout import print_json, say, stdout_page
from azscan.errors import UsageError

if TYPE_CHECKING:
    from azscan.choosing import Choice
    from azscan.collect.plan import Plan
    from azscan.rights.role import Role
    from azscan.settings import Settings

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

FORMATS = ("json", "bicep", "terraform", "az")
# As a scan ends whose gate could not look.
UNREADABLE = 4


@app.command()
@taking(scan, SELECTION, "Messages")
def role(
    subscription: Words = option(
        "--subscription", SCOPE, metavar="ID", says="Subscriptions at which the role may be assigned, by id"
    ),
    management_group: Words = option(
        "--management-group", SCOPE, metavar="ID", says="Management group at which the role may be assigned, by id"
    ),
    name: str = typer.Option("azscan-reader", "--name", metavar="TEXT", help="What to call the role"),
    without: Words = typer.Option(None, "--without", metavar="ACTION", help="Actions to leave out"),
    builtin: bool = typer.Option(False, "--builtin", metavar="", help="Name the least built-in roles instead"),
    graph: bool = typer.Option(
        False, "--graph", metavar="", help="Print the permissions of Microsoft Graph instead, as JSON"
    ),
    check_against: str = typer.Option(
        "", "--check-against", metavar="FILE", help="Tell which checks a role in this file leaves unreadable instead"
    ),
    format: str = typer.Option(
        "",
        "--format",
        metavar="WORD",
        help=f"What to print ({', '.join(FORMATS)}), default json",
        rich_help_panel=OUTPUT,
    ),
    shell: str = option("--shell", OUTPUT),
    **given: Any,
) -> None:
    """Print the smallest custom role that the chosen checks need: exact actions, each a read, no wildcard.

    Nothing of Azure is read: the role follows from the checks. It may be assigned at the subscriptions, or at the
    management group, that are named. What no such role gives is told on standard error.

    With --check-against the exit code is 4 where a check would be unreadable.
    """
    scope = {"subscriptions": subscription, "management_groups": management_group, "shell": shell}
    settings, choice = prepare({**by_key(given), **scope}, os.environ)
    if sum((builtin, graph, bool(check_against))) > 1:
        raise UsageError("--builtin, --graph and --check-against exclude each other", hint="leave all but one out")
    if format not in ("", *FORMATS):
        raise UsageError(f"there is no format {format}", hint=f"one of {', '.join(FORMATS)}")
    instead = "--builtin" if builtin else "--graph" if graph else "--check-against" if check_against else ""
    if instead and format not in ("", "json"):
        printed = "JSON" if graph else "text, or JSON with --format json"
        raise UsageError(f"{instead} has no format {format}", hint=f"{instead} prints {printed}; leave --format out")
    plan = _plan(settings, choice)
    if graph:
        _print_graph(plan)
    elif check_against:
        raise typer.Exit(_check(plan, check_against, as_json=format == "json"))
    elif builtin:
        _print_builtin(plan, settings, as_json=format == "json")
    else:
        _print_role(plan, settings, choice, name, without or (), format or "json")


def _plan(settings: Settings, choice: Choice) -> Plan:
    from azscan.collect.plan import Plan
    from azscan.scan import params_of

    return Plan(choice.catalog, choice.checks, params_of(settings, choice.catalog))


def _print_role(
    plan: Plan, settings: Settings, choice: Choice, name: str, without: Words | tuple[()], format: str
) -> None:
    from azscan.cli.role_page import graph_notes, role_notes
    from azscan.report.text import visible
    from azscan.rights.role import PLACEHOLDER, role_for, scopes_for
    from azscan.rights.writing import FORMATS as WRITERS

    scopes = scopes_for(settings.subscriptions, settings.management_groups) or (PLACEHOLDER,)
    made: Role = role_for(plan, name=name, scopes=scopes, checks=len(choice.checks), without=without)
    beside = graph_notes(plan)
    comments = [visible(line) for line in (made.description, *beside)]
    typer.echo(WRITERS[format](made, comments, settings.shell), nl=False)
    if settings.quiet:
        return
    for note in (*role_notes(plan, made), *(beside if format == "json" else ())):
        say(f"note: {note}")


def _print_graph(plan: Plan) -> None:
    from azscan.collect.needs import needs_of
    from azscan.rights.role import graph_permissions

    found = graph_permissions(needs_of(plan))
    permissions = [{"permission": name, "checks": sorted(checks)} for name, checks in found.items()]
    print_json({"schema": "azscan.graph-permissions/1", "permissions": permissions})


def _check(plan: Plan, path: str, *, as_json: bool) -> int:
    """Tell what the role in a file leaves unreadable; returns the exit code."""
    from azscan.cli.role_page import gaps_document, print_gaps
    from azscan.rights.gaps import gaps_of
    from azscan.rights.role_file import read_role_file

    given = read_role_file(path)
    gaps = gaps_of(plan, given.entries)
    if as_json:
        print_json(gaps_document(plan, given.names, gaps))
    else:
        page = stdout_page()
        print_gaps(page, plan, ", ".join(filter(None, given.names)) or path, gaps)
        page.flush()
    return UNREADABLE if gaps.checks else 0


def _print_builtin(plan: Plan, settings: Settings, *, as_json: bool) -> None:
    from azscan.cli.role_page import builtin_document, print_builtin
    from azscan.rights.role import PLACEHOLDER, scopes_for

    scopes = scopes_for(settings.subscriptions, settings.management_groups) or (PLACEHOLDER,)
    document: Mapping[str, Any] = builtin_document(plan, scopes)
    if as_json:
        print_json(document)
    else:
        page = stdout_page()
        print_builtin(page, document)
        page.flush()
