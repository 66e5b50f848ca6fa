"""Links: which records of another collection belong to a document, joined on lower-cased ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import msgspec

from azscan.catalog.builtin import is_tenant_level
from azscan.catalog.model import Collection as Kind
from azscan.catalog.model import Link
from azscan.conditions.values import Document, Unreadable
from azscan.estate.ids import ancestors, key_of, parse_id, region_of
from azscan.estate.joins import Join, join_of
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
    """Follows links; keeps, for each path that links lead to, where its values are found."""

    def __init__(self, estate: Estate, statuses: Statuses, scope: Collection[str]) -> None:
        self.estate = estate
        self.statuses = statuses
        self.scope = scope
        self.join = cache(self._join)
        self._ways: dict[tuple[Link, str], Way] = {}

    def way(self, link: Link, target: Kind) -> Way:
        """The link, ready to be followed from many documents."""
        key = (link, target.name)
        if key not in self._ways:
            self._ways[key] = Way(self, link, target)
        return self._ways[key]

    def follow(self, link: Link, target: Kind, row: Row, document: Document) -> Followed:
        """What a link joins to a document, in order, as `Way.follow` tells it."""
        return self.way(link, target).follow(row, document)

    def _join(self, collection: str, path: str) -> Join:
        segments = split_path(path)
        return join_of(
            self.estate,
            (
                (_key(value, path), row.id, row.subscription)
                for row in self.estate.rows(collection)
                for value in values_at(_decode(row.body), segments)
            ),
        )

    @cached_property
    def delegated(self) -> frozenset[str]:
        """The subscriptions that another tenant has delegated (Lighthouse): their identities are in its directory."""
        home = self.estate.about("tenant", "")
        tenants = {each["id"]: str(each.get("tenant") or home) for each in self.estate.about("subscriptions", [])}
        return frozenset(each for each, tenant in tenants.items() if home and tenant.lower() != home.lower())


class Way:
    """One link, followed from one document after another into `target`."""

    def __init__(self, linker: Linker, link: Link, target: Kind) -> None:
        self.linker = linker
        self.link = link
        self.target = target
        self._segments = split_path(link.from_)
        self._of_tenant = is_tenant_level(target, linker.statuses.catalog.collections)
        self._is_near = link.across == "subscription" and not self._of_tenant
        self._fault = cache(self._fault_of)

    def follow(self, row: Row, document: Document) -> Followed:
        """What the link joins to a document, in order.

        A value that names a subscription outside the scope is `out_of_scope`: unknown, never absent.
        """
        link, scope = self.link, self.linker.scope
        values = [_key(value, link.from_) for value in values_at(document, self._segments)]
        if not values:
            # A document that refers to nothing is enough to know that nothing is linked.
            return Followed([], document.fault, document.read)
        # A reference names the subscription it leads into; the document's own id, or a name, does not.
        named = {value: parse_id(value).subscription if link.from_ != "id" else "" for value in values}
        outside = [value for value, subscription in named.items() if subscription and subscription not in scope]
        rows: list[int] = []
        for value, subscription in named.items():
            if value not in outside:
                rows += self._matches(value, row.subscription if self._is_near and not subscription else None)
        fault: Unreadable | None
        if outside:
            fault = Unreadable("out_of_scope", f"{outside[0]} lies outside the scanned subscriptions")
        else:
            fault = self._fault(row.subscription, frozenset(named.values()))
        read = self.linker.statuses.list_of(self.target.name, "" if self._of_tenant else row.subscription)
        return Followed(list(dict.fromkeys(rows)), fault, read)

    def _matches(self, value: str, subscription: str | None) -> list[int]:
        join = self.linker.join(self.target.name, self.link.to)
        found = join.at(ancestors(value) if self.link.match == "scopeContains" else [value], subscription)
        if self.link.match == "idPrefix":
            found |= join.below(value, subscription)
        return sorted(found)

    def _fault_of(self, subscription: str, named: frozenset[str]) -> Unreadable | None:
        statuses, target = self.linker.statuses, self.target.name
        if self._of_tenant:
            if subscription in self.linker.delegated:
                return Unreadable("out_of_scope", f"subscription {subscription} belongs to another tenant")
            return statuses.of(target, "")
        asked = named - {""}
        if "" in named:
            asked |= {subscription} if self.link.across == "subscription" else set(self.linker.scope)
        for each in sorted(asked):
            if fault := statuses.of(target, each):
                return fault
        if self.link.across == "tenant" and (left_out := self.linker.estate.about("left_out", [])):
            return Unreadable("out_of_scope", f"{len(left_out)} subscriptions of the tenant were not scanned")
        return None


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
