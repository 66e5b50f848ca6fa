"""Documents: one resource's wire JSON with its children and linked records attached, opened only when named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import msgspec

from azscan.catalog.attachments import Attached as AttachedPart
from azscan.catalog.builtin import is_tenant_level, parts_of
from azscan.catalog.model import Catalog, Link
from azscan.catalog.model import Collection as Kind
from azscan.conditions.values import MISSING, Document, Items, Missing, Part, Unreadable
from azscan.estate.ids import key_of
from azscan.estate.links import Linker, values_at
from azscan.estate.redact import split_path
from azscan.estate.siblings import Siblings, in_groups
from azscan.estate.status import Statuses
from azscan.estate.store import Estate, Row

Opener = Callable[[Row, Document, Siblings], Any]

# A list of at most so many documents is kept in memory as long as the document that it hangs on.
SHORT = 50
# Documents that links led to last: they are kept, for the next resource may lead to the same.
LINKED = 100
_decode = msgspec.json.Decoder().decode


class Documents:
    """Every document of an estate, made when it is asked for.

    `scope` holds the ids of the subscriptions that were read (lower case). `names` limits what is attached to
    the names that the chosen conditions open; None attaches everything that the catalogue declares.
    """

    def __init__(
        self, estate: Estate, catalog: Catalog, scope: Collection[str], names: Collection[str] | None = None
    ) -> None:
        self.estate = estate
        self.catalog = catalog
        self.scope = frozenset(scope)
        self.statuses = Statuses(estate, catalog, self.scope)
        self.linker = Linker(estate, self.statuses, self.scope)
        self._shared = cache(lambda parents: self.estate.shared_ids(parents, self.scope | {""}))
        self._attached = self._attachments(names)
        # Networks, groups and vaults that many others lead to.
        self.linked = lru_cache(maxsize=LINKED)(self._linked_document)
        self._has_detail = cache(lambda collection: bool(self.statuses.kind(collection).detail))

    def subjects(self, collection: str, subscription: str) -> Iterator[tuple[Row, Document]]:
        """The documents of a collection in one subscription ("" for what belongs to the tenant), streamed."""
        for row, siblings in in_groups(self.statuses, self.estate.rows(collection, subscription=subscription)):
            yield row, self.document(collection, row, siblings)

    def document(self, collection: str, row: Row, siblings: Siblings | None = None) -> Document:
        """The document of a stored record, with the parts that can be opened on it.

        `siblings` is the group of records with which it was fetched.
        """
        read, fault = row.read_id, None
        if row.detail_id > 0:
            fault = self.statuses.of_read(row.detail_id)
            if fault is None:
                read = row.detail_id
        elif not row.detail_id and self._has_detail(collection):
            fault = Unreadable("not_collected", "what a list leaves out of this resource was not read", read=read)
        body = _decode(row.body)
        if not isinstance(body, dict):
            body, fault = {}, Unreadable("bad_response", "Azure sent something else than an object here", read=read)
        document = Document(body, read, fault)
        attached = self._attached.get(collection)
        if attached:
            siblings = siblings or Siblings(self.statuses, [row])
            for name, opener in attached:
                document[name] = Attached(opener, row, document, siblings)
        return document

    def attached_to(self, collection: str) -> frozenset[str]:
        """The names under which parts can be opened on the collection's documents."""
        return frozenset(name for name, _ in self._attached.get(collection, ()))

    def _attachments(self, names: Collection[str] | None) -> Mapping[str, tuple[tuple[str, Opener], ...]]:
        return {
            owner: tuple(
                (name, self._opener(owner, part)) for name, part in parts.items() if names is None or name in names
            )
            for owner, parts in parts_of(self.catalog).items()
        }

    def _opener(self, owner: str, part: AttachedPart) -> Opener:
        kind = self.statuses.kind(part.collection)
        if part.link is not None:
            return self._linked(part.link, kind)
        return self._child(kind) if owner in kind.of else self._listed(kind)

    def _child(self, kind: Kind) -> Opener:
        # The records of one list have ids of their own; those of several lists, or inherited ones, may share one.
        may_share = len(kind.of) > 1 or bool(self.statuses.kind(kind.of[0]).of)

        def open_child(row: Row, parent: Document, siblings: Siblings) -> Any:
            fault, read = siblings.status(kind.name, row)
            if (may_share or row.subscription not in row.id_as_sent.lower()) and key_of(row.id_as_sent) in self._shared(
                kind.of
            ):
                parent_id = self.estate.reader_of(kind.name, kind.of, self.scope | {""}, row)
                items = StoredItems(self, kind.name, fault, read, parent=parent_id)
            else:
                fetched = siblings.children(kind.name, row.id)
                items = StoredItems(self, kind.name, fault, read, parent=row.id, fetched=fetched)
            if kind.is_singleton:
                return items.only()
            return items.by(kind.key) if kind.key else items

        return open_child

    def _listed(self, kind: Kind) -> Opener:
        def open_listed(row: Row, owner: Document, siblings: Siblings) -> Any:
            subscription = "" if is_tenant_level(kind) else row.subscription
            fault, read = self.statuses.of(kind.name, subscription), self.statuses.list_of(kind.name, subscription)
            items = StoredItems(self, kind.name, fault, read, subscription=subscription)
            if kind.is_singleton:
                return items.only()
            return items.by(kind.key) if kind.key else items

        return open_listed

    def _linked(self, link: Link, target: Kind) -> Opener:
        way = self.linker.way(link, target)

        def open_linked(row: Row, document: Document, siblings: Siblings) -> Any:
            rows, fault, read = way.follow(row, document)
            if link.many:
                return LinkedItems(self, link.collection, rows, fault, read)
            if rows:
                return self.linked(link.collection, rows[0])
            return fault or MISSING

        return open_linked

    def _linked_document(self, collection: str, row_id: int) -> Document | Missing:
        row = self.estate.row(row_id)
        return MISSING if row is None else self.document(collection, row)


