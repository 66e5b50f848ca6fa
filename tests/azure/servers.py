"""Small servers on loopback for the session's tests: an Azure that answers as it is told, and a CONNECT proxy."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError
from tests.azure.authority import make_authority_files

from azscan.azure.clock import Clock, Timer
from azscan.azure.clouds import Cloud

SUB = "00000000-0000-4000-8000-000000000001"
OTHER_SUB = "00000000-0000-4000-8000-000000000002"
FAR_FUTURE = 4_000_000_000

Handler = Callable[[web.Request], "web.StreamResponse | Any"]


def reply(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with JSON (bytes and text as they are)."""
    if isinstance(body, str):
        body = body.encode()
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return web.Response(
        body=content,
        status=status,
        headers={"Content-Type": "application/json", "x-ms-request-id": "rq-1", **(headers or {})},
    )


def error(
    status: int, code: str, message: str = "It failed.", headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer in ARM's words for an error."""
    return reply({"error": {"code": code, "message": message}}, status, headers)


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    raw_path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass
class FakeAzure:
    """Answers each request with the next of `script` (the last one again and again), and keeps what it saw."""

    port: int = 0
    script: list[Any] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def cloud(self) -> Cloud:
        return Cloud("Test", self.url, "https://login.test", f"{self.url}/graph", "https://arm.test", custom=True)

    def answers(self, *script: Any) -> None:
        self.script = list(script)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), await request.read()))
        if not self.script:
            return error(404, "NoScript")
        what = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        answer = what(request) if callable(what) else what
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, web.Response):
            return _again(answer)
        return answer


def _again(answer: web.Response) -> web.Response:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(body=answer.body, status=answer.status, headers=headers)


@contextlib.asynccontextmanager
async def serving(server_pem: Path) -> AsyncIterator[FakeAzure]:
    """A running FakeAzure with that certificate."""
    azure = FakeAzure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_pem)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{tail:.*}", azure.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    azure.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield azure
    finally:
        await runner.cleanup()


@dataclass
class Proxy:
    """A CONNECT proxy; `names` are the hosts that it alone can resolve, by port on loopback."""

    port: int = 0
    connects: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    refuse: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        self.connects.append(target)
        self.headers.append(head)
        if self.refuse:
            writer.write(f"HTTP/1.1 {self.refuse} No\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            return
        port = self.names[target.rpartition(":")[0]]
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer), return_exceptions=True)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


@contextlib.asynccontextmanager
async def proxying() -> AsyncIterator[Proxy]:
    """A running CONNECT proxy."""
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


@dataclass
class FakeCredential:
    """Gives token-1, token-2, … and keeps what it was asked for. `lifetimes` are the first tokens' ends."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    expires: list[int] = field(default_factory=list)
    refuses: bool = False
    refuses_claims: bool = False

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        claims = (options or {}).get("claims")
        self.asked.append((scopes[0], claims))
        if self.refuses or (claims and self.refuses_claims):
            raise ClientAuthenticationError("AADSTS7000222: the secret is expired. client_secret=hunter2hunter2")
        end = self.expires.pop(0) if self.expires else FAR_FUTURE
        return AccessTokenInfo(f"token-{len(self.asked)}", end)

    async def get_token(self, *scopes: str, **_: Any) -> Any:
        raise AssertionError("get_token_info comes first")

    async def close(self) -> None: ...

    async def __aenter__(self) -> FakeCredential:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class HurriedClock(Clock):
    """A clock on which a second takes a fraction of a millisecond; `slept` keeps the pauses that were asked for."""

    def __init__(self, scale: float = 5000.0) -> None:
        self.scale = scale
        self.slept: list[float] = []

    def now(self) -> float:
        return super().now() * self.scale

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return super().call_later(seconds / self.scale, callback)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """A throw-away authority and a certificate for loopback: (ca.pem, server.pem)."""
    return make_authority_files(folder)
