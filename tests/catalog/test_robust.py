"""Whatever stands in a file, the catalogue answers with faults, never with an exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azscan.catalog.source import parse
from azscan.catalog.validate import File, validate

from .conftest import CHECK, MAPPING, SERVICE

KINDS: dict[str, tuple[str, str, str]] = {
    "service": ("storage", "_service", SERVICE),
    "check": ("storage", "storage-https-only", CHECK),
    "mapping": ("", "iso-27001-2022", MAPPING),
}
ODD = st.recursive(
    st.sampled_from(
        [None, True, 0, -1, 1.5, "", "x", "{id}", "${days}", "storage_account", "storage-https-only", "a.b"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["field", "equals", "allOf", "every", "in", "where", "get", "when", "id", "of", "links", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(value: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield keys
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in below:
        yield from places(inner, (*keys, key))


def changed(value: Any, keys: tuple[Any, ...], new: Any) -> Any:
    if not keys:
        return new
    value = copy.copy(value)
    value[keys[0]] = changed(value[keys[0]], keys[1:], new)
    return value


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place(kind: str, data: st.DataObject) -> None:
    files = []
    for name, (folder, stem, text) in KINDS.items():
        value = parse(text.encode(), name).value
        if name == kind:
            keys = data.draw(st.sampled_from(list(places(value))))
            value = changed(value, keys, data.draw(ODD))
        files.append(File(name, folder, stem, name, json.dumps(value).encode()))  # type: ignore[arg-type]
    catalog, faults = validate(files, strict=True)
    assert all(fault.message and fault.line >= 0 for fault in faults)
    assert faults or catalog.checks


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_key_may_be_missing(kind: str) -> None:
    folder, stem, text = KINDS[kind]
    value = parse(text.encode(), kind).value
    for keys in places(value):
        if not keys or not isinstance(keys[-1], str):
            continue
        less = copy.deepcopy(value)
        holder = less
        for key in keys[:-1]:
            holder = holder[key]
        del holder[keys[-1]]
        validate([File(kind, folder, stem, kind, json.dumps(less).encode())])  # type: ignore[arg-type]


def test_a_long_value_is_cut_short_in_its_fault() -> None:
    text = CHECK.replace("high", "x" * 5000)
    _, faults = validate([File("check", "storage", "storage-https-only", "f", text.encode())])
    assert max(len(fault.message) for fault in faults) < 200
