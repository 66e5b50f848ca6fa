"""What the shipped demo estate promises: it is a small estate where every check has something to decide."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from azscan import assess
from azscan.catalog.model import Catalog
from azscan.collect.plan import Plan
from azscan.emulator import Estate, dates, demo_estate
from azscan.estate.documents import Documents
from azscan.recall import Recall
from tests.harness import Scanned, scan, shipped

PARTS = sorted(Path(str(files("azscan.emulator"))).joinpath("demo").glob("*.json"))
SNAPSHOT = Path(__file__).with_name("demo_verdicts.txt")
POSTS = ("/providers/Microsoft.ResourceGraph/resources", "/providers/Microsoft.PolicyInsights/policyStates/latest/")


@pytest.fixture(scope="module")
def estate() -> Estate:
    return demo_estate()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return shipped()


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, estate: Estate, catalog: Catalog) -> Scanned:
    """A scan with every check, the deprecated ones too."""
    return scan(tmp_path_factory.mktemp("demo"), estate, catalog=catalog, checks=sorted(catalog.checks))


def test_it_has_a_part_for_each_service(catalog: Catalog) -> None:
    assert {part.stem for part in PARTS} == {"_estate", *catalog.services}


def test_it_has_two_subscriptions_and_a_few_resources_of_each_kind(estate: Estate) -> None:
    assert [entry["displayName"] for entry in estate.subscriptions] == ["contoso-prod", "contoso-dev"]
    # What stands in a resource group, without settings of others (/providers/ twice) and of subscriptions.
    standing = [one["id"].lower() for one in estate.resources if one["id"].lower().count("/providers/") == 1]
    assert 100 <= len([each for each in standing if "/resourcegroups/" in each]) <= 850
    assert len({one["id"].lower() for one in estate.resources}) == len(estate.resources)


def test_every_reference_leads_somewhere(estate: Estate) -> None:
    known = {str(one["id"]).lower() for one in estate.resources}
    known |= {f"/subscriptions/{key}" for key in estate.known_subscriptions}
    known |= {"/".join(key.split("/")[:5]) for key in known if "/resourcegroups/" in key}
    loose = [
        (one["id"], text)
        for one in estate.resources
        for text in texts(one)
        if text.lower().startswith("/subscriptions/") and not is_within(text.lower().rstrip("/"), known)
    ]
    assert not loose


def test_every_check_is_decided_and_every_service_has_both(scanned: Scanned, catalog: Catalog) -> None:
    found = statuses(scanned)
    assert {name for name in catalog.checks if not found[name] & {"pass", "fail"}} == set()
    for service in catalog.services.values():
        both = {each for name, held in found.items() if catalog.checks[name].service == service.name for each in held}
        assert {"pass", "fail"} <= both, service.name


def test_every_check_of_resources_has_both(scanned: Scanned, catalog: Catalog) -> None:
    """There is one tenant and there are two subscriptions: what is asked of these may be one way only."""
    found = statuses(scanned)
    of_resources = {name for name, check in catalog.checks.items() if check.subject not in ("tenant", "subscription")}
    assert {name for name in of_resources if found[name] != {"pass", "fail"}} == set()


def test_the_verdicts_are_those_on_record(scanned: Scanned) -> None:
    """Written anew with AZSCAN_SNAPSHOTS=write, and read in the diff."""
    counts = Counter((verdict.check, verdict.status) for verdict in scanned.verdicts)
    text = "".join(f"{check} {status} {count}\n" for (check, status), count in sorted(counts.items()))
    if os.environ.get("AZSCAN_SNAPSHOTS") == "write":
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")


def test_the_verdicts_do_not_age(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scanned: Scanned, catalog: Catalog
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Later:
            return super().now(tz) + timedelta(days=1500)

    monkeypatch.setattr(dates, "datetime", Later)
    monkeypatch.setattr("azscan.scan.datetime", Later)
    later = scan(tmp_path, demo_estate(), catalog=catalog, checks=sorted(catalog.checks))
    assert later.outcome() == scanned.outcome()


def test_the_gate_fails_and_nothing_is_unreadable(scanned: Scanned) -> None:
    assert scanned.exit_code == 10
    assert not [verdict for verdict in scanned.verdicts if verdict.status == "unreadable"]
    assert not scanned.results.unreadable


def test_the_scan_asks_each_url_once_and_only_reads(scanned: Scanned) -> None:
    log = [record for record in scanned.emulator.log if record.service != "login"]
    asked = Counter((record.service, record.url) for record in log if record.method == "GET")
    assert [url for url, count in asked.items() if count > 1] == []
    others = [record for record in log if record.method != "GET"]
    assert all(record.method == "POST" and any(path in record.path for path in POSTS) for record in others)
    assert not scanned.emulator.logbook.write_attempts


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_the_parts_are_formatted_for_diffs(part: Path) -> None:
    """As `json.dumps(…, indent=2)`, a date in one line."""
    text = part.read_text(encoding="utf-8")
    assert one_line_dates(json.dumps(json.loads(text), indent=2, ensure_ascii=False)) + "\n" == text


def one_line_dates(text: str) -> str:
    return re.sub(r'\{\s*("\$days": -?[\d.]+)(?:(,)\s*("as": "unix"))?\s*\}', _one_line, text)


def _one_line(found: Any) -> str:
    return "{" + found[1] + (", " + found[3] if found[3] else "") + "}"


def statuses(scanned: Scanned) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for verdict in scanned.verdicts:
        found[verdict.check].add(verdict.status)
    return found


def is_within(text: str, known: set[str]) -> bool:
    """Whether a reference names something of the estate, or a part of one of its resources."""
    if "/providers/" not in text or text in known:
        return text in known
    return any(text.startswith(each + "/") for each in known if "/providers/" in each)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def test_what_is_said_again_of_the_demo_is_what_would_be_said_anew(
    scanned: Scanned, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)

    def assessed() -> list[tuple[object, ...]]:
        estate, checks = scanned.results.estate, list(catalog.checks.values())
        owners = [each["id"] for each in estate.about("subscriptions")]
        documents = Documents(estate, catalog, owners, Plan(catalog, checks, {}).names)
        assess.Assessor(estate, catalog, documents, checks, owners=owners, now=now).run()
        found = estate.connection.execute("SELECT number, status, told FROM verdicts ORDER BY number, status, rowid")
        return [*found, *estate.connection.execute("SELECT * FROM assessed ORDER BY number")]

    again = assessed()
    monkeypatch.setattr(assess, "_recall", lambda group, _attached: Recall([], group))
    assert assessed() == again
