"""Decoding a page of 1,000 storage accounts: plain JSON with msgspec against the typed client; and import times.

Run: python benchmarks/wire_json.py [--accounts 1000] [--rounds 7]. Needs the extra `test` (the azure-mgmt packages).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

PATH = (
    "/subscriptions/11111111-aaaa-4aaa-8aaa-111111111111/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts"
)
IMPORTS = ("msgspec", "azure.mgmt.storage", "azure.mgmt.network", "azure.mgmt.network.models")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    body = page(given.accounts)
    plain = best(lambda: list_plain(body), given.rounds)
    typed = best(lambda: list_typed(body), given.rounds)
    print(f"{given.accounts} storage accounts, {len(body) / 1e6:.1f} MB in one page, best of {given.rounds}")
    print(f"  msgspec, plain JSON     {plain * 1000:8.1f} ms")
    print(f"  azure-mgmt-storage      {typed * 1000:8.1f} ms   {typed / plain:.0f} times as long")
    for name in IMPORTS:
        print(f"import {name:<27}{importing(name):6.2f} s")


def page(accounts: int) -> bytes:
    """The answer of a list, as the demo estate's accounts look."""
    from azscan.emulator import demo_estate

    kind = "microsoft.storage/storageaccounts"
    models = [one for one in demo_estate().resources if str(one.get("type", "")).lower() == kind]
    items = [
        {**models[number % len(models)], "id": f"{PATH}/st{number}", "name": f"st{number}"}
        for number in range(accounts)
    ]
    return msgspec.json.encode({"value": items})


def list_plain(body: bytes) -> int:
    """Decode the page as azscan does, and touch every account as a check would."""
    return sum(
        account["properties"].get("supportsHttpsTrafficOnly") is True for account in msgspec.json.decode(body)["value"]
    )


def list_typed(body: bytes) -> int:
    """Let the typed client list the page, and touch every account as a check would."""
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import HttpTransport
    from azure.mgmt.storage import StorageManagementClient

    class Credential:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            return AccessToken("token", int(time.time()) + 3600)

    client = StorageManagementClient(
        Credential(),
        "11111111-aaaa-4aaa-8aaa-111111111111",
        transport=_transport(HttpTransport, body),
    )
    return sum(account.enable_https_traffic_only is True for account in client.storage_accounts.list())


def _transport(base: Any, body: bytes) -> Any:
    """A transport that answers every request with the page, without a network."""
    import io
    from unittest import mock

    import requests
    import urllib3
    from azure.core.rest._requests_basic import RestRequestsTransportResponse

    class Canned(base):  # type: ignore[misc]
        def send(self, request: Any, **_: Any) -> Any:
            internal = requests.Response()
            internal.status_code = 200
            internal.headers["content-type"] = "application/json"
            internal.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
            internal.request = mock.Mock(url=request.url)
            return RestRequestsTransportResponse(request=request, internal_response=internal, block_size=4096)

        def open(self) -> None:
            """Nothing to open."""

        def close(self) -> None:
            """Nothing to close."""

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to leave."""

    return Canned()


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of so many rounds, after one that does not count."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def importing(name: str) -> float:
    """Seconds that a fresh interpreter needs for an import, less those that it needs to start."""

    def run(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    empty = min(run("pass") for _ in range(3))
    return max(0.0, min(run(f"import {name}") for _ in range(3)) - empty)


if __name__ == "__main__":
    main()
