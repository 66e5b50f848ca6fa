from __future__ import annotations

import asyncio
import base64
import json
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DeviceCodeCredential
from azure.identity.aio import ClientAssertionCredential, ClientSecretCredential
from yarl import URL

from azscan.emulator.refusals import refused
from azscan.emulator.signin import decode_claims
from azscan.errors import UsageError
from tests.emulator.rig import API, ONE, Rig, Rigs, account, estate

OTHER = "99999999-0000-4000-8000-000000000000"


async def _get(rig: Rig, path: str) -> Any:
    async with rig.session.get(URL(rig.emulator.url + path, encoded=True), allow_redirects=False) as response:
        return response.status, await response.json(), dict(response.headers)


async def test_metadata_name_the_hosts(start: Rigs) -> None:
    rig = await start(estate())
    status, body, _ = await _get(rig, "/metadata/endpoints?api-version=2022-09-01")
    assert status == 200
    assert body["microsoftGraphResourceId"] == rig.emulator.graph_url + "/"
    assert body["authentication"]["loginEndpoint"] == rig.emulator.url
    assert body["resourceManager"] == rig.emulator.url + "/"
    assert (await _get(rig, "/metadata/endpoints"))[0] == 400


async def test_a_secret_buys_a_token_with_the_claims_of_an_application(start: Rigs) -> None:
    rig = await start(estate(), granted=["Policy.Read.All"])
    got = await rig.sign_in()
    claims = decode_claims(got.body["access_token"])
    identity = rig.emulator.estate.identity
    assert (claims["tid"], claims["oid"], claims["appid"], claims["idtyp"]) == (
        rig.emulator.estate.tenant["id"],
        identity["objectId"],
        identity["clientId"],
        "app",
    )
    assert claims["aud"] == rig.emulator.url and claims["exp"] > claims["iat"] and "upn" not in claims
    assert (await rig.ask(f"/subscriptions?{API}", token=got.body["access_token"])).status == 200
    graph = await rig.sign_in(scope=f"{rig.emulator.graph_url}//.default")
    assert decode_claims(graph.body["access_token"])["roles"] == ["Policy.Read.All"]
    assert (await rig.ask("/v1.0/users", token=graph.body["access_token"])).status == 200


@pytest.mark.parametrize(
    ("form", "status", "kind", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": "old"}, 401, "invalid_client", 7000222),
        ({"client_id": OTHER}, 400, "unauthorized_client", 700016),
        ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_resource", 500011),
        ({"tenant": "nowhere.example"}, 400, "invalid_request", 90002),
        ({"grant_type": "password"}, 400, "invalid_grant", 70000),
    ],
)
async def test_a_refused_sign_in_says_why(start: Rigs, form: dict[str, str], status: int, kind: str, code: int) -> None:
    rig = await start(estate(), expired_secrets=["old"])
    got = await rig.sign_in(**form)
    assert (got.status, got.body["error"], got.body["error_codes"]) == (status, kind, [code])
    assert got.body["error_description"].startswith(f"AADSTS{code}: ")
    assert rig.emulator.sign_ins[-1].error == f"AADSTS{code}"
    assert "wrong" not in str(rig.emulator.sign_ins) and "wrong" not in str(rig.emulator.log)


async def test_an_unknown_tenant_has_no_openid_configuration(start: Rigs) -> None:
    rig = await start(estate())
    status, body, _ = await _get(rig, "/nowhere.example/v2.0/.well-known/openid-configuration")
    assert (status, body["error_codes"]) == (400, [90002])
    status, body, _ = await _get(rig, "/organizations/v2.0/.well-known/openid-configuration")
    assert body["token_endpoint"] == f"{rig.emulator.url}/organizations/oauth2/v2.0/token"
    place = f"/common/discovery/instance?authorization_endpoint={rig.emulator.url}/contoso.example/x"
    assert "contoso.example" in (await _get(rig, place))[1]["tenant_discovery_endpoint"]


