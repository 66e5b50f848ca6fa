"""`azscan mappings`: for those who keep the frameworks' files; reads nothing of Azure."""

from __future__ import annotations

from pathlib import Path

import typer

from azscan.cli.options import CHECKS_DIR, MAPPINGS_DIR, Words, resolve_own
from azscan.cli.stdout import FORMAT, check_format, print_json, print_line, say

app = typer.Typer(
    help="Keep the frameworks' files", rich_markup_mode="rich", no_args_is_help=True, add_completion=False
)

NAME = typer.Argument(..., metavar="FRAMEWORK", help="Name of the framework")
EDGES = typer.Option(..., "--edges", metavar="FILE", help="Table of edges: policy, framework, control, tab separated")
KEY = typer.Option("", "--key", metavar="NAME", help="The framework's name in the table, where it is another one")
PREFIX = typer.Option("", "--prefix", metavar="TEXT", help="What the table's control ids lack at their beginning")


@app.callback()
def group() -> None:
    """Keep the frameworks' files."""


@app.command(help="Propose edges from a table that ties built-in policies to controls")
def derive(
    framework: str = NAME,
    edges: Path = EDGES,
    key: str = KEY,
    prefix: str = PREFIX,
    format: str = FORMAT,
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
) -> None:
    """Print the edges that follow from the policies of checks, and are neither in the file nor left out there.

    One line each: proposed, control, check, policies, tabs between them; lines that begin with unfounded are edges of
    the file that say `basis: microsoft` although the table does not have them.
    """
    import msgspec

    from azscan.catalog.derive import derive as derived_from
    from azscan.catalog.derive import read_edges
    from azscan.catalog.load import load
    from azscan.frameworks import find

    check_format(format)
    given = resolve_own(checks_dir=checks_dir, mappings_dir=mappings_dir)
    catalog = load(given.checks_dir, given.mappings_dir)
    found = find(catalog.frameworks, framework)
    derived = derived_from(found, catalog.checks.values(), read_edges(edges, key or framework, prefix))
    if format == "json":
        print_json(msgspec.to_builtins(derived))
        return
    for word, some in (("proposed", derived.proposed), ("unfounded", derived.unfounded)):
        for each in some:
            print_line("\t".join((word, each.control, each.check, ", ".join(each.policies))))
    total = len(derived.kept) + len(derived.left_out) + len(derived.proposed)
    say(
        f"{framework}: of {total} edges that the table draws for our checks {len(derived.kept)} are kept, "
        f"{len(derived.left_out)} left out with a reason, {len(derived.proposed)} proposed"
    )
    if derived.strangers:
        say(f"controls that the file lacks: {', '.join(derived.strangers)}")
