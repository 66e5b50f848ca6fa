"""`azscan frameworks`: what is mapped to which control, and how much of it checks decide; reads nothing of Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from azscan.cli.options import CHECKS_DIR, MAPPINGS_DIR, Words, resolve_own
from azscan.cli.stdout import FORMAT, check_format, print_json, print_line, stdout_page

if TYPE_CHECKING:
    from azscan.catalog.model import Catalog

app = typer.Typer(
    help="List frameworks, show their controls, and how much of them checks decide",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
)

NAME = typer.Argument(..., metavar="NAME", help="Name of the framework")
CONTROL = typer.Argument("", metavar="[CONTROL]", help="A control: show the checks behind it")


@app.command("list", help="List the frameworks")
def list_frameworks(format: str = FORMAT, checks_dir: Words = CHECKS_DIR, mappings_dir: Words = MAPPINGS_DIR) -> None:
    """Print the frameworks: piped, one line each: name, number of controls, title, tabs between them."""
    from azscan.cli.framework_page import covered

    check_format(format)
    catalog = _load(checks_dir, mappings_dir)
    rows = [covered(framework) for framework in catalog.frameworks.values()]
    if format == "json":
        print_json({"schema": "azscan.frameworks/1", "frameworks": [row.as_json() for row in rows]})
        return
    for row in rows:
        print_line(f"{row.key}\t{row.controls}\t{row.title}")


@app.command(help="Show the controls of a framework, or the checks behind one control")
def show(
    framework: str = NAME,
    control: str = CONTROL,
    format: str = FORMAT,
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
) -> None:
    """Show every control with its checks, or why no read decides it; with a control, the checks behind it."""
    import msgspec

    from azscan.cli.framework_page import find_control, print_control, print_framework
    from azscan.frameworks import find

    check_format(format)
    catalog = _load(checks_dir, mappings_dir)
    found = find(catalog.frameworks, framework)
    chosen = find_control(found, control) if control else None
    if format == "json":
        print_json(msgspec.to_builtins(chosen or found))
        return
    page = stdout_page()
    if chosen is None:
        print_framework(page, found)
    else:
        print_control(page, catalog, found, chosen)
    page.flush()


@app.command(help="Tell how much of each framework checks decide")
def coverage(format: str = FORMAT, checks_dir: Words = CHECKS_DIR, mappings_dir: Words = MAPPINGS_DIR) -> None:
    """Print, for each framework, its controls by how they are answered, and the edges by who drew them."""
    from azscan.cli.framework_page import covered, print_coverage

    check_format(format)
    catalog = _load(checks_dir, mappings_dir)
    rows = [covered(framework) for framework in catalog.frameworks.values()]
    if format == "json":
        print_json({"schema": "azscan.coverage/1", "frameworks": [row.as_json() for row in rows]})
        return
    page = stdout_page()
    print_coverage(page, rows)
    page.flush()


def _load(checks_dir: Words, mappings_dir: Words) -> Catalog:
    from azscan.catalog.load import load

    given = resolve_own(checks_dir=checks_dir, mappings_dir=mappings_dir)
    return load(given.checks_dir, given.mappings_dir)
