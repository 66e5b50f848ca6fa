"""The clouds: what is known of the named ones, and what a Resource Manager tells of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints
from tests.azure.authority import HOST
from tests.azure.servers import FakeAzure, proxying, reply

from azscan.azure.clouds import NAMES, cloud_from_metadata, discover, named
from azscan.azure.network import Network, network_from_environment
from azscan.errors import NothingScannedError, UsageError

BASE = "https://arm.local.example"


def metadata(**changes: Any) -> dict[str, Any]:
    document = {
        "name": "Local",
        "authentication": {
            "loginEndpoint": "https://login.local.example/",
            "audiences": ["https://management.core.local.example/", f"{BASE}/"],
        },
        "resourceManager": f"{BASE}/",
        "microsoftGraphResourceId": "https://graph.local.example/",
        "graph": "https://graph.old.example/",
    }
    return {**document, **changes}


@pytest.mark.parametrize(
    ("name", "setting", "authority"),
    [
        ("AzureCloud", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        ("azureusgovernment", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
        (" AzureChinaCloud ", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    ],
)
def test_named_clouds_are_as_the_official_clients_know_them(name: str, setting: AzureClouds, authority: str) -> None:
    cloud = named(name)
    endpoints = get_arm_endpoints(setting)
    assert f"{cloud.arm}/" == endpoints["resource_manager"]
    assert [cloud.arm_scope] == endpoints["credential_scopes"]
    assert cloud.authority == f"https://{authority}"
    assert cloud.name.lower() == name.strip().lower()
    assert not cloud.custom


def test_graph_hosts_of_the_national_clouds() -> None:
    # https://learn.microsoft.com/graph/deployments
    assert [named(name).graph_scope for name in NAMES] == [
        "https://graph.microsoft.com/.default",
        "https://graph.microsoft.us/.default",
        "https://microsoftgraph.chinacloudapi.cn/.default",
    ]


def test_an_unknown_name_is_a_usage_error_that_lists_the_names() -> None:
    with pytest.raises(UsageError, match="AzureGermanCloud") as caught:
        named("AzureGermanCloud")
    assert all(name in caught.value.hint for name in NAMES)


def test_metadata_tell_sign_in_graph_and_audience() -> None:
    for body in (metadata(), [metadata()]):
        cloud = cloud_from_metadata(BASE, b"\xef\xbb\xbf" + json.dumps(body).encode())
        assert cloud.name == "Local"
        assert cloud.arm == BASE
        assert cloud.authority == "https://login.local.example"
        assert cloud.graph == "https://graph.local.example"
        assert cloud.arm_scope == f"{BASE}/.default"
        assert cloud.custom


@pytest.mark.parametrize(
    ("told", "portal"),
    [
        ("https://portal.local.example/", "https://portal.local.example"),
        ("http://portal.local.example", "https://portal.azure.com"),
        (None, "https://portal.azure.com"),
    ],
)
def test_the_portal_is_the_one_that_the_metadata_name(told: str | None, portal: str) -> None:
    assert cloud_from_metadata(BASE, json.dumps(metadata(portal=told)).encode()).portal == portal


def test_another_audience_than_its_own_is_taken_as_told() -> None:
    sign_in = {"loginEndpoint": "https://login.x/adfs/", "audiences": ["https://management.x.onmicrosoft.com/1-2"]}
    cloud = cloud_from_metadata(BASE, json.dumps(metadata(authentication=sign_in)).encode())
    assert cloud.arm_scope == "https://management.x.onmicrosoft.com/1-2/.default"
    assert cloud.authority == "https://login.x/adfs"


@pytest.mark.parametrize(
    "audience",
    [
        "https://management.azure.com/",
        "https://management.core.windows.net/",
        "https://MANAGEMENT.core.usgovcloudapi.net",
        "https://vault.azure.net",
        "https://graph.microsoft.com",
        "https://payroll.contoso.com",
        "https://management.azure.com.",
        "00000003-0000-0000-c000-000000000000",
        "api://payroll",
    ],
)
def test_no_token_is_asked_that_opens_more_than_the_custom_cloud(audience: str) -> None:
    sign_in = {"loginEndpoint": "https://login.microsoftonline.com", "audiences": [audience]}
    with pytest.raises(UsageError, match="would open more than this host"):
        cloud_from_metadata(BASE, json.dumps(metadata(authentication=sign_in)).encode())
    sign_in["audiences"].append("https://management.local.example/own")  # type: ignore[attr-defined]
    told = cloud_from_metadata(BASE, json.dumps(metadata(authentication=sign_in)).encode())
    assert told.arm_audience == "https://management.local.example/own"


def test_a_region_of_public_azure_may_name_its_audience() -> None:
    sign_in = {"loginEndpoint": "https://login.microsoftonline.com", "audiences": ["https://management.azure.com/"]}
    body = json.dumps(metadata(authentication=sign_in)).encode()
    told = cloud_from_metadata("https://westeurope.management.azure.com", body)
    assert told.arm_audience == "https://management.azure.com"
    for base in ("https://westeuropemanagement.azure.com", "https://x.cloudapp.azure.com"):
        with pytest.raises(UsageError, match="would open more"):
            cloud_from_metadata(base, body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "is not JSON"),
        (b'{"name":"\xff"}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not an object"),
        (b"3", "is not an object"),
        (json.dumps(metadata(authentication=None)).encode(), "has no authentication"),
        (json.dumps(metadata(authentication={"audiences": ["a"]})).encode(), "loginEndpoint"),
        (json.dumps(metadata(microsoftGraphResourceId=None)).encode(), "microsoftGraphResourceId"),
        (json.dumps(metadata(microsoftGraphResourceId=7)).encode(), "microsoftGraphResourceId"),
        (
            json.dumps(metadata(authentication={"loginEndpoint": "https://l", "audiences": [None]})).encode(),
            "has no authentication.audiences",
        ),
    ],
)
def test_what_is_no_metadata_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        cloud_from_metadata(BASE, body)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.x",
        "login.x",
        "ftp://x",
        "https://",
        "https://me@login.x",
        "https://x?y",
        "javascript:1",
        "https://[x",
    ],
)
def test_a_told_host_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not an https address"):
        cloud_from_metadata(BASE, json.dumps(metadata(microsoftGraphResourceId=url)).encode())
    sign_in = {"loginEndpoint": url, "audiences": ["a"]}
    with pytest.raises(UsageError, match="not an https address"):
        cloud_from_metadata(BASE, json.dumps(metadata(authentication=sign_in)).encode())


async def test_discovery_asks_without_a_token(azure: FakeAzure, network: Network) -> None:
    azure.answers(reply(metadata()))
    cloud = await discover(f"{azure.url}/", network)
    assert cloud.arm == azure.url
    assert azure.seen[0].raw_path == "/metadata/endpoints?api-version=2022-09-01"
    assert azure.seen[0].token == ""


@pytest.mark.parametrize(
    "url",
    ["http://arm.x", "arm.x", "https://arm.x/path", "https://me:pw@arm.x", "https://arm.x?q", "https://x:port", ""],
)
async def test_a_url_that_is_no_resource_managers_is_a_usage_error(url: str, network: Network) -> None:
    with pytest.raises(UsageError, match="not the address"):
        await discover(url, network)


async def test_a_named_clouds_url_is_that_cloud_and_nobody_is_asked(network: Network) -> None:
    for name in NAMES:
        assert await discover(f"{named(name).arm}:443/", network) == named(name)


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_another_answer_than_200_is_a_usage_error(azure: FakeAzure, network: Network, status: int) -> None:
    azure.answers(reply(metadata(), status, {"Location": "https://evil.example/"}))
    with pytest.raises(UsageError, match=str(status)):
        await discover(azure.url, network)
    assert len(azure.seen) == 1


async def test_nobody_there_means_nothing_can_be_scanned(network: Network) -> None:
    for url, why in (
        ("https://127.0.0.1:1", "it refuses the connection"),
        ("https://nobody.invalid", "its name is not known here"),
    ):
        with pytest.raises(NothingScannedError, match=f"could not be asked for its endpoints: {why}$"):
            await discover(url, network)


async def test_no_answer_in_time_means_nothing_can_be_scanned(azure: FakeAzure, network: Network) -> None:
    import asyncio

    async def hang(_: object) -> Any:
        await asyncio.sleep(1)

    azure.answers(hang)
    with pytest.raises(NothingScannedError, match="does not answer in time"):
        await discover(azure.url, network, timeout=0.05)


async def test_discovery_trusts_only_the_named_authority(azure: FakeAzure) -> None:
    with pytest.raises(NothingScannedError, match="not trusted") as caught:
        await discover(azure.url, network_from_environment({}))
    assert "SSL_CERT_FILE" in caught.value.hint


async def test_discovery_goes_through_the_proxy(azure: FakeAzure, certificates: tuple[Path, Path]) -> None:
    azure.answers(reply(metadata()))
    async with proxying() as proxy:
        proxy.names[HOST] = azure.port
        network = network_from_environment({"SSL_CERT_FILE": str(certificates[0]), "HTTPS_PROXY": proxy.url})
        cloud = await discover(f"https://{HOST}", network)
    assert cloud.arm == f"https://{HOST}"
    assert proxy.connects == [f"{HOST}:443"]
