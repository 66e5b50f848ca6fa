"""Management groups: what stands above a subscription, and what below a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azscan.emulator.estate import Estate
from azscan.emulator.index import Index, Node

GROUPS = "Microsoft.Management/managementGroups"
GROUP_KEY = "/providers/microsoft.management/managementgroups/"


class Hierarchy:
    """The tree of management groups, from the groups' `properties.details.parent` and the subscriptions' own word."""

    def __init__(self, estate: Estate, index: Index) -> None:
        self._estate = estate
        self._index = index

    def above(self, subscription: str) -> Sequence[str]:
        """The names of the management groups above a subscription, nearest first, in lower case."""
        entry = self._estate.known_subscriptions.get(subscription, {})
        name = str(entry.get("managementGroup") or "").lower()
        found: list[str] = []
        while name and name not in found:
            found.append(name)
            node = self._index.by_key.get(GROUP_KEY + name)
            name = _parent(node.body) if node is not None else ""
        return found

    def title(self, name: str) -> str:
        """A management group's display name, or its name."""
        node = self._index.by_key.get(GROUP_KEY + name)
        return str((node.body.get("properties") or {}).get("displayName") or name) if node is not None else name

    def reaching(self, subscription: str) -> Sequence[str]:
        """The management groups from which a role reaches a subscription: those above it, and the root group.

        The root group's name is the tenant's id, and it is there whether the estate describes it or not:
        https://learn.microsoft.com/azure/governance/management-groups/overview
        """
        return (*self.above(subscription), str(self._estate.tenant["id"]).lower())

    def nodes(self) -> list[Node]:
        """All management groups of the estate."""
        return [node for node in self._index.children.get(("", GROUPS.lower()), ()) if not node.gone]

    def children(self, name: str, deep: bool) -> list[dict[str, Any]]:
        """The groups and subscriptions right below a group, with theirs if `deep`."""
        found: list[dict[str, Any]] = []
        for node in self.nodes():
            body = node.body
            if _parent(body) != name:
                continue
            own = node.address.names[0]
            title = (body.get("properties") or {}).get("displayName", body.get("name"))
            child = {"id": body["id"], "type": GROUPS, "name": body.get("name", own), "displayName": title}
            if deep:
                child["children"] = self.children(own, True)
            found.append(child)
        for key, entry in self._estate.known_subscriptions.items():
            if str(entry.get("managementGroup") or "").lower() == name:
                title = entry["displayName"]
                found.append({"id": entry["id"], "type": "/subscriptions", "name": key, "displayName": title})
        return found

    def descendants(self, name: str) -> list[dict[str, Any]]:
        """All groups and subscriptions below a management group, as ARM lists them."""
        found: list[dict[str, Any]] = []
        for child in self.children(name, False):
            shown = {"displayName": child["displayName"], "parent": {"id": f"/providers/{GROUPS}/{name}"}}
            found.append({"id": child["id"], "type": child["type"], "name": child["name"], "properties": shown})
            if child["type"] != "/subscriptions":
                found += self.descendants(str(child["name"]).lower())
        return found


def _parent(body: dict[str, Any]) -> str:
    details = (body.get("properties") or {}).get("details") or {}
    return str((details.get("parent") or {}).get("id") or "").rsplit("/", 1)[-1].lower()
