"""Checks and the controls of chosen frameworks."""

from __future__ import annotations

import re

import msgspec
import pytest

from azscan.catalog.model import Control, Edge, FrameworkMap
from azscan.errors import UsageError
from azscan.frameworks import CHOOSE_ONE, choose, narrowed, split

ISO = FrameworkMap(
    "iso",
    "ISO",
    "source",
    (
        Control("A.1", "First", edges=(Edge("a"), Edge("b", "partial", "microsoft"))),
        Control("A.2", "Second", manual="a matter of people"),
        Control("A.3", "Third", edges=(Edge("a"),)),
        Control("A.4", "Fourth"),
        Control("A.5", "Fifth", inherited="Microsoft keeps its buildings"),
        Control("A.6", "Sixth", edges=(Edge("never-met"),)),
    ),
)
CIS = FrameworkMap("cis", "CIS", "source", (Control("1.1", "One", edges=(Edge("b"),)),))
ALL = {"iso": ISO, "cis": CIS}


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
    assert framework.partial == {"A.1": ("b",)}
    assert framework.manual == {"A.2": "a matter of people"}
    assert framework.inherited == {"A.5": "Microsoft keeps its buildings"}


def test_an_unknown_framework_names_the_nearest_or_all() -> None:
    with pytest.raises(UsageError) as caught:
        choose({"iso-27001-2022": ISO}, ["iso-27001"])
    assert caught.value.hint == "did you mean iso-27001-2022?"
    with pytest.raises(UsageError) as caught:
        choose(ALL, ["zzzzzz"])
    assert caught.value.hint == "the frameworks are: cis, iso"


def test_split_leaves_colons_in_control_ids_alone() -> None:
    assert split("nist:AC-2(1):a") == ("nist", "AC-2(1):a")


class TestNamedControls:
    def test_by_framework_or_by_id_alone(self) -> None:
        mapped = choose(ALL, ["iso", "cis"])
        assert mapped.named(["iso:A.1", "1.1", "a.1"]) == ("iso:A.1", "cis:1.1")

    def test_an_id_stands_for_it_in_every_framework(self) -> None:
        both = {"iso": ISO, "other": msgspec.structs.replace(ISO, framework="other")}
        assert choose(both, both).named(["A.3"]) == ("iso:A.3", "other:A.3")

    @pytest.mark.parametrize(
        ("chosen", "name", "message", "hint"),
        [
            (["iso"], "A.11", "no chosen framework has a control A.11", "did you mean A.1?"),
            (["iso"], "zz:99", "no chosen framework has a control zz:99", "see them: azscan frameworks show iso"),
            ([], "A.1", "no chosen framework has a control A.1", CHOOSE_ONE),
            (["iso"], "A.2", "no check decides the control A.2, so", "see why: azscan frameworks show iso"),
        ],
    )
    def test_one_that_cannot_gate_is_refused(self, chosen: list[str], name: str, message: str, hint: str) -> None:
        with pytest.raises(UsageError, match=message) as caught:
            choose(ALL, chosen).named([name])
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (["A.1"], {"iso": ["A.1"], "cis": []}),
        (["a.3", "1.1"], {"iso": ["A.3"], "cis": ["1.1"]}),
        (["cis:*"], {"iso": [], "cis": ["1.1"]}),
        (["iso:A.[12]", "iso:A.?"], None),
        (["A.*"], {"iso": ["A.1", "A.2", "A.3", "A.4", "A.5", "A.6"], "cis": []}),
        ([], {"iso": ["A.1", "A.2", "A.3", "A.4", "A.5", "A.6"], "cis": ["1.1"]}),
    ],
)
def test_controls_are_chosen_by_id_or_glob(names: list[str], left: dict[str, list[str]] | None) -> None:
    if left is None:
        with pytest.raises(UsageError):
            narrowed(ALL, ["iso", "cis"], names)
        return
    found = narrowed(ALL, ["iso", "cis"], names)
    assert {key: [control.id for control in each.controls] for key, each in found.items()} == left


def test_a_control_that_no_chosen_framework_has_names_the_nearest() -> None:
    for names, told, hint in (
        (["A1"], "no control of iso is named A1", "did you mean A.1?"),
        (["1.1"], "no control of iso is named 1.1", ""),
        (["B*"], "no control of iso matches B*", ""),
    ):
        with pytest.raises(UsageError, match=re.escape(told)) as caught:
            narrowed(ALL, ["iso"], names)
        assert hint in caught.value.hint
    with pytest.raises(UsageError, match="no framework is named is"):
        narrowed(ALL, ["is"], ["A.1"])
    with pytest.raises(UsageError, match="controls are chosen from a framework"):
        narrowed(ALL, [], ["A.1"])
