"""A saved estate (SQLite) as an estate that the emulator can answer from."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from azscan.errors import UsageError

HEADER = b"SQLite format 3\x00"


def is_saved(head: bytes) -> bool:
    """Whether a file that begins so is an SQLite database."""
    return head.startswith(HEADER)


def read_saved(path: Path) -> dict[str, Any]:
    """A saved estate as a mapping of our JSON format: ARM objects by id, Graph objects by the read's URL.

    The tenant and the subscriptions are those of the scan that it was read by.
    """
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        try:
            rows = connection.execute(
                "SELECT resource.id_as_sent, resource.body, read.url FROM resource"
                " LEFT JOIN read ON read.id = resource.read_id ORDER BY resource.id"
            )
            return {**_collect(rows), **_about(connection)}
        finally:
            connection.close()
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise UsageError(f"{path} is an SQLite file, but not a saved estate of azscan: {error}") from None


def _collect(rows: Any) -> dict[str, Any]:
    resources: list[dict[str, Any]] = []
    graph: dict[str, Any] = {}
    for identifier, text, url in rows:
        body = msgspec.json.decode(text)
        place = _graph_place(url or "")
        if not isinstance(body, dict):
            continue
        if place:
            listed = graph.setdefault(place, [])
            if isinstance(listed, list):
                listed.append(body)
        else:
            if not isinstance(body.get("id"), str) or not body["id"].strip("/"):
                body = {**body, "id": identifier}
            if isinstance(body["id"], str) and body["id"].strip("/"):
                resources.append(body)
    singles = {key: value[0] if _is_singleton(key, value) else value for key, value in graph.items()}
    return {"format": 1, "resources": resources, "graph": singles}


def _about(connection: sqlite3.Connection) -> dict[str, Any]:
    """The tenant and the subscriptions that were scanned: of those left out nothing was read."""
    facts = {key: msgspec.json.decode(value) for key, value in connection.execute("SELECT key, value FROM scan")}
    subscriptions = [
        {
            "subscriptionId": each["id"],
            **({"displayName": each["name"]} if each.get("name") else {}),
            **({"state": each["state"]} if each.get("state") else {}),
        }
        for each in facts.get("subscriptions") or ()
    ]
    tenant = facts.get("tenant")
    return {"subscriptions": subscriptions, **({"tenant": {"id": tenant}} if tenant else {})}


def _graph_place(url: str) -> str:
    """The key in `graph` of a read of Microsoft Graph ("v1.0/users"), or "" for one of ARM."""
    parts = urlsplit(url).path.strip("/").split("/")
    return "/".join(parts) if parts[0].lower() in ("v1.0", "beta") else ""


def _is_singleton(place: str, rows: list[Any]) -> bool:
    last = place.rsplit("/", 1)[-1].lower()
    return len(rows) == 1 and place.split("/")[1].lower() == "policies" and last.endswith("policy")
