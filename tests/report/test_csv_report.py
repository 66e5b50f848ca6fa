"""What auditors open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import sqlite3

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.report import write
from azscan.report.csv_report import COLUMNS, DECISION
from azscan.results import Waiver
from tests.report.kept import SNAPSHOTS, assert_kept
from tests.report.sample import (
    DEV,
    MemoryResults,
    frameworks,
    hostile,
    https_only,
    leaf,
    mapped,
    partly_known,
    sample,
    storage,
)

ISSUE_COLUMNS = (
    "framework, control, check, title, severity, status, subscription, resource id, name, type, region, expected, "
    "actual, evidence url, api, read at, reason, approved by, expires, fix"
)


def raw(results: MemoryResults) -> bytes:
    stream = io.BytesIO()
    write("csv", results, stream)
    return stream.getvalue()


def lines(results: MemoryResults) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw(results).decode(), newline="")))


def rows(results: MemoryResults) -> list[dict[str, str]]:
    """The rows of verdicts and controls, without those of what was decided."""
    return [row for row in lines(results) if row["status"] != DECISION]


@pytest.mark.parametrize(("name", "results"), [("plain", sample()), ("frameworks", mapped()), ("hostile", hostile())])
def test_whole_output(name: str, results: MemoryResults) -> None:
    assert_kept(SNAPSHOTS / f"report-{name}.csv", raw(results))


def test_known_failures_say_so() -> None:
    told = {row["name"]: row["reason"] for row in rows(partly_known()) if row["check"] == "storage-https-only"}
    assert told["st0"] == "" and told["st1"] == "known: it stands in the baseline"


def test_columns() -> None:
    assert ", ".join(COLUMNS) == ISSUE_COLUMNS
    assert raw(sample()).splitlines()[0].decode() == ",".join(COLUMNS)


def test_one_row_per_verdict_sorted_by_check_status_subscription_and_id() -> None:
    read = rows(sample())
    assert len(read) == len(list(sample().verdicts()))
    keys = [
        (
            row["check"],
            ["fail", "unreadable", "waived", "pass"].index(row["status"]),
            row["subscription"],
            row["resource id"],
        )
        for row in read
    ]
    assert keys == sorted(keys)


def test_one_row_per_control_and_verdict() -> None:
    read = rows(mapped())
    pairs = {(name, verdict.check, verdict.resource.id) for verdict in mapped().verdicts() for name in verdict.controls}
    met = [row for row in read if row["check"]]
    assert {(f"{row['framework']}:{row['control']}", row["check"], row["resource id"]) for row in met} == pairs
    assert len(met) == len(pairs)


def test_what_the_team_decided_stands_at_the_end() -> None:
    for read in (lines(sample()), lines(mapped())):
        decided = [row for row in read if row["status"] == DECISION]
        assert read[-len(decided) :] == decided
        assert [(row["title"], row["reason"], row["approved by"], row["expires"]) for row in decided] == [
            (
                "waiver: storage-* on */storageaccounts/www*",
                "in force: used for 1 finding: public site (SEC-12)", "j.doe", "2027-01-31",
            ),
            ("waiver: keyvault-* on *", "expired: until the new vault is there", "", "2026-01-31"),
            ("waiver: storage-https-only on tag env=import", "unused: legacy import", "", ""),
            ("waiver: sql-* on *", "not tried: none of its checks was run: moved next year", "", ""),
            ("switched off: media", "in force: not in use", "j.doe", "2027-01-31"),
            (
                "severity: keyvault-key-*: medium",
                "in force: high in the catalogue: keyvault-key-expires: rotated by hand (SEC-13)",
                "j.doe", "2027-01-31",
            ),
            ("severity: storage-*: low", "expired: last year's decision", "", "2026-01-31"),
            ("accepted as unreadable: not_collected", "unused", "", ""),
            ("accepted as unreadable: sql", "expired: no Reader yet", "j.doe", "2026-01-31"),
        ]  # fmt: skip


def test_every_control_stands_there_in_the_frameworks_order() -> None:
    read = rows(mapped())
    controls = list(dict.fromkeys((row["framework"], row["control"]) for row in read))
    assert controls == [(each.key, control) for each in frameworks() for control in each.controls]
    gaps = {row["control"]: (row["status"], row["reason"]) for row in read if not row["check"]}
    assert gaps == {
        "A.5.7": ("manual", "no check covers this control"),
        "A.7.4": ("manual", "Cameras are not a matter of Azure."),
        "9.20": ("no-resources", "its checks met no resource of this scan"),
    }


def test_a_waived_row_carries_the_waivers_record() -> None:
    row = next(row for row in rows(sample()) if row["status"] == "waived")
    assert (row["reason"], row["approved by"], row["expires"]) == ("public site (SEC-12)", "j.doe", "2027-01-31")


def test_line_stands_against_line_where_values_repeat() -> None:
    evidence = tuple(leaf(f"passwords[{name}].expiry", "exists", None, present=False) for name in "ab")
    (row,) = rows(MemoryResults([msgspec.structs.replace(https_only(storage("st")), evidence=evidence)]))
    assert row["expected"].split("\n") == ["passwords[a].expiry exists", "passwords[b].expiry exists"]
    assert row["actual"].split("\n") == ["absent", "absent"]
    assert "\n" not in row["evidence url"]


@pytest.mark.parametrize(
    ("actual", "told"),
    [
        ({"items": 15, "true": 0}, "none of 15 items"),
        ({"items": 15, "false": 2}, "all but 2 of 15 items"),
        ({"items": 0}, "no items"),
        (["to-law: jobs to workspace", "b"], "to-law: jobs to workspace, b"),
        ([], "nothing"),
        ("none", '"none"'),
        (True, "true"),
        ({"startHourUtc": 2}, '{"startHourUtc":2}'),
    ],
)
def test_what_was_found_stands_in_the_words_of_the_table(actual: object, told: str) -> None:
    verdict = msgspec.structs.replace(https_only(storage("st")), evidence=(leaf("a.b", "exists", actual),))
    assert rows(MemoryResults([verdict]))[0]["actual"] == told
    report = io.BytesIO()
    write("json", MemoryResults([verdict]), report)
    assert msgspec.json.decode(report.getvalue())["verdicts"][0]["evidence"][0]["actual"] == actual


def test_evidence_has_a_line_for_each_leaf_and_one_for_all_reads_that_agree() -> None:
    row = next(row for row in rows(sample()) if row["check"] == "storage-network-closed")
    assert row["expected"].split("\n")[1] == "properties.networkAcls.defaultAction equals Deny"
    assert row["actual"].split("\n") == ["absent", "Allow", "0.0.0.0/0", "Logging, Metrics, AzureServices"]
    assert row["api"] == "2024-01-01"


def test_lines_end_as_rfc_4180_wants() -> None:
    data = raw(hostile())
    assert data.endswith(b"\r\n")
    found = len(list(hostile().verdicts())) + len(hostile().scan.allowed_unreadable)
    assert len(list(csv.reader(io.StringIO(data.decode(), newline="")))) == 1 + found


@pytest.mark.parametrize(
    "name", ["=1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "\u00a0=1", "\u200b=1", "\ufeff\n=1", "＝1"]
)
def test_formulas_are_neutralised(name: str) -> None:
    (row,) = rows(MemoryResults([https_only(storage(name))]))
    assert row["name"].startswith("'")


@given(text=st.text(max_size=40), lead=st.sampled_from(["", "=", " +", "\t", "\r", "\n@", "\x00-"]))
@settings(deadline=None)
def test_any_text_comes_back_on_its_row_and_is_no_formula(text: str, lead: str) -> None:
    value = lead + text
    verdict = https_only(storage(value, group=value))
    verdict = msgspec.structs.replace(verdict, title=value, reason=value, evidence=(leaf(value, value, value),) * 2)
    (row,) = rows(MemoryResults([verdict]))
    assert set(row) == set(COLUMNS)
    for cell in row.values():
        assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert "\r" not in cell


@given(text=st.text('a;=+-@ \n",\u200b', max_size=20))
@settings(deadline=None)
def test_nothing_is_a_formula_to_a_reader_that_splits_at_semicolons(text: str) -> None:
    """Excel does where the decimal sign is a comma; a quote within such a part is a letter to it."""
    verdict = https_only(storage(text, group=text))
    evidence = tuple(leaf(text, text, text + end) for end in "12")
    verdict = msgspec.structs.replace(verdict, title=text, reason=text, evidence=evidence)
    for line in raw(MemoryResults([verdict])).decode().splitlines():
        for part in line.split(";"):
            assert part.lstrip('" ')[:1] not in ("=", "+", "-", "@")


def test_many_rows_are_sorted_outside_of_memory() -> None:
    results = MemoryResults(https_only(storage(f"st{number:05d}", DEV)) for number in range(20_000, 0, -1))
    results._verdicts.reverse()
    ids = [row["resource id"] for row in rows(results)]
    assert ids == sorted(ids)
    assert len(ids) == 20_000


def test_a_full_temporary_disk_is_an_error_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Full, **k))
    with pytest.raises(OSError, match="full"):
        raw(sample())


def test_two_waivers_keep_their_own_records() -> None:
    waivers = [Waiver(("a",), ("*",), f"reason {number}") for number in range(2)]
    verdicts = [https_only(storage("a"), "waived", 0), https_only(storage("b"), "waived", 1)]
    assert [row["reason"] for row in rows(MemoryResults(verdicts, waivers=waivers))] == ["reason 0", "reason 1"]
