"""A results file read back: what the scan was about, and its verdicts one by one."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from azscan.errors import OutputError, UsageError
from azscan.results import RESULTS_SCHEMA, Off, ScanInfo, SeverityOverride, Verdict, Waiver

MAKE_ONE = "write one with azscan scan -o results.json"

# How azscan itself begins a file: each on a line of its own, a verdict in each of the lines that follow.
_SCHEMA = b'{"schema":"' + RESULTS_SCHEMA.encode() + b'",\n'
_SCAN, _SUMMARY = b'"scan":', b'"summary":'
_VERDICTS, _NO_VERDICTS = b'"verdicts":[\n', b'"verdicts":[],\n'
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

_decode_scan = msgspec.json.Decoder(ScanInfo).decode
_decode_verdict = msgspec.json.Decoder(Verdict).decode


class _Tail(msgspec.Struct):
    """What follows the verdicts: decoded only to see that the file is whole."""


class _Named(msgspec.Struct):
    schema: str = ""


class _Whole(msgspec.Struct):
    scan: ScanInfo
    verdicts: list[Verdict]


class Decided(msgspec.Struct, frozen=True):
    """The part of a results file that tells what the team decided."""

    scan: ScanInfo
    waivers: tuple[Waiver, ...] = ()
    off: tuple[Off, ...] = ()
    severity_overrides: tuple[SeverityOverride, ...] = ()


Shape = TypeVar("Shape")


class ResultsFile:
    """The results that a scan wrote as JSON; made from its path, which is all that is held of a file of azscan's own.

    `verdicts()` streams and can be called again. A file that another program laid out anew is held in memory. Raises
    UsageError where the file is missing, damaged, cut off or no results, OutputError where it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if not Path(path).is_file():
            raise UsageError(f"there is no results file at {path}", hint=MAKE_ONE)
        self.scan = self._scan()

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts in the order of the file. UsageError where it turns out to be damaged or cut off."""
        if not self._is_ours:
            yield from self._whole.verdicts
            return
        try:
            with Path(self.path).open("rb") as stream:
                for _ in range(3):
                    stream.readline()
                yield from self._lines(stream)
        except OSError as error:
            raise self._unreadable(error) from error

    def _lines(self, stream: BinaryIO) -> Iterator[Verdict]:
        number, is_last = 4, stream.readline() == _NO_VERDICTS
        try:
            while not is_last:
                number += 1
                line = stream.readline()
                is_last = line.endswith(b"}],\n")
                if not is_last and not line.endswith(b"},\n"):
                    raise msgspec.DecodeError("the line is cut off")
                yield _decode_verdict(line[:-3] if is_last else line[:-2])
            # Of a file that was cut off after its verdicts, nobody knows what it lacks.
            msgspec.json.decode(b"{" + stream.read(), type=_Tail)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = "after its verdicts" if is_last else f"at line {number}"
            raise UsageError(
                f"{self.path} is damaged or cut off {place}: {error}", hint=f"fetch it again, or {MAKE_ONE}"
            ) from error

    @cached_property
    def _head(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The first lines; a file in one long line is not read to its end for that."""
        try:
            with Path(self.path).open("rb") as stream:
                if stream.readline(len(_SCHEMA)) != _SCHEMA:
                    return b"", b"", b"", b""
                return _SCHEMA, stream.readline(), stream.readline(), stream.readline()
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def _is_ours(self) -> bool:
        _, scan, summary, verdicts = self._head
        is_head = scan.startswith(_SCAN) and summary.startswith(_SUMMARY) and scan.endswith(b",\n")
        return is_head and verdicts in (_VERDICTS, _NO_VERDICTS)

    def _scan(self) -> ScanInfo:
        if not self._is_ours:
            return self._whole.scan
        try:
            return _decode_scan(self._head[1][len(_SCAN) : -2])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{self.path} is no results file of azscan: {error}", hint=MAKE_ONE) from error

    @cached_property
    def decided(self) -> Decided:
        """What the team decided. UsageError where the file turns out to be damaged or cut off."""
        return self._read(Decided)

    @cached_property
    def _whole(self) -> _Whole:
        return self._read(_Whole)

    def _read(self, shape: type[Shape]) -> Shape:
        try:
            data = Path(self.path).read_bytes()
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            # A shell may write what is redirected in an encoding of its own, with a mark in front.
            mark = next((each for each in _MARKS if data.startswith(each)), b"")
            text = data.decode(_MARKS[mark]).encode() if mark else data
            schema = msgspec.json.decode(text, type=_Named).schema
            if schema.startswith("azscan.results/") and schema != RESULTS_SCHEMA:
                raise UsageError(f"{self.path} was written by another azscan ({schema})", hint="upgrade azscan")
            if schema != RESULTS_SCHEMA:
                raise UsageError(f"{self.path} is no results file of azscan", hint=MAKE_ONE)
            return msgspec.json.decode(text, type=shape)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise UsageError(f"{self.path} is no results file of azscan: {error}", hint=MAKE_ONE) from error

    def _unreadable(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be read: {error.strerror or error}", hint="check its permissions")
