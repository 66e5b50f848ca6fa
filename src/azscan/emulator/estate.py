"""The estate that the emulator answers from, as JSON.

    {"format": 1,
     "cloud": "AzureCloud",
     "tenant": {"id": "…", "displayName": "Contoso", "defaultDomain": "contoso.example"},
     "identity": {"clientId": "…", "clientSecret": "…", "objectId": "…", "name": "…", "type": "servicePrincipal",
                  "graphPermissions": ["Policy.Read.All"]},
     "subscriptions": [{"subscriptionId": "…", "displayName": "…", "state": "Enabled", "managementGroup": "root"}],
     "resources": [{"id": "/subscriptions/…", "type": "…", …}, …],
     "lists": {"Microsoft.Web/sites": {"omit": ["properties.siteConfig"], "null": ["identity"]}},
     "types": ["Microsoft.Search/searchServices"],
     "providers": {"Microsoft.Sql": "NotRegistered", "<subscription id>": {"Microsoft.Web": "Unregistered"}},
     "roles": [{"scope": "/subscriptions/…", "actions": ["*/read"], "notActions": []}],
     "policyStates": [{"resourceId": "…", "policyAssignmentId": "…", "complianceState": "NonCompliant", …}],
     "resourceGraph": {"securityresources": [{…}]},
     "graph": {"v1.0/users": [{"id": "…"}], "v1.0/policies/authorizationPolicy": {…}}}

Only `format` is required, and an `id` in every resource. `resources` holds ARM objects as a get answers them,
children, extensions and management groups too, in any order. Keys that begin with `$` never leave: `$list`
({"omit": […], "null": […]}) makes a list answer less than a get, `$expand` ({"instanceView": {…}}) is merged in
when the query asks for it, `$listed` (true, false) overrules whether the generic resource list shows the object.
In place of a date {"$days": -200} is the moment 200 days before the file is read, in ISO 8601; with "as": "unix" it is
Unix seconds.
A date may stand at a distance from today: {"$days": -30} is ISO 8601, {"$days": 90, "as": "unix"} seconds.
In `graph` a list is a collection and an object is a singleton; an item's `$hidden` names the properties that
are sent only when `$select` or `$expand` asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from azscan.emulator import dates
from azscan.emulator.index import Index
from azscan.emulator.options import Role, made
from azscan.emulator.saved import is_saved, read_saved
from azscan.errors import UsageError

FORMAT = 1
TENANT = "11111111-1111-4111-8111-111111111111"
IDENTITY = {
    "clientId": "22222222-2222-4222-8222-222222222222",
    "clientSecret": "emulator-secret",
    "objectId": "33333333-3333-4333-8333-333333333333",
    "name": "azscan-reader",
    "type": "servicePrincipal",
}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "cloud": str,
    "tenant": dict,
    "identity": dict,
    "subscriptions": list,
    "resources": list,
    "lists": dict,
    "types": (list, dict),
    "providers": dict,
    "roles": list,
    "policyStates": list,
    "resourceGraph": dict,
    "graph": dict,
}
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Replay:
    """A recorded answer, sent for the very URL that it was recorded for, once those `before` it were."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_list: bool = False
    before: tuple[Replay, ...] = ()


@dataclass
class Estate:
    """Everything there is to read. `replays` maps "METHOD service path?query" in lower case to a recorded answer."""

    resources: Sequence[Mapping[str, Any]] = ()
    tenant: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    subscriptions: Sequence[Mapping[str, Any]] = ()
    graph: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Any] = field(default_factory=dict)
    types: Sequence[str] | Mapping[str, Any] = ()
    providers: Mapping[str, Any] = field(default_factory=dict)
    roles: Sequence[Role] | None = None
    policy_states: Sequence[Mapping[str, Any]] = ()
    resource_graph: Mapping[str, Any] = field(default_factory=dict)
    cloud: str = "AzureCloud"
    replays: Mapping[str, Replay] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tenant = {"id": TENANT, "displayName": "Contoso", "defaultDomain": "contoso.example", **self.tenant}
        self.identity = {**IDENTITY, **self.identity}

    def index(self) -> Index:
        """A fresh index of the resources: an emulator deletes from its own."""
        return Index(self.resources, self.lists)

    @cached_property
    def known_subscriptions(self) -> dict[str, dict[str, Any]]:
        """The subscriptions by lower-case id: those declared, then those that ids name and that are GUIDs."""
        found: dict[str, dict[str, Any]] = {}
        for entry in self.subscriptions:
            key = str(entry.get("subscriptionId") or str(entry["id"]).rsplit("/", 1)[-1]).lower()
            found[key] = self._subscription(key, entry)
        for body in self.resources:
            parts = str(body["id"]).lower().split("/", 3)
            if len(parts) > 2 and parts[1] == "subscriptions" and parts[2] not in found and _GUID.fullmatch(parts[2]):
                found[parts[2]] = self._subscription(parts[2], {})
        return found

    def _subscription(self, key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        full = {
            "id": f"/subscriptions/{key}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": key,
            "tenantId": self.tenant["id"],
            "displayName": f"Subscription {key[:8]}",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "EnterpriseAgreement_2014-09-01",
                "spendingLimit": "Off",
            },
            **entry,
        }
        return {**full, "id": f"/subscriptions/{full['subscriptionId']}"}

    @property
    def is_recorded(self) -> bool:
        """Whether it was harvested from recordings, where ids and versions follow no rule of ours."""
        return bool(self.replays)


