"""Microsoft Graph: collections, items and singletons of the estate's `graph`, in v1.0 and beta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.filters import keep
from azscan.emulator.options import Options
from azscan.emulator.paging import Item, Pager
from azscan.emulator.replies import Reply, encode, graph_error
from azscan.emulator.roles import Roles, pattern

# First segments of paths that Graph knows: a collection below them that the estate leaves out is empty.
_KNOWN = frozenset(
    (
        "users",
        "groups",
        "serviceprincipals",
        "applications",
        "directoryroles",
        "directoryroletemplates",
        "rolemanagement",
        "identity",
        "policies",
        "reports",
        "organization",
        "domains",
        "directory",
        "auditlogs",
        "identityprotection",
        "identitygovernance",
        "subscribedskus",
        "oauth2permissiongrants",
        "groupsettings",
        "devices",
        "contracts",
        "admin",
        "security",
    )
)
_NAMES = ("id", "userPrincipalName", "appId", "displayName")


class Graph:
    """Graph's reads."""

    def __init__(self, estate: Estate, options: Options, pager: Pager, roles: Roles) -> None:
        self._pager = pager
        self._roles = roles
        self._places = {_place(key): value for key, value in estate.graph.items()}
        self._permissions = {key: tuple(value) for key, value in options.graph_permissions.items()}
        self._ids = {
            place: {str(item[name]).lower(): item for name in _NAMES for item in value if item.get(name)}
            for place, value in self._places.items()
            if isinstance(value, list)
        }

    def answer(self, asked: Asked) -> Reply:
        """The answer to a GET of Graph."""
        version, _, rest = asked.path.strip("/").partition("/")
        if version.lower() not in ("v1.0", "beta"):
            return graph_error(400, "BadRequest", f"Invalid version: {version}.")
        place = rest.strip("/").lower()
        asked.kind = f"{version.lower()}/{place}"
        refused = self._check_permission(asked, place)
        if refused is not None:
            return refused
        found = self._places.get(asked.kind, self._places.get(place))
        if found is None and version.lower() == "beta":
            found = self._places.get(f"v1.0/{place}")
        denied = self._roles.denied(asked.kind, asked.kind, place)
        if denied == "403" or (denied == "filter" and not isinstance(found, list)):
            return _denied()
        if isinstance(found, list):
            return self._collection(asked, [] if denied == "filter" else found)
        if found is not None:
            context = f"{asked.base}/{version}/$metadata#{rest}/$entity"
            return Reply(200, encode({"@odata.context": context, **_shown(found, asked)}))
        return self._item(asked, version.lower(), place)

    def _collection(self, asked: Asked, found: list[Any]) -> Reply:
        wanted = asked.option("filter")
        kept = [(at + 1, one) for at, one in enumerate(found) if not wanted or keep(wanted, one)]
        items = [Item(at, encode(_shown(one, asked))) for at, one in kept]
        context = f"{asked.base}{asked.path.rstrip('/')}".replace("/v1.0/", "/v1.0/$metadata#")
        first = b'"@odata.context":' + encode(context) + b","
        if asked.option("count").lower() == "true":
            first += b'"@odata.count":' + str(len(items)).encode() + b","
        return self._pager.cut(asked, items, "@odata.nextLink", first)

    def _item(self, asked: Asked, version: str, place: str) -> Reply:
        """An item of a collection by its id, a collection below an item, or Graph's word that there is none."""
        holder, _, name = place.rpartition("/")
        for key in (f"{version}/{holder}", holder, f"v1.0/{holder}"):
            if name in self._ids.get(key, {}):
                return Reply(200, encode(_shown(self._ids[key][name], asked)))
        first = place.split("/")[0]
        last = place.rsplit("/", 1)[-1]
        if first not in _KNOWN:
            return graph_error(400, "BadRequest", f"Resource not found for the segment '{first}'.")
        is_collection = last.endswith("s") and not last.endswith(("settings", "policy"))
        if self._under_item(place) or (is_collection and self._has_no_unknown_id(place)):
            return self._collection(asked, [])
        words = f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
        return graph_error(404, "Request_ResourceNotFound", words)

    def _under_item(self, place: str) -> bool:
        """Whether a path goes on below an item that is there ("directoryRoles/{id}/members")."""
        parts = place.split("/")
        for cut in range(1, len(parts) - 1):
            known = self._ids.get("v1.0/" + "/".join(parts[:cut])) or self._ids.get("/".join(parts[:cut])) or {}
            if parts[cut] in known:
                return True
        return False

    def _has_no_unknown_id(self, place: str) -> bool:
        return not any(len(part) == 36 and part.count("-") == 4 for part in place.split("/"))

    def _check_permission(self, asked: Asked, place: str) -> Reply | None:
        held = {*(asked.claims.get("roles") or ()), *str(asked.claims.get("scp") or "").split()}
        for glob, wanted in self._permissions.items():
            if pattern(_place(glob)).match(asked.kind) or pattern(_place(glob)).match(place):
                if held.isdisjoint(wanted) and "*" not in held:
                    return _denied()
                return None
        return None


def _denied() -> Reply:
    words = "Insufficient privileges to complete the operation."
    return graph_error(403, "Authorization_RequestDenied", words)


def _place(key: str) -> str:
    return key.strip("/").lower()


def _shown(item: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """An item with what `$select` and `$expand` ask for, without what is sent only when asked."""
    selected = {name.strip().lower() for name in asked.option("select").split(",") if name.strip()}
    expanded = {name.split("(")[0].strip().lower() for name in asked.option("expand").split(",") if name.strip()}
    hidden = {str(name).lower() for name in item.get("$hidden") or ()}
    shown = {}
    for key, value in item.items():
        low = key.lower()
        if key[:1] == "$" or (low in hidden and low not in selected | expanded):
            continue
        if selected and low not in selected | expanded and key != "@odata.type":
            continue
        shown[key] = value
    return shown
