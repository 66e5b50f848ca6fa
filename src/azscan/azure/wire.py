"""The pipeline that every read goes through, from redirect to the wire; its last policy is the guard."""

from __future__ import annotations

import random
import ssl
from collections.abc import Collection, Mapping
from typing import Any, Final

import aiohttp
import msgspec
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import AsyncPipeline, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy, RequestIdPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from yarl import URL

from azscan import __version__
from azscan.azure import guard
from azscan.azure.answers import Ask
from azscan.azure.clock import Clock
from azscan.azure.clouds import Cloud
from azscan.azure.connections import Connections
from azscan.azure.faults import retry_after
from azscan.azure.governor import TOO_MANY_REQUESTS, Governor
from azscan.azure.network import Network
from azscan.azure.renewal import ArmSignature, GraphSignature
from azscan.errors import GuardError

# The context's key under which a retry finds how long it must wait by itself.
_ALONE: Final = "azscan.alone"

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_UNAUTHORIZED: Final = 401
_TRANSIENT: Final = frozenset({408, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 300.0
_MAX_HEADER: Final = 65_536


class Patience(msgspec.Struct, frozen=True):
    """How often a read is tried again: after failures (5xx, timeouts, resets) and after refusals (429).

    The pause after a failure starts at `first` seconds and doubles up to `longest`, give or take a fifth; a
    Retry-After goes before. A refusal waits as long as Azure says, which the governor sees to.
    """

    failures: int = 4
    refusals: int = 12
    first: float = 1.0
    longest: float = 30.0


class Lost(ServiceResponseError):
    """No answer, or only a part of one; `message` says why. `final` is true where trying again is pointless."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Reply:
    """An answer as it came, its body read whole; what azure-core's policies need of a response."""

    __slots__ = ("body", "headers", "reason", "request", "status_code")

    def __init__(self, request: HttpRequest, status_code: int, headers: Mapping[str, str], body: bytes) -> None:
        self.request = request
        self.status_code = status_code
        self.headers = headers
        self.body = body
        self.reason = f"HTTP {status_code}"

    def text(self) -> str:
        """The body as text, for the exceptions of azure-core."""
        return self.body.decode("utf-8", errors="replace")


_Request = PipelineRequest[HttpRequest]
_Response = PipelineResponse[HttpRequest, Any]
_Policy = AsyncHTTPPolicy[HttpRequest, Any]


class Wire(AioHttpTransport):  # type: ignore[misc]  # azure-core exports it lazily, without its type
    """azure-core's aiohttp transport, sending URLs byte for byte and bounding each request from end to end.

    The inherited `send` would re-encode next links (%24skiptoken), and times only the pauses between two chunks.
    """

    def __init__(self, network: Network, *, connections: int, timeout: float) -> None:
        connector = Connections(ssl=network.ssl_context, limit=connections, keepalive_timeout=60)
        client = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout),
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )
        super().__init__(session=client, session_owner=True, use_env_settings=False)
        self._network = network
        self._timeout = timeout
        self._proxies: dict[str, str | None] = {}

    async def send(self, request: HttpRequest, **_: Any) -> Reply:
        """The answer, read whole; raises Lost where none came."""
        client = self.session
        if client is None:
            raise Lost("The session is closed.", final=True)
        url = URL(request.url, encoded=True)
        try:
            async with client.request(
                request.method,
                url,
                headers=request.headers,
                data=request.content,
                allow_redirects=False,
                proxy=self._proxy(url),
            ) as response:
                return Reply(request, response.status, response.headers, await response.read())
        except TimeoutError as error:
            raise Lost(f"No answer from {url.host} within {self._timeout:g} seconds.") from error
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise _lost(error, url) from error

    def _proxy(self, url: URL) -> str | None:
        host = url.raw_authority
        if host not in self._proxies:
            self._proxies[host] = self._network.proxy_for(f"https://{host}")
        return self._proxies[host]


def build_pipelines(
    wire: Wire,
    cloud: Cloud,
    credential: AsyncTokenCredential,
    allowed: Collection[str],
    governor: Governor,
    patience: Patience,
) -> dict[str, AsyncPipeline[HttpRequest, Any]]:
    """The pipelines to ARM and to Microsoft Graph, over one wire and one governor."""
    arm: _Policy = ArmSignature(credential, cloud.arm_scope, enable_cae=True)
    graph: _Policy = GraphSignature(credential, cloud.graph_scope, enable_cae=True)
    # Not the list of the generated clients: theirs registers resource providers, with a POST.
    pipelines = {}
    for host, sign in (("arm", arm), ("graph", graph)):
        policies: list[Any] = [
            RequestIdPolicy(),
            UserAgentPolicy(base_user_agent=f"azscan/{__version__}", user_agent_use_env=False),
            SameHostRedirects(cloud, allowed),
            Retries(patience, governor.clock),
            Admission(governor),
            sign,
            Gate(cloud, allowed),
        ]
        pipelines[host] = AsyncPipeline(wire, policies)
    return pipelines


