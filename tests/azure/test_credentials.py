"""Each way of signing in that speaks to Entra, against an authority on loopback over TLS."""

from __future__ import annotations

import base64
import json
import sys
import webbrowser

import pytest
from cryptography.hazmat.primitives import hashes
from tests.azure.authority import ARM_AUDIENCE, GRAPH, REQUEST, make_client_certificate, user_claims
from tests.azure.signing import APP, CLIENT, OBJECT, SECRET, TENANT, WITH_SECRET, At

from azscan.errors import SignInError, UsageError

OWN_APP = "66666666-6666-4666-8666-666666666666"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def assertion_claims(assertion: str) -> tuple[dict[str, str], dict[str, str]]:
    head, body, _ = assertion.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body))  # type: ignore[return-value]


async def test_a_client_secret_gives_tokens_for_arm_and_graph(at: At) -> None:
    at.authority.claims[GRAPH] = {"roles": ["Policy.Read.All"], "app_displayname": "azscan-ci"}
    signed_in = await at.sign_in("service-principal", WITH_SECRET)
    assert [form["scope"] for form in at.authority.forms] == [f"{ARM_AUDIENCE}/.default", f"{GRAPH}/.default"]
    assert {form["client_secret"] for form in at.authority.forms} == {SECRET}
    assert signed_in.kind == "client secret from the environment"
    assert signed_in.who == f"azscan-ci (app {CLIENT})"
    assert (signed_in.tenant, signed_in.object_id, signed_in.app_id) == (TENANT, OBJECT, CLIENT)
    assert signed_in.graph_permissions == {"Policy.Read.All"}
    assert signed_in.is_app
    assert not signed_in.is_cli_app
    assert signed_in.notes == ()
    assert at.said == [
        f"cloud test: Resource Manager https://localhost:1, sign-in {at.authority.url}, Microsoft Graph {GRAPH}",
        f"signed in as azscan-ci (app {CLIENT}), tenant {TENANT} (client secret from the environment)",
    ]


async def test_the_session_gets_the_tokens_that_were_fetched_at_the_start(at: At) -> None:
    signed_in = await at.sign_in("auto", WITH_SECRET)
    asked = len(at.authority.forms)
    token = await signed_in.credential.get_token(f"{ARM_AUDIENCE}/.default")
    info = await signed_in.credential.get_token_info(f"{GRAPH}/.default", options={"enable_cae": True})
    assert [token.token, info.token] == at.authority.issued
    assert len(at.authority.forms) == asked


async def test_a_claims_challenge_is_passed_on(at: At) -> None:
    signed_in = await at.sign_in("auto", WITH_SECRET)
    claims = '{"access_token": {"nbf": {"essential": true}}}'
    await signed_in.credential.get_token_info(f"{ARM_AUDIENCE}/.default", options={"claims": claims})
    assert at.authority.forms[-1]["claims"] == claims


@pytest.mark.parametrize(
    ("said", "cause", "hint"),
    [
        (
            "AADSTS7000215: Invalid client secret provided. Ensure the value.",
            "the client secret is wrong",
            "not its id",
        ),
        ("AADSTS7000222: The provided client secret keys are expired.", "has expired", "create a new secret"),
        (
            "AADSTS700016: Application with identifier 'x' was not found.",
            "no app with this client id",
            "AZURE_CLIENT_ID",
        ),
    ],
)
async def test_a_refusal_is_explained_with_code_and_correlation_id(at: At, said: str, cause: str, hint: str) -> None:
    at.authority.refusals[ARM_AUDIENCE] = said
    with pytest.raises(SignInError) as caught:
        await at.sign_in("service-principal", WITH_SECRET)
    assert caught.value.exit_code == 3
    assert cause in caught.value.message
    assert said.split(":", maxsplit=1)[0] in caught.value.message
    assert REQUEST in caught.value.message
    assert hint in caught.value.hint


async def test_without_graph_there_is_a_note_and_the_scan_goes_on(at: At) -> None:
    at.authority.refusals[GRAPH] = "AADSTS500011: The resource principal was not found."
    signed_in = await at.sign_in("auto", WITH_SECRET)
    assert len(signed_in.notes) == 1
    assert "no token for Microsoft Graph" in signed_in.notes[0]
    assert "AADSTS500011" in signed_in.notes[0]
    assert signed_in.graph_permissions == frozenset()


async def test_an_app_without_graph_permissions_is_told_so(at: At) -> None:
    signed_in = await at.sign_in("auto", WITH_SECRET)
    assert "no Microsoft Graph permission" in signed_in.notes[0]


