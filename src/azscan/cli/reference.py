"""The parts of the documentation that come from the code: `python -m azscan.cli.reference` writes them anew.

docs/cli.md, docs/checks and the schemas of azscan.yaml and the JSON report are written whole. In other pages what
stands between `<!-- generated: NAME -->` and `<!-- end -->` is.
"""

from __future__ import annotations

import argparse
import importlib
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from azscan.catalog import tables
from azscan.catalog.kinds import Table
from azscan.catalog.load import load
from azscan.catalog.model import AREAS, Catalog, Collection
from azscan.catalog.schema import FOLDER, render
from azscan.cli import COMMANDS, check_pages
from azscan.cli.options import default_of
from azscan.collect.plan import Plan
from azscan.config import ALLOWANCE_KEYS, OFF_KEYS, SEVERITY_KEYS, WAIVER_KEYS, config_schema
from azscan.options import OPTION_KEYS, Key
from azscan.report.json_report import results_schema
from azscan.rights.role import actions_for

CLI_PAGE: Final = "docs/cli.md"
CHECK_PAGES: Final = "docs/checks"
PAGES: Final = (
    "README.md",
    "CHANGELOG.md",
    "docs/azscan-yaml.md",
    "docs/permissions.md",
    "docs/writing-checks.md",
)

_BLOCK: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\s*\[(AZSCAN_[A-Z_]+)\]$")
_WIDTH: Final = 118


def main() -> None:
    """Write every generated part below the folder given (or the current one)."""
    parser = argparse.ArgumentParser(prog="python -m azscan.cli.reference", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="the root of the project")
    root: Path = parser.parse_args().folder
    for name, text in rendered(root).items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")
        print(name)


def rendered(root: Path) -> dict[str, str]:
    """What each page ought to hold, by its path below `root`."""
    catalog = load()
    pages = {CLI_PAGE: cli_page()}
    schemas = {"config": config_schema(), "results": results_schema()}
    pages |= {f"{FOLDER}/{name}.schema.json": render(schema) for name, schema in schemas.items()}
    pages |= {f"{CHECK_PAGES}/{name}": text for name, text in check_pages.pages(catalog).items()}
    for name in PAGES:
        pages[name] = _filled((root / name).read_text(encoding="utf-8"), catalog)
    return pages


def stale(root: Path) -> list[str]:
    """The pages that do not hold what they ought to."""
    return [name for name, text in rendered(root).items() if not _holds(root / name, text)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _filled(text: str, catalog: Catalog) -> str:
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](catalog)}\n{found[3]}", text)


# -- the command line --------------------------------------------------------------------------------------------


