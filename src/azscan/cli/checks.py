"""`azscan checks`: list, show, write, validate and test checks; reads nothing of Azure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from azscan.cli.again import show_check
from azscan.cli.options import CHECKS_DIR, MAPPINGS_DIR, SELECTION, Words, option, resolve_own
from azscan.cli.stdout import FORMAT, check_format, print_json, print_line, say, stdout_page
from azscan.errors import MisfitError, OutputError, UsageError
from azscan.settings import blamed

if TYPE_CHECKING:
    from azscan.catalog.model import Check
    from azscan.report.page import Page

app = typer.Typer(
    help="List, show, write, validate and test checks",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
)

SERVICE, CHECK, SEVERITY, AREA, FRAMEWORK = (
    option(name, SELECTION) for name in ("--service", "--check", "--severity", "--area", "--framework")
)
STRICT = typer.Option(False, "--strict", metavar="", help="Report keys that are out of order too")
CHECK_ID = typer.Argument(..., metavar="ID", help="Id of the check")
DOCS_FOLDER = typer.Argument(Path("docs/checks"), metavar="[FOLDER]", help="Folder of the pages (docs/checks)")
ONLY_CHECK = typer.Option(False, "--check", help="Write nothing: list the pages that are stale")
CHECK_IDS = typer.Argument(None, metavar="[ID]...", help="Ids or globs of checks (all by default)")


@app.command("list", help="List the checks")
def list_checks(
    service: Words = SERVICE,
    check: Words = CHECK,
    severity: Words = SEVERITY,
    area: Words = AREA,
    framework: Words = FRAMEWORK,
    format: str = FORMAT,
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
) -> None:
    """Print the checks that fit; piped, one line each: id, severity, status, service and title, tabs between them."""
    from azscan.catalog.load import load
    from azscan.catalog.select import select
    from azscan.frameworks import choose

    check_format(format)
    given = resolve_own(
        checks_dir=checks_dir,
        mappings_dir=mappings_dir,
        services=service,
        checks=check,
        severities=severity,
        areas=area,
        frameworks=framework,
    )
    catalog = load(given.checks_dir, given.mappings_dir)
    wanted = given.checks or ("*",)
    try:
        chosen = select(catalog, given.services, wanted, given.severities, given.areas) if catalog.checks else ()
        if given.frameworks:
            covered = choose(catalog.frameworks, given.frameworks).checks
            chosen = tuple(each for each in chosen if each.id in covered)
    except MisfitError as error:
        raise blamed(given, error) from None
    if format == "json":
        print_json({"schema": "azscan.checks/1", "checks": [_row(each) for each in chosen]})
    elif sys.stdout.isatty():
        _print_list(stdout_page(show_check(given)), chosen)
    else:
        for each in chosen:
            print_line("\t".join((each.id, each.severity, each.status, each.service, each.title)))


@app.command(help="Show everything about one check")
def show(
    check: str = CHECK_ID,
    format: str = FORMAT,
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
) -> None:
    """Show everything about one check."""
    from azscan.catalog.load import load
    from azscan.catalog.select import find
    from azscan.cli.check_page import controls_of, print_check

    check_format(format)
    given = resolve_own(checks_dir=checks_dir, mappings_dir=mappings_dir)
    catalog = load(given.checks_dir, given.mappings_dir)
    found = find(catalog, check)
    if format == "json":
        import msgspec

        print_json(msgspec.to_builtins(found) | {"controls": controls_of(catalog, found)})
    else:
        page = stdout_page()
        print_check(page, catalog, found)
        page.flush()


@app.command(help="Write the draft of a check into the first --checks-dir, or into checks/")
def new(check: str = CHECK_ID, checks_dir: Words = CHECKS_DIR) -> None:
    """Write the draft of a new check into the first --checks-dir, or into checks/."""
    from azscan.catalog.draft import draft, service_of
    from azscan.catalog.load import inspect, locate

    folders = resolve_own(checks_dir=checks_dir).checks_dir
    target = Path(folders[0]) if folders else Path("checks")
    if not target.is_dir():
        hint = f"make it first: mkdir {target}" if folders else "name a folder of your own: --checks-dir FOLDER"
        raise UsageError(f"there is no folder {target}", hint=hint)
    is_shipped = target.resolve() == (locate() / "checks").resolve()
    # A catalogue with faults elsewhere is no reason not to begin a check.
    catalog, _ = inspect(folders or ([] if is_shipped else [target]))
    service = service_of(catalog, check)
    path = target / service.name / f"{check}.yaml"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(draft(check, service))
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="choose another id, or edit that file") from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}", hint="choose another --checks-dir") from error
    print_line(str(path))
    option = "" if is_shipped else f" --checks-dir {target}"
    say(f"Fill it in, then run: azscan checks validate{option} && azscan checks test {check}{option}")


@app.command(help="Validate the catalogue and print every fault (exit 2)")
def validate(
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
    strict: bool = STRICT,
) -> None:
    """Validate the catalogue and print every fault in it; exit 2 where there is one."""
    from azscan.catalog.load import inspect
    from azscan.catalog.validate import summary
    from azscan.words import count

    given = resolve_own(checks_dir=checks_dir, mappings_dir=mappings_dir)
    catalog, faults = inspect(given.checks_dir, given.mappings_dir, strict=strict)
    for fault in faults:
        print_line(str(fault))
    if faults:
        say(summary(faults))
        raise typer.Exit(2)
    numbers = (
        count(len(catalog.checks), "check"),
        count(len(catalog.services), "service"),
        count(len(catalog.frameworks), "framework"),
    )
    print_line(f"{', '.join(numbers)}: no faults")


@app.command(help="Run the examples of checks (exit 10 where one fails)")
def test(checks: Words = CHECK_IDS, checks_dir: Words = CHECKS_DIR) -> None:
    """Run the examples of the checks; exit 10 where one gets another verdict than it must."""
    from azscan.catalog.examples import run_examples
    from azscan.catalog.load import load
    from azscan.catalog.select import select
    from azscan.words import count

    catalog = load(resolve_own(checks_dir=checks_dir).checks_dir)
    chosen = select(catalog, checks=checks or ("*",)) if catalog.checks else ()
    ran = failed = 0
    for check in chosen:
        for result in run_examples(check):
            ran += 1
            if not result.is_right:
                failed += 1
                place = f"{check.file}: example {result.number} under {result.expected}"
                print_line(f"{place} gets {result.outcome}")
                for ground in result.grounds:
                    print_line(f"    {ground}")
    print_line(f"{count(ran, 'example')} of {count(len(chosen), 'check')}: {failed or 'none'} failed")
    if failed:
        raise typer.Exit(10)


@app.command("docs", help="Write the pages of the shipped checks (with --check: exit 10 where one is stale)")
def write_docs(folder: Path = DOCS_FOLDER, check: bool = ONLY_CHECK) -> None:
    """Write a page of Markdown for each service of the shipped catalogue; --check only compares, and exits 10."""
    from azscan.catalog.load import load
    from azscan.cli.check_pages import pages, stale, write

    wanted = pages(load())
    try:
        changed = stale(folder, wanted) if check else write(folder, wanted)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}", hint="choose another folder") from error
    for name in changed:
        print_line(str(folder / name))
    if check and changed:
        say(f"stale; write them anew: azscan checks docs {folder}")
        raise typer.Exit(10)


def _print_list(page: Page, checks: Sequence[Check]) -> None:
    from itertools import groupby

    from azscan.words import count

    for service, group in groupby(sorted(checks, key=lambda one: one.service), key=lambda one: one.service):
        page.heading(service)
        for check in group:
            status = "" if check.status == "stable" else f" ({check.status})"
            page.line(f"  {check.severity:<8}  ", (check.id, "bold"), status)
            page.line(" " * 12, (check.title, "dim"))
    page.blank()
    deprecated = sum(check.status == "deprecated" for check in checks)
    apart = f", {deprecated} of them deprecated (a scan runs such a check only where --check names it)"
    page.line("", f"{count(len(checks), 'check')}{apart if deprecated else ''}")
    page.command("everything about one: ", f"{page.options.show_check} ID")
    page.flush()


def _row(check: Check) -> dict[str, Any]:
    names = ("id", "title", "severity", "status", "service", "area", "subject", "aliases", "policy", "file")
    return {name: getattr(check, name) for name in names}
