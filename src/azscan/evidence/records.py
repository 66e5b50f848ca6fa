"""The evidence files of verdicts: what Azure returned, with the read that brought it, each named by its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from azscan.catalog.builtin import RESOURCES, is_tenant_level
from azscan.catalog.model import Collection, Link
from azscan.estate.documents import Documents
from azscan.estate.links import values_at
from azscan.estate.redact import split_path
from azscan.estate.status import TENANT_SCOPE
from azscan.estate.store import NO_DETAIL, ReadRow, Row
from azscan.evidence.needs import Need, Needs
from azscan.results import Verdict
from azscan.verdicts import StoredResults, Trace

# A verdict that rests on more files than these names one that lists them.
MOST_NAMED = 10
# What is kept of resources between checks: a few dozen megabytes at the most.
KEPT = 100_000

# ("record", row id), ("read", read id), or ("list", number) for the many reads of one list
Ref = tuple[str, int]
Write = Callable[[str, bytes], None]


class EvidenceFiles:
    """Writes the evidence files of verdicts, each once, and tells their names.

    A record's file holds its redacted JSON and the read that brought it; a read's file every record that came with
    one page, or why none did. `write` is called with the name below the pack's root and the content.
    """

    def __init__(self, results: StoredResults, params: Mapping[str, Mapping[str, Any]], write: Write) -> None:
        self._estate = results.estate
        self._catalog = results.catalog
        self._write = write
        self._owners = [each["id"] for each in self._estate.about("subscriptions", [])]
        self._documents = Documents(self._estate, self._catalog, self._owners, ())
        self._statuses = self._documents.statuses
        self._linker = self._documents.linker
        needs = Needs(self._catalog, params)
        assessed = self._estate.connection.execute("SELECT id FROM assessed").fetchall()
        self._needs = {check: needs.of(self._catalog.checks[check]) for (check,) in assessed}
        self._digests: dict[Ref, bytes] = {}
        self._written: set[bytes] = set()
        self._listed: dict[tuple[str, str], tuple[Ref, ...]] = {}
        self._lists: list[Mapping[int, None]] = []
        # Checks of one subject come one after the other, over the same resources.
        self._followed = lru_cache(maxsize=KEPT)(self._follow)
        self._place = lru_cache(maxsize=KEPT)(self._place_of)
        self._collect_pages()
        self._gone = {row for (row,) in self._estate.connection.execute("SELECT id FROM resource WHERE gone = 1")}

    def _collect_pages(self) -> None:
        """Make it quick to tell what came with a page; an estate has no index for that."""
        connection = self._estate.connection
        connection.execute("DROP TABLE IF EXISTS temp.brought")
        connection.execute("CREATE TEMP TABLE brought(read INTEGER, id INTEGER, PRIMARY KEY(read, id)) WITHOUT ROWID")
        connection.execute(
            "INSERT INTO temp.brought SELECT read_id, id FROM resource UNION"
            " SELECT detail_id, id FROM resource WHERE detail_id > 0"
        )

    def of(self, verdict: Verdict, trace: Trace) -> tuple[str, ...]:
        """The names of the files that a verdict rests on: its resource's first; a list's where they are many."""
        digests = [self._digest(ref) for ref in dict.fromkeys(self._refs(verdict, trace))]
        names = list(dict.fromkeys(map(name_of, digests or [self._unasked(verdict)])))
        if len(names) <= MOST_NAMED:
            return tuple(names)
        return names[0], name_of(self._put(_encoded({"files": names})))

    # what a verdict rests on

    def _refs(self, verdict: Verdict, trace: Trace) -> Iterator[Ref]:
        check = self._catalog.checks[verdict.check]
        if not trace.row:
            yield from (("read", read) for read in trace.reads)
            return
        yield ("record", trace.row)
        place = self._place(trace.row)
        told = {place.read_id, place.detail_id}
        whole = []
        # What leaves a resource out stands in the resource, or in what was found: no more need be shown of it.
        needs = self._needs[check.id] if verdict.status != "not-applicable" else {}
        if needs:
            for kind, number in self._walk(check.subject, place, needs):
                yield (kind, number)
                if kind == "list":
                    whole.append(self._lists[number])
                elif kind == "read":
                    told.add(number)
                else:
                    told |= {self._place(number).read_id, self._place(number).detail_id}
        for read in trace.reads:
            if read not in told and not any(read in reads for reads in whole):
                yield ("read", read)

    def _place_of(self, row_id: int) -> Row:
        """A record without its body: where it stands, and which reads brought it."""
        return self._row(row_id)._replace(body=b"")

    def _walk(self, collection: str, row: Row, needs: Mapping[str, Need]) -> Iterator[Ref]:
        for need in needs.values():
            kind = self._statuses.kind(need.part.collection)
            if need.part.link is not None:
                yield from self._linked(collection, row, need, kind)
            elif collection in kind.of:
                yield from self._read_at(kind, self._statuses.scope_of(row), need)
            else:
                within = "" if is_tenant_level(kind) else row.subscription
                yield from self._list(kind, within)
                if need.below:
                    for record in self._estate.rows(kind.name, subscription=within):
                        yield from self._walk(kind.name, record, need.below)

    def _read_at(self, kind: Collection, scope: str, need: Need) -> Iterator[Ref]:
        for read in self._ids("collection = ? AND part = 'read' AND scope = ? ORDER BY page", kind.name, scope):
            yield ("read", read)
            for record in self._rows_of(read) if need.below else ():
                yield from self._walk(kind.name, record, need.below)

    def _linked(self, collection: str, row: Row, need: Need, kind: Collection) -> Iterator[Ref]:
        link = need.part.link
        assert link is not None
        refers, found = self._followed(collection, row.id, link)
        if not refers:
            return  # the record itself says that it refers to nothing
        for row_id in found:
            yield ("record", row_id)
            if need.below:
                yield from self._walk(kind.name, self._place(row_id), need.below)
        if found and not link.many:
            return
        # That there are no others shows in the whole lists.
        if is_tenant_level(kind, self._catalog.collections):
            yield from self._list(kind, "")
        else:
            for owner in (row.subscription,) if link.across == "subscription" else self._owners:
                yield from self._list(kind, owner)

    def _follow(self, collection: str, row_id: int, link: Link) -> tuple[bool, tuple[int, ...]]:
        """Whether a record refers to anything by a link, and the row ids of what it leads to."""
        row = self._row(row_id)
        document = self._documents.document(collection, row)
        if not any(values_at(document, split_path(link.from_))):
            return False, ()
        return True, tuple(self._linker.follow(link, self._statuses.kind(link.collection), row, document).rows)

    def _list(self, kind: Collection, subscription: str) -> tuple[Ref, ...]:
        """Every read of a collection in a subscription ("" for the tenant), and what proves that it has none."""
        key = (kind.name, subscription)
        if key not in self._listed:
            reads = dict.fromkeys(self._reads_for(kind, subscription))
            refs: tuple[Ref, ...] = tuple(("read", read) for read in reads)
            if len(refs) > MOST_NAMED:
                self._lists.append(reads)
                refs = (("list", len(self._lists) - 1),)
            self._listed[key] = refs
        return self._listed[key]

    def _reads_for(self, kind: Collection, subscription: str) -> Iterator[int]:
        # Which parents, groups or regions there are to ask below is a part of the answer.
        for parent in kind.of or ("resource_group",) * (kind.per == "resource_group"):
            yield from self._reads_for(self._statuses.kind(parent), subscription)
        for read in self._ids(
            "collection = ? AND part = 'read' AND subscription = ? ORDER BY scope, page", kind.name, subscription
        ):
            yield read
            page = self._estate.read(read)
            if page is not None and page.kind == "proven_absent":
                yield from self._reads_for(RESOURCES, subscription)

    # the files

    def _digest(self, ref: Ref) -> bytes:
        digest = self._digests.get(ref)
        if digest is None:
            kind, number = ref
            if kind == "record":
                content = self._record(self._row(number))
            elif kind == "read":
                content = self._page(number)
            else:
                content = {"files": [name_of(self._digest(("read", read))) for read in self._lists[number]]}
            digest = self._digests[ref] = self._put(_encoded(content))
        return digest

    def _unasked(self, verdict: Verdict) -> bytes:
        """The file of a verdict whose subjects were never asked for: it can only say so."""
        subject = self._catalog.checks[verdict.check].subject
        about = {"collection": subject, "scope": verdict.resource.id or TENANT_SCOPE, "read": None}
        return self._put(_encoded({**about, "reason": verdict.reason}))

    def _put(self, content: bytes) -> bytes:
        digest = hashlib.sha256(content).digest()
        if digest not in self._written:
            self._written.add(digest)
            self._write(name_of(digest), content)
        return digest

    def _record(self, row: Row) -> dict[str, Any]:
        (collection,) = self._estate.connection.execute(
            "SELECT collection FROM resource WHERE id = ?", (row.id,)
        ).fetchone()
        return {"collection": collection, **self._told(row), "read": self._read(row.read_id), **self._body(row)}

    def _page(self, read: int) -> dict[str, Any]:
        collection, part, subscription, scope = self._estate.connection.execute(
            "SELECT collection, part, subscription, scope FROM read WHERE id = ?", (read,)
        ).fetchone()
        about = {"collection": collection, "part": part, "subscription": subscription, "scope": scope}
        records = [{**self._told(row), **self._body(row)} for row in self._rows_of(read)]
        return {**about, "read": self._read(read), "records": records}

    def _told(self, row: Row) -> dict[str, Any]:
        above = self._estate.row(row.parent) if row.parent else None
        parent = {"parent": above.id_as_sent} if above else {}
        return {"id": row.id_as_sent, "subscription": row.subscription, **parent}

    def _body(self, row: Row) -> dict[str, Any]:
        # `detail` is the read of the record itself, whose answer was merged over what its list said.
        detail: dict[str, Any] = {"detail": self._read(row.detail_id)} if row.detail_id > 0 else {}
        if row.detail_id == NO_DETAIL:
            detail = {"detail": {"outcome": "not_needed"}}
        gone = {"deleted-meanwhile": True} if row.id in self._gone else {}
        return {**gone, **detail, "body": msgspec.Raw(row.body)}

    def _read(self, read: int) -> dict[str, Any] | None:
        page = self._estate.read(read)
        return _told_of(page) if page is not None else None

    # the estate

    def _row(self, row_id: int) -> Row:
        row = self._estate.row(row_id)
        assert row is not None
        return row

    def _rows_of(self, read: int) -> Iterator[Row]:
        for (row_id,) in self._estate.connection.execute(
            "SELECT id FROM temp.brought WHERE read = ? ORDER BY id", (read,)
        ):
            yield self._row(row_id)

    def _ids(self, where: str, *values: str) -> Iterable[int]:
        return [found for (found,) in self._estate.connection.execute(f"SELECT id FROM read WHERE {where}", values)]


def name_of(digest: bytes) -> str:
    """The name of an evidence file in the pack."""
    text = digest.hex()
    return f"evidence/{text[:2]}/{text}.json"


def _told_of(page: ReadRow) -> dict[str, Any]:
    """A read as an auditor asks for it; what does not apply to it is left out."""
    fields = {
        "url": page.url,
        "api-version": page.api,
        "read-at": page.at,
        "status": page.status,
        "request-id": page.request_id,
        "page": page.page,
        "outcome": page.kind,
        "code": page.code,
        "message": page.message,
        "missing-permission": page.action,
        "next-page": bool(page.next),
    }
    return {name: value for name, value in fields.items() if value}


_encoder = msgspec.json.Encoder()


def _encoded(value: Any) -> bytes:
    return msgspec.json.format(_encoder.encode(value), indent=2) + b"\n"
