"""One of two results that are compared: its verdicts sorted, and what it did not look at."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from azscan.estate.ids import ancestors, key_of, parse_id
from azscan.results import SEVERITY_RANK, STATUSES, Evidence, ResourceRef, ScanInfo, Verdict
from azscan.words import few

# So many subscriptions or checks are named in a note.
_NAMED = 3
FAIL, UNREADABLE, WAIVED, PASS = range(4)
assert STATUSES[:4] == ("fail", "unreadable", "waived", "pass")

# As the verdicts of one check and resource: the worst stands for them, where there are several.
_TABLES = """
CREATE TABLE {side}("check" TEXT, key BLOB, status INT, severity INT, evidence BLOB, told BLOB, facts BLOB);
CREATE TABLE {side}_lists("check" TEXT, scope TEXT, subscription TEXT, reason TEXT);
"""
_INDEXES = """
CREATE INDEX {side}_of ON {side}("check", key, status);
CREATE INDEX {side}_resource ON {side}(key);
CREATE INDEX {side}_lists_of ON {side}_lists("check");
"""
_encode = msgspec.msgpack.Encoder().encode
decode_told = msgspec.msgpack.Decoder(tuple[ResourceRef, str]).decode
decode_facts = msgspec.msgpack.Decoder(tuple[Evidence, ...]).decode


class Side(Protocol):
    """One of the two results: read twice from a file, or assessed from an estate."""

    @property
    def scan(self) -> ScanInfo:
        """What the scan was about."""

    def verdicts(self) -> Iterator[Verdict]:
        """All verdicts but `not-applicable`, in any order."""


class Row(NamedTuple):
    """A verdict as it is sorted: `key` is a digest of the resource's id, another one for a list that was not read.

    `evidence` is a digest of a failure's evidence, `facts` that evidence.
    """

    check: str
    key: bytes
    status: int
    severity: int
    evidence: bytes
    told: bytes
    facts: bytes


class Missed(NamedTuple):
    """Why one of the two results has no verdict that it might have had."""

    why: str
    is_unreadable: bool = False


class Loaded:
    """The verdicts of one side, sorted, and what that side did not look at."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        side: Side,
        checks: dict[str, tuple[str, str]],
        present_id: Callable[[str], str],
        wanted: Callable[[str], bool],
    ) -> None:
        self.scan = side.scan
        self.total = self.readable = 0
        self.ran = frozenset(map(present_id, side.scan.check_ids))
        self._connection = connection
        self._name = name
        self._checks = checks
        self._present = present_id
        self._wanted = wanted
        self._lists_of = ("", _Lists(()))
        self._seen: set[str] = set()
        self._subscriptions = {each.id.lower() for each in side.scan.subscriptions if not each.left_out}
        self._left_out = {each.id.lower(): each.left_out for each in side.scan.subscriptions if each.left_out}
        self.other: Loaded | None = None
        connection.executescript(_TABLES.format(side=name))
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?)", self._verdicts(side.verdicts()))
        connection.execute("COMMIT")
        connection.executescript(_INDEXES.format(side=name))

    def rows(self) -> Iterator[Row]:
        """The verdicts by check and resource, of several for the same the worst."""
        before: tuple[str, bytes] | None = None
        for values in self._connection.execute(f'SELECT * FROM {self._name} ORDER BY "check", key, status'):
            row = Row(*values)
            if (row.check, row.key) != before:
                before = (row.check, row.key)
                yield row

    def has(self, key: bytes) -> bool:
        """True where the resource has a verdict of any check."""
        found = self._connection.execute(f"SELECT 1 FROM {self._name} WHERE key = ? LIMIT 1", (key,))
        return found.fetchone() is not None

    def missed(self, check: str, resource: ResourceRef) -> Missed | None:
        """Why there is no verdict of the check on the resource although it may be there; None where it is not there."""
        assert self.other is not None
        subscription = resource.subscription.lower()
        if subscription and subscription not in self._subscriptions:
            left_out = self._left_out.get(subscription)
            return Missed("the subscription was not scanned" + (f": {left_out}" if left_out else ""))
        if not subscription and self.scan.tenant != self.other.scan.tenant:
            return Missed("the tenant was not scanned")
        if check not in (self.ran or self._seen):
            return Missed("the check was not run")
        if (reason := self._lists(check).covering(resource)) is not None:
            return Missed(reason or "the list could not be read", True)
        filters = set(self.scan.filters)
        # What a tag chooses, another tag leaves out; a region or a group stays in the resource's id.
        if filters and (filters != set(self.other.scan.filters) or any(each.startswith("--tag") for each in filters)):
            return Missed(f"it may be left out by {', '.join(self.scan.filters)}")
        return None

    def _lists(self, check: str) -> _Lists:
        if self._lists_of[0] != check:
            found = self._connection.execute(
                f'SELECT scope, subscription, reason FROM {self._name}_lists WHERE "check" = ?', (check,)
            )
            self._lists_of = (check, _Lists(found))
        return self._lists_of[1]

    def _verdicts(self, verdicts: Iterable[Verdict]) -> Iterator[Row]:
        for verdict in verdicts:
            check = self._present(verdict.check)
            self._seen.add(check)
            if not self._wanted(check) or verdict.status == "not-applicable":
                continue
            self._checks[check] = (verdict.title, verdict.service)
            resource = verdict.resource
            is_whole = verdict.status == "unreadable" and is_list(resource)
            self.total += 1
            self.readable += verdict.status != "unreadable"
            if is_whole:
                self._connection.execute(
                    f"INSERT INTO {self._name}_lists VALUES (?, ?, ?, ?)",
                    (check, key_of(resource.id), resource.subscription.lower(), verdict.reason),
                )
            yield Row(
                check,
                _digest(key_of(resource.id) + ("*" if is_whole else "")),
                STATUSES.index(verdict.status),
                SEVERITY_RANK[verdict.severity],
                _evidence(verdict) if verdict.status == "fail" else b"",
                _encode((resource, verdict.reason if verdict.status == "unreadable" else "")),
                _encode(verdict.evidence) if verdict.status == "fail" else b"",
            )


