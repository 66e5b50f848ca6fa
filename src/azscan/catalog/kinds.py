"""The kinds of values that the catalogue's keys take: each checks a value, returns it decoded, and has a JSON Schema.

A kind returns None for a value that it reports as faulty; nothing else in the catalogue is None.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from azscan.catalog.source import Keys, Source
from azscan.errors import SourceFault
from azscan.words import did_you_mean

Schema = dict[str, Any]


class Findings:
    """Collects the faults of one file; `strict` also reports keys that are out of order."""

    def __init__(self, source: Source, faults: list[SourceFault], *, strict: bool = False) -> None:
        self.source = source
        self.faults = faults
        self.strict = strict

    def fault(self, keys: Sequence[str | int], message: str, hint: str = "") -> None:
        """Put a fault at `keys` on record."""
        self.faults.append(self.source.fault(keys, message, hint))


def named(value: Any) -> str:
    """What a value is, in words, as it is named in a fault."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value!r}" if value else "an empty text"
    return "a list" if isinstance(value, list) else "a mapping"


def label(keys: Keys) -> str:
    """How a fault names the place: the last key that is a word."""
    return next((key for key in reversed(keys) if isinstance(key, str)), "this file")


def hint_for(word: str, options: Iterable[str]) -> str:
    """The nearest option, or all of them where they are few, or nothing."""
    options = list(options)
    return did_you_mean(word, options) or (f"one of {', '.join(options)}" if 0 < len(options) <= 12 else "")


class Kind(ABC):
    """One kind of value."""

    @abstractmethod
    def walk(self, value: Any, keys: Keys, into: Findings) -> Any:
        """The decoded value, or None after reporting what is wrong with it."""

    @abstractmethod
    def schema(self) -> Schema:
        """The JSON Schema of such a value."""


class Text(Kind):
    """Prose, or one line of it."""

    def __init__(self, *, lines: bool = True, limit: int = 0) -> None:
        self.lines = lines
        self.limit = limit

    def walk(self, value: Any, keys: Keys, into: Findings) -> str | None:
        """The text without blanks around it."""
        if not isinstance(value, str) or not value.strip():
            hint = "put quotes around it" if value is not None and not isinstance(value, str | list | dict) else ""
            into.fault(keys, f"{label(keys)} must be text, not {named(value)}", hint)
            return None
        if not value.isprintable() and not value.replace("\n", "").isprintable():
            into.fault(keys, f"{label(keys)} holds a control character or an invisible one")
            return None
        if not self.lines and "\n" in value.strip():
            into.fault(keys, f"{label(keys)} must be a single line")
            return None
        if self.limit and len(value) > self.limit:
            into.fault(keys, f"{label(keys)} has {len(value)} characters; {self.limit} are allowed")
            return None
        return value.strip()

    def schema(self) -> Schema:
        """A string that is not empty."""
        return {"type": "string", "minLength": 1} | ({"maxLength": self.limit} if self.limit else {})


