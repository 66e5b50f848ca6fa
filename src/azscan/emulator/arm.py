"""Azure Resource Manager: gets, lists, children, extensions and scopes over the estate's objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from azscan.emulator.addresses import Address, is_below, written_type
from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.filters import keep
from azscan.emulator.hierarchy import Hierarchy
from azscan.emulator.index import Index, Node, decode
from azscan.emulator.kinds import CONFIGURED, EXACT, INHERITED, OPEN, REACHING_DOWN, SINGLETONS, read_action
from azscan.emulator.options import Options
from azscan.emulator.paging import Item, Pager
from azscan.emulator.providers import Registrations
from azscan.emulator.replies import (
    Reply,
    encode,
    error,
    forbidden,
    group_not_found,
    not_registered,
    parent_not_found,
    resource_not_found,
    subscription_not_found,
)
from azscan.emulator.roles import Roles
from azscan.emulator.scopes import Scopes

KEPT_LISTS = 64
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-zA-Z]+|\.\d+\.\d+)?")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Arm:
    """ARM's reads. Everything it answers comes from the index, in the caller's rights."""

    def __init__(
        self, estate: Estate, options: Options, index: Index, roles: Roles, pager: Pager, hierarchy: Hierarchy
    ) -> None:
        self._estate = estate
        self._options = options
        self._index = index
        self._roles = roles
        self._pager = pager
        self.registrations = Registrations(estate, options, index)
        self._hierarchy = hierarchy
        self._lists: dict[str, tuple[int, Sequence[Item]]] = {}
        self._scopes = Scopes(estate, options, index, roles, pager, self.registrations, hierarchy)
        self._versions = {key.lower(): tuple(value) for key, value in options.strict_api.items()}
        declared = estate.types if isinstance(estate.types, Sequence) else list(estate.types)
        self._declared = {name.lower() for name in declared}

    def answer(self, asked: Asked) -> Reply:
        """The answer to a GET."""
        address = asked.address
        refused = self._check_version(asked) or self._check_subscription(address)
        if refused is not None:
            return refused
        if not address.types:
            return self._scopes.answer(asked)
        if address.type == "microsoft.authorization/permissions":
            return self._scopes.permissions(asked)
        if address.namespace == "microsoft.management":
            return self._scopes.management(asked)
        refused = self._check_registered(asked)
        if refused is not None:
            return refused
        is_list = address.is_list and address.key not in self._index.by_key
        return self._list(asked) if is_list else self._get(asked)

    def action(self, asked: Asked) -> str:
        """The RBAC action that a read takes, in the letters of the estate's type."""
        address = asked.address
        written = self._index.types.get(address.type, "")
        if written.lower() != address.type:
            written = written_type(asked.path) or address.type
        return read_action(written)

    def _get(self, asked: Asked) -> Reply:
        address = asked.address
        node = self._index.by_key.get(address.key) or self._inherited(address)
        action = self.action(asked)
        is_open = address.type in OPEN and self._roles.denied(action, address.key, address.type) == "yes"
        if not is_open and self._roles.may(action, address.key, address.type) != "yes":
            return forbidden(asked.who, action, asked.path)
        if node is not None:
            return Reply(200, self._expanded(asked, node, node.raw))
        if address.type == "microsoft.authorization/roledefinitions":
            made = self._roles.definition(address.names[-1], address.subscription)
            if made is not None:
                return Reply(200, encode(made))
        return self._why_not(asked) or resource_not_found(asked.path, self._group_name(asked))

    def _list(self, asked: Asked) -> Reply:
        address = asked.address
        action = self.action(asked)
        scope = address.parent
        denied = self._roles.denied(action, address.key, address.type)
        if denied == "403":
            return forbidden(asked.who, action, f"{scope}/providers/{address.namespace}")
        allowed = self._roles.granted(action, scope)
        is_filtered = self._is_filtered(address) and self._roles.touches(scope)
        if self._roles.refuses(action, scope) or not (allowed or is_filtered):
            return forbidden(asked.who, action, asked.path.rsplit("/", 1)[0] if len(address.types) < 2 else scope)
        refused = self._why_not(asked) or self._check_known(asked)
        if refused is not None:
            return refused
        asked.kind = address.type
        if self._roles.unlimited and not asked.option("expand") and not asked.option("filter"):
            return self._pager.cut(asked, self._whole(address))
        nodes: Iterable[Node] = () if denied == "filter" else self._found(address)
        if not self._roles.unlimited:
            nodes = [node for node in nodes if self._roles.shows(action, node.address.key, address.type)]
        return self._page(asked, nodes)

    def _whole(self, address: Address) -> Sequence[Item]:
        """A list as anyone may see it, kept while nothing changes: the next page needs it again."""
        held = self._lists.get(address.key)
        if held is None or held[0] != self._index.version:
            if len(self._lists) >= KEPT_LISTS:
                self._lists.clear()
            items = [Item(node.order, node.listed) for node in self._found(address)]
            held = self._lists[address.key] = (self._index.version, items)
        return held[1]

    def _page(self, asked: Asked, nodes: Iterable[Node]) -> Reply:
        items = [Item(node.order, node.listed) for node in nodes]
        if asked.option("expand"):
            items = [Item(node.order, self._expanded(asked, node, node.listed)) for node in nodes]
        wanted = asked.option("filter")
        if wanted:
            items = self._filtered(asked, items, wanted)
        elif asked.address.type == "microsoft.authorization/roledefinitions":
            made = self._roles.definitions(asked.address.subscription)
            items += [Item(10**9 + at, encode(body)) for at, body in enumerate(made)]
        return self._pager.cut(asked, items)

    def _filtered(self, asked: Asked, items: list[Item], wanted: str) -> list[Item]:
        """What a filter keeps; a clause that cannot be understood keeps everything.

        Microsoft.Authorization filters by scope, by principal and by properties under their bare names, so `type` is
        the role's own:
        https://learn.microsoft.com/azure/role-based-access-control/role-definitions-list#rest-api,
        https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope,
        https://learn.microsoft.com/rest/api/policyauthorization/policy-assignments/list
        """
        address = asked.address
        if address.namespace != "microsoft.authorization":
            return [item for item in items if keep(wanted, decode(item.body))]
        low = wanted.lower().replace(" ", "")
        bodies = [(item, decode(item.body)) for item in items]
        if "atscope()" in low:
            bodies = [(item, body) for item, body in bodies if not _is_under(body, address.scope)]
        elif "atexactscope()" in low:
            bodies = [(item, body) for item, body in bodies if _scope_of(body) == address.scope]
        items = [item for item, body in bodies if keep(wanted, _bare(body))]
        found = re.search(r"(?:assignedto\(|principalideq)'([^']+)'", low)
        if found:
            principal = found.group(1)
            # Groups are not looked into: who is assigned by one of them is not found.
            held = {item.order for item, body in bodies if str(_bare(body).get("principalId")).lower() == principal}
            items = [item for item in items if item.order in held]
            own = str(asked.who.get("oid", ""))
            is_own = principal == own.lower() and address.type == "microsoft.authorization/roleassignments"
            # Roles that the caller is held to stand in place of those that the estate has on record.
            if is_own and not (items and self._roles.everything):
                made = self._roles.assignments(address.subscription, own)
                items = [Item(10**9 + at, encode(body)) for at, body in enumerate(made)]
        return items

    def _found(self, address: Address) -> list[Node]:
        """The objects of a list, in the order of the estate."""
        index, kind = self._index, address.type
        if len(address.types) > 1:
            return [node for node in index.children.get((address.parent, kind), ()) if not node.gone]
        scope = address.scope
        if scope == f"/subscriptions/{address.subscription}" or scope.endswith(f"/resourcegroups/{address.group}"):
            nodes = index.by_subscription.get((address.subscription, kind), ())
            found = [node for node in nodes if not node.gone and self._belongs(node.address, scope, kind)]
        else:
            found = [node for node in index.children.get((scope, kind), ()) if not node.gone]
        if kind in INHERITED:
            above = ["", *(f"/providers/microsoft.management/managementgroups/{g}" for g in self._groups(address))]
            for place in above if scope else ():
                found += [node for node in index.children.get((place, kind), ()) if not node.gone]
            found.sort(key=lambda node: node.order)
        return found

    @staticmethod
    def _belongs(address: Address, scope: str, kind: str) -> bool:
        if kind in REACHING_DOWN:
            return is_below(address.scope, scope)
        if kind in EXACT or address.depth != 1:
            return address.scope == scope
        return address.scope == scope or is_below(address.scope, scope)

    def _is_filtered(self, address: Address) -> bool:
        """Whether ARM filters this list item by item for a caller who has something below its scope only."""
        at_scope = address.depth == 1 and len(address.types) == 1 and bool(address.subscription)
        return at_scope and address.namespace not in CONFIGURED and address.type not in EXACT

    def _inherited(self, address: Address) -> Node | None:
        """A definition asked at a subscription that stands above it."""
        if address.type not in INHERITED or not address.subscription:
            return None
        return self._index.by_key.get(f"/providers/{address.type}/{address.names[-1]}")

    def _groups(self, address: Address) -> Sequence[str]:
        return self._hierarchy.above(address.subscription) if address.subscription else ()

    def _why_not(self, asked: Asked) -> Reply | None:
        """The 404 for a group, a scope or a parent that is not there; None where all of them are."""
        address = asked.address
        if address.group and address.group not in self._index.groups.get(address.subscription, {}):
            return group_not_found(self._group_name(asked))
        if address.depth > 1 and not self._is_there(address.scope):
            return resource_not_found(asked.path[: len(address.scope)], self._group_name(asked))
        if len(address.types) < 2 or address.types[0] == "locations" or self._index.has_parent(address):
            return None
        root = "/".join(address.key.split("/")[: address.scope.count("/") + 5])
        if self._is_there(root) and address.parent.rsplit("/", 1)[-1] in SINGLETONS:
            return None
        if self._is_there(root) and not address.is_list:
            return None
        kind = "/".join(written_type(asked.path).split("/")[1:-1]) or address.types[0]
        return parent_not_found(kind, asked.path[: len(root)])

    def _is_there(self, key: str) -> bool:
        if key in self._index.by_key or key in self._index.ancestors:
            return True
        parts = key.split("/")
        if len(parts) == 5 and parts[3] == "resourcegroups":
            return parts[4] in self._index.groups.get(parts[2], {})
        return key.startswith("/providers/microsoft.management/") or len(parts) == 3

    def _check_known(self, asked: Asked) -> Reply | None:
        address = asked.address
        if address.type in self._index.types or address.type in self._declared:
            return None
        if self._options.lenient_types or self._estate.is_recorded:
            if re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)+", address.namespace):
                return None
            return error(404, "InvalidResourceNamespace", f"The resource namespace '{address.namespace}' is invalid.")
        kind = "/".join(written_type(asked.path).split("/")[1:])
        namespace = written_type(asked.path).split("/")[0]
        words = f"The resource type '{kind}' could not be found in the namespace '{namespace}' for api version"
        return error(404, "InvalidResourceType", f"{words} '{asked.query.get('api-version')}'.")

    def _check_version(self, asked: Asked) -> Reply | None:
        version = asked.option("api-version")
        if not version:
            words = "The api-version query parameter (?api-version=) is required for all requests."
            return error(400, "MissingApiVersionParameter", words)
        if self._estate.is_recorded:
            return None
        if not _VERSION.fullmatch(version):
            return error(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
        known = self._versions.get(asked.address.type)
        if known is None or version in known:
            return None
        kind = "/".join(written_type(asked.path).split("/")[1:])
        return error(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{version}' for type "
            f"'{kind}'. The supported api-versions are '{', '.join(known)}'. The supported locations are ''.",
        )

    def _check_subscription(self, address: Address) -> Reply | None:
        subscription = address.subscription
        if not subscription or subscription in self._estate.known_subscriptions or subscription in self._index.groups:
            return None
        if not _GUID.fullmatch(subscription):
            words = f"The provided subscription identifier '{subscription}' is malformed or invalid."
            return error(400, "InvalidSubscriptionId", words)
        return subscription_not_found(subscription)

    def _check_registered(self, asked: Asked) -> Reply | None:
        address = asked.address
        state = self.registrations.state(address.subscription, address.namespace)
        if state == "registered" or not address.subscription:
            return None
        if self._options.not_registered == "empty" and address.is_list:
            return self._pager.cut(asked, [])
        return not_registered(written_type(asked.path).split("/")[0], state)

    @staticmethod
    def _expanded(asked: Asked, node: Node, body: bytes) -> bytes:
        wanted = asked.option("expand").lower() if node.expansions else ""
        found = [more for name, more in node.expansions.items() if wanted and name.lower() in wanted]
        return encode(_merged(decode(body), found)) if found else body

    @staticmethod
    def _group_name(asked: Asked) -> str:
        return asked.path.strip("/").split("/")[3] if asked.address.group else ""


def _merged(body: dict[str, Any], more: Iterable[dict[str, Any]]) -> dict[str, Any]:
    for one in more:
        for key, value in one.items():
            held = body.get(key)
            both = isinstance(held, dict) and isinstance(value, dict)
            body[key] = _merged(held, [value]) if both and isinstance(held, dict) else value
    return body


def _is_under(held: dict[str, Any], scope: str) -> bool:
    """Whether an assignment stands below a scope, not at it or above."""
    at = _scope_of(held)
    return at != scope and at.startswith(scope + "/")


def _scope_of(held: dict[str, Any]) -> str:
    return str(held["id"]).lower().rsplit("/providers/", 1)[0].rstrip("/")


def _bare(held: dict[str, Any]) -> dict[str, Any]:
    """A record of Microsoft.Authorization with its properties under the names that its filters give them."""
    properties = held.get("properties") or {}
    return {**held, "category": (properties.get("metadata") or {}).get("category"), **properties}
