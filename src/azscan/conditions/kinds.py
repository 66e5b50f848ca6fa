"""What an operator expects: each kind knows its faults and its JSON Schema, so that both say the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

Keys = tuple[str | int, ...]
Schema = dict[str, Any]

# In a file, a parameter may stand wherever a value stands.
PARAMETER: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z][A-Za-z0-9_-]*\}"}


class ConditionFault(msgspec.Struct, frozen=True):
    """One fault in a condition: `keys` lead to it from the top, `hint` is the nearest word or the way out."""

    keys: Keys
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.keys)) or 'condition'}: {self.message}"


def nearest(word: str, words: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    """ "did you mean …?" for the word most like it, or ""."""
    from difflib import get_close_matches

    lower = {known.lower(): known for known in words}
    found = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    return f"did you mean {lower[found[0]]}?" if found else ""


class Kind(ABC):
    """One kind of expected value."""

    @abstractmethod
    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value (parameters already filled in)."""

    @abstractmethod
    def schema(self) -> Schema:
        """The JSON Schema of the value as it stands in a file (where a parameter may take its place)."""


def _or_parameter(schema: Schema) -> Schema:
    return {"anyOf": [schema, PARAMETER]}


_TYPE_WORDS = {"string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false"}


class Plain(Kind):
    """A value of one of the named JSON types: string, number, integer, boolean."""

    def __init__(self, *types: str) -> None:
        self.types = types

    def _fits(self, value: Any) -> bool:
        if isinstance(value, bool):
            return "boolean" in self.types
        if isinstance(value, str):
            return "string" in self.types
        if isinstance(value, int):
            return "integer" in self.types or "number" in self.types
        return isinstance(value, float) and "number" in self.types and value - value == 0

    def _words(self) -> str:
        return ", ".join(_TYPE_WORDS[each] for each in self.types)

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        if not self._fits(value):
            yield ConditionFault(keys, f"expected {self._words()}, found {said(value)}")
        elif value == "":
            yield ConditionFault(keys, "an empty string counts as absent and equals nothing", "use exists: false")

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        if self.types == ("string",):
            return {"type": "string", "minLength": 1}
        return _or_parameter({"type": list(self.types) if len(self.types) > 1 else self.types[0]})


class Written(Kind):
    """A string (or a bare number, where `numbers`) that `read` can read; `read` raises ValueError with the reason."""

    def __init__(self, read: Callable[[str], object], pattern: str = "", *, numbers: bool = False) -> None:
        self.read = read
        self.pattern = pattern
        self.numbers = numbers

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        if self.numbers and isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            yield ConditionFault(keys, f"expected text, found {said(value)}")
            return
        try:
            self.read(value)
        except ValueError as reason:
            yield ConditionFault(keys, str(reason))

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        text: Schema = {"type": "string"}
        if self.pattern:
            text = {"anyOf": [{**text, "pattern": self.pattern}, {"type": "string", "pattern": r"\$\{"}]}
        return {"anyOf": [text, {"type": "number"}]} if self.numbers else text


class OneOf(Kind):
    """One of a few words, in any letter case."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        if not isinstance(value, str):
            yield ConditionFault(keys, f"expected one of {', '.join(self.words)}, found {said(value)}")
        elif value.lower() not in [word.lower() for word in self.words]:
            hint = nearest(value, self.words)
            yield ConditionFault(keys, f"expected one of {', '.join(self.words)}, found {value!r}", hint)

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        return _or_parameter({"enum": list(self.words)})


class ListOf(Kind):
    """A list with at least one value of the kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        if not isinstance(value, list):
            yield ConditionFault(keys, f"expected a list, found {said(value)}")
        elif not value:
            yield ConditionFault(keys, "an empty list can never decide anything")
        else:
            for index, each in enumerate(value):
                yield from self.kind.faults(each, (*keys, index))

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        return _or_parameter({"type": "array", "minItems": 1, "items": self.kind.schema()})


class OneOrMore(Kind):
    """A value of the kind, or a list of them."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.many = ListOf(kind)

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        yield from (self.many if isinstance(value, list) else self.kind).faults(value, keys)

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        return {"anyOf": [self.kind.schema(), {"type": "array", "minItems": 1, "items": self.kind.schema()}]}


class Table(Kind):
    """A map with known keys. `required` are groups of keys; of each group at least one must be there.

    `apart` are groups of keys that exclude each other.
    """

    def __init__(
        self,
        fields: Mapping[str, Kind],
        required: tuple[tuple[str, ...], ...] = (),
        apart: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.fields = fields
        self.required = required
        self.apart = apart

    def faults(self, value: Any, keys: Keys) -> Iterator[ConditionFault]:
        """What is wrong with the value."""
        if not isinstance(value, dict):
            yield ConditionFault(keys, f"expected a map with {', '.join(self.fields)}, found {said(value)}")
            return
        for key, each in value.items():
            kind = self.fields.get(key) if isinstance(key, str) else None
            if kind is None:
                hint = nearest(str(key), self.fields) or f"known here: {', '.join(self.fields)}"
                yield ConditionFault((*keys, str(key)), f"unknown key {str(key)!r}", hint)
            else:
                yield from kind.faults(each, (*keys, key))
        for group in self.required:
            # an unknown key is the likelier mistake, and is named already
            if value.keys() <= self.fields.keys() and not any(key in value for key in group):
                yield ConditionFault(keys, f"needs {' or '.join(group)}")
        for group in self.apart:
            if sum(key in value for key in group) > 1:
                yield ConditionFault(keys, f"{' and '.join(group)} exclude each other")

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        schema: Schema = {
            "type": "object",
            "properties": {key: kind.schema() for key, kind in self.fields.items()},
            "additionalProperties": False,
        }
        groups: list[Schema] = [{"anyOf": [{"required": [key]} for key in group]} for group in self.required]
        groups += [{"not": {"required": [first, second]}} for first, *rest in self.apart for second in rest]
        if groups:
            schema["allOf"] = groups
        return schema


def said(value: Any) -> str:
    """The value as a fault names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
