"""What is said again is what would have been said anew."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azscan import assess, recall
from azscan.azure.answers import Fault
from azscan.catalog.model import Catalog
from azscan.conditions.looks import Look
from azscan.conditions.values import Document
from azscan.estate.store import Estate
from azscan.recall import Known, Recall, filled
from azscan.told import pieces_of, places_of, row_of
from tests.collect.ground import ONE, Azure, assessed, at, catalog, check, collect, kind, link, page, thing
from tests.conditions.test_alike import WILD
from tests.conditions.test_properties import CONDITIONS, DOCUMENTS


def stored(estate: Estate) -> list[tuple[Any, ...]]:
    """Every verdict as it stands in the estate, and the leaves that evidence names."""
    verdicts = estate.connection.execute("SELECT number, status, told FROM verdicts ORDER BY number, status, rowid")
    return [*verdicts, *estate.connection.execute("SELECT * FROM assessed ORDER BY number")]


def anew(group: Any, _attached: Any) -> Recall[Any]:
    return Recall([], group)


def assert_stored_as_anew(estate: Estate, known: Catalog) -> None:
    assessed(estate, known)
    again = stored(estate)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assess, "_recall", anew)
        assessed(estate, known)
    assert stored(estate) == again
    estate.close()


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
    assert_stored_as_anew(estate, known)


WITH_PARTS = (
    kind("thing", links=(link("m", "other", "others[*]", "id", many=True),)),
    kind("child", of=("thing",), attach_as="l"),
    kind("part", of=("thing",), get="{id}/part", attach_as="c"),
    kind("deeper", of=("child",), attach_as="m"),
    kind("inner", of=("child",), get="{id}/inner", attach_as="c"),
    kind("other"),
)
DENIED = Fault("access_denied", "no right to read it")


class Estates:
    """An Azure of things whose parts are alike, come in several pages, or cannot be read, as chance has it."""

    def __init__(self, chance: random.Random, shapes: list[dict[str, Any]]) -> None:
        self.chance = chance
        self.shapes = shapes
        self.answers: dict[str, Any] = {}

    def made(self) -> Azure:
        others = [self.named("o", number, "others") for number in range(4)]
        things = [self.named("t", number, "things") for number in range(25)]
        for each in things:
            each["others"] = [one["id"] for one in self.chance.sample(others, self.chance.randint(0, 3))]
            self.listed(f"{each['id']}/childs", each["id"], 3)
            self.single(f"{each['id']}/part")
        return Azure({**self.answers, f"{at(ONE)}/things": page(*things), f"{at(ONE)}/others": page(*others)})

    def named(self, letter: str, number: int, type: str) -> dict[str, Any]:
        own = {name: value for name, value in self.chance.choice(self.shapes).items() if name not in ("c", "l", "m")}
        return {**own, **thing(f"{letter}{number}", type)}

    def listed(self, path: str, parent: str, most: int) -> None:
        if self.chance.random() < 0.1:
            self.answers[path] = DENIED
            return
        items = []
        for number in range(self.chance.randint(0, most)):
            item = {**self.chance.choice(self.shapes), "id": f"{parent}/childs/k{number}", "name": f"k{number}"}
            for name in ("c", "m"):
                item.pop(name, None)
            items.append(item)
            if most > 2:
                self.listed(f"{item['id']}/deepers", item["id"], 2)
                self.single(f"{item['id']}/inner")
        half = len(items) // 2
        if self.chance.random() < 0.5:
            self.answers[path] = page(*items)
        else:
            self.answers[path] = page(*items[:half], next=f"{path}/more")
            self.answers[f"{path}/more"] = page(*items[half:])

    def single(self, path: str) -> None:
        if self.chance.random() < 0.7:
            inner = {key: value for key, value in self.chance.choice(self.shapes).items() if key in ("a", "b")}
            self.answers[path] = DENIED if self.chance.random() < 0.1 else {**inner, "id": path, "name": "part"}


@given(
    st.lists(CONDITIONS, min_size=1, max_size=4),
    st.lists(DOCUMENTS, min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_verdicts_that_rest_on_parts_are_stored_as_if_each_were_judged_anew(
    tmp_path: Any, conditions: list[Any], shapes: list[dict[str, Any]], chance: random.Random
) -> None:
    known = catalog(*WITH_PARTS, checks=[check(f"c{at}", "thing", each) for at, each in enumerate(conditions)])
    path = tmp_path / "e.sqlite"
    path.unlink(missing_ok=True)
    estate = collect(Estates(chance, shapes).made(), known, path)
    assert_stored_as_anew(estate, known)


def test_parts_that_are_alike_are_judged_once_and_told_with_their_own_reads(tmp_path: Any) -> None:
    condition = {
        "allOf": [
            {"field": "c.a", "equals": 1},
            {"some": {"in": "l", "where": {"allOf": [{"field": "a", "equals": 1}, {"field": "c.b", "equals": 2}]}}},
            {"none": {"in": "m", "where": {"field": "a", "equals": 2}, "whenEmpty": "pass"}},
        ]
    }
    known = catalog(*WITH_PARTS, checks=[check("x", "thing", condition)])
    answers: dict[str, Any] = {f"{at(ONE)}/others": page({**thing("o", "others"), "a": 1})}
    things = [{**thing(f"t{number}"), "others": [thing("o", "others")["id"]]} for number in range(9)]
    for each in things:
        child = f"{each['id']}/childs/k"
        answers[f"{each['id']}/childs"] = page({"id": child, "name": "k", "a": 1})
        answers[f"{child}/inner"] = {"id": f"{child}/inner", "name": "inner", "b": 2}
        answers[f"{each['id']}/part"] = {"id": f"{each['id']}/part", "name": "part", "a": 1}
    estate = collect(Azure({**answers, f"{at(ONE)}/things": page(*things)}), known, tmp_path / "e.sqlite")
    held: list[str] = []
    hold = assess.Assessor._hold

    def counted(self: Any, ready: Any, row: Any, document: Any) -> Any:
        held.append(row.id_as_sent)
        return hold(self, ready, row, document)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assess.Assessor, "_hold", counted)
        told = list(assessed(estate, known).verdicts())
    assert held == [things[0]["id"]]
    assert [each.status for each in told] == ["pass"] * 9
    for each in told:
        urls = {fact.path: fact.url.partition("?")[0] for fact in each.evidence}
        assert urls == {
            "c.a": f"{each.resource.id}/part",
            "l[k].a": f"{each.resource.id}/childs",
            "l[k].c.b": f"{each.resource.id}/childs/k/inner",
            "m": f"{at(ONE)}/things",
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
READS = st.sampled_from([None, 7, 8])
FACTS = st.lists(
    st.tuples(st.integers(0, 9), JSON, st.booleans(), READS)
    | st.tuples(st.integers(0, 9), JSON, st.booleans(), READS, st.text()),
    max_size=3,
)


@given(FACTS, st.none() | st.text())
def test_a_verdict_in_pieces_is_the_verdict(facts: list[tuple[Any, ...]], reason: str | None) -> None:
    reads = [None, 7, 8]
    places = places_of(facts, reads)
    assert places is not None
    assert "[12," + filled(pieces_of(facts, reason), places, reads) == row_of(12, facts, reason, None)


FACT: Any = [(0, True, True, 1)]


def test_a_check_that_seldom_sees_the_same_is_no_longer_asked() -> None:
    seldom, often = Known("seldom", [Look(("name",))]), Known("often", [Look(("on",))])
    asked = Recall([seldom, often], ["other"])
    for number in range(3 * recall.PATIENCE):
        keys, _ = asked.look(Document({"name": str(number), "on": number % 2 == 0}, 1))
        for known in asked.known:
            if known.key_of(keys) not in known.outcomes:
                known.missed += 1
                known.keep(known.key_of(keys), [].append, FACT, None, [1])
    assert ([known.check for known in asked.known], asked.others) == (["often"], ["other", "seldom"])
    assert often.missed == 2 and often.key_of(asked.look(Document({"on": True}, 1))[0]) in often.outcomes


def test_memory_is_bounded() -> None:
    known: Known[str] = Known("a", [Look(("name",))])
    asked = Recall([known], [])
    for number in range(recall.MOST + 5):
        keys, _ = asked.look(Document({"name": str(number)}, 1))
        if known.has_room(keys):
            known.keep(known.key_of(keys), [].append, FACT, None, [1])
    assert len(known.outcomes) == recall.MOST
    known.outcomes.clear()
    known.keep("long", [].append, [(0, "x" * (recall.LONGEST + 1), True, 1)], None, [1])
    known.keep("k" * recall.LONGEST_KEY, [].append, FACT, None, [1])
    assert known.outcomes == {}
    assert not known.has_room(asked.look(Document({"name": ["x" * 9999]}, 1))[0])


def test_a_fact_of_another_read_is_not_kept() -> None:
    known: Known[str] = Known("a", [Look(("name",))])
    known.keep("key", [].append, [(0, True, True, 2)], None, [1])
    assert known.outcomes == {}


def test_reads_that_are_the_same_or_not_make_another_key() -> None:
    known: Known[str] = Known("a", [Look(("c", "x")), Look(("d", "x"))])
    Recall([known], [], {"c", "d"})
    keys = [
        known.key_with_reads("k", 1, reads)[0]
        for reads in ([[5], [5]], [[6], [6]], [[5], [6]], [[1], [6]], [[5], [None]])
    ]
    assert keys[0] == keys[1] and len(set(keys[1:])) == 4


def test_numbers_in_evidence_keep_their_type(tmp_path: Any) -> None:
    known = catalog(kind("thing"), checks=[check("a", "thing", {"field": "n", "greater": 0})])
    values = [1, 1.0, True, 1, 1.0, True]
    things = [{**thing(f"t{number}"), "n": value} for number, value in enumerate(values)]
    estate = collect(Azure({f"{at(ONE)}/things": page(*things)}), known, tmp_path / "e.sqlite")
    actual = {each.resource.name: each.evidence[0].actual for each in assessed(estate, known).verdicts()}
    assert msgspec.json.encode([actual[f"t{number}"] for number in range(6)]) == b"[1,1.0,true,1,1.0,true]"
