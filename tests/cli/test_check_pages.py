"""The pages of the catalogue: what stands on them, and that no text of a check can do anything there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typer.testing import CliRunner, Result

from azscan.catalog.load import load
from azscan.catalog.model import Catalog, Check, Condition, Control, Edge, FixText, FrameworkMap
from azscan.cli.check_pages import INDEX, code, escaped, fenced, linked, pages
from azscan.cli.checks import app
from azscan.report.text import visible
from azscan.results import SEVERITIES
from tests.collect.ground import catalog, check, kind

ROOT = Path(__file__).resolve().parents[2]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = (
    "# |a| <script>x</script> [b](javascript:c) ![d](e) *f* `g` &lt; https://h __i__ ~~j~~ \\ \x1b[31m\n- k\n\n1. l"
)
texts = st.text() | st.text(alphabet="`*_[]()<>|~\\&;#!$- \nab1.lt=", max_size=20)


def told(text: str) -> str:
    return visible(" ".join(text.split()))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["docs", *map(str, arguments)])


# the commands


def test_it_writes_compares_and_removes(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "checks"
    done = run(folder, "--check")
    assert done.exit_code == 10 and str(folder / "storage.md") in done.stdout and not folder.exists()
    assert "stale; write them anew: azscan checks docs" in done.stderr
    done = run(folder)
    assert done.exit_code == 0
    assert {path.name for path in folder.iterdir()} == {INDEX, *(f"{name}.md" for name in load().services)}
    assert run(folder, "--check").exit_code == 0 and run(folder, "--check").stdout == ""
    (folder / "gone.md").write_text((folder / "storage.md").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "notes.md").write_text("# somebody's own\n", encoding="utf-8")
    (folder / "sql.md").write_text("other", encoding="utf-8")
    done = run(folder, "--check")
    assert (done.exit_code, done.stdout.split()) == (10, [str(folder / "sql.md"), str(folder / "gone.md")])
    assert run(folder).stdout.split() == [str(folder / "sql.md"), str(folder / "gone.md")]
    assert (folder / "notes.md").exists() and not (folder / "gone.md").exists()


def test_a_folder_that_cannot_be_written_is_exit_5(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert getattr(run(tmp_path / "file" / "below").exception, "exit_code", 0) == 5


def test_the_pages_are_of_the_shipped_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZSCAN_CHECKS_DIR", str(tmp_path / "nowhere"))
    assert run(tmp_path / "out").exit_code == 0


def test_it_imports_neither_aiohttp_nor_azure(tmp_path: Path) -> None:
    source = (
        "import sys\nfrom azscan.cli.checks import app\ntry:\n"
        f"    app(['docs', {str(tmp_path)!r}])\nexcept SystemExit as done:\n    assert not done.code\n"
        "assert not {'aiohttp', 'azure', 'msal'} & set(sys.modules)\n"
    )
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", source], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# the pages


def test_every_check_stands_on_the_page_of_its_service_under_its_id() -> None:
    known = load()
    written = pages(known)
    for one in known.checks.values():
        page = written[f"{one.service}.md"]
        assert page.count(f"\n### {one.id}\n") == 1 and f"](#{one.id})" in page, one.id
        assert escaped(one.title) in page and escaped(one.why) in page
    for name in known.services:
        assert f"]({name}.md)" in written[INDEX]


def made(require: Condition, **more: Any) -> Check:
    return msgspec.structs.replace(check("test-full", "thing", require), **more)


FULL = made(
    {"allOf": [{"field": "properties.days", "greaterOrEquals": "${days}"}, {"field": "tags.x", "equals": "on"}]},
    applies={"field": "kind", "notEquals": "small", "default": "big"},
    title="Thing is full",
    status="experimental",
    params={"days": 30},
    aliases=("test-formerly",),
    policy=("404c3081-a854-4457-ae30-26a93ef643f9",),
    false_positives="Some are empty.",
    refs=("https://example.org/full",),
    fix=FixText("Fill it.", "az thing fill --ids {id}"),
)
KINDS = (
    kind("thing", presence="listed", detail="{id}"),
    kind("part", of=("thing",)),
    kind("user", host="graph", list="/u"),
)


def full(*checks) -> Catalog:
    known = catalog(*KINDS, checks=checks)
    mapped = FrameworkMap("ours", "Ours", "us", (Control("1.2", "One", (Edge("test-full"),)),))
    return msgspec.structs.replace(known, frameworks={"ours": mapped})


def test_all_that_is_known_of_a_check_is_told() -> None:
    page = pages(full(FULL))["test.md"]
    for part in (
        "# Test\n",
        "Service `test`, area `network`.",
        "| `thing` | `GET /subscriptions/{subscriptionId}/providers/Microsoft.Test/things` | subscription | 2024",
        "| `thing`, the rest of it | `GET {id}` | thing | 2024-01-01 |",
        "| `part` | `GET {id}/parts` | thing | 2024-01-01 |",
        "| `user` | `GET /v1.0/u` | tenant | v1.0 |",
        "| [`test-full`](#test-full) | Thing is full | high, experimental | `thing` |",
        "### test-full\n\n**Thing is full.**\n\n- Severity: high\n- Status: experimental\n- Of: `thing`\n",
        "- Once called: `test-formerly`",
        "**Applies where** kind ",
        "properties.days is at least 30",
        "**Why.** why",
        "**Fix.** Fill it.\n\n```sh\naz thing fill --ids {id}\n```",
        "**False positives.** Some are empty.",
        "| `days` | `30` |",
        "`404c3081-a854-4457-ae30-26a93ef643f9`",
        "- `ours`: 1.2",
        "- <https://example.org/full>",
    ):
        assert part in page, part


def test_the_index_counts_by_severity() -> None:
    row = pages(full(FULL, check("test-low", "thing", {"field": "a", "exists": True}, severity="low")))[INDEX]
    counts = " | ".join("1" if severity in ("high", "low") else "0" for severity in SEVERITIES)
    assert f"| [`test`](test.md) | Test | network | 2 | {counts} |" in row


def test_a_service_without_checks_has_a_page() -> None:
    assert "None yet." in pages(full())["test.md"]


def test_hostile_texts_do_nothing() -> None:
    hostile = made(
        {"field": "tags['<b>`']", "equals": HOSTILE},
        title=HOSTILE,
        why=HOSTILE,
        params={"days": HOSTILE},
        false_positives=HOSTILE,
        refs=("javascript:alert(1)", "https://example.org/<script>", HOSTILE),
        fix=FixText(HOSTILE, f"```\n{HOSTILE}\n````"),
        aliases=(HOSTILE,),
    )
    page = pages(full(hostile))["test.md"]
    assert "\x1b" not in page
    plain = [token.tag for token in MARKDOWN.parse(pages(full(FULL))["test.md"]) if token.tag.startswith("h")]
    tokens = MARKDOWN.parse(page)
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    assert [token.tag for token in tokens if token.tag.startswith("h")] == plain
    assert {token.type for token in (*tokens, *inline)} & {
        "html_block",
        "html_inline",
        "image",
        "s_open",
        "em_open",
    } == set()
    assert {child.attrs["href"] for child in inline if child.type == "link_open"} == {"#test-full"}


@given(texts)
def test_an_escaped_text_shows_itself_and_nothing_else(text: str) -> None:
    (inline,) = [token for token in MARKDOWN.parse(f"x {escaped(text)}") if token.type == "inline"]
    assert {child.type for child in inline.children} == {"text"}
    assert "".join(child.content for child in inline.children) == f"x {told(text)}".strip()


@given(texts)
def test_a_code_span_shows_its_text(text: str) -> None:
    line = told(text)
    (inline,) = [token for token in MARKDOWN.parse(f"x {code(text)}") if token.type == "inline"]
    assert not line or [child.content.strip() for child in inline.children if child.type == "code_inline"] == [line]


@given(texts.filter(lambda text: "\\" not in visible(text)))
def test_a_cell_stays_one_cell(text: str) -> None:
    page = pages(full(made({"field": "a", "exists": True}, params={"p": text}, title=text)))["test.md"]
    rows = [token for token in MARKDOWN.parse(page) if token.type == "td_open"]
    assert len(rows) == len(KINDS) * 4 + 4 + 4 + 2


@given(texts)
def test_a_block_ends_where_it_should(text: str) -> None:
    tokens = MARKDOWN.parse(f"{fenced(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def test_only_addresses_are_links() -> None:
    assert linked("https://example.org/a_b") == "<https://example.org/a_b>"
    assert linked("javascript:alert(1)") == "`javascript:alert(1)`"