def load_estate(path: str | Path) -> Estate:
    """The estate of a JSON file or of a saved estate (SQLite). Raises UsageError, in words, where it is not one."""
    path = Path(path)
    try:
        with path.open("rb") as handle:
            head = handle.read(16)
        if is_saved(head):
            return read_estate(read_saved(path), str(path))
        return read_estate(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="name an estate as JSON, or a saved one, with --from",
        ) from error


def demo_estate() -> Estate:
    """The estate that ships with azscan."""
    return read_estate(demo_parts(), "the demo estate")


def demo_parts() -> dict[str, Any]:
    """The shipped estate put together from its parts: one file per service, `_estate.json` for what they share."""
    whole: dict[str, Any] = {}
    folder = files("azscan.emulator").joinpath("demo")
    for part in sorted(folder.iterdir(), key=lambda each: each.name):
        if not part.name.endswith(".json"):
            continue
        for key, value in _decode(part.read_bytes(), f"the demo's {part.name}").items():
            if isinstance(value, list):
                whole.setdefault(key, []).extend(value)
            elif isinstance(value, dict):
                whole.setdefault(key, {}).update(value)
            else:
                whole[key] = value
    return whole


def read_estate(source: bytes | Mapping[str, Any], name: str = "the estate") -> Estate:
    """The estate that a JSON text or a decoded mapping describes. Raises UsageError with what is wrong with it."""
    data = source if isinstance(source, Mapping) else _decode(source, name)
    hint = "the format is described in docs/emulator.md"
    if data.get("format") != FORMAT:
        found = "no `format`" if "format" not in data else f"format {data['format']!r}"
        raise UsageError(f"{name} has {found}; this azscan reads format {FORMAT}", hint=hint)
    for key, kind in _KINDS.items():
        if data.get(key) is not None and not isinstance(data[key], kind):
            wanted = "a list" if kind is list else "a text" if kind is str else "an object"
            raise UsageError(f"{name}: `{key}` must be {wanted}", hint=hint)
    unknown = sorted(set(data) - set(_KINDS) - {"format"})
    if unknown:
        raise UsageError(f"{name} has unknown keys: {', '.join(unknown)}", hint=hint)
    for at, body in enumerate(data.get("resources") or ()):
        if not isinstance(body, Mapping) or not isinstance(body.get("id"), str) or not body["id"].strip("/"):
            raise UsageError(f"{name}: resource {at + 1} has no `id`", hint=hint)
    for place, value in (data.get("graph") or {}).items():
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, Mapping) for item in items):
            raise UsageError(f"{name}: graph '{place}' must be an object or a list of objects", hint=hint)
    for at, entry in enumerate(data.get("subscriptions") or ()):
        if not isinstance(entry, Mapping) or not (entry.get("subscriptionId") or entry.get("id")):
            raise UsageError(f"{name}: subscription {at + 1} has no `subscriptionId`", hint=hint)
    return Estate(
        resources=data.get("resources") or (),
        tenant=data.get("tenant") or {},
        identity=data.get("identity") or {},
        subscriptions=data.get("subscriptions") or (),
        graph=data.get("graph") or {},
        lists=data.get("lists") or {},
        types=data.get("types") or (),
        providers=data.get("providers") or {},
        roles=_roles(data.get("roles"), name),
        policy_states=data.get("policyStates") or (),
        resource_graph=data.get("resourceGraph") or {},
        cloud=data.get("cloud") or "AzureCloud",
    )


def _roles(given: Sequence[Any] | None, name: str) -> list[Role] | None:
    try:
        return None if given is None else [made(Role, role) for role in given]
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.hint) from None


def _decode(text: bytes, name: str) -> Mapping[str, Any]:
    hint = "it must be an estate as docs/emulator.md says"
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is not JSON: {error}", hint="it must be an estate as docs/emulator.md says") from None
    if not isinstance(data, dict):
        raise UsageError(f"{name} is JSON, but not an object", hint=hint)
    return dates.resolve(data) if dates.MARK.encode() in text else data
