"""What reports say of a resource: its id, its name, where it lies, and who manages it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from azscan.catalog.builtin import RESOURCE_GROUPS
from azscan.estate.ids import ResourceId, key_of, parse_id, region_of
from azscan.estate.store import Estate, Row
from azscan.results import ResourceRef


def region_at(parsed: ResourceId, document: Mapping[str, Any]) -> str:
    """The region that a resource's own JSON names, as `westeurope`; "" where it names none."""
    if parsed.type == "Microsoft.Resources/subscriptions/locations":
        return region_of(parsed.name)
    return region_of(document["location"]) if document.get("location") else ""


def managers(estate: Estate) -> Mapping[str, str]:
    """Who manages whole resource groups: the group's key → the id of the resource (an AKS cluster's node group)."""
    found = {}
    for row in estate.rows(RESOURCE_GROUPS.name):
        group = msgspec.json.decode(row.body)
        if isinstance(group, dict) and isinstance(group.get("managedBy"), str) and group["managedBy"]:
            found[key_of(row.id_as_sent)] = group["managedBy"]
    return found


def _manager(parsed: ResourceId, document: Mapping[str, Any], managed: Mapping[str, str]) -> str:
    own = document.get("managedBy")
    # A disk names the machine that it is attached to in the same member: nobody manages it for that.
    if isinstance(own, str) and own and parse_id(own).type.lower() != "microsoft.compute/virtualmachines":
        return own
    if not managed or not parsed.resource_group:
        return ""
    return managed.get(key_of(f"/subscriptions/{parsed.subscription}/resourcegroups/{parsed.resource_group}"), "")


def reference(row: Row, document: Mapping[str, Any], managed: Mapping[str, str]) -> ResourceRef:
    """What a report says of a resource: its id as Azure sent it, and the pieces that the id states.

    `managed` are the managers of resource groups.
    """
    parsed = parse_id(row.id_as_sent)
    name = document.get("name") or document.get("displayName") or document.get("userPrincipalName")
    kind = document.get("type") or document.get("@odata.type")
    return ResourceRef(
        id=row.id_as_sent,
        name=name if isinstance(name, str) else parsed.name,
        type=parsed.type or (kind if isinstance(kind, str) else ""),
        subscription=row.subscription,
        resource_group=parsed.resource_group,
        region=region_at(parsed, document),
        managed_by=_manager(parsed, document, managed),
    )
