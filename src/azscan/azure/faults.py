"""Reads Azure's errors: which kind of fault an HTTP answer is, in all the shapes in which Azure writes them."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from azscan.azure.answers import Ask, Fault, FaultKind
from azscan.azure.scrub import scrub

MESSAGE_LIMIT: Final = 300
LONGEST_TOLD: Final = 3600.0
_READ_LIMIT: Final = 4000
_BOM: Final = b"\xef\xbb\xbf"
_UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _CONFLICT, _TOO_MANY = 401, 403, 408, 409, 429
_MAY_MEAN_ABSENT: Final = (400, 404)
_MAY_BE_A_STATE: Final = (400, 409, 412, 422)
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)


class Words(msgspec.Struct, frozen=True):
    """What an error body says: code, message (one sentence, scrubbed), and its details as (code, target) pairs.

    `text` is the message as Azure wrote it: for reading, never for showing. `code` and `message` are "" where the
    body has none, or is no JSON at all.
    """

    code: str = ""
    message: str = ""
    text: str = ""
    details: tuple[tuple[str, str], ...] = ()


def _folded(*codes: str) -> frozenset[str]:
    return frozenset(code.lower() for code in codes)


# https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
_NOT_REGISTERED = _folded(
    "MissingSubscriptionRegistration",
    "SubscriptionNotRegistered",
    "Subscription Not Registered",
    "ResourceProviderNotRegistered",
)
_UNSUPPORTED = _folded(
    "InvalidResourceType",
    "NoRegisteredProviderFound",
    "InvalidApiVersionParameter",
    "InvalidResourceNamespace",
    "UnsupportedApiVersion",
    "LocationNotAvailableForResourceType",
)
_PARENT_GONE = _folded("ParentResourceNotFound", "ResourceGroupNotFound")
# PostgreSQL flexible servers answer ServerStoppedError (400), MySQL's ServerUnavailableForOperation (409).
_WRONG_STATE = _folded(
    "ServerStoppedError",
    "ServerUnavailableForOperation",
    "ServerIsNotReady",
    "ServerNotReady",
    "ReadOnlyDisabledSubscription",
    "DisabledSubscription",
    "SubscriptionDisabled",
)
_STATE_WORDS = re.compile(
    r"(?i)\b(?:is|are|was|in|state|status)\b[^.]{0,40}?\b(?:stopped|stopping|paused|pausing|suspended|deallocated"
    r"|hibernated|not running|not online|offline)\b"
)
_LICENCE_WORDS = re.compile(
    r"(?i)\bpremium\b[^.]{0,40}\blicen[cs]e|\blicen[cs]e[^.]{0,60}\bpremium\b"
    r"|\b(?:tenant|needs?|requires?)\b[^.]{0,60}\b(?:P1|P2|Governance|Premium)\b[^.]{0,30}\blicen[cs]e"
)
_MISSING = re.compile(r"The Resource '([^']+)' under resource group")
_ACTION = re.compile(r"perform action '([^']+)'")
_PERMISSION = re.compile(r"requires one of '([^',]+)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


def fault_of(status: int, headers: Mapping[str, str], body: bytes, ask: Ask) -> Fault:
    """The fault that this answer to `ask` is; for answers that are no success (status 300 and above).

    Whether a 404 or 400 means absent is for `ask.absent` to say; where several meanings fit, that one is first.
    """
    words = error_words(body)
    kind = _kind(status, words, ask)
    return Fault(
        kind=kind,
        message=words.message or _standard_message(status, words.code, body),
        code=words.code,
        action=_action(words.text) if kind == "access_denied" else "",
    )


def error_words(body: bytes) -> Words:
    """What an error body says, whichever of Azure's shapes it has.

    Met so far: an `error` member, code and message at the top, `Message` alone, `odata.error` with an object as
    message, RFC 9110 problem details, null, XML, HTML, plain text. JSON inside a message is not read.
    """
    try:
        document: Any = msgspec.json.decode(body.removeprefix(_BOM)) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Words()
    if not isinstance(document, dict):
        return Words()
    top = {str(key).lower(): value for key, value in document.items()}
    error = next((top[key] for key in ("error", "odata.error") if isinstance(top.get(key), dict)), None)
    inner = {str(key).lower(): value for key, value in error.items()} if error is not None else top
    code = _code(inner.get("code")) or (_code(top.get("error")) if error is None else "")
    texts = (_text(inner.get(key)) for key in ("message", "error_description", "detail", "title"))
    text = next((found for found in texts if found.strip()), "")
    return Words(code, short(text), text[:_READ_LIMIT], _details(inner.get("details")))


def short(text: str) -> str:
    """`text` as one sentence of at most 300 characters, without tokens and secrets."""
    line = next((part for part in (piece.strip() for piece in text.splitlines()) if part), "")
    if "{" in line:
        line = line.partition("{")[0].rstrip(" :\"'")
        line = "" if line.lower() == "message" else line
    line = scrub(" ".join(line.split()))
    line = _SENTENCE_END.split(line, maxsplit=1)[0]
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1].rstrip() + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After (a number, or a date), or its cousins in milliseconds, ask for; None without.

    At most LONGEST_TOLD: whoever is asked to wait longer asks again after that.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        seconds = number_in(value)
        if seconds is not None:
            return min(max(0.0, seconds / scale), LONGEST_TOLD)
        if value:
            try:
                until = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
                return min(max(0.0, until), LONGEST_TOLD)
            except (ValueError, OverflowError):
                continue
    return None


def clock_ahead(headers: Mapping[str, str]) -> float | None:
    """Seconds by which the sender's clock (its Date header) is ahead of this machine's; None where it does not say."""
    try:
        return email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None


def number_in(text: str) -> float | None:
    """The finite number that `text` is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _kind(status: int, words: Words, ask: Ask) -> FaultKind:
    code = words.code.lower()
    if status in _MAY_MEAN_ABSENT and code and any(code == absent.lower() for absent in ask.absent):
        return "parent_gone" if _names_a_parent(words.text, ask.target) else "absent"
    if status in _REDIRECTS:
        return "bad_response"
    if status == _TOO_MANY:
        return "throttled"
    if status == _TIMEOUT or status in _SERVER_ERRORS:
        return "unavailable"
    return _kind_by_code(code) or _kind_by_words(status, words) or "rejected"


