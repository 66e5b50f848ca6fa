"""The URLs of declared reads: every value that goes into one is checked and percent-encoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from azscan.catalog.attachments import level
from azscan.catalog.model import Collection

_SAFE = "!$&'()*+,;=:@~-._"
_PLACE = re.compile(r"\{(\w+)\}")


class NotAnId(ValueError):
    """A value that Azure sent as an id cannot stand in a URL."""


def target_of(kind: Collection, cloud: str, values: Mapping[str, str], *, detail: bool = False) -> str:
    """The path and query of a collection's read, or of the read that completes one listed record.

    `values` holds id, subscriptionId, tenantId, location, resourceGroup as far as they are known. Raises NotAnId
    where one of them could lead out of its place.
    """
    template = path_of(kind, detail=detail)
    path = _PLACE.sub(lambda place: encoded(values.get(place[1], ""), whole_id=place[1] == "id"), template)
    query = dict(kind.detail_query if detail else kind.query)
    if kind.host != "graph":
        query = {"api-version": api_of(kind, cloud), **query}
    asked = "&".join(f"{quote(name, safe='$-')}={quote(value, safe=_SAFE)}" for name, value in query.items())
    return f"{path}?{asked}" if asked else path


def path_of(kind: Collection, *, detail: bool = False) -> str:
    """The path of a collection's read, or of the one that completes a record, with places in braces."""
    if kind.kql and not detail:
        return "/providers/Microsoft.ResourceGraph/resources"
    path = kind.detail if detail else kind.list or kind.get
    return f"/{kind.version}{path}" if kind.host == "graph" else path


def request_of(kind: Collection, *, detail: bool = False) -> str:
    """The method and the path of a collection's read, for people."""
    return f"{'POST' if kind.kql and not detail else 'GET'} {path_of(kind, detail=detail)}"


def is_below_a_part(kind: Collection) -> bool:
    """Whether the read goes through a part of the parent ({id}/blobServices/default/containers).

    "The parent is not found" then says that there is no such part, not that the parent was deleted.
    """
    steps = (kind.list or kind.get).removeprefix("{id}/").split("/")
    if steps[0] == "providers":
        steps = steps[2:]
    return kind.host == "arm" and bool(kind.of) and len(steps) > (1 if kind.list else 2)


def unit_of(kind: Collection, parents: Iterable[str] = ()) -> str:
    """What each read of the collection is for: a parent (of `parents`, or any), a region, a group, a subscription …"""
    if kind.of:
        return " or ".join(sorted(parents) or kind.of)
    return kind.per.replace("_", " ") or level(kind)


def api_of(kind: Collection, cloud: str) -> str:
    """The api-version to ask in that cloud (Graph's version for Graph)."""
    return kind.version if kind.host == "graph" else kind.api.get(cloud) or kind.api[""]


def action_of(kind: Collection) -> str:
    """The RBAC action that the read needs; "" for Graph."""
    return "" if kind.host == "graph" else kind.action or f"{kind.type}/read"


def encoded(value: str, *, whole_id: bool) -> str:
    """A value as it may stand in a path: an id keeps its slashes, nothing else does."""
    segments = value.strip("/").split("/") if whole_id else [value]
    for segment in segments:
        if segment in ("", ".", "..") or any(ord(char) < 32 for char in segment) or (not whole_id and "/" in segment):
            raise NotAnId(f"{value!r} is not an id" if value else "Azure sent no id for what is to be read")
    joined = "/".join(quote(segment, safe=_SAFE) for segment in segments)
    return f"/{joined}" if whole_id and value.startswith("/") else joined
