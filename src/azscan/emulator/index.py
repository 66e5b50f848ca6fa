"""What an estate holds, indexed by id, type, parent and scope, each object encoded once."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from azscan.emulator.addresses import Address, is_below, read_address, written_type
from azscan.emulator.tracked import is_tracked

encode = msgspec.json.encode
decode = msgspec.json.decode

GROUP_TYPE = "microsoft.resources/resourcegroups"
GENERIC = ("id", "name", "type", "kind", "managedBy", "location", "tags", "identity", "sku", "plan", "zones")


class Node:
    """One object: its place, and its body as a get, as a list, and as the generic resource list send it."""

    __slots__ = ("address", "expansions", "generic", "gone", "listed", "order", "raw", "type")

    def __init__(self, order: int, address: Address, written: str, body: dict[str, Any], lists: Any) -> None:
        private = {key: body[key] for key in body if key[:1] == "$"}
        sent = {key: value for key, value in body.items() if key[:1] != "$"} if private else body
        self.order = order
        self.address = address
        self.type = written
        self.raw = encode(sent)
        self.expansions: Mapping[str, Any] = private.get("$expand") or {}
        self.gone = False
        self.listed = self.raw
        rules = [rule for rule in (lists, private.get("$list")) if rule]
        if rules:
            self.listed = encode(_as_listed(decode(self.raw), rules))
        self.generic = b""
        shown = private.get("$listed")
        if is_tracked(address, sent) if shown is None else shown:
            self.generic = encode({key: sent[key] for key in GENERIC if sent.get(key) is not None})

    @property
    def body(self) -> dict[str, Any]:
        """The object as a get answers it, decoded anew."""
        return dict(decode(self.raw))


class Index:
    """All objects of an estate. Lists keep the order of the estate; a deleted object is marked and skipped."""

    def __init__(self, resources: Iterable[Mapping[str, Any]], lists: Mapping[str, Any] | None = None) -> None:
        self.by_key: dict[str, Node] = {}
        self.children: dict[tuple[str, str], list[Node]] = {}
        self.by_subscription: dict[tuple[str, str], list[Node]] = {}
        self.generic: dict[str, list[Node]] = {}
        self.types: dict[str, str] = {}
        self.groups: dict[str, dict[str, Node]] = {}
        self.ancestors: set[str] = set()
        self._lists = {key.lower(): value for key, value in (lists or {}).items()}
        self._made: dict[tuple[str, str], tuple[str, str]] = {}
        self._order = 0
        self.version = 0
        with _without_collection():
            for body in resources:
                self.add(body)
            self._make_groups()

    def add(self, body: Mapping[str, Any]) -> Node:
        """Index one object by its `id`; a later object of the same id replaces the earlier."""
        address = read_address(str(body["id"]))
        written = str(body.get("type") or "")
        if address.namespace and written.lower() != address.type:
            written = written_type(str(body["id"]))
        if address.group and not address.namespace and not address.rest:
            return self._add_group(address, body)
        self._order += 1
        self.version += 1
        node = Node(self._order, address, written or address.type, dict(body), self._lists.get(address.type))
        old = self.by_key.get(address.key)
        if old is not None:
            old.gone = True
        self.by_key[address.key] = node
        for kind in {address.type, self._declared(address, body)}:
            self.types.setdefault(kind, str(body.get("type") or written or kind))
            self.children.setdefault((address.parent, kind), []).append(node)
            if address.subscription:
                self.by_subscription.setdefault((address.subscription, kind), []).append(node)
        if node.generic:
            self.generic.setdefault(address.subscription, []).append(node)
        self._note_parents(address, body)
        return node

    def delete(self, identifier: str) -> int:
        """Delete an object and all below it; returns how many went."""
        key = read_address(identifier).key
        self.version += 1
        gone = [node for name, node in self.by_key.items() if is_below(name, key)]
        for node in gone:
            node.gone = True
            del self.by_key[node.address.key]
        self.ancestors = {name for name in self.ancestors if not is_below(name, key)}
        groups = self.groups.get(read_address(key).subscription, {})
        group = next((node for node in groups.values() if node.address.key == key), None)
        if group is not None:
            groups.pop(group.address.group).gone = True
            return len(gone) + 1
        return len(gone)

    def subscriptions(self) -> list[str]:
        """The subscriptions that occur in ids, in the order of their first object."""
        return list(self.groups)

    def nodes(self) -> Iterator[Node]:
        """Every object that is still there, groups not among them."""
        return iter(self.by_key.values())

    def has_parent(self, address: Address) -> bool:
        """Whether what an address hangs on is there, or something else hangs on it too."""
        return address.parent in self.by_key or address.parent in self.ancestors

    def _declared(self, address: Address, body: Mapping[str, Any]) -> str:
        """The type that the object itself states, where a list at the scope would go by it."""
        stated = str(body.get("type") or "").lower()
        if stated.count("/") == 1 and stated.split("/")[0] == address.namespace and len(address.types) > 1:
            return stated if address.types[0] == "locations" else address.type
        return address.type

    def _note_parents(self, address: Address, body: Mapping[str, Any]) -> None:
        key = address.key
        for _ in range(len(address.types) - 1):
            key = key.rsplit("/", 2)[0]
            self.ancestors.add(key)
        if address.depth > 1 and address.scope not in self.ancestors:
            self.ancestors.add(address.scope)
            self._note_parents(read_address(address.scope), {"id": body["id"]})
        if address.subscription:
            self.groups.setdefault(address.subscription, {})
            if address.group:
                place = (address.subscription, address.group)
                if place not in self._made:
                    written = str(body["id"]).strip("/").split("/")[3]
                    self._made[place] = (written, str(body.get("location") or "westeurope"))

    def _add_group(self, address: Address, body: Mapping[str, Any]) -> Node:
        written = str(body["id"]).strip("/").split("/")[3]
        full = {"type": "Microsoft.Resources/resourceGroups", "name": written, **body}
        full.setdefault("properties", {"provisioningState": "Succeeded"})
        self._order += 1
        node = Node(self._order, address, "Microsoft.Resources/resourceGroups", full, None)
        self.groups.setdefault(address.subscription, {})[address.group] = node
        self._made[(address.subscription, address.group)] = (written, "")
        return node

    def _make_groups(self) -> None:
        """A resource group for every group that only ids of resources name."""
        for (subscription, group), (written, location) in list(self._made.items()):
            if group not in self.groups[subscription]:
                identifier = f"/subscriptions/{subscription}/resourceGroups/{written}"
                body = {"id": identifier, "location": location.replace(" ", "").lower()}
                self._add_group(read_address(identifier), body)


@contextmanager
def _without_collection() -> Iterator[None]:
    """The garbage collector off: it finds nothing among hundreds of thousands of new objects, and takes its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _as_listed(body: dict[str, Any], rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """An object as a list sends it: paths left out, or null, as the rules say."""
    for rule in rules:
        for path in rule.get("omit") or ():
            holder, last = _holder(body, path)
            if holder is not None:
                holder.pop(last, None)
        for path in rule.get("null") or ():
            holder, last = _holder(body, path)
            if holder is not None:
                holder[last] = None
    return body


def _holder(body: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    *way, last = path.split(".")
    at: Any = body
    for step in way:
        at = at.get(step) if isinstance(at, dict) else None
    return (at, last) if isinstance(at, dict) else (None, last)