class Word(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def walk(self, value: Any, keys: Keys, into: Findings) -> str | None:
        """The word."""
        if isinstance(value, str) and value in self.words:
            return value
        shown = value if isinstance(value, str) and value else named(value)
        into.fault(keys, f"{label(keys)} cannot be {shown}", hint_for(str(value), self.words))
        return None

    def schema(self) -> Schema:
        """An enum."""
        return {"enum": list(self.words)}


class Name(Kind):
    """A text of a fixed shape; `shape` says it in words."""

    def __init__(self, pattern: str, shape: str, hint: str = "") -> None:
        self.pattern = pattern
        self.match = re.compile(pattern).fullmatch
        self.shape = shape
        self.hint = hint

    def walk(self, value: Any, keys: Keys, into: Findings) -> str | None:
        """The text as written."""
        if isinstance(value, str) and self.match(value):
            return value
        into.fault(keys, f"{label(keys)} must be {self.shape}, not {named(value)}", self.hint)
        return None

    def schema(self) -> Schema:
        """A string with a pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


class Flag(Kind):
    """true or false."""

    def walk(self, value: Any, keys: Keys, into: Findings) -> bool | None:
        """The flag."""
        if isinstance(value, bool):
            return value
        into.fault(keys, f"{label(keys)} must be true or false, not {named(value)}")
        return None

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


class Format(Kind):
    """The version of the format: a later one needs a later azscan."""

    def __init__(self, known: int) -> None:
        self.known = known

    def walk(self, value: Any, keys: Keys, into: Findings) -> int | None:
        """The version."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= self.known:
            return value
        if isinstance(value, int) and value > self.known:
            into.fault(
                keys, f"format {value} needs a later azscan; this one reads format {self.known}", "update azscan"
            )
        else:
            into.fault(keys, f"format must be {self.known}, not {named(value)}")
        return None

    def schema(self) -> Schema:
        """A constant."""
        return {"const": self.known}


class Scalar(Kind):
    """A text, number or boolean; with `as_text`, decoded to the text that stands in a URL."""

    def __init__(self, *, as_text: bool = False) -> None:
        self.as_text = as_text

    def walk(self, value: Any, keys: Keys, into: Findings) -> Any:
        """The value."""
        if value is None or isinstance(value, list | dict):
            into.fault(keys, f"{label(keys)} must be a text, a number, true or false, not {named(value)}")
            return None
        if not self.as_text:
            return value
        return str(value).lower() if isinstance(value, bool) else str(value)

    def schema(self) -> Schema:
        """Any scalar."""
        return {"type": ["string", "number", "boolean"]}


class Either(Kind):
    """A scalar of one kind, or a container of another."""

    def __init__(self, scalar: Kind, container: Kind) -> None:
        self.scalar = scalar
        self.container = container

    def walk(self, value: Any, keys: Keys, into: Findings) -> Any:
        """What the fitting kind makes of it."""
        kind = self.container if isinstance(value, list | dict) else self.scalar
        return kind.walk(value, keys, into)

    def schema(self) -> Schema:
        """Both."""
        return {"anyOf": [self.scalar.schema(), self.container.schema()]}


class Many(Kind):
    """A list of values of one kind; with `or_one`, a single value may stand without the list."""

    def __init__(self, kind: Kind, *, or_one: bool = False, at_least: int = 0, unique: bool = True) -> None:
        self.kind = kind
        self.or_one = or_one
        self.at_least = at_least
        self.unique = unique

    def walk(self, value: Any, keys: Keys, into: Findings) -> tuple[Any, ...] | None:
        """The good items, as a tuple."""
        if self.or_one and not isinstance(value, list):
            one = self.kind.walk(value, keys, into)
            return () if one is None else (one,)
        if not isinstance(value, list):
            into.fault(keys, f"{label(keys)} must be a list, not {named(value)}", "write it as [a, b]")
            return None
        if len(value) < self.at_least:
            into.fault(keys, f"{label(keys)} needs at least {self.at_least} item{'s' * (self.at_least > 1)}")
        items = []
        for number, item in enumerate(value):
            decoded = self.kind.walk(item, (*keys, number), into)
            if decoded is not None:
                if self.unique and decoded in items:
                    into.fault((*keys, number), f"{decoded} stands in {label(keys)} twice")
                items.append(decoded)
        return tuple(items)

    def schema(self) -> Schema:
        """An array."""
        item = self.kind.schema()
        array: Schema = {"type": "array", "items": item}
        if self.at_least:
            array["minItems"] = self.at_least
        if self.unique:
            array["uniqueItems"] = True
        return {"anyOf": [item, array]} if self.or_one else array


class MapOf(Kind):
    """A mapping from names to values of one kind."""

    def __init__(self, key: Name, kind: Kind) -> None:
        self.key = key
        self.kind = kind

    def walk(self, value: Any, keys: Keys, into: Findings) -> dict[str, Any] | None:
        """The good entries."""
        if not isinstance(value, dict):
            into.fault(keys, f"{label(keys)} must be a mapping, not {named(value)}")
            return None
        decoded = {}
        for name, item in value.items():
            if self.key.match(name) is None:
                into.fault((*keys, name), f"the name {name} must be {self.key.shape}", self.key.hint)
                continue
            walked = self.kind.walk(item, (*keys, name), into)
            if walked is not None:
                decoded[name] = walked
        return decoded

    def schema(self) -> Schema:
        """An object with free keys."""
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^(?:{self.key.pattern})$"},
            "additionalProperties": self.kind.schema(),
        }


class Document(Kind):
    """A document as Azure sends it: any mapping."""

    def walk(self, value: Any, keys: Keys, into: Findings) -> dict[str, Any] | None:
        """The mapping as written."""
        if isinstance(value, dict):
            return value
        into.fault(keys, f"{label(keys)} holds documents (mappings), not {named(value)}")
        return None

    def schema(self) -> Schema:
        """An object."""
        return {"type": "object"}


class Condition(Kind):
    """A condition; what stands inside is the grammar's to check, once the parameters are known."""

    def walk(self, value: Any, keys: Keys, into: Findings) -> dict[str, Any] | None:
        """The condition as written."""
        if isinstance(value, dict):
            return value
        into.fault(keys, f"{label(keys)} must be a condition, not {named(value)}", "write {field: …, equals: …}")
        return None

    def schema(self) -> Schema:
        """A reference to the grammar's schema, which schema.py puts under $defs."""
        return {"$ref": "#/$defs/condition"}


class Key(msgspec.Struct, frozen=True):
    """One key of a file: its name, what it takes, whether it must be there, and what it is for, in words."""

    name: str
    kind: Any
    required: bool
    words: str


class Table(Kind):
    """A mapping with known keys, in the order in which they are to be written."""

    def __init__(self, what: str, *keys: Key) -> None:
        self.what = what
        self.keys: Mapping[str, Key] = {key.name: key for key in keys}
        self.rank = {key.name: rank for rank, key in enumerate(keys)}
        self.required = tuple(key.name for key in keys if key.required)

    def walk(self, value: Any, keys: Keys, into: Findings) -> dict[str, Any] | None:
        """The decoded values of the good keys."""
        if not isinstance(value, dict):
            into.fault(keys, f"{self.what} must be a mapping, not {named(value)}")
            return None
        decoded = {}
        for name, item in value.items():
            key = self.keys.get(name)
            if key is None:
                into.fault((*keys, name), f"{self.what} has no key {name}", hint_for(name, self.keys))
                continue
            walked = key.kind.walk(item, (*keys, name), into)
            if walked is not None:
                decoded[name] = walked
        for name in self.required:
            if name not in value:
                into.fault(keys, f"{self.what} lacks the key {name}", self.keys[name].words)
        if into.strict:
            self._order(value, keys, into)
        return decoded

    def _order(self, value: dict[str, Any], keys: Keys, into: Findings) -> None:
        highest = ""
        for name in value:
            if name not in self.rank:
                continue
            if highest and self.rank[name] < self.rank[highest]:
                into.fault((*keys, name), f"the key {name} stands before {highest}", f"order: {' '.join(self.rank)}")
                return
            highest = name

    def schema(self) -> Schema:
        """An object with exactly these keys."""
        return {
            "type": "object",
            "properties": {key.name: key.kind.schema() | {"description": key.words} for key in self.keys.values()},
            "required": list(self.required),
            "additionalProperties": False,
        }
