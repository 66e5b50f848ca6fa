"""The switches of the emulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from azscan.errors import UsageError

FaultKind = Literal[
    "status",
    "html",
    "text",
    "empty_body",
    "truncate",
    "reset",
    "hang",
    "slow",
    "value_missing",
    "value_null",
    "value_string",
    "empty_page",
    "next_loop",
    "next_foreign",
    "redirect_foreign",
    "claims",
    "expired",
]
Manner = Literal["403", "filter"]
FAULT_KINDS = frozenset(FaultKind.__args__)  # type: ignore[attr-defined]
Switch = TypeVar("Switch")


@dataclass(frozen=True)
class FaultRule:
    """What goes wrong, for which requests, and how often.

    `match` is a glob, in any case, over the path, the path with its query ("*skiptoken*"), the collection's type
    ("Microsoft.Storage/storageAccounts/blobServices") or Graph's path ("v1.0/users"). Of the requests that match,
    the first `after` are left alone; then `nth` picks one (from 1), `every` each so-manieth, and `count` ends it.
    `page` picks one page of a list (from 1). `do` is what happens; the rest are its particulars.
    """

    match: str = "*"
    do: str = "status"
    after: int = 0
    nth: int | None = None
    every: int | None = None
    count: int | None = None
    page: int | None = None
    method: str | None = None
    status: int = 500
    code: str = "InternalServerError"
    message: str = "The server encountered an internal error."
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    seconds: float = 1.0
    bytes: int | None = None
    to: str | None = None


@dataclass(frozen=True)
class ProviderLimit:
    """A provider's own limit for each subscription: so many of `what` in a fixed window of seconds."""

    what: Literal["read", "list"]
    limit: int
    window: float
    name: str = ""
    shown: bool = False


# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
# and, for Compute, the budgets that its own answers show in x-ms-ratelimit-remaining-resource.
PROVIDER_LIMITS: Mapping[str, Sequence[ProviderLimit]] = {
    "microsoft.storage": (ProviderLimit("read", 800, 300), ProviderLimit("list", 100, 300)),
    "microsoft.network": (ProviderLimit("read", 10000, 300),),
    "microsoft.compute": (
        ProviderLimit("list", 140, 180, "Microsoft.Compute/HighCostGet3Min", True),
        ProviderLimit("read", 4000, 180, "Microsoft.Compute/LowCostGet3Min", True),
    ),
}


@dataclass(frozen=True)
class Throttle:
    """ARM's budgets. `time_scale` 60 makes a minute of Azure's a second: refills and windows run that much faster.

    `retry_after` False leaves the header out of a 429; `headers` False leaves out the remaining reads.
    """

    capacity: float = 250
    refill: float = 25
    tenant_capacity: float = 250
    tenant_refill: float = 25
    graph_capacity: float = 2000
    graph_refill: float = 200
    providers: Mapping[str, Sequence[ProviderLimit]] = field(default_factory=lambda: PROVIDER_LIMITS)
    time_scale: float = 1.0
    retry_after: bool = True
    headers: bool = True


@dataclass(frozen=True)
class Role:
    """A role assignment of the caller: actions at a scope and all below it, wildcards allowed.

    `group` is the object id of the group that holds the role ("" for the caller itself), `name` the role's name.
    """

    scope: str
    actions: Sequence[str] = ("*/read",)
    not_actions: Sequence[str] = ()
    group: str = ""
    name: str = ""


@dataclass(frozen=True)
class Deny:
    """One read that is denied whatever the roles say, by a 403 or by leaving it out of lists.

    `match` is an action, a resource type, or a glob over paths that begins with `/` or `*/`; for Graph a path
    ("v1.0/users"). An action or type also shows in the effective permissions as a not-action, as it would in a
    custom role; a path does not. A path denied by `403` stays in lists, one denied by `filter` is left out of them.
    """

    match: str
    manner: Manner = "403"


@dataclass(frozen=True)
class Deletion:
    """An object that is deleted during the scan: once `after` reads were answered, or a path like `on` was."""

    id: str
    after: int | None = None
    on: str | None = None


@dataclass
class Options:
    """All switches; without any the emulator answers everything at once, to a caller who may read everything.

    `refused` refuses the sign-ins of a client id ("*" for all of them) with an Entra code (53003); `clock_ahead` puts
    the Date of every answer so many seconds ahead.
    """

    latency_ms: float = 0
    jitter_ms: float = 0
    page_size: int | Mapping[str, int] = 1000
    empty_pages: bool = False
    last_link: Literal["absent", "null", "empty"] = "absent"
    throttle: Throttle | None = None
    faults: Sequence[FaultRule] = ()
    deletions: Sequence[Deletion] = ()
    roles: Sequence[Role] | None = None
    role_manner: Manner = "filter"
    deny: Sequence[Deny] = ()
    permissions_at: Literal["anywhere", "groups", "nowhere"] = "anywhere"
    providers: Mapping[str, Any] = field(default_factory=dict)
    not_registered: Literal["409", "empty"] = "409"
    lenient_types: bool = True
    strict_api: Mapping[str, Sequence[str]] = field(default_factory=dict)
    graph_permissions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    granted: Sequence[str] | None = None
    require_token: bool = True
    token_lifetime: float = 3600
    announced_lifetime: float | None = None
    expire_tokens_after: int | None = None
    secrets: Mapping[str, str] | None = None
    expired_secrets: Sequence[str] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    tenants: Sequence[str] = ()
    device_code_polls: int = 1
    claims_challenge_after: int | None = None
    clock_ahead: float = 0
    replay: Literal["all", "objects", "errors", "none"] = "all"

    def __post_init__(self) -> None:
        self.faults = tuple(made(FaultRule, rule) for rule in self.faults)
        self.deletions = tuple(made(Deletion, rule) for rule in self.deletions)
        self.deny = tuple(made(Deny, rule) for rule in self.deny)
        if self.roles is not None:
            self.roles = tuple(made(Role, rule) for rule in self.roles)
        if isinstance(self.throttle, Mapping):
            self.throttle = made(Throttle, self.throttle)
        for rule in self.faults:
            if rule.do not in FAULT_KINDS:
                known = ", ".join(sorted(FAULT_KINDS))
                raise UsageError(f"the emulator knows no fault '{rule.do}'", hint=f"it knows {known}")

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Options:
        """Options from decoded JSON, names with or without capitals. Raises UsageError for what it does not know."""
        return made(cls, data)


def read_options(path: Path) -> Options:
    """The options of a JSON file; raises UsageError in words for what cannot be read, is unknown or of a wrong kind."""
    hint = "docs/emulator.md lists the options"
    try:
        options = Options.read(msgspec.json.decode(path.read_bytes()))
        # Names are known by now; msgspec knows the kinds of values from the annotations.
        return msgspec.convert(msgspec.to_builtins(options), Options)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name options as JSON") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=hint) from error
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint or hint) from error


def made(kind: type[Switch], data: Any) -> Switch:
    """One of the switches from what was given: as it is, or from a mapping. Raises UsageError in words."""
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise UsageError(f"the emulator wants an object for {kind.__name__}, not {data!r}")
    names = {item.name.replace("_", "").lower(): item.name for item in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in data.items():
        name = names.get(str(key).replace("_", "").replace("-", "").lower())
        if name is None:
            known = ", ".join(sorted(names.values()))
            raise UsageError(f"the emulator's {kind.__name__} has no '{key}'", hint=f"it has {known}")
        values[name] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise UsageError(f"the emulator's {kind.__name__}: {error}") from None
