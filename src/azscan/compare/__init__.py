"""Two results compared, finding by finding: what is new, solved, changed, gone, or no longer known."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from azscan.compare.sides import (
    FAIL,
    PASS,
    UNREADABLE,
    WAIVED,
    Loaded,
    Row,
    Side,
    decode_facts,
    decode_told,
    is_list,
    notes,
)
from azscan.gate import FAILED, HELD, NOTHING_READABLE, UNDECIDED
from azscan.results import SEVERITIES, SEVERITY_RANK, STATUSES, Evidence, ResourceRef, Severity, Status

Kind = Literal["new", "unreadable", "changed", "solved", "gone", "not-compared"]
KINDS: tuple[Kind, ...] = ("new", "unreadable", "changed", "solved", "gone", "not-compared")


class Difference(msgspec.Struct, frozen=True):
    """One finding that is not what it was; docs/diff.md tells what each kind means.

    `was` and `now` are its statuses, "" where there is no verdict; `severity` is the later one. Where the list that
    the resource stands in could not be read, that side counts as `unreadable`. `evidence` is that of a failure that is
    new or changed, `evidence_before` what it failed by where that was other evidence.
    """

    kind: Kind
    check: str
    title: str
    service: str
    severity: Severity
    resource: ResourceRef
    was: Status | Literal[""]
    now: Status | Literal[""]
    why: str = ""
    evidence: tuple[Evidence, ...] = ()
    evidence_before: tuple[Evidence, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What a pipeline gates on: new failures and newly unreadable verdicts at or above `fail_on`, and the exit code."""

    fail_on: str
    failed: int
    undecided: int
    exit_code: int


_DIFFERENCES = """
CREATE TABLE difference(kind INT, severity INT, service TEXT, "check" TEXT, subscription TEXT, id TEXT, told BLOB);
"""
_IN_ORDER = 'SELECT told FROM difference ORDER BY kind, severity, service, "check", subscription, id'

_encode = msgspec.msgpack.Encoder().encode
_decode_difference = msgspec.msgpack.Decoder(Difference).decode

Told = tuple[Kind, str]


