"""Connecting without asking: what stands in the way of a host, in one word."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from azscan.azure.network import Network, network_from_environment
from azscan.azure.reach import reach
from azscan.emulator import Emulator, read_estate

NOBODY = "nobody-is-here.invalid"


@asynccontextmanager
async def emulator(folder: Path) -> AsyncIterator[tuple[Emulator, Network]]:
    async with Emulator(read_estate({"format": 1, "resources": []})) as running:
        yield running, network_from_environment({"SSL_CERT_FILE": str(running.write_ca(folder / "ca.pem"))})


@asynccontextmanager
async def answering(text: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers each connection with this text and hangs up; and what it was sent."""
    sent: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(await reader.read(4096))
        writer.write(text)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", sent


def through(address: str, user: str = "") -> Network:
    return Network(ssl.create_default_context(), True, f"http://{user}{address}")


async def test_a_host_is_reached_without_a_request(tmp_path: Path) -> None:
    async with emulator(tmp_path) as (running, network):
        found = await reach(running.url, network)
        assert (found.trouble, found.host) == ("", running.url.removeprefix("https://"))
        assert found.issuer and not running.log


async def test_a_certificate_that_is_not_trusted_names_its_issuer(tmp_path: Path) -> None:
    async with emulator(tmp_path) as (running, network):
        issuer = (await reach(running.url, network)).issuer
        strange = await reach(running.url, replace(network, ssl_context=ssl.create_default_context()))
    assert (strange.trouble, strange.issuer) == ("untrusted", issuer)


async def test_what_stands_in_the_way() -> None:
    network = network_from_environment({})
    async with answering(b"") as (address, _):
        pass
    assert (await reach(f"https://{address}", network)).trouble == "refused"
    assert (await reach(f"https://{NOBODY}", network)).trouble == "name"
    async with answering(b"HTTP/1.1 400 no TLS here\r\n\r\n") as (plain, _):
        assert (await reach(f"https://{plain}", network)).trouble == "broken"


async def test_a_host_that_is_silent() -> None:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await reach(url, network_from_environment({}), seconds=0.1)).trouble == "silent"


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy-sign-in"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-refuses"),
        (b"nonsense\r\n\r\n", "proxy-refuses"),
        (b"", "broken"),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", "broken"),
    ],
)
async def test_what_a_proxy_says(answer: bytes, trouble: str) -> None:
    async with answering(answer) as (address, sent):
        assert (await reach(f"https://{NOBODY}", through(address, "us%40er:pa:ss@"))).trouble == trouble
    assert sent[0].startswith(f"CONNECT {NOBODY}:443 HTTP/1.1\r\nHost: {NOBODY}:443\r\n".encode())
    assert b"Proxy-Authorization: Basic dXNAZXI6cGE6c3M=\r\n" in sent[0]


async def test_a_proxy_that_is_not_there() -> None:
    async with answering(b"") as (address, _):
        pass
    assert (await reach(f"https://{NOBODY}", through(address))).trouble == "proxy"


async def test_tls_through_a_proxy(tmp_path: Path) -> None:
    async with emulator(tmp_path) as (running, network):
        port = int(running.url.rpartition(":")[2])

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while chunk := await source.read(65536):
                    target.write(chunk)
                target.close()

            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)

        async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as server:
            proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            # The certificate is for localhost, which no proxy is used for.
            elsewhere = replace(network, proxy=proxy)
            found = await reach(f"https://localhost.example:{port}", elsewhere)
    assert found.trouble == "untrusted" and found.issuer
