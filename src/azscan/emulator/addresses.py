"""What an ARM path names: a scope, a provider, and pairs of type and name, compared in lower case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Address:
    """One ARM path, all parts in lower case.

    `scope` is what the last `/providers/` hangs on ("" is the tenant). `types` is one longer than `names` where the
    path names a list. `rest` is what follows a subscription or group where there is no provider ("resources").
    """

    key: str
    subscription: str
    group: str
    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    rest: tuple[str, ...]
    depth: int

    @property
    def is_list(self) -> bool:
        """Whether the path names all objects of a type rather than one object."""
        return len(self.types) > len(self.names)

    @property
    def type(self) -> str:
        """The resource type, as `namespace/type/childtype`."""
        return "/".join((self.namespace, *self.types))

    @property
    def parent(self) -> str:
        """The key of what holds it: the parent resource of a child, else the scope."""
        if len(self.types) < 2:
            return self.scope
        cut = 1 if self.is_list else 2
        return self.key.rsplit("/", cut)[0]


def read_address(path: str) -> Address:
    """The address that a path or id names; never raises, an odd path gives empty parts."""
    key = "/" + path.strip("/").lower()
    parts = key.split("/")[1:]
    subscription = group = ""
    i = 0
    if parts[0] == "subscriptions" and len(parts) > 1:
        subscription, i = parts[1], 2
        if len(parts) > 3 and parts[2] == "resourcegroups":
            group, i = parts[3], 4
    scope, namespace, depth = "/" + "/".join(parts[:i]) if i else "", "", 0
    types: list[str] = []
    names: list[str] = []
    while i + 1 < len(parts) and parts[i] == "providers":
        scope = "/" + "/".join(parts[:i]) if i else ""
        namespace, i, depth = parts[i + 1], i + 2, depth + 1
        types, names = [], []
        while i < len(parts) and not (parts[i] == "providers" and i + 1 < len(parts)):
            types.append(parts[i])
            if i + 1 < len(parts):
                names.append(parts[i + 1])
            i += 2
    return Address(key, subscription, group, scope, namespace, tuple(types), tuple(names), tuple(parts[i:]), depth)


@lru_cache(maxsize=4096)
def written_type(path: str) -> str:
    """The resource type of a path with the letters as they were written ("Microsoft.Web/sites/config")."""
    parts = path.strip("/").split("/")
    low = [part.lower() for part in parts]
    at = len(low) - 1 - low[::-1].index("providers") if "providers" in low else -1
    if at < 0 or at + 1 >= len(parts):
        return ""
    return "/".join([parts[at + 1], *parts[at + 2 :: 2]])


def is_below(key: str, scope: str) -> bool:
    """Whether a key is the scope itself or something under it; "" and "/" are above everything."""
    scope = scope.rstrip("/")
    return not scope or key == scope or key.startswith(scope + "/")
