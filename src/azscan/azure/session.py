"""The one session that sends requests to Azure: reads only, each answered by a value and never by an exception."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from azscan.azure import guard
from azscan.azure.answers import Answer, Ask, Fault
from azscan.azure.clouds import Cloud
from azscan.azure.faults import clock_ahead, fault_of, short
from azscan.azure.governor import Governor, Wait
from azscan.azure.network import Network
from azscan.azure.paging import SKIP_TOKEN
from azscan.azure.wire import Lost, Patience, Reply, Wire, build_pipelines
from azscan.errors import GuardError

LOGGER: Final = logging.getLogger("azscan.azure")
NEXT_LINK: Final = "nextlink"

_OK, _CREATED, _ACCEPTED, _NO_CONTENT, _REDIRECTS = 200, 201, 202, 204, 300
_BOM: Final = b"\xef\xbb\xbf"
_API: Final = re.compile(r"[?&]api-version=([^&]*)", re.IGNORECASE)
_SUBSCRIPTION: Final = re.compile(r"https://[^/]+/subscriptions/([^/?]+)", re.IGNORECASE)
_decode: Final = msgspec.json.Decoder().decode


class Session:
    """Reads ARM and Microsoft Graph of one cloud, within a scope; use it as an async context manager.

    `subscriptions` are the ids that requests may name. `timeout` is seconds for one request, from connecting to
    the last byte; waiting for a budget and for another try does not count. Azure's own refusals and failures come
    back as faults; only a request that is no known read raises (GuardError), and a closed session.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: AsyncTokenCredential,
        *,
        network: Network,
        subscriptions: Iterable[str] = (),
        concurrency: int = 32,
        timeout: float = 60.0,
        governor: Governor | None = None,
        listener: Callable[[Wait], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.cloud = cloud
        self.governor = governor or Governor(concurrency)
        if listener is not None:
            self.governor.listener = listener
        self._credential = credential
        self._network = network
        self._allowed = {subscription.lower() for subscription in subscriptions}
        self._timeout = timeout
        self._patience = patience or Patience()
        self._wire: Wire | None = None
        self._pipelines: dict[str, Any] = {}
        self.clock_ahead: float | None = None
        """Seconds by which Azure's clock is ahead of this machine's, from the first answer; None before it."""

    async def __aenter__(self) -> Self:
        self._wire = Wire(self._network, connections=self.governor.concurrency, timeout=self._timeout)
        await self._wire.open()
        self._pipelines = build_pipelines(
            self._wire, self.cloud, self._credential, self._allowed, self.governor, self._patience
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pipelines = {}
        if self._wire is not None:
            await self._wire.close()

    @property
    def subscriptions(self) -> frozenset[str]:
        """The ids that requests may name, lower case."""
        return frozenset(self._allowed)

    def allow(self, subscription: str) -> None:
        """Adds a subscription to those that requests may name."""
        self._allowed.add(subscription.lower())

    async def read(self, ask: Ask) -> Answer:
        """What Azure answers to `ask`: items or a body, or a fault; for a broken list, the items and the fault.

        A subscription outside the scope is `out_of_scope`, without a request. Status 201 counts as success; 202
        brings what there is with a `wrong_state` fault, as the resource is still being made; 204 is `absent` for
        an object and `bad_response` for a list. `next` is the next page's link as Azure gave it, or for a Resource
        Graph query the skip token: `paging.next_ask` makes the next ask of either. Raises GuardError for a POST that is
        not one of the known queries.
        """
        url = self._url(ask)
        if isinstance(url, Fault):
            return self._answer(ask, fault=url)
        request = HttpRequest(ask.method, url, headers={"Accept": "application/json", **ask.headers})
        if ask.body is not None:
            request = HttpRequest(
                ask.method,
                url,
                headers={"Accept": "application/json", **ask.headers, "Content-Type": "application/json"},
                content=msgspec.json.encode(ask.body),
            )
        started = time.perf_counter()
        try:
            response = await self._run(ask, request)
        except Lost as lost:
            return self._answer(ask, fault=_logged(ask, Fault("unavailable", short(lost.message))))
        except AzureError as error:
            # Everything that the wire can raise is Lost: this is the credential.
            return self._answer(ask, fault=_logged(ask, Fault("unauthenticated", short(str(error)))))
        except GuardError as error:
            if ask.method != "GET":
                raise
            LOGGER.error("stopped by the guard: %s", error)
            return self._answer(ask, fault=Fault("rejected", error.message, code="RefusedByGuard"))
        if self.clock_ahead is None:
            self.clock_ahead = clock_ahead(response.headers)
        answer = self._read_reply(ask, response)
        if answer.fault is not None and answer.fault.kind != "absent":
            _logged(ask, answer.fault, answer)
        if LOGGER.isEnabledFor(logging.DEBUG):
            took = (time.perf_counter() - started) * 1000
            LOGGER.debug("%s %s: %d in %d ms (%s)", ask.method, ask.target, answer.status, took, answer.request_id)
        return answer

    async def _run(self, ask: Ask, request: HttpRequest) -> Reply:
        pipeline = self._pipelines.get(ask.host)
        if pipeline is None:
            raise RuntimeError("The session is not open.")
        reply: Reply = (await pipeline.run(request, ask=ask)).http_response
        return reply

    def _url(self, ask: Ask) -> str | Fault:
        """The URL that the target means, or why it is not asked."""
        target = ask.target
        if _is_path(target):
            url = f"{self.cloud.base(ask.host)}{target}"
        elif guard.is_of(target, self.cloud, ask.host):
            url = target
        else:
            return Fault("bad_response", "The next link points to another host.")
        found = _SUBSCRIPTION.match(url) if ask.host == "arm" else None
        if found and (named := found.group(1).lower()) not in self._allowed and guard.is_subscription(named):
            return Fault("out_of_scope", f"Subscription {named} is not in the scope of this scan.")
        return url

    def _read_reply(self, ask: Ask, reply: Reply) -> Answer:
        status = reply.status_code
        if status >= _REDIRECTS or status < _OK:
            return self._answer(ask, reply, fault=fault_of(status, reply.headers, reply.body, ask))
        if status == _NO_CONTENT:
            return self._answer(ask, reply, fault=_no_content(ask))
        try:
            document = _decode(reply.body.removeprefix(_BOM))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if ask.shape == "status":
                return self._answer(ask, reply)
            return self._answer(ask, reply, fault=_not_json(reply.body))
        pending = Fault("wrong_state", "Azure is still making this (202).") if status == _ACCEPTED else None
        if ask.shape == "list":
            return self._list(ask, reply, document, pending)
        if ask.shape == "object" and not isinstance(document, dict):
            return self._answer(ask, reply, fault=Fault("bad_response", "The answer is not an object."))
        return self._answer(ask, reply, body=document, fault=pending)

    def _list(self, ask: Ask, reply: Reply, document: Any, fault: Fault | None) -> Answer:
        if isinstance(document, list):
            return self._answer(ask, reply, items=tuple(document), fault=fault)
        if not isinstance(document, dict):
            return self._answer(ask, reply, fault=Fault("bad_response", "The answer is not a list."))
        if ask.method == "POST" and "data" in document:
            return self._query_result(ask, reply, document)
        items = document.get("value")
        if not isinstance(items, list):
            what = "no list" if "value" in document else "no value"
            return self._answer(ask, reply, fault=Fault("bad_response", f"The answer to a list has {what}."))
        # nextLink, @odata.nextLink, odata.nextLink, @nextLink, in any case: one that is missed cuts the list off.
        link = next((value for name, value in document.items() if value and name.lower().endswith(NEXT_LINK)), "")
        if link and not (isinstance(link, str) and (_is_path(link) or guard.is_of(link, self.cloud, ask.host))):
            fault, link = Fault("bad_response", "The next link points to another host."), ""
        return self._answer(ask, reply, items=tuple(items), next_link=link, fault=fault)

    def _query_result(self, ask: Ask, reply: Reply, document: dict[str, Any]) -> Answer:
        """A page of a Resource Graph query, as objects or as a table."""
        items = _rows(document["data"])
        if items is None:
            return self._answer(ask, reply, fault=Fault("bad_response", "The answer to a query has no rows."))
        token = document.get(SKIP_TOKEN) or ""
        is_cut = str(document.get("resultTruncated", "")).lower() == "true"
        fault = Fault("bad_response", "The query's result is cut and cannot be continued.") if is_cut else None
        if isinstance(token, str) and token:
            fault = None
        return self._answer(ask, reply, items=items, next_link=str(token), fault=fault)

    def _answer(
        self,
        ask: Ask,
        reply: Reply | None = None,
        *,
        items: tuple[Any, ...] = (),
        body: Any = None,
        next_link: str = "",
        fault: Fault | None = None,
    ) -> Answer:
        return Answer(
            url=ask.target,
            api=_api(ask),
            status=reply.status_code if reply else 0,
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            request_id=_request_id(reply) if reply else "",
            items=items,
            body=body,
            next=next_link,
            fault=fault,
        )


def _logged(ask: Ask, fault: Fault, answer: Answer | None = None) -> Fault:
    """The fault, once the log has it with what Azure's support would ask for."""
    status, request = (answer.status, answer.request_id) if answer is not None else (0, "")
    LOGGER.info(
        "read failed: %s %s: %s (%s): %s; request %s",
        ask.method,
        ask.target,
        fault.kind,
        " ".join(word for word in (f"HTTP {status}" if status else "no answer", fault.code) if word),
        fault.message,
        request or "without an id",
    )
    return fault


def _is_path(target: str) -> bool:
    return target.startswith("/") and not target.startswith("//")


def _api(ask: Ask) -> str:
    if ask.host == "arm":
        found = _API.search(ask.target)
        return found.group(1) if found else ""
    path = ask.target.partition("?")[0]
    path = path[path.find("/", len("https://")) :] if path.startswith("https://") else path
    return path.lstrip("/").partition("/")[0]


def _request_id(reply: Reply) -> str:
    headers = reply.headers
    return headers.get("x-ms-request-id") or headers.get("request-id") or headers.get("x-ms-correlation-request-id", "")


def _no_content(ask: Ask) -> Fault | None:
    if ask.shape == "status":
        return None
    if ask.shape == "object":
        return Fault("absent", "Azure answered that there is nothing (204).")
    return Fault("bad_response", "The answer to a list is empty (204).")


def _not_json(body: bytes) -> Fault:
    start = body.lstrip()[:1]
    if start == b"<":
        return Fault("bad_response", "The answer is a page, not JSON.")
    if start in (b"{", b"["):
        return Fault("bad_response", "The answer is JSON that breaks off, or is broken.")
    return Fault("bad_response", "The answer is not JSON." if start else "The answer is empty.")


def _rows(data: Any) -> tuple[Any, ...] | None:
    if isinstance(data, list):
        return tuple(data)
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("columns"), list)
        or not isinstance(data.get("rows"), list)
    ):
        return None
    names = [column.get("name", "") if isinstance(column, dict) else "" for column in data["columns"]]
    return tuple(dict(zip(names, row, strict=False)) for row in data["rows"] if isinstance(row, list))
