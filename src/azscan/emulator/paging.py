"""Pages of a list: their size, their next links, and the empty pages that Azure sends now and then."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from azscan.emulator.asked import Asked
from azscan.emulator.options import Options
from azscan.emulator.replies import Reply, encode, error, page

_TOKENS = ("$skiptoken=", "%24skiptoken=", "skiptoken=")


@dataclass(slots=True)
class Item:
    """One entry of a list: `order` never changes, so that a next link still holds when others are deleted."""

    order: int
    body: bytes


class Pager:
    """Cuts lists into pages as the options say."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def cut(self, asked: Asked, items: Sequence[Item], member: str = "nextLink", first: bytes = b"") -> Reply:
        """The page of a list that a request asks for. Items stand in their order."""
        token = asked.option("skiptoken")
        try:
            order, phase, number = _read_token(token) if token else (0, 0, 1)
        except ValueError:
            return error(400, "InvalidSkipToken", "The provided skip token is invalid.")
        asked.page = number
        start = bisect_right(items, order, key=lambda item: item.order) if order else 0
        size = self._size(asked)
        empty = self._options.empty_pages
        if empty and phase == 0:
            shown: Sequence[Item] = ()
            following = (order, 1, number + 1) if order or items else None
        else:
            shown = items[start : start + size]
            rest = start + size < len(items)
            last = shown[-1].order if shown else order
            following = (last, 0, number + 1) if rest else None
        link = self._link(asked, following, member)
        return page([item.body for item in shown], link, first)

    def _size(self, asked: Asked) -> int:
        sizes = self._options.page_size
        size = sizes if isinstance(sizes, int) else sizes.get(asked.kind, sizes.get("*", 1000))
        top = asked.option("top")
        return max(1, min(size, int(top))) if top.isdigit() else size

    def _link(self, asked: Asked, following: tuple[int, int, int] | None, member: str) -> bytes:
        name = b',"' + member.encode() + b'":'
        if following is not None:
            return name + encode(next_link(asked, following))
        if self._options.last_link == "absent" or member.startswith("@"):
            return b""
        return name + (b"null" if self._options.last_link == "null" else b'""')


def next_link(asked: Asked, following: tuple[int, int, int]) -> str:
    """The link of the next page: the request's own URL with a new skip token."""
    kept = [part for part in asked.raw_query.split("&") if part and not part.lower().startswith(_TOKENS)]
    token = base64.urlsafe_b64encode(".".join(map(str, following)).encode()).decode().replace("=", "%3D")
    return f"{asked.base}{asked.raw}?{'&'.join([*kept, '%24skiptoken=' + token])}"


def page_number(token: str) -> int:
    """The page of a list that a skip token stands for, from 1; 1 where it is none of ours."""
    try:
        return _read_token(token)[2] if token else 1
    except ValueError:
        return 1


def _read_token(token: str) -> tuple[int, int, int]:
    order, phase, number = base64.urlsafe_b64decode(token.encode()).decode().split(".")
    return int(order), int(phase), int(number)
