"""What `auto` tries, in which order, and what it says: with az and azd as stubs in four moods."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.azure.authority import ARM_AUDIENCE, CLIENT, GRAPH, TENANT
from tests.azure.signing import CLOSED, SECRET, WITH_SECRET, At
from tests.azure.test_credentials import devops, github

import azscan
from azscan.azure import ways
from azscan.azure.clouds import named
from azscan.azure.ways import AUTO, CHOICES, Place
from azscan.errors import SignInError, UsageError

MOODS = {
    "az": {
        "logged out": ("nobody is logged in", "az login"),
        "expired": ("AADSTS700082", "sign in again"),
        "not installed": ("az is not installed", "install the Azure CLI"),
        "chatty": ("something else than a token", "by hand"),
    },
    "azd": {
        "logged out": ("nobody is logged in", "azd auth login"),
        "expired": ("AADSTS700082", "sign in again"),
        "not installed": ("azd is not installed", "install azd"),
        "chatty": ("something else than a token", "by hand"),
    },
}
CHOICE = {"az": "cli", "azd": "azd"}


@pytest.mark.parametrize("name", ["az", "azd"])
async def test_a_logged_in_tool_signs_in(at: At, name: str) -> None:
    log = at.tool(name, "good")
    signed_in = await at.sign_in(CHOICE[name])
    assert signed_in.who == "alice@contoso.test"
    assert signed_in.kind == {"az": "az login", "azd": "azd auth login"}[name]
    assert signed_in.is_cli_app
    assert not signed_in.is_app
    calls = log.read_text().splitlines()
    assert len(calls) == 2, "one process for each token"
    assert ARM_AUDIENCE in calls[0]
    assert GRAPH in calls[1]
    assert not any("tenant" in call for call in calls)
    await signed_in.credential.get_token_info(f"{ARM_AUDIENCE}/.default")
    assert len(log.read_text().splitlines()) == 2, "kept, not asked again"


@pytest.mark.parametrize(("name", "option"), [("az", "--tenant"), ("azd", "--tenant-id")])
async def test_a_tool_is_asked_for_the_tenant_that_the_user_names(at: At, name: str, option: str) -> None:
    log = at.tool(name, "good")
    await at.sign_in(CHOICE[name], tenant=TENANT)
    assert f"{option} {TENANT}" in log.read_text()


@pytest.mark.parametrize(("name", "mood"), [(name, mood) for name, moods in MOODS.items() for mood in moods])
async def test_a_tool_in_another_mood_is_explained(at: At, name: str, mood: str) -> None:
    if mood != "not installed":
        at.tool(name, mood)
    with pytest.raises(SignInError) as caught:
        await at.sign_in(CHOICE[name])
    cause, hint = MOODS[name][mood]
    assert cause in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("az", "azd", "kind"),
    [("good", "good", "az login"), ("logged out", "good", "azd auth login"), ("", "good", "azd auth login")],
)
async def test_auto_says_which_tool_it_used(at: At, az: str, azd: str, kind: str) -> None:
    if az:
        at.tool("az", az)
    at.tool("azd", azd)
    signed_in = await at.sign_in("auto")
    assert signed_in.kind == kind
    assert at.said[-1].endswith(f"({kind})")


async def test_auto_lists_why_each_way_failed(at: At) -> None:
    at.tool("az", "expired")
    with pytest.raises(SignInError) as caught:
        await at.sign_in("auto")
    lines = caught.value.message.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [way.kind for way in AUTO]
    assert "AZURE_CLIENT_SECRET is not set" in lines[1]
    assert "no managed identity endpoint answers" in lines[6]
    assert "AADSTS700082" in lines[7]
    assert "azd is not installed" in lines[8]
    assert "sign in again" in caught.value.hint, "the remedy for what was set up, not for what is absent"


async def test_the_environment_goes_before_the_tools(at: At) -> None:
    log = at.tool("az", "good")
    signed_in = await at.sign_in("auto", {**devops(at), **github(at), **WITH_SECRET})
    assert signed_in.kind == "client secret from the environment"
    assert at.authority.assertions == []
    signed_in = await at.sign_in("auto", {**devops(at), **github(at)})
    assert signed_in.kind == "GitHub Actions federation"
    assert not log.exists()


async def test_auto_never_uses_another_identity_than_the_one_that_was_set_up(at: At) -> None:
    log = at.tool("az", "good")
    at.authority.refusals[ARM_AUDIENCE] = "AADSTS7000222: The provided client secret keys are expired."
    with pytest.raises(SignInError) as caught:
        await at.sign_in("auto", WITH_SECRET)
    assert "the client secret has expired" in caught.value.message
    assert not log.exists()
    with pytest.raises(SignInError) as caught:
        await at.sign_in("auto", github(at))
    assert "not tried, because the environment names the identity to use" in caught.value.message
    assert "az login" in caught.value.message.splitlines()[-1]


async def test_a_half_set_environment_is_named(at: At) -> None:
    with pytest.raises(SignInError, match="AZURE_CLIENT_SECRET is set, but AZURE_TENANT_ID is not"):
        await at.sign_in("auto", {"AZURE_CLIENT_SECRET": SECRET, "AZURE_CLIENT_ID": CLIENT})
    with pytest.raises(SignInError, match="SYSTEM_OIDCREQUESTURI is set, but AZURESUBSCRIPTION_CLIENT_ID is not"):
        await at.sign_in("workload-identity", {**devops(at), "AZURESUBSCRIPTION_CLIENT_ID": ""})


async def test_options_stand_in_for_variables(at: At) -> None:
    await at.sign_in("auto", {"AZURE_CLIENT_SECRET": SECRET}, tenant=TENANT, client_id=CLIENT)
    assert at.authority.paths[0].startswith(f"/{TENANT}/")
    assert at.authority.forms[0]["client_id"] == CLIENT


async def test_blanks_around_ids_and_secrets_are_left_out_with_a_warning(at: At) -> None:
    environ = {
        "AZURE_TENANT_ID": f"{TENANT}\n",
        "AZURE_CLIENT_ID": f"\t{CLIENT}",
        "AZURE_CLIENT_SECRET": f"{SECRET}\r\n",
    }
    await at.sign_in("service-principal", environ, tenant=f" {TENANT}")
    assert {form["client_secret"] for form in at.authority.forms} == {SECRET}
    warned = [line for line in at.said if line.startswith("warning: ")]
    assert [line.split()[1] for line in warned] == ["the", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID"]


async def test_an_unknown_choice_is_a_wrong_option(at: At) -> None:
    with pytest.raises(UsageError) as caught:
        await at.sign_in("magic")
    assert all(choice in caught.value.hint for choice in CHOICES)


def identity(at: At) -> dict[str, str]:
    return {"IDENTITY_ENDPOINT": f"{at.authority.plain_url}/msi/token", "IDENTITY_HEADER": "the-identity-header"}


@pytest.mark.parametrize("choice", ["managed-identity", "auto"])
async def test_a_managed_identity_is_asked_on_its_endpoint(at: At, choice: str) -> None:
    log = at.tool("az", "good")
    signed_in = await at.sign_in(choice, identity(at))
    assert [query["resource"] for query, _ in at.authority.identity_asks] == [ARM_AUDIENCE, GRAPH]
    assert signed_in.kind == "managed identity"
    assert signed_in.who == f"app {CLIENT}"
    assert not log.exists()


async def test_a_user_assigned_identity_is_asked_for_by_its_client_id(at: At) -> None:
    await at.sign_in("managed-identity", identity(at), client_id=CLIENT)
    await at.sign_in("managed-identity", {**identity(at), "AZURE_CLIENT_ID": CLIENT})
    assert {query["client_id"] for query, _ in at.authority.identity_asks} == {CLIENT}


async def test_a_managed_identity_is_not_reached_through_a_proxy(at: At) -> None:
    at.monkeypatch.setenv("HTTP_PROXY", CLOSED)
    at.monkeypatch.setenv("ALL_PROXY", CLOSED)
    signed_in = await at.sign_in("managed-identity", identity(at))
    assert signed_in.kind == "managed identity"


async def test_a_machine_without_an_identity_is_explained(at: At) -> None:
    at.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", at.authority.plain_url)
    with pytest.raises(SignInError, match=r"has no \(such\) managed identity"):
        await at.sign_in("managed-identity")


def quick_probe(at: At, endpoint: str) -> None:
    at.monkeypatch.setattr("azscan.azure.ways.PROBE_SECONDS", 0.1)
    at.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint)


async def test_a_host_that_answers_nothing_costs_auto_one_probe(at: At) -> None:
    """As in a captive network: the connection is taken, and silence follows."""
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    quick_probe(at, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    at.tool("az", "good")
    try:
        signed_in = await asyncio.wait_for(at.sign_in("auto"), 20)
        assert signed_in.kind == "az login"
    finally:
        silent.set()
        server.close()


async def test_a_managed_identity_that_stays_silent_is_asked_once(at: At) -> None:
    """Where somebody else listens: the connection is taken, and no answer follows. Half a minute is enough of that."""
    assert ways.CONNECT_SECONDS * 2 <= 20 and ways.READ_SECONDS <= 30
    asked = 0
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    at.monkeypatch.setattr(ways, "READ_SECONDS", 0.2)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    at.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint)
    try:
        for environ in ({}, {"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "x"}):
            asked = 0
            with pytest.raises(SignInError):
                await asyncio.wait_for(at.sign_in("managed-identity", environ), 20)
            assert asked == 1
    finally:
        silent.set()
        server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
async def test_a_managed_identity_that_takes_no_connection_is_not_waited_for(at: At) -> None:
    """A listener whose queue is full answers a new connection as a black hole does."""
    at.monkeypatch.setattr(ways, "CONNECT_SECONDS", 0.2)
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        endpoint = f"http://127.0.0.1:{full.getsockname()[1]}"
        at.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint)
        for environ in ({}, {"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "x"}):
            with pytest.raises(SignInError):
                await asyncio.wait_for(at.sign_in("managed-identity", environ), 20)


ELSE = "something else than Azure answers where a managed identity would: a proxy, or another cloud"


@pytest.mark.parametrize("choice", ["auto", "managed-identity"])
@pytest.mark.parametrize(
    ("head", "body", "said"),
    [
        ("200 OK\r\nContent-Type: text/plain", "hello", ELSE),
        ("200 OK\r\nContent-Type: application/json", "hello", ELSE),
        ("404 Not Found\r\nContent-Type: text/html", "<p>no</p>", ELSE),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "", ELSE),
        # Azure's own refusals are JSON too.
        (
            "200 OK\r\nContent-Type: application/json",
            '{"error": "busy"}',
            """Unexpected response "{'error': 'busy'}\"""",
        ),
    ],
)
async def test_metadata_of_somebody_else_are_no_managed_identity(
    at: At, choice: str, head: str, body: str, said: str
) -> None:
    """Another cloud, or a router, answers at the link-local address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    at.monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint)
    try:
        with pytest.raises(SignInError) as caught:
            await at.sign_in(choice)
    finally:
        server.close()
    (line,) = [line for line in caught.value.message.splitlines() if "managed identity" in line]
    assert line.endswith(f": {said}")


async def test_a_managed_identity_that_answered_is_waited_for(at: At) -> None:
    quick_probe(at, at.authority.plain_url)
    at.authority.busy = 1
    at.authority.slow = 0.5
    at.tool("az", "good")
    signed_in = await at.sign_in("auto")
    assert signed_in.kind == "managed identity"


def place(at: At, **options: Any) -> Place:
    return Place(**{"cloud": at.cloud, "network": at.network, "environ": {}, "say": at.said.append, **options})


def test_instance_discovery_is_off_exactly_where_the_cloud_is_custom(at: At) -> None:
    assert place(at).entra(None)["disable_instance_discovery"] is True
    for name in ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud"):
        options = place(at, cloud=named(name)).entra(None)
        assert "disable_instance_discovery" not in options
        assert options["authority"] == named(name).authority


CTRL_C = """
import asyncio, threading
from azscan.azure.tokens import in_thread
async def main():
    task = asyncio.create_task(in_thread(threading.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
asyncio.run(main())
print("left")
"""


def test_an_interrupted_sign_in_does_not_hold_the_program() -> None:
    environ = {"PYTHONPATH": str(Path(azscan.__file__).parent.parent)}
    command = [sys.executable, "-c", CTRL_C]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert (done.stdout, done.stderr) == ("left\n", "")
