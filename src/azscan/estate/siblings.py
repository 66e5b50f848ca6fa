"""Records that were fetched together, and for which what hangs on them is fetched together too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from azscan.conditions.values import Unreadable
from azscan.estate.status import Statuses
from azscan.estate.store import Row

# Records of one group, and children that are fetched for all of them by one query.
TOGETHER = 50
MOST_CHILDREN = 1000


class Siblings:
    """Up to TOGETHER records of one collection: a child collection is asked for once, when the first of them needs it.

    An estate does not change while it is assessed, so what was fetched is kept as long as the group is.
    """

    __slots__ = ("_children", "_statuses", "_where", "rows")

    def __init__(self, statuses: Statuses, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._statuses = statuses
        self._where: dict[str, dict[str, tuple[Unreadable | None, int | None]]] = {}
        self._children: dict[str, dict[int, tuple[list[Row], Siblings]]] = {}

    def status(self, child: str, row: Row) -> tuple[Unreadable | None, int | None]:
        """How well the records of `child` below one of the rows were read, and the row id of that read."""
        known = self._where.get(child)
        if known is None:
            scopes = [self._statuses.scope_of(each) for each in self.rows]
            known = self._where[child] = self._statuses.of_scopes(child, scopes)
        return known[self._statuses.scope_of(row)]

    def children(self, child: str, parent: int) -> tuple[list[Row], Siblings] | None:
        """The records of `child` below one of the rows in the order of their ids; None where there are too many."""
        known = self._children.get(child)
        if known is None:
            known = self._children[child] = self._fetched(child)
        return known.get(parent)

    def _fetched(self, child: str) -> dict[int, tuple[list[Row], Siblings]]:
        by_parent: dict[int, list[Row]] = {row.id: [] for row in self.rows}
        found = self._statuses.estate.children(child, sorted(by_parent), MOST_CHILDREN)
        for row in found:
            by_parent[row.parent].append(row)
        if len(found) == MOST_CHILDREN:
            # The last parent's may be cut short, and those after it have none yet.
            by_parent = {parent: rows for parent, rows in by_parent.items() if parent < found[-1].parent}
        together: dict[int, tuple[list[Row], Siblings]] = {}
        group = Siblings(self._statuses, [])
        for parent, rows in by_parent.items():
            if len(group.rows) + len(rows) > TOGETHER and group.rows:
                group = Siblings(self._statuses, [])
            group.rows = [*group.rows, *rows]
            together[parent] = rows, group
        return together


def in_groups(statuses: Statuses, rows: Iterable[Row]) -> Iterator[tuple[Row, Siblings]]:
    """Each of the rows with the group that it belongs to, streamed."""
    left = iter(rows)
    while group := list(islice(left, TOGETHER)):
        siblings = Siblings(statuses, group)
        for row in group:
            yield row, siblings
