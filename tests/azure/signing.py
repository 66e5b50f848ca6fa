"""What the sign-in tests share: a loopback authority, a clean environment, and stub tools on PATH."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.azure.authority import (
    ARM_AUDIENCE,
    CLIENT,
    GRAPH,
    OBJECT,
    TENANT,
    Authority,
    jwt,
    make_authority_files,
    running,
    user_claims,
)

from azscan.azure.clouds import Cloud
from azscan.azure.credentials import SignedIn, sign_in
from azscan.azure.network import Network, network_from_environment
from azscan.azure.ways import SECRETS

SECRET = "hunter2~client-secret~value"
APP = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
WITH_SECRET = {**APP, "AZURE_CLIENT_SECRET": SECRET}

_VARIABLES = (
    *SECRETS,
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_REGIONAL_AUTHORITY_NAME",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "SYSTEM_OIDCREQUESTURI",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)
CLOSED = "http://127.0.0.1:9"
"""Where nobody answers: managed identity must never be looked for beyond loopback."""


@dataclass
class At:
    """A place to sign in at."""

    authority: Authority
    cloud: Cloud
    network: Network
    ca: Path
    bin: Path
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)
    _open: list[SignedIn] = field(default_factory=list)

    async def sign_in(self, choice: str, environ: dict[str, str] | None = None, **options: Any) -> SignedIn:
        """Sign in with these variables and no others; they are set in the process, too, for azure-identity."""
        for name in _VARIABLES:
            self.monkeypatch.delenv(name, raising=False)
        for name, value in (environ or {}).items():
            self.monkeypatch.setenv(name, value)
        options = {"cloud": self.cloud, "network": self.network, "say": self.said.append, **options}
        signed_in = await sign_in(choice, options.pop("cloud"), environ=environ or {}, **options)
        self._open.append(signed_in)
        return signed_in

    def tool(self, name: str, mood: str) -> Path:
        """Put a stub az or azd on PATH; its arguments, line by line, are written to the path returned."""
        log, script = self.folder / f"{name}.log", self.bin / name
        arm, graph = (
            jwt(**user_claims(audience, appid="04b07795-8ddb-461a-bbee-02f9e1bf7b46"))
            for audience in (ARM_AUDIENCE, GRAPH)
        )
        self.authority.issued += [arm, graph]
        tokens = json.dumps({"arm": arm, "graph": graph, "expires": int(time.time()) + 3600})
        script.write_text(_TOOL.format(python=sys.executable, log=str(log), mood=mood, name=name, tokens=tokens))
        script.chmod(0o755)
        return log

    def secrets(self) -> list[str]:
        """Everything that was secret so far."""
        return [*self.authority.issued, *self.authority.assertions, "the-refresh-token", "the-device-code", SECRET]


_TOOL = """#!{python}
import json, sys, time
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
tokens = json.loads({tokens!r})
az = {name!r} == "az"
mood = {mood!r}
if mood == "good":
    text = " ".join(sys.argv)
    token = tokens["graph"] if "graph" in text else tokens["arm"]
    if az:
        print(json.dumps(dict(accessToken=token, expiresOn="2020-01-01 00:00:00.000000", expires_on=tokens["expires"],
                              subscription="s", tenant="t", tokenType="Bearer")))
    else:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(tokens["expires"]))
        print(json.dumps(dict(token=token, expiresOn=until)))
    sys.exit(0)
if mood == "logged out":
    print("ERROR: Please run 'az login' to setup account." if az else
          "ERROR: not logged in, run `azd auth login` to login", file=sys.stderr)
if mood == "expired":
    print("ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2025-01-01. "
          "Trace ID: 0 Correlation ID: 55555555-5555-4555-8555-555555555555 Timestamp: 2026-01-01 00:00:00Z",
          file=sys.stderr)
    print("Interactive authentication is needed. Please run:\\naz login" if az else
          "Suggestion: login expired, run `azd auth login` to acquire a new token.", file=sys.stderr)
if mood == "chatty":
    print(json.dumps(dict(accessToken=tokens["arm"])) if az else json.dumps(dict(token=tokens["arm"])))
    sys.exit(0)
sys.exit(1)
"""


@contextlib.asynccontextmanager
async def signing(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> AsyncIterator[At]:
    """A running authority and an environment in which only what a test sets is there."""
    ca, server = make_authority_files(folder)
    tools = folder / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", CLOSED)
    for policy in ("RetryPolicy", "AsyncRetryPolicy"):
        monkeypatch.setattr(f"azure.core.pipeline.policies.{policy}.get_backoff_time", lambda *_: 0)
    async with running(server) as authority:
        cloud = Cloud("test", "https://localhost:1", authority.url, GRAPH, ARM_AUDIENCE, custom=True)
        network = network_from_environment({"SSL_CERT_FILE": str(ca), **variables})
        at = At(authority, cloud, network, ca, tools, folder, monkeypatch)
        try:
            yield at
        finally:
            for signed_in in at._open:
                await signed_in.credential.close()


def everything_in(error: BaseException | None) -> str:
    """All that an exception and the ones behind it could show."""
    parts: list[str] = []
    while error is not None:
        parts += [*traceback.format_exception(error, chain=False), repr(error), repr(getattr(error, "hint", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


__all__ = ["APP", "CLIENT", "OBJECT", "SECRET", "TENANT", "WITH_SECRET", "At", "everything_in", "signing"]