class SameHostRedirects(_Policy):
    """Follows a GET's redirect to the host that was asked; any other is handed back as the answer that it is."""

    def __init__(self, cloud: Cloud, allowed: Collection[str]) -> None:
        super().__init__()
        self._cloud = cloud
        self._allowed = allowed

    async def send(self, request: _Request) -> _Response:
        """The answer that is no redirect, or the redirect that is not followed."""
        for _ in range(_MOST_REDIRECTS):
            response = await self.next.send(request)
            reply: Reply = response.http_response
            if reply.status_code not in _REDIRECTS or not self._follow(request, reply):
                return response
        return response

    def _follow(self, sent: _Request, reply: Reply) -> bool:
        request, host = sent.http_request, sent.context.options["ask"].host
        location = reply.headers.get("Location", "")
        if request.method != "GET" or not location:
            return False
        here = request.url
        # Not urljoin: it would tidy up what the guard must see.
        request.url = f"{here[: here.index('/', len('https://'))]}{location}" if location[0] == "/" else location
        try:
            guard.check(request, self._cloud, self._allowed)
            if guard.is_of(request.url, self._cloud, host):
                return True
        except GuardError:
            pass
        request.url = here
        return False


class Retries(_Policy):
    """Tries again after refusals (429), failures that may pass, and once after a token that Azure found expired."""

    def __init__(self, patience: Patience, clock: Clock) -> None:
        super().__init__()
        self._patience = patience
        self._clock = clock

    async def send(self, request: _Request) -> _Response:
        """The first answer worth having, or the last one; raises Lost where none came."""
        failures = refusals = renewals = 0
        while True:
            try:
                response = await self.next.send(request)
            except Lost as lost:
                failures += 1
                if lost.final or failures > self._patience.failures:
                    raise
                await self._clock.sleep(self._pause(failures))
                continue
            reply: Reply = response.http_response
            status = reply.status_code
            if status == TOO_MANY_REQUESTS and refusals < self._patience.refusals:
                refusals += 1
                await self._clock.sleep(request.context.pop(_ALONE, 0.0))
            elif status in _TRANSIENT and failures < self._patience.failures:
                failures += 1
                told = retry_after(reply.headers)
                await self._clock.sleep(self._pause(failures) if told is None else min(told, _LONGEST_PAUSE))
            elif status == _UNAUTHORIZED and not renewals:
                renewals = 1
            else:
                return response

    def _pause(self, failures: int) -> float:
        pause = min(self._patience.first * 2.0 ** (failures - 1), self._patience.longest)
        return pause * random.uniform(0.8, 1.2)


class Admission(_Policy):
    """Waits for the governor's leave before each request, and tells it what became of it."""

    def __init__(self, governor: Governor) -> None:
        super().__init__()
        self._governor = governor

    async def send(self, request: _Request) -> _Response:
        """The answer."""
        ask: Ask = request.context.options["ask"]
        ticket = await self._governor.admit(ask)
        reply: Reply | None = None
        try:
            response = await self.next.send(request)
            reply = response.http_response
            return response
        finally:
            if reply is None:
                self._governor.settle(ticket, 0, {}, b"")
            else:
                alone = self._governor.settle(ticket, reply.status_code, reply.headers, reply.body)
                request.context[_ALONE] = alone


class Gate(_Policy):
    """The guard, right before the wire."""

    def __init__(self, cloud: Cloud, allowed: Collection[str]) -> None:
        super().__init__()
        self._cloud = cloud
        self._allowed = allowed

    async def send(self, request: _Request) -> _Response:
        """The answer; raises GuardError where the request is not a known read."""
        guard.check(request.http_request, self._cloud, self._allowed)
        return await self.next.send(request)


def _lost(error: Exception, url: URL) -> Lost:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError)):
        return Lost(
            f"The certificate of {url.host} is not trusted here; SSL_CERT_FILE can name its authority.", final=True
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Lost(f"The proxy refused the way to {url.host} (status {error.status}).", final=True)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Lost("The proxy that HTTPS_PROXY names could not be reached.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Lost(f"{url.host} could not be reached.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return Lost(f"The answer of {url.host} broke off.")
    return Lost(f"The connection to {url.host} broke off ({type(error).__name__}).")
