"""What the catalogue says and the facts do not, each with the page that documents it: exceptions/<service>.yaml.

A list of entries. Each names the `source` (a page of Microsoft's documentation) and says `why`; and it names

- `collection` and `field` (or several `fields`): a property that the schema lacks, lists left out of the path;
- `collection`, `field` and `values`: words that such a property may hold, where the schema does not list them;
- `collection` and `lacks`: `type` (the schema has no such type), `read` (it marks no GET), `api` (another
  api-version than the facts chose) or `presence` (listed, although the schema does not say tracked);
- `check` and `policy`: a policy of another resource type that says the same.

An entry that is not needed fails the tests, as one that is missing does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent / "exceptions"
SOURCE = re.compile(r"https://(learn|azure)\.microsoft\.com/[^\s]+\Z")
LACKS = ("type", "read", "api", "presence")

# (kind of exception, collection or check, field or policy, word)
Key = tuple[str, str, str, str]


@cache
def exceptions() -> dict[Key, str]:
    """Every exception and the file that it stands in; AssertionError for an entry of another form."""
    found: dict[Key, str] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        for entry in yaml.load(file.read_text(encoding="utf-8"), Loader=_Strict):
            for key in _keys(entry, f"{file.name}: {entry}"):
                assert key not in found, f"{file.name}: {key} stands in {found[key]} already"
                found[key] = file.name
    return found


class _Strict(yaml.SafeLoader):
    """YAML in which no key stands twice: two entries that were merged into one would hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"{sorted(twice)} twice in one entry, {node.start_mark}"
        return super().construct_mapping(node, deep)


def _keys(entry: dict[str, Any], where: str) -> Iterator[Key]:
    entry = dict(entry)
    assert SOURCE.match(entry.pop("source", "")), f"{where}: source is no page of Microsoft's documentation"
    assert len(entry.pop("why", "")) > 20, f"{where}: why it is right is not said"
    if entry.keys() == {"check", "policy"}:
        yield "policy", entry["check"], entry["policy"], ""
    elif entry.keys() == {"collection", "lacks"}:
        assert entry["lacks"] in LACKS, where
        yield entry["lacks"], entry["collection"], "", ""
    elif entry.keys() in ({"collection", "field"}, {"collection", "fields"}):
        for field in entry.get("fields") or [entry["field"]]:
            yield "field", entry["collection"], field, ""
    else:
        assert entry.keys() == {"collection", "field", "values"} and isinstance(entry["values"], list), where
        for value in entry["values"]:
            yield "value", entry["collection"], entry["field"], value