async def test_a_tenant_that_does_not_fit_is_an_error(at: At) -> None:
    other = "99999999-9999-4999-8999-999999999999"
    with pytest.raises(SignInError, match=f"is for tenant {TENANT}, not for {other}"):
        await at.sign_in("auto", WITH_SECRET, tenant=other)
    with pytest.raises(UsageError, match="is not a tenant"):
        await at.sign_in("auto", WITH_SECRET, tenant="contoso/../x")


@pytest.mark.parametrize("password", ["", "open~sesame~1"])
async def test_a_certificate_signs_the_assertion(at: At, password: str) -> None:
    path = at.folder / "app.pem"
    certificate = make_client_certificate(path, password)
    environ = {**APP, "AZURE_CLIENT_CERTIFICATE_PATH": str(path)}
    if password:
        environ["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = password
    signed_in = await at.sign_in("certificate", environ)
    head, body = assertion_claims(at.authority.forms[0]["client_assertion"])
    print_ = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode()
    assert head["x5t#S256"].rstrip("=") == print_.rstrip("=")
    assert body["sub"] == CLIENT
    assert signed_in.kind == "certificate from the environment"


@pytest.mark.parametrize("choice", ["certificate", "auto"])
@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_text("nothing"), "no usable certificate"),
        (lambda path: make_client_certificate(path, "another"), "password is missing or wrong"),
    ],
    ids=["missing", "nonsense", "locked"],
)
async def test_an_unusable_certificate_is_an_error(at: At, choice: str, make: object, cause: str) -> None:
    path = at.folder / "app.pem"
    make(path)  # type: ignore[operator]
    environ = {**APP, "AZURE_CLIENT_CERTIFICATE_PATH": str(path), "AZURE_CLIENT_CERTIFICATE_PASSWORD": "open~sesame~1"}
    with pytest.raises(SignInError, match=cause):
        await at.sign_in(choice, environ)
    assert at.authority.forms == []


async def test_a_federated_token_file_is_exchanged(at: At) -> None:
    path = at.folder / "token"
    path.write_text("kubernetes.service.account")
    signed_in = await at.sign_in("workload-identity", {**APP, "AZURE_FEDERATED_TOKEN_FILE": str(path)})
    assert {form["client_assertion"] for form in at.authority.forms} == {"kubernetes.service.account"}
    assert signed_in.kind == "workload identity token file"


async def test_a_missing_token_file_is_an_error(at: At) -> None:
    environ = {**APP, "AZURE_FEDERATED_TOKEN_FILE": str(at.folder / "gone")}
    with pytest.raises(SignInError, match="no such file"):
        await at.sign_in("workload-identity", environ)


def github(at: At) -> dict[str, str]:
    return {
        **APP,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{at.authority.url}/github?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "github-request-token",
    }


async def test_github_is_asked_anew_for_each_assertion(at: At) -> None:
    at.authority.lifetime = 200  # so short that every use renews it
    signed_in = await at.sign_in("auto", github(at))
    sent = [form["client_assertion"] for form in at.authority.forms]
    assert sent == at.authority.assertions
    assert len(set(sent)) == 2
    assert assertion_claims(sent[0])[1]["aud"] == "api://AzureADTokenExchange"
    await signed_in.credential.get_token_info(f"{ARM_AUDIENCE}/.default", options={"claims": '{"access_token": {}}'})
    assert len(set(at.authority.assertions)) == 3
    assert at.authority.forms[-1]["client_assertion"] == at.authority.assertions[-1]
    assert signed_in.kind == "GitHub Actions federation"


async def test_github_refusing_is_an_error(at: At) -> None:
    environ = github(at) | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "stale"}
    with pytest.raises(SignInError, match=r"gave no identity token \(HTTP 401\)"):
        await at.sign_in("auto", environ)


