"""The server: Azure's read surface on loopback, over TLS, with a log of every request."""

from __future__ import annotations

import asyncio
import random
import shlex
import socket
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from azscan.emulator.engine import Engine
from azscan.emulator.estate import Estate
from azscan.emulator.faults import WIRE
from azscan.emulator.logbook import Logbook, Record
from azscan.emulator.metadata import endpoints
from azscan.emulator.options import FaultRule, Options
from azscan.emulator.replies import JSON, Reply, answer
from azscan.emulator.signin import SignInRecord
from azscan.emulator.tls import make_tls

HOST = "127.0.0.1"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Emulator:
    """A running emulator, as an async context manager.

    `url` is ARM and the sign-in authority, `graph_url` Microsoft Graph (the same host on another port), and
    `foreign_url` a host outside the cloud, which answers 200 to everything and to which no token may go.
    """

    def __init__(self, estate: Estate, options: Options | None = None, *, port: int = 0) -> None:
        self.estate = estate
        self.options = options or Options()
        self.logbook = Logbook()
        self.url = self.graph_url = self.foreign_url = ""
        self.ca_pem = ""
        self._port = port
        self._runners: list[web.ServerRunner] = []
        self._servers: list[web.Server] = []
        self._began = time.monotonic()
        self._engine: Engine | None = None

    @property
    def log(self) -> list[Record]:
        """Every request so far, in the order in which they began."""
        return self.logbook.records

    @property
    def statistics(self) -> dict[str, Any]:
        """Counts over the log; see `Logbook.statistics`."""
        return self.logbook.statistics()

    @property
    def write_attempts(self) -> list[Record]:
        """Every request that could have changed something."""
        return self.logbook.write_attempts

    @property
    def sign_ins(self) -> list[SignInRecord]:
        """Every request for a token."""
        return self.engine.signin.records

    @property
    def engine(self) -> Engine:
        """What answers; only while the emulator runs."""
        if self._engine is None:
            raise RuntimeError("the emulator does not run")
        return self._engine

    def token(self, service: str = "arm", *, lifetime: float = 3600, user: bool = False, tenant: str = "") -> str:
        """A bearer token for `arm` or `graph`, without a sign-in."""
        return self.engine.make_token(service, lifetime, user, tenant)

    def delete(self, identifier: str) -> int:
        """Delete an object and all below it, as someone else would during a scan."""
        return self.engine.index.delete(identifier)

    def write_ca(self, path: str | Path) -> Path:
        """Write the certificate authority's PEM to a file; returns its path."""
        path = Path(path)
        path.write_text(self.ca_pem, encoding="ascii")
        return path

    def environment(self, ca_path: str | Path) -> dict[str, str]:
        """The variables with which a program trusts the emulator and signs in to it as its service principal."""
        identity = self.estate.identity
        return {
            "SSL_CERT_FILE": str(ca_path),
            "AZURE_TENANT_ID": str(self.estate.tenant["id"]),
            "AZURE_CLIENT_ID": str(identity["clientId"]),
            "AZURE_CLIENT_SECRET": str(identity["clientSecret"]),
        }

    def scan_command(self, ca_path: str | Path) -> str:
        """The line that scans the emulator, for a POSIX shell."""
        settings = " ".join(f"{key}={shlex.quote(value)}" for key, value in self.environment(ca_path).items())
        return f"{settings} azscan scan --cloud {self.url} --auth service-principal"

    async def __aenter__(self) -> Emulator:
        context, self.ca_pem = make_tls()
        sockets = [self._listen(self._port), self._listen(0), self._listen(0)]
        ports = [one.getsockname()[1] for one in sockets]
        self.url, self.graph_url = (f"https://localhost:{port}" for port in ports[:2])
        self.foreign_url = f"https://127.0.0.1:{ports[2]}"
        self._engine = Engine(self.estate, self.options, self.url, self.graph_url, self.foreign_url)
        self._began = time.monotonic()
        for name, listening in zip(("arm", "graph", "foreign"), sockets, strict=True):
            server = web.Server(self._handler(name), access_log=None, keepalive_timeout=75.0)
            runner = web.ServerRunner(server, shutdown_timeout=0.2)
            await runner.setup()
            await web.SockSite(runner, listening, ssl_context=context, backlog=512).start()
            self._servers.append(server)
            self._runners.append(runner)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.setblocking(False)
        return listening

    def _handler(self, service: str) -> Handler:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if service == "arm" and request.path.startswith("/_emulator/"):
                return self._told(request)
            return await self._handle(request, service)

        return handle

    async def _handle(self, request: web.BaseRequest, service: str) -> web.StreamResponse:
        book = self.logbook
        started = time.monotonic()
        record = Record(
            len(book.records) + 1,
            service,
            request.method,
            request.host,
            request.rel_url.raw_path,
            request.rel_url.raw_query_string,
            "",
            started - self._began,
            authorized="authorization" in request.headers,
        )
        book.records.append(record)
        book.in_flight += 1
        book.max_in_flight = max(book.max_in_flight, book.in_flight)
        book.max_connections = max(book.max_connections, sum(len(one.connections) for one in self._servers))
        try:
            return await self._respond(request, record)
        finally:
            book.in_flight -= 1
            record.seconds = time.monotonic() - started

    async def _respond(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        options = self.options
        if record.service == "foreign":
            record.status = 200
            return self._response(answer({"value": []}), record)
        if options.latency_ms or options.jitter_ms:
            await asyncio.sleep((options.latency_ms + random.random() * options.jitter_ms) / 1000)
        if record.service == "arm" and record.path == "/metadata/endpoints":
            record.service = "login"
            return self._response(endpoints(self.url, self.graph_url, self.estate.cloud, record.query), record)
        body = await request.read() if request.method == "POST" else b""
        base = self.url if record.service == "arm" else self.graph_url
        reply, rule = self.engine.answer(request, record, body, base)
        if record.fault == "write":
            self.logbook.write_attempts.append(record)
            record.fault = ""
        if rule is not None and rule.do in WIRE:
            return await self._on_the_wire(request, record, reply, rule)
        return self._response(reply, record)

    def _response(self, reply: Reply, record: Record) -> web.Response:
        response = _response(reply, record)
        if self.options.clock_ahead:
            response.headers["date"] = formatdate(time.time() + self.options.clock_ahead, usegmt=True)
        return response

    async def _on_the_wire(
        self, request: web.BaseRequest, record: Record, reply: Reply, rule: FaultRule
    ) -> web.StreamResponse:
        """Faults of the connection: slow, hanging, cut short, reset in mid-body."""
        if rule.do in ("slow", "hang"):
            await asyncio.sleep(rule.seconds if rule.do == "slow" else max(rule.seconds, 3600))
            return _response(reply, record)
        part = reply.body[: len(reply.body) // 2 if rule.bytes is None else rule.bytes]
        if rule.do == "truncate":
            reply.body = part
            return _response(reply, record)
        record.status, record.bytes = reply.status, len(part)
        if part:
            length = str(len(reply.body) or 1)
            response = web.StreamResponse(status=reply.status, headers={"content-type": JSON, "content-length": length})
            await response.prepare(request)
            await response.write(part)
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError

    def _told(self, request: web.BaseRequest) -> web.StreamResponse:
        """What another process asks of the emulator itself; not logged."""
        name = request.path.rsplit("/", 1)[-1]
        record = Record(0, "emulator", request.method, "", "", "", "", 0.0)
        if name == "reset":
            self.logbook.clear()
        told = {"statistics": lambda: self.statistics, "log": self.logbook.as_json}.get(name, dict)
        return _response(answer(told()), record)


def _response(reply: Reply, record: Record) -> web.Response:
    headers = reply.headers
    if "content-type" not in headers and reply.body:
        headers["content-type"] = JSON
    record.status, record.bytes = reply.status, len(reply.body)
    if record.service == "graph":
        headers["request-id"] = headers["client-request-id"] = f"{record.number:08x}-0000-4000-8000-000000000001"
    elif record.service == "arm":
        headers["x-ms-request-id"] = f"{record.number:08x}-0000-4000-8000-000000000000"
        headers["x-ms-correlation-request-id"] = headers["x-ms-request-id"]
    return web.Response(status=reply.status, body=reply.body, headers=headers)


async def serve(
    estate: Estate,
    options: Options | None = None,
    on_ready: Callable[[Emulator], None] | None = None,
    *,
    port: int = 0,
) -> None:
    """Run an emulator until it is cancelled; `on_ready` is called once it listens."""
    async with Emulator(estate, options, port=port) as emulator:
        if on_ready is not None:
            on_ready(emulator)
        await asyncio.Event().wait()
