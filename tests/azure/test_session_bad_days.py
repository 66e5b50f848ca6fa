"""The session on bad days: what Azure and the network do to it, and that no false answer comes of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from tests.azure.authority import HOST
from tests.azure.servers import (
    SUB,
    FakeAzure,
    FakeCredential,
    HurriedClock,
    Proxy,
    error,
    proxying,
    reply,
)
from tests.azure.sessions import OpenSession

from azscan.azure.answers import Answer, Ask, Fault
from azscan.azure.governor import Wait
from azscan.azure.network import Network, network_from_environment
from azscan.azure.paging import pages
from azscan.azure.session import Session
from azscan.azure.wire import Patience

ACCOUNTS = f"/subscriptions/{SUB}/providers/Microsoft.Storage/storageAccounts?api-version=2024-01-01"
ACCOUNT = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a?api-version=2024-01-01"
EMPTY = {"value": []}
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'


def fault(answer: Answer) -> Fault:
    assert answer.fault is not None
    return answer.fault


async def test_429_with_retry_after_is_waited_for_and_nothing_is_lost(
    session: Session, azure: FakeAzure, clock: HurriedClock
) -> None:
    azure.answers(error(429, "SubscriptionRequestsThrottled", headers={"Retry-After": "17"}), reply(EMPTY))
    started = clock.now()
    answer = await session.read(Ask(ACCOUNTS))
    assert answer.fault is None
    assert clock.now() - started >= 17
    assert len(azure.seen) == 2


async def test_429_without_retry_after_waits_by_default(
    session: Session, azure: FakeAzure, clock: HurriedClock
) -> None:
    azure.answers(error(429, "TooManyRequests"), error(429, "TooManyRequests"), reply(EMPTY))
    started = clock.now()
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert clock.now() - started >= 10 + 20


async def test_429_whose_message_alone_says_how_long(session: Session, azure: FakeAzure, clock: HurriedClock) -> None:
    message = (
        "Number of requests for action 'Microsoft.Storage/storageAccounts/read' exceeded the limit of '150' for time "
        "interval '01:00:00'. Please try again after '324' seconds."
    )
    azure.answers(error(429, "ResourceRequestsThrottled", message), reply(EMPTY))
    started = clock.now()
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert clock.now() - started >= 324


async def test_429_about_a_locked_resource_slows_that_read_alone(
    session: Session, azure: FakeAzure, clock: HurriedClock
) -> None:
    azure.answers(error(429, "RetryableErrorDueToAnotherOperation", headers={"Retry-After": "9"}), reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert clock.slept == [9.0]


async def test_429_without_end_is_a_throttled_fault(open_session: OpenSession, azure: FakeAzure) -> None:
    session = await open_session(patience=Patience(refusals=3))
    azure.answers(error(429, "TooManyRequests", "Slow down.", {"Retry-After": "1"}))
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, fault(answer).code, answer.status) == ("throttled", "TooManyRequests", 429)
    assert len(azure.seen) == 4


async def test_a_throttled_provider_does_not_hold_up_another(
    open_session: OpenSession, azure: FakeAzure, clock: HurriedClock
) -> None:
    waits: list[Wait] = []
    session = await open_session(concurrency=1, listener=waits.append)
    clock.scale = 100.0

    def answer(request: web.Request) -> Any:
        if "Microsoft.Sql" in request.raw_path and len(azure.seen) == 1:
            return error(429, "TooManyRequests", headers={"Retry-After": "60"})
        return reply(EMPTY)

    azure.answers(answer)
    slow = asyncio.create_task(session.read(Ask(f"/subscriptions/{SUB}/providers/Microsoft.Sql/servers?api-version=1")))
    while not azure.seen:
        await asyncio.sleep(0)
    await asyncio.gather(*(session.read(Ask(ACCOUNTS)) for _ in range(5)))
    assert not slow.done()
    assert (await slow).fault is None
    assert [(wait.who, wait.reads) for wait in waits] == [("microsoft.sql", 1), ("microsoft.sql", 0)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_failure_that_passes_is_tried_again(
    session: Session, azure: FakeAzure, clock: HurriedClock, status: int
) -> None:
    azure.answers(error(status, "InternalServerError"), error(status, "InternalServerError"), reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert 0.8 <= clock.slept[0] <= 1.2 and 1.6 <= clock.slept[1] <= 2.4


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failure_that_stays_is_unavailable(session: Session, azure: FakeAzure, status: int) -> None:
    azure.answers(error(status, "GatewayTimeout", "The gateway did not receive a response."))
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, fault(answer).code, answer.status) == ("unavailable", "GatewayTimeout", status)
    assert len(azure.seen) == 5


async def test_503_with_retry_after_waits_so_long(session: Session, azure: FakeAzure, clock: HurriedClock) -> None:
    azure.answers(reply("<html>busy</html>", 503, {"Retry-After": "7"}), reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert clock.slept == [7.0]


async def test_no_answer_in_time_is_unavailable(open_session: OpenSession, azure: FakeAzure) -> None:
    session = await open_session(timeout=0.05, patience=Patience(failures=1))

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return reply(EMPTY)

    azure.answers(hang)
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, answer.status) == ("unavailable", 0)
    assert "0.05 seconds" in fault(answer).message
    assert len(azure.seen) == 2


async def test_a_body_that_drips_without_end_is_timed_out(open_session: OpenSession, azure: FakeAzure) -> None:
    session = await open_session(timeout=0.2, patience=Patience(failures=0))

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    azure.answers(drip)
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "unavailable"


async def _reset(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "4000"})
    await response.prepare(request)
    await response.write(b'{"value": [{"id": "/a"}')
    assert request.transport is not None
    request.transport.abort()
    return response


async def test_a_reset_in_mid_body_is_tried_again(session: Session, azure: FakeAzure, clock: HurriedClock) -> None:
    azure.answers(_reset, reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert len(clock.slept) == 1


async def test_resets_without_end_are_unavailable(session: Session, azure: FakeAzure) -> None:
    azure.answers(_reset)
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, answer.items, answer.status) == ("unavailable", (), 0)


async def test_nobody_there_is_unavailable(open_session: OpenSession, azure: FakeAzure) -> None:
    from dataclasses import replace

    session = await open_session(cloud=replace(azure.cloud, arm="https://127.0.0.1:1"))
    answer = await session.read(Ask(ACCOUNTS))
    assert fault(answer).kind == "unavailable"
    assert "could not be reached" in fault(answer).message


@pytest.mark.parametrize(
    "body",
    [
        '{"value": [{"id": "/a"}, {"id": "/',
        '[{"id": 1}',
        "<!DOCTYPE html><html><body>Sign in</body></html>",
        "",
        "OK",
        b"\xff\xfe\x00",
        '{"value": NaN}',
        "[" * 100_000,
    ],
    ids=["truncated", "truncated-array", "html", "empty", "text", "bytes", "nan", "deep"],
)
@pytest.mark.parametrize("shape", ["list", "object"])
async def test_a_body_that_is_no_json_is_a_bad_response(
    session: Session, azure: FakeAzure, body: str | bytes, shape: Any
) -> None:
    azure.answers(reply(body))
    answer = await session.read(Ask(ACCOUNTS, shape=shape))
    assert fault(answer).kind == "bad_response"
    assert (answer.items, answer.body, answer.next) == ((), None, "")
    assert len(azure.seen) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"value": None}, {"value": {}}, {"value": "x"}, {"value": {"value": []}}, None, "text", 3],
    ids=["missing", "null", "object", "text", "nested", "no-object", "string", "number"],
)
async def test_a_list_without_a_list_is_a_bad_response(session: Session, azure: FakeAzure, body: Any) -> None:
    azure.answers(reply(b"null" if body is None else body if not isinstance(body, str) else b'"text"'))
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, answer.items) == ("bad_response", ())


@pytest.mark.parametrize("body", [[], b"null", 3])
async def test_an_object_that_is_none_is_a_bad_response(session: Session, azure: FakeAzure, body: Any) -> None:
    azure.answers(reply(body))
    assert fault(await session.read(Ask(ACCOUNT, shape="object"))).kind == "bad_response"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/subscriptions/x?api-version=1",
        "https://127.0.0.1/subscriptions/x?api-version=1",
        "//evil.example/subscriptions",
        "http://{host}/subscriptions?api-version=1",
        "https://{host}@evil.example/subscriptions",
        "https://{host}.evil.example/subscriptions",
        "ftp://{host}/",
        "https://{host}/graph/v1.0/users",
        {"href": "https://{host}/subscriptions"},
        17,
    ],
)
async def test_a_next_link_to_another_host_keeps_the_items_and_is_not_followed(
    session: Session, azure: FakeAzure, link: Any
) -> None:
    link = link.format(host=azure.url.removeprefix("https://")) if isinstance(link, str) else link
    azure.answers(reply({"value": [{"id": "/a"}], "nextLink": link}))
    found = [page async for page in pages(session.read, Ask(ACCOUNTS))]
    assert [page.items for page in found] == [({"id": "/a"},)]
    assert fault(found[0]) == Fault("bad_response", "The next link points to another host.")
    assert len(azure.seen) == 1


async def test_a_target_on_another_host_is_not_asked(session: Session, azure: FakeAzure) -> None:
    answer = await session.read(Ask("https://evil.example/subscriptions?api-version=1"))
    assert fault(answer).kind == "bad_response"


async def test_a_redirect_to_another_host_is_not_followed_and_no_token_gets_there(
    session: Session, azure: FakeAzure, certificates: Any
) -> None:
    from tests.azure.servers import serving

    async with serving(certificates[1]) as thief:
        thief.answers(reply(EMPTY))
        azure.answers(reply(b"", 307, {"Location": f"{thief.url}{ACCOUNTS}"}))
        answer = await session.read(Ask(ACCOUNTS))
        assert (fault(answer).kind, answer.status) == ("bad_response", 307)
        assert thief.seen == []


@pytest.mark.parametrize("location", ["https://[x]/a", "https://][", "//foreign.test/a", "a", "https://127.0.0.1/%zz"])
async def test_a_redirect_to_nowhere_is_a_bad_response(session: Session, azure: FakeAzure, location: str) -> None:
    azure.answers(web.Response(status=302, headers={"Location": location}))
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "bad_response"
    assert len(azure.seen) == 1


@pytest.mark.parametrize("claims", ["/////w==", "!!!", ""])
async def test_a_challenge_that_cannot_be_read_is_unauthenticated(
    session: Session, azure: FakeAzure, claims: str
) -> None:
    asked = f'Bearer error="insufficient_claims", claims="{claims}"'
    azure.answers(web.Response(status=401, headers={"WWW-Authenticate": asked}))
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "unauthenticated"


async def test_a_wait_without_end_ends(session: Session, azure: FakeAzure, clock: HurriedClock) -> None:
    azure.answers(error(429, "TooManyRequests", headers={"Retry-After": "1e308"}), reply(EMPTY))
    started = clock.now()
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert 3600 <= clock.now() - started < 4000


async def test_a_redirect_on_the_same_host_is_followed(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply(b"", 302, {"Location": f"{ACCOUNTS}&moved=%24yes"}), reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert azure.seen[1].raw_path == f"{ACCOUNTS}&moved=%24yes"


@pytest.mark.parametrize(
    "location",
    [
        "/subscriptions/00000000-0000-4000-8000-000000000002/resources?api-version=1",
        "/graph/v1.0/users",
        "/subscriptions/../x",
        "",
        "http://[bad",
    ],
)
async def test_a_redirect_out_of_the_scope_is_not_followed(session: Session, azure: FakeAzure, location: str) -> None:
    azure.answers(reply(b"", 302, {"Location": location} if location else {}))
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "bad_response"
    assert len(azure.seen) == 1


async def test_redirects_in_a_circle_end(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply(b"", 302, {"Location": ACCOUNTS}))
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "bad_response"
    assert len(azure.seen) == 5


async def test_a_token_that_runs_out_is_renewed_before_the_next_request(
    session: Session, azure: FakeAzure, credential: FakeCredential
) -> None:
    credential.expires = [1]
    azure.answers(reply(EMPTY))
    await session.read(Ask(ACCOUNTS))
    await session.read(Ask(ACCOUNTS))
    assert [seen.token for seen in azure.seen] == ["token-1", "token-2"]


async def test_a_token_that_azure_finds_expired_is_renewed_once(session: Session, azure: FakeAzure) -> None:
    azure.answers(error(401, "ExpiredAuthenticationToken"), reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert [seen.token for seen in azure.seen] == ["token-1", "token-2"]


async def test_a_token_that_azure_never_accepts_is_unauthenticated(session: Session, azure: FakeAzure) -> None:
    azure.answers(error(401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."))
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, fault(answer).code) == ("unauthenticated", "InvalidAuthenticationTokenTenant")
    assert len(azure.seen) == 2


def challenge() -> web.Response:
    encoded = base64.urlsafe_b64encode(CLAIMS.encode()).decode().rstrip("=")
    words = f'Bearer realm="", error="insufficient_claims", claims="{encoded}"'
    return error(401, "AuthenticationFailed", headers={"WWW-Authenticate": words})


@pytest.mark.parametrize("host", ["arm", "graph"])
async def test_a_claims_challenge_is_answered_with_a_new_token(
    session: Session, azure: FakeAzure, credential: FakeCredential, host: Any
) -> None:
    target = ACCOUNTS if host == "arm" else "/v1.0/users"
    azure.answers(reply(EMPTY), challenge(), reply(EMPTY))
    await session.read(Ask(target, host=host))
    assert (await session.read(Ask(target, host=host))).fault is None
    assert [claims for _, claims in credential.asked] == [None, CLAIMS]
    assert [seen.token for seen in azure.seen] == ["token-1", "token-1", "token-2"]


async def test_a_claims_challenge_that_cannot_be_met_is_unauthenticated(
    session: Session, azure: FakeAzure, credential: FakeCredential
) -> None:
    credential.refuses_claims = True
    azure.answers(challenge())
    answer = await session.read(Ask(ACCOUNTS))
    assert fault(answer).kind == "unauthenticated"


async def test_a_credential_that_gives_no_token_is_unauthenticated_and_tells_no_secret(
    session: Session, azure: FakeAzure, credential: FakeCredential
) -> None:
    credential.refuses = True
    answer = await session.read(Ask(ACCOUNTS))
    assert fault(answer).kind == "unauthenticated"
    assert "AADSTS7000222" in fault(answer).message
    assert "hunter2" not in fault(answer).message
    assert azure.seen == []
    credential.refuses = False
    azure.answers(reply(EMPTY))
    assert (await session.read(Ask(ACCOUNTS))).fault is None


async def test_a_409_that_asks_for_registration_brings_no_post(session: Session, azure: FakeAzure) -> None:
    azure.answers(
        error(409, "MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'X.Y'.")
    )
    assert fault(await session.read(Ask(ACCOUNTS))).kind == "not_registered"
    assert [seen.method for seen in azure.seen] == ["GET"]


async def test_403_names_the_missing_action(session: Session, azure: FakeAzure) -> None:
    azure.answers(
        error(
            403,
            "AuthorizationFailed",
            "The client 'a@b.c' with object id 'x' does not have authorization to perform action "
            "'Microsoft.Storage/storageAccounts/read' over scope '/subscriptions/x' or the scope is invalid. If access "
            "was recently granted, please refresh your credentials.",
        )
    )
    answer = await session.read(Ask(ACCOUNTS))
    assert (fault(answer).kind, fault(answer).action) == ("access_denied", "Microsoft.Storage/storageAccounts/read")


async def test_a_cancelled_read_gives_its_place_back(open_session: OpenSession, azure: FakeAzure) -> None:
    session = await open_session(concurrency=1)
    arrived = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(5)
        return reply(EMPTY)

    azure.answers(hang, reply(EMPTY))
    stuck = asyncio.create_task(session.read(Ask(ACCOUNTS)))
    waiting = asyncio.create_task(session.read(Ask(ACCOUNTS)))
    await arrived.wait()
    waiting.cancel()
    stuck.cancel()
    await asyncio.gather(stuck, waiting, return_exceptions=True)
    assert (await session.read(Ask(ACCOUNTS))).fault is None


async def test_a_closed_session_says_so(azure: FakeAzure, credential: FakeCredential, network: Network) -> None:
    async with Session(azure.cloud, credential, network=network, subscriptions=[SUB]) as session:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        await session.read(Ask(ACCOUNTS))


# -- certificates and proxies --------------------------------------------------------------------------------------


async def test_a_private_authority_that_is_not_named_is_not_trusted(
    open_session: OpenSession, azure: FakeAzure
) -> None:
    session = await open_session(network=network_from_environment({}))
    answer = await session.read(Ask(ACCOUNTS))
    assert fault(answer).kind == "unavailable"
    assert "SSL_CERT_FILE" in fault(answer).message
    assert azure.seen == []


@pytest.fixture
async def proxy(azure: FakeAzure) -> AsyncIterator[Proxy]:
    async with proxying() as running:
        running.names[HOST] = azure.port
        yield running


def behind(certificates: Any, proxy_url: str, **more: str) -> Network:
    return network_from_environment({"SSL_CERT_FILE": str(certificates[0]), "HTTPS_PROXY": proxy_url, **more})


async def test_the_session_goes_through_the_proxy(
    open_session: OpenSession, azure: FakeAzure, proxy: Proxy, certificates: Any
) -> None:
    from dataclasses import replace

    azure.answers(reply(EMPTY))
    network = behind(certificates, proxy.url.replace("http://", "http://ann:s3cr3t@"))
    session = await open_session(network=network, cloud=replace(azure.cloud, arm=f"https://{HOST}"))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert proxy.connects == [f"{HOST}:443"]
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'ann:s3cr3t').decode()}" in proxy.headers[0]
    assert "token-1" not in proxy.headers[0]
    assert azure.seen[0].token == "token-1"


async def test_loopback_never_goes_through_the_proxy(
    open_session: OpenSession, azure: FakeAzure, proxy: Proxy, certificates: Any
) -> None:
    azure.answers(reply(EMPTY))
    session = await open_session(network=behind(certificates, proxy.url))
    assert (await session.read(Ask(ACCOUNTS))).fault is None
    assert proxy.connects == []


async def test_a_proxy_that_refuses_is_unavailable_at_once(
    open_session: OpenSession, azure: FakeAzure, proxy: Proxy, certificates: Any
) -> None:
    from dataclasses import replace

    proxy.refuse = 407
    network = behind(certificates, proxy.url)
    session = await open_session(network=network, cloud=replace(azure.cloud, arm=f"https://{HOST}"))
    answer = await session.read(Ask(ACCOUNTS))
    assert fault(answer).kind == "unavailable"
    assert "407" in fault(answer).message
    assert len(proxy.connects) == 1
