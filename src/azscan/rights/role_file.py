"""A role definition in a file, in any form in which Azure's tools write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from azscan.errors import UsageError

_NAMES = {"actions": "actions", "notactions": "notActions"}


class RoleFile(msgspec.Struct, frozen=True):
    """The roles of a file together: their names, and their permissions (actions, notActions), one entry for each."""

    names: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]


def read_role_file(path: str) -> RoleFile:
    """What a file says of a role; several roles in it count as held together. UsageError where it is none.

    It may be what `az role definition create` takes, what Azure Resource Manager answers, or what `az role definition
    list` prints: https://learn.microsoft.com/azure/role-based-access-control/custom-roles#input-and-output-formats
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name a role as JSON") from error
    try:
        document = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=_hint()) from error
    # ARM answers a list in `value`.
    listed = document.get("value") if isinstance(document, dict) and "value" in document else document
    roles = listed if isinstance(listed, list) else [listed]
    if not roles:
        raise UsageError(f"{path} holds no role", hint=_hint())
    found = [_role(path, each) for each in roles]
    return RoleFile(tuple(name for name, _ in found), tuple(entry for _, entries in found for entry in entries))


def _role(path: str, role: Any) -> tuple[str, list[dict[str, Any]]]:
    if not isinstance(role, dict):
        raise UsageError(f"{path} is not a role definition", hint=_hint())
    inner = _lower(role)
    if isinstance(inner.get("properties"), dict):
        inner = {**inner, **_lower(inner["properties"])}
    blocks = inner.get("permissions", [inner])
    if not isinstance(blocks, list) or not all(isinstance(each, dict) and "actions" in _lower(each) for each in blocks):
        raise UsageError(f"{path} is not a role definition: it has no Actions", hint=_hint())
    name = inner.get("rolename") or inner.get("name") or ""
    return (name if isinstance(name, str) else ""), [dict(_entry(path, _lower(each))) for each in blocks]


def _entry(path: str, block: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, name in _NAMES.items():
        value = block.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise UsageError(f"{path}: {name} must be a list of actions", hint=_hint())
        yield name, value


def _lower(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in mapping.items()}


def _hint() -> str:
    return "save one with: az role definition list --name NAME --output json"