def _names_a_parent(text: str, target: str) -> bool:
    """True where Resource Manager misses a resource above the one that was asked for, under the code for either."""
    found = _MISSING.search(text)
    return found is not None and f"/providers/{found.group(1)}/".lower() in unquote(target.partition("?")[0]).lower()


def _kind_by_code(code: str) -> FaultKind | None:
    if code in _NOT_REGISTERED:
        return "not_registered"
    if code in _UNSUPPORTED:
        return "unsupported"
    if code in _PARENT_GONE:
        return "parent_gone"
    if code in _WRONG_STATE:
        return "wrong_state"
    if "nonpremium" in code or "licenserequired" in code:
        return "licence"
    return None


def _kind_by_words(status: int, words: Words) -> FaultKind | None:
    if status in (_UNAUTHORIZED, _FORBIDDEN, *_MAY_MEAN_ABSENT) and _LICENCE_WORDS.search(words.text):
        return "licence"
    if status == _UNAUTHORIZED:
        return "unauthenticated"
    if status == _FORBIDDEN:
        return "access_denied"
    if status in _MAY_BE_A_STATE and _STATE_WORDS.search(words.text):
        return "wrong_state"
    return None


def _action(text: str) -> str:
    found = _ACTION.search(text) or _PERMISSION.search(text)
    return short(found.group(1)) if found else ""


def _standard_message(status: int, code: str, body: bytes) -> str:
    if code:
        return f"Azure answered {status} ({code}) and said no more."
    if status in _REDIRECTS:
        return f"Azure answered {status} and points to another place, which is not followed."
    if body.lstrip()[:1] == b"<":
        return f"Azure answered {status} with a page instead of an error in JSON."
    return f"Azure answered {status} and gave no reason."


def _code(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return scrub(value.strip())[:120] if isinstance(value, str) else ""


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else ""


def _details(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        (_code(detail.get("code")), _code(detail.get("target"))) for detail in value[:10] if isinstance(detail, dict)
    )
