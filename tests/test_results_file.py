"""Results files read back: azscan's own line by line, those of other hands as a whole, broken ones not at all."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from azscan.errors import UsageError
from azscan.report import write
from azscan.results_file import ResultsFile
from tests.report.sample import MemoryResults, hostile, mapped, sample

SAMPLES = {"sample": sample(), "mapped": mapped(), "hostile": hostile(), "empty": MemoryResults([])}


def raw(results: MemoryResults) -> bytes:
    stream = io.BytesIO()
    write("json", results, stream)
    return stream.getvalue()


def kept(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "results.json"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_was_written_is_read_again(tmp_path: Path, name: str) -> None:
    file = ResultsFile(kept(tmp_path, raw(SAMPLES[name])))
    assert file.scan == SAMPLES[name].scan
    wanted = list(SAMPLES[name].verdicts())
    assert list(file.verdicts()) == wanted == list(file.verdicts())


def test_its_own_files_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ResultsFile(kept(tmp_path, raw(sample())))
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("the whole file was read"))
    assert len(list(file.verdicts())) == len(list(sample().verdicts()))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: json.dumps(json.loads(data), indent=2).encode(),
        lambda data: json.dumps(json.loads(data)).encode(),
        lambda data: json.dumps(dict(sorted(json.loads(data).items()))).encode(),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
    ],
    ids=["indented", "one line", "sorted", "line ends of Windows", "marked", "redirected by PowerShell"],
)
def test_files_that_other_hands_laid_out_are_read_too(tmp_path: Path, change: object) -> None:
    file = ResultsFile(kept(tmp_path, change(raw(sample()))))  # type: ignore[operator]
    assert list(file.verdicts()) == list(sample().verdicts())


def test_wherever_a_file_is_cut_off_it_is_refused(tmp_path: Path) -> None:
    data = raw(mapped())
    for end in [*range(0, len(data) - 2, 97), len(data) - 3]:
        with pytest.raises(UsageError) as caught:
            list(ResultsFile(kept(tmp_path, data[:end])).verdicts())
        assert caught.value.exit_code == 2 and "results.json" in caught.value.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no results file"),
        (b"\x00\x01", "no results file"),
        (b"[]", "no results file"),
        (b"{}", "no results file"),
        (b'{"schema":"azscan.diff/1"}', "no results file"),
        (b'{"schema":"azscan.results/2"}', "written by another azscan"),
        (b'{"schema":"azscan.results/1"}', "no results file"),
        (b'{"schema":"azscan.results/1","scan":{},"verdicts":[{"status":"odd"}]}', "no results file"),
        (b"[" * 100_000, "no results file"),
    ],
)
def test_what_is_no_results_file_is_said_to_be_none(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ResultsFile(kept(tmp_path, data))


def test_a_verdict_that_is_damaged_is_named_by_its_line(tmp_path: Path) -> None:
    data = raw(sample()).replace(b'"status":"fail"', b'"status":"odd"', 1)
    with pytest.raises(UsageError, match="damaged or cut off at line"):
        list(ResultsFile(kept(tmp_path, data)).verdicts())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="there is no results file at"):
            ResultsFile(str(path))
