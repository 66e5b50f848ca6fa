"""One YAML file as plain Python values, with the line and column of each of them.

The YAML 1.2 core schema decides what a plain scalar is: only true, false, null and numbers are not strings, so that
`on`, `off`, `2024-01-01` and `22:30` stay as Azure writes them (https://yaml.org/spec/1.2.2/#103-core-schema).
Keys are always strings, as in JSON.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeAlias

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from azscan.errors import SourceFault

try:
    from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined]
except ImportError:  # PyYAML built without libyaml: slower, the same events
    from yaml.loader import SafeLoader as _Parser  # type: ignore[assignment]

MAX_BYTES = 1 << 20
MAX_DEPTH = 48
MAX_ALIASED = 10_000  # values that aliases may repeat in one file
_MAX_DIGITS = 40
_LONGEST = 180

Key: TypeAlias = str | int
Keys: TypeAlias = tuple[Key, ...]

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_STARTS = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_HINTS = (
    ("mapping values are not allowed", "put quotes around a value that contains a colon and a blank"),
    ("cannot start any token", "indent with spaces, not tabs, and quote a value or key that begins with @, ` or %"),
    ("did not find expected key", "compare the indentation with the lines above"),
    ("did not find expected '-'", "compare the indentation with the lines above"),
)
# What YAML takes for an alias, where people mean a glob.
_STARRED = re.compile(r"\*[^\s,\]}]*")
_SPLIT = "split it: one check, one service per file"


class _Mark(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


_Marks: TypeAlias = "dict[Any, _Mark] | list[_Mark]"


class Source(msgspec.Struct, frozen=True):
    """One parsed file: its value (None where it could not be parsed), its faults and where everything stands."""

    file: str
    value: Any
    faults: tuple[SourceFault, ...] = ()
    marks: dict[int, _Marks] = {}
    start: tuple[int, int] = (1, 1)
    data: bytes = b""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes (hex)."""
        return hashlib.sha256(self.data).hexdigest()

    def at(self, keys: Sequence[Key]) -> tuple[int, int]:
        """Line and column (from 1) of the key or list item at `keys`, or of the nearest one above that exists."""
        here, place = self.value, self.start
        for key in keys:
            marks = self.marks.get(id(here))
            if marks is None or not (key in marks if isinstance(marks, dict) else _is_index(key, marks)):
                break
            mark, here = marks[key], here[key]  # type: ignore[index]
            place = (mark.line + 1, mark.column + 1)
        return place

    def fault(self, keys: Sequence[Key], message: str, hint: str = "") -> SourceFault:
        """A fault at `keys` of this file."""
        line, column = self.at(keys)
        return SourceFault(self.file, line, column, _short(message), hint)


def _short(message: str) -> str:
    """A message that quotes the file, with the middle left out where it is long."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 40]} … {message[-37:]}"


def _is_index(key: Key, items: Sequence[Any]) -> bool:
    return isinstance(key, int) and 0 <= key < len(items)


def read(path: Path, file: str = "", *, if_large: str = _SPLIT) -> Source:
    """The file at `path`, named `file` in faults; what is not a regular, small, readable file is a fault too.

    `if_large` says what to do about a file that is too large.
    """
    return parse(fetch(path), file or str(path), if_large=if_large)


def fetch(path: Path) -> bytes | str:
    """The bytes of a regular file, or why they are not taken: a pipe would block, a huge file fill the memory."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return "this is not a regular file"
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    finally:
        os.close(handle)


def parse(data: bytes | str, file: str, *, if_large: str = _SPLIT) -> Source:
    """The values in `data`; a str is the reason why there are no bytes, and becomes the fault."""
    if isinstance(data, str):
        return Source(file, None, (SourceFault(file, 0, 0, data),))
    problem = _unfit(data, file, if_large)
    if problem is not None:
        return Source(file, None, (problem,))
    return _Builder(data, file).build()


def _unfit(data: bytes, file: str, if_large: str) -> SourceFault | None:
    if len(data) > MAX_BYTES:
        return SourceFault(file, 0, 0, "the file is larger than 1 MiB", if_large)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return SourceFault(file, *_place(data, error.start), "this byte is not UTF-8", "save the file as UTF-8 text")
    nul = data.find(b"\0")
    if nul >= 0:
        return SourceFault(file, *_place(data, nul), "a NUL byte stands here", "save the file as UTF-8 text")
    return None


def _place(data: bytes, offset: int) -> tuple[int, int]:
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1


class _Stop(Exception):
    """Parsing ends here; the fault is on record."""


