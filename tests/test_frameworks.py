"""Checks and controls."""

from __future__ import annotations

import pytest

from azscan.catalog.model import Control, FrameworkMap
from azscan.errors import UsageError
from azscan.frameworks import choose, control_results, split
from azscan.results import ResourceRef, Status, Verdict

ISO = FrameworkMap(
    "iso",
    "ISO",
    "source",
    (
        Control("A.1", "First", checks=("a", "b")),
        Control("A.2", "Second", manual="a matter of people"),
        Control("A.3", "Third", checks=("a",)),
        Control("A.4", "Fourth"),
        Control("A.5", "Fifth", inherited="Microsoft keeps its buildings"),
        Control("A.6", "Sixth", checks=("never-met",)),
    ),
)
CIS = FrameworkMap("cis", "CIS", "source", (Control("1.1", "One", checks=("b", "b")),))
ALL = {"iso": ISO, "cis": CIS}


def verdict(check: str, status: Status, controls: tuple[str, ...]) -> Verdict:
    return Verdict(check, "", "s", "high", status, ResourceRef("/x", "x", "t"), controls=controls)


def test_controls_of_a_check_in_the_order_of_the_frameworks() -> None:
    mapped = choose(ALL, ["cis", "iso", "cis"])
    assert [framework.key for framework in mapped.frameworks] == ["cis", "iso"]
    assert mapped.controls("b") == ("cis:1.1", "iso:A.1")
    assert mapped.controls("a") == ("iso:A.1", "iso:A.3")
    assert mapped.controls("unknown") == ()
    assert mapped.checks == {"a", "b", "never-met"}


def test_nothing_chosen() -> None:
    assert choose(ALL, []).frameworks == ()


def test_reports_get_every_control_and_why_some_have_no_check() -> None:
    (framework,) = choose(ALL, ["iso"]).frameworks
    assert list(framework.controls) == ["A.1", "A.2", "A.3", "A.4", "A.5", "A.6"]
    assert framework.checks == {"A.1": ("a", "b"), "A.3": ("a",), "A.6": ("never-met",)}
    assert framework.left_out == {
        "A.2": "manual: a matter of people",
        "A.4": "no check covers this control",
        "A.5": "inherited: Microsoft keeps its buildings",
    }


def test_an_unknown_framework_names_the_nearest_or_all() -> None:
    with pytest.raises(UsageError) as caught:
        choose({"iso-27001-2022": ISO}, ["iso-27001"])
    assert caught.value.hint == "did you mean iso-27001-2022?"
    with pytest.raises(UsageError) as caught:
        choose(ALL, ["zzzzzz"])
    assert caught.value.hint == "the frameworks are: cis, iso"


def test_split_leaves_colons_in_control_ids_alone() -> None:
    assert split("nist:AC-2(1):a") == ("nist", "AC-2(1):a")


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        (["pass", "waived", "unreadable", "fail"], "failed"),
        (["pass", "waived", "unreadable"], "undecided"),
        (["pass", "waived"], "waived"),
        (["pass"], "met"),
        (["not-applicable"], "no-verdict"),
        ([], "no-verdict"),
    ],
)
def test_the_worst_verdict_decides_a_control(statuses: list[Status], wanted: str) -> None:
    mapped = choose(ALL, ["iso"])
    verdicts = [verdict("a", status, ("iso:A.1", "other:x")) for status in statuses]
    results = {result.control: result for result in control_results(mapped.frameworks, verdicts)}
    assert results["A.1"].status == wanted
    assert sum(results["A.1"].counts.values()) == len(statuses)
    assert results["A.3"].status == "no-verdict"
    assert (results["A.2"].status, results["A.2"].reason) == ("not-covered", "manual: a matter of people")
