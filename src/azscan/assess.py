"""Assessing: conditions held against documents, verdicts with their evidence into the estate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from azscan.catalog.builtin import BUILT_IN, RESOURCE_GROUPS, is_tenant_level
from azscan.catalog.model import Catalog, Check
from azscan.conditions.compile import Compiled, compile_condition
from azscan.conditions.evidence import Ground, describe, entries, negated, opposite, place
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, NOT_APPLICABLE, TRUE, UNREADABLE
from azscan.conditions.nodes import Count, Leaf, Quantifier
from azscan.conditions.table import plain
from azscan.conditions.values import MISSING, Document, Items, Missing, Part, Unreadable
from azscan.estate.documents import Documents
from azscan.estate.ids import ResourceId, key_of, parse_id, region_of
from azscan.estate.status import TENANT_SCOPE
from azscan.estate.store import Estate, Row
from azscan.garbage import collected_rarely
from azscan.results import STATUSES, ResourceRef, Status

FAIL, UNREAD, WAIVED, PASS, SKIPPED = range(5)
assert STATUSES == ("fail", "unreadable", "waived", "pass", "not-applicable")

# A value larger than this (encoded) is told in words: evidence names what decided, it does not copy the estate.
LARGEST_ACTUAL = 2000
# Verdicts, or pieces of evidence where there are more, that wait in memory; verdicts in one row of the estate.
BATCH = 20_000
BLOCK = 500
# What a document holds beside Azure's JSON, unopened or opened in its place.
ATTACHED = (Part, Items, Missing, Unreadable, Document)
_SHORT = frozenset({bool, int, float})
_UNITS: dict[type, str] = {list: "items", dict: "members"}

# Row id of the resource (0: what stands for resources that could not be listed), evidence, reason, waiver.
Told = tuple[int, Sequence[Any], str | None, int | None]
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
    """A check made ready: `leaves` are the nodes that evidence has named so far, by identity and in order.

    `negated` are those, by identity, that the check asks to be false.
    """

    number: int
    check: Check
    applies: Compiled | None
    require: Compiled
    numbers: dict[int, int]
    leaves: list[Leaf | Quantifier | Count]
    negated: frozenset[int]
    # The verdicts that wait to be written, by status.
    told: tuple[list[Told], ...]


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
        self._encode = msgspec.json.Encoder().encode
        self._waiting = 0
        self._paths: dict[int, str] = {}
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
            for owner in sorted(self._owners_of(subject)):
                self._assess(subject, owner, group)
        self._flush()
        with self.estate.transaction() as connection:
            connection.executemany(
                "INSERT INTO assessed VALUES (?, ?, ?)",
                [(ready.number, ready.check.id, self._encode(_leaf_table(ready)).decode()) for ready in self._ready],
            )
        return self.tally

    def _compile(self, number: int, check: Check, params: Mapping[str, Mapping[str, Any]], now: datetime) -> _Ready:
        merged = {**check.params, **params.get(check.id, {})}
        nodes = [parse(condition, merged) for condition in (check.applies, check.require) if condition is not None]
        compiled = [compile_condition(node, now) for node in nodes]
        applies = compiled[0] if check.applies is not None else None
        turned = frozenset(id(leaf) for leaf in negated(nodes[-1]))
        return _Ready(number, check, applies, compiled[-1], {}, [], turned, ([], [], [], []))

    def _owners_of(self, subject: str) -> Sequence[str]:
        if subject == "tenant":
            return ("",)
        kind = self.catalog.collections.get(subject)
        return ("",) if kind is not None and is_tenant_level(kind, self.catalog.collections) else self.owners

    def _assess(self, subject: str, owner: str, group: Sequence[_Ready]) -> None:
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
            for ready in group:
                self._hold(ready, row, document)
            self._waiting += len(group)
            self._flush_if_many()
        while unread:
            self._unread(owner, *unread.pop(), group)
            self._flush_if_many()

    def _hold(self, ready: _Ready, row: Row, document: Document) -> None:
        counts, check = self.tally.counts, ready.check
        if ready.applies is not None:
            truth, grounds = ready.applies(document)
            if truth == FALSE:
                counts[check.id, "not-applicable", ""] += 1
                return
            if truth == UNREADABLE:
                self._add_unreadable(ready, row, grounds)
                return
        truth, grounds = ready.require(document)
        if truth == TRUE:
            ready.told[PASS].append((row.id, self._evidence(ready, grounds), None, None))
        elif truth == UNREADABLE:
            self._add_unreadable(ready, row, grounds)
        elif truth == NOT_APPLICABLE:
            counts[check.id, "not-applicable", ""] += 1
        else:
            self._add_failed(ready, row, document, truth, grounds)

    def _add_failed(self, ready: _Ready, row: Row, document: Document, truth: int, grounds: tuple[Ground, ...]) -> None:
        reason = None if truth == FALSE else self._unsaid(grounds)
        waiver = None
        if self.match is not None:
            waiver = self.match(ready.check.id, reference(row, document, self._managed), self._tags(row, document))
        if waiver is not None:
            self.tally.waived[waiver] += 1
        elif self.is_known is not None and self.is_known(ready.check.id, row.id_as_sent):
            self.tally.known[ready.check.id] += 1
        waiting = ready.told[FAIL if waiver is None else WAIVED]
        waiting.append((row.id, self._evidence(ready, grounds), reason, waiver))

    def _unsaid(self, grounds: tuple[Ground, ...]) -> str:
        absent = [ground for ground in grounds if ground[2] is None or ground[2] is MISSING or ground[2] == ""]
        texts = [place(ground) if ground[1] else self._path_of(ground[0]) for ground in absent or grounds]
        return f"Azure does not say {', '.join(list(dict.fromkeys(texts))[:3])}" if texts else "Azure does not say"

    def _path_of(self, leaf: Leaf | Quantifier | Count) -> str:
        text = self._paths.get(id(leaf))
        if text is None:
            text = self._paths[id(leaf)] = place((leaf, "", MISSING, None))
        return text

    def _add_unreadable(self, ready: _Ready, row: Row, grounds: tuple[Ground, ...]) -> None:
        fault = next((found for _, _, actual, _ in grounds if (found := _fault_in(actual)) is not None), None)
        fault = fault or Unreadable("unavailable", "a part of the resource could not be read")
        self.tally.counts[ready.check.id, "unreadable", fault.kind] += 1
        self.tally.blame(_blame(fault), ready.check.id)
        ready.told[UNREAD].append((row.id, self._evidence(ready, grounds), _words(fault), None))

    def _evidence(self, ready: _Ready, grounds: tuple[Ground, ...]) -> list[tuple[Any, ...]]:
        """The grounds as (number of the leaf, actual, present, read) each, and the path where it varies."""
        numbers, told = ready.numbers, []
        for ground in grounds:
            leaf, prefix, actual, source = ground
            number = numbers.get(id(leaf))
            if number is None:
                number = numbers[id(leaf)] = len(ready.leaves)
                ready.leaves.append(leaf)
            kind = type(actual)
            read = source.read if source is not None else None
            if kind in _SHORT or (kind is str and len(actual) <= LARGEST_ACTUAL):
                fact: tuple[Any, ...] = (number, actual, True, read)
            elif kind is dict and type(leaf) is not Leaf:
                # How the items of a list turned out.
                fact = (number, actual, True, read)
            elif actual is MISSING:
                fact = (number, None, False, read)
            elif isinstance(actual, Unreadable):
                fact = (number, None, False, actual.read or read)
            else:
                shown = entries(leaf, actual)
                fact = (number, _told(actual) if shown is None else shown, True, _read_of(actual, read))
            told.append((*fact, place(ground)) if prefix else fact)
        self._waiting += len(told) - 1
        return told

    # what could not be listed

    def _unread_scopes(self, subject: str, owner: str) -> Iterator[tuple[str, Unreadable]]:
        """Each scope whose subjects are not all known, and why: one row per check stands for each."""
        if subject in ("tenant", "subscription"):
            return
        kind = self.catalog.collections.get(subject) or BUILT_IN[subject]
        statuses = self.documents.statuses
        if not kind.of and not kind.per:
            fault = statuses.of(subject, owner)
            if fault is not None:
                yield (f"/subscriptions/{owner}" if owner else TENANT_SCOPE), fault
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
            yield (f"/subscriptions/{owner}" if owner else TENANT_SCOPE), last

    def _scope_of(self, read: int) -> str:
        return str(self.estate.connection.execute("SELECT scope FROM read WHERE id = ?", (read,)).fetchone()[0])

    def _unread(self, owner: str, scope: str, fault: Unreadable, group: Sequence[_Ready]) -> None:
        evidence = (scope, fault.read, owner)
        self._waiting += len(group)
        for ready in group:
            self.tally.counts[ready.check.id, "unreadable", fault.kind] += 1
            self.tally.blame(_blame(fault), ready.check.id)
            ready.told[UNREAD].append((0, evidence, _words(fault), None))

    # filters

    def _is_chosen(self, row: Row, document: Document) -> bool:
        wanted = self.filters
        if row.body[:1] != b"{":
            # Nothing is known of it, so nothing can rule it out.
            return True
        if wanted.resource_groups and parse_id(row.id_as_sent).resource_group.lower() not in wanted.resource_groups:
            return False
        region = _region(parse_id(row.id_as_sent), document) or region_of(self._top(row, document).get("location"))
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
                for status, told in enumerate(ready.told):
                    for block in _blocks(told):
                        row = (ready.number, status, self._encode(block).decode())
                        connection.execute("INSERT INTO verdicts VALUES (?, ?, ?)", row)
                    if told:
                        if status != UNREAD:  # these were counted by kind of trouble
                            self.tally.counts[ready.check.id, STATUSES[status], ""] += len(told)
                        told.clear()
        self._waiting = 0


def _blocks(told: list[Told]) -> Iterator[list[Told]]:
    """The verdicts in parts that one value of SQLite can hold, whatever their evidence."""
    for at in range(0, len(told), BLOCK):
        yield told[at : at + BLOCK]


def _region(parsed: ResourceId, document: Mapping[str, Any]) -> str:
    if parsed.type == "Microsoft.Resources/subscriptions/locations":
        return region_of(parsed.name)
    return region_of(document["location"]) if document.get("location") else ""


def managers(estate: Estate) -> Mapping[str, str]:
    """Who manages whole resource groups: the group's key → the id of the resource (an AKS cluster's node group)."""
    found = {}
    for row in estate.rows(RESOURCE_GROUPS.name):
        group = msgspec.json.decode(row.body)
        if isinstance(group, dict) and isinstance(group.get("managedBy"), str) and group["managedBy"]:
            found[key_of(row.id_as_sent)] = group["managedBy"]
    return found


def _manager(parsed: ResourceId, document: Mapping[str, Any], managed: Mapping[str, str]) -> str:
    own = document.get("managedBy")
    # A disk names the machine that it is attached to in the same member: nobody manages it for that.
    if isinstance(own, str) and own and parse_id(own).type.lower() != "microsoft.compute/virtualmachines":
        return own
    if not managed or not parsed.resource_group:
        return ""
    return managed.get(key_of(f"/subscriptions/{parsed.subscription}/resourcegroups/{parsed.resource_group}"), "")


def reference(row: Row, document: Mapping[str, Any], managed: Mapping[str, str]) -> ResourceRef:
    """What a report says of a resource: its id as Azure sent it, and the pieces that the id states.

    `managed` are the managers of resource groups.
    """
    parsed = parse_id(row.id_as_sent)
    name = document.get("name") or document.get("displayName") or document.get("userPrincipalName")
    kind = document.get("type") or document.get("@odata.type")
    return ResourceRef(
        id=row.id_as_sent,
        name=name if isinstance(name, str) else parsed.name,
        type=parsed.type or (kind if isinstance(kind, str) else ""),
        subscription=row.subscription,
        resource_group=parsed.resource_group,
        region=_region(parsed, document),
        managed_by=_manager(parsed, document, managed),
    )


def _leaf_table(ready: _Ready) -> list[tuple[str, str]]:
    table = []
    for leaf in ready.leaves:
        path, expected, _, _ = describe((leaf, "", MISSING, None))
        if id(leaf) in ready.negated:
            expected = opposite(expected)
        if isinstance(leaf, Leaf) and leaf.has_default:
            expected += f" (absent counts as {plain(leaf.default)})"
        table.append((path, expected))
    return table


def _read_of(actual: Any, read: int | None) -> int | None:
    return actual.read or read if isinstance(actual, Items | Document) else read


def _told(actual: Any) -> Any:
    if isinstance(actual, Items):
        return {"items": len(actual)}
    actual = _of_azure(actual)
    if len(msgspec.json.encode(actual)) <= LARGEST_ACTUAL:
        return actual
    return f"{len(actual)} {_UNITS.get(type(actual), 'characters')}"


def _of_azure(actual: Any) -> Any:
    """A document as Azure sent it, without what is attached to it."""
    if isinstance(actual, dict):
        return {name: _of_azure(value) for name, value in actual.items() if not isinstance(value, ATTACHED)}
    return actual


def _words(fault: Unreadable) -> str:
    missing = f" (needs {fault.action})" if fault.action else ""
    return f"{fault.kind}: {fault.message or 'this part was not read'}{missing}"


def _blame(fault: Unreadable) -> Blame:
    return Blame(fault.read, "", "") if fault.read else Blame(0, fault.kind, fault.message)


def _fault_in(actual: Any) -> Unreadable | None:
    """Why a value, or the list that an operator looked through, could not be read; None where it could."""
    if isinstance(actual, Unreadable):
        return actual
    return actual.fault if isinstance(actual, Items) else None