class _Builder:
    """Turns the parser's events into values, without recursion, in one pass.

    `holder` is the open container, `places` the marks of its members, `key` the key that waits for its value.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.data = data
        self.file = file
        self.faults: list[SourceFault] = []
        self.marks: dict[int, _Marks] = {}
        self.root: Any = None
        self.start = (1, 1)
        self.documents = 0
        self.holder: Any = None
        self.places: Any = None
        self.key: str | None = None
        self.stack: list[tuple[Any, Any, str | None, int]] = []
        self.count = 0
        self.aliased = 0
        self.anchors: dict[str, tuple[Any, int]] = {}

    def build(self) -> Source:
        handlers = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._mapping,
            SequenceStartEvent: self._sequence,
            MappingEndEvent: self._end,
            SequenceEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }
        try:
            get = _Parser(self.data).get_event
            while (event := get()).__class__ is not StreamEndEvent:
                handle = handlers.get(event.__class__)
                if handle is not None:
                    handle(event)
        except _Stop:
            self.root = None
        except yaml.YAMLError as error:
            self.root = None
            self.faults.append(self._syntax(error))
        if self.root is None and not self.faults:
            self.faults.append(SourceFault(self.file, 0, 0, "the file is empty"))
        return Source(self.file, self.root, tuple(self.faults), self.marks, self.start, self.data)

    def _scalar(self, event: Any) -> None:
        value: Any = event.value
        if self.key is None and self.holder.__class__ is dict:
            if value in self.places or not value or event.tag is not None:
                self._bad_key(event, value)
            self.key = value
            self.places[value] = event.start_mark
            return
        if event.tag is not None:
            self._tag(event)
        elif event.implicit[0]:
            if value in _CONSTANTS:
                value = _CONSTANTS[value]
            elif value[0] in _NUMBER_STARTS:
                value = self._number(value, event)
        self.count += 1
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self._place(value, event)

    def _place(self, value: Any, event: Any) -> None:
        if self.key is not None:
            self.holder[self.key] = value
            self.key = None
        elif self.holder is not None:
            self.holder.append(value)
            self.places.append(event.start_mark)
        else:
            self.root = value
            self.start = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _mapping(self, event: Any) -> None:
        self._open(event, {}, {})

    def _sequence(self, event: Any) -> None:
        self._open(event, [], [])

    def _open(self, event: Any, holder: Any, places: Any) -> None:
        if self.key is None and self.holder.__class__ is dict:
            self._stop(event, "a key must be a word, not a list or a mapping")
        if len(self.stack) >= MAX_DEPTH:
            self._stop(event, f"values are nested more than {MAX_DEPTH} levels deep")
        if event.tag is not None:
            self._tag(event)
        self._place(holder, event)
        self.count += 1
        self.stack.append((self.holder, self.places, event.anchor, self.count))
        self.holder, self.places, self.key = holder, places, None
        self.marks[id(holder)] = places

    def _end(self, event: Any) -> None:
        closed = self.holder
        self.holder, self.places, anchor, began = self.stack.pop()
        self.key = None
        if anchor is not None:
            self.anchors[anchor] = (closed, self.count - began + 1)

    def _alias(self, event: Any) -> None:
        if self.key is None and self.holder.__class__ is dict:
            self._stop(event, "an alias cannot be a key", self._quoted(event.start_mark))
        if event.anchor not in self.anchors:
            self._stop(event, f"nothing complete above is marked &{event.anchor}", self._quoted(event.start_mark))
        value, size = self.anchors[event.anchor]
        self.count += size
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            self._stop(event, f"aliases repeat more than {MAX_ALIASED:,} values", "write the values out")
        self._place(value, event)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(event, "a second document begins here", "one file holds one document")

    def _number(self, text: str, event: Any) -> Any:
        base = 10 if _INTEGER.fullmatch(text) else 0 if _BASED.fullmatch(text) else None
        if base is not None:
            if len(text) <= _MAX_DIGITS:
                return int(text, base)
            self._fault(event, "this number is too long", "put quotes around it")
            return text
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            number = math.inf if text[-1].isalpha() else float(text)
            if math.isfinite(number):
                return number
            self._fault(event, "this number is not finite", "put quotes around it if it is a word")
        return text

    def _bad_key(self, event: Any, key: str) -> None:
        if event.tag is not None:
            self._tag(event)
        if not key:
            self._fault(event, "a key is empty")
        if key in self.places:
            first = self.places[key]
            self._fault(event, f"the key {key} stands here a second time", f"the first is in line {first.line + 1}")

    def _tag(self, event: Any) -> None:
        self._fault(event, f"tags such as {event.tag} are not part of the format", "quotes make a value a string")

    def _fault(self, event: Any, message: str, hint: str = "") -> None:
        mark = event.start_mark
        self.faults.append(SourceFault(self.file, mark.line + 1, mark.column + 1, _short(message), hint))

    def _stop(self, event: Any, message: str, hint: str = "") -> NoReturn:
        self._fault(event, message, hint)
        raise _Stop

    def _quoted(self, mark: _Mark) -> str:
        """The hint for a star at `mark` that was meant as a glob."""
        lines = self.data.decode("utf-8").splitlines()
        found = _STARRED.match(lines[mark.line][mark.column :]) if mark.line < len(lines) else None
        words = "put quotes around a value that begins with *"
        return f'{words}: "{found[0].rstrip(":")}"' if found else words

    def _syntax(self, error: yaml.YAMLError) -> SourceFault:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
        if mark is not None:
            line, column = mark.line + 1, mark.column + 1
        else:
            line, column = _place(self.data, int(getattr(error, "position", 0)))
        hint = next((words for part, words in _HINTS if part in problem), "")
        begin = getattr(error, "context_mark", None)
        if "alias" in str(getattr(error, "context", "")) and begin is not None:
            hint = self._quoted(begin)
            line, column = begin.line + 1, begin.column + 1
        return SourceFault(self.file, line, column, f"this is not valid YAML: {problem}", hint)
