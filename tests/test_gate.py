"""Exit codes, in the order in which they count."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.gate import FAIL_ON, Allowed, GatedControl, Tally, decide, explain
from azscan.results import SEVERITIES, STATUSES, Allowance, ControlStatus, Severity, Status, Unread

TODAY = date(2026, 5, 4)


def tally(status: Status, severity: Severity = "high", count: int = 1, **more: object) -> Tally:
    return Tally(f"storage-{status}", "storage", severity, status, count, **more)  # type: ignore[arg-type]


def allowed(*parts: str, expires: str = "") -> Allowed:
    return Allowed([Allowance(part, "known", "j.doe", expires) for part in parts], TODAY)


@pytest.mark.parametrize(
    ("tallies", "fail_on", "code"),
    [
        ([tally("pass")], "high", 0),
        ([tally("pass"), tally("fail", "medium")], "high", 0),
        ([tally("pass"), tally("fail", "medium")], "medium", 10),
        ([tally("fail", "critical")], "high", 10),
        ([tally("fail", "high"), tally("unreadable", "high")], "high", 10),
        ([tally("pass"), tally("unreadable", "high")], "high", 4),
        ([tally("pass"), tally("unreadable", "medium")], "high", 0),
        ([tally("fail", "low"), tally("unreadable", "critical")], "high", 4),
        ([tally("waived", "critical")], "info", 0),
        ([tally("not-applicable")], "info", 0),
        ([tally("unreadable", "info", 40)], "high", 3),
        ([tally("unreadable", "high")], "never", 3),
        ([tally("pass"), tally("fail", "critical"), tally("unreadable")], "never", 0),
        ([], "high", 3),
        ([], "never", 3),
    ],
)
def test_exit_codes(tallies: list[Tally], fail_on: str, code: int) -> None:
    assert decide(tallies, fail_on).exit_code == code


def test_trap_33_a_scan_that_read_nothing_never_ends_well() -> None:
    assert decide([tally("unreadable", "info", 5)], "never", allowed("storage", "access_denied")).exit_code == 3


def test_an_estate_that_is_proven_empty_is_no_failure() -> None:
    assert decide([], "high", proven_empty=True).exit_code == 0
    assert decide([tally("unreadable")], "high", proven_empty=True).exit_code == 3


class TestControls:
    """Controls that --fail-on-control names."""

    def control(self, status: ControlStatus, check: str = "storage-unreadable", **more: bool) -> GatedControl:
        return GatedControl("iso:A.1", status, (check,), **more)

    @pytest.mark.parametrize(
        ("status", "code"),
        [("fail", 10), ("unreadable", 4), ("waived", 0), ("pass", 0), ("no-resources", 0), ("manual", 0)],
    )
    def test_they_gate_whatever_fail_on_says(self, status: ControlStatus, code: int) -> None:
        for fail_on in ("never", "high"):
            assert decide([tally("pass")], fail_on, controls=[self.control(status)]).exit_code == code

    def test_they_are_named(self) -> None:
        gate = decide([tally("pass"), tally("fail")], "high", controls=[self.control("fail")])
        assert gate.failed_controls == ("iso:A.1",)
        assert explain(gate).endswith("the gate failed: 1 finding at or above high and control iso:A.1")
        gate = decide([tally("pass")], "high", controls=[self.control("unreadable")])
        assert explain(gate).endswith("the gate held, but control iso:A.1 could not be decided")

    def test_what_is_accepted_as_unreadable_is_accepted_here_too(self) -> None:
        tallies = [tally("pass"), tally("unreadable", "low")]
        assert decide(tallies, "high", allowed("storage"), controls=[self.control("unreadable")]).exit_code == 0
        assert decide(tallies, "high", allowed("sql"), controls=[self.control("unreadable")]).exit_code == 4
        halved = self.control("unreadable", is_whole=False)
        assert decide(tallies, "high", allowed("storage"), controls=[halved]).exit_code == 4


def test_what_is_counted() -> None:
    tallies = [
        tally("fail", "critical", 2),
        tally("fail", "high", 3),
        tally("fail", "low", 9),
        tally("unreadable", count=4),
    ]
    gate = decide(tallies, "high")
    assert (gate.failed, gate.undecided, gate.allowed, gate.fail_on) == (5, 4, 0, "high")


@pytest.mark.parametrize(
    "part", ["storage", "STORAGE", "storage-unreadable", "storage-*", "access_denied", "access-denied"]
)
def test_parts_that_may_stay_unreadable(part: str) -> None:
    accepted = allowed(part)
    gate = decide([tally("pass"), tally("unreadable", count=7, kinds=("access_denied",))], "high", accepted)
    assert (gate.exit_code, gate.undecided, gate.allowed) == (0, 0, 7)
    assert accepted.report()[0].used == 7


@pytest.mark.parametrize(
    ("accepted", "why"),
    [
        (allowed("sql"), "another service"),
        (allowed("throttled"), "another kind"),
        (allowed("access_denied"), "one of two kinds"),
        (allowed("storage", expires="2026-05-03"), "expired yesterday"),
        (allowed(), "nothing"),
    ],
)
def test_what_is_not_accepted_stays_undecided(accepted: Allowed, why: str) -> None:
    kinds = ("access_denied", "licence") if "two" in why else ("access_denied",)
    assert decide([tally("pass"), tally("unreadable", kinds=kinds)], "high", accepted).exit_code == 4


def test_a_verdict_with_two_kinds_of_trouble_needs_both_accepted() -> None:
    verdict = tally("unreadable", kinds=("access_denied", "licence"))
    assert decide([tally("pass"), verdict], "high", allowed("licence", "access_denied")).exit_code == 0


def test_an_allowance_counts_through_its_last_day_and_reports_itself() -> None:
    last, gone = allowed("storage", expires="2026-05-04"), allowed("storage", expires="2026-05-03")
    assert not last.report()[0].expired
    assert gone.report()[0].expired


def test_former_ids_of_a_check_are_its_names() -> None:
    accepted = Allowed([Allowance("old-id")], TODAY, {"storage-unreadable": ("old-id",)})
    assert accepted.covers(service="storage", check="storage-unreadable")


def test_a_part_of_the_estate_is_accepted_only_with_all_its_checks() -> None:
    part = Unread("access_denied", "storage", "account", "s", "s", checks=("a", "b"))
    assert allowed("a", "b").covers_part(part)
    assert not allowed("a").covers_part(part)
    assert allowed("storage").covers_part(part)
    assert allowed("access_denied").covers_part(Unread("access_denied", "sql", "x", "s", "s"))


def test_below_the_gate_use_is_recorded_and_changes_nothing() -> None:
    accepted = allowed("storage")
    gate = decide([tally("pass"), tally("unreadable", "low", 3)], "high", accepted)
    assert (gate.exit_code, gate.allowed) == (0, 0)
    assert accepted.report()[0].used == 3


@pytest.mark.parametrize(
    ("tallies", "fail_on", "accepted", "line"),
    [
        ([tally("fail", count=1204)], "high", None, "exit code 10: the gate failed: 1,204 findings at or above high"),
        (
            [tally("fail"), tally("unreadable", count=2)],
            "low",
            None,
            "exit code 10: the gate failed: 1 finding at or above low; 2 verdicts at or above low could not be decided",
        ),
        (
            [tally("pass"), tally("unreadable")],
            "high",
            None,
            "exit code 4: the gate held, but 1 verdict at or above high could not be decided",
        ),
        ([tally("pass")], "info", None, "exit code 0: the gate held: no finding at or above info"),
        (
            [tally("pass"), tally("unreadable")],
            "high",
            allowed("storage"),
            "exit code 0: the gate held: no finding at or above high; 1 undecided accepted by --allow-unreadable",
        ),
        ([tally("fail")], "never", None, "exit code 0: no gate was asked for (--fail-on never)"),
        (
            [tally("unreadable")],
            "high",
            None,
            "exit code 3: not one verdict could be read, so nothing is proven",
        ),
    ],
)
def test_the_code_is_explained(tallies: list[Tally], fail_on: str, accepted: Allowed | None, line: str) -> None:
    assert explain(decide(tallies, fail_on, accepted)) == line


tallies_of_any_kind = st.lists(
    st.builds(
        Tally,
        check=st.just("a-check"),
        service=st.just("a"),
        severity=st.sampled_from(SEVERITIES),
        status=st.sampled_from(STATUSES),
        count=st.integers(1, 5),
    )
)


@given(tallies_of_any_kind, st.sampled_from(FAIL_ON))
def test_never_green_without_something_readable(tallies: list[Tally], fail_on: str) -> None:
    gate = decide(tallies, fail_on)
    readable = [each for each in tallies if each.status != "unreadable"]
    assert (gate.exit_code == 3) == (not readable)
    if gate.exit_code == 0 and fail_on != "never":
        bar = SEVERITIES[: SEVERITIES.index(fail_on) + 1]  # type: ignore[arg-type]
        assert not [each for each in tallies if each.severity in bar and each.status in ("fail", "unreadable")]


class TestBaseline:
    """Failures that the baseline has are counted apart."""

    @pytest.mark.parametrize(("known", "code"), [(3, 0), (2, 10), (0, 10)])
    def test_only_new_failures_fail_the_gate(self, known: int, code: int) -> None:
        gate = decide([tally("pass"), tally("fail", count=3, known=known)], "high", baseline="r.json")
        assert (gate.exit_code, gate.failed, gate.known, gate.baseline) == (code, 3 - known, known, "r.json")

    def test_below_the_gate_nothing_is_let_through(self) -> None:
        gate = decide([tally("pass"), tally("fail", "low", 3, known=3)], "high", baseline="r.json")
        assert (gate.failed, gate.known) == (0, 0)

    def test_it_excuses_neither_what_is_unreadable_nor_a_control(self) -> None:
        known = tally("fail", known=1)
        assert decide([known, tally("unreadable")], "high", baseline="r.json").exit_code == 4
        control = GatedControl("iso:A.1", "fail", ("storage-fail",))
        assert decide([known], "high", controls=[control], baseline="r.json").exit_code == 10

    def test_it_is_told(self) -> None:
        tallies = [tally("pass"), tally("fail", count=3, known=2)]
        assert explain(decide(tallies, "high", baseline="r.json")) == (
            "exit code 10: the gate failed: 1 new finding at or above high; 2 known from r.json let through"
        )
        assert explain(decide([tally("fail", known=1)], "low", baseline="r.json")) == (
            "exit code 0: the gate held: no new finding at or above low; 1 known from r.json let through"
        )
        assert explain(decide([tally("fail", known=1)], "never", baseline="r.json")) == (
            "exit code 0: no gate was asked for (--fail-on never)"
        )
