"""Packs for tests: made, opened, and judged anew from nothing but what is in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from azscan.assess import Assessor
from azscan.collect.plan import Plan
from azscan.estate.documents import Documents
from azscan.estate.ids import key_of
from azscan.estate.store import NO_DETAIL, Estate
from azscan.evidence.pack import write_pack
from azscan.evidence.rows import EVIDENCE_COLUMN
from azscan.results import STATUSES
from azscan.verdicts import StoredResults

FRAMEWORKS = ["cis-azure-6.0", "iso-27001-2022"]
JUDGED_AT = datetime.fromisoformat("2026-05-04T03:02:01Z")


class Pack:
    """A pack, opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.zip = ZipFile(path)
        self.names = self.zip.namelist()

    def json(self, name: str) -> Any:
        return json.loads(self.zip.read(name))

    def rows(self, framework: str) -> list[dict[str, str]]:
        return self.table(f"frameworks/{framework}.csv")

    def table(self, name: str) -> list[dict[str, str]]:
        text = self.zip.read(name).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    @cached_property
    def every_row(self) -> list[dict[str, str]]:
        return [row for framework in FRAMEWORKS for row in self.rows(framework)]

    def evidence(self, row: dict[str, str]) -> Iterator[Any]:
        """The evidence files of a row, those that a list names included."""
        yield from self._opened(row[EVIDENCE_COLUMN].split("\n") if row[EVIDENCE_COLUMN] else [])

    def _opened(self, names: list[str]) -> Iterator[Any]:
        for name in names:
            content = self.json(name)
            if "files" in content:
                yield from self._opened(content["files"])
            else:
                yield content


def packed(results: StoredResults, path: Path, **given: Any) -> Pack:
    """The pack of results, written and opened."""
    write_pack(str(path), results, {}, **{"judged_at": JUDGED_AT, **given})
    return Pack(path)


class Judge:
    """Judges anew, over an estate that holds nothing but what evidence files tell."""

    def __init__(self, results: StoredResults, path: Path, now: datetime) -> None:
        original = results.estate
        about = {key: original.about(key) for key in ("subscriptions", "tenant", "left_out", "complete")}
        self._estate = Estate.create(path, about)
        self._owners = [each["id"] for each in about["subscriptions"]]
        self._catalog = results.catalog
        self._now = now

    def verdicts(self, name: str, files: Iterable[Any]) -> dict[str, str]:
        """What the check says: status by resource id."""
        connection, check = self._estate.connection, self._catalog.checks[name]
        connection.execute("DELETE FROM read")
        connection.execute("DELETE FROM resource")
        Rebuilt(self._estate).fill(list(files))
        documents = Documents(self._estate, self._catalog, self._owners, Plan(self._catalog, [check], {}).names)
        Assessor(self._estate, self._catalog, documents, [check], owners=self._owners, now=self._now).run()
        found = connection.execute("SELECT resource, status FROM verdict WHERE resource > 0").fetchall()
        rows = {row: self._estate.row(row) for row, _ in found}
        return {rows[row].id_as_sent: STATUSES[status] for row, status in found}


class Rebuilt:
    """Writes evidence files back into an estate."""

    def __init__(self, estate: Estate) -> None:
        self._connection = estate.connection
        self._rows: dict[tuple[str, str, str], int] = {}
        self._reads = 0

    def fill(self, files: list[Any]) -> None:
        records = []
        for content in files:
            if "records" in content:
                read = self._read(content, content["read"], content["part"])
                records += [(content["collection"], read, record) for record in content["records"]]
            elif content.get("read"):
                records.append((content["collection"], self._read(content, content["read"], "alone"), content))
        # A record is younger than the one it hangs on, and those are not in the order of the files.
        waiting = records
        while waiting:
            there = {key_of(record["id"]) for _, _, record in waiting}
            ready = [each for each in waiting if key_of(each[2].get("parent", "")) not in there]
            assert ready
            for each in ready:
                self._record(*each)
            waiting = [each for each in waiting if each not in ready]

    def _read(self, about: Any, read: Any, part: str) -> int:
        self._reads += 1
        kind = read.get("outcome", "")
        scope = about.get("scope", f"{part}-{self._reads}")
        self._connection.execute(
            "INSERT OR REPLACE INTO read VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._reads, about["collection"], part, about["subscription"], scope, read.get("page", 0)),
                *(read.get("url", ""), read.get("api-version", ""), read.get("status", 0), kind),
                *(read.get("code", ""), read.get("message", ""), read.get("missing-permission", "")),
                *(read.get("read-at", ""), read.get("request-id", ""), "more" if read.get("next-page") else "", 1),
            ),
        )
        return self._reads

    def _record(self, collection: str, read: int, record: Any) -> None:
        detail = record.get("detail")
        detail_id = 0
        if detail:
            is_needed = detail.get("outcome") != "not_needed"
            about = {**record, "collection": collection}
            detail_id = self._read(about, detail, "detail") if is_needed else NO_DETAIL
        parent = next((row for (_, _, key), row in self._rows.items() if key == key_of(record.get("parent", "-"))), 0)
        key = (collection, record["subscription"], key_of(record["id"]))
        if key in self._rows:
            return
        cursor = self._connection.execute(
            "INSERT INTO resource(collection, subscription, id_as_sent, id_key, parent, body, read_id, detail_id, gone,"
            " sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, x'')",
            (
                *(collection, record["subscription"], record["id"], key_of(record["id"]), parent),
                *(json.dumps(record["body"]).encode(), read, detail_id, int(record.get("deleted-meanwhile", False))),
            ),
        )
        self._rows[key] = cursor.lastrowid or 0
