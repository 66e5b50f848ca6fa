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


def _opened_in(holder: dict[str, Any] | None, key: str, part: Part) -> Any:
    """What the part holds, put into its place: the next condition finds it there, and needs no second look."""
    value = opened(part)
    if holder is not None:
        holder[key] = value
    return value


def resolve(start: Any, keys: tuple[str, ...], source: Document | None) -> tuple[Any, Document | None]:
    """What stands at the end of the keys, and the nearest document it came from.

    The value is MISSING, null or "" where it is absent, an Unreadable where a part on the way (or the read that
    completes its document) failed, and ASTRAY where the path goes through a list or a plain value.
    """
    value, holder, last = start, None, ""
    for key in keys:
        kind = type(value)
        if kind is not dict:
            if kind is not Document and isinstance(value, Part):
                value = _opened_in(holder, last, value)
                kind = type(value)
            if kind is Document:
                source = value
            elif value is None or value is MISSING:
                value = MISSING
                break
            elif kind is not dict:
                return (value if isinstance(value, Unreadable) else ASTRAY), source
        holder, last = value, key
        value = value.get(key, MISSING)
    if isinstance(value, Part):
        value = _opened_in(holder, last, value)
    if type(value) is Document:
        return value, value
    if source is not None and source.fault is not None and (value is None or value is MISSING or value == []):
        # Lists of resources send null or an empty list for what only the read of the resource itself would fill.
        return source.fault, source
    return value, source
