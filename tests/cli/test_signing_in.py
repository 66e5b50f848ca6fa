"""`azscan scan` over the ways of signing in, as a process against the emulator's endpoints."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from azscan.emulator import FaultRule, Options
from tests.azure.authority import make_client_certificate
from tests.cli.served import serving
from tests.cli.test_scan import BAD, GOOD, ONE, ONLY, account, estate, scanned
from tests.harness import azscan


@pytest.mark.parametrize("command", ["scan", "doctor", "plan", "evidence"])
def test_quiet_still_asks_for_what_a_sign_in_needs(tmp_path: Path, command: str) -> None:
    more = ("-o", "pack.zip", "--framework", "cis-azure-5.0") if command == "evidence" else ()
    with serving(tmp_path, estate(GOOD)) as (emulator, around):
        done = azscan(command, *ONLY, *more, "--quiet", "--auth", "device-code", env=around, cwd=tmp_path)
    assert "Traceback" not in done.stderr
    hosts, asked, *others = done.stderr.splitlines()
    assert hosts.startswith("cloud AzureCloudEmulator: ")
    assert asked.startswith(f"to sign in, open {emulator.url}/devicelogin and enter the code ")
    assert others == []


@pytest.mark.parametrize("blanks", [" {} ", "{}\n", "\u200b{}\ufeff", "\u00a0{}"])
@pytest.mark.parametrize(
    "names",
    [("--tenant", "--client-id", "--subscription"), ("AZSCAN_CLIENT_ID", "AZSCAN_TENANT", "AZSCAN_SUBSCRIPTION")],
    ids=["options", "variables"],
)
def test_blanks_around_ids_are_left_out_with_a_warning(tmp_path: Path, names: tuple[str, ...], blanks: str) -> None:
    made = estate(GOOD)
    ids = {"tenant": made.tenant["id"], "client": made.identity["clientId"], "subscription": "prod"}
    given = {name: blanks.format(next(ids[part] for part in ids if part in name.lower())) for name in names}
    typed = [word for name, value in given.items() if name.startswith("--") for word in (name, value)]
    variables = {name: value for name, value in given.items() if not name.startswith("--")}
    done = scanned(tmp_path, made, *ONLY, *typed, "--quiet", env=variables)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert sorted(warned) == [f"warning: {name} has blanks around it; they were left out" for name in sorted(names)]


def test_blanks_between_the_words_of_a_variable_are_no_news(tmp_path: Path) -> None:
    around = {"AZSCAN_SUBSCRIPTION": "prod, " + ONE, "AZURE_CLIENT_SECRET": "emulator-secret "}
    done = scanned(tmp_path, estate(GOOD), *ONLY, "--quiet", env=around)
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert warned == ["warning: AZURE_CLIENT_SECRET has blanks around it; they were left out"]


OWN_APP = "66666666-6666-4666-8666-666666666666"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# --auth, what the scan calls it, and the variables that it needs beside tenant and client id.
WAYS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "secret": ("service-principal", "client secret from the environment", {"AZURE_CLIENT_SECRET": "emulator-secret"}),
    "certificate": (
        "certificate",
        "certificate from the environment",
        {"AZURE_CLIENT_CERTIFICATE_PATH": "client.pem"},
    ),
    "token file": ("workload-identity", "workload identity token file", {"AZURE_FEDERATED_TOKEN_FILE": "token"}),
    "GitHub": (
        "workload-identity",
        "GitHub Actions federation",
        {"ACTIONS_ID_TOKEN_REQUEST_URL": "{url}/github/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"},
    ),
    "Azure DevOps": (
        "workload-identity",
        "Azure DevOps service connection",
        {
            "SYSTEM_OIDCREQUESTURI": "{url}/pipelines/oidc",
            "SYSTEM_ACCESSTOKEN": "x",
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "1",
        },
    ),
    "device code": ("device-code", "device code", {"AZSCAN_CLIENT_ID": OWN_APP}),
}


def part(assertion: str, number: int) -> dict[str, Any]:
    """A part of a JWT."""
    text = assertion.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


@pytest.mark.parametrize("way", WAYS)
def test_a_scan_signs_in_at_the_token_endpoint(tmp_path: Path, way: str) -> None:
    made = estate(BAD)
    client, tenant = str(made.identity["clientId"]), str(made.tenant["id"])
    certificate = make_client_certificate(tmp_path / "client.pem")
    (tmp_path / "token").write_text("a.federated.token")
    auth, kind, variables = WAYS[way]
    with serving(tmp_path, made) as (emulator, around):
        env = {name: value for name, value in around.items() if name != "AZURE_CLIENT_SECRET"}
        env |= {name: value.format(url=emulator.url) for name, value in variables.items()}
        done = azscan("scan", *ONLY, "--auth", auth, env=env, cwd=tmp_path)
        # The device code is asked for until the user has entered it.
        first = next(record for record in emulator.sign_ins if not record.error)
    assert done.returncode == 10, done.stderr
    assert f"({kind})\n" in done.stderr
    assert first.tenant == tenant
    if way == "device code":
        assert (first.client, first.grant, first.assertion) == (OWN_APP, DEVICE_GRANT, "")
    else:
        assert (first.client, first.grant) == (client, "client_credentials")
        assert bool(first.assertion) is (way != "secret")
    if way == "certificate":
        signed, _, signature = first.assertion.rpartition(".")
        public = certificate.public_key()
        assert isinstance(public, rsa.RSAPublicKey) and part(first.assertion, 0)["alg"] == "PS256"
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), pss, hashes.SHA256())
        claims = part(first.assertion, 1)
        assert (claims["iss"], claims["sub"]) == (client, client)
        assert claims["aud"].startswith(f"{emulator.url}/{tenant}/")
    if way == "token file":
        assert first.assertion == "a.federated.token"


def test_a_client_id_given_as_an_option_is_the_app_that_signs_in(tmp_path: Path) -> None:
    with serving(tmp_path, estate(GOOD)) as (emulator, around):
        words = ("--auth", "device-code", "--client-id", OWN_APP)
        done = azscan("scan", *ONLY, *words, env=around, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert {record.client for record in emulator.sign_ins} == {OWN_APP}


@pytest.mark.parametrize(("concurrency", "least"), [("2", 2), ("32", 3)])
def test_no_more_requests_are_open_than_concurrency_says(tmp_path: Path, concurrency: str, least: int) -> None:
    # Slow enough to overlap, were there no bound.
    slow = Options(faults=[FaultRule("/subscriptions/*", do="slow", seconds=0.2)])
    accounts = estate(*(account(f"st{number}", True) for number in range(8)))
    with serving(tmp_path, accounts, slow) as (emulator, around):
        words = ("--service", "storage", "--fail-on", "never", "--concurrency", concurrency)
        done = azscan("scan", *words, env=around, cwd=tmp_path)
        assert done.returncode in (0, 4), done.stderr
        peak = int(emulator.statistics["max_in_flight"])
    assert least <= peak <= int(concurrency)


OTHER = "0a1b2c3d-9999-4222-8333-444455556666"


def test_a_scan_below_a_management_group_reads_no_other_subscription(tmp_path: Path) -> None:
    kind = "Microsoft.Management/managementGroups"
    group = {"id": f"/providers/{kind}/prod", "name": "prod", "type": kind, "properties": {"displayName": "prod"}}
    subscriptions = [
        {"subscriptionId": ONE, "displayName": "prod", "managementGroup": "prod"},
        {"subscriptionId": OTHER, "displayName": "dev"},
    ]
    elsewhere = account("stelse", False, id=BAD["id"].replace(ONE, OTHER))
    made = estate(group, GOOD, elsewhere, subscriptions=subscriptions)
    whole = scanned(tmp_path, made, *ONLY)
    assert whole.returncode == 10 and "stelse" in whole.stdout
    with serving(tmp_path, made) as (emulator, around):
        done = azscan("scan", *ONLY, "--management-group", "prod", env=around, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not any(record.path.startswith(f"/subscriptions/{OTHER}/") for record in emulator.log)
