from __future__ import annotations

from typing import Any

import msgspec
import pytest

from azscan.catalog.examples import EXAMPLES_NOW, decider, run_examples
from azscan.catalog.load import inspect
from azscan.catalog.model import Check, Examples, FixText
from azscan.catalog.mutation import Survivor, survivors

# Faults of the catalogue are test_load's; here every check that has examples runs them.
CHECKS = list(inspect()[0].checks.values())
RESULTS = [result for check in CHECKS if check.examples.passing for result in run_examples(check)]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.name)
def test_example(result: Any) -> None:
    assert result.outcome == result.expected, "\n".join(result.grounds)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_deciding_properties_decide(check: Check) -> None:
    assert survivors(check) == []


def made(require: dict[str, Any], passing: list[dict[str, Any]], failing: list[dict[str, Any]], **more: Any) -> Check:
    examples = Examples(tuple(passing), tuple(failing), tuple(more.pop("not_applicable", ())))
    return Check(
        id="x-y", title="", severity="high", status="stable", service="x", area="", subject="x", require=require,
        why="", fix=FixText(""), examples=examples, **more,
    )  # fmt: skip


ENABLED = {"field": "enabled", "equals": True}


class TestRunExamples:
    def test_every_example_is_decided(self) -> None:
        check = made(
            ENABLED, [{"enabled": True}], [{"enabled": False}, {}],
            applies={"field": "kind", "notEquals": "other", "default": "this"}, not_applicable=[{"kind": "other"}],
        )  # fmt: skip
        results = run_examples(check)
        assert all(result.is_right for result in results)
        assert [result.name for result in results] == [
            "x-y-pass-1", "x-y-fail-1", "x-y-fail-2", "x-y-not-applicable-1",
        ]  # fmt: skip

    def test_a_wrong_one_says_what_decided(self) -> None:
        (wrong, right) = run_examples(made(ENABLED, [{"enabled": False}], [{}]))
        assert (wrong.outcome, wrong.is_right, right.is_right) == ("fail", False, True)
        assert wrong.grounds == ("enabled: equals true, is False",)
        assert right.grounds == ("enabled: equals true, is absent",)

    def test_an_applies_that_is_unsaid_applies(self) -> None:
        decide = decider(made(ENABLED, [], [], applies={"field": "kind", "equals": "a"}))
        assert decide({"enabled": True})[0] == "pass"
        assert decide({"enabled": True, "kind": "b"})[0] == "not-applicable"

    def test_an_empty_list_may_be_not_applicable(self) -> None:
        require = {"every": {"in": "parts", "where": ENABLED, "whenEmpty": "not-applicable"}}
        decide = decider(made(require, [], []))
        assert decide({"parts": []})[0] == "not-applicable"
        assert decide({"parts": [{"enabled": True}]})[0] == "pass"

    def test_parameters_are_filled_in(self) -> None:
        decide = decider(made({"field": "days", "greaterOrEquals": "${days}"}, [], [], params={"days": 30}))
        assert [decide({"days": days})[0] for days in (29, 30)] == ["fail", "pass"]

    def test_the_time_of_examples_is_fixed(self) -> None:
        check = made({"not": {"field": "expires", "expiresWithin": "30d"}}, [], [])
        decide = decider(check)
        assert EXAMPLES_NOW.isoformat() == "2026-01-01T00:00:00+00:00"
        assert decide({"expires": "2026-02-15T00:00:00Z"})[0] == "pass"
        assert decide({"expires": "2026-01-15T00:00:00Z"})[0] == "fail"


class TestMutation:
    def found(self, require: dict[str, Any], *passing: dict[str, Any], failing: Any = ()) -> list[str]:
        return [survivor.path for survivor in survivors(made(require, list(passing), list(failing)))]

    @pytest.mark.parametrize(
        ("require", "document"),
        [
            (ENABLED, {"enabled": True}),
            ({"field": "a.b", "notEquals": "x", "default": "y"}, {"a": {"b": "z"}}),
            ({"field": "a", "exists": False}, {"b": 1}),
            ({"field": "a", "exists": True}, {"a": 1}),
            ({"field": "a", "in": ["x", "y"], "default": "x"}, {}),
            ({"allOf": [ENABLED, {"field": "b", "less": 3}]}, {"enabled": True, "b": 1}),
            ({"not": {"field": "a", "contains": "x"}}, {"a": ["y"]}),
            ({"every": {"in": "l", "where": ENABLED, "whenEmpty": "pass"}}, {"l": [{"enabled": True}]}),
            ({"every": {"in": "l", "where": ENABLED, "whenEmpty": "fail"}}, {"l": [{"enabled": True}] * 2}),
            ({"none": {"in": "l", "where": ENABLED, "whenEmpty": "pass", "default": []}}, {"l": [{"enabled": False}]}),
            ({"some": {"in": "l", "where": {"field": ".", "equals": "a"}}}, {"l": ["a", "b"]}),
            ({"some": {"in": "map", "where": ENABLED}}, {"map": {"one": {"enabled": True}, "two": {}}}),
            ({"count": {"in": "l", "where": ENABLED}, "greaterOrEquals": 1}, {"l": [{"enabled": True}]}),
            (
                {"some": {"in": "l", "where": {"some": {"in": "m", "where": ENABLED}}}},
                {"l": [{"m": [{"enabled": True}]}]},
            ),
            ({"field": "expires", "olderThan": "30d"}, {"expires": "2025-01-01T00:00:00Z"}),
        ],
    )
    def test_a_sound_check_has_no_survivor(self, require: dict[str, Any], document: dict[str, Any]) -> None:
        assert decider(made(require, [], []))(document)[0] == "pass"
        assert self.found(require, document) == []

    def test_a_check_that_cannot_fail_is_found(self) -> None:
        always = {"anyOf": [ENABLED, {"field": "enabled", "notEquals": True, "default": False}]}
        assert self.found(always, {"enabled": True}) == ["enabled"]

    def test_a_property_whose_value_does_not_matter_is_found(self) -> None:
        require = {"count": {"in": "l", "where": ENABLED, "default": []}, "lessOrEquals": 9}
        assert "l" in self.found(require, {"l": [{"enabled": False}]})

    def test_a_branch_must_decide_in_some_example(self) -> None:
        either = {"anyOf": [ENABLED, {"field": "b", "equals": 1}]}
        both = {"enabled": True, "b": 1}
        assert self.found(either, both) == ["enabled"]
        assert self.found(either, both, {"enabled": True}) == []

    def test_a_survivor_says_where(self) -> None:
        always = {"anyOf": [{"field": "a.b", "exists": True}, {"field": "a.b", "exists": False}]}
        assert survivors(made(always, [{}], [])) == [Survivor("x-y", 1, "a.b")]

    def test_the_example_itself_is_left_as_it_is(self) -> None:
        document = {"l": [{"enabled": True}], "a": {"b": 1}}
        before = msgspec.json.encode(document)
        self.found({"allOf": [{"field": "a.b", "equals": 1}, {"some": {"in": "l", "where": ENABLED}}]}, document)
        assert msgspec.json.encode(document) == before
