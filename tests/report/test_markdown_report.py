"""The page for a pipeline's summary."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from azscan.report import write
from azscan.report.markdown_report import CHECKS, code, escaped
from tests.report.kept import SNAPSHOTS, assert_kept, scrubbed
from tests.report.sample import MemoryResults, hostile, https_only, mapped, partly_known, sample, storage

MARKDOWN = MarkdownIt("commonmark").enable("table")
# All that the report itself has: anything else would come from a name.
OWN = {"heading", "paragraph", "inline", "strong", "text", "code_inline", "bullet_list", "list_item", "softbreak"}
OWN |= {"table", "thead", "tbody", "tr", "th", "td"}


def markdown(results: MemoryResults) -> str:
    stream = io.BytesIO()
    write("markdown", results, stream)
    return stream.getvalue().decode()


def kinds(text: str) -> set[str]:
    """The kinds of markup in a text."""
    tokens = MARKDOWN.parse(text)
    inline = [each for token in tokens for each in token.children or ()]
    return {each.type.removesuffix("_open").removesuffix("_close") for each in [*tokens, *inline]}


def shown(text: str) -> str:
    """What a reader sees of one line."""
    return "".join(each.content for token in MARKDOWN.parse(text) for each in token.children or ())


@pytest.mark.parametrize(("name", "results"), [("plain", sample()), ("frameworks", mapped())])
def test_whole_output(name: str, results: MemoryResults) -> None:
    assert_kept(SNAPSHOTS / f"summary-{name}.md", scrubbed(markdown(results).encode()))


def test_only_new_failures_are_listed_with_their_resources() -> None:
    text = markdown(partly_known())
    new, known = text.partition("### Failed anew\n")[2].split("### Known\n")
    assert "`storage-https-only` x 1: " in new and "st0" in new and "network" not in new
    assert "5 known failures stand in the baseline `known.json`." in known
    assert "- critical `storage-network-closed` x 1\n- high `storage-https-only` x 3\n" in known
    assert kinds(text) <= OWN


def test_it_is_markdown() -> None:
    assert kinds(markdown(mapped())) <= OWN
    assert "table" in kinds(markdown(mapped()))


def test_names_of_strangers_are_no_markup() -> None:
    names = [
        "[x](https://evil)",
        "<img src=x onerror=alert(1)>",
        "`a`",
        "``b",
        "`",
        "| a | b |",
        "\n# h",
        "*a* _b_ ~~c~~",
    ]
    results = [*hostile().verdicts(), *(https_only(storage(each, group=each)) for each in names)]
    titled = [
        msgspec.structs.replace(https_only(storage("a")), check=f"x{at}", title=each) for at, each in enumerate(names)
    ]
    text = markdown(MemoryResults([*results, *titled]))
    assert kinds(text) <= OWN
    assert "\x1b" not in text and "\u202e" not in text
    assert "http://" not in escaped("see http://evil") and "www.e" not in escaped("see www.evil.example")


@given(st.text(min_size=1, max_size=60))
@example(" ")
@example(" ` ")
@example(" a ")
@settings(deadline=None)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    from azscan.report.text import visible

    assert kinds(f"- x {code(text)} y") <= OWN and kinds(f"- x {escaped(text)} y") <= OWN
    assert shown(f"- x {code(text)} y") == f"x {visible(text)} y"
    # Markdown folds blanks before the end of a line, and nothing else.
    assert shown(f"- x {escaped(text)} y") == f"x {visible(text)} y"


def test_it_stays_short_whatever_is_found() -> None:
    many = [
        msgspec.structs.replace(https_only(storage(f"st{number}")), check=f"check-{number % (CHECKS + 5):04}")
        for number in range(5000)
    ]
    text = markdown(MemoryResults(many))
    assert len(text) < 200_000
    assert text.count("\n- **high**") == CHECKS and "\n- and 5 more checks\n" in text
    assert "\nAll of them, with every resource: `azscan scan … -o report.csv`\n" in text


def test_the_severest_come_first() -> None:
    order = [line.split("**")[1] for line in markdown(sample()).splitlines() if line.startswith("- **")]
    assert order == ["critical", "high", "medium"]
