"""The transports that credentials send through: the session's certificates and proxy, for both kinds of credential.

azure-core's own `connection_verify` would not do: it takes no folder of certificates in asynchronous credentials, and
in synchronous ones it knows the bundle of `certifi`, not the system's store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from azscan.azure.network import Network

_LIMITS = {"connection_timeout": 10, "read_timeout": 30}


class AsyncTransport(AioHttpTransport):  # type: ignore[misc]  # azure-core exports it lazily, as Any
    """The transport of an asynchronous credential; to be made inside the event loop that will use it."""

    def __init__(self, network: Network) -> None:
        # Tokens are asked for once an hour: no connection is kept for that.
        connector = aiohttp.TCPConnector(ssl=network.ssl_context, force_close=True)
        session = aiohttp.ClientSession(
            connector=connector, trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        super().__init__(session=session, use_env_settings=False, **_LIMITS)
        self._network = network

    async def send(self, request: Any, *, stream: bool = False, proxies: Any = None, **config: Any) -> Any:
        """Send through the proxy that this URL calls for, or none."""
        return await super().send(request, stream=stream, proxies=_proxies(self._network, request.url), **config)


class ThreadTransport(RequestsTransport):  # type: ignore[misc]
    """The transport of a credential that blocks."""

    def __init__(self, network: Network) -> None:
        session = Session()
        session.trust_env = False
        session.mount("https://", _Adapter(network))
        super().__init__(session=session, use_env_settings=False, **_LIMITS)
        self._network = network

    def send(self, request: Any, *, proxies: Any = None, **config: Any) -> Any:
        """Send through the proxy that this URL calls for, or none."""
        return super().send(request, proxies=_proxies(self._network, request.url), **config)


class _Adapter(HTTPAdapter):
    def __init__(self, network: Network) -> None:
        self._context = network.ssl_context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, proxy_ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)
        # requests would add certifi's authorities to the context, which the whole session shares.
        conn.ca_certs = conn.ca_cert_dir = None


def _proxies(network: Network, url: str) -> dict[str, str]:
    proxy = network.proxy_for(url)
    return {"https": proxy} if proxy else {}
