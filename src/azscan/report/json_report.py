"""The JSON report, written piece by piece; docs/schemas/results.schema.json is made from the same structure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO, Literal

import msgspec

from azscan.report import Options
from azscan.results import (
    RESULTS_SCHEMA,
    ControlResult,
    Framework,
    Off,
    Results,
    ScanInfo,
    Score,
    SeverityOverride,
    Summary,
    Unread,
    Verdict,
    Waiver,
)

_BLOCK = 256


class ResultsDocument(msgspec.Struct, frozen=True):
    """The whole report as one value: what a reader of the JSON decodes."""

    schema: Literal["azscan.results/1"]
    scan: ScanInfo
    summary: Summary
    verdicts: tuple[Verdict, ...]
    unreadable: tuple[Unread, ...]
    waivers: tuple[Waiver, ...]
    off: tuple[Off, ...]
    severity_overrides: tuple[SeverityOverride, ...]
    frameworks: tuple[Framework, ...]
    controls: tuple[ControlResult, ...]
    scores: tuple[Score, ...]


def write_json(results: Results, stream: BinaryIO, options: Options) -> None:
    """Write the report as JSON (UTF-8), each verdict on a line of its own; memory does not grow with them."""
    stream.write(b'{"schema":' + _encode(RESULTS_SCHEMA))
    stream.write(b',\n"scan":' + _encode(results.scan))
    stream.write(b',\n"summary":' + _encode(results.summary))
    parts: tuple[tuple[bytes, Iterable[Any]], ...] = (
        (b"verdicts", results.verdicts()),
        (b"unreadable", results.unreadable),
        (b"waivers", results.waivers),
        (b"off", results.off),
        (b"severity_overrides", results.severity_overrides),
        (b"frameworks", results.frameworks),
        (b"controls", results.controls),
        (b"scores", results.scores),
    )
    for name, items in parts:
        stream.write(b',\n"' + name + b'":[')
        _write_items(items, stream)
        stream.write(b"]")
    stream.write(b"}\n")


def _write_items(items: Iterable[Any], stream: BinaryIO) -> None:
    lead = b"\n"
    block: list[bytes] = []
    for item in items:
        block += (lead, _encode(item))
        lead = b",\n"
        if len(block) >= _BLOCK:
            stream.write(b"".join(block))
            block.clear()
    stream.write(b"".join(block))


def _encode(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can hold it only as what it is not
        return _ENCODER.encode(_mended(msgspec.to_builtins(value)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value


_ENCODER = msgspec.json.Encoder()


def results_schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    schema = msgspec.json.schema(ResultsDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": RESULTS_SCHEMA, **schema}