class Comparison:
    """The differences between two results. Close it, or use it in a `with`.

    `scans` are what the two were about, `counts` maps kind → severity → number, `unchanged` status → number. `notes`
    say where the two do not fit together. `present_id` gives the present id of a check; only checks that `wanted`
    accepts are compared. Sorting is left to a nameless database of SQLite's, so memory does not grow with the verdicts.
    Raises what reading a side raises, and sqlite3.Error where the temporary file cannot be written.
    """

    def __init__(
        self,
        old: Side,
        new: Side,
        *,
        fail_on: str = "high",
        present_id: Callable[[str], str] = str,
        wanted: Callable[[str], bool] = bool,
    ) -> None:
        self.counts: dict[Kind, Counter[Severity]] = {kind: Counter() for kind in KINDS}
        self.unchanged: Counter[Status] = Counter()
        # Why findings were not compared → how many there are.
        self.not_compared: Counter[str] = Counter()
        self._checks: dict[str, tuple[str, str]] = {}
        self._connection = sqlite3.connect("", isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.executescript(_DIFFERENCES)
            self._old = Loaded(self._connection, "old", old, self._checks, present_id, wanted)
            self._new = Loaded(self._connection, "new", new, self._checks, present_id, wanted)
            self.scans = (self._old.scan, self._new.scan)
            self.notes = tuple(notes(self._old, self._new))
            self._compare()
        except BaseException:
            self.close()
            raise
        self.outcome = self._decide(fail_on)

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the temporary file."""
        self._connection.close()

    def differences(self) -> Iterator[Difference]:
        """All differences, by kind (as in KINDS), severity, service, check, subscription and resource id."""
        for (told,) in self._connection.execute(_IN_ORDER):
            yield _decode_difference(told)

    def _compare(self) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO difference VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows())
        self._connection.execute("COMMIT")

    def _rows(self) -> Iterator[tuple[int, int, str, str, str, str, bytes]]:
        for old, new in _pairs(self._old.rows(), self._new.rows()):
            found = self._difference(old, new)
            if found is None:
                continue
            self.counts[found.kind][found.severity] += 1
            if found.kind == "not-compared":
                self.not_compared[found.why] += 1
            resource = found.resource
            yield (
                KINDS.index(found.kind),
                SEVERITY_RANK[found.severity],
                found.service,
                found.check,
                resource.subscription.lower(),
                resource.id.lower(),
                _encode(found),
            )

    def _difference(self, old: Row | None, new: Row | None) -> Difference | None:
        row = new or old
        assert row is not None
        resource, reason = decode_told(row.told)
        was: int | None
        now: int | None
        if old is None:
            assert new is not None
            was, told = self._appeared(new, resource, reason)
            now = new.status
        elif new is None:
            now, told = self._vanished(old, resource)
            was = old.status
        else:
            was, now = old.status, new.status
            told = _changed(old, new, reason)
        if told is None:
            if was is not None and now is not None:
                self.unchanged[STATUSES[now]] += 1
            return None
        title, service = self._checks[row.check]
        facts, before = _facts(old, new) if told[0] in ("new", "changed") else ((), ())
        return Difference(
            told[0], row.check, title, service, SEVERITIES[row.severity], resource,
            "" if was is None else STATUSES[was], "" if now is None else STATUSES[now], told[1],
            facts, before,
        )  # fmt: skip

    def _appeared(self, new: Row, resource: ResourceRef, reason: str) -> tuple[int | None, Told | None]:
        """The status before of what has a verdict only now, and the difference that this makes."""
        missed = self._old.missed(new.check, resource)
        if missed is None:
            is_known = self._old.has(new.key)
            why = "the check did not apply before" if is_known else "there was no such resource before"
        else:
            why = f"before, {missed.why}"
        was = UNREADABLE if missed is not None and missed.is_unreadable else None
        if new.status == FAIL:
            return was, ("new", why)
        if new.status == UNREADABLE:
            return was, None if was == UNREADABLE else ("unreadable", reason or why)
        if new.status == WAIVED:
            return was, ("changed", why)
        # What passes now is told by the list that could not be read before, if by anything.
        return None, None

    def _vanished(self, old: Row, resource: ResourceRef) -> tuple[int | None, Told | None]:
        """The status now of what had a verdict only before, and the difference that this makes."""
        missed = self._new.missed(old.check, resource)
        if missed is not None and missed.is_unreadable:
            same = old.status == UNREADABLE
            return UNREADABLE, None if same else ("unreadable", missed.why)
        if old.status == PASS:
            # Not a finding, and no longer one. What was not looked at stands in the notes.
            return None, None
        if missed is not None:
            return None, ("not-compared", missed.why)
        if is_list(resource):
            return None, ("changed", "can be read now")
        if self._new.has(old.key):
            return None, ("gone", "the check does not apply any more")
        return None, ("gone", "there is no such resource any more")

    def _decide(self, fail_on: str) -> Outcome:
        bar = -1 if fail_on == "never" else SEVERITY_RANK[fail_on]
        failed, undecided = (
            sum(number for severity, number in self.counts[kind].items() if SEVERITY_RANK[severity] <= bar)
            for kind in ("new", "unreadable")
        )
        is_blind = self._new.total > 0 and not self._new.readable
        nothing = is_blind or not (self._new.total or self._old.total)
        code = NOTHING_READABLE if nothing else FAILED if failed else UNDECIDED if undecided else HELD
        return Outcome(fail_on, failed, undecided, code)


def _changed(old: Row, new: Row, reason: str) -> Told | None:
    """What became of a finding that has a verdict on both sides."""
    if old.status == new.status:
        if new.status != FAIL:
            return None
        if old.severity != new.severity:
            return "changed", f"its severity was {SEVERITIES[old.severity]}"
        return ("changed", "it fails by other evidence") if old.evidence != new.evidence else None
    if new.status == FAIL:
        return "new", ""
    if new.status == UNREADABLE:
        return "unreadable", reason
    if old.status == FAIL and new.status == PASS:
        return "solved", ""
    return "changed", ""


def _facts(old: Row | None, new: Row | None) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """The evidence of a failure, and that of the failure before where it was another."""
    if new is None or new.status != FAIL:
        return (), ()
    is_other = old is not None and old.status == FAIL and old.evidence != new.evidence
    return decode_facts(new.facts), decode_facts(old.facts) if old is not None and is_other else ()


def _pairs(old: Iterator[Row], new: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Both sides side by side; they come in the same order."""
    one, other = next(old, None), next(new, None)
    while one is not None or other is not None:
        first = other is None or (one is not None and one[:2] <= other[:2])
        second = one is None or (other is not None and other[:2] <= one[:2])
        yield (one if first else None), (other if second else None)
        one = next(old, None) if first else one
        other = next(new, None) if second else other
