"""What the summary counts and no check speaks of is listed, with the condition that leaves it out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from azscan.catalog.load import load
from azscan.emulator import demo_estate
from azscan.evidence.not_applicable import COLUMNS, PATH
from azscan.evidence.pack import write_pack
from tests.evidence.ground import FRAMEWORKS, JUDGED_AT, Pack, packed
from tests.harness import Scanned, scan


def test_every_verdict_that_the_summary_counts_has_a_row(scanned: Scanned, demo: Pack) -> None:
    rows = demo.table(PATH)
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == scanned.results.summary.statuses["not-applicable"] > 0
    assert len({(row["check"], row["resource id"], row["type"]) for row in rows}) == len(rows)


def test_every_resource_that_the_summary_counts_stands_in_the_pack(scanned: Scanned, demo: Pack) -> None:
    judged, left_out = (
        {(row["resource id"].lower(), row["type"].lower()) for row in rows if row["resource id"]}
        for rows in (demo.every_row, demo.table(PATH))
    )
    assert len(judged | left_out) == scanned.results.summary.resources
    assert left_out - judged


def test_a_row_says_what_leaves_the_resource_out(scanned: Scanned, demo: Pack) -> None:
    controls = {check: each.name for each in scanned.results.controls for check in each.decided_by}
    for row in demo.table(PATH):
        assert row["applies only where"] and row["expected"] and row["read at"], row["check"]
        assert len(row["expected"].split("\n")) == len(row["actual"].split("\n"))
        assert controls.get(row["check"], "") in row["controls"] and row["controls"]
    by_check = {row["check"]: row for row in demo.table(PATH)}
    row = by_check["storage-blob-versioning"]
    assert row["applies only where"] == "kind does not equal FileStorage and not (properties.isHnsEnabled equals true)"
    assert (row["expected"], row["actual"]) == ("properties.isHnsEnabled does not equal true", "true")


def test_its_evidence_files_show_the_resource(demo: Pack) -> None:
    for row in demo.table(PATH):
        first = next(demo.evidence(row))
        assert first["id"] == row["resource id"] and "body" in first


def test_conditions_are_told_with_the_parameters_of_the_scan(scanned: Scanned, tmp_path: Path) -> None:
    params = {"network-subnet-has-nsg": {"exempt": ["default"]}}
    write_pack(str(tmp_path / "pack.zip"), scanned.results, params, judged_at=JUDGED_AT)
    rows = [row for row in Pack(tmp_path / "pack.zip").table(PATH) if row["check"] == "network-subnet-has-nsg"]
    assert {row["applies only where"] for row in rows} == {"name is none of default"}


def test_a_list_that_is_empty_leaves_out_too(tmp_path: Path) -> None:
    require = {"every": {"in": "properties.networkAcls.ipRules", "where": {"field": "value", "exists": True}}}
    require["every"]["whenEmpty"] = "not-applicable"
    catalog = load()
    check = msgspec.structs.replace(catalog.checks["storage-https-only"], applies=None, require=require)
    catalog = msgspec.structs.replace(catalog, checks={**catalog.checks, check.id: check})
    results = scan(tmp_path, demo_estate(), catalog=catalog, frameworks=FRAMEWORKS, checks=[check.id]).results
    rows = packed(results, tmp_path / "pack.zip").table(PATH)
    assert {row["applies only where"] for row in rows} == {"properties.networkAcls.ipRules has an item"}
    assert {row["actual"] for row in rows} == {"no items"}
