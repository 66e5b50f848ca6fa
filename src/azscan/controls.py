"""What the verdicts of a scan say of each control of a framework, and of the framework as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from azscan.results import (
    CONTROL_STATUSES,
    SEVERITY_RANK,
    ControlResult,
    ControlStatus,
    Framework,
    Score,
    Severity,
    Status,
)

NOT_COVERED = "no check covers this control"
NOTHING_MET = "its checks met no resource of this scan"
# The statuses of verdicts that decide a control, the strongest first.
_ORDER: tuple[Status, ...] = ("fail", "unreadable", "waived", "pass")
_DECIDED = frozenset({"fail", "waived", "pass"})


class Outcome:
    """How the verdicts of one check came out: how many of each status."""

    def __init__(self, severity: Severity) -> None:
        self.severity = severity
        self.counts: Counter[str] = Counter()


def control_results(
    frameworks: Sequence[Framework], outcomes: Mapping[str, Outcome], off: Collection[str], needless: Collection[str]
) -> tuple[ControlResult, ...]:
    """What the outcomes of checks (by id) say of every control, in the frameworks' order.

    A check without an outcome was not run: because the team switched it `off`, or because the scan's selection left it
    out. `needless` checks, deprecated ones, are not missed beside others of their control.
    """
    return tuple(
        _result(framework, control, outcomes, off, needless)
        for framework in frameworks
        for control in framework.controls
    )


def scores(frameworks: Sequence[Framework], results: Iterable[ControlResult]) -> tuple[Score, ...]:
    """The score of each framework: passed controls among those that were decided."""
    counted: dict[str, Counter[str]] = {framework.key: Counter() for framework in frameworks}
    for result in results:
        counted[result.framework][result.status] += 1
    found = []
    for key, counts in counted.items():
        decided = sum(counts[status] for status in _DECIDED)
        percent = counts["pass"] * 1000 // decided / 10 if decided else None
        statuses: dict[str, int] = {status: counts[status] for status in CONTROL_STATUSES}
        found.append(Score(key, counts["pass"], decided, percent, statuses))
    return tuple(found)


def _result(
    framework: Framework,
    control: str,
    outcomes: Mapping[str, Outcome],
    off: Collection[str],
    needless: Collection[str],
) -> ControlResult:
    checks = framework.checks.get(control, ())
    title = framework.controls[control]
    inherited = framework.inherited.get(control, "")
    reasons = " ".join(filter(None, (inherited, framework.manual.get(control, ""))))
    if not checks:
        status: ControlStatus = "inherited" if inherited else "manual"
        return ControlResult(framework.key, control, title, status, reason=reasons or NOT_COVERED)
    ran = [outcomes[check] for check in checks if check in outcomes]
    missed = set(checks).difference(needless) or set(checks)
    not_run = tuple(check for check in checks if check not in outcomes and check in missed)
    counts: Counter[str] = Counter()
    for outcome in ran:
        counts.update(outcome.counts)
    status, reason = _status(counts, len(checks), not_run, off)
    told = [check for check in checks if status != "pass" and check in outcomes and outcomes[check].counts[status]]
    told.sort(key=lambda check: SEVERITY_RANK[outcomes[check].severity])
    return ControlResult(
        framework=framework.key,
        control=control,
        title=title,
        status=status,
        strength="direct" if set(checks) - set(framework.partial.get(control, ())) else "partial",
        severity=outcomes[told[0]].severity if told else "",
        counts={status: counts[status] for status in _ORDER if counts[status]},
        checks=len(checks),
        decided_by=tuple(told),
        not_run=not_run,
        reason=reason or reasons,
    )


def _status(
    counts: Mapping[str, int], checks: int, not_run: Sequence[str], off: Collection[str]
) -> tuple[ControlStatus, str]:
    """The status of a control with checks, and why where verdicts alone do not tell.

    A check that was not run leaves open what it would have said, so its control never passes; one that the team
    switched off, with a reason on record, is as good as waived.
    """
    if counts["fail"]:
        return "fail", ""
    left_out = [check for check in not_run if check not in off]
    if counts["unreadable"]:
        return "unreadable", ""
    if left_out:
        return "unreadable", f"not run: {len(left_out)} of its {checks} checks"
    if counts["waived"]:
        return "waived", ""
    if not_run:
        return "waived", f"switched off: {len(not_run)} of its {checks} checks"
    return ("pass", "") if counts["pass"] else ("no-resources", NOTHING_MET)
