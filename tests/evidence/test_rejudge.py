"""A verdict can be judged again from the evidence files that its row names, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from azscan.emulator import Deny, Options, demo_estate
from tests.evidence.ground import FRAMEWORKS, Judge, Pack, packed
from tests.harness import Scanned, scan

DENIED = (
    "Microsoft.Storage/storageAccounts/blobServices/read",
    "Microsoft.Network/networkWatchers/flowLogs/read",
    "Microsoft.KeyVault/vaults/keys/read",
    "Microsoft.Web/sites/config/read",
    "Microsoft.Insights/diagnosticSettings/read",
    "Microsoft.Authorization/roleAssignments/read",
)


def wrong(scanned: Scanned, pack: Pack, rows: Iterable[dict[str, str]], path: Path) -> list[object]:
    """The rows that are judged otherwise from their own files; what lies beside them there is no matter."""
    judge = Judge(scanned.results, path, datetime.now(UTC))
    told = ((row, judge.verdicts(row["check"], pack.evidence(row)).get(row["resource id"])) for row in rows)
    return [(row["check"], row["resource id"], row["status"], found) for row, found in told if found != row["status"]]


def test_every_check_judges_the_same_from_the_files_alone(scanned: Scanned, demo: Pack, tmp_path: Path) -> None:
    rows = {(row["check"], row["status"]): row for row in demo.every_row if row["check"] and row["name"] != "*"}
    assert len(rows) > 1500
    assert wrong(scanned, demo, rows.values(), tmp_path / "e.sqlite") == []


def test_what_could_not_be_read_shows_in_the_files(tmp_path: Path) -> None:
    options = Options(deny=[Deny(action, "403") for action in DENIED])
    scanned = scan(tmp_path, demo_estate(), options, frameworks=FRAMEWORKS)
    pack = packed(scanned.results, tmp_path / "pack.zip")
    rows = {row["check"]: row for row in pack.every_row if row["status"] == "unreadable" and row["name"] != "*"}
    assert len(rows) > 50
    assert wrong(scanned, pack, rows.values(), tmp_path / "e.sqlite") == []
    for row in rows.values():
        told = [each for content in pack.evidence(row) for each in reads(content)]
        assert any(each.get("outcome") == "access_denied" and each["status"] == 403 for each in told), row["check"]


def reads(content: dict) -> list[dict]:
    return [each for each in (content.get("read"), content.get("detail")) if each]