def cli_page() -> str:
    """The whole reference of the command line."""
    lines = [
        "# The command line",
        "",
        "Generated from the commands' own help by `python -m azscan.cli.reference`; do not edit.",
        "",
        "An option wins over its variable, the variable over azscan.yaml, that over the default.",
        "An option marked with * may be given several times; its variable takes a list separated by commas.",
        "An `AZSCAN_` variable that azscan does not know is a warning with the nearest name.",
        "A flag's variable is set by 1, true, yes or on. Exit codes stand in [exit codes](exit-codes.md).",
    ]
    for name, command in commands():
        lines += ["", f"## {name}", "", *_prose(command)]
        for panel, rows in _panels(command).items():
            lines += ["", f"### {panel}", "", "| option | variable | meaning | default |", "| --- | --- | --- | --- |"]
            lines += rows
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its whole name ("azscan checks list")."""
    import typer

    for name, (module, _) in COMMANDS.items():
        command = typer.main.get_command(importlib.import_module(module).app)
        below: Mapping[str, Any] = getattr(command, "commands", {})
        if not below or getattr(command, "invoke_without_command", False):
            yield f"azscan {name}", command
        for sub, each in below.items():
            yield f"azscan {name} {sub}", each


def _prose(command: Any) -> list[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    words = " ".join(str(param.metavar or param.name).strip() for param in arguments)
    text = [paragraph.replace("\n", " ") for paragraph in (command.help or "").split("\n\n")]
    lines = [line for paragraph in text for line in (*_wrapped(paragraph), "")]
    lines += [f"Arguments: `{words}`: {_says(arguments[0])[0]}.", ""] if arguments else []
    return lines[:-1]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _panels(command: Any) -> dict[str, list[str]]:
    panels: dict[str, list[str]] = {}
    for param in command.params:
        if param.param_type_name == "option" and param.name != "help":
            panels.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(_row(param))
    return panels


def _row(param: Any) -> str:
    says, variable = _says(param)
    names = ", ".join(f"`{name}`" for name in param.opts)
    metavar = "" if param.is_flag else f" {param.metavar}"
    many = " *" if param.multiple else ""
    shown = f"`{variable}`" if variable else ""
    return f"| {names}{metavar}{many} | {shown} | {says} | {_default(param, variable)} |"


def _says(param: Any) -> tuple[str, str]:
    """What the help says, without the default, and the variable that it names."""
    text = param.help or ""
    found = _VARIABLE.search(text)
    if not found:
        return text, ""
    return text[: found.start()].removesuffix(f", default {_default(param, found[1])}"), found[1]


def _default(param: Any, variable: str) -> str:
    if param.is_flag:
        return ""
    key = next((key for key in OPTION_KEYS if key.variable == variable), None) if variable else None
    if key is not None:
        return default_of(key)
    value = f"{param.default:g}" if isinstance(param.default, float) else param.default
    return "" if value in (None, "") or isinstance(value, list | tuple) else str(value)


# -- blocks ------------------------------------------------------------------------------------------------------


def _services(catalog: Catalog) -> str:
    """The services of each area with their number of checks, without those that run only where they are named."""
    live = [check for check in catalog.checks.values() if check.status != "deprecated"]
    numbers = Counter(check.service for check in live)
    rows = ["| area | services, with their number of checks | checks |", "| --- | --- | --- |"]
    for area in AREAS:
        names = sorted(name for name, service in catalog.services.items() if service.area == area)
        if names:
            told = ", ".join(f"`{name}` {numbers[name]}" for name in names)
            rows.append(f"| {area} | {told} | {sum(numbers[name] for name in names)} |")
    rows.append(f"| | {len(catalog.services)} services | {len(live)} |")
    return "\n".join(rows)


def _frameworks(catalog: Catalog) -> str:
    """The frameworks that are mapped, with their coverage."""
    if not catalog.frameworks:
        return "No framework is mapped yet."
    rows = ["| `--framework` | | controls | with a check |", "| --- | --- | --- | --- |"]
    for name, framework in sorted(catalog.frameworks.items()):
        covered = sum(bool(control.checks) for control in framework.controls)
        rows.append(f"| `{name}` | {framework.title} | {len(framework.controls)} | {covered} |")
    return "\n".join(rows)


def _new_checks(catalog: Catalog) -> str:
    """How many checks each service brings: before a first release every check is new."""
    numbers = Counter(check.service for check in catalog.checks.values())
    told = ", ".join(f"{service.title} ({numbers[name]})" for name, service in sorted(catalog.services.items()))
    return "\n".join(_wrapped(f"{numbers.total()} checks of {len(catalog.services)} services: {told}."))


def _graph_permissions(catalog: Catalog) -> str:
    """Which permission of Microsoft Graph each read needs."""
    needed: dict[tuple[tuple[str, ...], str], list[Collection]] = {}
    for kind in catalog.collections.values():
        if kind.host == "graph":
            needed.setdefault((kind.permission, kind.licence), []).append(kind)
    if not needed:
        return "No check reads Microsoft Graph yet."
    rows = ["| permission (any one of a row) | for | licence |", "| --- | --- | --- |"]
    for (permissions, licence), kinds in sorted(needed.items()):
        names = ", ".join(f"`{each}`" for each in permissions) or "none beyond sign-in"
        what = ", ".join(f"`{path}`" for path in sorted({kind.list or kind.get for kind in kinds}))
        rows.append(f"| {names} | {what} | {licence} |")
    return "\n".join(rows)


def _actions(catalog: Catalog) -> str:
    """Every action of Azure Resource Manager that the catalogue's reads need, as a custom role has it."""
    plan = Plan(catalog, catalog.checks.values(), {})
    return "\n".join(["```text", *actions_for(plan, at_group=True), "```"])


def _keys(table: Table) -> Callable[[Catalog], str]:
    def block(_: Catalog) -> str:
        rows = ["| key | needed | meaning |", "| --- | --- | --- |"]
        rows += [
            f"| `{key.name}` | {'yes' if key.required else ''} | {_cell(key.words)} |" for key in table.keys.values()
        ]
        return "\n".join(rows)

    return block


def _config_keys(keys: Iterable[Key]) -> Callable[[Catalog], str]:
    def block(_: Catalog) -> str:
        rows = ["| key | needed | meaning |", "| --- | --- | --- |"]
        rows += [f"| `{key.name}` | {'yes' if key.required else ''} | {_cell(key.says)} |" for key in keys]
        return "\n".join(rows)

    return block


def _option_keys(place: str) -> Callable[[Catalog], str]:
    def block(_: Catalog) -> str:
        rows = ["| key | like the option | meaning |", "| --- | --- | --- |"]
        for key in OPTION_KEYS:
            if key.place == place:
                choices = f" ({', '.join(key.choices)})" if key.choices else ""
                rows.append(f"| `{key.name}` | `{key.option}` | {_cell(key.says)}{choices} |")
        return "\n".join(rows)

    return block


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


BLOCKS: Final[Mapping[str, Callable[[Catalog], str]]] = {
    "services": _services,
    "frameworks": _frameworks,
    "new-checks": _new_checks,
    "graph-permissions": _graph_permissions,
    "actions": _actions,
    "check-keys": _keys(tables.CHECK),
    "service-keys": _keys(tables.SERVICE),
    "collection-keys": _keys(tables.COLLECTION),
    "link-keys": _keys(tables.LINK),
    "mapping-keys": _keys(tables.MAPPING),
    "control-keys": _keys(tables.CONTROL),
    "edges-keys": _keys(tables.EDGES),
    "left-out-keys": _keys(tables.LEFT_OUT),
    "waiver-keys": _config_keys(WAIVER_KEYS),
    "off-keys": _config_keys(OFF_KEYS),
    "severity-keys": _config_keys(SEVERITY_KEYS),
    "allowance-keys": _config_keys(ALLOWANCE_KEYS),
    "file-options": _option_keys("file"),
    "explicit-options": _option_keys("explicit"),
}


if __name__ == "__main__":
    main()
