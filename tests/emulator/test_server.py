from __future__ import annotations

import asyncio
import json
import os
import shlex
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

import azscan
from azscan.emulator import Emulator, Options, demo_estate, serve
from tests.emulator.rig import API, ONE, STORAGE, Rigs, account, estate


async def test_only_its_own_authority_is_trusted(start: Rigs) -> None:
    rig, other = await start(estate()), await start(estate())
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await rig.session.get(other.emulator.url)
    with pytest.raises(aiohttp.ClientError):
        await rig.session.get(rig.emulator.url.replace("https", "http"))


async def test_a_system_tool_accepts_the_certificate_strictly(start: Rigs) -> None:
    rig = await start(estate())
    context = ssl.create_default_context(cadata=rig.emulator.ca_pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for url in (rig.emulator.url, rig.emulator.foreign_url):
        async with rig.session.get(f"{url}/metadata/endpoints?api-version=2022-09-01", ssl=context) as response:
            assert response.status == 200


async def test_the_log_holds_every_request(start: Rigs) -> None:
    rig = await start(estate(account("a")), page_size=1)
    await rig.sign_in()
    await rig.arm(f"/providers/{STORAGE}?$expand=x")
    await rig.arm(f"/providers/{STORAGE}?$expand=x")
    await rig.ask("/v1.0/users?$top=5")
    login, one, _, users = rig.emulator.log
    # What a sign-in sends is a secret, and a GET sends nothing.
    assert {record.body for record in rig.emulator.log} == {""}
    assert (login.service, login.method, login.query) == ("login", "POST", "")
    assert (one.service, one.subscription, one.kind, one.api) == ("arm", ONE, STORAGE.lower(), "2024-01-01")
    assert one.url == f"/subscriptions/{ONE}/providers/{STORAGE}?$expand=x&{API}"
    assert (one.status, one.who, one.authorized) == (200, rig.emulator.estate.identity["clientId"], True)
    assert one.bytes > 100 and one.seconds > 0
    assert (users.service, users.kind, users.api, users.query) == ("graph", "v1.0/users", "v1.0", "$top=5")
    counts = rig.emulator.statistics
    assert (counts["requests"], counts["reads"], counts["repeated"]) == (4, 3, 1)
    assert counts["services"] == {"login": 1, "arm": 2, "graph": 1}
    assert counts["statuses"] == {"200": 4}
    assert counts["max_in_flight"] == 1


async def test_the_log_tells_queries_of_one_url_apart(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    path = f"/providers/Microsoft.ResourceGraph/resources?{API}"
    for query in ("resources", "resources | count"):
        await rig.ask(path, method="POST", body={"query": query})
    assert [json.loads(record.body)["query"] for record in rig.emulator.log] == ["resources", "resources | count"]


async def test_another_process_can_ask_for_the_log(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    await rig.arm("/resources")
    async with rig.session.get(f"{rig.emulator.url}/_emulator/statistics") as response:
        assert (await response.json())["reads"] == 1
    async with rig.session.get(f"{rig.emulator.url}/_emulator/log") as response:
        assert [one["path"] for one in await response.json()] == [f"/subscriptions/{ONE}/resources"]
    async with rig.session.get(f"{rig.emulator.url}/_emulator/reset") as response:
        assert response.status == 200
    assert rig.emulator.log == []


async def test_latency_runs_side_by_side(start: Rigs) -> None:
    rig = await start(estate(account("a")), latency_ms=100)
    await asyncio.gather(*(rig.arm("/resources") for _ in range(8)))
    assert all(one.seconds >= 0.1 for one in rig.emulator.log)
    assert rig.emulator.statistics["max_in_flight"] > 1
    assert rig.emulator.statistics["max_connections"] > 1


async def test_serve_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    ready: asyncio.Future[Emulator] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(demo_estate(), Options(), ready.set_result))
    emulator = await ready
    words = shlex.split(emulator.scan_command(emulator.write_ca(tmp_path / "the ca.pem")))
    assert f"SSL_CERT_FILE={tmp_path}/the ca.pem" in words
    assert words[-6:] == ["azscan", "scan", "--cloud", emulator.url, "--auth", "service-principal"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_port_can_be_chosen_and_nothing_answers_before_the_start() -> None:
    emulator = Emulator(estate(), port=0)
    with pytest.raises(RuntimeError, match="does not run"):
        emulator.token()


def test_it_imports_nothing_of_azscan_but_errors() -> None:
    text = "import sys, azscan.emulator; print(*[m for m in sys.modules if m.startswith('azscan')])"
    environment = {**os.environ, "PYTHONPATH": str(Path(azscan.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment)
    names = {name.split(".")[1] for name in found.stdout.split() if "." in name}
    assert names == {"emulator", "errors"}
