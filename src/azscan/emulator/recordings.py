"""Recorded answers as an estate: every object they hold, and each recorded URL as it was answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from azscan.emulator.addresses import read_address
from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate, Replay
from azscan.emulator.options import Options
from azscan.emulator.replies import Reply, encode
from azscan.errors import UsageError

# Recorders put a word where the subscription stood; a GUID takes its place in ids and URLs.
PLACEHOLDERS = {
    b"%3CAZURE_SUBSCRIPTION_ID%3E": b"aaaaaaaa-0000-4000-8000-00000000000a",
    b"<AZURE_SUBSCRIPTION_ID>": b"aaaaaaaa-0000-4000-8000-00000000000a",
    b"AZURE_SUBSCRIPTION_ID": b"bbbbbbbb-0000-4000-8000-00000000000b",
}
HOSTS = {"management.azure.com": "arm", "graph.microsoft.com": "graph"}
PASSING = frozenset((429, 500, 502, 503, 504))
_LINKS = ("nextLink", "@odata.nextLink", "@nextLink")
_HOST = re.compile(r"^https://(management\.azure\.com|graph\.microsoft\.com)(:443)?(?=/)", re.IGNORECASE)


def harvest(folder: str | Path) -> Estate:
    """The estate of a folder of recordings. Of an object that occurs often, the fullest is kept."""
    folder = Path(folder)
    names = sorted(folder.glob("*.json"))
    if not names:
        raise UsageError(f"{folder} holds no recordings", hint="it must be a folder of *.json files")
    objects: dict[str, tuple[tuple[int, str, int], dict[str, Any]]] = {}
    graph: dict[str, Any] = {}
    replays: dict[str, Replay] = {}
    for name in names:
        for record in _records(name):
            service = HOSTS.get(record["host"])
            if service is None:
                continue
            _note_replay(replays, service, record)
            body = record.get("body")
            if record["status"] >= 300 or body is None:
                continue
            if service == "graph":
                _note_graph(graph, record)
            else:
                _note_objects(objects, record["url"], body)
    resources = [body for _, body in objects.values()]
    return Estate(resources=resources, graph=graph, replays=replays)


class Replays:
    """Sends recorded answers to the very URLs that they were recorded for, in any case.

    Where one URL was answered differently, passing errors (429, 5xx) come first and once each, then a success.
    """

    def __init__(self, estate: Estate, options: Options) -> None:
        self._replays = {} if options.replay == "none" else estate.replays
        self._wanted = options.replay
        self._sent: dict[str, int] = {}

    def answer(self, asked: Asked) -> Reply | None:
        """The recorded answer, or None where there is none that is to be replayed."""
        if not self._replays:
            return None
        key = _key(asked.method, asked.service, f"{asked.path}?{asked.raw_query}", asked.body)
        found = self._replays.get(key)
        if found is None:
            return None
        sent = self._sent.get(key, 0)
        self._sent[key] = sent + 1
        if sent < len(found.before):
            found = found.before[sent]
        if found.status < 300 and (self._wanted == "errors" or (self._wanted == "objects" and found.is_list)):
            return None
        asked.kind = asked.address.type if asked.address.types else asked.kind
        return Reply(found.status, _local(found.body, asked), dict(found.headers), found.is_list)


def _records(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes()
    for word, guid in PLACEHOLDERS.items():
        text = text.replace(word, guid)
    try:
        return list(msgspec.json.decode(text)["records"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a file of recordings: {error}") from None


def _note_replay(replays: dict[str, Replay], service: str, record: Mapping[str, Any]) -> None:
    sent = record.get("request_body")
    key = _key(record["method"], service, record["url"], encode(sent) if sent is not None else b"")
    body = record.get("body")
    status = int(record["status"])
    text = encode(body) if body is not None else str(record.get("text") or "").encode()
    headers = {str(name).lower(): str(value) for name, value in (record.get("headers") or {}).items()}
    is_list = isinstance(body, list) or (isinstance(body, dict) and isinstance(body.get("value"), list))
    new, old = Replay(status, headers, text, is_list), replays.get(key)
    replays[key] = new if old is None else _joined(old, new)


def _joined(old: Replay, new: Replay) -> Replay:
    """Two answers to one URL as one: what passes goes before, a success stays last, and the first of its kind."""
    before = old.before
    kept, other = (new, old) if new.status < 300 <= old.status else (old, new)
    if kept.status in PASSING and other.status not in PASSING:
        kept, other = other, kept
    if other.status in PASSING and kept.status not in PASSING and other.status not in {one.status for one in before}:
        before = (*before, replace(other, before=()))
    return replace(kept, before=before)


def _note_graph(graph: dict[str, Any], record: Mapping[str, Any]) -> None:
    place = str(record["url"]).split("?")[0].strip("/")
    body = record["body"]
    if record["method"] != "GET" or not isinstance(body, dict):
        return
    if not isinstance(body.get("value"), list):
        graph.setdefault(place, body)
        return
    held = graph.setdefault(place, [])
    known = {item.get("id") for item in held}
    held.extend(item for item in body["value"] if isinstance(item, dict) and item.get("id") not in known)


def _note_objects(objects: dict[str, tuple[tuple[int, str, int], dict[str, Any]]], url: str, body: Any) -> None:
    path, _, query = url.partition("?")
    asked = read_address(path).key
    version = re.search(r"api-version=([^&]*)", query)
    for depth, found in _walk(body):
        identifier, kind = found.get("id"), found.get("type")
        if not isinstance(identifier, str) or not isinstance(kind, str) or not identifier.strip("/"):
            continue
        key = read_address(identifier).key
        if not key.startswith(("/subscriptions/", "/providers/")):
            continue
        near = 3 if key == asked else 2 if depth <= 1 else 1
        rank = (near, version.group(1) if version else "", len(found))
        held = objects.get(key)
        if held is None or rank > held[0]:
            objects[key] = (rank, found)


def _walk(value: Any, depth: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every object in a body with how many objects it lies in; the items of `value` count as top."""
    if isinstance(value, dict):
        yield depth, value
        for one in value.values():
            yield from _walk(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one, depth)


def _key(method: str, service: str, url: str, body: bytes) -> str:
    path, _, query = url.partition("?")
    sent = ""
    if body:
        try:
            sent = encode(msgspec.json.decode(body)).decode()
        except msgspec.DecodeError:
            sent = body.decode("utf-8", "replace")
    return f"{method} {service} {_plain(path)}?{_plain(query)} {sent}".lower()


def _plain(text: str) -> str:
    """A part of a URL with its escapes undone, so that one spelling stands for all."""
    return unquote(text.replace("+", " "))


def _local(body: bytes, asked: Asked) -> bytes:
    """A recorded body with its next link pointing here, as a client may follow it to no other host."""
    if not any(link.encode() in body for link in _LINKS):
        return body
    decoded = msgspec.json.decode(body)
    if not isinstance(decoded, dict):
        return body
    for link in _LINKS:
        if isinstance(decoded.get(link), str):
            decoded[link] = _HOST.sub(asked.base, decoded[link])
    return encode(decoded)
