"""Edges that follow from a table of policies."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from azscan.catalog.derive import DerivedEdge, PolicyEdge, derive, read_edges
from azscan.catalog.model import Check, Control, Edge, FixText, FrameworkMap, LeftOut
from azscan.errors import UsageError

CHECK = Check("a", "A", "low", "stable", "s", "posture", "x", {}, "why", FixText("fix"), policy=("p1",))
B = msgspec.structs.replace(CHECK, id="b", policy=("p2", "p3"))
FRAMEWORK = FrameworkMap(
    "f",
    "F",
    "source",
    (
        Control("2", "Two", (Edge("a", "direct", "microsoft"), Edge("b", "partial", "microsoft"))),
        Control("1", "One", (Edge("a"),), (LeftOut(("b",), "No."),)),
        Control("3", "Three", manual="People."),
    ),
)


def test_the_tables_edges_against_the_files() -> None:
    edges = [PolicyEdge(*pair) for pair in (("p1", "1"), ("p1", "2"), ("p2", "1"), ("p2", "3"), ("p3", "3"))]
    edges += [PolicyEdge("p1", "9"), PolicyEdge("unknown", "2")]
    found = derive(FRAMEWORK, [CHECK, B], edges)
    assert found.kept == (DerivedEdge("2", "a", ("p1",)), DerivedEdge("1", "a", ("p1",)))
    assert found.left_out == (DerivedEdge("1", "b", ("p2",)),)
    assert found.proposed == (DerivedEdge("3", "b", ("p2", "p3")),)
    assert found.unfounded == (DerivedEdge("2", "b"),)
    assert found.strangers == ("9",)


def table(folder: Path, text: str) -> Path:
    path = folder / "edges.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_for_one_key(tmp_path: Path) -> None:
    path = table(tmp_path, "policy\tframework\tcontrol\np1\tf\t8.1\np1\tg\t1\n")
    assert read_edges(path, "f", "A.") == (PolicyEdge("p1", "A.8.1"),)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "is no table of edges", "policy, framework, control"),
        ("policy,framework,control\n", "is no table of edges", "tabs between them"),
        ("policy\tframework\tcontrol\np1\tf\n", "is no table of edges", "tabs between them"),
        ("policy\tframework\tcontrol\np1\tff\t1\n", "has no edge for f", "ff"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_edges(table(tmp_path, text), "f")
    assert hint in caught.value.hint


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_edges(tmp_path / "none.tsv", "f")
