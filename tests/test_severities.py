"""The severities that the team gave checks."""

from __future__ import annotations

from datetime import date

from azscan.results import Severity, SeverityOverride
from azscan.severities import override
from tests.collect.ground import catalog, check

TODAY = date(2026, 5, 4)
ON = {"field": "properties.on", "equals": True}
KNOWN = catalog(
    checks=[
        check("test-a", "thing", ON, severity="high", aliases=("test-old",)),
        check("test-b", "thing", ON, severity="low"),
        check("test-c", "thing", ON, severity="critical"),
    ]
)


def entry(checks: str, severity: Severity, expires: str = "") -> SeverityOverride:
    return SeverityOverride((checks,), severity, "known", expires=expires)


def severities(*entries: SeverityOverride) -> dict[str, str]:
    changed, _ = override(KNOWN, entries, TODAY)
    return {name: each.severity for name, each in changed.checks.items()}


def test_without_entries_the_catalogue_stays_itself() -> None:
    assert override(KNOWN, (), TODAY) == (KNOWN, ())
    assert override(KNOWN, (entry("*", "low", "2026-05-03"),), TODAY)[0] is KNOWN


def test_ids_globs_and_former_ids() -> None:
    assert severities(entry("test-a", "info")) == {"test-a": "info", "test-b": "low", "test-c": "critical"}
    assert severities(entry("test-old", "info"))["test-a"] == "info"
    assert set(severities(entry("*", "medium")).values()) == {"medium"}
    assert {name: each.severity for name, each in KNOWN.checks.items()}["test-a"] == "high"


def test_the_first_that_fits_counts_and_each_tells_what_it_changed() -> None:
    _, told = override(KNOWN, (entry("test-a", "low"), entry("test-*", "low"), entry("test-a", "info")), TODAY)
    assert [dict(each.changed) for each in told] == [{"test-a": "high"}, {"test-c": "critical"}, {}]


def test_one_counts_through_its_last_day() -> None:
    assert severities(entry("test-a", "low", "2026-05-04"))["test-a"] == "low"
    _, (told,) = override(KNOWN, (entry("test-a", "low", "2026-05-03"),), TODAY)
    assert told.expired and not told.changed


def test_an_expired_one_does_not_hide_one_that_counts() -> None:
    assert severities(entry("test-a", "low", "2026-05-03"), entry("test-a", "info"))["test-a"] == "info"
