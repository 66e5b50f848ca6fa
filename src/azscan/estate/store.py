"""One SQLite file that holds what was read, written page by page so that a broken scan can go on."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from azscan.azure.answers import Answer
from azscan.estate import file

BROKEN_OFF = "the list was broken off"


class Row(NamedTuple):
    """One stored record; `body` is its redacted wire JSON, encoded."""

    id: int
    id_as_sent: str
    body: bytes
    read_id: int
    detail_id: int
    subscription: str
    parent: int


class ReadRow(NamedTuple):
    """One page of one read, or the note that it was not needed (`kind` says why)."""

    id: int
    url: str
    api: str
    status: int
    kind: str
    code: str
    message: str
    action: str
    at: str
    request_id: str
    next: str
    complete: int
    page: int


# What stands in `detail_id` of a record that Azure has no details of (the collection's `detail.when`).
NO_DETAIL = -1

# Reads with these kinds brought nothing because there is nothing: their list is empty, and that is a fact.
NOTHING_THERE = frozenset({"", "absent", "proven_absent", "not_needed", "not_registered"})

ROW_COLUMNS = "id, id_as_sent, body, read_id, detail_id, subscription, parent"
READ_COLUMNS = "id, url, api, status, kind, code, message, action, at, request_id, next, complete, page"


class Estate:
    """An estate file, open. One connection, meant for one thread.

    `create`, `resume` and `open_saved` make one. Every method raises OutputError where SQLite cannot write.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    @classmethod
    def create(cls, path: Path, about: dict[str, Any]) -> Estate:
        """A new estate at `path`, readable by its owner only, with what the scan is about; replaces an old one.

        OutputError where a file is in the way that is no estate: it is left as it is.
        """
        estate = cls(file.make(path), path)
        estate.describe(about)
        return estate

    @classmethod
    def open_saved(cls, path: Path, *, to_write: bool = True) -> Estate:
        """A saved estate; UsageError where it is none, or one of a later azscan.

        With `to_write` false the verdict tables are empty ones beside the file, which stays as it is.
        """
        return cls(file.open_saved(path, to_write=to_write), path)

    def close(self) -> None:
        """Close the file; what was written stays, in one file that a read-only folder can hold."""
        with contextlib.suppress(sqlite3.Error):  # read-only or broken off: as good with its log beside it
            self.connection.execute("PRAGMA journal_mode = DELETE")
        self.connection.close()

    def transaction(self) -> _Transaction:
        """Everything written inside goes in together or not at all."""
        return _Transaction(self)

    # what the scan is about

    def describe(self, about: dict[str, Any]) -> None:
        """Write facts about the scan: JSON values by key."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO scan VALUES (?, ?)",
                [(key, msgspec.json.encode(value).decode()) for key, value in about.items()],
            )

    def about(self, key: str, default: Any = None) -> Any:
        """The fact of that key, or `default`."""
        found = self.connection.execute("SELECT value FROM scan WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(found[0]) if found else default

    def is_empty(self) -> bool:
        """True where no read has been put on record yet."""
        return self.connection.execute("SELECT 1 FROM read LIMIT 1").fetchone() is None

    # reads

    def note(self, collection: str, part: str, subscription: str, scope: str, kind: str, message: str = "") -> int:
        """Put on record that a read was not made, and why; returns its id."""
        answer = Answer(url="", api="", status=0, at="")
        with self.transaction() as connection:
            return _insert_read(connection, collection, part, subscription, scope, 0, answer, kind, message)

    def add_page(
        self,
        collection: str,
        part: str,
        subscription: str,
        scope: str,
        page: int,
        answer: Answer,
        records: Sequence[tuple[str, str, bytes]] = (),
        *,
        parent: int = 0,
        kind: str = "",
        message: str = "",
        next: str = "",
    ) -> tuple[int, list[int]]:
        """Store one page with its records and the cursor of the next one, all or nothing.

        A record is (id as sent, key, encoded body). Returns the read's id and the ids of the new rows; a record
        that was there before (a page that shifted while it was read) is kept as it came first.
        """
        rows: list[int] = []
        with self.transaction() as connection:
            read = _insert_read(
                connection, collection, part, subscription, scope, page, answer, kind, message, next=next
            )
            # A parent that was deleted meanwhile takes with it what still comes in below it.
            above = connection.execute("SELECT gone FROM resource WHERE id = ?", (parent,)).fetchone()
            gone = above[0] if above else 0
            for id_as_sent, key, body in records:
                digest = hashlib.sha256(body).digest()
                cursor = connection.execute(
                    "INSERT INTO resource(collection, subscription, id_as_sent, id_key, parent, body, read_id, gone,"
                    " sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT(collection, subscription, parent, id_key) DO NOTHING",
                    (collection, subscription, id_as_sent, key, parent, body, read, gone, digest),
                )
                if cursor.rowcount:
                    rows.append(cursor.lastrowid or 0)
        return read, rows

    def add_detail(
        self, collection: str, row: Row, scope: str, answer: Answer, body: bytes | None, kind: str, message: str
    ) -> None:
        """Store the answer that completes a listed record: its merged body, or why it could not be had."""
        with self.transaction() as connection:
            read = _insert_read(
                connection, collection, "detail", row.subscription, scope, 0, answer, kind, message, next=""
            )
            if body is None:
                connection.execute("UPDATE resource SET detail_id = ? WHERE id = ?", (read, row.id))
            else:
                connection.execute(
                    "UPDATE resource SET detail_id = ?, body = ?, sha256 = ? WHERE id = ?",
                    (read, body, hashlib.sha256(body).digest(), row.id),
                )

    def without_detail(self, row_id: int) -> None:
        """Put on record that Azure has no more to say of a listed record than its list did."""
        with self.transaction() as connection:
            connection.execute("UPDATE resource SET detail_id = ? WHERE id = ?", (NO_DETAIL, row_id))

    def drop_page(self, read_id: int) -> None:
        """Forget one page that brought nothing, so that it is asked for anew."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM read WHERE id = ?", (read_id,))

    def drop_reads(self, collection: str, part: str, scope: str) -> None:
        """Forget a read with what it brought and all that was read below that, so that it is made anew.

        What hangs on a record goes with it: a record that is read anew is another row, without children or detail.
        """
        with self.transaction() as connection:
            connection.execute("CREATE TEMP TABLE dropped(id INTEGER PRIMARY KEY, read_id INTEGER, detail_id INTEGER)")
            found = connection.execute(
                "INSERT INTO dropped SELECT resource.id, read_id, detail_id FROM resource JOIN read ON"
                " read.id = resource.read_id WHERE read.collection = ? AND read.part = ? AND read.scope = ?",
                (collection, part, scope),
            )
            while found.rowcount:
                found = connection.execute(
                    "INSERT INTO dropped SELECT id, read_id, detail_id FROM resource"
                    " WHERE parent IN (SELECT id FROM dropped) AND id NOT IN (SELECT id FROM dropped)"
                )
            # All pages of a list go, those that brought nothing too.
            connection.execute(
                "DELETE FROM read WHERE (collection, part, scope) IN (SELECT collection, part, scope FROM read"
                " WHERE id IN (SELECT read_id FROM dropped UNION SELECT detail_id FROM dropped))"
            )
            connection.execute("DELETE FROM resource WHERE id IN (SELECT id FROM dropped)")
            connection.execute("DROP TABLE dropped")
            connection.execute(
                "DELETE FROM read WHERE collection = ? AND part = ? AND scope = ?", (collection, part, scope)
            )

    def last_page(self, collection: str, part: str, scope: str) -> ReadRow | None:
        """The last page that is on record for a read, or None where it was never made."""
        found = self.connection.execute(
            f"SELECT {READ_COLUMNS} FROM read WHERE collection = ? AND part = ? AND scope = ?"
            " ORDER BY page DESC LIMIT 1",
            (collection, part, scope),
        ).fetchone()
        return ReadRow(*found) if found else None

    def last_pages(self, collection: str, scopes: Collection[str]) -> dict[str, ReadRow]:
        """The last pages of a collection's lists below many parents, by scope; one that was never made has none."""
        marks = ", ".join("?" * len(scopes))
        # With max(), SQLite takes the other columns from the row that holds it.
        found = self.connection.execute(
            f"SELECT scope, max(page), {READ_COLUMNS} FROM read WHERE collection = ? AND part = 'read'"
            f" AND scope IN ({marks}) GROUP BY scope",
            (collection, *scopes),
        )
        return {scope: ReadRow(*columns) for scope, _, *columns in found}

    def read(self, read_id: int) -> ReadRow | None:
        """The read of that id."""
        found = self.connection.execute(f"SELECT {READ_COLUMNS} FROM read WHERE id = ?", (read_id,)).fetchone()
        return ReadRow(*found) if found else None

    def provenance(self, read_id: int) -> tuple[str, str, str]:
        """URL, api-version and time of a read, for evidence."""
        found = self.connection.execute("SELECT url, api, at FROM read WHERE id = ?", (read_id,)).fetchone()
        return found or ("", "", "")

    def failed_reads(self) -> Iterator[tuple[str, str, str, str, ReadRow]]:
        """Every read that left a part unreadable: collection, part, subscription, scope, and the page that failed.

        A list that a scan broke off has failed at its last page.
        """
        marks = ", ".join("?" * len(NOTHING_THERE))
        for found in self.connection.execute(
            f"SELECT collection, part, subscription, scope, {READ_COLUMNS} FROM read WHERE (kind NOT IN ({marks})"
            " AND kind <> 'parent_gone') OR (next <> '' AND NOT EXISTS (SELECT 1 FROM read AS later WHERE"
            " later.collection = read.collection AND later.part = read.part AND later.scope = read.scope"
            " AND later.page > read.page)) ORDER BY id",
            tuple(sorted(NOTHING_THERE)),
        ):
            page = ReadRow(*found[4:])
            yield *found[:4], page if page.kind else page._replace(kind="unavailable", message=BROKEN_OFF)

    # records

    def row(self, row_id: int) -> Row | None:
        """The record of that row id."""
        found = self.connection.execute(f"SELECT {ROW_COLUMNS} FROM resource WHERE id = ?", (row_id,)).fetchone()
        return Row(*found) if found else None

    def rows(self, collection: str, *, subscription: str | None = None, parent: int | None = None) -> Iterator[Row]:
        """The records of a collection in the order of their ids, streamed, without those deleted meanwhile."""
        yield from map(Row._make, self._records(ROW_COLUMNS, " ORDER BY id_key", collection, subscription, parent))

    def children(self, collection: str, parents: Collection[int], most: int) -> list[Row]:
        """The first `most` records of a collection below the parents, by parent and then in the order of their ids."""
        marks = ", ".join("?" * len(parents))
        found = self.connection.execute(
            f"SELECT {ROW_COLUMNS} FROM resource INDEXED BY resource_of WHERE collection = ? AND gone = 0"
            f" AND parent IN ({marks}) ORDER BY parent, id_key LIMIT ?",
            (collection, *parents, most),
        )
        return list(map(Row._make, found))

    def count(self, collection: str, *, subscription: str | None = None, parent: int | None = None) -> int:
        """How many records `rows` would give."""
        return int(self._records("count(*)", "", collection, subscription, parent).fetchone()[0])

    def _records(
        self, columns: str, order: str, collection: str, subscription: str | None, parent: int | None
    ) -> sqlite3.Cursor:
        # Without statistics SQLite takes the wrong index for children, and reads all of a collection for each parent.
        index, where, values = "resource_in", "", [collection]
        if subscription is not None:
            where, values = " AND subscription = ?", [collection, subscription]
        if parent is not None:
            index, where, values = "resource_of", where + " AND parent = ?", [*values, parent]  # type: ignore[list-item]
        return self.connection.execute(
            f"SELECT {columns} FROM resource INDEXED BY {index} WHERE collection = ? AND gone = 0{where}{order}", values
        )

    def shared_ids(self, collections: Collection[str], owners: Collection[str]) -> frozenset[str]:
        """The ids, as keys, that several records of the collections have in the subscriptions."""
        kinds, places = ", ".join("?" * len(collections)), ", ".join("?" * len(owners))
        found = self.connection.execute(
            f"SELECT id_key FROM resource INDEXED BY resource_in WHERE collection IN ({kinds})"
            f" AND subscription IN ({places}) GROUP BY id_key HAVING count(*) > 1",
            (*collections, *owners),
        )
        return frozenset(key for (key,) in found)

    def reader_of(self, child: str, parents: Collection[str], owners: Collection[str], row: Row) -> int:
        """The row id under which the children of a record stand: where several records have its id, one read them."""
        kinds, places = ", ".join("?" * len(parents)), ", ".join("?" * len(owners))
        found = self.connection.execute(
            f"SELECT same.id FROM resource AS same WHERE same.collection IN ({kinds})"
            f" AND same.subscription IN ({places}) AND same.id_key = (SELECT id_key FROM resource WHERE id = ?)"
            " AND EXISTS (SELECT 1 FROM resource WHERE collection = ? AND parent = same.id) LIMIT 1",
            (*parents, *owners, row.id, child),
        ).fetchone()
        return int(found[0]) if found else row.id

    def mark_gone(self, row_id: int) -> None:
        """Put on record that Azure deleted the resource during the scan: it and what hangs on it get no verdict."""
        with self.transaction() as connection:
            connection.execute(
                "WITH RECURSIVE gone(id) AS (VALUES(?) UNION SELECT resource.id FROM resource JOIN gone"
                " ON resource.parent = gone.id) UPDATE resource SET gone = 1 WHERE id IN gone",
                (row_id,),
            )

    def gone(self) -> list[tuple[str, str]]:
        """Collection and id of every resource that was deleted while it was read."""
        return self.connection.execute(
            "SELECT collection, id_as_sent FROM resource WHERE gone = 1 ORDER BY id"
        ).fetchall()

    def executemany(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement over many rows in one transaction."""
        with self.transaction() as connection:
            connection.executemany(statement, rows)


class _Transaction:
    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def __enter__(self) -> sqlite3.Connection:
        try:
            self.estate.connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise file.unusable(self.estate.path, error) from error
        return self.estate.connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self.estate.connection.execute("COMMIT")
            elif self.estate.connection.in_transaction:
                self.estate.connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            if self.estate.connection.in_transaction:
                self.estate.connection.execute("ROLLBACK")
            raise file.unusable(self.estate.path, failure) from failure
        if isinstance(error, sqlite3.Error):
            raise file.unusable(self.estate.path, error) from error


def _insert_read(
    connection: sqlite3.Connection,
    collection: str,
    part: str,
    subscription: str,
    scope: str,
    page: int,
    answer: Answer,
    kind: str,
    message: str,
    next: str = "",
) -> int:
    fault = answer.fault
    cursor = connection.execute(
        "INSERT INTO read(collection, part, subscription, scope, page, url, api, status, kind, code, message, action,"
        " at, request_id, next, complete) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            collection,
            part,
            subscription,
            scope,
            page,
            answer.url,
            answer.api,
            answer.status,
            kind,
            fault.code if fault else "",
            message,
            fault.action if fault else "",
            answer.at,
            answer.request_id,
            next,
            int(kind in NOTHING_THERE and not next),
        ),
    )
    return cursor.lastrowid or 0