class _Lists:
    """The lists of one check that could not be read, and which resources may stand in them."""

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        # A list below a resource or a group holds what lies below it; any other may hold all of its subscription.
        self._below: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._some: dict[str, str] = {}
        for scope, subscription, reason in rows:
            if parse_id(scope).resource_group:
                self._below[scope] = reason
                self._some[subscription] = reason
            else:
                self._whole[subscription] = reason

    def covering(self, resource: ResourceRef) -> str | None:
        """Why the list that the resource may stand in could not be read, or None."""
        if not (self._below or self._whole):
            return None
        subscription = resource.subscription.lower()
        # What names no group cannot be told to lie below a resource or not.
        places = self._whole if parse_id(resource.id).resource_group else self._some | self._whole
        for place in (subscription, ""):
            if place in places:
                return places[place]
        found: Iterator[str] = (self._below[scope] for scope in ancestors(resource.id) if scope in self._below)
        return next(found, None)


def is_list(resource: ResourceRef) -> bool:
    """True for what stands for the resources of a list that could not be read; a resource may be named * as well."""
    return resource.name == "*" and not resource.id.endswith("/*")


def notes(old: Loaded, new: Loaded) -> Iterator[str]:
    """Where the two results do not fit together."""
    old.other, new.other = new, old
    if new.scan.started and new.scan.started < old.scan.started:
        yield "the second of them is older than the first"
    for what, one, other in (
        ("tenant", old.scan.tenant, new.scan.tenant),
        ("cloud", old.scan.cloud, new.scan.cloud),
        ("filters", ", ".join(old.scan.filters) or "none", ", ".join(new.scan.filters) or "none"),
    ):
        if one != other:
            yield f"another {what}: {one or 'unknown'} before, {other or 'unknown'} now"
    names = {each.id.lower(): each.name or each.id for side in (old, new) for each in side.scan.subscriptions}
    for side, against, word in ((old, new, "now"), (new, old, "before")):
        scanned = sorted(names[each] for each in side._subscriptions - against._subscriptions)
        if scanned:
            yield f"not scanned {word}: {few(scanned, _NAMED)}"
        if side.ran and against.ran and (ran := sorted(filter(side._wanted, side.ran - against.ran))):
            yield f"checks not run {word} ({len(ran):,}): {few(ran, _NAMED)}"
    if old.scan.catalog != new.scan.catalog:
        yield "the catalogues differ: what changed may be a check, and not the estate"


def _evidence(verdict: Verdict) -> bytes:
    """A digest of what decided the verdict, without when and how it was read."""
    facts = [(leaf.path, leaf.present, leaf.actual) for leaf in verdict.evidence]
    return hashlib.blake2b(_encode(facts), digest_size=8).digest()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