class Attached(Part):
    """A part of a document that is read from the estate when a condition first names it."""

    __slots__ = ("_opened", "_opener", "_owner", "_row", "_siblings")

    def __init__(self, opener: Opener, row: Row, owner: Document, siblings: Siblings) -> None:
        self._opener = opener
        self._row = row
        self._owner = owner
        self._siblings = siblings
        self._opened: Any = None

    def open(self) -> Document | Items | dict[str, Any] | Unreadable | Missing:
        """The attached document, list or map; MISSING where Azure has none; Unreadable where it was not read."""
        if self._opened is None:
            self._opened = self._opener(self._row, self._owner, self._siblings)
        opened: Document | Items | dict[str, Any] | Unreadable | Missing = self._opened
        return opened


class StreamedItems(Items):
    """Documents made as they are asked for; a short list is kept, for the next condition walks it again."""

    __slots__ = ("_kept", "fault", "read")

    def __init__(self, fault: Unreadable | None, read: int | None) -> None:
        self.fault = fault
        self.read = read
        self._kept: list[Document] | None = None

    def __iter__(self) -> Iterator[Document]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Document] = []
        for document in self._stream():
            if len(kept) <= SHORT:
                kept.append(document)
            yield document
        if len(kept) <= SHORT:
            self._kept = kept

    def _stream(self) -> Iterator[Document]:
        raise NotImplementedError


class StoredItems(StreamedItems):
    """The records of a collection below one parent, or in one subscription, streamed from the estate.

    `fetched` are the records where they were fetched before, and their group.
    """

    __slots__ = ("_collection", "_documents", "_fetched", "_parent", "_subscription")

    def __init__(
        self,
        documents: Documents,
        collection: str,
        fault: Unreadable | None,
        read: int | None,
        *,
        parent: int | None = None,
        subscription: str | None = None,
        fetched: tuple[list[Row], Siblings] | None = None,
    ) -> None:
        super().__init__(fault, fault.read if fault else read)
        self._fetched = fetched
        self._documents = documents
        self._collection = collection
        self._parent = parent
        self._subscription = subscription

    def _stream(self) -> Iterator[Document]:
        for row, siblings in self._rows():
            yield self._documents.document(self._collection, row, siblings)

    def __len__(self) -> int:
        if self._fetched is not None:
            return len(self._fetched[0])
        return self._documents.estate.count(self._collection, subscription=self._subscription, parent=self._parent)

    def only(self) -> Document | Unreadable | Missing:
        """The one record of a singleton, or why there is none."""
        for row, siblings in self._rows():
            return self._documents.document(self._collection, row, siblings)
        return self.fault or MISSING

    def by(self, key: str) -> Document | dict[str, Any]:
        """The records as a map by the value of `key`; what an incomplete map lacks is unreadable."""
        path, entries = split_path(key), dict[str, Any]()
        for number, document in enumerate(self):
            # A record without the key has no name in the map, but is walked with the others.
            name = next(values_at(document, path), f"[{number}]")
            if name in entries:
                # Which of them is meant is anybody's guess.
                entries[name] = Unreadable("bad_response", f"Azure sent {name} more than once", read=document.read)
            else:
                entries[name] = document
        return Document(entries, self.read, self.fault) if self.fault else entries

    def _rows(self) -> Iterator[tuple[Row, Siblings]]:
        if self._fetched is not None:
            rows, siblings = self._fetched
            return ((row, siblings) for row in rows)
        found = self._documents.estate.rows(self._collection, subscription=self._subscription, parent=self._parent)
        return in_groups(self._documents.statuses, found)


class LinkedItems(StreamedItems):
    """The records that a link joins to a document."""

    __slots__ = ("_collection", "_documents", "_rows")

    def __init__(
        self, documents: Documents, collection: str, rows: list[int], fault: Unreadable | None, read: int | None
    ) -> None:
        super().__init__(fault, read)
        self._documents = documents
        self._collection = collection
        self._rows = rows

    def _stream(self) -> Iterator[Document]:
        # A long list is walked once, and would drive out what is worth keeping.
        linked = self._documents.linked if len(self._rows) <= SHORT else self._documents.linked.__wrapped__
        for row_id in self._rows:
            document = linked(self._collection, row_id)
            if isinstance(document, Document):
                yield document

    def __len__(self) -> int:
        return len(self._rows)
