from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.catalog import source
from azscan.catalog.source import MAX_BYTES, MAX_DEPTH, Source, parse, read


def value_of(text: str) -> Any:
    parsed = parse(text.encode(), "file.yaml")
    assert parsed.faults == ()
    return parsed.value


def only_fault(data: bytes) -> tuple[int, int, str]:
    (fault,) = parse(data, "file.yaml").faults
    assert fault.file == "file.yaml"
    return fault.line, fault.column, fault.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("1", 1), ("-7", -7), ("+3", 3), ("007", 7), ("0x1F", 31), ("0o17", 15),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25),
        # everything below is a string in YAML 1.2, and most of it was not in 1.1
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"), ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"), ("22:30", "22:30"), ("1_000", "1_000"), ("0b101", "0b101"),
        ("30d", "30d"), ("1.2.3", "1.2.3"), ("-", "-"), ("404c3081-a854", "404c3081-a854"), ("=", "="), ("<<", "<<"),
        ("'1'", "1"), ('"true"', "true"), ("''", ""), ("null2", "null2"),
    ],
)  # fmt: skip
def test_core_schema_decides_what_a_plain_scalar_is(text: str, value: Any) -> None:
    got = value_of(f"key: {text}")["key"] if text != "-" else value_of("key: '-'")["key"]
    assert got == value
    assert type(got) is type(value)


def test_keys_are_strings_as_in_json() -> None:
    assert value_of("on: 1\ntrue: 2\n1: 3\nnull: 4\n'a.b': 5\n") == {"on": 1, "true": 2, "1": 3, "null": 4, "a.b": 5}


def test_merge_key_is_a_plain_key() -> None:
    assert value_of("base: &base {a: 1}\nother: {<<: *base}\n")["other"] == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"a: 1\nb: {c: 1, c: 2}\n", 2, 11, "the key c stands here a second time"),
        (b"a:\n  b: 1\n  b: 1\n", 3, 3, "the key b stands here a second time"),
        (b"a: !!str 1", 1, 4, "tags such as tag:yaml.org,2002:str are not part of the format"),
        (b"a: !custom {b: 1}", 1, 4, "tags such as !custom are not part of the format"),
        (b"!key a: 1", 1, 1, "tags such as !key are not part of the format"),
        (b"a: !!python/object:os.system [x]", 1, 4, "tags such as tag:yaml.org,2002:python/object:os.system"),
        (b"a: &a [*a]", 1, 8, "nothing complete above is marked &a"),
        (b"a: *b", 1, 4, "nothing complete above is marked &b"),
        (b"a: &a b\n*a : c", 2, 1, "an alias cannot be a key"),
        (b"? [a]\n: b", 1, 3, "a key must be a word, not a list or a mapping"),
        (b"'': 1", 1, 1, "a key is empty"),
        (b"a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
        (b"a: .inf", 1, 4, "this number is not finite"),
        (b"a: .NaN", 1, 4, "this number is not finite"),
        (b"a: 1e999", 1, 4, "this number is not finite"),
        (b"a: " + b"9" * 5000, 1, 4, "this number is too long"),
        (b"a: 1\nb: \0", 2, 4, "a NUL byte stands here"),
        (b"a: 1\nb: \xc3\xa9 \xe9", 2, 6, "this byte is not UTF-8"),
        ("a: ü".encode("utf-16"), 1, 1, "this byte is not UTF-8"),
        (b"a: \x1b[31m", 1, 4, "this is not valid YAML: "),
        (b"a: b: c", 1, 5, "this is not valid YAML: mapping values are not allowed"),
        (b"a:\n\t- b", 2, 1, "this is not valid YAML: found character that cannot start any token"),
        (b"a: [1, 2", 2, 1, "this is not valid YAML: did not find expected"),
        (b"@type: a", 1, 1, "this is not valid YAML: found character that cannot start any token"),
        (b"[" * 3000, 1, MAX_DEPTH + 1, f"values are nested more than {MAX_DEPTH} levels deep"),
        (b"{a: " * 3000, 1, 4 * MAX_DEPTH + 1, f"values are nested more than {MAX_DEPTH} levels deep"),
        (b"", 0, 0, "the file is empty"),
        (b"# nothing but a comment\n", 0, 0, "the file is empty"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), 0, 0, "the file is larger than 1 MiB"),
    ],
)
def test_faults_name_line_and_column(data: bytes, line: int, column: int, message: str) -> None:
    at_line, at_column, said = only_fault(data)
    if "not valid YAML: did not" not in message:
        assert (at_line, at_column) == (line, column)
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("text", "column", "quoted"),
    [
        ("a: [*/stweb]", 5, "*/stweb"),
        ("a: [ *, b]", 6, "*"),
        ("a: *storage", 4, "*storage"),
        ("a: *-x-*", 4, "*-x-*"),
        ("*x: 1", 1, "*x"),
        ("ü: [ü, */ü]", 8, "*/ü"),
    ],
)
def test_a_star_that_was_meant_as_a_glob_is_told_to_be_quoted(text: str, column: int, quoted: str) -> None:
    (fault,) = parse(text.encode(), "f.yaml").faults
    assert (fault.line, fault.column) == (1, column)
    assert fault.hint == f'put quotes around a value that begins with *: "{quoted}"'


def test_nul_in_utf_16_is_a_fault_too() -> None:
    assert parse("a: b".encode("utf-16-le"), "f").faults


