"""Links: which records of another collection belong to a document, joined in SQL on lower-cased ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from azscan.catalog.builtin import is_tenant_level
from azscan.catalog.model import Collection as Kind
from azscan.catalog.model import Link
from azscan.conditions.values import Document, Unreadable
from azscan.estate.ids import ancestors, key_of, parse_id, region_of
from azscan.estate.redact import split_path
from azscan.estate.status import Statuses
from azscan.estate.store import Estate, Row

_decode = msgspec.json.Decoder().decode


class Followed(NamedTuple):
    """The row ids that a link joins, what keeps them from being all, and the read that the answer rests on."""

    rows: list[int]
    fault: Unreadable | None
    read: int | None


class Linker:
    """Follows links; keeps, for each path that links lead to, an index of its values in a temporary table."""

    def __init__(self, estate: Estate, statuses: Statuses, scope: Collection[str]) -> None:
        self.estate = estate
        self.statuses = statuses
        self.scope = scope
        self._indexes: dict[tuple[str, str], int] = {}

    def follow(self, link: Link, target: Kind, row: Row, document: Document) -> Followed:
        """What a link joins to a document, in order.

        A value that names a subscription outside the scope is `out_of_scope`: unknown, never absent.
        """
        values = [_key(value, link.from_) for value in values_at(document, split_path(link.from_))]
        if not values:
            # A document that refers to nothing is enough to know that nothing is linked.
            return Followed([], document.fault, document.read)
        # A reference names the subscription it leads into; the document's own id, or a name, does not.
        named = {value: parse_id(value).subscription if link.from_ != "id" else "" for value in values}
        outside = [value for value, subscription in named.items() if subscription and subscription not in self.scope]
        rows: list[int] = []
        index = self._index(target.name, link.to)
        is_near = link.across == "subscription" and not is_tenant_level(target, self.statuses.catalog.collections)
        for value, subscription in named.items():
            if value not in outside:
                rows += self._matches(index, link, value, row.subscription if is_near and not subscription else None)
        rows = list(dict.fromkeys(rows))
        fault: Unreadable | None
        within = "" if is_tenant_level(target, self.statuses.catalog.collections) else row.subscription
        if outside:
            fault = Unreadable("out_of_scope", f"{outside[0]} lies outside the scanned subscriptions")
        else:
            fault = self._fault(link, target, row, set(named.values()))
        return Followed(rows, fault, self.statuses.list_of(target.name, within))

    def _fault(self, link: Link, target: Kind, row: Row, named: set[str]) -> Unreadable | None:
        if is_tenant_level(target, self.statuses.catalog.collections):
            if row.subscription in self._delegated:
                return Unreadable("out_of_scope", f"subscription {row.subscription} belongs to another tenant")
            return self.statuses.of(target.name, "")
        asked = named - {""}
        if "" in named:
            asked |= {row.subscription} if link.across == "subscription" else set(self.scope)
        for subscription in sorted(asked):
            if fault := self.statuses.of(target.name, subscription):
                return fault
        if link.across == "tenant" and (left_out := self.estate.about("left_out", [])):
            return Unreadable("out_of_scope", f"{len(left_out)} subscriptions of the tenant were not scanned")
        return None

    @cached_property
    def _delegated(self) -> frozenset[str]:
        """The subscriptions that another tenant has delegated (Lighthouse): their identities are in its directory."""
        home = self.estate.about("tenant", "")
        tenants = {each["id"]: str(each.get("tenant") or home) for each in self.estate.about("subscriptions", [])}
        return frozenset(each for each, tenant in tenants.items() if home and tenant.lower() != home.lower())

    def _matches(self, index: int, link: Link, value: str, subscription: str | None) -> list[int]:
        query = (
            "SELECT resource.id FROM link_key JOIN resource ON resource.id = link_key.resource"
            " WHERE link_key.number = ? AND resource.gone = 0 AND "
        )
        values = ancestors(value) if link.match == "scopeContains" else [value]
        wanted = [(f"link_key.key IN ({', '.join('?' * len(values))})", values)]
        if link.match == "idPrefix":
            # Asked by itself: with OR, SQLite would walk all keys for each value.
            wanted.append(("link_key.key > ? AND link_key.key < ?", [value + "/", value + "0"]))
        near, owner = (" AND resource.subscription = ?", [subscription]) if subscription is not None else ("", [])
        found: set[int] = set()
        for where, keys in wanted:
            rows = self.estate.connection.execute(query + where + near, [index, *keys, *owner])
            found |= {row_id for (row_id,) in rows}
        return sorted(found)

    def _index(self, collection: str, path: str) -> int:
        number = self._indexes.get((collection, path))
        if number is None:
            if not self._indexes:
                self.estate.connection.execute(
                    "CREATE TEMP TABLE IF NOT EXISTS link_key(number INTEGER, key TEXT, resource INTEGER,"
                    " PRIMARY KEY(number, key, resource)) WITHOUT ROWID"
                )
                self.estate.connection.execute("DELETE FROM temp.link_key")
            number = self._indexes[collection, path] = len(self._indexes)
            segments = split_path(path)
            self.estate.executemany(
                "INSERT OR IGNORE INTO temp.link_key VALUES (?, ?, ?)",
                (
                    (number, _key(value, path), row.id)
                    for row in self.estate.rows(collection)
                    for value in values_at(_decode(row.body), segments)
                ),
            )
        return number


def values_at(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The strings at a path; `[*]` walks a list. Nothing where the path leads nowhere."""
    if not path:
        if isinstance(value, str) and value:
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str) and item)
    elif path[0] == "[*]":
        for item in value if isinstance(value, list) else ():
            yield from values_at(item, path[1:])
    elif isinstance(value, dict):
        yield from values_at(value.get(path[0]), path[1:])


def _key(value: str, path: str) -> str:
    """What two spellings of one value have in common: ids, regions (`West Europe` is `westeurope`), other names."""
    if "/" in value:
        return key_of(value)
    return region_of(value) if path.rpartition(".")[2] == "location" else value.lower()
