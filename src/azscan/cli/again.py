"""The commands that a report hints at: they look at what was scanned, and neither read Azure nor write a file anew."""

from __future__ import annotations

from collections.abc import Iterator

from azscan.catalog.fix import command_line
from azscan.options import OPTION_KEYS, Key
from azscan.settings import Settings

NOT_WITH_ESTATE = (
    "demo",
    "resume",
    "save-estate",
    "subscriptions",
    "exclude-subscriptions",
    "management-groups",
)
# What is of no use to somebody who looks, and would write a file, or something else than a table.
_WRITING = ("output", "save-estate", "resume", "log-file", "format")
_MESSAGES = ("show", "verbose", "quiet", "debug")
# What a saved estate, or that of the demo, has no need of.
_READING = ("auth", "client-id", "tenant", "cloud", "concurrency", "timeout")


def look_again(settings: Settings) -> str:
    """The command that reports on the same again, without --show, for the shell that the settings name.

    Where the estate was saved or given, it reads that one. What variables gave stands in it as options; a variable
    that would write a file again, or does not go with --estate, is emptied in front of it.
    """
    estate = settings.estate or settings.save_estate
    without = {*_WRITING, *(NOT_WITH_ESTATE if estate else ()), *(_READING if estate or settings.demo else ())}
    words: list[str] = []
    emptied: list[str] = []
    for key in OPTION_KEYS:
        source = settings.sources.get(key.name, "")
        if key.name in without:
            emptied += [key.variable] if source == key.variable and key.name not in _READING else []
        elif source in (key.option, key.variable) and key.name not in (*_MESSAGES, "estate"):
            words += _typed(key, settings)
    if estate:
        words = ["--estate", estate, *words]
    empty = "$env:{} = ''; " if settings.shell == "powershell" else "{}= "
    return "".join(map(empty.format, emptied)) + command_line(["azscan", "scan", *words], settings.shell)


def show_check(settings: Settings) -> str:
    """The command that shows a check of the catalogue that was used, without the check's id."""
    folders = (word for folder in settings.checks_dir for word in ("--checks-dir", folder))
    return command_line(["azscan", "checks", "show", *folders], settings.shell)


def _typed(key: Key, settings: Settings) -> Iterator[str]:
    """The option as it is typed, once for each of its words."""
    value = getattr(settings, key.field)
    if key.kind == "flag":
        yield key.option
    elif key.name == "allow-unreadable":
        given = settings.sources[key.name]
        yield from (word for each in value if each.source == given for word in (key.option, each.part))
    else:
        for each in value if isinstance(value, tuple) else (value,):
            yield from (key.option, f"{each:g}" if isinstance(each, float) else str(each))
