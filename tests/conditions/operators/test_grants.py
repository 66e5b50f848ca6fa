from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.operators.globs import covered, overlaps, overlaps_outside
from tests.conditions.held import DENIED, Attached, Streamed, judge, leaf

LOCKS = "Microsoft.Authorization/locks/*"


def permits(*actions: str, without: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"actions": list(actions), "notActions": without or [], "dataActions": [], "notDataActions": [], **more}


CONTRIBUTOR = permits(
    "*",
    without=[
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ],
)


@pytest.mark.parametrize(
    ("action", "permissions", "truth"),
    [
        pytest.param(LOCKS, [permits(LOCKS)], TRUE, id="trap-20-itself"),
        pytest.param(LOCKS, [permits("*")], TRUE, id="trap-20-star"),
        pytest.param(LOCKS, [permits("Microsoft.Authorization/*")], TRUE, id="trap-20-provider"),
        pytest.param(LOCKS, [permits("microsoft.authorization/LOCKS/*")], TRUE, id="letter-case"),
        pytest.param(LOCKS, [permits("Microsoft.Authorization/locks/read")], FALSE, id="one-of-them"),
        pytest.param(LOCKS, [permits("*/read")], FALSE, id="reader"),
        pytest.param(LOCKS, [CONTRIBUTOR], FALSE, id="trap-20-not-actions-take-away"),
        pytest.param(LOCKS, [permits("*", without=["Microsoft.Storage/*"])], TRUE, id="not-actions-elsewhere"),
        pytest.param(LOCKS, [permits("*", without=["Microsoft.Authorization/locks/delete"])], FALSE, id="one-taken"),
        pytest.param(LOCKS, [CONTRIBUTOR, permits(LOCKS)], TRUE, id="trap-20-another-permission-grants"),
        pytest.param(LOCKS, [permits("Microsoft.Network/*")], FALSE, id="another-provider"),
        pytest.param(LOCKS, [permits()], FALSE, id="no-actions"),
        pytest.param(LOCKS, [], FALSE, id="no-permissions"),
        pytest.param("*", [permits("*")], TRUE, id="everything"),
        pytest.param("*", [CONTRIBUTOR], FALSE, id="not-quite-everything"),
        pytest.param("*", [permits("Microsoft.Storage/*")], FALSE, id="not-everything"),
        pytest.param("*/write", [CONTRIBUTOR], FALSE, id="a-pattern-partly-taken"),
        pytest.param("*/read", [CONTRIBUTOR], TRUE, id="a-pattern-left-alone"),
        pytest.param(
            ["Microsoft.Authorization/locks/write", "Microsoft.Authorization/locks/delete"],
            [permits("Microsoft.Authorization/locks/write"), permits("Microsoft.Authorization/locks/delete")],
            TRUE,
            id="several-actions-by-several-permissions",
        ),
        pytest.param(
            ["Microsoft.Authorization/locks/write", "Microsoft.Authorization/locks/delete"],
            [permits("Microsoft.Authorization/locks/write")],
            FALSE,
            id="one-of-several",
        ),
        pytest.param(LOCKS, [{"actions": ["*"]}], UNSAID, id="not-actions-missing"),
        pytest.param(LOCKS, [{"actions": ["*/read"]}], FALSE, id="not-actions-missing-does-not-matter"),
        pytest.param(LOCKS, [{"notActions": []}], UNSAID, id="actions-missing"),
        pytest.param(LOCKS, [{"notActions": []}, permits("*")], TRUE, id="another-decides"),
        pytest.param(LOCKS, [{"actions": [None], "notActions": []}], UNSAID, id="null-action"),
        pytest.param(LOCKS, [None], UNSAID, id="null-permission"),
        pytest.param(LOCKS, [DENIED], UNREADABLE, id="unreadable-permission"),
        pytest.param(LOCKS, Attached(Streamed(permits("x"), fault=DENIED)), UNREADABLE, id="half-read"),
        pytest.param(LOCKS, Attached(Streamed(permits("*"), fault=DENIED)), TRUE, id="half-read-and-granted"),
        pytest.param(LOCKS, "*", UNSAID, id="text"),
    ],
)
def test_grants(action: Any, permissions: Any, truth: int) -> None:
    assert leaf(permissions, grants={"action": action}) == truth


@pytest.mark.parametrize(
    ("action", "permissions", "truth"),
    [
        ("Microsoft.Authorization/*/write", [permits("Microsoft.Authorization/locks/*")], TRUE),
        ("Microsoft.Authorization/*/write", [permits("*/read")], FALSE),
        ("Microsoft.Authorization/*/write", [CONTRIBUTOR], FALSE),
        ("Microsoft.Authorization/*", [CONTRIBUTOR], TRUE),
        (["Microsoft.Storage/*", "Microsoft.Network/*"], [permits("Microsoft.Network/x/read")], TRUE),
        ("Microsoft.Storage/*", [permits("Microsoft.Network/*"), {"actions": ["*"]}], UNSAID),
        ("Microsoft.Storage/*", [{"actions": ["Microsoft.Network/*"]}], FALSE),
    ],
)
def test_any_of_the_actions(action: Any, permissions: Any, truth: int) -> None:
    assert leaf(permissions, grants={"action": action, "match": "any"}) == truth


