"""Tokens that the user hands over: bare, as az or azd print them, and wrong in every way we know."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.azure.authority import ARM_AUDIENCE, GRAPH, TENANT, app_claims, jwt, user_claims
from tests.azure.signing import At, everything_in

from azscan.errors import SignInError

OTHER = "99999999-9999-4999-8999-999999999999"
ARM = "AZSCAN_ACCESS_TOKEN"
MSGRAPH = "AZSCAN_GRAPH_ACCESS_TOKEN"


def opaque(**printed: Any) -> str:
    return json.dumps({"accessToken": "opaque-token-value", **printed})


async def test_bare_tokens_sign_in(at: At) -> None:
    arm, graph = jwt(**user_claims(ARM_AUDIENCE)), jwt(**user_claims(GRAPH, scp="User.Read Directory.Read.All"))
    signed_in = await at.sign_in("token", {ARM: arm, MSGRAPH: graph})
    assert (signed_in.who, signed_in.kind, signed_in.tenant) == ("alice@contoso.test", "given token", TENANT)
    assert signed_in.graph_permissions == {"User.Read", "Directory.Read.All"}
    assert (await signed_in.credential.get_token(f"{ARM_AUDIENCE}/.default")).token == arm
    assert at.authority.paths == []


@pytest.mark.parametrize("key", ["accessToken", "token"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_what_az_or_azd_prints_signs_in(at: At, key: str, wrapped: bool) -> None:
    arm = jwt(**app_claims(ARM_AUDIENCE))
    printed = json.dumps({key: arm, "expires_on": int(time.time()) + 900}, indent=2 if wrapped else None)
    signed_in = await at.sign_in("token", {ARM: printed + "\n"})
    assert (await signed_in.credential.get_token(f"{ARM_AUDIENCE}/.default")).token == arm


async def test_without_a_graph_token_there_is_a_note(at: At) -> None:
    signed_in = await at.sign_in("token", {ARM: jwt(**app_claims(ARM_AUDIENCE))})
    assert "AZSCAN_GRAPH_ACCESS_TOKEN is not set" in signed_in.notes[0]


@pytest.mark.parametrize(
    ("audience", "fits"),
    [
        (f"{ARM_AUDIENCE}/", True),
        ("https://localhost:1", True),
        ("797f4846-ba00-4fd7-ba43-dac1f8f63013", False),  # public Azure's, and this cloud is a custom one
        (GRAPH, False),
        ("00000003-0000-0000-c000-000000000000", False),
        ("https://vault.azure.net", False),
    ],
)
async def test_a_token_for_another_service_is_an_error(at: At, audience: str, fits: bool) -> None:
    environ = {ARM: jwt(**app_claims(audience))}
    if fits:
        assert await at.sign_in("token", environ)
        return
    with pytest.raises(SignInError, match=f"{ARM} is for {audience}, not for") as caught:
        await at.sign_in("token", environ)
    assert "az account get-access-token --resource" in caught.value.hint


# Seconds from now; made when the test runs, so that all workers collect the same tests.
EXPIRIES = {
    "its own word": (lambda: jwt(**app_claims(ARM_AUDIENCE, exp=int(time.time()) - 1)), True),
    "expires_on": (lambda: opaque(expires_on=int(time.time()) - 1), True),
    "expires_on as text": (lambda: opaque(expires_on=str(int(time.time()) - 1)), True),
    "az's expiresOn": (lambda: opaque(expiresOn="2020-01-01 00:00:00.000000"), True),
    "azd's expiresOn": (lambda: opaque(expiresOn="2020-01-01T00:00:00Z"), True),
    "expiresOn to come": (lambda: opaque(expiresOn="2100-01-01 00:00:00.000000"), False),
    "expires_on before expiresOn": (
        lambda: opaque(expiresOn="2020-01-01 00:00:00.000000", expires_on=int(time.time()) + 900),
        False,
    ),
    "nonsense": (lambda: opaque(expiresOn="some day"), False),
    "nothing": (opaque, False),
    "bare": (lambda: "opaque-token-value", False),
    "with Bearer": (lambda: "Bearer opaque-token-value", False),
}


@pytest.mark.parametrize("case", EXPIRIES)
async def test_an_expired_token_is_an_error(at: At, case: str) -> None:
    make, expired = EXPIRIES[case]
    value = make()
    if not expired:
        assert await at.sign_in("token", {ARM: value})
        return
    with pytest.raises(SignInError, match=f"the token in {ARM} has expired") as caught:
        await at.sign_in("token", {ARM: value})
    assert "opaque-token-value" not in everything_in(caught.value)


async def test_tokens_of_another_tenant_are_an_error(at: At) -> None:
    arm, graph = jwt(**app_claims(ARM_AUDIENCE)), jwt(**app_claims(GRAPH, tid=OTHER))
    with pytest.raises(SignInError, match=f"the token is for tenant {TENANT}, not for {OTHER}"):
        await at.sign_in("token", {ARM: arm}, tenant=OTHER)
    with pytest.raises(SignInError, match=f"the Microsoft Graph token is for tenant {OTHER}"):
        await at.sign_in("token", {ARM: arm, MSGRAPH: graph})


async def test_swapped_tokens_are_an_error(at: At) -> None:
    arm, graph = jwt(**app_claims(ARM_AUDIENCE)), jwt(**app_claims(GRAPH))
    with pytest.raises(SignInError, match=f"{MSGRAPH} is for {ARM_AUDIENCE}"):
        await at.sign_in("token", {ARM: arm, MSGRAPH: arm})
    with pytest.raises(SignInError, match=f"{ARM} is for {GRAPH}"):
        await at.sign_in("token", {ARM: graph, MSGRAPH: arm})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{not json opaque-token-value", "begins like JSON"),
        ('{"opaque-token-value": 1}', "JSON without accessToken"),
        ('{"accessToken": 5}', "JSON without accessToken"),
        ("", "is not set"),
        (" \n", "is not set"),
    ],
)
async def test_what_is_no_token_is_an_error_that_does_not_repeat_it(at: At, value: str, words: str) -> None:
    with pytest.raises(SignInError, match=words) as caught:
        await at.sign_in("token", {ARM: value})
    assert "opaque-token-value" not in everything_in(caught.value)


async def test_a_given_token_that_azure_wants_renewed_says_that_it_cannot_be(at: At) -> None:
    signed_in = await at.sign_in("token", {ARM: jwt(**app_claims(ARM_AUDIENCE))})
    with pytest.raises(Exception, match="cannot be renewed"):
        await signed_in.credential.get_token_info(f"{ARM_AUDIENCE}/.default", options={"claims": "{}"})
