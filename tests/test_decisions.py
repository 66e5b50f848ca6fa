"""What the team decided, as one table with its warnings."""

from __future__ import annotations

from datetime import date

from azscan.decisions import Decision, covers, decisions, warnings
from azscan.results import Allowance, Off, SeverityOverride, Waiver

TODAY = date(2026, 5, 4)
WAIVERS = (
    Waiver(("a",), ("*/www*",), "r", "j.doe", "SEC-1", "2026-05-04", used=2, source="azscan.yaml:3"),
    Waiver(("b",), (), "r", tags=("env=dev",), expires="2026-05-03", source="azscan.yaml:4"),
    Waiver(("c",), ("*",), "r", source="azscan.yaml:5"),
    Waiver(("d",), ("*",), "r", not_tried="none of its checks was run", source="azscan.yaml:6"),
)
OFF = (
    Off("r", services=("media",), source="azscan.yaml:8"),
    Off("r", checks=("sql-*",), expires="2026-01-31", source="azscan.yaml:9"),
)
OVERRIDES = (
    SeverityOverride(("e-*",), "low", "r", changed={"e-a": "high", "e-b": "medium"}, source="azscan.yaml:11"),
    SeverityOverride(("f",), "low", "r", source="azscan.yaml:12"),
)
ALLOWED = (Allowance("sql", used=1, source="--allow-unreadable"), Allowance("licence", source="--allow-unreadable"))


def told(*, is_scanned: bool) -> tuple[Decision, ...]:
    return decisions(WAIVERS, OFF, OVERRIDES, ALLOWED, is_scanned=is_scanned, today=TODAY)


def test_states_after_a_scan() -> None:
    assert [(each.kind, each.what, each.state, each.note) for each in told(is_scanned=True)] == [
        ("waiver", "a on */www*", "in force", "used for 2 findings"),
        ("waiver", "b on tag env=dev", "expired", ""),
        ("waiver", "c on *", "unused", ""),
        ("waiver", "d on *", "not tried", "none of its checks was run"),
        ("off", "media", "in force", ""),
        ("off", "sql-*", "expired", ""),
        ("severity", "e-*: low", "in force", "high in the catalogue: e-a; medium in the catalogue: e-b"),
        ("severity", "f: low", "unused", ""),
        ("unreadable", "sql", "in force", "used for 1 verdict"),
        ("unreadable", "licence", "unused", ""),
    ]


def test_without_a_scan_no_waiver_is_unused() -> None:
    states = [each.state for each in told(is_scanned=False) if each.kind in ("waiver", "unreadable")]
    assert states == ["in force", "expired", "in force", "in force", "in force", "in force"]


def test_the_record_comes_along() -> None:
    first = told(is_scanned=True)[0]
    assert (first.reason, first.approved_by, first.ticket, first.expires, first.source) == (
        "r", "j.doe", "SEC-1", "2026-05-04", "azscan.yaml:3",
    )  # fmt: skip


def test_a_warning_for_what_has_expired_or_does_nothing() -> None:
    assert warnings(told(is_scanned=True)) == [
        "azscan.yaml:4: the waiver of b on tag env=dev expired after 2026-05-03 and no longer counts",
        "azscan.yaml:5: the waiver of c on * matches no finding",
        "azscan.yaml:9: what switches off sql-* expired after 2026-01-31 and no longer counts",
        "azscan.yaml:12: the severity of f: low changes nothing",
    ]


def test_everything_that_a_waiver_names_is_told() -> None:
    waiver = Waiver(
        ("a", "b-*"), ("*/x",), "r", tags=("t",), resource_groups=("g", "h"), subscriptions=("1",), managed_by=("*",)
    )
    assert covers(waiver) == "a, b-* on */x; tag t; group g, h; subscription 1; managed by *"
