"""A page of terminal text: lines that fit the width, and nothing in them that a terminal would act on."""

from __future__ import annotations

import io
from typing import BinaryIO, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from azscan.report import Options
from azscan.report.text import middle, no_command, prefix, shorter_path, visible

# As long is a heading's rule at most.
_RULE = 120
# What is printed: text, or text with a style of rich.
Piece: TypeAlias = "str | tuple[str, str]"


class Page:
    """Writes lines to a binary stream. Every text is made visible here, so no caller can forget it."""

    def __init__(self, stream: BinaryIO, options: Options) -> None:
        self.options = options
        self.width = options.width
        self.ellipsis = "…" if _can_write("…", options.encoding) else "..."
        self._stream = stream
        self._text = io.StringIO()
        self._plain = not (options.terminal or options.colour)
        self._console = Console(
            file=self._text,
            width=options.width,
            force_terminal=not self._plain,
            color_system=None if self._plain else "standard",
            no_color=not options.colour,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )

    def line(self, lead: str, *pieces: Piece, rest: str | None = None, link: str = "") -> None:
        """Print `lead` and the pieces, wrapped; further lines begin with `rest` (blanks as wide as `lead` by default).

        On a terminal the pieces are a link to `link`.
        """
        after = " " * cell_len(lead) if rest is None else rest
        room = max(self.width - max(len(lead), len(after)), 20)
        if self._plain and self._print_plain(lead, pieces, room):
            return
        text = Text(end="")
        for piece in pieces:
            words, style = piece if isinstance(piece, tuple) else (piece, "")
            text.append(self._fit(words), style)
        if link and self.options.terminal:
            text.stylize(Style(link=link))
        before = lead
        for row in text.wrap(self._console, room, overflow="fold"):
            row.rstrip()
            self._put(Text.assemble(before, row))
            before = after

    def _print_plain(self, lead: str, pieces: tuple[Piece, ...], room: int) -> bool:
        """Print the line without rich, which takes a while for each, where it needs neither styles nor breaks."""
        words = "".join(self._fit(piece if isinstance(piece, str) else piece[0]) for piece in pieces)
        words = words.rstrip()
        if not words.isascii() or len(words) > room:
            return False
        self._text.write(no_command(f"{lead}{words}") + "\n")
        return True

    def whole(self, lead: str, text: str, style: str = "") -> None:
        """Print one line that is never wrapped, for what people copy."""
        self._put(Text(lead + self._fit(text), style))

    def command(self, lead: str, command: str) -> None:
        """Print a command to copy behind `lead`, or unbroken on a line of its own where both do not fit on one."""
        if len(lead) + cell_len(self._fit(command)) <= self.width:
            self.whole(lead, command)
            return
        self.line("", lead.rstrip())
        self.whole("    ", command)

    def rule(self, *words: str) -> None:
        """Print an empty line and a heading across the page, or as much of it as the eye takes in."""
        head = "-- " + " -- ".join(visible(word) for word in words) + " "
        self.blank()
        self._put(Text(head + "-" * max(min(self.width, _RULE) - cell_len(head), 0), "bold"))

    def heading(self, text: str) -> None:
        """Print an empty line and a short heading."""
        self.blank()
        self._put(Text(visible(text), "bold"))

    def blank(self) -> None:
        """Print an empty line."""
        self._put(Text(""))

    def cut(self, text: str, width: int) -> str:
        """The text made visible and, where it is too long, shortened in its middle."""
        return middle(visible(text), max(width, 8), self.ellipsis)

    def head(self, text: str, width: int) -> str:
        """The text made visible and, where it is too long, its beginning before an ellipsis."""
        shown, width = visible(text), max(width, 8)
        return shown if cell_len(shown) <= width else prefix(shown, width - cell_len(self.ellipsis)) + self.ellipsis

    def path(self, text: str, width: int) -> str:
        """A visible path in `width` cells, with the item of a list and its last word; "" where these do not fit."""
        return shorter_path(text, width, self.ellipsis)

    def flush(self) -> None:
        """Hand what was printed so far to the stream."""
        self._stream.write(self._text.getvalue().encode(self.options.encoding, "backslashreplace"))
        self._text.seek(0)
        self._text.truncate()

    def _fit(self, text: str) -> str:
        return visible(text).replace("…", self.ellipsis)

    def _put(self, text: Text) -> None:
        if self._plain:
            self._text.write(no_command(text.plain) + "\n")
            return
        self._console.print(text, soft_wrap=True)


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
