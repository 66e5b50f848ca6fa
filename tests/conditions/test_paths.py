from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.paths import ASTRAY, Path, parse_path, render, resolve
from azscan.conditions.values import MISSING, Document
from tests.conditions.held import DENIED, Attached, Streamed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("kind", Path(("kind",))),
        ("properties.networkAcls.defaultAction", Path(("properties", "networkAcls", "defaultAction"))),
        ("tags['a.b']", Path(("tags", "a.b"))),
        ("['@odata.type']", Path(("@odata.type",))),
        ("tags['it''s'].x", Path(("tags", "it's", "x"))),
        ("$.properties.a", Path(("properties", "a"), from_root=True)),
        ("$.tags['a b']", Path(("tags", "a b"), from_root=True)),
        ("a.$schema", Path(("a", "$schema"))),
        ("['[*]']", Path(("[*]",))),
        (".", Path(())),
    ],
)
def test_paths_as_they_are_written(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", "$.", "a..b", "a.", ".a", "a b", "a[0]", "a[*].b", "a['b'", "a['']", "a]", "1a"],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_path(text)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4).map(tuple))
def test_rendered_paths_parse_back(keys: tuple[str, ...]) -> None:
    assert parse_path(render(keys)).keys == keys


CHILD = Document({"properties": {"on": True}}, read=2)
HALF = Document({"properties": {"on": None}, "list": [1]}, read=3, fault=DENIED)


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {}}, "a.b", MISSING),
        ({"a": None}, "a.b.c", MISSING),
        ({}, "a.b", MISSING),
        ({"a": {"b": None}}, "a.b", None),
        ({"a": [{"b": 1}]}, "a.b", ASTRAY),
        ({"a": "text"}, "a.b", ASTRAY),
        ({"a": Attached(CHILD)}, "a.properties.on", True),
        ({"a": Attached(MISSING)}, "a.properties.on", MISSING),
        ({"a": Attached(DENIED)}, "a.properties.on", DENIED),
        ({"a": Attached(DENIED)}, "a", DENIED),
        ({"a": Attached(Streamed())}, "a.b", ASTRAY),
        ({"a": Attached({"key": CHILD})}, "a.key.properties.on", True),
        ({"a": Attached(HALF)}, "a.properties.on", DENIED),
        ({"a": Attached(HALF)}, "a.other", DENIED),
        ({"a": Attached(HALF)}, "a.list", [1]),
    ],
)
def test_what_stands_at_the_end(document: dict[str, Any], path: str, value: Any) -> None:
    assert resolve(document, parse_path(path).keys, None)[0] == value


def test_the_nearest_document_is_the_source() -> None:
    root = Document({"own": {"x": 1}, "child": Attached(CHILD)}, read=1)
    assert resolve(root, ("own", "x"), None)[1] is root
    assert resolve(root, ("child", "properties", "on"), None)[1] is CHILD
    assert resolve(root, ("child",), None)[1] is CHILD