async def test_a_token_must_be_there_known_alive_and_for_this_service(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    path = f"/subscriptions?{API}"
    missing = await rig.ask(path, token="")
    assert (missing.status, missing.code) == (401, "AuthenticationFailed")
    assert missing.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    assert (await rig.ask(path, token="made-up")).code == "InvalidAuthenticationToken"
    assert (await rig.ask(path, token=rig.tokens["graph"])).code == "InvalidAuthenticationTokenAudience"
    assert (await rig.ask("/v1.0/users", token=rig.tokens["arm"])).code == "InvalidAuthenticationToken"
    expired = await rig.ask(path, token=rig.emulator.token(lifetime=-1))
    assert (expired.status, expired.code) == (401, "ExpiredAuthenticationToken")
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]
    free = await start(estate(), require_token=False)
    assert (await free.ask(path, token="")).status == 200


async def test_a_token_of_another_tenant_sees_nothing_of_this_one(start: Rigs) -> None:
    rig = await start(estate(account("a")), tenants=[OTHER])
    token = (await rig.sign_in(tenant=OTHER)).body["access_token"]
    assert (await rig.ask(f"/subscriptions?{API}", token=token)).body["value"] == []
    wrong = await rig.ask(f"/subscriptions/{ONE}/resources?{API}", token=token)
    assert (wrong.status, wrong.code) == (401, "InvalidAuthenticationTokenTenant")


async def test_all_tokens_expire_after_so_many_reads(start: Rigs) -> None:
    rig = await start(estate(account("a")), expire_tokens_after=2)
    path = f"/subscriptions?{API}"
    assert [(await rig.ask(path)).status for _ in range(4)] == [200, 200, 200, 401]
    fresh = (await rig.sign_in()).body["access_token"]
    assert [(await rig.ask(path, token=fresh)).status for _ in range(3)] == [200, 200, 200]


async def test_a_claims_challenge_is_met_by_a_token_with_its_claims(start: Rigs) -> None:
    rig = await start(estate(account("a")), claims_challenge_after=1)
    path = f"/subscriptions?{API}"
    statuses = [(await rig.ask(path)).status for _ in range(3)]
    assert statuses == [200, 200, 401]
    challenge = (await rig.ask(path)).headers["www-authenticate"]
    assert 'error="insufficient_claims"' in challenge
    claims = base64.b64decode(challenge.split('claims="')[1].split('"')[0]).decode()
    only_capabilities = json.dumps({"access_token": {"xms_cc": {"values": ["CP1"]}}})
    poor = (await rig.sign_in(claims=only_capabilities)).body["access_token"]
    assert (await rig.ask(path, token=poor)).status == 401
    rich = (await rig.sign_in(claims=claims)).body["access_token"]
    assert (await rig.ask(path, token=rich)).status == 200


async def test_lifetimes_real_and_announced(start: Rigs) -> None:
    rig = await start(estate(), token_lifetime=0.2, announced_lifetime=3600)
    got = (await rig.sign_in()).body
    assert got["expires_in"] == 3600
    assert (await rig.ask(f"/subscriptions?{API}", token=got["access_token"])).status == 200
    await asyncio.sleep(0.25)
    assert (await rig.ask(f"/subscriptions?{API}", token=got["access_token"])).code == "ExpiredAuthenticationToken"


async def test_the_browser_comes_back_with_a_code_that_buys_a_users_token(start: Rigs) -> None:
    rig = await start(estate())
    back = "http://localhost:8400"
    asked = f"client_id=app&redirect_uri={back}&state=s%26t&nonce=n&scope={rig.emulator.url}/.default%20openid"
    url = URL(f"{rig.emulator.url}/organizations/oauth2/v2.0/authorize?{asked}", encoded=True)
    async with rig.session.get(url, allow_redirects=False) as response:
        sent = parse_qs(urlsplit(response.headers["location"]).query)
    assert sent["state"] == ["s&t"]
    got = await rig.sign_in(
        grant_type="authorization_code",
        code=sent["code"][0],
        client_id="app",
        scope="",
        client_secret="",
        client_info="1",
    )
    assert decode_claims(got.body["access_token"])["upn"] == "azscan-reader@contoso.example"
    assert decode_claims(got.body["id_token"])["nonce"] == "n"
    assert got.body["client_info"]
    again = await rig.sign_in(grant_type="authorization_code", code=sent["code"][0])
    assert again.body["error"] == "invalid_grant"
    refreshed = await rig.sign_in(grant_type="refresh_token", refresh_token=got.body["refresh_token"], client_id="app")
    assert decode_claims(refreshed.body["access_token"])["idtyp"] == "user"
    form = URL(f"{url}&response_mode=form_post", encoded=True)
    async with rig.session.get(form) as response:
        assert f'action="{back}"' in await response.text()


