"""From the verdicts of checks to the status of controls and the score of frameworks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.controls import Outcome, control_results, scores
from azscan.results import ControlResult, ControlStatus, Framework, Severity

F = Framework(
    key="f",
    title="F",
    controls={"1": "One", "2": "Two", "3": "Three", "4": "Four", "5": "Five"},
    checks={"1": ("a", "b"), "2": ("a",)},
    partial={"1": ("b",), "2": ("a",)},
    manual={"3": "A matter of people.", "1": "The rest is paper."},
    inherited={"4": "Microsoft keeps its buildings."},
)
STATUSES = ("fail", "unreadable", "waived", "pass", "not-applicable")


def outcome(severity: Severity = "medium", **counts: int) -> Outcome:
    made = Outcome(severity)
    made.counts.update({status.replace("_", "-"): count for status, count in counts.items()})
    return made


def results(
    outcomes: Mapping[str, Outcome], off: tuple[str, ...] = (), needless: tuple[str, ...] = ()
) -> dict[str, ControlResult]:
    return {each.control: each for each in control_results([F], outcomes, off, needless)}


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        (outcome(**{"pass": 3}), outcome(fail=1, unreadable=1), "fail"),
        (outcome(**{"pass": 3}), outcome(waived=1, unreadable=1), "unreadable"),
        (outcome(**{"pass": 3}), outcome(waived=1), "waived"),
        (outcome(**{"pass": 3}), outcome(**{"pass": 1}), "pass"),
        (outcome(**{"pass": 3}), outcome(), "pass"),
        (outcome(not_applicable=3), outcome(), "no-resources"),
        (outcome(), outcome(), "no-resources"),
    ],
)
def test_the_worst_verdict_decides_a_control(a: Outcome, b: Outcome, status: ControlStatus) -> None:
    assert results({"a": a, "b": b})["1"].status == status


def test_without_checks_a_control_is_manual_or_inherited_and_says_why() -> None:
    found = results({})
    assert (found["3"].status, found["3"].reason) == ("manual", "A matter of people.")
    assert (found["4"].status, found["4"].reason) == ("inherited", "Microsoft keeps its buildings.")
    assert (found["5"].status, found["5"].reason) == ("manual", "no check covers this control")


class TestWhatWasNotRun:
    def test_a_control_does_not_pass_by_half_of_its_checks(self) -> None:
        found = results({"a": outcome(**{"pass": 3})})["1"]
        assert (found.status, found.not_run, found.reason) == ("unreadable", ("b",), "not run: 1 of its 2 checks")

    def test_a_failure_is_known_all_the_same(self) -> None:
        assert results({"a": outcome(fail=1)})["1"].status == "fail"

    def test_a_check_that_was_switched_off_waives(self) -> None:
        found = results({"a": outcome(**{"pass": 3})}, off=("b",))["1"]
        assert (found.status, found.reason) == ("waived", "switched off: 1 of its 2 checks")

    def test_a_deprecated_check_is_not_missed(self) -> None:
        assert results({"a": outcome(**{"pass": 3})}, needless=("b",))["1"].status == "pass"

    def test_a_control_of_nothing_but_deprecated_checks_is_not_decided(self) -> None:
        found = results({}, needless=("a", "b"))["1"]
        assert (found.status, found.reason) == ("unreadable", "not run: 2 of its 2 checks")


def test_counts_strength_and_the_worst_severity() -> None:
    found = results({"a": outcome("low", fail=1), "b": outcome("high", fail=2, not_applicable=7, **{"pass": 4})})
    one, two = found["1"], found["2"]
    assert (one.decided_by, two.decided_by) == (("b", "a"), ("a",))
    assert (one.severity, one.counts, one.checks) == ("high", {"fail": 3, "pass": 4}, 2)
    assert (one.strength, two.strength, two.severity) == ("direct", "partial", "low")
    assert one.reason == "The rest is paper."
    passed = results({"a": outcome("high", **{"pass": 1}), "b": outcome()})["1"]
    assert (passed.severity, passed.decided_by) == ("", ())


def test_the_score_counts_what_was_decided() -> None:
    statuses: list[ControlStatus] = ["pass", "pass", "fail", "waived", "unreadable", "no-resources", "manual"]
    (score,) = scores([F], [ControlResult("f", str(number), "", status) for number, status in enumerate(statuses)])
    assert (score.passed, score.decided, score.percent) == (2, 4, 50.0)
    assert {status: count for status, count in score.statuses.items() if count} == {
        "pass": 2, "fail": 1, "waived": 1, "unreadable": 1, "no-resources": 1, "manual": 1,
    }  # fmt: skip


def test_nothing_decided_has_no_score() -> None:
    assert scores([F], [])[0].percent is None


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_hundred_percent_means_all(passed: int, failed: int) -> None:
    made = [ControlResult("f", "1", "", "pass")] * passed + [ControlResult("f", "2", "", "fail")] * failed
    (score,) = scores([F], made)
    assert (score.percent == 100) == (failed == 0 and passed > 0)
    assert (score.percent is None) == (not passed and not failed)


@given(
    st.dictionaries(
        st.sampled_from(["a", "b"]), st.dictionaries(st.sampled_from(STATUSES), st.integers(0, 3), max_size=5)
    )
)
def test_a_control_passes_only_where_all_of_its_checks_ran_and_nothing_else_was_said(
    told: dict[str, dict[str, int]],
) -> None:
    outcomes = {}
    for check, counts in told.items():
        outcomes[check] = Outcome("low")
        outcomes[check].counts.update(counts)
    one = results(outcomes)["1"]
    said = {status for counts in told.values() for status, count in counts.items() if count} - {"not-applicable"}
    assert (one.status == "pass") == (len(told) == 2 and said == {"pass"})
