"""What a condition can meet in a document: JSON, and the parts that are attached to it, absent or unreadable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec


class Missing:
    """The type of MISSING: the property is not there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class Unreadable(msgspec.Struct, frozen=True):
    """A part that could not be read, and why.

    `kind` is one of the error kinds (`access_denied`, `partial_access`, `not_collected`, …); `action` is the
    RBAC action or Graph permission that was missing, where known; `read` the row id of the failed read.
    """

    kind: str
    message: str = ""
    action: str = ""
    url: str = ""
    read: int | None = None


class Document(dict[str, Any]):
    """One resource's wire JSON, with the read it came from.

    `read` is the row id of that read. `fault` is set where a second read that completes the document failed:
    a property that is missing, null or an empty list then counts as unreadable, not as absent.
    """

    __slots__ = ("fault", "read")

    def __init__(self, body: dict[str, Any], read: int | None = None, fault: Unreadable | None = None) -> None:
        super().__init__(body)
        self.read = read
        self.fault = fault


class Part:
    """A value of a document that is opened only when a condition names it: an attached child or link."""

    __slots__ = ()

    # Not an abstract class: isinstance of one is several times as slow, and it is asked for every attached value.
    def open(self) -> Document | Items | dict[str, Any] | Unreadable | Missing:
        """The attached document, list or map; MISSING where Azure has none; Unreadable where it was not read."""
        raise NotImplementedError


class Items:
    """A list that is streamed, never held in memory; can be walked again and again.

    `fault` is set where the list is incomplete (a later page failed, partial access): what came can still be
    judged, but nothing can be said of the rest. `read` is the row id of the read that listed it, for evidence
    where the list is empty.
    """

    __slots__ = ()

    fault: Unreadable | None
    read: int | None

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


# What a document holds beside Azure's JSON, unopened or opened in its place.
ATTACHED: Final = (Part, Items, Missing, Unreadable, Document)
