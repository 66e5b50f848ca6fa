"""The az commands that fixes print, and the record of which commands and options the Azure CLI has.

azure_cli.tsv holds each command in use with its options in use and where they are documented. It is written anew with
`python -m tests.contract.azure_cli`, by a Python that has azure-cli installed beside azscan (it is no dependency);
commands of az's extensions, which azure-cli does not bring, keep the row that was written by hand.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from azscan.catalog.load import load
from azscan.catalog.model import Catalog

RECORD = Path(__file__).resolve().with_name("azure_cli.tsv")
HEADER = "command\toptions\tsource\n"
REFERENCE = "https://learn.microsoft.com/cli/azure/"
# These, every command has (https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-options).
GLOBAL = frozenset({"--subscription", "--debug", "--help", "--only-show-errors", "--output", "--query", "--verbose"})
_OPTION = re.compile(r"--?[A-Za-z]")  # not a negative number
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")


class Known(NamedTuple):
    """A command's options, and the page (or the version of azure-cli) that says so."""

    options: frozenset[str]
    source: str


def commands(catalog: Catalog) -> dict[str, dict[str, set[str]]]:
    """Command → option → the checks whose fix uses them; a command without options has an empty map."""
    found: dict[str, dict[str, set[str]]] = {}
    for check in catalog.checks.values():
        if check.fix.cli:
            command, options = parsed(check.fix.cli)
            by_option = found.setdefault(command, {})
            for option in options - GLOBAL:
                by_option.setdefault(option, set()).add(check.id)
    return found


def parsed(text: str) -> tuple[str, frozenset[str]]:
    """The command and the long options of a printed line; ValueError where it is no single az command."""
    lexer = shlex.shlex(_PLACEHOLDER.sub("x", text), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    if words[:1] != ["az"] or re.search(r"\n|`|\$\(", text) or any(set(word) <= set(";|&<>()") for word in words):
        raise ValueError(f"not one az command: {text}")
    first = next((at for at, word in enumerate(words) if _OPTION.match(word)), len(words))
    return " ".join(words[:first]), frozenset(word.partition("=")[0] for word in words if _OPTION.match(word))


def read() -> dict[str, Known]:
    """The record: command → its options and their source."""
    lines = RECORD.read_text(encoding="utf-8").splitlines()
    assert lines[0] + "\n" == HEADER
    rows = [line.split("\t") for line in lines[1:]]
    assert rows == sorted(rows), f"{RECORD.name} is not sorted"
    return {command: Known(frozenset(options.split()), source) for command, options, source in rows}


def write(record: Mapping[str, Known]) -> None:
    """Write the record, sorted."""
    rows = [f"{command}\t{' '.join(sorted(known.options))}\t{known.source}\n" for command, known in record.items()]
    RECORD.write_text(HEADER + "".join(sorted(rows)), encoding="utf-8")


def renewed(
    catalog: Catalog, old: Mapping[str, Known], has: Mapping[str, Iterable[str]], version: str
) -> dict[str, Known]:
    """The record for the commands in use: from `has` (all of azure-cli's), or as it stood for an extension's."""
    record: dict[str, Known] = {}
    for command, options in commands(catalog).items():
        if command in has:
            record[command] = Known(frozenset(options) & frozenset(has[command]), f"azure-cli {version}")
        elif command in old:
            record[command] = Known(frozenset(options) & old[command].options, old[command].source)
    return record


def _installed() -> tuple[dict[str, set[str]], str]:
    """Every command of the installed azure-cli with its options, and its version."""
    from importlib.metadata import version

    from azure.cli.core import get_default_cli  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from azure.cli.core.file_util import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        create_invoker_and_load_cmds_and_args,
    )

    cli = get_default_cli()
    create_invoker_and_load_cmds_and_args(cli)
    table = cli.invocation.commands_loader.command_table
    has: dict[str, set[str]] = {}
    for name, command in table.items():
        listed = (option for argument in command.arguments.values() for option in argument.options_list or ())
        has[f"az {name}"] = {str(getattr(option, "target", None) or option) for option in listed}
    return has, version("azure-cli")


if __name__ == "__main__":
    has, version = _installed()
    catalog = load()
    write(renewed(catalog, read(), has, version))
    unknown = commands(catalog).keys() - read().keys()
    sys.exit(f"no command of azure-cli, and not on record: {', '.join(sorted(unknown))}" if unknown else 0)
