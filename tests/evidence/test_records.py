"""Evidence files: what they hold of a read, a record, a list of many reads, and of what was never asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from azscan.choosing import choose_checks
from azscan.emulator import Deny, Options, demo_estate
from azscan.evidence import records
from azscan.scan import assess
from azscan.settings import resolve
from tests.evidence.ground import Pack, packed
from tests.harness import Scanned, scan, shipped

ISO = ["iso-27001-2022"]


def row_of(pack: Pack, check: str, **wanted: str) -> dict[str, str]:
    return next(
        row
        for row in pack.rows("iso-27001-2022")
        if row["check"] == check and all(row[name] == value for name, value in wanted.items())
    )


def first(pack: Pack, row: dict[str, str]) -> Any:
    return pack.json(row["evidence files"].split("\n")[0])


def evidence(pack: Pack) -> list[Any]:
    return [pack.json(name) for name in pack.names if name.startswith("evidence/")]


def test_a_record_tells_its_read_and_keeps_the_order_of_azure(demo: Pack, scanned: Scanned) -> None:
    row = row_of(demo, "storage-https-only")
    content = first(demo, row)
    assert list(content) == ["collection", "id", "subscription", "read", "body"]
    assert (content["collection"], content["id"]) == ("storage_account", row["resource id"])
    assert content["read"]["url"] == row["evidence url"] and content["read"]["status"] == 200
    assert content["read"]["read-at"] == row["read at"] and content["read"]["request-id"]
    (kept,) = scanned.results.estate.connection.execute(
        "SELECT body FROM resource WHERE collection = 'storage_account' AND id_as_sent = ?", (row["resource id"],)
    ).fetchone()
    assert list(content["body"].items()) == list(msgspec.json.decode(kept).items())


def test_a_record_that_was_read_by_itself_tells_that_read_too(demo: Pack) -> None:
    told = evidence(demo)
    detailed = [each for each in told if "detail" in each and each["detail"].get("url")]
    assert detailed and all(each["detail"]["url"] != each["read"]["url"] for each in detailed)


def test_a_child_names_what_it_hangs_on(demo: Pack) -> None:
    told = evidence(demo)
    children = [record for each in told for record in each.get("records", ()) if "parent" in record]
    below = [record for record in children if record["id"].startswith("/subscriptions/")]
    assert below and all(record["parent"].startswith("/subscriptions/") for record in below)


def test_what_is_proven_absent_rests_on_the_list_of_resources(demo: Pack) -> None:
    for row in demo.rows("iso-27001-2022"):
        contents = list(demo.evidence(row))
        if any(each["read"].get("outcome") == "proven_absent" for each in contents if each.get("read")):
            listed = [each for each in contents if each["collection"] == "resource"]
            assert listed and all("/resources?api-version" in each["read"]["url"] for each in listed)
            return
    pytest.fail("the demo has no such verdict")


def test_many_files_are_named_by_one(demo: Pack) -> None:
    for row in demo.every_row:
        names = row["evidence files"].split("\n")
        assert len(names) <= records.MOST_NAMED
    lists = [each for each in evidence(demo) if "files" in each]
    assert lists and all(len(each["files"]) > records.MOST_NAMED for each in lists)


def test_what_could_not_be_listed_tells_the_read_that_failed(tmp_path: Path) -> None:
    denied = Options(deny=[Deny("Microsoft.Storage/storageAccounts/read", "403")])
    checks = ["storage-https-only", "keyvault-purge-protection"]
    results = scan(tmp_path, demo_estate(), denied, frameworks=ISO, checks=checks).results
    pack = packed(results, tmp_path / "pack.zip")
    row = row_of(pack, "storage-https-only", status="unreadable")
    content = first(pack, row)
    assert content["records"] == [] and content["read"]["outcome"] == "access_denied"
    assert content["read"]["status"] == 403 and content["read"]["code"] == "AuthorizationFailed"
    assert content["read"]["missing-permission"] == "Microsoft.Storage/storageAccounts/read"
    assert content["read"]["message"] and content["read"]["request-id"]


def test_what_was_never_asked_for_says_so(tmp_path: Path, scanned: Scanned) -> None:
    """An estate that was read for another check: the subjects of this one are not in it."""
    made = scan(tmp_path, demo_estate(), frameworks=ISO, checks=["keyvault-purge-protection"])
    checks = ["storage-https-only", "keyvault-purge-protection"]
    settings = resolve({"frameworks": ISO, "checks": checks}, {})
    results = assess(made.results.estate, settings, choose_checks(settings, shipped()), datetime.now(UTC))
    pack = packed(results, tmp_path / "pack.zip")
    content = first(pack, row_of(pack, "storage-https-only"))
    assert content["read"] is None and content["collection"] == "storage_account"
    assert content["reason"].startswith("not_collected")
