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
