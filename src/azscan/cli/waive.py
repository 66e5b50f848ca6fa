"""`azscan waive`: write a waiver into azscan.yaml."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from azscan.cli.options import CHECKS_DIR, Words, option
from azscan.cli.stdout import print_line, say
from azscan.config import CONFIG_NAME, WAIVER_KEYS, Config
from azscan.errors import UsageError
from azscan.settings import find_config, load_config, resolve

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

COVERS, RECORD, FILE = "Covers", "Record", "File"
_SAYS = {key.name: key.says for key in WAIVER_KEYS}

CHECKS = typer.Argument(..., metavar="CHECK...", help="Checks whose findings are accepted, as ids or globs")
RESOURCE = typer.Option(None, "--resource", metavar="ID", help=_SAYS["resources"], rich_help_panel=COVERS)
TAG = typer.Option(None, "--tag", metavar="NAME", help=_SAYS["tags"], rich_help_panel=COVERS)
GROUP = typer.Option(None, "--resource-group", metavar="NAME", help=_SAYS["resource-groups"], rich_help_panel=COVERS)
SUBSCRIPTION = typer.Option(None, "--subscription", metavar="ID", help=_SAYS["subscriptions"], rich_help_panel=COVERS)
MANAGED_BY = typer.Option(None, "--managed-by", metavar="ID", help=_SAYS["managed-by"], rich_help_panel=COVERS)
REASON = typer.Option(..., "--reason", metavar="TEXT", help=_SAYS["reason"], rich_help_panel=RECORD)
EXPIRES = typer.Option(
    ...,
    "--expires",
    metavar="DAY",
    help="Last day on which it counts: 2027-01-31, 90d (days from today) or never",
    rich_help_panel=RECORD,
)
APPROVED_BY = typer.Option("", "--approved-by", metavar="NAME", help=_SAYS["approved-by"], rich_help_panel=RECORD)
TICKET = typer.Option("", "--ticket", metavar="TEXT", help=_SAYS["ticket"], rich_help_panel=RECORD)
DRY_RUN = typer.Option(False, "--dry-run", metavar="", help="Print the entry, write nothing", rich_help_panel=FILE)


@app.command()
def waive(
    checks: Words = CHECKS,
    resource: Words = RESOURCE,
    tag: Words = TAG,
    resource_group: Words = GROUP,
    subscription: Words = SUBSCRIPTION,
    managed_by: Words = MANAGED_BY,
    reason: str = REASON,
    expires: str = EXPIRES,
    approved_by: str = APPROVED_BY,
    ticket: str = TICKET,
    config: str = option("--config", FILE, metavar="FILE"),
    checks_dir: Words = CHECKS_DIR,
    dry_run: bool = DRY_RUN,
) -> None:
    """Accept findings: write a waiver into azscan.yaml, and leave everything else in the file as it is.

    The findings of the checks become waived on the resources that fit each of the options under Covers. The entry goes
    into the file that a scan from here would use, or into a new azscan.yaml in the current folder.
    """
    from azscan.amend import amend, entry_lines
    from azscan.catalog.load import load
    from azscan.catalog.source import parse
    from azscan.waiving import new_entry, twin

    today = datetime.now(UTC).date()
    path, shown, found = _file(config or os.environ.get("AZSCAN_CONFIG", "").strip())
    variables = {name: value for name, value in os.environ.items() if name == "AZSCAN_CHECKS_DIR"}
    catalog = load(resolve({"checks_dir": checks_dir}, variables, found).checks_dir)
    given: dict[str, Any] = {
        "checks": checks,
        "resources": resource,
        "tags": tag,
        "resource-groups": resource_group,
        "subscriptions": subscription,
        "managed-by": managed_by,
        "reason": reason,
        "approved-by": approved_by,
        "ticket": ticket,
        "expires": expires,
    }
    entry = new_entry(catalog, given, today)
    if same := twin(found.waivers, entry, today):
        until = f"until {same.expires}" if same.expires else "for good"
        raise UsageError(f"{same.source} waives the same {until}", hint="change that entry")
    if dry_run:
        _print(entry_lines(entry))
        return
    changed = amend(path.read_bytes() if path.exists() else b"version: 1\n", "waivers", entry, shown)
    _write(path, changed)
    line, _ = parse(changed, shown).at(("waivers", len(found.waivers)))
    print_line(f"{shown}:{line}")
    _print(entry_lines(entry))


def _file(named: str) -> tuple[Path, str, Config]:
    """The file to write into, its name for people, and what it says now; nothing where it does not exist yet."""
    path = Path(named) if named else find_config(Path.cwd()) or Path.cwd() / CONFIG_NAME
    shown = named or os.path.relpath(path)
    return path, shown, load_config(named) if path.exists() else Config()


def _write(path: Path, data: bytes) -> None:
    from azscan.report.output import open_output

    if path.is_symlink():
        say(f"note: {path} was a link; it becomes a file of its own, and what it led to stays as it was")
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
    else:
        # Unlike a report, the file is meant for the whole team.
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    with open_output(str(path), mode=mode) as stream:
        stream.write(data)


def _print(lines: str) -> None:
    for line in lines.splitlines():
        print_line(f"  {line}")
