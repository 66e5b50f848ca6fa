"""What became of each finding between two results: every pair of statuses, and everything that was not looked at."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.compare import KINDS, Comparison, Difference
from azscan.results import SEVERITIES, STATUSES, ResourceRef, ScanInfo, Status, Verdict
from tests.report.sample import DEV, OLD, PROD, MemoryResults, https_only, leaf, sample_scan, storage

CHECK = "storage-https-only"
HERE = storage("st")


def scan(*more: str, **changes: Any) -> ScanInfo:
    return msgspec.structs.replace(sample_scan(), check_ids=(CHECK, *more), **changes)


def verdict(status: Status, resource: ResourceRef = HERE, **changes: Any) -> Verdict:
    return msgspec.structs.replace(https_only(resource, status), **{"reason": "denied" * (status == UNREAD), **changes})


UNREAD: Status = "unreadable"


def unlisted(scope: str, subscription: str = PROD) -> Verdict:
    """What stands for the resources of a list that could not be read."""
    return verdict("unreadable", ResourceRef(scope, "*", HERE.type, subscription), reason="access_denied: no")


def compared(
    old: list[Verdict], new: list[Verdict], before: ScanInfo | None = None, now: ScanInfo | None = None, **more: Any
) -> Comparison:
    return Comparison(MemoryResults(old, scan=before or scan()), MemoryResults(new, scan=now or scan()), **more)


def only(comparison: Comparison) -> Difference | None:
    with comparison:
        found = list(comparison.differences())
    assert len(found) <= 1, found
    return found[0] if found else None


# One finding, before and now; None is no verdict, while another check tells that the resource is there.
PAIRS: dict[tuple[Status | None, Status | None], str | None] = {
    ("fail", "fail"): None,
    ("fail", "pass"): "solved",
    ("fail", "waived"): "changed",
    ("fail", "unreadable"): "unreadable",
    ("fail", None): "gone",
    ("pass", "fail"): "new",
    ("pass", "pass"): None,
    ("pass", "waived"): "changed",
    ("pass", "unreadable"): "unreadable",
    ("pass", None): None,
    ("waived", "fail"): "new",
    ("waived", "pass"): "changed",
    ("waived", "waived"): None,
    ("waived", "unreadable"): "unreadable",
    ("waived", None): "gone",
    ("unreadable", "fail"): "new",
    ("unreadable", "pass"): "changed",
    ("unreadable", "waived"): "changed",
    ("unreadable", "unreadable"): None,
    ("unreadable", None): "gone",
    (None, "fail"): "new",
    (None, "pass"): None,
    (None, "waived"): "changed",
    (None, "unreadable"): "unreadable",
}


@pytest.mark.parametrize(("pair", "kind"), PAIRS.items(), ids=str)
def test_every_pair_of_statuses(pair: tuple[Status | None, Status | None], kind: str | None) -> None:
    old, new = ([verdict(status)] if status else [] for status in pair)
    other = verdict("pass", storage("another"))
    comparison = compared([*old, other], [*new, other])
    found = only(comparison)
    assert (found.kind if found else None) == kind
    if found:
        # A failure is always the same failure, so its evidence differs from no other's.
        assert (found.was, found.now) == tuple(status or "" for status in pair)
    code = {"new": 10, "unreadable": 4}.get(kind or "", 0)
    assert comparison.outcome.exit_code == code


def test_the_bar_decides_what_counts() -> None:
    for fail_on, code in (("critical", 0), ("high", 10), ("info", 10), ("never", 0)):
        assert compared([verdict("pass")], [verdict("fail")], fail_on=fail_on).outcome.exit_code == code
    assert compared([verdict("pass")], [verdict("unreadable"), verdict("pass", storage("b"))]).outcome.exit_code == 4


def test_where_nothing_new_is_readable_nothing_is_proven() -> None:
    assert compared([verdict("pass")], [verdict("unreadable")]).outcome.exit_code == 3
    assert compared([verdict("unreadable")], [verdict("unreadable")]).outcome.exit_code == 3
    assert compared([], []).outcome.exit_code == 3
    assert compared([verdict("fail")], []).outcome.exit_code == 0


class TestWhatWasNotLookedAt:
    """A finding that is not there any more is never solved; it is gone only where all of its kind could be read."""

    def test_a_list_that_cannot_be_read_any_more(self) -> None:
        lost = unlisted(f"/subscriptions/{PROD}")
        for status in ("fail", "pass", "waived"):
            with compared([verdict(status)], [lost, verdict("pass", storage("b", DEV))]) as comparison:
                kinds = {(each.kind, each.was, each.now, each.resource.name) for each in comparison.differences()}
            assert kinds == {("unreadable", status, "unreadable", "st"), ("unreadable", "", "unreadable", "*")}
            assert comparison.outcome.exit_code == 4 and comparison.outcome.undecided == 2

    def test_a_list_of_another_place_says_nothing(self) -> None:
        for scope, owner in ((f"/subscriptions/{DEV}", DEV), (f"/subscriptions/{PROD}/resourceGroups/other", PROD)):
            with compared([verdict("fail")], [unlisted(scope, owner)]) as comparison:
                assert {each.kind for each in comparison.differences()} == {"gone", "unreadable"}

    @pytest.mark.parametrize("scope", ["/", f"/SUBSCRIPTIONS/{PROD}/resourcegroups/RG-WEB", HERE.id.upper()])
    def test_a_list_of_a_place_above(self, scope: str) -> None:
        owner = PROD if len(scope) > 1 else ""
        with compared([verdict("fail")], [unlisted(scope, owner)]) as comparison:
            assert {each.kind for each in comparison.differences()} == {"unreadable"}

    def test_a_list_by_region_may_hold_all_of_the_subscription(self) -> None:
        with compared([verdict("fail")], [unlisted(f"/subscriptions/{PROD}/locations/westeurope")]) as comparison:
            assert {each.kind for each in comparison.differences()} == {"unreadable"}

    def test_a_list_below_a_resource_may_hold_what_names_no_group(self) -> None:
        member = ResourceRef("0f0f0f0f-0000-4000-8000-000000000000", "Alice", "user", PROD)
        with compared([verdict("fail", member)], [unlisted(HERE.id)]) as comparison:
            assert {each.kind for each in comparison.differences()} == {"unreadable"}

    def test_a_list_that_can_be_read_again(self) -> None:
        found = only(compared([unlisted(f"/subscriptions/{PROD}")], [verdict("pass")]))
        assert found and (found.kind, found.was, found.now, found.why) == (
            "changed",
            "unreadable",
            "",
            "can be read now",
        )

    def test_a_failure_below_a_list_that_could_not_be_read_is_new(self) -> None:
        with compared([unlisted(f"/subscriptions/{PROD}")], [verdict("fail")]) as comparison:
            found = [each for each in comparison.differences() if each.kind == "new"]
        assert [each.was for each in found] == ["unreadable"] and comparison.outcome.exit_code == 10

    def test_what_was_unreadable_by_its_list_and_is_by_itself_is_as_before(self) -> None:
        before, other = unlisted(f"/subscriptions/{PROD}"), verdict("pass", storage("b", DEV))
        with compared([before, other], [verdict("unreadable"), other]) as comparison:
            assert [each.kind for each in comparison.differences()] == ["changed"]
        assert comparison.outcome.exit_code == 0

    def test_a_resource_named_star_is_a_resource(self) -> None:
        record = ResourceRef(f"/subscriptions/{PROD}/resourceGroups/g/providers/a/b/zone/A/*", "*", "A", PROD, "g")
        found = only(compared([verdict("pass", record)], [verdict("unreadable", record), verdict("pass")]))
        assert found and (found.kind, found.was) == ("unreadable", "pass")

    def test_a_check_that_was_not_run(self) -> None:
        other = verdict("pass", check="storage-other")
        now = msgspec.structs.replace(scan(), check_ids=("storage-other",))
        found = only(compared([verdict("fail")], [other], scan("storage-other"), now))
        assert found and (found.kind, found.why) == ("not-compared", "the check was not run")

    def test_of_results_that_do_not_name_their_checks_nothing_is_assumed(self) -> None:
        bare = sample_scan()
        other = verdict("pass", check="storage-other")
        found = only(compared([verdict("fail")], [other], bare, bare))
        assert found and found.kind == "not-compared"

    @pytest.mark.parametrize(
        ("subscription", "words"),
        [
            (OLD, "the subscription was not scanned: its state is Disabled"),
            ("4" * 8, "the subscription was not scanned"),
        ],
    )
    def test_a_subscription_that_was_not_scanned(self, subscription: str, words: str) -> None:
        found = only(compared([verdict("fail", storage("st", subscription))], [verdict("pass")]))
        assert found and (found.kind, found.why) == ("not-compared", words)

    def test_another_tenant(self) -> None:
        member = ResourceRef("0f0f0f0f-0000-4000-8000-000000000000", "Alice", "user")
        comparison = compared([verdict("fail", member)], [verdict("pass")], now=scan(tenant="other"))
        assert "another tenant: contoso.example before, other now" in comparison.notes
        found = only(comparison)
        assert found and found.kind == "not-compared"

    @pytest.mark.parametrize(
        ("before", "now", "kind"),
        [
            ((), ("--region westeurope",), "not-compared"),
            (("--region westeurope",), ("--region westeurope",), "gone"),
            (("--tag env=prod",), ("--tag env=prod",), "not-compared"),
            (("--region westeurope",), (), "gone"),
        ],
    )
    def test_filters(self, before: tuple[str, ...], now: tuple[str, ...], kind: str) -> None:
        old, new = scan(filters=before), scan(filters=now)
        found = only(compared([verdict("fail")], [verdict("pass", storage("b"))], old, new))
        assert found and found.kind == kind

    def test_gone_tells_a_resource_from_a_check(self) -> None:
        ran = scan("storage-other")
        there = verdict("pass", check="storage-other")
        found = only(compared([verdict("fail"), there], [there], ran, ran))
        assert found and found.why == "the check does not apply any more"
        found = only(compared([verdict("fail"), there], [verdict("pass", storage("b"))], ran, ran))
        assert found and found.why == "there is no such resource any more"


def test_ids_are_compared_by_segments_in_any_case() -> None:
    shouted = msgspec.structs.replace(HERE, id=HERE.id.upper() + "/")
    assert only(compared([verdict("fail")], [verdict("fail", shouted)])) is None


def test_a_check_that_was_renamed_is_the_same() -> None:
    former = msgspec.structs.replace(scan(), check_ids=("storage-tls",))
    renamed = {"storage-tls": CHECK}
    comparison = compared(
        [verdict("fail", check="storage-tls")],
        [verdict("fail")],
        former,
        present_id=lambda check: renamed.get(check, check),
    )
    assert not [note for note in comparison.notes if "not run" in note]
    assert only(comparison) is None


def test_the_worst_verdict_stands_for_all_of_the_same_check_and_resource() -> None:
    twice = [verdict("pass"), verdict("fail")]
    assert only(compared(twice, [verdict("fail")])) is None
    found = only(compared(twice, [verdict("pass"), verdict("pass")]))
    assert found and found.kind == "solved"


def test_what_else_may_change_of_a_failure() -> None:
    found = only(compared([verdict("fail", severity="medium")], [verdict("fail")]))
    assert found and (found.kind, found.severity, found.why) == ("changed", "high", "its severity was medium")
    other = (leaf("properties.supportsHttpsTrafficOnly", "equals true", None, present=False),)
    found = only(compared([verdict("fail")], [verdict("fail", evidence=other)]))
    assert found and (found.kind, found.why) == ("changed", "it fails by other evidence")
    assert (found.evidence, found.evidence_before) == (other, verdict("fail").evidence)
    later = tuple(msgspec.structs.replace(each, read_at="2027", url="u") for each in verdict("fail").evidence)
    assert only(compared([verdict("fail")], [verdict("fail", evidence=later)])) is None


def test_a_selection_leaves_the_others_out() -> None:
    others = [verdict("fail", check="storage-other")]
    assert only(compared([verdict("pass")], [verdict("pass"), *others], wanted=lambda check: check == CHECK)) is None


def test_where_the_two_do_not_fit_together_is_said() -> None:
    now = scan("b", "c", "d", "e", catalog="other", cloud="AzureChinaCloud", started="2020-01-01T00:00:00Z")
    notes = compared([], [], scan("a"), msgspec.structs.replace(now, subscriptions=())).notes
    assert notes == (
        "the second of them is older than the first",
        "another cloud: AzureCloud before, AzureChinaCloud now",
        "not scanned now: contoso-dev, contoso-prod",
        "checks not run now (1): a",
        "checks not run before (4): b, c, d and 1 more",
        "the catalogues differ: what changed may be a check, and not the estate",
    )
    assert compared([], []).notes == ()


made = st.lists(
    st.builds(
        lambda status, name, check, severity: verdict(status, storage(name), check=check, severity=severity),
        st.sampled_from(STATUSES[:4]),
        st.sampled_from("abc"),
        st.sampled_from([CHECK, "storage-other"]),
        st.sampled_from(SEVERITIES),
    )
    | st.builds(unlisted, st.sampled_from([f"/subscriptions/{PROD}", storage("a").id, "/"])),
    max_size=8,
)


@given(made, made)
@settings(deadline=None, max_examples=200)
def test_no_failure_is_lost_and_nothing_unread_is_solved(old: list[Verdict], new: list[Verdict]) -> None:
    ran = scan("storage-other")
    with compared(old, new, ran, ran) as comparison:
        found = list(comparison.differences())
    assert found == sorted(found, key=lambda each: (KINDS.index(each.kind), SEVERITIES.index(each.severity)))

    def failed(verdicts: list[Verdict]) -> set[tuple[str, str]]:
        return {(each.check, each.resource.id.lower()) for each in verdicts if each.status == "fail"}

    told = {(each.check, each.resource.id.lower()): each for each in found if each.resource.name != "*"}
    assert {key for key, each in told.items() if each.kind == "new"} == failed(new) - failed(old)
    for key in failed(old) - failed(new):
        assert told[key].kind in ("solved", "unreadable", "changed", "gone")
    for each in found:
        if each.kind == "solved":
            same = [one for one in new if (one.check, one.resource) == (each.check, each.resource)]
            assert same and {one.status for one in same} == {"pass"}
