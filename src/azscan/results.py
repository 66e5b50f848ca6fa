"""What a scan says: the verdicts and everything that travels with them in every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

Severity = Literal["critical", "high", "medium", "low", "info"]
Status = Literal["pass", "fail", "unreadable", "waived", "not-applicable"]
# How much of a control a check decides: all that reads can, or a part.
Strength = Literal["direct", "partial"]
ControlStatus = Literal["fail", "unreadable", "waived", "pass", "no-resources", "manual", "inherited"]

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
STATUSES: tuple[Status, ...] = ("fail", "unreadable", "waived", "pass", "not-applicable")
CONTROL_STATUSES: tuple[ControlStatus, ...] = (
    "fail",
    "unreadable",
    "waived",
    "pass",
    "no-resources",
    "manual",
    "inherited",
)
SEVERITY_RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(SEVERITIES)}

RESULTS_SCHEMA = "azscan.results/1"

# The note of a scan of the demo: whoever reads a report of it must not take it for somebody's estate.
DEMO = "DEMO ESTATE, made up: none of it stands in Azure, nor is it evidence"


class Evidence(msgspec.Struct, frozen=True):
    """One leaf that decided a verdict, and the read that its value came from.

    `path` is the property's path in the document; `expected` the condition in words ("equals true");
    `actual` the JSON value Azure sent (null where it sent none); `present` is false where the
    property is not there, and null where nobody can know, because it could not be read; `read_at` is ISO 8601 in UTC.
    """

    path: str
    expected: str
    actual: Any = None
    present: bool | None = True
    url: str = ""
    api: str = ""
    read_at: str = ""


class ResourceRef(msgspec.Struct, frozen=True):
    """Which resource a verdict is about. `id` is as Azure sent it; `region` is normalised (`westeurope`)."""

    id: str
    name: str
    type: str
    subscription: str = ""
    resource_group: str = ""
    region: str = ""
    managed_by: str = ""


class Fix(msgspec.Struct, frozen=True):
    """How to mend a finding: words for the portal, and a shell command with the resource filled in (or "")."""

    text: str
    cli: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """One check held against one resource. `waiver` is the index into `waivers` where status is `waived`.

    `severity` is the one that counts; where the catalogue has another, `override` is the index into
    `severity_overrides`. `known` is true for a failure that stands in the baseline of the scan.
    """

    check: str
    title: str
    service: str
    severity: Severity
    status: Status
    resource: ResourceRef
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""
    fix: Fix | None = None
    controls: tuple[str, ...] = ()
    waiver: int | None = None
    override: int | None = None
    known: bool = False


class Unread(msgspec.Struct, frozen=True):
    """A part of the estate that could not be read, and how many verdicts rest on it.

    `scope` is the subscription, tenant or resource that was asked; `allowed` is true where
    --allow-unreadable accepts it.
    """

    kind: str
    service: str
    collection: str
    subscription: str
    scope: str
    message: str = ""
    action: str = ""
    code: str = ""
    request_id: str = ""
    checks: tuple[str, ...] = ()
    verdicts: int = 0
    allowed: bool = False


class Waiver(msgspec.Struct, frozen=True):
    """A waiver as the user wrote it, with what became of it: `used` verdicts, `expired` on the day of the scan.

    `not_tried` says why a scan in which it covers nothing does not show that it is superfluous ("" where it does).
    `source` is where it stands: file and line ("azscan.yaml:12").
    """

    checks: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    approved_by: str = ""
    ticket: str = ""
    expires: str = ""
    tags: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    managed_by: tuple[str, ...] = ()
    expired: bool = False
    used: int = 0
    not_tried: str = ""
    source: str = ""


class Off(msgspec.Struct, frozen=True):
    """Services or checks that the team switched off, with the reason on record; `source` is its file and line."""

    reason: str
    services: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    approved_by: str = ""
    expires: str = ""
    expired: bool = False
    ticket: str = ""
    source: str = ""


class SeverityOverride(msgspec.Struct, frozen=True):
    """The severity that the team gives to checks (ids or globs), with the reason on record.

    `changed` maps the checks whose severity it changes to that of the catalogue; `source` is its file and line.
    """

    checks: tuple[str, ...]
    severity: Severity
    reason: str
    approved_by: str = ""
    ticket: str = ""
    expires: str = ""
    expired: bool = False
    changed: Mapping[str, Severity] = {}
    source: str = ""


class Allowance(msgspec.Struct, frozen=True):
    """An unreadable part that the team accepts: a service, a check (or glob) or an error kind.

    One given as an option or variable carries no reason; `used` counts the verdicts that it let through the gate.
    `source` is its file and line, or the option or variable.
    """

    part: str
    reason: str = ""
    approved_by: str = ""
    expires: str = ""
    expired: bool = False
    used: int = 0
    ticket: str = ""
    source: str = ""


class SubscriptionRef(msgspec.Struct, frozen=True):
    """A subscription that the identity sees; `left_out` says why it was not scanned ("" where it was)."""

    id: str
    name: str
    state: str = ""
    tenant: str = ""
    left_out: str = ""


class ScanInfo(msgspec.Struct, frozen=True):
    """Who looked at what, when and with which catalogue. Times are ISO 8601 in UTC.

    `checks` counts the checks that were run, `check_ids` names them: a check may have nothing to say of an estate.
    """

    version: str
    started: str
    finished: str
    cloud: str
    tenant: str
    identity: str
    credential: str
    catalog: str
    subscriptions: tuple[SubscriptionRef, ...] = ()
    services: tuple[str, ...] = ()
    checks: int = 0
    filters: tuple[str, ...] = ()
    requests: int = 0
    notes: tuple[str, ...] = ()
    allowed_unreadable: tuple[Allowance, ...] = ()
    check_ids: tuple[str, ...] = ()


class Gate(msgspec.Struct, frozen=True):
    """What --fail-on decided: `failed` and `undecided` verdicts at or above it, and the exit code.

    `allowed` counts the undecided ones at or above it that --allow-unreadable let through, `known` the failed ones
    that stand in the `baseline` (the file's name; "" without one) and are not among `failed`. The controls are those
    of --fail-on-control ("framework:control") that failed or could not be decided; a baseline does not excuse them.
    """

    fail_on: str
    failed: int
    undecided: int
    exit_code: int
    allowed: int = 0
    failed_controls: tuple[str, ...] = ()
    undecided_controls: tuple[str, ...] = ()
    known: int = 0
    baseline: str = ""


class Summary(msgspec.Struct, frozen=True):
    """Counts of the scan; `severities` maps severity → status → count.

    `not_applicable` maps the checks that did not apply to some resource → to how many.
    """

    resources: int
    checks: int
    statuses: dict[str, int]
    severities: dict[str, dict[str, int]]
    gate: Gate
    not_applicable: dict[str, int] = {}


class Framework(msgspec.Struct, frozen=True):
    """A framework that the verdicts were mapped to; `controls` maps control id → title, in the framework's order.

    `checks` maps control id → the ids of its checks, `partial` → those of them that decide only a part of it, `manual`
    and `inherited` → why no read of Azure decides it (or the rest of it). `left_out` counts the controls that the user
    left out with --control.
    """

    key: str
    title: str
    controls: dict[str, str]
    checks: dict[str, tuple[str, ...]] = {}
    partial: dict[str, tuple[str, ...]] = {}
    manual: dict[str, str] = {}
    inherited: dict[str, str] = {}
    left_out: int = 0


class ControlResult(msgspec.Struct, frozen=True):
    """What a scan says of one control; docs/frameworks.md tells how its status follows from verdicts.

    `strength` is `direct` where at least one check decides all that the control asks of Azure, "" without checks;
    `severity` the worst of the verdicts behind a status of `fail`, `unreadable` or `waived`, else "". `counts` maps
    the status of verdicts → how many, `checks` counts its checks, `decided_by` names those behind a status of `fail`,
    `unreadable` or `waived`, the worst first, `not_run` those that this scan left out. `reason` says what no check of
    it decides, or why it has a status that no verdict gives.
    """

    framework: str
    control: str
    title: str
    status: ControlStatus
    strength: Strength | Literal[""] = ""
    severity: Severity | Literal[""] = ""
    counts: dict[str, int] = {}
    checks: int = 0
    decided_by: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    reason: str = ""

    @property
    def name(self) -> str:
        """The control with its framework, as verdicts and gates name it."""
        return f"{self.framework}:{self.control}"


class Score(msgspec.Struct, frozen=True):
    """How a framework came out: controls by status, and the passed ones among those that were decided.

    `decided` are the controls with the status pass, fail or waived; `percent` is 100 x passed / decided, rounded down
    to a tenth so that 100 means all of them, and null where none was decided.
    """

    framework: str
    passed: int
    decided: int
    percent: float | None
    statuses: dict[str, int]


class Results(Protocol):
    """Everything a report can print. `verdicts()` streams, failing and severe first within each service.

    In full, its order is: service, status (as in STATUSES), severity, check, subscription, resource id. Reports rely
    on the verdicts of one service, status, severity and check standing together.
    """

    scan: ScanInfo
    summary: Summary
    unreadable: Sequence[Unread]
    waivers: Sequence[Waiver]
    off: Sequence[Off]
    severity_overrides: Sequence[SeverityOverride]
    frameworks: Sequence[Framework]
    controls: Sequence[ControlResult]
    scores: Sequence[Score]

    def verdicts(self, *statuses: Status) -> Iterator[Verdict]:
        """The verdicts of the given statuses (all but `not-applicable` where none is given); can be called again."""
