"""Words that people type and read: globs, numbers of things, the first of many names, ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.words import count, few, glob, is_guid


def slow_but_sure(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slow_but_sure(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and slow_but_sure(pattern[1:], text[1:])


@given(st.text("ab*?.", max_size=7), st.text("ab.\n", max_size=7))
def test_a_glob_fits_what_its_stars_can_be_stretched_over(pattern: str, text: str) -> None:
    assert glob(pattern)(text) == slow_but_sure(pattern, text)


@pytest.mark.parametrize("pattern", ["*a" * 40 + "*b", "*" * 50 + "b", "*?" * 30 + "b"])
def test_no_glob_takes_for_ever(pattern: str) -> None:
    assert not glob(pattern)("a" * 200)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 checks"), (1, "1 check"), (2, "2 checks"), (1204, "1,204 checks")]
)
def test_numbers_of_things(number: int, words: str) -> None:
    assert count(number, "check") == words


def test_a_plural_of_its_own() -> None:
    assert (count(1, "entry", "entries"), count(2, "entry", "entries")) == ("1 entry", "2 entries")


def test_the_first_of_many_names() -> None:
    assert few([], 3) == ""
    assert few(["a", "b", "c"], 3) == "a, b, c"
    assert few(["a", "b", "c", "d"], 3) == "a, b, c and 1 more"
    assert few(["x"] * 2000, 1) == "x and 1,999 more"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0f9e8d7c-9999-4888-8777-666655554444", True),
        ("0F9E8D7C-9999-4888-8777-666655554444", True),
        ("0f9e8d7c-9999-4888-8777-66665555444", False),
        ("0f9e8d7c-9999-4888-8777-666655554444 ", False),
        ("0f9e8d7c99994888877766665555444400", False),
        ("contoso-prod", False),
    ],
)
def test_guids(text: str, is_one: bool) -> None:
    assert is_guid(text) is is_one
