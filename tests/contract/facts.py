"""Microsoft's schema of resource types, as far as the catalogue is held against it."""

from __future__ import annotations

import importlib.util
import itertools
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from azscan.catalog.model import Collection

# A step of a path that walks every item of a list, or every value of a map.
EACH = "[*]"


class Found(NamedTuple):
    """What the schema says at a path: its JSON type, the known values, the flags."""

    path: str
    json_type: str
    values: tuple[str, ...]
    flags: frozenset[str]


class Type(NamedTuple):
    """A resource type: the api-version that the facts chose, its scopes, its singletons' names."""

    name: str
    api: str
    scopes: frozenset[str]
    access: str
    names: tuple[str, ...]


class Facts:
    """The schema in a folder of facts; `lookup` is the module that stands beside it."""

    def __init__(self, folder: Path) -> None:
        self.lookup = _module(folder / "arm_lookup.py")
        self.types = {
            name: Type(
                row["type"],
                row["api_version"],
                frozenset(row["scope"].split(",")),
                row["access"],
                tuple(filter(None, row["names"].split("|"))),
            )
            for name, row in self.lookup.types().items()
        }
        self.find = cache(self._find)

    def type_of(self, kind: Collection) -> Type | None:
        """The type that the collection reads, or None where the schema lacks it."""
        return self.types.get(kind.type.lower())

    def singleton(self, kind: Collection) -> str:
        """The fixed name that a get of one child asks for (config/web), or ""."""
        known = self.type_of(kind)
        last = kind.get.rstrip("/").rpartition("/")[2]
        return next((name for name in known.names if name.lower() == last.lower()), "") if known else ""

    def name_of(self, kind: Collection) -> str:
        """The type as the schema is asked for it: with the singleton's name where the type has variants."""
        single = self.singleton(kind)
        return f"{kind.type}/{single}" if single else kind.type

    def _find(self, type_name: str, steps: tuple[str, ...]) -> Found | None:
        """What stands at the path, an EACH being a list's items or a map's values; None where the type lacks it."""
        if not steps:
            return Found("", "object", (), frozenset())
        places = [at for at, step in enumerate(steps) if step == EACH]
        for kinds in itertools.product(("[*]", ".*"), repeat=len(places)):
            chosen = dict(zip(places, kinds, strict=True))
            parts = [chosen.get(at, "." + step.replace(".", "_")) for at, step in enumerate(steps)]
            path = "".join(parts).lstrip(".")
            known, info = self.lookup.has_path(type_name, path)
            if known:
                return Found(info["path"], info["json_type"], tuple(info["enum"]), frozenset(info["flags"]))
        return None

    def other_version(self, type_name: str, path: str) -> str:
        """The newest api-version that has a path which the chosen one lacks, or ""."""
        rows = self.lookup._provider(type_name.split("/")[0].lower(), "other-versions").get(type_name.lower(), {})
        return str(rows[path]["api_version"]) if path in rows else ""

    def secrets(self, kind: Collection) -> dict[str, Found]:
        """The paths of the collection's type that the schema flags sensitive or writeOnly."""
        rows: dict[str, Any] = self.lookup.paths(kind.type)
        single = self.singleton(kind)
        return {
            path: Found(path, row["json_type"], tuple(row["enum"]), frozenset(row["flags"]))
            for path, row in rows.items()
            if {"sensitive", "writeOnly"} & set(row["flags"]) and self.lookup._fits(rows, row, single)
        }

    def texts(self, kind: Collection) -> list[str]:
        """The paths of the collection's type that hold text of any kind."""
        rows: dict[str, Any] = self.lookup.paths(kind.type)
        single = self.singleton(kind)
        return [
            path
            for path, row in rows.items()
            if row["json_type"] == "string" and not row["enum"] and self.lookup._fits(rows, row, single)
        ]


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("arm_lookup", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
