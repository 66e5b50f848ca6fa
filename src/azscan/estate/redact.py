"""Secrets are taken out of what Azure sent before anything is stored; a marker tells set from empty."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from azscan.estate.secret_names import Named, named
from azscan.estate.secret_values import Shape, shapes_in, shows_secret

MARKER = "(redacted by azscan)"
MAX_DEPTH = 100
_SEGMENT = re.compile(r"\['([^']+)'\]|(\[\*\]|[^.\[\]]+)")
# Members that name what stands in the member beside them.
_PAIRS = (("name", "value"), ("key", "value"), ("Name", "Value"), ("Key", "Value"), ("name", "defaultValue"))
# What an item of a list is called, and where its secret lies.
_CALLED = frozenset({"name", "type", "secretref"})
# Where an object of a secret's name says what it refers to: the secret is there, not here.
_REFERENCE = frozenset({"id", "keyname", "keyversion", "kind", "name", "referencename", "secretname", "type"})
# It may also say when it was made and when it ends.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
# Checks ask whether a web app is made of several containers; what follows lists their variables.
_CONTAINERS = re.compile(r"(?i:compose|kube)\|")


def redacted(body: Any, paths: Sequence[tuple[str, ...]] = ()) -> tuple[Any, bytes]:
    """The body without its secrets, changed in place, and the same as encoded JSON.

    `paths` are those that the collection names (`redact:`), split into segments; `[*]` and `*` stand for every
    item or member. What is empty stays empty, so that a check can still tell set from unset. A body that is nested
    deeper than any resource becomes null, which is no object to anyone who reads it: unreadable.
    """
    try:
        encoded = msgspec.json.encode(body)
    except RecursionError:
        return None, b"null"
    # A nested body has as many brackets: most have fewer, and are not looked through.
    if encoded.count(b"{") + encoded.count(b"[") > MAX_DEPTH and _is_too_deep(body):
        return None, b"null"
    for path in paths:
        _redact_path(body, path)
    holder = [body]
    if _clean(holder, shapes_in(encoded)) or paths:
        encoded = msgspec.json.encode(holder[0])
    return holder[0], encoded


def _is_too_deep(body: Any) -> bool:
    """True beyond MAX_DEPTH, where what walks a body would run out of stack and take the whole scan with it."""
    layer = [body]
    for _ in range(MAX_DEPTH):
        layer = [
            inner
            for each in layer
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) is dict or type(inner) is list
        ]
        if not layer:
            return False
    return True


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    """`properties.a[*].b.*` and `tags['a.b']` as the segments that `redacted` takes."""
    return tuple(quoted or segment for quoted, segment in _SEGMENT.findall(path))


# by name and by value


def _clean(holder: Any, shapes: list[Shape]) -> bool:
    """Take the secrets out of a map or a list; True where there were any."""
    is_map = type(holder) is dict
    changed = is_map and _clean_pair(holder)
    for place, value in holder.items() if is_map else enumerate(holder):
        kind = type(value)
        if is_map and value and kind is not bool and (says := named(place)):
            value = holder[place] = _by_name(says, value)
            kind = type(value)
            changed = True
        if kind is dict or kind is list:
            changed = _clean(value, shapes) or changed
        elif shapes and kind is str and shows_secret(value, shapes):
            holder[place] = _hidden(value)
            changed = True
    return changed


def _hidden(text: str) -> str:
    kept = _CONTAINERS.match(text)
    return f"{kept.group()}{MARKER}" if kept else MARKER


def _by_name(says: Named, value: Any) -> Any:
    """What is left of a member by its name alone."""
    if says is Named.SECRET:
        return _mark_secret(value)
    if says is Named.FREE_INSIDE and not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [_mark(item, _CALLED) for item in value]
    return _mark(value)


def _clean_pair(members: dict[str, Any]) -> bool:
    """{"name": "DB_PASSWORD", "value": …}: what the name says of its member, it says of the value beside it."""
    for called, beside in _PAIRS:
        if beside in members:
            name = members.get(called)
            if type(name) is str and members[beside] and named(name) is Named.SECRET:
                members[beside] = _mark_secret(members[beside])
                return True
    return False


def _mark_secret(value: Any) -> Any:
    """A secret is marked; of an object that is about one, names, ids and moments stay."""
    if isinstance(value, dict):
        return {
            name: inner
            if isinstance(inner, str) and (name.lower() in _REFERENCE or _MOMENT.fullmatch(inner))
            else _mark_secret(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_mark_secret(inner) for inner in value]
    return _mark(value)


def _mark(value: Any, spared: Collection[str] = ()) -> Any:
    if isinstance(value, dict):
        return {
            name: inner if name.lower() in spared and isinstance(inner, str) else _mark(inner, spared)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_mark(inner, spared) for inner in value]
    return value if value in (None, "") or isinstance(value, bool) else MARKER


# by path


def _redact_path(value: Any, path: tuple[str, ...]) -> None:
    if not path or value is None:
        return
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        if head != "[*]":
            # A list that the path does not mention: better taken out of every item than of none.
            for item in value:
                _redact_path(item, path)
        elif rest:
            for item in value:
                _redact_path(item, rest)
        else:
            value[:] = [_mark(item) for item in value]
    elif isinstance(value, dict):
        for name in [name for name in value if head in ("*", name) or head.lower() == name.lower()]:
            if rest:
                _redact_path(value[name], rest)
            else:
                value[name] = _mark(value[name])
