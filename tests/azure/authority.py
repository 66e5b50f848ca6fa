"""A sign-in service on loopback for tests: Entra's endpoints over TLS, the pipelines' token services, a proxy."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import ipaddress
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

TENANT = "11111111-1111-4111-8111-111111111111"
CLIENT = "22222222-2222-4222-8222-222222222222"
OBJECT = "33333333-3333-4333-8333-333333333333"
ARM_AUDIENCE = "https://arm.test"
GRAPH = "https://graph.test"
HOST = "login.sign-in.test"
"""A name that only the proxy can resolve."""
REQUEST = "44444444-4444-4444-8444-444444444444"


def jwt(**claims: Any) -> str:
    """A token as Entra shapes it, with a signature that is none."""

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


def app_claims(audience: str, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {"aud": audience, "tid": TENANT, "oid": OBJECT, "appid": CLIENT, "idtyp": "app", "exp": now + 3600}
    return {**claims, **more}


def user_claims(audience: str, **more: Any) -> dict[str, Any]:
    return app_claims(audience, **{"idtyp": "user", "upn": "alice@contoso.test", "scp": "user_impersonation", **more})


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_authority_files(folder: Path) -> tuple[Path, Path]:
    """A throw-away certificate authority and a certificate for loopback: (ca.pem, server.pem with its key)."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def builder(subject: str, public: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("azscan test authority"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )

    ca = (
        builder("azscan test authority", ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = (
        builder("localhost", key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    ca_path, server_path = folder / "ca.pem", folder / "server.pem"
    ca_path.write_bytes(ca.public_bytes(pem))
    server_path.write_bytes(secret + leaf.public_bytes(pem))
    return ca_path, server_path


def make_client_certificate(path: Path, password: str = "") -> x509.Certificate:
    """Write a self-signed RSA certificate with its key, as an app would sign in with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name("azscan test app"))
        .issuer_name(_name("azscan test app"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        lock = serialization.BestAvailableEncryption(password.encode())
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock) + certificate.public_bytes(pem))
    return certificate


@dataclass
class Authority:
    """The running service. `forms` are the token requests' bodies in order; `refusals` what a scope is refused with.

    IMDS knows no identity while `busy` is None; else it fails so many times and then takes `slow` seconds.
    """

    port: int = 0
    plain_port: int = 0
    host: str = "localhost"
    forms: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    identity_asks: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    pending: int = 1
    busy: int | None = None
    slow: float = 0.0
    lifetime: int = 3600
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.plain_port}"

    def token_for(self, audience: str, *, user: bool) -> str:
        claims = user_claims(audience) if user else app_claims(audience)
        token = jwt(**{**claims, "exp": int(time.time()) + self.lifetime, **self.claims.get(audience, {})})
        self.issued.append(token)
        return token

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_post("/{tenant}/oauth2/v2.0/devicecode", self._device_code)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_get("/github", self._github)
        app.router.add_post("/devops", self._devops)
        return app

    def plain_app(self) -> web.Application:
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/msi/token", self._identity)
        app.router.add_get("/metadata/identity/oauth2/token", self._imds)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.paths.append(request.path)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _configuration(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if tenant.startswith("no-such"):
            return _refuse(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
        base = f"{self.url}/{TENANT}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    async def _device_code(self, request: web.Request) -> web.Response:
        scope = str((await request.post())["scope"])
        self._codes["the-device-code"] = {"scope": scope}
        return web.json_response(
            {
                "device_code": "the-device-code",
                "user_code": "ABCD-EFGH",
                "verification_uri": "https://microsoft.test/devicelogin",
                "expires_in": 60,
                "interval": 0,
                "message": "never printed",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        """What the signed-in user's browser gets: here as JSON, for the stub to post on."""
        code = f"code-{len(self._codes)}"
        self._codes[code] = dict(request.query)
        return web.json_response(
            {"redirect": request.query["redirect_uri"], "code": code, "state": request.query["state"]}
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        grant, nonce = form["grant_type"], ""
        if grant.endswith("device_code") and self.pending:
            self.pending -= 1
            return _refuse(400, "authorization_pending", "AADSTS70016: the user has not finished.")
        asked = self._codes.get(form.get("device_code") or form.get("code", ""), form)
        if grant == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                return _refuse(400, "invalid_grant", "AADSTS501481: the code verifier does not match.")
            nonce = asked["nonce"]
        audience = next((s.rpartition("/")[0] for s in asked["scope"].split() if s.endswith("/.default")), "")
        if refusal := self.refusals.get(audience):
            return _refuse(401, "invalid_client", refusal)
        user = grant != "client_credentials"
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "access_token": self.token_for(audience, user=user),
        }
        if user:
            identity = {"aud": form["client_id"], "iss": f"{self.url}/{TENANT}/v2.0", "sub": "s", "tid": TENANT}
            identity |= {"preferred_username": "alice@contoso.test", "oid": OBJECT, "nonce": nonce}
            now = int(time.time())
            info = base64.urlsafe_b64encode(json.dumps({"uid": OBJECT, "utid": TENANT}).encode()).decode()
            answer |= {"id_token": jwt(iat=now, exp=now + 600, **identity), "client_info": info.rstrip("=")}
            answer |= {"refresh_token": "the-refresh-token", "scope": asked["scope"]}
        return web.json_response(answer)

    async def _github(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer github-request-token":
            return web.json_response({"message": "Unauthorized"}, status=401)
        return web.json_response({"value": self._assert(aud=request.query["audience"])})

    async def _devops(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer devops-system-token":
            return web.json_response({}, status=401)
        return web.json_response({"oidcToken": self._assert(connection=request.query["serviceConnectionId"])})

    def _assert(self, **claims: Any) -> str:
        self.assertions.append(jwt(sub="pipeline", number=len(self.assertions), **claims))
        return self.assertions[-1]

    async def _identity(self, request: web.Request) -> web.Response:
        self.identity_asks.append((dict(request.query), dict(request.headers)))
        if request.headers.get("X-IDENTITY-HEADER") != "the-identity-header":
            return web.json_response({"error": "forbidden"}, status=403)
        return self._identity_token(request.query["resource"])

    def _identity_token(self, resource: str) -> web.Response:
        expires_on = int(time.time()) + self.lifetime
        token = self.token_for(resource, user=False)
        body = {"access_token": token, "expires_on": str(expires_on), "resource": resource, "token_type": "Bearer"}
        return web.json_response(body)

    async def _imds(self, request: web.Request) -> web.Response:
        self.identity_asks.append((dict(request.query), dict(request.headers)))
        if self.busy is None:
            return web.json_response(
                {"error": "invalid_request", "error_description": "Identity not found"}, status=400
            )
        if self.busy:
            self.busy -= 1
            return web.json_response({"error": "busy"}, status=500)
        await asyncio.sleep(self.slow)
        return self._identity_token(request.query["resource"])


def _refuse(status: int, error: str, description: str) -> web.Response:
    trailer = f" Trace ID: {REQUEST} Correlation ID: {REQUEST} Timestamp: 2026-01-01 00:00:00Z"
    return web.json_response({"error": error, "error_description": description + trailer}, status=status)


@contextlib.asynccontextmanager
async def running(server_pem: Path) -> AsyncIterator[Authority]:
    """The service, on two free ports of loopback: one with TLS, one (for managed identity) without."""
    authority = Authority()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_pem)
    runners = [
        web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (authority.app(), authority.plain_app())
    ]
    try:
        for runner, tls in zip(runners, (context, None), strict=True):
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
        authority.port, authority.plain_port = (runner.addresses[0][1] for runner in runners)
        yield authority
    finally:
        for runner in runners:
            await runner.cleanup()


@dataclass
class Proxy:
    """A CONNECT proxy that resolves every name to loopback. `targets` is what was asked of it."""

    port: int = 0
    targets: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def proxying() -> AsyncIterator[Proxy]:
    """A running proxy."""
    proxy = Proxy()
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        proxy.targets.append(f"{head.split()[0]} {target}")
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
