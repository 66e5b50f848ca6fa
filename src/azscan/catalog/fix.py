"""Commands that mend a finding: a template with the resource filled in, every value quoted for the shell.

Names come from strangers. A value that no quoting makes harmless yields no command at all: control characters,
a leading - or @ (az would take it for an option or a file to read), and for PowerShell also what cmd.exe,
which runs az.cmd on Windows, would interpret inside quotes.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from azscan.results import ResourceRef

Shell = Literal["posix", "powershell"]

PLACEHOLDERS: Mapping[str, str] = {
    "id": "the resource's id",
    "name": "its name",
    "location": "its region",
    "resource_group": "the resource group that it is in",
    "subscription": "the id of its subscription",
    "parent_id": "the id of the resource that it is a part of",
    "parent_name": "the name of that resource",
    "root_id": "the id of the top-level resource that it is a part of",
    "root_name": "the name of that top-level resource",
}

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# A run of text that a shell takes as one word as it stands, with at least one placeholder in it.
_RUN = re.compile(r"[\w./:=,+-]*\{[a-z_]+\}(?:[\w./:=,+-]|\{[a-z_]+\})*", re.ASCII)
_OPTION = re.compile(r"--?[a-z]+(?:-[a-z]+)*")
_PLAIN_POWERSHELL = re.compile(r"[\w./:=+-]+", re.ASCII)
# PowerShell closes a single-quoted string with any of these, and doubles each to mean itself.
_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_QUOTES = ("'", '"', "`")
_HARMLESS = re.compile(r"[^'\"`\\$@]*")
_CMD_SPECIAL = frozenset('"&|<>^%!')


def unknown_placeholders(template: str) -> list[str]:
    """The names in braces that `render` does not know, as written."""
    return [name for name in _PLACEHOLDER.findall(template) if name not in PLACEHOLDERS]


def misplaced_placeholders(template: str) -> list[str]:
    r"""The placeholders that stand inside quotes or backticks, where the quotes of their value would end them.

    After \, $ or @ those quotes would mean something else, so these count too.
    """
    if _HARMLESS.fullmatch(template):
        return []
    quoted = _quoted(template)
    return [
        name
        for run in _RUN.finditer(template)
        if quoted[run.start()] or template[: run.start()].endswith(("\\", "$", "@"))
        for name in _PLACEHOLDER.findall(run.group())
    ]


def _quoted(template: str) -> list[bool]:
    """For each character, whether it stands inside quotes."""
    quoted: list[bool] = []
    quote = ""
    escaped = False
    for character in template:
        quoted.append(bool(quote))
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
    return quoted


def render(template: str, resource: ResourceRef, shell: Shell = "posix") -> str:
    """The command for one resource, safe to paste; "" where a value is not known or cannot be made safe."""
    read = _read(template)
    values = _values(resource, above=read.above)
    if not read.is_sound or not all(_is_safe(values.get(name, ""), shell) for name in read.names):
        return ""
    quote = _quoter(shell)
    return "".join(
        piece
        if isinstance(piece, str)
        else quote("".join([values[part] if at % 2 else part for at, part in enumerate(piece)]))
        for piece in read.pieces
    )


def command_line(words: Iterable[str], shell: str = "posix") -> str:
    """A command as one line to paste into a shell, every word quoted as far as it needs it."""
    quote = _quoter(shell)
    return " ".join(word if _OPTION.fullmatch(word) else quote(word) for word in words)


def _quoter(shell: str) -> Callable[[str], str]:
    return _quote_powershell if shell == "powershell" else shlex.quote


def _quote_powershell(text: str) -> str:
    if _PLAIN_POWERSHELL.fullmatch(text) and not text.startswith("-"):
        return text
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", text) + "'"


def _is_safe(value: str, shell: Shell) -> bool:
    if not value or value[0] in "-@":
        return False
    # Most values are plain ASCII, which needs no look at every character's category.
    if not (value.isascii() and value.isprintable()) and any(
        unicodedata.category(character)[0] == "C" for character in value
    ):
        return False
    return shell == "posix" or not _CMD_SPECIAL & set(value)


class _Read(NamedTuple):
    """A template taken apart. `pieces` are texts, and runs that are quoted as one: text and placeholder in turn."""

    names: frozenset[str]
    is_sound: bool
    above: bool
    pieces: tuple[str | tuple[str, ...], ...]


@lru_cache(maxsize=2048)
def _read(template: str) -> _Read:
    names = frozenset(_PLACEHOLDER.findall(template))
    pieces: list[str | tuple[str, ...]] = []
    end = 0
    for run in _RUN.finditer(template):
        pieces += [template[end : run.start()], tuple(_PLACEHOLDER.split(run.group()))]
        end = run.end()
    above = any(name.startswith(("parent_", "root_")) for name in names)
    return _Read(names, not misplaced_placeholders(template), above, (*pieces, template[end:]))


def _values(resource: ResourceRef, *, above: bool) -> dict[str, str]:
    parent, root = _above(resource.id) if above else ("", "")
    return {
        "id": resource.id,
        "name": resource.name,
        "location": resource.region,
        "resource_group": resource.resource_group,
        "subscription": resource.subscription,
        "parent_id": parent,
        "parent_name": parent.rpartition("/")[2],
        "root_id": root,
        "root_name": root.rpartition("/")[2],
    }


def _above(identifier: str) -> tuple[str, str]:
    """The parent's id and the top-level resource's, "" where there is none: ids are pairs of type and name."""
    head, _, tail = identifier.rpartition("/providers/")
    pieces = tail.split("/")  # namespace, type, name, type, name, …
    pairs = (len(pieces) - 1) // 2
    if not head and not identifier.startswith("/providers/"):
        return "", ""
    # A top-level resource belongs to its group, an extension resource to what it extends.
    parent = identifier.rsplit("/", 2)[0] if pairs >= 2 else head
    first, _, rest = identifier.partition("/providers/")
    root = "/".join([first, "providers", *rest.split("/")[:3]]) if rest.count("/") >= 2 else ""
    return parent, root