def test_all_faults_of_a_file_are_found_at_once() -> None:
    parsed = parse(b"a: 1\na: 2\nb: !x 1\nc: .inf\n", "f")
    assert [fault.line for fault in parsed.faults] == [2, 3, 4]


def test_an_alias_repeats_its_value_and_points_to_it() -> None:
    parsed = parse(b"a: &one {x: 1}\nb: *one\n", "f")
    assert parsed.value == {"a": {"x": 1}, "b": {"x": 1}}
    assert parsed.at(("b",)) == (2, 1)
    assert parsed.at(("b", "x")) == (1, 10)


def test_an_alias_flood_is_stopped() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    line, _, message = only_fault("\n".join(levels).encode())
    assert "aliases repeat more than 10,000 values" in message
    assert line <= 5


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert value_of("\ufeffa: 1") == {"a": 1}


def test_positions_reach_every_key_and_item() -> None:
    parsed = parse(b"a: 1\nb:\n  - c: 2\n    d: [x, yy]\n  - e\n", "f")
    assert parsed.at(()) == (1, 1)
    assert parsed.at(("b",)) == (2, 1)
    assert parsed.at(("b", 0)) == (3, 5)
    assert parsed.at(("b", 0, "d")) == (4, 5)
    assert parsed.at(("b", 0, "d", 1)) == (4, 12)
    assert parsed.at(("b", 1)) == (5, 5)


def test_a_position_that_does_not_exist_is_the_nearest_above() -> None:
    parsed = parse(b"a: 1\nb:\n  - c: 2\n", "f")
    assert parsed.at(("b", 0, "missing", "deeper")) == (3, 5)
    assert parsed.at(("b", 7)) == (2, 1)
    assert parsed.at(("a", "of", "a", "number")) == (1, 1)
    assert parsed.at((0,)) == (1, 1)


def test_columns_count_characters_not_bytes() -> None:
    assert parse("{ä: 1, é: 2}".encode(), "f").at(("é",)) == (1, 8)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["C", "Zl", "Zp"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abcdé._- ", min_size=1, max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_json_reads_as_itself(value: Any) -> None:
    parsed = parse(json.dumps({"key": value}, ensure_ascii=False).encode(), "f")
    assert parsed.faults == ()
    assert parsed.value == {"key": value}


@given(JSON)
def test_every_value_has_a_position(value: Any) -> None:
    text = json.dumps({"key": value}, indent=1, ensure_ascii=False)
    parsed = parse(text.encode(), "f")
    lines = text.split("\n")

    def look(here: Any, keys: tuple[str | int, ...]) -> None:
        line, column = parsed.at(keys)
        written = lines[line - 1][column - 1 :]
        if isinstance(keys[-1], str):
            assert written.startswith(json.dumps(keys[-1], ensure_ascii=False))
        elif not isinstance(here, list | dict):
            assert written.startswith(json.dumps(here, ensure_ascii=False))
        below = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ()
        for key, inner in below:
            look(inner, (*keys, key))

    look(value, ("key",))


@given(st.binary(max_size=200) | st.text("ab:-[]{}&*!|>#%@` \n\t'\"", max_size=60).map(str.encode))
def test_any_bytes_end_in_a_value_or_a_fault(data: bytes) -> None:
    parsed = parse(data, "f")
    assert parsed.value is not None or parsed.faults
    assert all(fault.line >= 0 and fault.column >= 0 and fault.message for fault in parsed.faults)


def test_the_slow_parser_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from yaml.loader import SafeLoader

    text = b"a: &x {b: [on, 1, ~]}\nc: *x\nd: >-\n  some\n  text\n"
    fast = parse(text, "f")
    monkeypatch.setattr(source, "_Parser", SafeLoader)
    slow = parse(text, "f")
    assert slow.value == fast.value
    assert [slow.at(keys) for keys in ((), ("a", "b", 1), ("d",))] == [(1, 1), (1, 16), (3, 1)]
    assert fast.at(("a", "b", 1)) == (1, 16)
    assert parse(b"a: [", "f").faults


class TestFiles:
    def read(self, path: Path) -> Source:
        return read(path, "shown.yaml")

    def test_a_file_is_read_under_the_name_it_is_shown_by(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("a: 1", encoding="utf-8")
        assert self.read(tmp_path / "a.yaml").value == {"a": 1}
        assert read(tmp_path / "none.yaml").faults[0].file == str(tmp_path / "none.yaml")

    def test_a_missing_file_is_a_fault(self, tmp_path: Path) -> None:
        (fault,) = self.read(tmp_path / "none.yaml").faults
        assert fault.message.startswith("the file cannot be read: ")

    def test_a_folder_is_a_fault(self, tmp_path: Path) -> None:
        (fault,) = self.read(tmp_path).faults
        assert fault.message.startswith(("the file cannot be read: ", "this is not a regular file"))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
    def test_a_pipe_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.yaml")
        (fault,) = self.read(tmp_path / "pipe.yaml").faults
        assert fault.message == "this is not a regular file"

    def test_a_huge_file_is_not_read_whole(self, tmp_path: Path) -> None:
        with (tmp_path / "huge.yaml").open("wb") as stream:
            stream.truncate(1 << 40)  # sparse
        (fault,) = self.read(tmp_path / "huge.yaml").faults
        assert fault.message in ("the file is larger than 1 MiB", "this is not a regular file")
