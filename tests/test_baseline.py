"""The failures that a baseline lets through, and where it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from azscan.baseline import Baseline
from azscan.report import write
from azscan.results import ScanInfo, SubscriptionRef
from tests.report.sample import DEV, PROD, MemoryResults, https_only, sample, sample_scan, storage

CHECK = "storage-https-only"


def made(tmp_path: Path, results: MemoryResults, **renamed: str) -> Baseline:
    path = tmp_path / "known.json"
    with path.open("wb") as stream:
        write("json", results, stream)
    return Baseline(str(path), lambda check: renamed.get(check, check))


def scan(**changes: Any) -> ScanInfo:
    return msgspec.structs.replace(sample_scan(), **{"check_ids": (CHECK,), **changes})


def misfits(tmp_path: Path, before: ScanInfo, now: ScanInfo) -> list[str]:
    baseline = made(tmp_path, MemoryResults([], scan=before))
    return [each.replace(f"the baseline {baseline.path} ", "") for each in baseline.misfits(now, now.check_ids)]


def test_only_failures_are_known(tmp_path: Path) -> None:
    statuses = ("fail", "pass", "unreadable", "waived")
    baseline = made(tmp_path, MemoryResults([https_only(storage(each), each) for each in statuses]))
    assert [baseline.knows(CHECK, storage(each).id) for each in statuses] == [True, False, False, False]
    assert baseline.knows(CHECK, storage("fail").id.upper() + "/")
    assert not baseline.knows("storage-other", storage("fail").id)
    assert len(baseline) == 1
    assert len(made(tmp_path, sample())) == 11


def test_former_ids_of_checks_are_theirs(tmp_path: Path) -> None:
    baseline = made(tmp_path, MemoryResults([https_only(storage("a"))]), **{CHECK: "storage-tls"})
    assert baseline.knows("storage-tls", storage("a").id)


def test_where_it_does_not_fit_is_said(tmp_path: Path) -> None:
    fresh = SubscriptionRef("4" * 8, "contoso-new")
    now = scan(check_ids=(CHECK, "a", "b", "c", "d"), subscriptions=(*scan().subscriptions, fresh))
    assert misfits(tmp_path, scan(), now) == [
        "lacks the subscriptions contoso-new: all of their failures are new",
        "lacks the checks a, b, c and 1 more: all of their failures are new",
    ]
    assert misfits(tmp_path, scan(), scan(tenant="other", cloud="c")) == [
        "is of another tenant (contoso.example)",
        "is of another cloud (AzureCloud)",
    ]
    assert misfits(tmp_path, scan(filters=("--region a",)), scan()) == ["holds only what fits --region a"]
    assert misfits(tmp_path, scan(), scan()) == []


def test_a_subscription_that_was_left_out_counts_as_lacking(tmp_path: Path) -> None:
    before = scan(
        subscriptions=(SubscriptionRef(PROD, "p", left_out="its state is Disabled"), SubscriptionRef(DEV, "d"))
    )
    now = scan(subscriptions=(SubscriptionRef(PROD.upper(), "p"), SubscriptionRef(DEV.upper(), "d")))
    assert misfits(tmp_path, before, now) == ["lacks the subscriptions p: all of their failures are new"]
