"""Typer options made from the one table of options, so that help, variables and azscan.yaml agree."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import typer

from azscan.options import OPTION_KEYS, Key
from azscan.settings import Settings, resolve

_METAVARS = {"words": "NAME", "choice": "WORD", "choices": "WORD", "count": "N", "seconds": "SECONDS"}
_KEYS = {key.option: key for key in OPTION_KEYS}

# The panels of --help.
SIGN_IN, SCOPE, SELECTION, OUTPUT, GATE = "Sign-in", "Scope", "Selection", "Output", "Gate"
Words = list[str]


def option(name: str, panel: str, *short: str, metavar: str = "", says: str = "") -> Any:
    """The option of that name, with its help, choices and variable; it is None or empty where it is not given.

    `says` is the help of a command that takes the option otherwise than most.

    Values are judged by settings.resolve, which also reads the variable and azscan.yaml.
    """
    key = _KEYS[name]
    choices = f" ({', '.join(key.choices)})" if key.choices else ""
    standing = default_of(key)
    flag = key.kind == "flag"
    default: Any = False if flag else None
    return typer.Option(
        default,
        name,
        *short,
        help=f"{says or key.says}{choices}{f', default {standing}' if standing else ''} [{key.variable}]",
        rich_help_panel=panel,
        # "" and not None: for None typer writes the type, <bool>.
        metavar="" if flag else metavar or _METAVARS.get(key.kind, "TEXT"),
    )


def default_of(key: Key) -> str:
    """What holds where the option is not given, in words; "" for nothing, and for a flag."""
    value = None if key.kind == "flag" else getattr(Settings(), key.field)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value or "")


def taking(
    command: Callable[..., None], *panels: str, leaving_out: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command, behind its own options, those that another one shows in these panels."""

    def given_them(function: Callable[..., None]) -> Callable[..., None]:
        # typer reads the options from the signature, and their types from the annotations.
        own = inspect.signature(function, eval_str=True).parameters.values()
        whole = inspect.signature(command, eval_str=True).parameters.values()
        kept = [each for each in own if each.kind is not each.VAR_KEYWORD]
        names = {*leaving_out, *(each.name for each in kept)}
        kept += [each for each in whole if each.default.rich_help_panel in panels and each.name not in names]
        function.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        function.__annotations__ = {each.name: each.annotation for each in kept}
        return function

    return given_them


def by_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """A command's arguments under the names that settings.resolve knows them by: `subscription` is `subscriptions`."""
    fields = {key.option.removeprefix("--").replace("-", "_"): key.field for key in OPTION_KEYS}
    return {fields.get(name, name): value for name, value in values.items()}


def resolve_own(**given: Any) -> Settings:
    """The options that a command has, with their variables; those of other commands do not matter here."""
    variables = {key.variable for key in OPTION_KEYS if key.field in given}
    return resolve(given, {name: value for name, value in os.environ.items() if name in variables})


CHECKS_DIR = option("--checks-dir", SELECTION, metavar="FOLDER")
MAPPINGS_DIR = option("--mappings-dir", SELECTION, metavar="FOLDER")
