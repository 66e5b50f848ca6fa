"""What the caller may read: role assignments and denials, in ARM's two manners (403, or left out of a list)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from azscan.emulator.addresses import is_below
from azscan.emulator.options import Deny, Manner, Role

Verdict = Literal["yes", "403", "filter"]
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@lru_cache(maxsize=1024)
def pattern(glob: str) -> re.Pattern[str]:
    """A glob as a pattern over the whole of a text, in any case; `[` stands for itself."""
    return re.compile(translate(glob.replace("[", "[[]")), re.IGNORECASE)


def grants(actions: Sequence[str], not_actions: Sequence[str], action: str) -> bool:
    """Whether actions with wildcards, less the not-actions, hold an action."""
    return any(pattern(one).match(action) for one in actions) and not any(
        pattern(one).match(action) for one in not_actions
    )


class Roles:
    """The caller's rights. `groups_of` gives the management groups above a subscription.

    `manner` is how ARM says that no role grants what a list at a scope takes: by a 403, or with nothing in it.
    """

    def __init__(
        self,
        roles: Sequence[Role] | None,
        deny: Sequence[Deny],
        groups_of: Callable[[str], Sequence[str]],
        manner: Manner = "filter",
    ) -> None:
        self.unlimited = roles is None and not deny
        self._roles = [Role("/", ("*/read",))] if roles is None else list(roles)
        self.everything = roles is None
        self._deny = list(deny)
        self._groups_of = groups_of
        self._manner = manner

    def may(self, action: str, key: str, kind: str = "") -> Verdict:
        """Whether the caller may perform an action on what a key names, and if not, how ARM says so."""
        denied = self.denied(action, key, kind)
        return denied if denied != "yes" else "yes" if self.granted(action, key) else "403"

    def granted(self, action: str, scope: str) -> bool:
        """Whether a role grants an action at a scope, denials aside."""
        return self.everything or any(
            grants(role.actions, role.not_actions, action) for role in self._roles if self._covers(role.scope, scope)
        )

    def denied(self, action: str, key: str, kind: str = "") -> Verdict:
        """Whether a denial names this read, the roles aside."""
        for rule in self._deny:
            if any(pattern(rule.match).match(text) for text in (action, key, kind)):
                return rule.manner
        return "yes"

    def touches(self, scope: str, action: str = "") -> bool:
        """Whether any role of the caller, or any that grants an action, lies at a scope, above it or below it."""
        return any(
            (self._covers(role.scope, scope) or is_below(role.scope.lower(), scope))
            and (not action or self.everything or grants(role.actions, role.not_actions, action))
            for role in self._roles
        )

    def refuses(self, action: str, scope: str) -> bool:
        """Whether a list at a scope is a 403 for want of a role, rather than a list with less in it."""
        return self._manner == "403" and not self.granted(action, scope)

    def shows(self, action: str, key: str, kind: str) -> bool:
        """Whether a list shows an object: a role grants its read, and nothing leaves it out.

        A path that is denied by a 403 stays in lists: it is one request that is denied, not the object.
        """
        for rule in self._deny:
            glob = pattern(rule.match)
            if glob.match(action) or glob.match(kind) or (rule.manner == "filter" and glob.match(key)):
                return False
        return self.granted(action, key)

    def effective(self, scope: str) -> list[dict[str, Any]]:
        """The permissions that hold at a scope, as the permissions list answers them."""
        taken = [self._action(rule.match) for rule in self._deny if not _is_path(rule.match)]
        return [
            {
                "actions": list(role.actions),
                "notActions": [*role.not_actions, *taken],
                "dataActions": [],
                "notDataActions": [],
            }
            for role in self._roles
            if self._covers(role.scope, scope)
        ]

    def assignments(self, subscription: str, principal: str) -> list[dict[str, Any]]:
        """The caller's role assignments that bear on a subscription, as ARM lists them."""
        scope = f"/subscriptions/{subscription}"
        found = []
        for role in self._roles:
            if not (self._covers(role.scope, scope) or is_below(role.scope.lower(), scope)):
                continue
            at = scope if role.scope == "/" and self.everything else role.scope.rstrip("/") or "/"
            holder = role.group or principal
            name = str(uuid5(NAMESPACE_URL, f"{holder} {at} {self.definition_name(role)}"))
            found.append(
                {
                    "id": f"{at.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}",
                    "type": "Microsoft.Authorization/roleAssignments",
                    "name": name,
                    "properties": {
                        "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/"
                        f"{self.definition_name(role)}",
                        "principalId": holder,
                        "principalType": "Group" if role.group else "ServicePrincipal",
                        "scope": at,
                    },
                }
            )
        return found

    def definitions(self, subscription: str) -> list[dict[str, Any]]:
        """The definitions behind those of the caller's assignments whose roles have a name."""
        names = dict.fromkeys(self.definition_name(role) for role in self._roles if role.name)
        return [made for name in names if (made := self.definition(name, subscription)) is not None]

    def definition(self, name: str, subscription: str) -> dict[str, Any] | None:
        """The definition behind one of the caller's assignments, or None."""
        for role in self._roles:
            if self.definition_name(role) == name.lower():
                is_reader = name.lower() == READER
                scope = f"/subscriptions/{subscription}"
                return {
                    "id": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{name}",
                    "type": "Microsoft.Authorization/roleDefinitions",
                    "name": name,
                    "properties": {
                        "roleName": role.name or ("Reader" if is_reader else "Emulated reader"),
                        "type": "BuiltInRole" if is_reader else "CustomRole",
                        "description": "View all resources." if is_reader else "A role of the emulator's options.",
                        "assignableScopes": ["/" if is_reader else scope],
                        "permissions": [
                            {
                                "actions": list(role.actions),
                                "notActions": list(role.not_actions),
                                "dataActions": [],
                                "notDataActions": [],
                            }
                        ],
                    },
                }
        return None

    @staticmethod
    def definition_name(role: Role) -> str:
        """The name of a role's definition: that of the built-in Reader where it is one."""
        if tuple(role.actions) == ("*/read",) and not role.not_actions:
            return READER
        return str(uuid5(NAMESPACE_URL, "|".join([*role.actions, "-", *role.not_actions, role.name])))

    def _covers(self, scope: str, key: str) -> bool:
        scope = scope.lower()
        if is_below(key, scope):
            return True
        if "/managementgroups/" not in scope or not key.startswith("/subscriptions/"):
            return False
        return scope.rstrip("/").rsplit("/", 1)[-1] in self._groups_of(key.split("/")[2])

    @staticmethod
    def _action(match: str) -> str:
        return match if match.endswith(("/read", "*", "/action")) else f"{match}/read"


def _is_path(match: str) -> bool:
    return match.startswith(("/", "*/"))


def caller(claims: Mapping[str, Any]) -> dict[str, str]:
    """How ARM names the holder of a token: client is the sign-in name of a user, the id of an application."""
    client = str(claims.get("upn") or claims.get("appid") or "anonymous")
    return {"client": client, "oid": str(claims.get("oid") or "")}
