"""A role definition as Azure's tools write it, assigned to the caller of an estate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from azscan.emulator.estate import Estate
from azscan.emulator.options import Role
from azscan.errors import UsageError

_GROUPS = "/providers/microsoft.management/managementgroups/"


def read_role(path: Path, estate: Estate) -> list[Role]:
    """The role of a file, assigned at each of its AssignableScopes that the estate has; UsageError where there is none.

    The file is what `az role definition create` takes, what ARM answers, or a list of either:
    https://learn.microsoft.com/azure/role-based-access-control/custom-roles#input-and-output-formats
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name a role as JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", hint="azscan role prints one") from error
    found: list[Role] = []
    for each in document if isinstance(document, list) else [document]:
        found += _assigned(path, each, estate)
    if not found:
        known = ", ".join(f"/subscriptions/{key}" for key in estate.known_subscriptions)
        raise UsageError(
            f"{path} may be assigned nowhere in this estate",
            hint=f"its AssignableScopes name none of {known}; azscan role takes --subscription",
        )
    return found


def _assigned(path: Path, role: Any, estate: Estate) -> list[Role]:
    inner = _lower(role) if isinstance(role, dict) else {}
    if isinstance(inner.get("properties"), dict):
        inner = _lower(inner["properties"])
    blocks = inner.get("permissions", [inner])
    scopes = inner.get("assignablescopes")
    if not isinstance(scopes, list) or not isinstance(blocks, list) or not all(map(_is_block, blocks)):
        raise UsageError(
            f"{path} is not a role definition: it has no Actions or no AssignableScopes", hint="azscan role prints one"
        )
    return [
        Role(str(scope), tuple(block["actions"]), tuple(block.get("notactions") or ()))
        for scope in scopes
        for block in map(_lower, blocks)
        if _is_there(str(scope).lower(), estate)
    ]


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and all(
        isinstance(value, list) and all(isinstance(each, str) for each in value)
        for value in (_lower(block).get("actions"), _lower(block).get("notactions") or [])
    )


def _is_there(scope: str, estate: Estate) -> bool:
    """Whether a scope is one of the estate: `/`, a management group, a subscription, or something in one."""
    if scope == "/" or scope.startswith(_GROUPS):
        return True
    parts = scope.split("/")
    return len(parts) > 2 and parts[1] == "subscriptions" and parts[2] in estate.known_subscriptions


def _lower(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in mapping.items()}
