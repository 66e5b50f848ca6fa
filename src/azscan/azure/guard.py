"""The last gate before the wire: lets known reads through and nothing else, whatever rights the identity has."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from azscan.azure.clouds import Cloud
from azscan.errors import GuardError


class Outgoing(Protocol):
    """The part of an azure-core request that the guard looks at."""

    method: str
    url: str

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case."""

    @property
    def content(self) -> Any:
        """The body: bytes or text, or None."""


# A GUID with hyphens: what ARM calls a subscription.
_GUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SUBSCRIPTION: Final = re.compile(rf"{_GUID}\Z", re.IGNORECASE)
_SUBSCRIPTION_IN_TEXT: Final = re.compile(rf"subscriptions/+({_GUID})", re.IGNORECASE)

# Everything that RFC 3986 allows in a path or a query, with whole escapes only: no blanks, controls, backslashes,
# angle brackets or bytes above ASCII. Brackets and bars turn up unescaped in next links' queries.
_PATH: Final = re.compile(r"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)+/?\Z", re.ASCII)
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]|{}\"]|%[0-9A-Fa-f]{2})*\Z", re.ASCII)
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]+\Z", re.ASCII)
# After decoding once: a second escape, a slash of any kind, or a control character.
_HIDDEN: Final = re.compile(r"[%\\\x00-\x1f\x7f]")
_DEFAULT_PORT: Final = re.compile(r"(https://[^/:\[\]]+):443(?=/|\Z)")
_BATCH: Final = "$batch"
# Dots, with the blanks and path parameters that some servers cut off before they look.
_DOTS: Final = re.compile(r"[ .]*\.[ .]*(?:;.*)?\Z", re.DOTALL)

# What a read may carry. A header that is not here could change what the request means (method overrides).
HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "client-request-id",
        "consistencylevel",
        "content-length",
        "content-type",
        "prefer",
        "return-client-request-id",
        "user-agent",
        "x-ms-client-request-id",
        "x-ms-return-client-request-id",
    }
)

# Children of these types are called `subscriptions` and have nothing to do with Azure's subscriptions.
_OTHER_SUBSCRIPTIONS: Final = frozenset({"microsoft.apimanagement", "microsoft.servicebus"})


class PermittedPost(NamedTuple):
    """A POST that only reads: its whole path on ARM (lower case), its query's keys, and what its body may be."""

    path: re.Pattern[str]
    query: frozenset[str]
    body: Callable[[Any, Collection[str]], bool]


def _is_graph_query(body: Any, allowed: Collection[str]) -> bool:
    """True for a Resource Graph query that names its subscriptions, all of them within the scope."""
    if not isinstance(body, dict) or not {"subscriptions", "query"} <= body.keys() <= _QUERY_MEMBERS:
        return False
    subscriptions, options = body["subscriptions"], body.get("options", {})
    return (
        isinstance(body["query"], str)
        and isinstance(subscriptions, list)
        and bool(subscriptions)
        and all(isinstance(named, str) and named.lower() in allowed for named in subscriptions)
        and isinstance(options, dict)
        and options.keys() <= _QUERY_OPTIONS
        and all(isinstance(value, (str, int)) for value in options.values())
    )


def _is_empty(body: Any, allowed: Collection[str]) -> bool:
    """True where there is no body, or an empty object."""
    return body is None or body == {}


_QUERY_MEMBERS: Final = frozenset({"subscriptions", "query", "options"})
_QUERY_OPTIONS: Final = frozenset({"$skipToken", "$top", "$skip", "resultFormat"})
_STATES_QUERY: Final = frozenset(
    {"api-version", "$top", "$filter", "$orderby", "$select", "$from", "$to", "$apply", "$expand", "$skiptoken"}
)

POSTS: Final[tuple[PermittedPost, ...]] = (
    # https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
    PermittedPost(
        re.compile(r"/providers/microsoft\.resourcegraph/resources\Z"), frozenset({"api-version"}), _is_graph_query
    ),
    # https://learn.microsoft.com/rest/api/policyinsights/policy-states
    PermittedPost(
        re.compile(
            rf"/subscriptions/{_GUID}(?:/resourcegroups/[^/]+)?(?:/providers/[^/]+/[^/]+/[^/]+(?:/[^/]+/[^/]+)*)?"
            r"/providers/microsoft\.policyinsights/policystates/latest/(?:queryresults|summarize)\Z"
        ),
        _STATES_QUERY,
        _is_empty,
    ),
)


def check(request: Outgoing, cloud: Cloud, allowed_subscriptions: Collection[str]) -> None:
    """Returns where `request` is a read that azscan makes; raises GuardError otherwise.

    GET passes on the cloud's two hosts, over https, with a plain path, known headers and no body, where every
    subscription that it names is among `allowed_subscriptions` (lower case). POST passes for the entries of POSTS.
    """
    host, path, query = _parts(request.url, cloud)
    for header in request.headers:
        if header.lower() not in HEADERS:
            raise GuardError(f"a request with the header {header!r} was stopped: it could change what it means")
    if request.method == "GET":
        if request.content:
            raise GuardError("a GET with a body was stopped")
    elif request.method != "POST":
        raise GuardError(f"a {request.method} was stopped: azscan only reads")
    elif host != "arm" or not _is_permitted_post(path.lower(), query, request.content, allowed_subscriptions):
        raise GuardError(f"POST {path} was stopped: it is not one of the queries that azscan makes")
    if host == "arm":
        for subscription in _named_subscriptions(path, query):
            if subscription not in allowed_subscriptions:
                raise GuardError(f"a request for subscription {subscription} was stopped: it is not in the scope")