def test_the_data_plane_is_another() -> None:
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
    assert leaf([permits("*")], grants={"action": blobs, "plane": "data"}) == FALSE
    assert leaf([permits(dataActions=["*"])], grants={"action": blobs, "plane": "data"}) == TRUE
    assert (
        leaf([permits(dataActions=["*"], notDataActions=[blobs])], grants={"action": blobs, "plane": "data"}) == FALSE
    )


@pytest.mark.parametrize(
    ("scopes", "wanted", "truth"),
    [
        (["/"], "subscription", TRUE),
        (["/subscriptions/s1"], "subscription", TRUE),
        (["/providers/Microsoft.Management/managementGroups/mg"], "subscription", TRUE),
        (["/subscriptions/s1/resourceGroups/g"], "subscription", FALSE),
        (["/subscriptions/s1/resourceGroups/g"], "resourceGroup", TRUE),
        (["/subscriptions/s1/resourceGroups/g/providers/Microsoft.X/y/z"], "resourceGroup", FALSE),
        (["/subscriptions/s1"], "root", FALSE),
        (["/subscriptions/s1", "/"], "root", TRUE),
        (["/subscriptions/S1"], "/subscriptions/s1/resourcegroups/g", TRUE),
        (["/subscriptions/s1"], "/subscriptions/s10", FALSE),
        (["/subscriptions/s1/resourceGroups/g"], "/subscriptions/s1", FALSE),
        (["/providers/Microsoft.Management/managementGroups/mg"], "/subscriptions/s1", UNSAID),
        ("/subscriptions/s1", "subscription", TRUE),
        ([], "subscription", FALSE),
        ([None], "subscription", UNSAID),
        (None, "subscription", UNSAID),
        (5, "subscription", UNSAID),
        (DENIED, "subscription", UNREADABLE),
    ],
)
def test_how_far_it_reaches(scopes: Any, wanted: str, truth: int) -> None:
    role = {"properties": {"permissions": [permits("*")], "assignableScopes": scopes}}
    condition = {"field": "properties.permissions", "grants": {"action": "*", "withinScope": wanted}}
    assert judge(condition, role) == truth
    assigned = {"properties": {"scope": scopes}, "role": {"properties": {"permissions": [permits("*")]}}}
    elsewhere = {"action": "*", "withinScope": wanted, "scopes": "properties.scope"}
    assert judge({"field": "role.properties.permissions", "grants": elsewhere}, assigned) == truth


PATTERNS = st.text("ab*", min_size=1, max_size=5)
TEXTS = ["".join(letters) for size in range(7) for letters in itertools.product("abc", repeat=size)]


def _matches(pattern: str) -> set[str]:
    shape = re.compile(re.escape(pattern).replace(r"\*", ".*"))
    return {text for text in TEXTS if shape.fullmatch(text)}


@given(PATTERNS, PATTERNS, st.lists(PATTERNS, max_size=3))
def test_patterns_are_sets_of_texts(one: str, other: str, more: list[str]) -> None:
    """Texts of up to six letters are enough to tell any two patterns of this size apart in one direction."""
    both = _matches(one) & _matches(other)
    rest = set().union(*(_matches(each) for each in more)) if more else set()
    if both:
        assert overlaps(one, other)
    if both - rest:
        assert overlaps_outside(one, other, more)
    if _matches(one) - rest:
        assert not covered(one, more)
    if not overlaps(one, other):
        assert not both
    if covered(one, more):
        assert _matches(one) <= rest


@pytest.mark.parametrize(
    ("pattern", "by", "is_covered"),
    [
        ("a*", ["*"], True),
        ("a*b", ["a*"], True),
        ("a*b", ["*b"], True),
        ("a*", ["*b"], False),
        ("*", ["a*"], False),
        ("a**b", ["a*b"], True),
        ("a*c", ["a*b*c"], False),
        ("a*b*c", ["a*c"], True),
        ("ab", ["a*", "x"], True),
        ("ab", [], False),
        ("microsoft.x/*", ["microsoft.x/a", "*/b", "microsoft.*"], True),
    ],
)
def test_coverage(pattern: str, by: list[str], is_covered: bool) -> None:
    assert covered(pattern, by) == is_covered


def test_a_tangle_of_patterns_is_given_up_and_unsaid() -> None:
    tangle = [f"*{'ab'[index % 2]}{'c' * index}*{'d' * index}*" for index in range(1, 14)]
    assert leaf([permits(*tangle)], grants={"action": "*a*b*c*d*"}) in (FALSE, UNSAID)
