"""What the catalogue says about Azure: every property that it opens, and every word that it compares one with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from azscan.catalog.attachments import Attached
from azscan.catalog.builtin import BUILT_IN, parts_of
from azscan.catalog.model import Catalog, Check, Collection, Condition
from azscan.conditions.grammar import OPERATORS, parse
from azscan.conditions.nodes import All, Any_, Count, Leaf, Node, Not, Quantifier
from azscan.conditions.paths import Path, parse_path
from azscan.estate.redact import split_path
from tests.contract.facts import EACH

# What an operator opens below the list that its field names.
RULE = ("access", "direction", "priority", "protocol", "destinationPortRange", "destinationPortRanges")
RULE += ("sourceAddressPrefix", "sourceAddressPrefixes", "sourcePortRange", "sourcePortRanges")
RULE += ("destinationAddressPrefix", "destinationAddressPrefixes", "sourceApplicationSecurityGroups")
OPENED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "admits": tuple((EACH, "properties", name) for name in RULE),
    "grants": ((EACH, "actions"), (EACH, "notActions")),
    "logs": (
        (EACH, "properties", "logs", EACH, "category"),
        (EACH, "properties", "logs", EACH, "categoryGroup"),
        (EACH, "properties", "logs", EACH, "enabled"),
        (EACH, "properties", "workspaceId"),
        (EACH, "properties", "storageAccountId"),
        (EACH, "properties", "eventHubAuthorizationRuleId"),
        (EACH, "properties", "marketplacePartnerId"),
    ),
}

# One of these holds the addresses of a firewall rule (with its second half, where it has one).
ADDRESSES = ("startIpAddress", "startIPAddress", "firstIPAddress", "startIP", "rangeStart")
ADDRESSES += ("value", "ipMask", "ipAddressOrRange", "ipAddress", "cidr")


class Claim(NamedTuple):
    """That records of the collection `kind` have a property, or (with `values`) that it may hold these words.

    `who` says it, a check's id or a collection's name; `at` is the path in the document of the subject, as evidence
    shows it; `steps` the path in what Azure sends for `kind`, EACH standing for a list's items or a map's values.
    Where `instead` is given, one of those paths will do.
    """

    who: str
    at: str
    kind: str
    steps: tuple[str, ...]
    values: tuple[str, ...] = ()
    instead: tuple[tuple[str, ...], ...] = ()


class Place(NamedTuple):
    """Where a path has led: into which collection's record, and where in it."""

    kind: Collection
    steps: tuple[str, ...]
    at: tuple[str, ...]


def kinds_of(catalog: Catalog) -> dict[str, Collection]:
    """All collections by name, azscan's own included."""
    return {**catalog.collections, **BUILT_IN}


def claims_of(catalog: Catalog) -> list[Claim]:
    """Every claim of the catalogue, each once, in the order of its files."""
    walker = _Walker(catalog)
    found: list[Claim] = []
    for kind in catalog.collections.values():
        found += walker.collection(kind)
    for check in catalog.checks.values():
        found += walker.check(check)
    return list(dict.fromkeys(found))


