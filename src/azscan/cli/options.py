"""Typer options made from the one table of options, so that help, variables and azscan.yaml agree."""

from __future__ import annotations

from typing import Any

import typer

from azscan.options import OPTION_KEYS

_KEYS = {key.option: key for key in OPTION_KEYS}


def option(name: str, panel: str, *short: str, metavar: str = "") -> Any:
    """The option of that name, with its help, choices and variable; it is None or empty where it is not given.

    Values are judged by settings.resolve, which also reads the variable and azscan.yaml.
    """
    key = _KEYS[name]
    choices = f" ({', '.join(key.choices)})" if key.choices else ""
    flag = key.kind == "flag"
    default: Any = False if flag else None
    return typer.Option(
        default,
        name,
        *short,
        help=f"{key.says}{choices} [{key.variable}]",
        rich_help_panel=panel,
        metavar=None if flag else metavar or _METAVARS.get(key.kind, "TEXT"),
    )


_METAVARS = {"words": "NAME", "choice": "WORD", "choices": "WORD", "count": "N", "seconds": "SECONDS"}
