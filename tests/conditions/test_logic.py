from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions import logic
from azscan.conditions.logic import FALSE, INFINITY, NOT, TRUE, UNREADABLE, UNSAID

FOUR = (FALSE, TRUE, UNSAID, UNREADABLE)
truths = st.lists(st.sampled_from(FOUR), max_size=6)


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (FALSE, UNSAID, FALSE, UNSAID),
        (FALSE, UNREADABLE, FALSE, UNREADABLE),
        (TRUE, UNSAID, UNSAID, TRUE),
        (TRUE, UNREADABLE, UNREADABLE, TRUE),
        (UNSAID, UNREADABLE, UNREADABLE, UNREADABLE),
        (UNSAID, UNSAID, UNSAID, UNSAID),
        (TRUE, FALSE, FALSE, TRUE),
    ],
)
def test_pairs_by_the_table(left: int, right: int, both: int, either: int) -> None:
    for pair in ((left, right), (right, left)):
        assert logic.all_of(pair) == both
        assert logic.any_of(pair) == either


def test_unknown_stays_unknown_under_not() -> None:
    assert [NOT[truth] for truth in FOUR] == [TRUE, FALSE, UNSAID, UNREADABLE]


@given(truths)
def test_all_of_and_any_of_agree_with_every_completion(given_truths: list[int]) -> None:
    unknown = [index for index, truth in enumerate(given_truths) if truth > TRUE]
    completions = []
    for choice in itertools.product((FALSE, TRUE), repeat=len(unknown)):
        whole = list(given_truths)
        for index, truth in zip(unknown, choice, strict=True):
            whole[index] = truth
        completions.append(whole)
    for join, python in ((logic.all_of, all), (logic.any_of, any)):
        answers = {int(python(whole)) for whole in completions}
        truth = join(given_truths)
        if len(answers) == 1:
            assert truth == answers.pop()
        else:
            assert truth == max(given_truths[index] for index in unknown)


@given(truths)
def test_de_morgan(given_truths: list[int]) -> None:
    turned = [NOT[truth] for truth in given_truths]
    assert NOT[logic.all_of(given_truths)] == logic.any_of(turned)


@given(truths)
def test_quantifiers_are_combinations_over_items(given_truths: list[int]) -> None:
    false, true, unsaid, unreadable = (given_truths.count(truth) for truth in FOUR)
    assert logic.some(true, unsaid, unreadable) == logic.any_of(given_truths)
    assert logic.none(true, unsaid, unreadable) == NOT[logic.any_of(given_truths)]
    assert logic.every(false, unsaid, unreadable) == logic.all_of(given_truths)


@given(st.sampled_from(logic.COMPARISONS), st.integers(0, 6), st.integers(0, 6), st.integers(0, 8))
def test_a_range_is_decided_where_every_number_of_it_agrees(op: str, low: int, more: int, wanted: int) -> None:
    answers = {int(_compared(op, number, wanted)) for number in range(low, low + more + 1)}
    decided = logic.compare(op, low, low + more, wanted)
    assert decided == (answers.pop() if len(answers) == 1 else None)


@pytest.mark.parametrize(
    ("op", "wanted", "truth"),
    [("greater", 2, TRUE), ("greater", 5, None), ("less", 3, FALSE), ("less", 9, None), ("equals", 2, FALSE)],
)
def test_an_endless_range(op: str, wanted: int, truth: int | None) -> None:
    assert logic.compare(op, 3, INFINITY, wanted) == truth


def _compared(op: str, number: int, wanted: int) -> bool:
    return {
        "equals": number == wanted,
        "notEquals": number != wanted,
        "less": number < wanted,
        "lessOrEquals": number <= wanted,
        "greater": number > wanted,
        "greaterOrEquals": number >= wanted,
    }[op]
