"""The comparison of two results, as people and as programs read it."""

from __future__ import annotations

import io
import json

import msgspec
import pytest

from azscan.compare import Comparison, Outcome
from azscan.report import Options
from azscan.report.diff_json import DiffDocument, diff_schema, write_diff
from azscan.report.diff_table import PER_CHECK, explain, print_comparison
from azscan.report.page import Page
from azscan.results import ResourceRef, ScanInfo
from tests.report.kept import ROOT, SNAPSHOTS, assert_kept, scrubbed
from tests.report.sample import (
    DEV,
    PROD,
    MemoryResults,
    hostile,
    https_only,
    key_expires,
    leaf,
    network_rules,
    sample_scan,
    storage,
)


def scan(*left_out: str) -> ScanInfo:
    ran = {"storage-https-only", "storage-network-closed", "keyvault-key-expires"} - {*left_out}
    return msgspec.structs.replace(sample_scan(), check_ids=tuple(sorted(ran)))


def sides() -> tuple[MemoryResults, MemoryResults]:
    """Something of every kind."""
    accounts = [storage(f"stweb{number:02d}") for number in range(PER_CHECK + 2)]
    unread = ResourceRef(f"/subscriptions/{DEV}", "*", "Microsoft.Storage/storageAccounts", DEV)
    denied = "access_denied: The client does not have authorization"
    list_denied = msgspec.structs.replace(https_only(unread, "unreadable"), evidence=(), reason=denied)
    old = [
        *(https_only(each, "pass") for each in accounts),
        https_only(storage("stsolved")),
        https_only(storage("stgone")),
        https_only(storage("www1")),
        https_only(storage("stdev", DEV, "rg-dev"), "pass"),
        network_rules(accounts[0], "medium"),
        key_expires("tls", "fail", "Azure does not say"),
    ]
    new = [
        *map(https_only, accounts),
        https_only(storage("stsolved"), "pass"),
        https_only(storage("www1"), "waived", 0),
        network_rules(accounts[0]),
        list_denied,
    ]
    return MemoryResults(old, scan=scan()), MemoryResults(new, scan=scan("keyvault-key-expires"))


def table(comparison: Comparison, options: Options) -> bytes:
    stream = io.BytesIO()
    page = Page(stream, options)
    with comparison:
        print_comparison(page, "monday.json", "tuesday.json", comparison)
    page.flush()
    return scrubbed(stream.getvalue())


@pytest.mark.parametrize(
    ("name", "options"),
    [("plain", Options()), ("terminal", Options(width=100, terminal=True, colour=True))],
)
def test_whole_output(name: str, options: Options) -> None:
    assert_kept(SNAPSHOTS / f"diff-{name}.txt", table(Comparison(*sides()), options))


def test_a_failure_by_other_evidence_tells_both() -> None:
    path = "properties.supportsHttpsTrafficOnly"
    now = (leaf(path, "equals true", None, present=False), leaf("properties.kind", "equals a", "\x1b[1mb"))
    old = MemoryResults([https_only(storage("a"))], scan=scan())
    new = MemoryResults([msgspec.structs.replace(https_only(storage("a")), evidence=now)], scan=scan())
    lines = table(Comparison(old, new), Options()).decode().splitlines()
    assert f"   | {path}   was false   now absent" in lines
    (other,) = [line for line in lines if "properties.kind" in line]
    assert other.startswith("   | properties.kind   was not the reason   now ") and other.isprintable()
    assert "   = failed before: it fails by other evidence" in lines


def test_what_is_not_compared_is_one_line_for_each_reason() -> None:
    many = [key_expires(f"k{number:04}", "fail") for number in range(1500)]
    old = MemoryResults([*many, https_only(storage("a"))], scan=scan())
    new = MemoryResults([https_only(storage("a"))], scan=scan("keyvault-key-expires"))
    text = table(Comparison(old, new), Options()).decode()
    assert "  1,500 x the check was not run\n" in text and len(text.splitlines()) < 15
    stream = io.BytesIO()
    with Comparison(old, new) as comparison:
        write_diff(comparison, "a.json", "b.json", stream)
    assert len(json.loads(stream.getvalue())["differences"]) == 1500


def test_checks_that_were_not_chosen_are_no_news() -> None:
    nothing = MemoryResults([], scan=scan())
    fewer = MemoryResults([], scan=scan("keyvault-key-expires", "storage-network-closed"))
    with Comparison(nothing, fewer, wanted=lambda check: check.startswith("storage-")) as comparison:
        assert comparison.notes == ("checks not run now (1): storage-network-closed",)


def test_names_of_strangers_reach_no_terminal() -> None:
    empty = MemoryResults([], scan=scan())
    text = table(Comparison(empty, MemoryResults(hostile().verdicts(), scan=scan())), Options()).decode()
    assert all(line.isprintable() for line in text.splitlines())
    assert "[bold red]x[/bold red]" in text and "$(rm -rf ~)" in text


def test_the_json_decodes_to_the_same() -> None:
    stream = io.BytesIO()
    with Comparison(*sides()) as comparison:
        write_diff(comparison, "a.json", "b.json", stream)
        document = msgspec.json.decode(stream.getvalue(), type=DiffDocument)
        assert list(document.differences) == list(comparison.differences())
    assert document.counts["new"] == {"high": PER_CHECK + 2}
    assert document.notes == comparison.notes and document.outcome == comparison.outcome
    assert [document.old.file, document.new.file] == ["a.json", "b.json"]


def test_the_schema_is_not_stale() -> None:
    data = json.dumps(diff_schema(), indent=2, ensure_ascii=False) + "\n"
    assert_kept(ROOT / "docs/schemas/diff.schema.json", data.encode())


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Outcome("high", 0, 0, 0), "exit code 0: no new failure at or above high"),
        (Outcome("never", 0, 0, 0), "exit code 0: no gate was asked for (--fail-on never)"),
        (Outcome("low", 1, 0, 10), "exit code 10: 1 new failure at or above low"),
        (
            Outcome("low", 1204, 1, 10),
            "exit code 10: 1,204 new failures at or above low; 1 verdict at or above low became unreadable",
        ),
        (
            Outcome("high", 0, 2, 4),
            "exit code 4: no new failure at or above high, but 2 verdicts at or above high became unreadable",
        ),
        (
            Outcome("high", 0, 2, 3),
            "exit code 3: not one verdict of the new results is readable, so nothing is proven",
        ),
    ],
)
def test_the_code_is_explained(outcome: Outcome, line: str) -> None:
    assert explain(outcome) == line


def test_the_subscriptions_have_their_names() -> None:
    text = table(Comparison(*sides()), Options()).decode()
    assert "contoso-prod / rg-web / stweb00" in text and PROD not in text
