"""What is said again is what would have been said anew."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azscan import assess, recall
from azscan.conditions.alike import Look
from azscan.conditions.values import Document
from azscan.estate.store import Estate
from azscan.recall import Known, Recall
from azscan.told import pieces_of, row_of
from tests.collect.ground import ONE, Azure, assessed, at, catalog, check, collect, kind, page, thing
from tests.conditions.test_alike import WILD
from tests.conditions.test_properties import CONDITIONS, DOCUMENTS


def stored(estate: Estate) -> list[tuple[Any, ...]]:
    """Every verdict as it stands in the estate, and the leaves that evidence names."""
    verdicts = estate.connection.execute("SELECT number, status, told FROM verdicts ORDER BY number, status, rowid")
    return [*verdicts, *estate.connection.execute("SELECT * FROM assessed ORDER BY number")]


def anew(group: Any) -> Recall[Any]:
    return Recall([], group)


@given(
    st.lists(CONDITIONS, min_size=1, max_size=4),
    st.lists(DOCUMENTS | WILD, min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_verdicts_are_stored_as_if_each_were_judged_anew(
    tmp_path: Any, conditions: list[Any], shapes: list[dict[str, Any]], chance: random.Random
) -> None:
    known = catalog(
        kind("thing"),
        checks=[
            check(f"c{number}", "thing", condition, **({"applies": conditions[0]} if number % 2 else {}))
            for number, condition in enumerate(conditions)
        ],
    )
    things = [{**thing(f"t{number}"), **chance.choice(shapes)} for number in range(25)]
    path = tmp_path / "e.sqlite"
    path.unlink(missing_ok=True)
    estate = collect(Azure({f"{at(ONE)}/things": page(*things)}), known, path)
    assessed(estate, known)
    again = stored(estate)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assess, "_recall", anew)
        assessed(estate, known)
    assert stored(estate) == again
    estate.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
FACTS = st.lists(
    st.tuples(st.integers(0, 9), JSON, st.booleans(), st.just(7))
    | st.tuples(st.integers(0, 9), JSON, st.booleans(), st.just(7), st.text()),
    max_size=3,
)


@given(FACTS, st.none() | st.text())
def test_a_verdict_in_pieces_is_the_verdict(facts: list[tuple[Any, ...]], reason: str | None) -> None:
    assert "[12," + "7".join(pieces_of(facts, reason)) == row_of(12, facts, reason, None)


def test_a_check_that_seldom_sees_the_same_is_no_longer_asked() -> None:
    seldom, often = Known("seldom", [Look(("name",))]), Known("often", [Look(("on",))])
    asked = Recall([seldom, often], ["other"])
    told: list[str] = []
    for number in range(3 * recall.PATIENCE):
        keys = asked.keys(Document({"name": str(number), "on": number % 2 == 0}))
        for known in asked.known:
            if known.key_of(keys) not in known.outcomes:
                known.missed += 1
                asked.keep(known, keys, (told.append, ["said"]))
    assert ([known.check for known in asked.known], asked.others) == (["often"], ["other", "seldom"])
    assert often.missed == 2 and often.key_of(asked.keys(Document({"on": True}))) in often.outcomes


def test_memory_is_bounded() -> None:
    known: Known[str] = Known("a", [Look(("name",))])
    asked = Recall([known], [])
    for number in range(recall.MOST + 5):
        asked.keep(known, asked.keys(Document({"name": str(number)})), ([].append, ["said"]))
    assert len(known.outcomes) == recall.MOST
    known.outcomes.clear()
    asked.keep(known, asked.keys(Document({"name": "long"})), ([].append, ["x" * (recall.LONGEST + 1)]))
    asked.keep(known, asked.keys(Document({"name": ["x" * 9999]})), ([].append, ["said"]))
    assert known.outcomes == {}


def test_numbers_in_evidence_keep_their_type(tmp_path: Any) -> None:
    known = catalog(kind("thing"), checks=[check("a", "thing", {"field": "n", "greater": 0})])
    values = [1, 1.0, True, 1, 1.0, True]
    things = [{**thing(f"t{number}"), "n": value} for number, value in enumerate(values)]
    estate = collect(Azure({f"{at(ONE)}/things": page(*things)}), known, tmp_path / "e.sqlite")
    actual = {each.resource.name: each.evidence[0].actual for each in assessed(estate, known).verdicts()}
    assert msgspec.json.encode([actual[f"t{number}"] for number in range(6)]) == b"[1,1.0,true,1,1.0,true]"
