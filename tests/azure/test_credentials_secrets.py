"""No secret and no token is ever shown: not said, printed, logged, raised, listed or stored."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from tests.azure.authority import ARM_AUDIENCE, app_claims, jwt, make_client_certificate
from tests.azure.signing import APP, WITH_SECRET, At, everything_in
from tests.azure.test_credentials import devops, github
from tests.azure.test_credentials_chain import identity

from azscan.errors import SignInError

PASSWORD = "open~sesame~1"
GIVEN = jwt(**app_claims(ARM_AUDIENCE))


def ways(at: At) -> dict[str, tuple[str, dict[str, str]]]:
    certificate, token_file = at.folder / "app.pem", at.folder / "token"
    make_client_certificate(certificate, PASSWORD)
    token_file.write_text("kubernetes.service.account")
    locked = {"AZURE_CLIENT_CERTIFICATE_PATH": str(certificate), "AZURE_CLIENT_CERTIFICATE_PASSWORD": PASSWORD}
    return {
        "secret": ("auto", WITH_SECRET),
        "certificate": ("auto", {**APP, **locked}),
        "token file": ("auto", {**APP, "AZURE_FEDERATED_TOKEN_FILE": str(token_file)}),
        "github": ("auto", github(at)),
        "devops": ("auto", devops(at)),
        "managed identity": ("managed-identity", identity(at)),
        "device code": ("device-code", {}),
        "az": ("cli", {}),
        "azd": ("azd", {}),
        "token": ("token", {"AZSCAN_ACCESS_TOKEN": GIVEN}),
    }


def key_of(at: At) -> str:
    return (at.folder / "app.pem").read_text().splitlines()[3]


NAMES = [
    "secret",
    "certificate",
    "token file",
    "github",
    "devops",
    "managed identity",
    "device code",
    "az",
    "azd",
    "token",
]


@pytest.mark.parametrize("outcome", ["accepted", "refused", "broken"])
@pytest.mark.parametrize("name", NAMES)
async def test_nothing_that_is_shown_holds_a_secret(
    at: At, name: str, outcome: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for logger in ("", "azure", "azure.identity", "msal", "urllib3", "aiohttp", "asyncio", "azscan"):
        caplog.set_level(logging.DEBUG, logger)
    at.tool("az", {"accepted": "good", "refused": "expired", "broken": "chatty"}[outcome])
    at.tool("azd", {"accepted": "good", "refused": "expired", "broken": "chatty"}[outcome])
    choice, environ = ways(at)[name]
    if outcome == "refused":
        at.authority.refusals[ARM_AUDIENCE] = (
            f"AADSTS12345: Something with {environ.get('AZURE_CLIENT_SECRET', 'x')} in it."
        )
    if outcome == "broken":
        at.authority.lifetime = "soon"  # type: ignore[assignment]  # an answer that holds the token and makes no sense
        at.monkeypatch.setattr(at.authority, "token_for", lambda audience, user: keep(at))
    shown = ""
    try:
        signed_in = await at.sign_in(choice, environ)
        shown += repr(signed_in) + repr(vars(signed_in.credential).get("_source"))
    except SignInError as error:
        shown += everything_in(error)
    captured = capfd.readouterr()
    shown += captured.out + captured.err + caplog.text + "\n".join(at.said)
    shown += "".join(f"{record.__dict__}" for record in caplog.records)
    secrets = [*at.secrets(), "github-request-token", "devops-system-token", "the-identity-header", PASSWORD, GIVEN]
    secrets += ["kubernetes.service.account", key_of(at)]
    assert [secret for secret in secrets if secret in shown] == []
    assert shown


def keep(at: At) -> str:
    token = jwt(**app_claims(ARM_AUDIENCE, number=len(at.authority.issued)))
    at.authority.issued.append(token)
    return token


async def test_nothing_is_stored(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    home = at.folder / "home"
    home.mkdir()
    for variable in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(home))
    await at.sign_in("auto", WITH_SECRET)
    await at.sign_in("device-code")
    assert [path for path in Path(home).rglob("*") if path.is_file()] == []


async def test_secrets_are_not_handed_to_the_tools_as_arguments(at: At) -> None:
    log = at.tool("az", "good")
    await at.sign_in("cli", {"AZURE_CLIENT_SECRET": WITH_SECRET["AZURE_CLIENT_SECRET"]})
    assert WITH_SECRET["AZURE_CLIENT_SECRET"] not in log.read_text()
    assert os.environ["AZURE_CLIENT_SECRET"]
