"""ARM's own lists: subscriptions, tenants, groups, resources, locations, providers, permissions, hierarchy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.filters import keep
from azscan.emulator.index import Index, decode
from azscan.emulator.options import Options
from azscan.emulator.paging import Item, Pager
from azscan.emulator.providers import Registrations
from azscan.emulator.replies import Reply, answer, encode, error, forbidden, group_not_found, resource_not_found
from azscan.emulator.roles import Roles

GROUPS = "Microsoft.Management/managementGroups"
GROUP_KEY = "/providers/microsoft.management/managementgroups/"


class Scopes:
    """What stands above resources: the answers that come from no single object of the estate."""

    def __init__(
        self,
        estate: Estate,
        options: Options,
        index: Index,
        roles: Roles,
        pager: Pager,
        registrations: Registrations,
    ) -> None:
        self._estate = estate
        self._options = options
        self._index = index
        self._roles = roles
        self._pager = pager
        self._registrations = registrations

    def answer(self, asked: Asked) -> Reply:
        """The answer to a path that names a scope or one of ARM's own lists."""
        address = asked.address
        rest, subscription = address.rest, address.subscription
        if address.namespace:
            return self._provider(asked, address.namespace)
        if subscription and address.group:
            return self._group(asked)
        if subscription:
            known = {
                (): self._subscription,
                ("resources",): self._resources,
                ("resourcegroups",): self._groups,
                ("locations",): self._locations,
                ("providers",): self._providers,
            }.get(rest)
            if known is not None:
                return known(asked)
        elif rest in (("subscriptions",), ("tenants",), ("providers",)):
            return self._top(asked, rest[0])
        if rest in (("tagnames",), ("deployments",)):
            return self._pager.cut(asked, [])
        return resource_not_found(asked.path, "")

    def permissions(self, asked: Asked) -> Reply:
        """The caller's effective permissions at a scope, where Azure is set to tell them."""
        scope = asked.address.scope
        allowed = self._options.permissions_at
        if allowed == "nowhere" or (allowed == "groups" and scope.count("/") < 4):
            words = "The resource type 'permissions' could not be found in the namespace 'Microsoft.Authorization'."
            return error(404, "InvalidResourceType", words)
        return answer({"value": self._roles.effective(scope)})

    def groups_of(self, subscription: str) -> Sequence[str]:
        """The names of the management groups above a subscription, nearest first, in lower case."""
        entry = self._estate.known_subscriptions.get(subscription, {})
        name = str(entry.get("managementGroup") or "").lower()
        found: list[str] = []
        while name and name not in found:
            found.append(name)
            name = _parent_group(self._group_body(name))
        return found

    def management(self, asked: Asked) -> Reply:
        """Management groups: their list, one of them, and their descendants."""
        address = asked.address
        kinds, names = address.types, address.names
        if kinds[0] != "managementgroups":
            return resource_not_found(asked.path, "")
        if not names:
            visible = [
                node
                for node in self._index.children.get(("", GROUPS.lower()), ())
                if not node.gone and self._roles.touches(node.address.key)
            ]
            return self._pager.cut(asked, [Item(node.order, node.listed) for node in visible])
        action = f"{GROUPS}/read"
        if self._roles.may(action, GROUP_KEY + names[0], GROUPS.lower()) != "yes":
            return forbidden(asked.who, action, asked.path)
        node = self._index.by_key.get(GROUP_KEY + names[0])
        if node is None:
            words = f"The management group '{names[0]}' could not be found."
            return error(404, "NotFound", words)
        if len(kinds) == 1:
            body = node.body
            if "children" in asked.option("expand").lower():
                deep = asked.option("recurse").lower() == "true"
                body.setdefault("properties", {})["children"] = self._children(names[0], deep)
            return Reply(200, encode(body))
        found = self._descendants(names[0])
        if kinds[1] == "subscriptions":
            found = [one for one in found if one["type"] == "/subscriptions"]
        return self._pager.cut(asked, [Item(at + 1, encode(one)) for at, one in enumerate(found)])

    def _top(self, asked: Asked, name: str) -> Reply:
        if name == "tenants":
            tenant = self._estate.tenant
            body = {"id": f"/tenants/{tenant['id']}", "tenantId": tenant["id"], "displayName": tenant["displayName"]}
            return answer({"value": [{**body, "tenantCategory": "Home", "defaultDomain": tenant["defaultDomain"]}]})
        if name == "providers":
            found = [self._registrations.describe("", one) for one in self._registrations.namespaces()]
            return answer({"value": found})
        own = asked.claims.get("tid", self._estate.tenant["id"])
        shown = [
            _public(entry)
            for key, entry in self._estate.known_subscriptions.items()
            if entry["tenantId"] == own and self._roles.touches(f"/subscriptions/{key}")
        ]
        items = [Item(at + 1, encode(entry)) for at, entry in enumerate(shown)]
        first = encode({"type": "Total", "value": len(items)})
        return self._pager.cut(asked, items, first=b'"count":' + first + b",")

    def _subscription(self, asked: Asked) -> Reply:
        key = asked.address.subscription
        entry = self._estate.known_subscriptions.get(key)
        if entry is None or not self._roles.touches(f"/subscriptions/{key}"):
            return forbidden(asked.who, "Microsoft.Resources/subscriptions/read", asked.path)
        return answer(_public(entry))

    def _resources(self, asked: Asked) -> Reply:
        """The generic list: tracked resources without their properties, forbidden ones left out."""
        address = asked.address
        asked.kind = "microsoft.resources/resources"
        scope = f"/subscriptions/{address.subscription}" + (f"/resourcegroups/{address.group}" if address.group else "")
        action = f"Microsoft.Resources/subscriptions/{'resourceGroups/' if address.group else ''}resources/read"
        denied = self._roles.denied(action, address.key, asked.kind)
        if denied == "403" or not self._roles.touches(scope):
            return forbidden(asked.who, action, scope)
        nodes = [node for node in self._index.generic.get(address.subscription, ()) if not node.gone]
        if address.group:
            nodes = [node for node in nodes if node.address.group == address.group]
        if not self._roles.unlimited:
            allowed = self._roles.may
            nodes = [n for n in nodes if allowed(f"{n.type}/read", n.address.key, n.address.type) == "yes"]
        wanted = asked.option("filter")
        items = [] if denied == "filter" else [Item(node.order, node.generic) for node in nodes]
        if wanted:
            items = [item for item in items if keep(wanted, decode(item.body))]
        return self._pager.cut(asked, items)

    def _groups(self, asked: Asked) -> Reply:
        address = asked.address
        asked.kind = "microsoft.resources/resourcegroups"
        action = "Microsoft.Resources/subscriptions/resourceGroups/read"
        denied = self._roles.denied(action, address.key, asked.kind)
        scope = f"/subscriptions/{address.subscription}"
        if denied == "403" or not self._roles.touches(scope):
            return forbidden(asked.who, action, scope)
        nodes = sorted(self._index.groups.get(address.subscription, {}).values(), key=lambda node: node.order)
        shown = [node for node in nodes if denied == "yes" and self._may_see_group(action, node.address.key)]
        return self._pager.cut(asked, [Item(node.order, node.listed) for node in shown])

    def _group(self, asked: Asked) -> Reply:
        address = asked.address
        node = self._index.groups.get(address.subscription, {}).get(address.group)
        if node is None:
            return group_not_found(asked.path.strip("/").split("/")[3])
        if address.rest == ("resources",):
            return self._resources(asked)
        if address.rest:
            return resource_not_found(asked.path, "")
        action = "Microsoft.Resources/subscriptions/resourceGroups/read"
        if not self._may_see_group(action, address.key):
            return forbidden(asked.who, action, asked.path)
        return Reply(200, node.raw)

    def _may_see_group(self, action: str, key: str) -> bool:
        return self._roles.may(action, key, "microsoft.resources/resourcegroups") == "yes"

    def _locations(self, asked: Asked) -> Reply:
        subscription = asked.address.subscription
        action = "Microsoft.Resources/subscriptions/locations/read"
        if self._roles.denied(action, asked.address.key) != "yes" or not self._roles.touches(
            f"/subscriptions/{subscription}"
        ):
            return forbidden(asked.who, action, f"/subscriptions/{subscription}")
        stored = [
            node
            for node in self._index.by_subscription.get((subscription, ""), ())
            if node.address.rest[:1] == ("locations",)
        ]
        if stored:
            return self._pager.cut(asked, [Item(node.order, node.listed) for node in stored])
        used = {decode(node.generic)["location"] for node in self._index.generic.get(subscription, ())}
        names = sorted({name.replace(" ", "").lower() for name in used} - {"global"} | {"westeurope", "northeurope"})
        items = [Item(at + 1, encode(_location(subscription, name))) for at, name in enumerate(names)]
        return self._pager.cut(asked, items)

    def _providers(self, asked: Asked) -> Reply:
        subscription = asked.address.subscription
        known = self._registrations
        found = [known.describe(subscription, namespace) for namespace in known.namespaces()]
        return self._pager.cut(asked, [Item(at + 1, encode(one)) for at, one in enumerate(found)])

    def _provider(self, asked: Asked, namespace: str) -> Reply:
        if namespace not in self._registrations.namespaces() and not re.fullmatch(r"\w+(\.\w+)+", namespace):
            return error(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        return answer(self._registrations.describe(asked.address.subscription, namespace))

    def _group_body(self, name: str) -> dict[str, Any]:
        node = self._index.by_key.get(GROUP_KEY + name)
        return node.body if node is not None else {}

    def _descendants(self, name: str) -> list[dict[str, Any]]:
        """All groups and subscriptions below a management group, nearest first."""
        found: list[dict[str, Any]] = []
        for child in self._children(name, False):
            parent = {"id": f"/providers/{GROUPS}/{name}"}
            shown = {"displayName": child["displayName"], "parent": parent}
            found.append({"id": child["id"], "type": child["type"], "name": child["name"], "properties": shown})
            if child["type"] != "/subscriptions":
                found += self._descendants(child["name"].lower())
        return found

    def _children(self, name: str, deep: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for node in self._index.children.get(("", GROUPS.lower()), ()):
            body = node.body
            if node.gone or _parent_group(body) != name:
                continue
            own = node.address.names[0]
            title = (body.get("properties") or {}).get("displayName", body.get("name"))
            child = {"id": body["id"], "type": GROUPS, "name": body.get("name", own), "displayName": title}
            if deep:
                child["children"] = self._children(own, True)
            found.append(child)
        for key, entry in self._estate.known_subscriptions.items():
            if str(entry.get("managementGroup") or "").lower() == name:
                title = entry["displayName"]
                found.append({"id": entry["id"], "type": "/subscriptions", "name": key, "displayName": title})
        return found


def _parent_group(body: dict[str, Any]) -> str:
    details = (body.get("properties") or {}).get("details") or {}
    return str((details.get("parent") or {}).get("id") or "").rsplit("/", 1)[-1].lower()


def _public(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "managementGroup" and key[:1] != "$"}


def _location(subscription: str, name: str) -> dict[str, Any]:
    title = re.sub(r"(north|south|east|west|central)", r" \1 ", name).title().strip()
    title = re.sub(r"\s+", " ", title)
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": title,
        "regionalDisplayName": title,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }
