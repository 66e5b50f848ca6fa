"""azscan.yaml with one more entry: what is put in, and that everything else stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.amend import amend, entry_lines
from azscan.catalog.source import parse
from azscan.config import parse_config
from azscan.errors import UsageError

ENTRY: dict[str, Any] = {
    "checks": ["storage-*"],
    "resources": ["*/www*"],
    "reason": "public site",
    "expires": "2027-01-31",
}
LINES = """\
- checks: [storage-*]
  resources: ['*/www*']
  reason: public site
  expires: 2027-01-31
"""
FLOW = "{checks: [storage-*], resources: ['*/www*'], reason: public site, expires: 2027-01-31}"


def amended(text: str, entry: dict[str, Any] | None = None) -> str:
    return amend(text.encode(), "waivers", entry or ENTRY, "azscan.yaml").decode()


def inserted(before: str, after: str) -> str:
    """What stands in `after` and not in `before`; fails where anything else differs."""
    start = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before))
    for first in range(start, -1, -1):
        size = len(after) - len(before)
        if before[:first] + after[first : first + size] + before[first:] == after:
            return after[first : first + size]
    raise AssertionError(f"more than an insertion:\n{before!r}\n{after!r}")


def indented(margin: str) -> str:
    return "".join(margin + line for line in LINES.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\n", "version: 1\n\nwaivers:\n" + indented("  ")),
        ("version: 1", "version: 1\n\nwaivers:\n" + indented("  ")),
        ("version: 1\n# the end\n\n", "version: 1\n# the end\n\nwaivers:\n" + indented("  ")),
        ("version: 1\n...\n", "version: 1\n\nwaivers:\n" + indented("  ") + "...\n"),
        ("  version: 1\n", "  version: 1\n\n  waivers:\n" + indented("    ")),
        (
            "version: 1\nwaivers:  # ours\n\nparams: {}\n",
            "version: 1\nwaivers:  # ours\n" + indented("  ") + "\nparams: {}\n",
        ),
        ("version: 1\nwaivers: []\n# end\n", "version: 1\nwaivers:\n" + indented("  ") + "# end\n"),
        (
            "version: 1\nwaivers:\n- {checks: a, resources: b, reason: c} # d\n\n# e\nparams: {}\n",
            "version: 1\nwaivers:\n- {checks: a, resources: b, reason: c} # d\n" + LINES + "\n# e\nparams: {}\n",
        ),
        (
            "waivers:\n    -   checks: a\n        resources: b\n        reason: |+\n          c\n\nversion: 1\n",
            "waivers:\n    -   checks: a\n        resources: b\n        reason: |+\n          c\n\n"
            + indented("    ")
            + "version: 1\n",
        ),
        (
            "version: 1\nwaivers: [{checks: a, resources: b, reason: c}]\n",
            f"version: 1\nwaivers: [{{checks: a, resources: b, reason: c}}, {FLOW}]\n",
        ),
        (
            "version: 1\nwaivers: [\n  {checks: a, resources: b, reason: c},  # d\n]\n",
            f"version: 1\nwaivers: [\n  {{checks: a, resources: b, reason: c}},  # d\n {FLOW}]\n",
        ),
    ],
)
def test_where_the_entry_goes(before: str, after: str) -> None:
    assert amended(before) == after


def test_a_file_that_ruamel_must_write_anew_keeps_its_comments_order_and_quotes() -> None:
    before = "version: 1  # ours\nwaivers: ~ # none\nfail-on: 'low'\n\n# why\nparams:\n    b: {x: \"1\"}\n    a: {}\n"
    after = amended(before)
    for kept in ("version: 1  # ours", "# none", "fail-on: 'low'", "# why", 'b: {x: "1"}'):
        assert kept in after
    assert after.index("b: {") < after.index("a: {}")
    assert amended("{version: 1, fail-on: low}").startswith("{version: 1, fail-on: low, waivers: [")


def test_line_ends_and_byte_order_mark_stay() -> None:
    after = amended("\ufeffversion: 1\r\nfail-on: low\r\n")
    assert after.startswith("\ufeffversion: 1\r\n") and after.count("\n") == after.count("\r\n")
    assert after.endswith("  expires: 2027-01-31\r\n".rjust(4)) and "\r\nwaivers:\r\n  - checks" in after


def test_a_list_that_stands_elsewhere_too_is_not_changed_behind_ones_back() -> None:
    shared = "version: 1\noff: &both\n  - {checks: a, reason: b}\nwaivers: *both\n"
    with pytest.raises(UsageError, match="without changing what else it says"):
        amended(shared)


def test_long_lists_have_a_line_for_each() -> None:
    ids = [f"/subscriptions/{'1' * 36}/resourceGroups/{name}" for name in ("a", "b")]
    text = entry_lines({**ENTRY, "resources": ids})
    assert f"  resources:\n    - {ids[0]}\n    - {ids[1]}\n" in text
    assert f"resources: [{ids[0]}]" in entry_lines({**ENTRY, "resources": ids[:1]})


def test_long_reasons_are_not_broken() -> None:
    assert f"  reason: {'word ' * 80}end\n" in entry_lines({**ENTRY, "reason": "word " * 80 + "end"})


# Anything that people write, in every style that they write it in.

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda word: bool(word.strip()) and "\0" not in word
)
entries = st.fixed_dictionaries(
    {"checks": st.lists(words, min_size=1, max_size=2), "resources": st.lists(words, min_size=1, max_size=3)},
    optional={"ticket": words, "reason": words, "approved-by": words, "expires": st.dates().map(str)},
)


@given(entries)
def test_whatever_an_entry_says_is_read_again_as_it_was(entry: dict[str, Any]) -> None:
    after = amend(b"version: 1\n", "waivers", entry, "f")
    assert parse(after, "f").value == {"version": 1, "waivers": [entry]}


comments = st.sampled_from(["", "", " # why", "   #x", "  "])
gaps = st.sampled_from(["", "", "\n", "# a comment\n", "  # further in\n", "\n\n# two\n\n"])


@st.composite
def waivers(draw: st.DrawFn) -> str:
    dash, gap = " " * draw(st.integers(0, 5)), " " * draw(st.integers(1, 4))
    deep = dash + " " + gap
    reasons = [
        "words",
        "'a: b'",
        '"\\u00e9 #"',
        f"|\n{deep}  # text\n{deep}  more",
        f">-\n{deep}  a\n\n{deep}  b",
        "|+\n",
    ]
    items = ""
    for _ in range(draw(st.integers(1, 3))):
        reason = draw(st.sampled_from(reasons))
        reason = f"|+\n{deep}  kept\n\n" if reason == "|+\n" else reason
        after = "" if reason[0] in "|>" else draw(comments)
        keys = [f"checks: {draw(st.sampled_from(['a', '[a,  b ]']))}", "resources:   ['*']"]
        keys.append(f"reason: {reason}{after}")
        keys = draw(st.permutations(keys))
        items += f"{dash}-{gap}" + f"\n{deep}".join(key.rstrip("\n") if "kept" not in key else key for key in keys)
        items = items.rstrip(" ") + "\n"
        items += draw(gaps)
    return f"waivers:{draw(comments)}\n{items}"


@st.composite
def files(draw: st.DrawFn) -> str:
    parts = [draw(waivers()) if draw(st.booleans()) else draw(st.sampled_from(["waivers:\n", "", "waivers: # none\n"]))]
    parts += [f"version:   1{draw(comments)}\n"]
    parts += draw(st.lists(st.sampled_from(["fail-on:  'low'\n", "regions: [ a,b ]\n"]), unique=True))
    text = draw(gaps) + "".join(part + draw(gaps) for part in draw(st.permutations(parts)))
    text = text if draw(st.booleans()) else text.removesuffix("\n")
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(files())
def test_everything_else_stays_byte_for_byte(before: str) -> None:
    source = parse(before.encode(), "azscan.yaml")
    if source.faults or parse(before.encode() + b"\n", "").value != source.value:
        return  # a block of text at the end of the file, whose line end would be one more word
    parse_config(source, explicit=False)
    after = amended(before)
    # Where the file does not end with a line end, the entry brings one.
    new = inserted(before, after)
    assert [line.strip() for line in new.splitlines() if line.strip() and line.strip() != "waivers:"] == [
        line.strip() for line in LINES.splitlines()
    ]
    assert parse(after.encode(), "f").value["waivers"][-1] == ENTRY