class _Walker:
    def __init__(self, catalog: Catalog) -> None:
        self.kinds = kinds_of(catalog)
        self.parts: Mapping[str, Mapping[str, Attached]] = parts_of(catalog)

    def check(self, check: Check) -> Iterator[Claim]:
        start = Place(self.kinds[check.subject], (), ())
        for condition in (check.applies, check.require):
            if condition is not None:
                yield from self.node(check.id, parse(condition, check.params), start, start)

    def collection(self, kind: Collection) -> Iterator[Claim]:
        if kind.key:
            yield self.wire(kind, split_path(kind.key))
        for path in kind.redact:
            yield self.wire(kind, tuple(EACH if step == "*" else step for step in split_path(path)))
        for link in kind.links:
            yield self.wire(kind, split_path(link.from_))
            yield self.wire(self.kinds[link.collection], split_path(link.to), who=kind.name, under=link.name)
        for parent in kind.of if kind.when else ():
            yield from self.condition(kind.name, kind.when, self.kinds[parent])
        if kind.detail_when:
            yield from self.condition(kind.name, kind.detail_when, kind)

    def wire(self, kind: Collection, steps: tuple[str, ...], *, who: str = "", under: str = "") -> Claim:
        shown = ".".join([*([under] if under else []), *(step for step in steps if step != EACH)])
        return Claim(who or kind.name, shown, kind.name, steps)

    def condition(self, who: str, condition: Condition | None, kind: Collection) -> Iterator[Claim]:
        start = Place(kind, (), ())
        yield from self.node(who, parse(condition, {}), start, start)

    def node(self, who: str, node: Node, here: Place, root: Place) -> Iterator[Claim]:
        if isinstance(node, Leaf):
            yield from self.leaf(who, node, here, root)
        elif isinstance(node, All | Any_):
            for part in node.parts:
                yield from self.node(who, part, here, root)
        elif isinstance(node, Not):
            yield from self.node(who, node.part, here, root)
        elif isinstance(node, Quantifier | Count):
            there = self.go(here, root, node.in_)
            yield from self.said(who, there)
            if node.where is not None:
                yield from self.node(who, node.where, self.inside(there), root)

    def leaf(self, who: str, leaf: Leaf, here: Place, root: Place) -> Iterator[Claim]:
        there = self.go(here, root, leaf.path)
        yield from self.said(who, there, tuple(_words(leaf)))
        beside = OPERATORS[leaf.op].beside
        for text in beside(leaf.expected) if beside else ():
            yield from self.said(who, self.go(root, root, parse_path(text)))
        for steps in OPENED.get(leaf.op, ()):
            inner = self.inside(there)
            values = _categories(leaf) if steps[-1] == "category" else ()
            yield Claim(who, ".".join(inner.at), inner.kind.name, (*inner.steps, *steps[1:]), values)
        if leaf.op == "cidr":
            keys = leaf.expected.get("keys", ())
            inner = self.inside(there)
            for text in [keys] if isinstance(keys, str) else keys:
                yield from self.said(who, self.go(inner, root, parse_path(text)))
            if not keys:
                known = tuple((*inner.steps, *below, name) for below in ((), ("properties",)) for name in ADDRESSES)
                plain = there.steps or known[0]
                yield Claim(who, ".".join(inner.at), inner.kind.name, plain, instead=known)

    def said(self, who: str, place: Place, values: tuple[str, ...] = ()) -> Iterator[Claim]:
        if place.steps:
            yield Claim(who, ".".join(place.at), place.kind.name, place.steps)
            if values:
                yield Claim(who, ".".join(place.at), place.kind.name, place.steps, values)

    def go(self, here: Place, root: Place, path: Path) -> Place:
        """Where the path leads, into children and links as their names turn up."""
        kind, steps, at = root if path.from_root else here
        keys = list(path.keys)
        while keys:
            key = keys.pop(0)
            at = (*at, key)
            attached = self.parts.get(kind.name, {}).get(key) if not steps else None
            if attached is None:
                steps = (*steps, key)
                continue
            kind, steps = self.kinds[attached.collection], ()
            if attached.shape == "map" and keys:
                at = (*at, keys.pop(0))
        return Place(kind, steps, at)

    def inside(self, place: Place) -> Place:
        """Each item of the list at the place; records of an attached list have nothing around them."""
        return place._replace(steps=(*place.steps, EACH) if place.steps else ())


def _words(leaf: Leaf) -> Iterator[str]:
    """The texts that a property is compared with, or said to hold where it is absent: it must be able to hold them."""
    said: list[Any] = [leaf.default]
    if leaf.op in ("equals", "notEquals", "in", "notIn", "contains", "notContains"):
        said.append(leaf.expected)
    for value in said:
        yield from (word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str))


def _categories(leaf: Leaf) -> tuple[str, ...]:
    named = [leaf.expected.get("category", []), leaf.expected.get("categories", [])]
    return tuple(word for one in named for word in ([one] if isinstance(one, str) else one))
