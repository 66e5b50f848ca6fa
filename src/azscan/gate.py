"""The exit code that a pipeline gates on, decided from counts of verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from azscan.config import has_expired
from azscan.results import SEVERITY_RANK, Allowance, ControlStatus, Gate, Severity, Status, Unread
from azscan.words import few, glob

FAIL_ON = ("critical", "high", "medium", "low", "info", "never")

HELD = 0
NOTHING_READABLE = 3
UNDECIDED = 4
FAILED = 10


class Tally(msgspec.Struct, frozen=True):
    """How many verdicts of one check came out alike. `kinds` are the error kinds that left an unreadable one open.

    `known` of the failed ones stand in the baseline.
    """

    check: str
    service: str
    severity: Severity
    status: Status
    count: int
    kinds: tuple[str, ...] = ()
    known: int = 0


class GatedControl(msgspec.Struct, frozen=True):
    """A control that --fail-on-control names ("framework:control"), how it came out, and the checks behind it.

    `is_whole` is false where some of them were not run.
    """

    name: str
    status: ControlStatus
    checks: tuple[str, ...]
    is_whole: bool = True


class Allowed:
    """The unreadable parts that --allow-unreadable accepts; an expired one is reported and accepts nothing.

    A part is the name of a service, a check (its id, an alias or a glob) or an error kind. An entry counts through its
    last day. `aliases` maps a check's id to its former ids.
    """

    def __init__(
        self, entries: Sequence[Allowance], today: date, aliases: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self._entries = [
            msgspec.structs.replace(entry, expired=has_expired(entry.expires, today), used=0) for entry in entries
        ]
        self._used = [0] * len(self._entries)
        self._aliases = aliases or {}
        self._tests = [(_as_kind(entry.part), glob(entry.part)) for entry in self._entries]

    def covers(self, *, service: str, check: str, kinds: Sequence[str] = (), count: int = 0) -> bool:
        """True where the check, its service, or every kind of trouble behind the verdict is accepted.

        `count` verdicts are put down to the entries that let them through.
        """
        names = (service, check, *self._aliases.get(check, ()))
        by_name = [index for index in self._live() if any(self._tests[index][1](name) for name in names)]
        by_kind = self._by_kind(kinds) if not by_name else []
        for index in by_name[:1] or by_kind:
            self._used[index] += count
        return bool(by_name or by_kind)

    def covers_part(self, part: Unread) -> bool:
        """True where everything that rests on an unreadable part is accepted (for `Unread.allowed`)."""
        if part.checks:
            return all(self.covers(service=part.service, check=check, kinds=(part.kind,)) for check in part.checks)
        return self.covers(service=part.service, check="", kinds=(part.kind,))

    def report(self) -> tuple[Allowance, ...]:
        """The entries with what became of them."""
        return tuple(
            msgspec.structs.replace(entry, used=used) for entry, used in zip(self._entries, self._used, strict=True)
        )

    def _live(self) -> Iterable[int]:
        return (index for index, entry in enumerate(self._entries) if not entry.expired)

    def _by_kind(self, kinds: Sequence[str]) -> list[int]:
        found = []
        for kind in dict.fromkeys(kinds):
            index = next((index for index in self._live() if self._tests[index][0] == kind), None)
            if index is None:
                return []
            found.append(index)
        return found


def decide(
    tallies: Sequence[Tally],
    fail_on: str,
    allowed: Allowed | None = None,
    *,
    proven_empty: bool = False,
    controls: Sequence[GatedControl] = (),
    baseline: str = "",
) -> Gate:
    """The gate: how many verdicts at or above `fail_on` failed or stayed open, and the exit code that follows.

    3 (not one verdict could be read) comes before 10 (failed), 10 before 4 (undecided), 4 before 0. `fail_on` "never"
    counts nothing, but a scan that could read nothing still ends with 3. Where there is no verdict at all the code is
    3 too, unless the caller knows that every subject was proven absent (`proven_empty`). A control of `controls` that
    failed counts as a failed verdict does, one that is unreadable as an undecided one, whatever `fail_on` says.
    Failures that stand in the `baseline` are counted apart and do not fail the gate; what is unreadable stays open,
    whatever it was before.
    """
    bar = -1 if fail_on == "never" else SEVERITY_RANK[fail_on]
    readable = failed = known = undecided = let_through = total = 0
    for tally in tallies:
        total += tally.count
        if tally.status != "unreadable":
            readable += tally.count
        if SEVERITY_RANK[tally.severity] > bar:
            if tally.status == "unreadable" and allowed is not None:
                allowed.covers(service=tally.service, check=tally.check, kinds=tally.kinds, count=tally.count)
            continue
        if tally.status == "fail":
            failed += tally.count - tally.known
            known += tally.known
        elif tally.status == "unreadable":
            if allowed is not None and allowed.covers(
                service=tally.service, check=tally.check, kinds=tally.kinds, count=tally.count
            ):
                let_through += tally.count
            else:
                undecided += tally.count
    empty = not readable and (total > 0 or not proven_empty)
    failing = tuple(each.name for each in controls if each.status == "fail")
    open_ = tuple(each.name for each in controls if each.status == "unreadable" and _is_open(each, tallies, allowed))
    code = NOTHING_READABLE if empty else FAILED if failed or failing else UNDECIDED if undecided or open_ else HELD
    return Gate(fail_on, failed, undecided, code, let_through, failing, open_, known, baseline)


def _is_open(control: GatedControl, tallies: Sequence[Tally], allowed: Allowed | None) -> bool:
    """False where all that is unreadable of a control is accepted; what was not run is never accepted."""
    unread = [each for each in tallies if each.check in control.checks and each.status == "unreadable"]
    return not (unread and allowed and control.is_whole) or not all(
        allowed.covers(service=each.service, check=each.check, kinds=each.kinds) for each in unread
    )


def explain(gate: Gate) -> str:
    """Why the scan ends with its exit code, in one line without a full stop."""
    bar = f"at or above {gate.fail_on}"
    new = "new " if gate.baseline else ""
    failed = [f"{_findings(gate.failed, new)} {bar}"] if gate.failed else []
    failed += _controls(gate.failed_controls)
    undecided = [f"{_verdicts(gate.undecided)} {bar}"] if gate.undecided else []
    undecided += _controls(gate.undecided_controls)
    accepted = f"; {gate.allowed:,} undecided accepted by --allow-unreadable" if gate.allowed else ""
    if gate.baseline and gate.fail_on != "never":
        accepted += f"; {gate.known:,} known from {gate.baseline} let through"
    if gate.exit_code == NOTHING_READABLE:
        why = "not one verdict could be read, so nothing is proven"
    elif gate.exit_code == FAILED:
        open_too = f"; {' and '.join(undecided)} could not be decided" if undecided else ""
        why = f"the gate failed: {' and '.join(failed)}{open_too}{accepted}"
    elif gate.exit_code == UNDECIDED:
        why = f"the gate held, but {' and '.join(undecided)} could not be decided{accepted}"
    elif gate.fail_on == "never":
        why = "no gate was asked for (--fail-on never)"
    else:
        why = f"the gate held: no {new}finding {bar}{accepted}"
    return f"exit code {gate.exit_code}: {why}"


def _controls(names: Sequence[str]) -> list[str]:
    """The controls in words, as a list of one, or of none."""
    if not names:
        return []
    return [f"control{'s' * (len(names) > 1)} {few(names, 3)}"]


def _as_kind(part: str) -> str:
    return part.strip().lower().replace("-", "_")


def _findings(count: int, new: str) -> str:
    return f"{count:,} {new}finding" + ("" if count == 1 else "s")


def _verdicts(count: int) -> str:
    return f"{count:,} verdict" + ("" if count == 1 else "s")
