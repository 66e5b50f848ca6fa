"""Real Azure responses, served by the emulator and scanned over HTTPS: nothing crashes, and no row is lost.

How each oddity of these responses is survived stands in tests/oddities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from azscan.catalog.load import load
from azscan.catalog.model import Catalog
from azscan.emulator import Estate, harvest
from azscan.estate.ids import key_of, parse_id
from tests.azure.servers import HurriedClock
from tests.harness import Scanned, scan

# Of the recorded objects of declared types, this share must be in the scanned estate. What is left are children of
# parents that nobody recorded, and members of a family of which a check reads another one (sites/config/logs).
COVERED = 0.95


@dataclass
class Recorded:
    """A scan of everything that was recorded."""

    estate: Estate
    catalog: Catalog
    scanned: Scanned


@pytest.fixture(scope="module")
def recorded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    estate, catalog = harvest(shared / "recordings"), load((), ())
    # Recorded headers tell of budgets that were nearly spent: the waits for them must cost nothing here.
    clock = HurriedClock(scale=300)
    folder = tmp_path_factory.mktemp("recorded")
    return Recorded(estate, catalog, scan(folder, estate, catalog=catalog, clock=clock, checks=sorted(catalog.checks)))


def test_objects_of_declared_types_are_covered(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    found, declared = Counter[str](), Counter[str]()
    kept = set(ids(recorded.scanned))
    types = {kind.type.lower() for kind in recorded.catalog.collections.values()}
    for body in recorded.estate.resources:
        kind = parse_id(body["id"]).type.lower()
        if kind in types:
            declared[kind] += 1
            found[kind] += key_of(body["id"]) in kept
    share = found.total() / declared.total()
    with capsys.disabled():
        print(f"\nrecorded objects covered: {found.total()} of {declared.total()} ({share:.1%})")
    assert share >= COVERED
    listed = {kind.type.lower() for kind in recorded.catalog.collections.values() if kind.presence == "listed"}
    assert {kind: declared[kind] - found[kind] for kind in listed if found[kind] < declared[kind]} == {}


def test_every_object_has_a_verdict_of_each_check(recorded: Recorded) -> None:
    """Pass, fail, unreadable or not applicable: the counts of each check add up to its subjects."""
    scanned, catalog = recorded.scanned, recorded.catalog
    connection = scanned.results.estate.connection
    subjects = dict(connection.execute("SELECT collection, count(*) FROM resource WHERE gone = 0 GROUP BY collection"))
    expected = sum(subjects.get(check.subject, 0) for check in catalog.checks.values())
    # Row 0 stands for subjects that could not be listed.
    (judged,) = connection.execute("SELECT count(*) FROM verdict WHERE resource <> 0").fetchone()
    assert judged == expected
    assert judged > 10_000


def test_what_came_of_it_is_told_by_service(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of recorded resources, their verdicts and what is unreadable; a service without any has no line."""
    connection, catalog = recorded.scanned.results.estate.connection, recorded.catalog
    resources, verdicts, unreadable = Counter[str](), Counter[str](), Counter[str]()
    for name, count in connection.execute("SELECT collection, count(*) FROM resource WHERE gone = 0 GROUP BY 1"):
        if name in catalog.collections:
            resources[catalog.collections[name].service] += count
    for verdict in recorded.scanned.verdicts:
        verdicts[verdict.service] += 1
        unreadable[verdict.service] += verdict.status == "unreadable"
    rows = [(name, resources[name], verdicts[name], unreadable[name]) for name in sorted(verdicts)]
    total = ("all", resources.total(), verdicts.total(), unreadable.total())
    with capsys.disabled():
        print(f"\n{'service':24} {'resources':>9} {'verdicts':>9} {'unreadable':>10}")
        for row in (*rows, total):
            print("{:24} {:9,} {:9,} {:10,}".format(*row))
    assert unreadable.total() < verdicts.total() / 20


def test_every_verdict_has_evidence_or_a_reason(recorded: Recorded) -> None:
    bare = [each for each in recorded.scanned.verdicts if not each.evidence and not each.reason]
    assert not bare


def test_only_what_is_not_recorded_is_unreadable(recorded: Recorded) -> None:
    kinds = Counter(part.kind for part in recorded.scanned.results.unreadable)
    assert set(kinds) <= {"rejected"}
    assert {part.service for part in recorded.scanned.results.unreadable} <= {"entra"}


def test_every_url_is_asked_once(recorded: Recorded) -> None:
    statistics = recorded.scanned.emulator.logbook.statistics()
    assert statistics["repeated"] == 0
    assert statistics["write_attempts"] == 0


def ids(scanned: Scanned) -> Iterator[str]:
    for (key,) in scanned.results.estate.connection.execute("SELECT id_key FROM resource"):
        yield key
