"""No more open connections than reads at a time, those that idle included."""

from __future__ import annotations

from typing import Any

import aiohttp


class Connections(aiohttp.TCPConnector):
    """aiohttp's connector, whose `limit` counts connections that idle too.

    aiohttp counts those that carry a request: each host's idle ones stay open beside them until they time out
    (https://docs.aiohttp.org/en/stable/client_advanced.html#limiting-connection-pool-size). A proxy or a firewall
    on the way counts them all.
    """

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        # The one to be opened is already among those acquired.
        excess = len(self._acquired) + sum(map(len, self._conns.values())) - self.limit
        for _ in range(excess):
            self._close_longest_idle()
        return await super()._create_connection(*args, **options)

    def _close_longest_idle(self) -> None:
        idle = [(connections[0][1], host) for host, connections in self._conns.items() if connections]
        if idle:
            _, host = min(idle, key=lambda each: each[0])
            connection, _ = self._conns[host].popleft()
            connection.close()
