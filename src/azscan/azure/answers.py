"""What is asked of Azure and what comes back: a read never raises for what Azure answers, it returns a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

FaultKind = Literal[
    "access_denied",
    "partial_access",
    "out_of_scope",
    "not_registered",
    "unauthenticated",
    "throttled",
    "unavailable",
    "unsupported",
    "wrong_state",
    "licence",
    "rejected",
    "bad_response",
    "absent",
    "parent_gone",
]


FAULT_KINDS: tuple[str, ...] = (*get_args(FaultKind), "not_collected")


class Fault(msgspec.Struct, frozen=True):
    """Why a read brought nothing. `absent` is Azure's word that there is nothing; `parent_gone` that the parent went.

    `action` is the missing RBAC action or Graph permission where Azure names it; `code` Azure's error code.
    """

    kind: FaultKind
    message: str = ""
    code: str = ""
    action: str = ""


class Ask(msgspec.Struct, frozen=True):
    """One read. `target` is a path with its query ("/subscriptions/…?api-version=…") or a next link as Azure gave it.

    `subscription`, `provider` (lower case) and `region` choose the budget that it is paid from. `absent` are
    the error codes that mean "there is none" for this read.
    """

    target: str
    host: Literal["arm", "graph"] = "arm"
    method: Literal["GET", "POST"] = "GET"
    shape: Literal["list", "object", "status"] = "list"
    body: Any = None
    headers: Mapping[str, str] = {}
    subscription: str = ""
    provider: str = ""
    region: str = ""
    absent: tuple[str, ...] = ("ResourceNotFound", "NotFound")


class Answer(msgspec.Struct, frozen=True):
    """What came back: `items` of a list's page (and `next`, its next link), or the `body` of an object; or a fault.

    `url` is what was asked (without host for a path), `api` its api-version or Graph version, `at` the time of the
    answer (ISO 8601, UTC), `status` the HTTP status (0 where none came).
    """

    url: str
    api: str
    status: int
    at: str
    request_id: str = ""
    items: tuple[Any, ...] = ()
    body: Any = None
    next: str = ""
    fault: Fault | None = None
