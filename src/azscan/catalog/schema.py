"""JSON Schemas of the catalogue's files, from the same tables as the walker; run as a module, it writes them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from azscan.catalog.kinds import Schema, Table
from azscan.catalog.tables import CHECK, MAPPING, SERVICE
from azscan.conditions.grammar import condition_schema

FOLDER = "docs/schemas"

_TABLES: Mapping[str, tuple[Table, str]] = {
    "service": (SERVICE, "A service of azscan's catalogue: checks/<service>/_service.yaml"),
    "check": (CHECK, "A check of azscan's catalogue: checks/<service>/<id>.yaml"),
    "mapping": (MAPPING, "A framework of azscan's catalogue: mappings/<framework>.yaml"),
}


def schemas() -> dict[str, Schema]:
    """The schemas by file name."""
    return {f"{name}.schema.json": _schema(name, table, title) for name, (table, title) in _TABLES.items()}


def render(schema: Schema) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def stale(folder: Path) -> list[str]:
    """The names of the schema files in `folder` that are not as the tables say."""
    wanted = {name: render(schema) for name, schema in schemas().items()}
    return [name for name, text in wanted.items() if _read(folder / name) != text]


def write(folder: Path) -> None:
    """Write the schema files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(render(schema), encoding="utf-8", newline="\n")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _schema(name: str, table: Table, title: str) -> Schema:
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"azscan/{name}.schema.json",
        "title": title,
    }
    schema |= table.schema()
    if "#/$defs/condition" in set(_references(schema)):
        schema["$defs"] = condition_schema()["$defs"]
    return schema


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "$ref":
                yield below
            else:
                yield from _references(below)
    elif isinstance(value, list):
        for below in value:
            yield from _references(below)


def main() -> None:
    """Write the schemas into the folder named as argument, or into docs/schemas."""
    parser = argparse.ArgumentParser(prog="python -m azscan.catalog.schema", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(FOLDER), help="the folder to write into")
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
