"""Paths of a document: how they are written, and what stands at their end.

`properties.a.b`, `tags['a.b']` and `['@odata.type']`; `.` alone is the item itself (inside `where`, for lists of
plain values), and a leading `$.` goes to the document from inside `where`. An apostrophe in a bracketed key is
doubled, as in Azure Policy (https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from azscan.conditions.values import MISSING, Document, Part, Unreadable


class Astray:
    """The type of ASTRAY: the path goes on where there is nothing to go into (a list, a string, a number)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ASTRAY"


ASTRAY: Final = Astray()

# A plain key, or a bracketed one; each alternative starts differently, so matching is linear.
_STEP = re.compile(r"\[\s*'((?:[^']|'')*)'\s*\]|([A-Za-z_@$][A-Za-z0-9_@$-]*)")
_PLAIN_KEY = re.compile(r"[A-Za-z_@][A-Za-z0-9_@-]*\Z")


class Path(msgspec.Struct, frozen=True):
    """A parsed path. No keys means the item itself; `from_root` that it starts at the document."""

    keys: tuple[str, ...]
    from_root: bool = False

    @property
    def text(self) -> str:
        """The path as it is written, without `$.`; "" for the item itself."""
        return render(self.keys)


@lru_cache(maxsize=4096)
def render(keys: tuple[str, ...]) -> str:
    """The keys as a path is written."""
    parts: list[str] = []
    for key in keys:
        if _PLAIN_KEY.match(key):
            parts.append(f".{key}" if parts else key)
        else:
            doubled = key.replace("'", "''")
            parts.append(f"['{doubled}']")
    return "".join(parts)


def parse_path(text: str) -> Path:
    """The path that `text` writes; ValueError says what is wrong with it, in words for the author."""
    if text == ".":
        return Path(())
    from_root = text.startswith("$.")
    rest = text[2:] if from_root else text
    if not rest:
        raise ValueError("an empty path")
    keys: list[str] = []
    position = 0
    while position < len(rest):
        if keys and rest[position] == ".":
            position += 1
        elif keys and rest[position] != "[":
            raise ValueError(f"{rest[position]!r} where '.' or '[' was expected")
        if rest.startswith("[*]", position):
            raise ValueError("[*] is not used here: walk a list with some, every, none or count")
        step = _STEP.match(rest, position)
        if step is None:
            raise ValueError(f"no property name at {rest[position:]!r}; write names with dots as ['a.b']")
        quoted, plain = step.groups()
        key = plain if plain is not None else quoted.replace("''", "'")
        if not key:
            raise ValueError("an empty property name")
        keys.append(key)
        position = step.end()
    return Path(tuple(keys), from_root)


def opened(value: Any) -> Any:
    """The value itself, or what an attached part holds."""
    while isinstance(value, Part):
        value = value.open()
    return value


def resolve(start: Any, keys: tuple[str, ...], source: Document | None) -> tuple[Any, Document | None]:
    """What stands at the end of the keys, and the nearest document it came from.

    The value is MISSING, null or "" where it is absent, an Unreadable where a part on the way (or the read that
    completes its document) failed, and ASTRAY where the path goes through a list or a plain value.
    """
    value = opened(start)
    for key in keys:
        if isinstance(value, dict):
            if isinstance(value, Document):
                source = value
            inner = value.get(key, MISSING)
            if isinstance(inner, Part):
                # Opened once: the next condition finds it in its place, and needs no second look.
                inner = value[key] = opened(inner)
            value = inner
        elif value is None or value is MISSING:
            value = MISSING
            break
        else:
            return (value if isinstance(value, Unreadable) else ASTRAY), source
    if isinstance(value, Document):
        return value, value
    is_unsaid = value is None or value is MISSING or (type(value) is list and not value)
    if is_unsaid and source is not None and source.fault is not None:
        # Lists of resources send null or an empty list for what only the read of the resource itself would fill.
        return source.fault, source
    return value, source
