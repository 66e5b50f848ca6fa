"""What every subject's document carries: children, links, and what is listed for a whole subscription or tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from azscan.catalog.model import BUILT_IN_SUBJECTS, Collection, Link

MAX_LINKS = 3

Shape = Literal["one", "list", "map"]
Level = Literal["subscription", "tenant", "parent"]

# Properties that Azure itself puts at the top of a document: no attached name may hide them.
WIRE_NAMES = frozenset(
    (
        *("id", "name", "type", "location", "properties", "tags", "sku", "kind", "identity", "zones", "etag"),
        *("systemData", "managedBy", "plan", "extendedLocation"),
        # a subscription's own
        *("subscriptionId", "tenantId", "displayName", "state", "authorizationSource", "managedByTenants"),
        "subscriptionPolicies",
    )
)


class Attached(msgspec.Struct, frozen=True):
    """One name under which a document carries another collection; `link` is None for a child."""

    name: str
    collection: str
    shape: Shape
    link: Link | None = None


def level(collection: Collection) -> Level:
    """Where the read of a collection starts: below a parent, or once per subscription or tenant."""
    if collection.of:
        return "parent"
    if collection.kql or "{subscriptionId}" in collection.list + collection.get:
        return "subscription"
    return "tenant"


def shape(collection: Collection) -> Shape:
    """How a parent's document carries the collection's records."""
    if collection.is_singleton:
        return "one"
    return "map" if collection.key else "list"


def parents(collection: Collection) -> tuple[str, ...]:
    """The subjects whose documents carry the collection."""
    where = level(collection)
    return collection.of if where == "parent" else (where,)


def attachments(collections: Iterable[Collection]) -> Mapping[str, Mapping[str, Attached]]:
    """For every subject, what is attached to its documents, by name."""
    known = {collection.name: collection for collection in collections}
    carried: dict[str, dict[str, Attached]] = {name: {} for name in (*BUILT_IN_SUBJECTS, *known)}
    for collection in known.values():
        one = Attached(collection.attach_as, collection.name, shape(collection))
        for parent in parents(collection):
            if parent in carried:
                carried[parent].setdefault(one.name, one)
    for collection in known.values():
        for link in collection.links:
            made = Attached(link.name, link.collection, "list" if link.many else "one", link)
            carried[collection.name].setdefault(link.name, made)
    return carried
