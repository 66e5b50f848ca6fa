"""Which records of a collection hold a value at a path: in memory as long as that is little, else in the estate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Protocol

from azscan.estate.store import Estate

# Values that one join holds in memory: some ten megabytes of ids.
IN_MEMORY = 20_000

# A value, the row id of a record that holds it, and the record's subscription.
Entry = tuple[str, int, str]


class Join(Protocol):
    """Finds row ids; `subscription` None looks in all of them."""

    def at(self, values: Sequence[str], subscription: str | None) -> set[int]:
        """The records that hold one of the values."""

    def below(self, value: str, subscription: str | None) -> set[int]:
        """The records that hold an id below the value's."""


def join_of(estate: Estate, entries: Iterable[Entry]) -> Join:
    """The join that suits so many entries."""
    stream = iter(entries)
    first = list(islice(stream, IN_MEMORY + 1))
    return _Held(first) if len(first) <= IN_MEMORY else _Stored(estate, chain(first, stream))


class _Held:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self._places: dict[str, list[tuple[int, str]]] = {}
        for value, row, subscription in entries:
            self._places.setdefault(value, []).append((row, subscription))

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._places)

    def at(self, values: Sequence[str], subscription: str | None) -> set[int]:
        found: set[int] = set()
        for value in values:
            places = self._places.get(value)
            if places:
                found.update(row for row, owner in places if subscription is None or owner == subscription)
        return found

    def below(self, value: str, subscription: str | None) -> set[int]:
        # "0" follows "/".
        start, end = bisect_right(self._sorted, f"{value}/"), bisect_left(self._sorted, f"{value}0")
        return self.at(self._sorted[start:end], subscription)


class _Stored:
    """The same in a temporary table."""

    def __init__(self, estate: Estate, entries: Iterable[Entry]) -> None:
        self._estate = estate
        self._number = _next_number(estate)
        estate.executemany(
            "INSERT OR IGNORE INTO temp.link_key VALUES (?, ?, ?, ?)",
            ((self._number, value, row, subscription) for value, row, subscription in entries),
        )

    def at(self, values: Sequence[str], subscription: str | None) -> set[int]:
        return self._found(f"key IN ({', '.join('?' * len(values))})", values, subscription)

    def below(self, value: str, subscription: str | None) -> set[int]:
        return self._found("key > ? AND key < ?", [f"{value}/", f"{value}0"], subscription)

    def _found(self, where: str, keys: Sequence[str], subscription: str | None) -> set[int]:
        owner, owners = ("", []) if subscription is None else (" AND subscription = ?", [subscription])
        rows = self._estate.connection.execute(
            f"SELECT resource FROM temp.link_key WHERE number = ? AND {where}{owner}", [self._number, *keys, *owners]
        )
        return {row for (row,) in rows}


def _next_number(estate: Estate) -> int:
    estate.connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS link_key(number INTEGER, key TEXT, resource INTEGER, subscription TEXT,"
        " PRIMARY KEY(number, key, resource)) WITHOUT ROWID"
    )
    return int(estate.connection.execute("SELECT coalesce(max(number), 0) + 1 FROM temp.link_key").fetchone()[0])
