"""`azscan config`: whether azscan.yaml is right, and where each setting comes from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from azscan.cli.options import (
    CHECKS_DIR,
    GATE,
    MAPPINGS_DIR,
    OUTPUT,
    SCOPE,
    SELECTION,
    SIGN_IN,
    Words,
    by_key,
    resolve_own,
    taking,
)
from azscan.cli.scan import scan
from azscan.cli.stdout import FORMAT, check_format, print_json, print_line, say, stdout_page
from azscan.config import CONFIG_NAME, EXPLICIT, Config, ConfigError
from azscan.errors import UsageError
from azscan.options import OPTION_KEYS
from azscan.settings import Settings, check_names, resolve

if TYPE_CHECKING:
    from azscan.catalog.model import Catalog
    from azscan.decisions import Decision

app = typer.Typer(
    help="Validate azscan.yaml, and show where each setting comes from",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
)

FILE = typer.Argument("", metavar="[FILE]", help="The file (that which a scan from here would use)")
DEFAULT = "default"


class Row(NamedTuple):
    """A setting: its key, its value as JSON has it, and the option, variable, file and line that it comes from."""

    key: str
    value: Any
    source: str


@app.command(help="Print every fault of azscan.yaml with its line and column (exit 2)")
def validate(file: str = FILE, checks_dir: Words = CHECKS_DIR, mappings_dir: Words = MAPPINGS_DIR) -> None:
    """Print every fault, one line each: file, line, column, what is wrong; exit 2 where there is one.

    A FILE is judged as one that --config names. What has expired is no fault, but a warning.
    """
    from azscan.catalog.load import load
    from azscan.choosing import configuration, judge
    from azscan.decisions import warnings
    from azscan.words import count

    own = resolve_own(checks_dir=checks_dir, mappings_dir=mappings_dir)
    folders = {"checks_dir": own.checks_dir, "mappings_dir": own.mappings_dir}
    try:
        named = {name: value for name, value in os.environ.items() if name == "AZSCAN_CONFIG"}
        config = configuration(folders, named, file=file)
        if not config.file:
            raise UsageError(f"there is no {CONFIG_NAME} here", hint="name the file: azscan config validate FILE")
        # As a scan without options would, with the folders that the file names.
        settings = resolve(folders, {}, config)
        catalog = load(settings.checks_dir, settings.mappings_dir)
        judge(config, settings, catalog)
    except ConfigError as error:
        for fault in error.faults:
            print_line(str(fault))
        say(count(len(error.faults), "fault"))
        raise typer.Exit(2) from None
    print_line(f"{config.file}: no faults")
    value = config.source.value if config.source else {}
    for key in sorted(EXPLICIT & set(value)):
        say(f"note: {key} counts only where this file is named with --config")
    for line in warnings(_decided(settings, catalog)):
        say(f"warning: {line}")


@app.command(help="Show the settings that a scan with these options would have, and where each comes from")
@taking(scan, SIGN_IN, SCOPE, SELECTION, OUTPUT, GATE, "Reading", "Messages")
def show(format: str = FORMAT, **given: Any) -> None:
    """Show every setting with its source: an option, a variable, a line of azscan.yaml, or the default.

    Piped, one line each: key, value, source, tabs between them.
    """
    import msgspec

    from azscan.azure.answers import FAULT_KINDS
    from azscan.catalog.load import load
    from azscan.choosing import configuration

    check_format(format)
    given = by_key(given)
    config = configuration(given, os.environ)
    settings = resolve(given, os.environ, config)
    rows, params = list(_rows(settings, config)), list(_params(config))
    catalog = load(settings.checks_dir, settings.mappings_dir)
    check_names(config, catalog, FAULT_KINDS)
    decided = _decided(settings, catalog)
    if format == "json":
        parts = {
            "settings": [row._asdict() for row in rows],
            "params": [row._asdict() for row in params],
            "decisions": [msgspec.to_builtins(each) for each in decided],
        }
        print_json({"schema": "azscan.config/1", "file": config.file, **parts})
        return
    told = [*rows, *params, *(Row(each.kind, each.what, each.source) for each in decided)]
    if sys.stdout.isatty():
        page = stdout_page()
        page.line("configuration: ", config.file or f"no {CONFIG_NAME}")
        width = max(len(row.key) for row in told)
        for row in told:
            style = "" if row.source == DEFAULT else "bold"
            page.line(f"{row.key:<{width}}  ", (_words(row.value), style), (f"  ({row.source})", "dim"))
        page.flush()
        return
    from azscan.report.text import visible

    for row in told:
        print_line("\t".join(map(visible, (row.key, _words(row.value), row.source))))


def _rows(settings: Settings, config: Config) -> Iterator[Row]:
    """The options; what may stay unreadable is told among the decisions."""
    for key in OPTION_KEYS:
        if key.name != "allow-unreadable":
            source = settings.sources.get(key.name, DEFAULT)
            if config.file and source == config.file:
                source = _place(config, key.name)
            yield Row(key.name, getattr(settings, key.field), source)


def _params(config: Config) -> Iterator[Row]:
    for check, values in config.params.items():
        for name, value in values.items():
            yield Row(f"params.{check}.{name}", value, _place(config, "params", check, name))


def _place(config: Config, *keys: str) -> str:
    return f"{config.file}:{config.source.at(keys)[0]}" if config.source else config.file


def _decided(settings: Settings, catalog: Catalog) -> tuple[Decision, ...]:
    from azscan.decisions import decisions
    from azscan.severities import override

    today = datetime.now(UTC).date()
    _, overrides = override(catalog, settings.severity_overrides, today)
    return decisions(
        settings.waivers, settings.off, overrides, settings.allow_unreadable, is_scanned=False, today=today
    )


def _words(value: Any) -> str:
    """A value as people write it: words with commas between them, true or false."""
    import msgspec

    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()
