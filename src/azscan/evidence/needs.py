"""What a check opens in a document beyond the record itself: children, links, lists, and what hangs on those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from azscan.catalog.attachments import Attached
from azscan.catalog.builtin import parts_of
from azscan.catalog.model import Catalog, Check
from azscan.conditions.grammar import named_paths, parse


class Need(msgspec.Struct):
    """One attached part that a check opens; `below` are the parts that it opens on each record of it."""

    part: Attached
    below: dict[str, Need]


class Needs:
    """The attached parts that checks open, by the names on their documents.

    `params` overrides parameters by check id, as it did when the check was assessed.
    """

    def __init__(self, catalog: Catalog, params: Mapping[str, Mapping[str, Any]]) -> None:
        self._parts = parts_of(catalog)
        self._params = params

    def of(self, check: Check) -> Mapping[str, Need]:
        """What the check's conditions open on its subject, whether or not they came to it."""
        found: dict[str, Need] = {}
        params = {**check.params, **self._params.get(check.id, {})}
        for condition in (check.applies, check.require):
            for path in sorted(named_paths(parse(condition, params))) if condition is not None else ():
                self._open(check.subject, path, found)
        return found

    def _open(self, at: str, path: tuple[str, ...], found: dict[str, Need]) -> None:
        is_map = False
        for name in path:
            part = self._parts.get(at, {}).get(name)
            if part is not None:
                need = found.setdefault(name, Need(part, {}))
                at, found, is_map = part.collection, need.below, part.shape == "map"
            elif is_map:
                is_map = False  # the key of one record
            else:
                return
