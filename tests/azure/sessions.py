"""Fixtures of the tests that speak HTTP: a throw-away authority, an Azure on loopback, sessions to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.azure.servers import SUB, FakeAzure, FakeCredential, HurriedClock, make_certificates, serving

from azscan.azure.governor import Governor
from azscan.azure.network import Network, network_from_environment
from azscan.azure.session import Session

OpenSession = Callable[..., Awaitable[Session]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away authority's certificate and a server's with its key, as PEM files."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def network(certificates: tuple[Path, Path]) -> Network:
    """A network that trusts the throw-away authority and nobody else."""
    return network_from_environment({"SSL_CERT_FILE": str(certificates[0])})


@pytest.fixture
async def azure(certificates: tuple[Path, Path]) -> AsyncIterator[FakeAzure]:
    """An Azure on loopback that answers as it is told."""
    async with serving(certificates[1]) as server:
        yield server


@pytest.fixture
def credential() -> FakeCredential:
    """A credential that keeps what it was asked for."""
    return FakeCredential()


@pytest.fixture
def clock() -> HurriedClock:
    """A clock on which pauses take no time."""
    return HurriedClock()


@pytest.fixture
async def open_session(
    azure: FakeAzure, credential: FakeCredential, network: Network, clock: HurriedClock
) -> AsyncIterator[OpenSession]:
    """Opens sessions to `azure`; keyword arguments are Session's own."""
    async with AsyncExitStack() as stack:

        async def open_one(**settings: Any) -> Session:
            concurrency = settings.get("concurrency", 32)
            defaults = {
                "network": network,
                "subscriptions": [SUB],
                "timeout": 5.0,
                "governor": Governor(concurrency, clock=clock),
            }
            cloud = settings.pop("cloud", azure.cloud)
            return await stack.enter_async_context(Session(cloud, credential, **{**defaults, **settings}))

        yield open_one


@pytest.fixture
async def session(open_session: OpenSession) -> Session:
    """One open session to `azure`."""
    return await open_session()
