from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azscan.catalog import schema
from azscan.catalog.tables import CHECK, COLLECTION

ROOT = Path(__file__).resolve().parents[2]


def test_the_written_schemas_are_those_of_the_tables() -> None:
    assert schema.stale(ROOT / schema.FOLDER) == [], "run: python -m azscan.catalog.schema"


def test_writing_makes_them_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "schemas"
    assert len(schema.stale(folder)) == 3
    monkeypatch.setattr("sys.argv", ["schema", str(folder)])
    schema.main()
    assert schema.stale(folder) == []
    (folder / "check.schema.json").write_text("{}", encoding="utf-8")
    assert schema.stale(folder) == ["check.schema.json"]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(below) for key, below in value.items() if key != "$ref"))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", sorted(schema.schemas()))
def test_every_reference_leads_somewhere(name: str) -> None:
    made = json.loads(schema.render(schema.schemas()[name]))
    for reference in references(made):
        here: Any = made
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]
        assert isinstance(here, dict)


def test_they_hold_what_the_tables_hold() -> None:
    made = schema.schemas()
    check = made["check.schema.json"]
    assert list(check["properties"]) == list(CHECK.keys)
    assert check["additionalProperties"] is False
    assert {"id", "require", "examples"} <= set(check["required"])
    collections = made["service.schema.json"]["properties"]["collections"]
    assert list(collections["additionalProperties"]["properties"]) == list(COLLECTION.keys)
