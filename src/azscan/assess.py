"""Assessing: conditions held against documents, verdicts with their evidence into the estate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from azscan.catalog.builtin import BUILT_IN, is_tenant_level
from azscan.catalog.model import Catalog, Check
from azscan.conditions.alike import Reads
from azscan.conditions.compile import Compiled, Grounds, compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, UNREADABLE
from azscan.conditions.looks import Look, looked_at
from azscan.conditions.values import Document, Items, Unreadable
from azscan.estate.documents import Documents
from azscan.estate.ids import key_of, parse_id, region_of
from azscan.estate.references import managers, reference, region_at
from azscan.estate.status import scope_of
from azscan.estate.store import Estate, Row
from azscan.garbage import collected_rarely
from azscan.recall import Known, Recall, filled
from azscan.results import STATUSES, ResourceRef, Status
from azscan.told import Fact, Told, row_of, unread

FAIL, UNREAD, WAIVED, PASS, SKIPPED = range(5)
assert STATUSES == ("fail", "unreadable", "waived", "pass", "not-applicable")

# By truth, what becomes of a check: what Azure leaves unsaid is a failure.
_STATUS = (FAIL, PASS, FAIL, UNREAD, SKIPPED)

# Verdicts that wait in memory (those that are judged anew count by their evidence); verdicts in one row of the estate.
BATCH = 20_000
BLOCK = 500
Match = Callable[[str, ResourceRef, Mapping[str, str]], int | None]


class Filters(NamedTuple):
    """Which resources are subjects (never what is linked to them); all empty means every one."""

    regions: frozenset[str] = frozenset()
    resource_groups: frozenset[str] = frozenset()
    tags: tuple[tuple[str, str | None], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.regions or self.resource_groups or self.tags)


EVERYTHING = Filters()


class Blame(NamedTuple):
    """What unreadable verdicts rest on: a failed read, or a kind of trouble that no read stands for."""

    read: int
    kind: str
    message: str


class Tally:
    """Counts of an assessment: (check, status, kind of trouble) → verdicts, and who is to blame for what is unread."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Status, str]] = Counter()
        self.resources = 0
        # Whether filters could choose anything, and how many resources (or parts that could not be listed) they chose.
        self.filtered = False
        self.chosen = 0
        self.waived: Counter[int] = Counter()
        # Check → how many of its failures the baseline has.
        self.known: Counter[str] = Counter()
        self.blamed: dict[Blame, Counter[str]] = {}

    def of(self, status: Status) -> int:
        """How many verdicts have that status."""
        return sum(count for (_, each, _), count in self.counts.items() if each == status)

    def blame(self, blame: Blame, check: str) -> None:
        """Charge one unreadable verdict of `check`."""
        self.blamed.setdefault(blame, Counter())[check] += 1


class _Ready(NamedTuple):
    """A check made ready. `looks` is what it looks at, empty where that is never the same twice."""

    number: int
    check: Check
    applies: Compiled | None
    require: Compiled
    looks: frozenset[Look]
    told: Told
    # The verdicts that wait to be written, by status; of those not applicable only the number.
    waiting: tuple[list[str], ...]


