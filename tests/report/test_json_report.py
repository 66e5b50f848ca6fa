"""What programs read."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.report import write
from azscan.report.json_report import ResultsDocument, results_schema
from tests.report.kept import ROOT, SNAPSHOTS, assert_kept
from tests.report.sample import MemoryResults, hostile, https_only, leaf, mapped, partly_known, sample, storage


def raw(results: MemoryResults) -> bytes:
    stream = io.BytesIO()
    write("json", results, stream)
    return stream.getvalue()


@pytest.mark.parametrize(("name", "results"), [("plain", sample()), ("frameworks", mapped()), ("hostile", hostile())])
def test_whole_output(name: str, results: MemoryResults) -> None:
    assert_kept(SNAPSHOTS / f"report-{name}.json", raw(results))


def test_top_level_and_verdict_fields() -> None:
    document = json.loads(raw(mapped()))
    assert list(document) == [
        "schema",
        "scan",
        "summary",
        "verdicts",
        "unreadable",
        "waivers",
        "off",
        "severity_overrides",
        "frameworks",
        "controls",
        "scores",
    ]
    assert document["schema"] == "azscan.results/1"
    verdict = document["verdicts"][0]
    wanted = ["check", "title", "service", "severity", "status", "resource", "evidence", "reason", "fix", "controls"]
    assert [name for name in verdict if name in wanted] == wanted
    assert set(verdict["resource"]) >= {"id", "name", "type", "subscription", "resource_group", "region"}
    evidence = next(each["evidence"][0] for each in document["verdicts"] if each["evidence"])
    assert list(evidence) == ["path", "expected", "actual", "present", "url", "api", "read_at"]


def test_known_failures_are_marked() -> None:
    verdicts = json.loads(raw(partly_known()))["verdicts"]
    assert sorted(each["known"] for each in verdicts) == [False, True, True, True, True, True]


@pytest.mark.parametrize("results", [sample(), mapped(), hostile(), MemoryResults([])])
def test_it_decodes_to_what_it_was_made_of(results: MemoryResults) -> None:
    document = msgspec.json.decode(raw(results), type=ResultsDocument)
    assert list(document.verdicts) == list(results.verdicts())
    assert document.scan == results.scan
    assert document.summary == results.summary
    assert list(document.unreadable) == list(results.unreadable)
    assert list(document.waivers) == list(results.waivers)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters()), st.lists, max_leaves=5))
@settings(deadline=None)
def test_any_value_is_json(value: object) -> None:
    verdict = msgspec.structs.replace(https_only(storage("a")), evidence=(leaf("x", "y", value),))
    assert len(json.loads(raw(MemoryResults([verdict])))["verdicts"]) == 1


def test_more_verdicts_than_one_block() -> None:
    results = MemoryResults(https_only(storage(f"st{number}")) for number in range(1000))
    assert len(json.loads(raw(results))["verdicts"]) == 1000


def test_schema_is_not_stale() -> None:
    data = json.dumps(results_schema(), indent=2, ensure_ascii=False) + "\n"
    assert_kept(ROOT / "docs/schemas/results.schema.json", data.encode())