async def test_the_helpers_of_pipelines(start: Rigs) -> None:
    rig = await start(estate())
    status, body, _ = await _get(rig, f"/msi/token?resource={rig.emulator.url}&api-version=2019-08-01")
    assert status == 200 and (await rig.ask(f"/subscriptions?{API}", token=body["access_token"])).status == 200
    one, two = [(await _get(rig, "/github/token?audience=x"))[1]["value"] for _ in range(2)]
    assert one != two and decode_claims(one)["aud"] == "x"
    assert decode_claims((await _get(rig, "/pipelines/oidc"))[1]["oidcToken"])


async def test_azure_identity_signs_in_over_tls(start: Rigs, tmp_path: Path) -> None:
    rig = await start(estate(account("a")))
    emulator, identity = rig.emulator, rig.emulator.estate.identity
    ca = str(emulator.write_ca(tmp_path / "ca.pem"))
    common = {"authority": emulator.url, "disable_instance_discovery": True, "connection_verify": ca}
    tenant, client = str(emulator.estate.tenant["id"]), str(identity["clientId"])
    assertions = iter(["one", "two"])
    for credential in (
        ClientSecretCredential(tenant, client, str(identity["clientSecret"]), **common),
        ClientAssertionCredential(tenant, client, lambda: next(assertions), **common),
    ):
        async with credential:
            token = await credential.get_token(f"{emulator.url}/.default")
            assert (await rig.ask(f"/subscriptions?{API}", token=token.token)).status == 200
    assert emulator.sign_ins[-1].assertion == "one"
    async with ClientSecretCredential(tenant, client, "wrong", **common) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token(f"{emulator.url}/.default")


async def test_azure_identity_signs_in_by_device_code(start: Rigs, tmp_path: Path) -> None:
    rig = await start(estate(account("a")))
    emulator = rig.emulator
    shown: list[str] = []
    credential = DeviceCodeCredential(
        "my-app",
        tenant_id=str(emulator.estate.tenant["id"]),
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=str(emulator.write_ca(tmp_path / "ca.pem")),
        prompt_callback=lambda uri, code, expires: shown.append(uri),
    )
    token = await asyncio.to_thread(credential.get_token, f"{emulator.url}/.default")
    assert shown == [f"{emulator.url}/devicelogin"]
    assert (await rig.ask(f"/subscriptions?{API}", token=token.token)).status == 200
    assert [one.error for one in emulator.sign_ins] == ["AADSTS70016", ""]


@pytest.mark.parametrize("code", [53003, 50076, 65001, 65002, 700213, 7000112])
async def test_a_sign_in_can_be_refused_with_a_code(start: Rigs, code: int) -> None:
    rig = await start(estate(), refused={"*": code})
    got = await rig.sign_in()
    assert got.status in (400, 401) and got.body["error_codes"] == [code]
    assert got.body["error_description"].startswith(f"AADSTS{code}: ") and "{" not in got.body["error_description"]


async def test_a_code_without_words_is_refused_itself(start: Rigs) -> None:
    with pytest.raises(UsageError, match="cannot refuse with AADSTS1"):
        raise refused(1, "", "", "")


async def test_the_clock_can_be_ahead(start: Rigs) -> None:
    rig = await start(estate(account("a")), clock_ahead=3600)
    answered = await rig.ask(f"/subscriptions?{API}")
    assert 3500 < parsedate_to_datetime(answered.headers["date"]).timestamp() - time.time() < 3700
