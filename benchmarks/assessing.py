"""Assessing: a million verdicts (20,000 documents of the demo's shapes x 50 checks, about a tenth failing).

Prints the CPU seconds to assess with evidence, to store, and to read every verdict back, and the file's size.
Run: python benchmarks/assessing.py [--documents 20000] [--checks 50] [--subject storage_account]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import msgspec

from azscan.assess import Assessor, Tally
from azscan.catalog.load import load
from azscan.catalog.model import Catalog, Check
from azscan.choosing import choose_checks
from azscan.collect.plan import Plan
from azscan.collect.progress import Progress
from azscan.estate.documents import Documents
from azscan.estate.store import Estate
from azscan.gate import decide
from azscan.results import ScanInfo
from azscan.scan import collect
from azscan.settings import resolve
from azscan.verdicts import StoredResults, summarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--checks", type=int, default=50)
    parser.add_argument("--subject", help="one collection only")
    given = parser.parse_args()
    catalog = load()
    with tempfile.TemporaryDirectory() as folder:
        estate = scanned_demo(Path(folder))
        catalog, chosen = _chosen(estate, catalog, given.checks, given.subject)
        _multiply(estate, catalog, sorted({check.subject for check in chosen}), given.documents)
        owners = [each["id"] for each in estate.about("subscriptions")]
        began = time.process_time()
        tally = assess(estate, catalog, chosen, owners)
        assessed = time.process_time()
        results = StoredResults(
            estate=estate,
            catalog=catalog,
            scan=ScanInfo("", "", "", "", "", "", "", ""),
            summary=summarise(catalog, chosen, tally, decide([], "high")),
            unreadable=(),
            waivers=(),
            off=(),
            severity_overrides=(),
            frameworks=(),
            controls=(),
            scores=(),
            controls_of=lambda check: (),
        )
        evidence = sum(len(verdict.evidence) for verdict in results.verdicts())
        read_back = time.process_time()
        stored = sum(path.stat().st_size for path in Path(folder).glob("estate.sqlite*"))
    verdicts = sum(tally.of(status) for status in ("pass", "fail", "unreadable"))
    print(f"documents                {tally.resources:,}")
    print(f"verdicts                 {verdicts:,} with {evidence:,} pieces of evidence")
    print(f"failing                  {tally.of('fail') / verdicts:.1%}")
    print(f"assess and store         {assessed - began:.2f} s CPU")
    print(f"read back                {read_back - assessed:.2f} s CPU")
    print(f"together                 {read_back - began:.2f} s CPU")
    print(f"estate                   {stored / 2**20:.0f} MB, peak RSS {peak_rss():.0f} MB")


def scanned_demo(folder: Path) -> Estate:
    """The demo estate, scanned over HTTPS from an emulator in this process."""
    from azscan.emulator import Emulator, demo_estate

    async def work() -> Estate:
        async with Emulator(demo_estate()) as emulator:
            settings = resolve(
                {"cloud": emulator.url, "auth": "service-principal", "save_estate": str(folder / "estate.sqlite")}, {}
            )
            around = {**os.environ, **emulator.environment(emulator.write_ca(folder / "ca.pem"))}
            choice = choose_checks(settings, load())
            return await collect(settings, choice, around, lambda text: None, Progress())

    return asyncio.run(work())


def assess(estate: Estate, catalog: Catalog, checks: Sequence[Check], owners: Sequence[str]) -> Tally:
    """One assessment of everything in the estate."""
    documents = Documents(estate, catalog, owners, Plan(catalog, checks, {}).names)
    return Assessor(estate, catalog, documents, checks, owners=owners, now=datetime.now(UTC)).run()


def peak_rss() -> float:
    """The largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _chosen(estate: Estate, catalog: Catalog, count: int, only: str | None) -> tuple[Catalog, list[Check]]:
    """`count` checks for each subject: the catalogue's own, the passing ones repeated until a tenth fails."""
    shares = _failing_shares(estate, catalog)
    by_subject: dict[str, list[Check]] = defaultdict(list)
    for check in catalog.checks.values():
        if check.id in shares and catalog.collections.get(check.subject) is not None and only in (None, check.subject):
            by_subject[check.subject].append(check)
    chosen: list[Check] = []
    for subject, checks in sorted(by_subject.items()):
        checks.sort(key=lambda check: shares[check.id])
        if len(checks) < 8 or catalog.collections[subject].host == "graph":
            continue
        good = [check for check in checks if shares[check.id] <= 0.3][: count // 2] or checks[:1]
        mix = [*checks, *islice(cycle(good), max(0, count - len(checks)))][:count]
        chosen += [msgspec.structs.replace(check, id=f"{check.id}-{number}") for number, check in enumerate(mix)]
    return msgspec.structs.replace(catalog, checks={check.id: check for check in chosen}), chosen


def _failing_shares(estate: Estate, catalog: Catalog) -> dict[str, float]:
    """How often each check fails over the demo, where it always decides and never rests on a missing part."""
    owners = [each["id"] for each in estate.about("subscriptions")]
    tally = assess(estate, catalog, list(catalog.checks.values()), owners)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (check, status, _), count in tally.counts.items():
        counts[check][status] += count
    return {
        check: by["fail"] / (by["fail"] + by["pass"])
        for check, by in counts.items()
        if by["fail"] + by["pass"] and not by["unreadable"] and not by["not-applicable"]
    }


def _multiply(estate: Estate, catalog: Catalog, subjects: Sequence[str], documents: int) -> None:
    """Copy the subjects' records, with their children and reads, until there are so many documents in all.

    A copy has an id of its own, and what links to it by that id (a machine's interfaces, its backup) is copied too.
    """
    have = [(row, subject) for subject in subjects for row in _best(estate, subject)]
    children: dict[int, list[int]] = defaultdict(list)
    for row, parent in estate.connection.execute("SELECT id, parent FROM resource WHERE parent <> 0"):
        children[parent].append(row)
    reads: dict[str, list[int]] = defaultdict(list)
    for read, scope in estate.connection.execute("SELECT id, scope FROM read"):
        reads[scope].append(read)
    linked = {row: _linked(estate, catalog, subject, row) for row, subject in have}
    name_of = dict(estate.connection.execute("SELECT id, id_as_sent FROM resource"))
    with estate.transaction() as connection:
        for number, (row, _) in enumerate(islice(cycle(have), max(0, documents - len(have)))):
            suffix = f"-{number}"
            _copy(connection, row, 0, suffix, {}, children, reads)
            for other, parent in linked[row]:
                _copy(connection, other, parent, suffix, {name_of[row]: name_of[row] + suffix}, children, reads)


def _linked(estate: Estate, catalog: Catalog, subject: str, row: int) -> list[tuple[int, int]]:
    """The records, with their parents, that name a subject's record by its id, and that it has a link to."""
    kinds = {link.collection for link in catalog.collections[subject].links if link.from_ == "id"}
    marks = ", ".join("?" * len(kinds))
    return estate.connection.execute(
        f"SELECT other.id, other.parent FROM resource AS other, resource AS own WHERE own.id = ? AND other.id <> own.id"
        f" AND other.collection IN ({marks}) AND other.parent <> own.id"
        " AND instr(CAST(other.body AS TEXT), '\"' || own.id_as_sent || '\"')",
        (row, *kinds),
    ).fetchall()


def _best(estate: Estate, subject: str) -> list[int]:
    """The better part of a subject's records: together about a tenth of the verdicts fail.

    The assessment of the demo is still in the estate.
    """
    shares = estate.connection.execute(
        "SELECT resource.id, avg(verdict.status = 0) AS share FROM resource JOIN verdict ON verdict.resource ="
        " resource.id WHERE resource.collection = ? GROUP BY resource.id ORDER BY share",
        (subject,),
    ).fetchall()
    return [row for row, _ in shares[: (len(shares) + 1) // 2]]


def _copy(
    connection: sqlite3.Connection,
    row: int,
    parent: int,
    suffix: str,
    renamed: Mapping[str, str],
    children: Mapping[int, list[int]],
    reads: Mapping[str, list[int]],
) -> None:
    name, key, body = connection.execute(
        "SELECT id_as_sent, id_key, body FROM resource WHERE id = ?", (row,)
    ).fetchone()
    renamed = {**renamed, name: name + suffix}
    for old, own in renamed.items():
        body = body.replace(old.encode(), own.encode())
    columns = "collection, subscription, read_id, detail_id, gone, sha256"
    new = connection.execute(
        f"INSERT INTO resource(id_as_sent, id_key, parent, body, {columns}) SELECT ?, ?, ?, ?, {columns}"
        " FROM resource WHERE id = ?",
        (name + suffix, key + suffix, parent, body, row),
    ).lastrowid
    columns = (
        "collection, part, subscription, page, url, api, status, kind, code, message, action, at, request_id, next"
    )
    for read in reads.get(key, ()):
        connection.execute(
            f"INSERT INTO read(scope, complete, {columns}) SELECT scope || ?, complete, {columns}"
            " FROM read WHERE id = ?",
            (suffix, read),
        )
    for child in children.get(row, ()):
        _copy(connection, child, new or 0, suffix, renamed, children, reads)


if __name__ == "__main__":
    main()
