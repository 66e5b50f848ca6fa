"""A client of the emulator over real TLS, and small estates to ask it about."""

from __future__ import annotations

import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from azscan.emulator import Emulator, Estate, Options, read_estate

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
TWO = "0f9e8d7c-9999-4888-8777-666655554444"
API = "api-version=2024-01-01"
STORAGE = "Microsoft.Storage/storageAccounts"


def account(name: str, group: str = "rg-web", subscription: str = ONE, **more: Any) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{STORAGE}/{name}",
        "name": name,
        "type": STORAGE,
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"team": "web"},
        "properties": {"supportsHttpsTrafficOnly": True, "minimumTlsVersion": "TLS1_2"},
        **more,
    }


def child(parent: dict[str, Any], way: str, **properties: Any) -> dict[str, Any]:
    kinds = "/".join(way.split("/")[::2])
    name = way.rsplit("/", 1)[-1]
    return {
        "id": f"{parent['id']}/{way}",
        "name": name,
        "type": f"{parent['type']}/{kinds}",
        "properties": properties,
    }


def estate(*resources: dict[str, Any], **more: Any) -> Estate:
    subscriptions = more.pop("subscriptions", [{"subscriptionId": ONE, "displayName": "one"}])
    return read_estate({"format": 1, "subscriptions": subscriptions, "resources": list(resources), **more})


@dataclass
class Got:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def names(self) -> list[str]:
        return [item["name"] for item in self.body["value"]]


class Rig:
    """A running emulator with a session that trusts it and holds a token for either service."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.session = session
        self.tokens = {"arm": emulator.token("arm"), "graph": emulator.token("graph")}

    async def ask(self, path: str, *, method: str = "GET", body: Any = None, token: str | None = None) -> Got:
        is_graph = path.lower().startswith((self.emulator.graph_url, "/v1.0/", "/beta/"))
        base = self.emulator.graph_url if is_graph else self.emulator.url
        url = path if path.startswith("https://") else base + path
        held = self.tokens["graph" if is_graph else "arm"] if token is None else token
        headers = {"authorization": f"Bearer {held}"} if held else {}
        async with self.session.request(
            method, URL(url, encoded=True), json=body, headers=headers, allow_redirects=False
        ) as response:
            found = {key.lower(): value for key, value in response.headers.items()}
            return Got(response.status, await response.text(), found)

    async def arm(self, path: str, subscription: str = ONE) -> Got:
        """A GET below a subscription, with an api-version."""
        joint = "&" if "?" in path else "?"
        return await self.ask(f"/subscriptions/{subscription}{path}{joint}{API}")

    async def all(self, path: str) -> tuple[list[str], int]:
        """The names on all pages of a list, and how many pages there were."""
        got = await self.ask(path)
        names, pages = list(got.names), 1
        while got.body.get("nextLink") or got.body.get("@odata.nextLink"):
            got = await self.ask(got.body.get("nextLink") or got.body["@odata.nextLink"])
            names += got.names
            pages += 1
        return names, pages

    async def sign_in(self, tenant: str = "", **form: str) -> Got:
        identity = self.emulator.estate.identity
        sent = {
            "grant_type": "client_credentials",
            "client_id": str(identity["clientId"]),
            "client_secret": str(identity["clientSecret"]),
            "scope": f"{self.emulator.url}/.default",
            **form,
        }
        name = tenant or str(self.emulator.estate.tenant["id"])
        url = f"{self.emulator.url}/{name}/oauth2/v2.0/token"
        async with self.session.post(url, data={k: v for k, v in sent.items() if v}) as response:
            return Got(response.status, await response.text(), {k.lower(): v for k, v in response.headers.items()})


class Rigs:
    """Starts emulators and ends them all with the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(self, what: Estate, **options: Any) -> Rig:
        emulator = await self._stack.enter_async_context(Emulator(what, Options(**options)))
        context = ssl.create_default_context(cadata=emulator.ca_pem)
        connector = aiohttp.TCPConnector(ssl=context)
        session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        return Rig(emulator, session)
