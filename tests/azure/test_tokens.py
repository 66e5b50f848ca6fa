"""Keeping tokens: asked once, shared, renewed in time, and never lost while they are good."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import AzureError, ClientAuthenticationError
from hypothesis import given
from hypothesis import strategies as st
from tests.azure.authority import jwt

from azscan.azure.signin_errors import NoTokenError
from azscan.azure.tokens import EARLY_SECONDS, KeptCredential, claims_of, expiry, in_thread

SCOPE = "https://arm.test/.default"
CLAIMS = '{"access_token": {"nbf": {"essential": true}}}'


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """A source whose tokens live for `life` seconds; `trouble` is raised instead of the next ones."""

    def __init__(self, clock: Clock, life: int = 3600) -> None:
        self.clock, self.life = clock, life
        self.asked: list[tuple[str, str | None]] = []
        self.trouble: Exception | None = None
        self.refresh_in: int | None = None
        self.closed = False

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        self.asked.append((scope, claims))
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble
        now = int(self.clock())
        refresh_on = now + self.refresh_in if self.refresh_in else None
        return AccessTokenInfo(f"token-{len(self.asked)}", now + self.life, refresh_on=refresh_on)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Counting:
    return Counting(clock)


@pytest.fixture
def credential(source: Counting, clock: Clock) -> KeptCredential:
    return KeptCredential(source, (), clock)


async def token(credential: KeptCredential, claims: str | None = None, scope: str = SCOPE) -> str:
    return (await credential.get_token_info(scope, options={"claims": claims} if claims else {})).token


async def test_readers_at_the_same_time_share_one_request(credential: KeptCredential, source: Counting) -> None:
    assert set(await asyncio.gather(*(token(credential) for _ in range(20)))) == {"token-1"}
    assert await token(credential, scope="https://graph.test/.default") == "token-2"
    assert len(source.asked) == 2


@pytest.mark.parametrize(("seconds", "renewed"), [(3600 - EARLY_SECONDS - 1, False), (3600 - EARLY_SECONDS, True)])
async def test_a_token_is_renewed_before_it_expires(
    credential: KeptCredential, clock: Clock, seconds: int, renewed: bool
) -> None:
    await token(credential)
    clock.now += seconds
    assert await token(credential) == ("token-2" if renewed else "token-1")


async def test_a_token_is_renewed_when_its_issuer_says_so(
    credential: KeptCredential, source: Counting, clock: Clock
) -> None:
    source.refresh_in = 600
    await token(credential)
    clock.now += 599
    assert await token(credential) == "token-1"
    clock.now += 1
    assert await token(credential) == "token-2"


async def test_a_short_token_is_not_asked_for_at_every_read(
    credential: KeptCredential, source: Counting, clock: Clock
) -> None:
    source.life = 120
    await token(credential)
    clock.now += 29
    assert await token(credential) == "token-1"
    clock.now += 1
    assert await token(credential) == "token-2"


async def test_a_failed_renewal_costs_nothing_while_the_token_is_good(
    credential: KeptCredential, source: Counting, clock: Clock
) -> None:
    await token(credential)
    source.trouble = ClientAuthenticationError(message="AADSTS700082: The refresh token has expired.")
    clock.now += 3600 - EARLY_SECONDS
    assert await token(credential) == "token-1"
    asked = len(source.asked)
    clock.now += 1
    assert await token(credential) == "token-1"
    assert len(source.asked) == asked, "not at every read"
    clock.now += EARLY_SECONDS
    with pytest.raises(NoTokenError, match="the sign-in has expired"):
        await token(credential)


async def test_a_claims_challenge_is_answered_once_for_all_who_met_it(
    credential: KeptCredential, source: Counting, clock: Clock
) -> None:
    await token(credential)
    assert set(await asyncio.gather(*(token(credential, CLAIMS) for _ in range(5)))) == {"token-2"}
    assert await token(credential) == "token-2", "the new token is the one to go on with"
    assert await token(credential, '{"other": 1}') == "token-3"
    clock.now += 31
    assert await token(credential, '{"other": 1}') == "token-4", "a challenge that comes again is a new one"
    assert [claims for _, claims in source.asked] == [None, CLAIMS, '{"other": 1}', '{"other": 1}']


async def test_a_refused_challenge_is_an_error(credential: KeptCredential, source: Counting) -> None:
    await token(credential)
    source.trouble = ClientAuthenticationError(message="no")
    with pytest.raises(NoTokenError):
        await token(credential, CLAIMS)


@pytest.mark.parametrize("trouble", [ValueError("a"), FileNotFoundError("a"), KeyError("a"), AzureError("a")])
async def test_whatever_goes_wrong_is_an_error_of_azure_core(
    credential: KeptCredential, source: Counting, trouble: Exception
) -> None:
    source.trouble = trouble
    with pytest.raises(AzureError) as caught:
        await token(credential)
    assert caught.value.__context__ is None, "nothing that holds a request stands behind it"


async def test_what_the_token_says_goes_before_what_its_bearer_says(clock: Clock) -> None:
    """azd prints UTC, which azure-identity reads as local time: east of Greenwich every token looks expired."""

    class Wrong(Counting):
        async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
            self.asked.append((scope, claims))
            return AccessTokenInfo(jwt(exp=int(clock()) + 3600), int(clock()) - 7200)

    source = Wrong(clock)
    credential = KeptCredential(source, (), clock)
    info = await credential.get_token_info(SCOPE)
    await credential.get_token_info(SCOPE)
    assert info.expires_on == int(clock()) + 3600
    assert len(source.asked) == 1


async def test_closing_forgets_and_closes(credential: KeptCredential, source: Counting) -> None:
    async with credential:
        await token(credential)
    assert source.closed
    await token(credential)
    assert len(source.asked) == 2


async def test_work_in_a_thread_brings_its_result_or_its_error() -> None:
    def fail() -> None:
        raise LookupError("x")

    assert await in_thread(lambda: 5) == 5
    with pytest.raises(LookupError):
        await in_thread(fail)


async def test_a_cancelled_wait_ignores_what_the_thread_brings_later() -> None:
    task = asyncio.create_task(in_thread(lambda: time.sleep(0.01)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)


def test_a_token_s_claims_are_read() -> None:
    text = jwt(oid="x", exp=5)
    assert claims_of(text) == {"oid": "x", "exp": 5}
    assert expiry(text) == 5.0
    assert expiry(jwt(exp="soon")) == 0.0


@given(st.one_of(st.text(), st.tuples(st.text(), st.text(), st.text()).map(".".join), st.binary().map(str)))
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert claims_of(text) == {}


@pytest.mark.parametrize("payload", [[], "x", 5, None])
def test_claims_that_are_no_object_are_none(payload: Any) -> None:
    import base64
    import json

    part = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    assert claims_of(f"e30.{part}.x") == {}
