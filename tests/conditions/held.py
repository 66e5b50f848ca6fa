"""What the tests of conditions hold against documents: attached parts, streamed lists, and short ways to judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from azscan.conditions.compile import compile_condition, describe
from azscan.conditions.grammar import parse
from azscan.conditions.values import Document, Items, Missing, Part, Unreadable

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DENIED = Unreadable("access_denied", "no right to read it")


class Attached(Part):
    """A part that holds what it was given."""

    __slots__ = ("value",)

    def __init__(self, value: Document | Items | dict[str, Any] | Unreadable | Missing) -> None:
        self.value = value

    def open(self) -> Document | Items | dict[str, Any] | Unreadable | Missing:
        return self.value


class Streamed(Items):
    """A list that is only walked; `fault` where its later pages are missing."""

    def __init__(self, *items: Any, fault: Unreadable | None = None) -> None:
        self.held = items
        self.fault = fault
        self.read = 7

    def __iter__(self) -> Iterator[Any]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)


def judge(condition: dict[str, Any], document: dict[str, Any], **params: Any) -> int:
    """The truth of the condition over the document."""
    return compile_condition(parse(condition, params), NOW)(document)[0]


def evidence(condition: dict[str, Any], document: dict[str, Any]) -> list[tuple[str, str, Any, bool | None]]:
    """The evidence of the condition over the document."""
    return [describe(ground) for ground in compile_condition(parse(condition), NOW)(document)[1]]


def leaf(value: Any, **operator: Any) -> int:
    """The truth of one operator over a value that stands at `properties.value`."""
    return judge({"field": "properties.value", **operator}, {"properties": {"value": value}})