class Assessor:
    """Holds checks against every document of an estate and writes the verdicts into it.

    `owners` are the subscriptions in scope (lower-case ids); `params` overrides parameters by check id; `match`
    finds the waiver of a failed check; `is_known` tells whether a failure (check, resource id) stands in the baseline.
    Times are judged at `now`.
    """

    def __init__(
        self,
        estate: Estate,
        catalog: Catalog,
        documents: Documents,
        checks: Sequence[Check],
        *,
        owners: Sequence[str],
        now: datetime,
        params: Mapping[str, Mapping[str, Any]] | None = None,
        filters: Filters = EVERYTHING,
        match: Match | None = None,
        is_known: Callable[[str, str], bool] | None = None,
    ) -> None:
        self.estate = estate
        self.catalog = catalog
        self.documents = documents
        self.owners = owners
        self.filters = filters
        self.match = match
        self.is_known = is_known
        self.tally = Tally()
        self._waiting = 0
        # What may be said again without another look: waivers and baselines name single resources.
        self._lasting = {PASS, SKIPPED} if match or is_known else {PASS, SKIPPED, FAIL}
        self._managed = managers(estate) if match is not None else {}
        self._ready = [self._compile(number, check, params or {}, now) for number, check in enumerate(checks)]

    @collected_rarely()
    def run(self) -> Tally:
        """Write one verdict for each check and subject, and return the counts."""
        with self.estate.transaction() as connection:
            connection.execute("DELETE FROM assessed")
            connection.execute("DELETE FROM verdicts")
        subjects: dict[str, list[_Ready]] = {}
        for ready in self._ready:
            subjects.setdefault(ready.check.subject, []).append(ready)
        for subject, group in subjects.items():
            recall = _recall(group, self.documents.attached_to(subject))
            for owner in sorted(self._owners_of(subject)):
                self._assess(subject, owner, group, recall)
        self._flush()
        with self.estate.transaction() as connection:
            connection.executemany(
                "INSERT INTO assessed VALUES (?, ?, ?)",
                [
                    (ready.number, ready.check.id, msgspec.json.encode(ready.told.table()).decode())
                    for ready in self._ready
                ],
            )
        return self.tally

    def _compile(self, number: int, check: Check, params: Mapping[str, Mapping[str, Any]], now: datetime) -> _Ready:
        merged = {**check.params, **params.get(check.id, {})}
        nodes = [parse(condition, merged) for condition in (check.applies, check.require) if condition is not None]
        compiled = [compile_condition(node, now) for node in nodes]
        applies = compiled[0] if check.applies is not None else None
        looks = looked_at(*nodes)
        if not all(look.keys for look in looks):
            # The document as a whole is like no other.
            looks = frozenset()
        waiting: tuple[list[str], ...] = ([], [], [], [], [])
        return _Ready(number, check, applies, compiled[-1], looks, Told(nodes[-1]), waiting)

    def _owners_of(self, subject: str) -> Sequence[str]:
        if subject == "tenant":
            return ("",)
        kind = self.catalog.collections.get(subject)
        return ("",) if kind is not None and is_tenant_level(kind, self.catalog.collections) else self.owners

    def _assess(self, subject: str, owner: str, group: Sequence[_Ready], recall: Recall[_Ready]) -> None:
        filtered = bool(self.filters) and subject not in ("subscription", "tenant") and bool(owner)
        # In the order of ids, among the verdicts: reports rely on it. The last comes first.
        unread = sorted(self._unread_scopes(subject, owner), key=lambda each: key_of(each[0]), reverse=True)
        self.tally.filtered |= filtered
        self.tally.chosen += len(unread) if filtered else 0
        for row, document in self.documents.subjects(subject, owner):
            while unread and key_of(unread[-1][0]) <= key_of(row.id_as_sent):
                self._unread(owner, *unread.pop(), group)
                self._flush_if_many()
            if filtered and not self._is_chosen(row, document):
                continue
            self.tally.resources += 1
            self.tally.chosen += filtered
            # What is missing from an incomplete document is no value of it.
            anew = group if document.fault is not None else self._recalled(recall, row, document)
            for ready in anew:
                self._hold(ready, row, document)
            # It holds itself by its parts: let go of here, it need not be found as garbage.
            document.clear()
            self._waiting += len(group)
            self._flush_if_many()
        while unread:
            self._unread(owner, *unread.pop(), group)
            self._flush_if_many()

    def _recalled(self, recall: Recall[_Ready], row: Row, document: Document) -> Sequence[_Ready]:
        """Say again what is known of documents like this one; the checks that must be held against it themselves."""
        keys, reads = recall.look(document)
        before, own = f"[{row.id},", "null" if document.read is None else str(document.read)
        own_read: Reads = [document.read]
        for known in recall.known:
            key, rests_on = known.key_of(keys), own_read
            if known.opens:
                key, rests_on = known.key_with_reads(key, document.read, reads)
            said = known.outcomes.get(key)
            if said is not None:
                add, pieces, places = said
                add(before + (filled(pieces, places, rests_on) if known.opens else own.join(pieces)))
                continue
            known.missed += 1
            status, facts, reason = self._hold(known.check, row, document)
            if status in self._lasting and known.has_room(keys):
                known.keep(key, known.check.waiting[status].append, facts, reason, rests_on)
        return recall.others

    def _hold(self, ready: _Ready, row: Row, document: Document) -> tuple[int, list[Fact], str | None]:
        """Add the verdict to those that wait; what it is, its evidence and its reason."""
        status, truth, grounds = _judged(ready, document)
        if status == SKIPPED:
            ready.waiting[SKIPPED].append("")
            return SKIPPED, [], None
        facts = ready.told.facts(grounds)
        self._waiting += len(facts) - 1
        reason: str | None = None
        waiver: int | None = None
        if status == UNREAD:
            reason = self._charge(ready, grounds)
        elif status == FAIL:
            reason = None if truth == FALSE else ready.told.unsaid(grounds)
            waiver = self._waiver(ready, row, document)
            status = FAIL if waiver is None else WAIVED
        ready.waiting[status].append(row_of(row.id, facts, reason, waiver))
        return status, facts, reason

    def _waiver(self, ready: _Ready, row: Row, document: Document) -> int | None:
        waiver = None
        if self.match is not None:
            waiver = self.match(ready.check.id, reference(row, document, self._managed), self._tags(row, document))
        if waiver is not None:
            self.tally.waived[waiver] += 1
        elif self.is_known is not None and self.is_known(ready.check.id, row.id_as_sent):
            self.tally.known[ready.check.id] += 1
        return waiver

    def _charge(self, ready: _Ready, grounds: Grounds) -> str:
        """Charge an unreadable verdict to what could not be read, and say so in words."""
        fault = next((found for _, _, actual, _ in grounds if (found := _fault_in(actual)) is not None), None)
        fault = fault or Unreadable("unavailable", "a part of the resource could not be read")
        self.tally.counts[ready.check.id, "unreadable", fault.kind] += 1
        self.tally.blame(_blame(fault), ready.check.id)
        return unread(fault)

    # what could not be listed

    def _unread_scopes(self, subject: str, owner: str) -> Iterator[tuple[str, Unreadable]]:
        """Each scope whose subjects are not all known, and why: one row per check stands for each."""
        if subject in ("tenant", "subscription"):
            # They are put on record first of all, and a scan can be killed before that.
            if not self.estate.count(subject, subscription=owner):
                yield scope_of(owner), Unreadable("not_collected", f"the {subject} was not put on record")
            return
        kind = self.catalog.collections.get(subject) or BUILT_IN[subject]
        statuses = self.documents.statuses
        if not kind.of and not kind.per:
            fault = statuses.of(subject, owner)
            if fault is not None:
                yield scope_of(owner), fault
            return
        told = False
        for parent in kind.of or ("resource_group",) * (kind.per == "resource_group"):
            for scope, fault in self._unread_scopes(parent, owner):
                told = True
                yield scope, fault
        for page in statuses.faults(subject, owner):
            told = True
            fault = statuses.of_read(page.id)
            if fault is not None:
                yield self._scope_of(page.id), fault
        last = statuses.of(subject, owner) if not told else None
        if told and (kind.of or not self.estate.about("complete", True)):
            last = statuses.unasked(subject, owner)
        if last is not None:
            yield scope_of(owner), last

    def _scope_of(self, read: int) -> str:
        return str(self.estate.connection.execute("SELECT scope FROM read WHERE id = ?", (read,)).fetchone()[0])

    def _unread(self, owner: str, scope: str, fault: Unreadable, group: Sequence[_Ready]) -> None:
        evidence = (scope, fault.read, owner)
        self._waiting += len(group)
        for ready in group:
            self.tally.counts[ready.check.id, "unreadable", fault.kind] += 1
            self.tally.blame(_blame(fault), ready.check.id)
            ready.waiting[UNREAD].append(row_of(0, evidence, unread(fault), None))

    # filters

    def _is_chosen(self, row: Row, document: Document) -> bool:
        wanted = self.filters
        if row.body[:1] != b"{":
            # Nothing is known of it, so nothing can rule it out.
            return True
        if wanted.resource_groups and parse_id(row.id_as_sent).resource_group.lower() not in wanted.resource_groups:
            return False
        region = region_at(parse_id(row.id_as_sent), document) or region_of(self._top(row, document).get("location"))
        if wanted.regions and region not in wanted.regions:
            return False
        if wanted.tags:
            tags = {name.lower(): value for name, value in self._tags(row, document).items()}
            return all(
                name.lower() in tags and (value is None or tags[name.lower()].lower() == value.lower())
                for name, value in wanted.tags
            )
        return True

    def _tags(self, row: Row, document: Mapping[str, Any]) -> Mapping[str, str]:
        own = document.get("tags")
        if not isinstance(own, dict) and row.parent:
            own = self._top(row, document).get("tags")
        return {str(name): str(value) for name, value in own.items()} if isinstance(own, dict) else {}

    def _top(self, row: Row, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The resource that a child hangs on, for a child has its parent's region and tags."""
        while row.parent and (above := self.estate.row(row.parent)) is not None:
            row, document = above, msgspec.json.decode(above.body) or {}
        return document

    def _flush_if_many(self) -> None:
        if self._waiting >= BATCH:
            self._flush()

    def _flush(self) -> None:
        """Write what waits, check by check and status by status: what reports read together lies together."""
        with self.estate.transaction() as connection:
            for ready in self._ready:
                for status, waiting in enumerate(ready.waiting):
                    if waiting:
                        if status != SKIPPED:
                            blocks = [(ready.number, status, block) for block in _blocks(waiting)]
                            connection.executemany("INSERT INTO verdicts VALUES (?, ?, ?)", blocks)
                        if status != UNREAD:  # these were counted by kind of trouble
                            self.tally.counts[ready.check.id, STATUSES[status], ""] += len(waiting)
                        waiting.clear()
        self._waiting = 0


def _recall(group: Sequence[_Ready], attached: Collection[str]) -> Recall[_Ready]:
    return Recall(
        [Known(ready, ready.looks) for ready in group if ready.looks],
        [ready for ready in group if not ready.looks],
        attached,
    )


def _judged(ready: _Ready, document: Document) -> tuple[int, int, Grounds]:
    """What becomes of a check over a document, the truth behind it, and the grounds of that."""
    if ready.applies is not None:
        truth, grounds = ready.applies(document)
        if truth in (FALSE, UNREADABLE):
            return (SKIPPED if truth == FALSE else UNREAD), truth, grounds
    truth, grounds = ready.require(document)
    return _STATUS[truth], truth, grounds


def _blocks(waiting: list[str]) -> Iterator[str]:
    """The verdicts in lists that one value of SQLite can hold, whatever their evidence."""
    for at in range(0, len(waiting), BLOCK):
        yield f"[{','.join(waiting[at : at + BLOCK])}]"


def _blame(fault: Unreadable) -> Blame:
    return Blame(fault.read, "", "") if fault.read else Blame(0, fault.kind, fault.message)


def _fault_in(actual: Any) -> Unreadable | None:
    """Why a value, or the list that an operator looked through, could not be read; None where it could."""
    if isinstance(actual, Unreadable):
        return actual
    return actual.fault if isinstance(actual, Items) else None
