"""What a condition is once it is parsed: frozen values, compared by what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from azscan.conditions.paths import Path

As = Literal["", "number", "boolean", "list", "json"]
WhenEmpty = Literal["", "pass", "fail", "not-applicable"]


class Leaf(msgspec.Struct, frozen=True):
    """One property held against one operator. `default` stands in for an absent value where `has_default`."""

    path: Path
    op: str
    expected: Any
    default: Any = None
    has_default: bool = False
    as_: As = ""


class All(msgspec.Struct, frozen=True):
    """`allOf`."""

    parts: tuple[Node, ...]


class Any_(msgspec.Struct, frozen=True):
    """`anyOf`."""

    parts: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True):
    """`not`."""

    part: Node


class Quantifier(msgspec.Struct, frozen=True):
    """`some`, `every` or `none` of a list. Without `where`, every item counts as true.

    `has_default` says that an absent list counts as empty (`default: []`).
    """

    kind: Literal["some", "every", "none"]
    in_: Path
    where: Node | None = None
    when_empty: WhenEmpty = ""
    has_default: bool = False


class Count(msgspec.Struct, frozen=True):
    """How many items of a list fulfil `where`, compared by `op` with `expected`."""

    in_: Path
    where: Node | None
    op: str
    expected: int
    has_default: bool = False


Node = Leaf | All | Any_ | Not | Quantifier | Count


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in the order it is written."""
    yield node
    if isinstance(node, All | Any_):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)
    elif isinstance(node, Quantifier | Count) and node.where is not None:
        yield from walk(node.where)
