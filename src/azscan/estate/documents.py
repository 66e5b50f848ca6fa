"""Documents: one resource's wire JSON with its children and linked records attached, opened only when named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec

from azscan.catalog.attachments import Attached as AttachedPart
from azscan.catalog.builtin import is_tenant_level, parts_of
from azscan.catalog.model import Catalog, Link
from azscan.catalog.model import Collection as Kind
from azscan.conditions.values import MISSING, Document, Items, Missing, Part, Unreadable
from azscan.estate.links import Linker
from azscan.estate.status import Statuses
from azscan.estate.store import Estate, Row

Opener = Callable[[Row, Document], Any]
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
        self._attached = self._attachments(names)

    def subjects(self, collection: str, subscription: str) -> Iterator[tuple[Row, Document]]:
        """The documents of a collection in one subscription ("" for what belongs to the tenant), streamed."""
        for row in self.estate.rows(collection, subscription=subscription):
            yield row, self.document(collection, row)

    def document(self, collection: str, row: Row) -> Document:
        """The document of a stored record, with the parts that can be opened on it."""
        read, fault = row.read_id, None
        if row.detail_id:
            fault = self.statuses.of_read(row.detail_id)
            if fault is None:
                read = row.detail_id
        body = _decode(row.body)
        if not isinstance(body, dict):
            body, fault = {}, Unreadable("bad_response", "Azure sent something else than an object here", read=read)
        document = Document(body, read, fault)
        for name, opener in self._attached.get(collection, ()):
            document[name] = Attached(opener, row, document)
        return document

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
        def open_child(row: Row, parent: Document) -> Any:
            fault = self.statuses.of_scope(kind.name, self.statuses.scope_of(row))
            items = StoredItems(self, kind.name, fault, parent=row.id)
            if kind.is_singleton:
                return items.only()
            return items.by(kind.key) if kind.key else items

        return open_child

    def _listed(self, kind: Kind) -> Opener:
        def open_listed(row: Row, owner: Document) -> Any:
            subscription = "" if is_tenant_level(kind) else row.subscription
            items = StoredItems(self, kind.name, self.statuses.of(kind.name, subscription), subscription=subscription)
            if kind.is_singleton:
                return items.only()
            return items.by(kind.key) if kind.key else items

        return open_listed

    def _linked(self, link: Link, target: Kind) -> Opener:
        def open_linked(row: Row, document: Document) -> Any:
            rows, fault = self.linker.follow(link, target, row, document)
            if link.many:
                return LinkedItems(self, link.collection, rows, fault, document.read)
            if rows:
                found = self.estate.row(rows[0])
                return MISSING if found is None else self.document(link.collection, found)
            return fault or MISSING

        return open_linked


class Attached(Part):
    """A part of a document that is read from the estate when a condition first names it."""

    __slots__ = ("_opened", "_opener", "_owner", "_row")

    def __init__(self, opener: Opener, row: Row, owner: Document) -> None:
        self._opener = opener
        self._row = row
        self._owner = owner
        self._opened: Any = None

    def open(self) -> Document | Items | dict[str, Any] | Unreadable | Missing:
        """The attached document, list or map; MISSING where Azure has none; Unreadable where it was not read."""
        if self._opened is None:
            self._opened = self._opener(self._row, self._owner)
        opened: Document | Items | dict[str, Any] | Unreadable | Missing = self._opened
        return opened


class StoredItems(Items):
    """The records of a collection below one parent, or in one subscription, streamed from the estate."""

    __slots__ = ("_collection", "_documents", "_parent", "_subscription", "fault", "read")

    def __init__(
        self,
        documents: Documents,
        collection: str,
        fault: Unreadable | None,
        *,
        parent: int | None = None,
        subscription: str | None = None,
    ) -> None:
        self._documents = documents
        self._collection = collection
        self._parent = parent
        self._subscription = subscription
        self.fault = fault
        self.read = fault.read if fault else None

    def __iter__(self) -> Iterator[Document]:
        for row in self._rows():
            yield self._documents.document(self._collection, row)

    def __len__(self) -> int:
        return self._documents.estate.count(self._collection, subscription=self._subscription, parent=self._parent)

    def only(self) -> Document | Unreadable | Missing:
        """The one record of a singleton, or why there is none."""
        for row in self._rows():
            return self._documents.document(self._collection, row)
        return self.fault or MISSING

    def by(self, key: str) -> Document:
        """The records as a map by the value of `key`; what an incomplete map lacks is unreadable."""
        entries = {str(document.get(key)): document for document in self}
        return Document(entries, self.read, self.fault)

    def _rows(self) -> Iterator[Row]:
        return self._documents.estate.rows(self._collection, subscription=self._subscription, parent=self._parent)


class LinkedItems(Items):
    """The records that a link joins to a document."""

    __slots__ = ("_collection", "_documents", "_rows", "fault", "read")

    def __init__(
        self, documents: Documents, collection: str, rows: list[int], fault: Unreadable | None, read: int | None
    ) -> None:
        self._documents = documents
        self._collection = collection
        self._rows = rows
        self.fault = fault
        self.read = read

    def __iter__(self) -> Iterator[Document]:
        for row_id in self._rows:
            row = self._documents.estate.row(row_id)
            if row is not None:
                yield self._documents.document(self._collection, row)

    def __len__(self) -> int:
        return len(self._rows)