@pytest.mark.parametrize("variable", ["ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])
async def test_a_pipeline_token_never_goes_out_in_the_clear(at: At, variable: str) -> None:
    environ = {**github(at), **devops(at), variable: f"{at.authority.plain_url}/github"}
    for other in {"ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"} - {variable}:
        del environ[other]
    with pytest.raises(SignInError, match="is not an https URL"):
        await at.sign_in("workload-identity", environ)
    assert at.authority.paths == []


def devops(at: At) -> dict[str, str]:
    return {
        "SYSTEM_OIDCREQUESTURI": f"{at.authority.url}/devops",
        "SYSTEM_ACCESSTOKEN": "devops-system-token",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "the-connection",
        "AZURESUBSCRIPTION_CLIENT_ID": CLIENT,
        "AZURESUBSCRIPTION_TENANT_ID": TENANT,
    }


async def test_azure_devops_exchanges_the_service_connection_s_token(at: At) -> None:
    signed_in = await at.sign_in("auto", devops(at))
    assert [form["client_assertion"] for form in at.authority.forms] == at.authority.assertions
    assert assertion_claims(at.authority.assertions[0])[1]["connection"] == "the-connection"
    assert signed_in.kind == "Azure DevOps service connection"


async def test_a_device_code_is_shown_once_and_serves_graph_too(at: At) -> None:
    signed_in = await at.sign_in("device-code", client_id=OWN_APP)
    assert [line for line in at.said if "ABCD-EFGH" in line and "https://microsoft.test/devicelogin" in line]
    assert at.authority.paths.count(f"/{TENANT}/oauth2/v2.0/devicecode") == 1
    assert [form["grant_type"] for form in at.authority.forms] == [DEVICE_GRANT, DEVICE_GRANT, "refresh_token"]
    assert {form["client_id"] for form in at.authority.forms} == {OWN_APP}
    assert (signed_in.who, signed_in.kind, signed_in.is_app) == ("alice@contoso.test", "device code", False)


async def test_a_device_code_user_is_not_asked_twice_when_graph_refuses(at: At) -> None:
    at.authority.refusals[GRAPH] = "AADSTS65001: The user or administrator has not consented to use the application."
    signed_in = await at.sign_in("device-code", client_id=OWN_APP)
    assert at.authority.paths.count(f"/{TENANT}/oauth2/v2.0/devicecode") == 1
    assert "nobody has consented" in signed_in.notes[0]
    assert "AADSTS65001" in signed_in.notes[0]


async def test_no_instance_discovery_in_a_custom_cloud(at: At) -> None:
    await at.sign_in("device-code", tenant=TENANT)
    assert not [path for path in at.authority.paths if "discovery/instance" in path]


@pytest.mark.parametrize("choice", ["device-code", "browser"])
async def test_an_unknown_tenant_is_an_error(at: At, choice: str) -> None:
    with pytest.raises(SignInError, match="there is no such tenant") as caught:
        await at.sign_in(choice, tenant="no-such.contoso.test")
    assert "--tenant" in caught.value.hint


BROWSER = """#!{python}
import json, ssl, sys, urllib.parse, urllib.request
context = ssl.create_default_context(cafile={ca!r})
answer = json.load(urllib.request.urlopen(sys.argv[1], context=context))
form = urllib.parse.urlencode(dict(code=answer["code"], state=answer["state"])).encode()
urllib.request.urlopen(answer["redirect"], data=form).read()
"""


def put_browser(at: At, script: str, command: str) -> None:
    path = at.bin / "stub-browser"
    path.write_text(script)
    path.chmod(0o755)
    at.monkeypatch.setenv("BROWSER", command.format(path))
    at.monkeypatch.setattr(webbrowser, "_tryorder", None)
    at.monkeypatch.setattr(webbrowser, "_browsers", {})


async def test_a_browser_signs_in_through_the_redirect(at: At) -> None:
    put_browser(at, BROWSER.format(python=sys.executable, ca=str(at.ca)), "{} %s &")
    signed_in = await at.sign_in("browser", client_id=OWN_APP, tenant=TENANT)
    assert [form["grant_type"] for form in at.authority.forms] == ["authorization_code", "refresh_token"]
    assert at.authority.forms[0]["client_id"] == OWN_APP
    assert at.authority.forms[0]["redirect_uri"].startswith("http://localhost:")
    assert (signed_in.who, signed_in.kind) == ("alice@contoso.test", "browser")


async def test_a_browser_that_does_not_open_names_another_way(at: At) -> None:
    put_browser(at, f"#!{sys.executable}\nraise SystemExit(1)\n", "{}")
    with pytest.raises(SignInError) as caught:
        await at.sign_in("browser", tenant=TENANT)
    assert "--auth device-code" in caught.value.hint


async def test_the_app_of_az_login_is_noted_with_two_remedies(at: At) -> None:
    cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
    at.authority.claims[ARM_AUDIENCE] = {"appid": cli}
    signed_in = await at.sign_in("device-code")
    assert signed_in.is_cli_app
    assert len(signed_in.notes) == 1
    for words in ("Policy.Read.All", "--auth service-principal", "--auth device-code --client-id"):
        assert words in signed_in.notes[0]


async def test_names_in_tokens_cannot_drive_the_terminal(at: At) -> None:
    at.authority.claims[ARM_AUDIENCE] = user_claims(ARM_AUDIENCE, upn="alice\x1b[31m\n@contoso.test")
    signed_in = await at.sign_in("auto", WITH_SECRET)
    assert signed_in.who == "alice[31m@contoso.test"


async def test_an_opaque_token_is_used_all_the_same(at: At) -> None:
    at.monkeypatch.setattr(at.authority, "token_for", lambda audience, user: "opaque")
    signed_in = await at.sign_in("auto", WITH_SECRET)
    assert signed_in.who == "an identity that its token does not name"
    assert (signed_in.tenant, signed_in.is_app) == ("", False)
