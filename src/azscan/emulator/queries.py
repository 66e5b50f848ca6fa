"""The two queries that are sent by POST: Resource Graph and policy states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from azscan.emulator.addresses import is_below, read_address
from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.filters import keep
from azscan.emulator.hierarchy import Hierarchy
from azscan.emulator.index import Index, Node
from azscan.emulator.kinds import read_action
from azscan.emulator.kusto import QueryError, run
from azscan.emulator.replies import Reply, answer, encode, error, forbidden
from azscan.emulator.roles import Roles

RESOURCE_GRAPH = "/providers/microsoft.resourcegraph/resources"
_TABLES = {
    "securityresources": ("microsoft.security/",),
    "policyresources": ("microsoft.policyinsights/", "microsoft.authorization/policy"),
    "authorizationresources": ("microsoft.authorization/role",),
    "advisorresources": ("microsoft.advisor/",),
    "networkresources": ("microsoft.network/",),
    "recoveryservicesresources": ("microsoft.recoveryservices/", "microsoft.dataprotection/"),
}


class Queries:
    """Answers to the POSTs that only read."""

    def __init__(self, estate: Estate, index: Index, roles: Roles, hierarchy: Hierarchy) -> None:
        self._estate = estate
        self._hierarchy = hierarchy
        self._index = index
        self._roles = roles
        self._extra = {key.lower(): value for key, value in estate.resource_graph.items()}

    def answer(self, asked: Asked) -> Reply | None:
        """The answer to a query, or None where the path is none of a query's."""
        key = asked.address.key
        if key == RESOURCE_GRAPH:
            asked.kind = "microsoft.resourcegraph/resources"
            return self._resource_graph(asked)
        for name, make in (("queryresults", self._states), ("summarize", self._summary)):
            if key.endswith(f"/microsoft.policyinsights/policystates/latest/{name}"):
                asked.kind = "microsoft.policyinsights/policystates"
                return self._policy(asked, make)
        return None

    def _resource_graph(self, asked: Asked) -> Reply:
        try:
            wanted = msgspec.json.decode(asked.body)
            query = str(wanted["query"])
        except (msgspec.DecodeError, KeyError, TypeError):
            return _invalid("InvalidRequest", "The request body has no query.")
        action = "Microsoft.ResourceGraph/resources/read"
        scopes = {str(one).lower() for one in wanted.get("subscriptions") or ()}
        # Microsoft documents the action, and not whether Resource Graph asks for it: this one does.
        may_ask = any(self._roles.touches(f"/subscriptions/{one}", action) for one in scopes) if scopes else True
        if not may_ask or self._roles.denied(action, asked.address.key, asked.kind) == "403":
            return forbidden(asked.who, action, asked.path)
        try:
            table, rows = run(query, lambda name: self._table(name, scopes))
        except QueryError as fault:
            return _invalid("InvalidQuery", str(fault))
        if not query.strip() or table is None:
            return _invalid("InvalidQuery", f"Table '{query.split('|')[0].strip()}' could not be resolved.")
        return self._page(rows, wanted.get("options") or {})

    @staticmethod
    def _page(rows: list[dict[str, Any]], options: Mapping[str, Any]) -> Reply:
        size = max(1, min(int(options.get("$top") or 100), 1000))
        token = str(options.get("$skipToken") or "")
        start = int(token) if token.isdigit() else int(options.get("$skip") or 0)
        part = rows[start : start + size]
        body: dict[str, Any] = {
            "totalRecords": len(rows),
            "count": len(part),
            "data": part,
            "facets": [],
            "resultTruncated": "false",
        }
        if start + size < len(rows):
            body["$skipToken"] = str(start + size)
        if options.get("resultFormat") == "table":
            columns = list(dict.fromkeys(key for row in part for key in row))
            body["data"] = {
                "columns": [{"name": name, "type": "object"} for name in columns],
                "rows": [[row.get(name) for name in columns] for row in part],
            }
        return answer(body)

    def _table(self, name: str, scopes: set[str]) -> list[dict[str, Any]] | None:
        """The rows of a table in the caller's rights, or None where there is no such table."""
        extra = self._extra.get(name)
        found: Iterable[Node]
        if name == "resources":
            found = (node for node in self._index.nodes() if node.generic)
        elif name == "resourcecontainers":
            found = (node for groups in self._index.groups.values() for node in groups.values())
        elif name in _TABLES:
            found = (node for node in self._index.nodes() if node.address.type.startswith(_TABLES[name]))
        elif extra is None:
            return None
        else:
            found = ()
        rows = [
            self._row(node)
            for node in found
            if (not scopes or node.address.subscription in scopes)
            and self._roles.shows(read_action(node.type), node.address.key, node.address.type)
        ]
        if name == "resourcecontainers":
            rows += self._subscriptions(scopes)
        return rows + [dict(row) for row in extra or () if _in_scope(row, scopes) and self._shows(row)]

    def _subscriptions(self, scopes: set[str]) -> list[dict[str, Any]]:
        """The subscriptions, with the management groups above them, nearest first."""
        return [
            {
                "id": f"/subscriptions/{key}",
                "name": entry["displayName"],
                "type": "microsoft.resources/subscriptions",
                "subscriptionId": key,
                "tenantId": entry["tenantId"],
                "properties": {
                    "state": entry["state"],
                    "managementGroupAncestorsChain": [
                        {"name": group, "displayName": self._hierarchy.title(group)}
                        for group in self._hierarchy.above(key)
                    ],
                },
            }
            for key, entry in self._estate.known_subscriptions.items()
            if (not scopes or key in scopes) and self._roles.touches(f"/subscriptions/{key}")
        ]

    def _shows(self, row: Mapping[str, Any]) -> bool:
        """Whether the caller may see a row that the estate states by itself; one without a type is nobody's secret."""
        kind = str(row.get("type") or "")
        key = read_address(str(row.get("id") or "")).key
        return not kind or self._roles.shows(read_action(kind), key, kind.lower())

    def _row(self, node: Node) -> dict[str, Any]:
        body = node.body
        place = node.address
        return {
            **body,
            "type": str(body.get("type") or node.type).lower(),
            "resourceGroup": place.group,
            "subscriptionId": place.subscription,
            "tenantId": self._estate.tenant["id"],
        }

    def _policy(self, asked: Asked, make: Any) -> Reply:
        scope = asked.address.key.rsplit("/providers/microsoft.policyinsights/", 1)[0]
        action = "Microsoft.PolicyInsights/policyStates/queryResults/action"
        if self._roles.denied(action, scope) == "403" or not self._roles.touches(scope):
            return forbidden(asked.who, action, scope)
        states = [one for one in self._estate.policy_states if is_below(str(one.get("resourceId", "")).lower(), scope)]
        wanted = asked.option("filter")
        states = [one for one in states if not wanted or keep(wanted, one)]
        return Reply(200, encode(make(asked, states)))

    @staticmethod
    def _states(asked: Asked, states: list[Mapping[str, Any]]) -> dict[str, Any]:
        context = f"{asked.base}{asked.path.rsplit('/', 2)[0]}/$metadata#latest"
        top = asked.option("top")
        shown = states[: int(top)] if top.isdigit() else states
        return {"@odata.context": context, "@odata.count": len(shown), "@odata.nextLink": None, "value": shown}

    @staticmethod
    def _summary(asked: Asked, states: list[Mapping[str, Any]]) -> dict[str, Any]:
        context = f"{asked.base}{asked.path.rsplit('/', 2)[0]}/$metadata#summary"
        bad = [one for one in states if str(one.get("complianceState", "")).lower() == "noncompliant"]
        by_policy: dict[str, list[Mapping[str, Any]]] = {}
        for one in bad:
            by_policy.setdefault(str(one.get("policyAssignmentId", "")), []).append(one)
        summary = {
            "@odata.id": None,
            "results": _counts(bad),
            "policyAssignments": [
                {"policyAssignmentId": name, "results": _counts(found)} for name, found in by_policy.items()
            ],
        }
        return {"@odata.context": context, "@odata.count": 1, "value": [summary]}


def _counts(states: list[Mapping[str, Any]]) -> dict[str, Any]:
    resources = {str(one.get("resourceId", "")).lower() for one in states}
    policies = {str(one.get("policyDefinitionId", "")).lower() for one in states}
    return {"nonCompliantResources": len(resources), "nonCompliantPolicies": len(policies)}


def _in_scope(row: Mapping[str, Any], scopes: set[str]) -> bool:
    return not scopes or str(row.get("subscriptionId", "")).lower() in {"", *scopes}


def _invalid(code: str, words: str) -> Reply:
    more = "Please provide below info when asking for support: timestamp, correlationId."
    details = [{"code": code, "message": f"Query is invalid. {words}"}]
    return error(400, "BadRequest", more, details=details)
