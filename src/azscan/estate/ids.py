"""ARM ids, compared by segments in any case."""

from __future__ import annotations

from typing import NamedTuple


class ResourceId(NamedTuple):
    """The pieces of an ARM id; each is "" where the id has none. `type` keeps the id's own spelling."""

    subscription: str
    resource_group: str
    type: str
    name: str


def key_of(resource_id: str) -> str:
    """The form in which two spellings of one id are equal: lower case, one leading slash, no trailing one."""
    return "/" + resource_id.strip().strip("/").lower()


def parse_id(resource_id: str) -> ResourceId:
    """The subscription, group, type and name that an ARM id states.

    The last `providers/` names the type, so an extension's type is the extension's.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    segments = resource_id.strip().strip("/").split("/")
    lowered = [segment.lower() for segment in segments]
    subscription = segments[1] if len(segments) > 1 and lowered[0] == "subscriptions" else ""
    group = segments[3] if len(segments) > 3 and lowered[2] == "resourcegroups" else ""
    if "providers" in lowered:
        start = len(lowered) - 1 - lowered[::-1].index("providers")
        tail = segments[start + 1 :]
        if len(tail) >= 3:
            return ResourceId(subscription, group, "/".join([tail[0], *tail[1::2]]), tail[-1])
    if group:
        return ResourceId(subscription, group, "Microsoft.Resources/resourceGroups", group)
    if subscription and len(segments) == 4:
        return ResourceId(subscription, "", f"Microsoft.Resources/subscriptions/{segments[2]}", segments[3])
    if subscription:
        return ResourceId(subscription, "", "Microsoft.Resources/subscriptions", subscription)
    return ResourceId("", "", "", segments[-1])


def ancestors(resource_id: str) -> list[str]:
    """The id's key and the keys of all scopes above it, nearest first; subscriptions and groups are scopes."""
    key = key_of(resource_id)
    found = [key]
    segments = key.strip("/").split("/")
    while len(segments) > 2:
        segments = segments[:-2]
        if segments[-2:-1] != ["providers"] and segments[-1] != "providers":
            found.append("/" + "/".join(segments))
    if key.startswith("/subscriptions/") and f"/subscriptions/{key.split('/')[2]}" not in found:
        found.append(f"/subscriptions/{key.split('/')[2]}")
    return found


def region_of(location: object) -> str:
    """A region's name as Azure's ids spell it: `West Europe` and `westeurope` are one; no location is "global"."""
    return location.replace(" ", "").lower() if isinstance(location, str) and location else "global"
