"""Text from strangers made fit to print: control characters visible, length bounded, counts in words."""

from __future__ import annotations

import re

from rich.cells import cell_len

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# What the log of a pipeline takes for a command, wherever in a line (##vso[…], ##[…]) or at its beginning (::…::).
# https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def visible(text: str) -> str:
    r"""The text with whatever a terminal acts on or hides (escapes, newlines, bidi, zero width) written out: `\x1b`.

    The same goes for what the log of a pipeline acts on wherever it stands; `no_command` does the rest.
    """
    if "##" in text:
        text = _COMMAND.sub(r"#\\x23", text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _written_out(char) for char in text)


def no_command(line: str) -> str:
    r"""The line as no pipeline takes it for a command: `\x3a:` where it would begin with two colons."""
    bare = line.lstrip()
    return f"{line[: len(line) - len(bare)]}\\x3a{bare[1:]}" if bare.startswith("::") else line


def _written_out(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def middle(text: str, width: int, ellipsis: str = "…") -> str:
    """The text, or its beginning and end around an ellipsis where it takes more than `width` cells or characters."""
    if len(text) <= width and cell_len(text) <= width:
        return text
    room = max(width - cell_len(ellipsis), 2)
    head = prefix(text, room - room // 2)
    return f"{head}{ellipsis}{suffix(text, room // 2)}"


# A name in brackets, quoted where it is no simple one.
_BRACKETED = re.compile(r"\['(?:[^']|'')*'\]|\[[^\[\]]*\]")


def shorter_path(path: str, width: int, ellipsis: str = "…") -> str:
    """The path in at most `width` cells, or "" where that cannot be: the item of a list and the last word stay.

    `containers[images]…publicAccess`; of a path through no list, the end.
    """
    if cell_len(path) <= width:
        return path
    brackets = list(_BRACKETED.finditer(path))
    if not brackets:
        room = width - cell_len(ellipsis)
        return ellipsis + suffix(path, room) if room > 0 else ""
    item = brackets[-1]
    before, rest = path[: item.start()], path[item.end() :]
    word = before[max(before.rfind("."), before.rfind("]")) + 1 :]
    last = rest[rest.rfind(".") + 1 :]
    for lead in (before, ellipsis + word, ellipsis):
        head = lead + item[0] + (ellipsis if rest else "")
        room = width - cell_len(head)
        if room >= cell_len(last):
            tail = suffix(rest, room)
            # Whole words only: what is left of one would read like another.
            return head + (tail.partition(".")[2] if len(tail) > len(last) else tail)
    return ""


def suffix(text: str, width: int) -> str:
    """As much of the text's end as `width` cells hold."""
    return prefix(text[::-1], width)[::-1]


def prefix(text: str, width: int) -> str:
    """As much of the text's beginning as `width` cells hold."""
    taken = text[:width]
    while taken and cell_len(taken) > width:
        taken = taken[:-1]
    return taken
