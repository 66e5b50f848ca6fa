"""What the catalogue's files say, as plain values. Conditions stay as written; conditions.parse reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from azscan.results import Severity, Strength

Presence = Literal["listed", "always", "parent"]
Match = Literal["equals", "id", "idPrefix", "scopeContains"]
Condition = dict[str, Any]

AREAS = (
    "posture",
    "identity",
    "governance",
    "data-security",
    "compute",
    "network",
    "observability",
    "integration",
    "ai",
)

# Subjects that every catalogue has without declaring a collection for them.
BUILT_IN_SUBJECTS = ("subscription", "tenant", "resource_group")


class Link(msgspec.Struct, frozen=True):
    """Records of another collection that are attached to a document under `name`.

    They join where the document's value at `from_` matches the record's value at `to`, both lower-cased.
    """

    name: str
    collection: str
    from_: str
    to: str
    match: Match = "equals"
    across: Literal["subscription", "scope", "tenant"] = "subscription"
    many: bool = False


class Collection(msgspec.Struct, frozen=True):
    """One kind of record and the read that brings it.

    `api` maps a cloud's name to its api-version, "" being every other cloud. Exactly one of `list`, `get` and
    `kql` is set. `of` names the parents (empty: listed per subscription, region, group or tenant). `attach_as`
    is the name under which a parent's document carries it.
    """

    name: str
    service: str
    type: str
    api: Mapping[str, str]
    presence: Presence
    attach_as: str
    list: str = ""
    get: str = ""
    kql: str = ""
    of: tuple[str, ...] = ()
    key: str = ""
    when: Condition | None = None
    query: Mapping[str, str] = {}
    detail: str = ""
    detail_query: Mapping[str, str] = {}
    detail_when: Condition | None = None
    per: Literal["", "location", "resource_group"] = ""
    absent: tuple[str, ...] = ()
    action: str = ""
    redact: tuple[str, ...] = ()
    host: Literal["arm", "graph"] = "arm"
    version: str = "v1.0"
    permission: tuple[str, ...] = ()
    licence: str = ""
    headers: Mapping[str, str] = {}
    links: tuple[Link, ...] = ()

    @property
    def is_singleton(self) -> bool:
        """True where a parent has one such record (attached as a document, not as a list)."""
        return bool(self.get)


class Service(msgspec.Struct, frozen=True):
    """One folder of the catalogue; the ids of its checks begin with its name, or with one of `prefixes`."""

    name: str
    title: str
    area: str
    collections: Mapping[str, Collection]
    prefixes: tuple[str, ...] = ()


class FixText(msgspec.Struct, frozen=True):
    """How to mend it; `cli` is a template with {id}, {name}, {resource_group}, {subscription}."""

    text: str
    cli: str = ""


class Examples(msgspec.Struct, frozen=True):
    """Documents as Azure sends them, by the verdict they must get."""

    passing: tuple[dict[str, Any], ...] = ()
    failing: tuple[dict[str, Any], ...] = ()
    not_applicable: tuple[dict[str, Any], ...] = ()


class Check(msgspec.Struct, frozen=True):
    """One check; `file` and `line` say where it stands."""

    id: str
    title: str
    severity: Severity
    status: Literal["experimental", "stable", "deprecated"]
    service: str
    area: str
    subject: str
    require: Condition
    why: str
    fix: FixText
    applies: Condition | None = None
    params: Mapping[str, Any] = {}
    aliases: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    false_positives: str = ""
    refs: tuple[str, ...] = ()
    examples: Examples = Examples()
    unmapped: str = ""
    file: str = ""
    line: int = 0


class Edge(msgspec.Struct, frozen=True):
    """What a check says of a control: all that it asks for (`direct`) or a part of it, and who drew the edge.

    `basis` is `microsoft` where one of Microsoft's initiatives ties a policy of the check to the control; a `curated`
    edge has the `reason` for it.
    """

    check: str
    strength: Strength = "direct"
    basis: Literal["microsoft", "curated"] = "curated"
    reason: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """Checks that others tie to a control, and why it does not have them here."""

    checks: tuple[str, ...]
    reason: str


class Control(msgspec.Struct, frozen=True):
    """One control of a framework: with checks, or the reason why no read decides it (or the rest of it)."""

    id: str
    title: str
    edges: tuple[Edge, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    manual: str = ""
    inherited: str = ""

    @property
    def checks(self) -> tuple[str, ...]:
        """The ids of its checks, each once."""
        return tuple(edge.check for edge in self.edges)


class FrameworkMap(msgspec.Struct, frozen=True):
    """One framework's file; `left_out` counts the controls that --control did not choose."""

    framework: str
    title: str
    source: str
    controls: tuple[Control, ...]
    file: str = ""
    left_out: int = 0


class Catalog(msgspec.Struct, frozen=True):
    """All services, checks (by id) and frameworks, with the hash of every file that was read (SHA-256, hex).

    A framework's file is parsed when it is asked for; then CatalogError carries its faults.
    """

    services: Mapping[str, Service]
    collections: Mapping[str, Collection]
    checks: Mapping[str, Check]
    frameworks: Mapping[str, FrameworkMap]
    hash: str
