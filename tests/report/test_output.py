"""Where reports go, and what can go wrong there."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from azscan.errors import OutputError, UsageError
from azscan.report import Options, check_writable, format_of, open_output, write, write_to
from tests.report.kept import ROOT
from tests.report.sample import sample


@pytest.mark.parametrize(
    ("path", "name"), [("a.json", "json"), ("x/A.CSV", "csv"), ("report.txt", "table"), ("s.md", "markdown")]
)
def test_the_suffix_names_the_format(path: str, name: str) -> None:
    assert format_of(path) == name


@pytest.mark.parametrize("path", ["report", "report.html", ".json.gz"])
def test_an_unknown_suffix_names_the_known_ones(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        format_of(path)
    assert ".json" in caught.value.hint


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        write("jsn", sample(), io.BytesIO())
    assert caught.value.hint == "did you mean json?"


def test_one_scan_writes_several_files_for_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        for name in ("a.json", "b.csv", "c.txt"):
            write_to(str(tmp_path / name), sample())
    finally:
        os.umask(old)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.csv", "c.txt"]
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_failure_leaves_the_older_report_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("older")
    with pytest.raises(OutputError, match="the disk is full") as caught, open_output(str(target)) as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.exit_code == 5
    assert target.read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_another_error_passes_through_and_cleans_up(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), open_output(str(tmp_path / "a.json")):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "precious", tmp_path / "a.txt"
    target.write_text("precious")
    link.symlink_to(target)
    write_to(str(link), sample())
    assert target.read_text() == "precious"
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["missing/a.json", "file/a.json", ".", "n" * 300 + ".json"])
def test_a_bad_place_is_told_before_and_after(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    path = str(tmp_path / name)
    for attempt in (check_writable, lambda path: write_to(path, sample(), format="json")):
        with pytest.raises(OutputError) as caught:
            attempt(path)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("code", "words"), [(errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EDQUOT, "quota")]
)
def test_what_the_system_says_is_put_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=words):
        check_writable(str(tmp_path / "a.json"))


def test_a_good_place_is_left_as_it_was(tmp_path: Path) -> None:
    check_writable(str(tmp_path / "a.json"))
    check_writable("-")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_that_is_full() -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        write_to("/dev/full", sample(), format="csv")


_TO_STDOUT = "import azscan.report as r; from tests.report.sample import sample; r.write_to('-', sample(), format='{}')"


def _run(format: str, **streams: object) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.Popen([sys.executable, "-c", _TO_STDOUT.format(format)], env=environ, cwd=ROOT, **streams)  # type: ignore[call-overload,no-any-return]


def test_standard_output_gets_the_bytes_unchanged() -> None:
    stream = io.BytesIO()
    write("csv", sample(), stream)
    process = _run("csv", stdout=subprocess.PIPE)
    assert process.communicate()[0] == stream.getvalue()


def test_a_reader_that_closes_early_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = _run("table", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.communicate()[1] == b""
    assert process.returncode == 0


def test_options_fit_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"  # type: ignore[assignment]

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "132")
    assert Options().on(Terminal(), {}) == Options(width=132, terminal=True, colour=True)
    assert Options().on(Terminal(), {"NO_COLOR": "1"}) == Options(width=132, terminal=True)
    assert Options().on(Terminal(), {"TERM": "dumb"}) == Options(width=132)
    assert Options().on(io.StringIO(), {}) == Options(width=80)


def test_the_registry_imports_neither_rich_nor_sqlite() -> None:
    code = (
        "import sys, azscan.report; print(sorted({'rich', 'sqlite3', 'yaml', 'aiohttp', 'azure'} & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    output = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True).stdout
    assert output.strip() == b"[]"
