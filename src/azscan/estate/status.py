"""How well each part of the estate was read: in full, or why not."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, lru_cache

from azscan.catalog.builtin import BUILT_IN, is_tenant_level
from azscan.catalog.model import Catalog
from azscan.catalog.model import Collection as Kind
from azscan.conditions.values import Unreadable
from azscan.estate.ids import key_of
from azscan.estate.store import BROKEN_OFF, NOTHING_THERE, Estate, ReadRow, Row

TENANT_SCOPE = "/"


def scope_of(subscription: str) -> str:
    """The scope of a whole subscription; of the tenant where that is ""."""
    return f"/subscriptions/{subscription}" if subscription else TENANT_SCOPE


class Statuses:
    """Answers, for every list and child of an estate, None where it was read in full, else what is missing.

    An estate does not change while it is assessed, so answers are kept.
    """

    def __init__(self, estate: Estate, catalog: Catalog, scope: Collection[str]) -> None:
        self.estate = estate
        self.catalog = catalog
        self.scope = scope
        self.of = cache(self._of)
        self.list_of = cache(self._list_of)
        # One for each record that has details: not to be kept for all of them.
        self.of_read = lru_cache(maxsize=1024)(self._of_read)

    @staticmethod
    def scope_of(row: Row) -> str:
        """The scope under which the children of a record were read."""
        return key_of(row.id_as_sent)

    def of_scope(self, collection: str, scope: str) -> tuple[Unreadable | None, int | None]:
        """The status of one read (a list below one parent, of one subscription, or of the tenant), and its row id."""
        return self.of_scopes(collection, [scope])[scope]

    def of_scopes(self, collection: str, scopes: Collection[str]) -> dict[str, tuple[Unreadable | None, int | None]]:
        """The same for many scopes at once."""
        pages = self.estate.last_pages(collection, scopes)
        return {scope: _of_page(pages.get(scope)) for scope in scopes}

    def kind(self, collection: str) -> Kind:
        """The declaration of a collection."""
        return self.catalog.collections.get(collection) or BUILT_IN[collection]

    def _of(self, collection: str, subscription: str) -> Unreadable | None:
        kind = self.kind(collection)
        if kind.of:
            return self._of_children(kind, subscription)
        if not kind.per:
            return self.of_scope(collection, self._place(kind, subscription))[0]
        groups = self.of("resource_group", subscription) if kind.per == "resource_group" else None
        return groups or self._first_fault(collection, subscription) or self.unasked(collection, subscription)

    def _place(self, kind: Kind, subscription: str) -> str:
        of_tenant = is_tenant_level(kind, self.catalog.collections)
        return scope_of("" if of_tenant else subscription)

    def _list_of(self, collection: str, subscription: str) -> int | None:
        """The row id of the one read that lists a collection in a subscription ("" for the tenant), if it is one."""
        kind = self.kind(collection)
        return None if kind.of or kind.per else self.of_scope(collection, self._place(kind, subscription))[1]

    def _of_children(self, kind: Kind, subscription: str) -> Unreadable | None:
        for parent in kind.of:
            if fault := self.of(parent, subscription):
                return fault
        return self._first_fault(kind.name, subscription) or self.unasked(kind.name, subscription)

    def unasked(self, collection: str, subscription: str) -> Unreadable | None:
        """That a collection below parents, regions or groups was not asked for below all of them, as a fault."""
        kind = self.kind(collection)
        if not kind.of:
            asked = self.estate.connection.execute(
                "SELECT 1 FROM read WHERE collection = ? AND part = 'read' AND subscription = ? LIMIT 1",
                (collection, subscription),
            ).fetchone()
            if asked and self.estate.about("complete", True):
                return None
            return Unreadable("not_collected", f"{collection} was not read")
        marks = ", ".join("?" * len(kind.of))
        unasked = self.estate.connection.execute(
            f"SELECT id_as_sent FROM resource WHERE collection IN ({marks}) AND subscription = ? AND gone = 0"
            " AND NOT EXISTS (SELECT 1 FROM read WHERE collection = ? AND part = 'read' AND scope = resource.id_key)"
            " LIMIT 1",
            (*kind.of, subscription, kind.name),
        ).fetchone()
        return Unreadable("not_collected", f"{kind.name} of {unasked[0]} was not read") if unasked else None

    def _first_fault(self, collection: str, subscription: str) -> Unreadable | None:
        for page in self.faults(collection, subscription):
            return _unreadable(page)
        return None

    def faults(self, collection: str, subscription: str) -> list[ReadRow]:
        """The pages that failed, one for each scope that is not read in full."""
        marks = ", ".join("?" * len(NOTHING_THERE))
        found = self.estate.connection.execute(
            "SELECT id, url, api, status, kind, code, message, action, at, request_id, next, complete, page FROM read"
            " WHERE collection = ? AND part = 'read' AND subscription = ? AND kind <> 'parent_gone'"
            f" AND (kind NOT IN ({marks}) OR next <> '')"
            " AND NOT EXISTS (SELECT 1 FROM read AS later WHERE later.collection = read.collection"
            " AND later.part = 'read' AND later.scope = read.scope AND later.page > read.page) ORDER BY id",
            (collection, subscription, *sorted(NOTHING_THERE)),
        )
        return [ReadRow(*row) for row in found]

    def _of_read(self, read_id: int) -> Unreadable | None:
        return _unreadable(self.estate.read(read_id))


def _of_page(page: ReadRow | None) -> tuple[Unreadable | None, int | None]:
    return _unreadable(page), page.id if page and page.url else None


def _unreadable(page: ReadRow | None) -> Unreadable | None:
    if page is None:
        return Unreadable("not_collected", "this part was not read")
    if page.kind in NOTHING_THERE:
        return Unreadable("unavailable", BROKEN_OFF, url=page.url, read=page.id) if page.next else None
    return Unreadable(page.kind, page.message, page.action, page.url, page.id)