def _parts(url: str, cloud: Cloud) -> tuple[str, str, str]:
    """Whose host it is ("arm", "graph"), the decoded path and the query; raises GuardError for any oddity."""
    if not url.isascii():
        raise GuardError("a request with bytes above ASCII in its URL was stopped")
    head, _, query = url.partition("?")
    slash = head.find("/", len("https://"))
    origin, path = (head, "/") if slash < 0 else (head[:slash], head[slash:])
    host = _whose(url, cloud)
    if host is None:
        raise GuardError(f"a request to {_named(origin)} was stopped: it is no host of {cloud.name}")
    decoded = _plain(path)
    if host == "graph":
        decoded = decoded[len(urlsplit(cloud.graph).path) :]
    if not _QUERY.match(query):
        raise GuardError("a request was stopped: its query holds characters that a URL must not hold")
    if "method" in unquote(query).lower() and any("method" in key.lower() for key in _keys(query)):
        raise GuardError("a request was stopped: its query overrides the method")
    return host, decoded, query


def is_of(url: str, cloud: Cloud, host: str) -> bool:
    """Whether `url` (https, :443 or not) is on the cloud's host of that name, "arm" or "graph"."""
    return _whose(url, cloud) == host or (cloud.arm == cloud.graph and _is_below(_folded(url), cloud.arm.lower()))


def _whose(url: str, cloud: Cloud) -> str | None:
    """ "arm", "graph" or None; where both are one, "arm", whose rules are stricter."""
    folded = _folded(url)
    if cloud.graph != cloud.arm and _is_below(folded, cloud.graph.lower()):
        return "graph"
    return "arm" if _is_below(folded, cloud.arm.lower()) else None


def _folded(url: str) -> str:
    folded = url.partition("?")[0].lower()
    port = _DEFAULT_PORT.match(folded)
    return port.group(1) + folded[port.end() :] if port else folded


def is_subscription(text: str) -> bool:
    """True for a GUID with hyphens, which is what ARM calls a subscription."""
    return bool(_SUBSCRIPTION.match(text))


def _is_below(url: str, base: str) -> bool:
    return url == base or url.startswith(f"{base}/")


def _plain(path: str) -> str:
    """The path, decoded once; raises GuardError where it hides something."""
    if not _PATH.match(path):
        raise GuardError("a request was stopped: its path is not a plain one")
    decoded = path if _PLAIN_PATH.match(path) else unquote(path, errors="replace")
    if decoded is not path and (_HIDDEN.search(decoded) or decoded.count("/") != path.count("/")):
        raise GuardError("a request was stopped: its path hides a slash, a control character or a second escape")
    for segment in decoded.split("/"):
        if _DOTS.match(segment) or segment.lower() == _BATCH:
            raise GuardError("a request was stopped: its path climbs or is a batch")
    return decoded


def _is_permitted_post(path: str, query: str, content: Any, allowed: Collection[str]) -> bool:
    for entry in POSTS:
        if entry.path.match(path):
            return _keys(query) <= entry.query and entry.body(_body(content), allowed)
    return False


def _body(content: Any) -> Any:
    """The JSON of a body; NotImplemented where it is none, or could be read in two ways (a key given twice)."""
    if content is None or content in (b"", ""):
        return None
    raw = content.encode() if isinstance(content, str) else content
    if not isinstance(raw, bytes):
        return NotImplemented
    try:
        body = msgspec.json.decode(raw)
        return body if msgspec.json.encode(body) == raw else NotImplemented
    except (msgspec.DecodeError, RecursionError):
        return NotImplemented


def _named_subscriptions(path: str, query: str) -> Iterable[str]:
    """The subscriptions that a request names, lower case; raises GuardError where the first is no GUID."""
    segments = path.lower().split("/")
    if segments[1] == "subscriptions" and len(segments) > 2 and segments[2]:
        if not _SUBSCRIPTION.match(segments[2]):
            raise GuardError(f"a request was stopped: {segments[2][:60]!r} is not a subscription's id")
        yield segments[2]
    if segments.count("subscriptions") > (segments[1] == "subscriptions"):
        provider = segments[segments.index("providers") + 1] if "providers" in segments[:-1] else ""
        own = segments[1] == "subscriptions" and provider in _OTHER_SUBSCRIPTIONS
        if not own:
            yield from (found.lower() for found in _SUBSCRIPTION_IN_TEXT.findall(path))
    if "subscriptions" in query.lower():
        yield from (found.lower() for found in _SUBSCRIPTION_IN_TEXT.findall(unquote(query)))


def _keys(query: str) -> set[str]:
    return {key for key, _ in parse_qsl(query, keep_blank_values=True)}


def _named(origin: str) -> str:
    try:
        host = urlsplit(origin).hostname if origin.startswith("http") else None
    except ValueError:  # brackets around what is no address
        host = None
    return host or "an unknown host"
