"""ARM's own lists: subscriptions, tenants, groups, resources, locations, providers, permissions, hierarchy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from azscan.emulator.addresses import written_type
from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.filters import keep
from azscan.emulator.hierarchy import GROUP_KEY, GROUPS, Hierarchy
from azscan.emulator.index import Index, Node, decode
from azscan.emulator.kinds import read_action
from azscan.emulator.options import Options
from azscan.emulator.paging import Item, Pager
from azscan.emulator.providers import Registrations
from azscan.emulator.replies import Reply, answer, encode, error, forbidden, group_not_found, resource_not_found
from azscan.emulator.roles import Roles


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
        hierarchy: Hierarchy,
    ) -> None:
        self._estate = estate
        self._options = options
        self._index = index
        self._roles = roles
        self._pager = pager
        self._registrations = registrations
        self._hierarchy = hierarchy
        self._lists: dict[str, tuple[int, Sequence[Item]]] = {}

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
        return self._stored(asked)

    def permissions(self, asked: Asked) -> Reply:
        """The caller's effective permissions at a scope, where Azure is set to tell them."""
        scope = asked.address.scope
        allowed = self._options.permissions_at
        if allowed == "nowhere" or (allowed == "groups" and scope.count("/") < 4):
            words = "The resource type 'permissions' could not be found in the namespace 'Microsoft.Authorization'."
            return error(404, "InvalidResourceType", words)
        action = "Microsoft.Authorization/permissions/read"
        if self._roles.touches(scope) and not self._roles.touches(scope, action):
            return forbidden(asked.who, action, scope)
        return answer({"value": self._roles.effective(scope)})

    def management(self, asked: Asked) -> Reply:
        """Management groups: their list, one of them, and their descendants."""
        address = asked.address
        kinds, names = address.types, address.names
        if kinds[0] != "managementgroups" or len(names) > 1:
            return self._of_group(asked)
        action = f"{GROUPS}/{'descendants/' if 'descendants' in kinds else ''}read"
        denied = self._roles.denied(action, address.key, address.type)
        if denied == "403":
            return forbidden(asked.who, action, asked.path)
        if denied == "filter" and address.is_list:
            return self._pager.cut(asked, [])
        if not names:
            visible = [node for node in self._hierarchy.nodes() if self._roles.touches(node.address.key)]
            return self._pager.cut(asked, [Item(node.order, node.listed) for node in visible])
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
                body.setdefault("properties", {})["children"] = self._hierarchy.children(names[0], deep)
            return Reply(200, encode(body))
        found = self._hierarchy.descendants(names[0])
        if kinds[1] == "subscriptions":
            found = [one for one in found if one["type"] == "/subscriptions"]
        return self._pager.cut(asked, [Item(at + 1, encode(one)) for at, one in enumerate(found)])

    def _of_group(self, asked: Asked) -> Reply:
        """What is set on a management group, by an action of its own (`managementGroups/settings/read`)."""
        address = asked.address
        action = f"{written_type(asked.path)}/read"
        if self._roles.may(action, address.key, address.type) == "yes":
            return self._stored(asked)
        return forbidden(asked.who, action, asked.path)

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
            if entry["tenantId"] == own
            and self._roles.touches(f"/subscriptions/{key}", "Microsoft.Resources/subscriptions/read")
        ]
        items = [Item(at + 1, encode(entry)) for at, entry in enumerate(shown)]
        first = encode({"type": "Total", "value": len(items)})
        return self._pager.cut(asked, items, first=b'"count":' + first + b",")

    def _subscription(self, asked: Asked) -> Reply:
        key = asked.address.subscription
        entry = self._estate.known_subscriptions.get(key)
        action = "Microsoft.Resources/subscriptions/read"
        if entry is None or self._denied(asked, action) is not None:
            return forbidden(asked.who, action, asked.path)
        return answer(_public(entry))

    def _resources(self, asked: Asked) -> Reply:
        """The generic list: tracked resources without their properties, forbidden ones left out."""
        address = asked.address
        asked.kind = "microsoft.resources/resources"
        scope = f"/subscriptions/{address.subscription}" + (f"/resourcegroups/{address.group}" if address.group else "")
        action = f"Microsoft.Resources/subscriptions/{'resourceGroups/' if address.group else ''}resources/read"
        denied = self._roles.denied(action, address.key, asked.kind)
        if denied == "403" or not self._roles.touches(scope) or self._roles.refuses(action, scope):
            return forbidden(asked.who, action, scope)
        nodes: Sequence[Node] = self._index.generic.get(address.subscription, ())
        if self._roles.unlimited and not address.group and not asked.option("filter"):
            return self._pager.cut(asked, self._whole(address.subscription, nodes))
        nodes = [node for node in nodes if not node.gone]
        if address.group:
            nodes = [node for node in nodes if node.address.group == address.group]
        if not self._roles.unlimited:
            shows = self._roles.shows
            nodes = [
                node
                for node in nodes
                if self._roles.granted(action, node.address.key)
                and shows(read_action(node.type), node.address.key, node.address.type)
            ]
        wanted = asked.option("filter")
        items = [] if denied == "filter" else [Item(node.order, node.generic) for node in nodes]
        if wanted:
            items = [item for item in items if keep(wanted, decode(item.body))]
        return self._pager.cut(asked, items)

    def _whole(self, subscription: str, nodes: Sequence[Node]) -> Sequence[Item]:
        """The whole generic list of a subscription, kept while nothing changes."""
        held = self._lists.get(subscription)
        if held is None or held[0] != self._index.version:
            items = [Item(node.order, node.generic) for node in nodes if not node.gone]
            held = self._lists[subscription] = (self._index.version, items)
        return held[1]

    def _groups(self, asked: Asked) -> Reply:
        address = asked.address
        asked.kind = "microsoft.resources/resourcegroups"
        action = "Microsoft.Resources/subscriptions/resourceGroups/read"
        denied = self._roles.denied(action, address.key, asked.kind)
        scope = f"/subscriptions/{address.subscription}"
        if denied == "403" or not self._roles.touches(scope) or self._roles.refuses(action, scope):
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
            return self._stored(asked)
        action = "Microsoft.Resources/subscriptions/resourceGroups/read"
        if not self._may_see_group(action, address.key):
            return forbidden(asked.who, action, asked.path)
        return Reply(200, node.raw)

    def _denied(self, asked: Asked, action: str) -> Reply | None:
        """The 403, or the list with nothing in it, where a caller may not read one of ARM's own lists."""
        address = asked.address
        asked.kind = f"microsoft.resources/subscriptions/{'/'.join(address.rest)}".rstrip("/")
        denied = self._roles.denied(action, address.key, asked.kind)
        scope = f"/subscriptions/{address.subscription}"
        if denied == "403" or not self._roles.touches(scope, action):
            return forbidden(asked.who, action, scope)
        return self._pager.cut(asked, []) if denied == "filter" else None

    def _stored(self, asked: Asked) -> Reply:
        """An object of the estate whose id follows no rule, or the 404."""
        node = self._index.by_key.get(asked.address.key)
        return Reply(200, node.raw) if node is not None else resource_not_found(asked.path, "")

    def _may_see_group(self, action: str, key: str) -> bool:
        return self._roles.may(action, key, "microsoft.resources/resourcegroups") == "yes"

    def _locations(self, asked: Asked) -> Reply:
        subscription = asked.address.subscription
        denied = self._denied(asked, "Microsoft.Resources/subscriptions/locations/read")
        if denied is not None:
            return denied
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
        denied = self._denied(asked, "Microsoft.Resources/subscriptions/providers/read")
        if denied is not None:
            return denied
        known = self._registrations
        found = [known.describe(subscription, namespace) for namespace in known.namespaces()]
        return self._pager.cut(asked, [Item(at + 1, encode(one)) for at, one in enumerate(found)])

    def _provider(self, asked: Asked, namespace: str) -> Reply:
        if namespace not in self._registrations.namespaces() and not re.fullmatch(r"\w+(\.\w+)+", namespace):
            return error(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        return answer(self._registrations.describe(asked.address.subscription, namespace))


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
