"""Credentials use the session's certificates and proxy, whichever kind they are of."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from cryptography import x509
from tests.azure.authority import HOST, proxying
from tests.azure.signing import CLOSED, WITH_SECRET, At
from tests.azure.test_credentials import devops, github

from azscan.azure.network import network_from_environment
from azscan.errors import SignInError

# One asynchronous credential, two that run in a thread.
WAYS = ["secret", "github", "device-code"]


def ask(at: At, way: str) -> tuple[str, dict[str, str]]:
    return {
        "secret": ("service-principal", WITH_SECRET),
        "github": ("workload-identity", github(at)),
        "devops": ("workload-identity", devops(at)),
        "device-code": ("device-code", {}),
    }[way]


@pytest.mark.parametrize("way", WAYS)
async def test_a_certificate_that_is_not_trusted_is_explained(at: At, way: str) -> None:
    choice, environ = ask(at, way)
    with pytest.raises(SignInError, match="is not trusted here") as caught:
        await at.sign_in(choice, environ, network=network_from_environment({}))
    assert "SSL_CERT_FILE" in caught.value.hint
    assert at.authority.paths == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "folder"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_private_authority_is_trusted_where_the_environment_names_it(at: At, way: str, variable: str) -> None:
    choice, environ = ask(at, way)
    if variable == "folder":
        network = network_from_environment({"SSL_CERT_FILE": str(hashed_folder(at))})
    else:
        network = network_from_environment({variable: str(at.ca)})
    assert await at.sign_in(choice, environ, network=network)


def hashed_folder(at: At) -> object:
    """A folder of certificates as OpenSSL wants it: each named after the hash of its subject."""
    from cryptography.hazmat.primitives.serialization import Encoding

    folder = at.folder / "certs"
    folder.mkdir()
    ca = x509.load_pem_x509_certificate(at.ca.read_bytes())
    # X509_NAME_hash: SHA-1 over the canonical (lower-case, UTF-8) encoding without the outer sequence.
    name = ca.subject.rfc4514_string().removeprefix("CN=").lower().encode()
    attribute = b"\x06\x03\x55\x04\x03" + b"\x0c" + bytes([len(name)]) + name
    pair = b"\x30" + bytes([len(attribute)]) + attribute
    digest = hashlib.sha1(b"\x31" + bytes([len(pair)]) + pair).digest()
    number = int.from_bytes(digest[:4], "little")
    (folder / f"{number:08x}.0").write_bytes(ca.public_bytes(Encoding.PEM))
    return folder


@pytest.mark.parametrize("way", [*WAYS, "devops"])
async def test_a_proxy_carries_the_sign_in(at: At, way: str) -> None:
    """The authority has a name that only the proxy resolves, so nothing could have gone round it."""
    at.authority.host = HOST
    choice, environ = ask(at, way)
    async with proxying() as proxy:
        network = network_from_environment({"SSL_CERT_FILE": str(at.ca), "HTTPS_PROXY": proxy.url})
        cloud = dataclasses.replace(at.cloud, authority=at.authority.url)
        assert await at.sign_in(choice, environ, network=network, cloud=cloud)
        assert set(proxy.targets) == {f"CONNECT {HOST}:{at.authority.port}"}


@pytest.mark.parametrize("way", WAYS)
async def test_loopback_never_goes_through_a_proxy(at: At, way: str) -> None:
    choice, environ = ask(at, way)
    variables = {"HTTPS_PROXY": CLOSED, "SSL_CERT_FILE": str(at.ca)}
    at.monkeypatch.setenv("HTTPS_PROXY", CLOSED)
    network = network_from_environment(variables)
    assert await at.sign_in(choice, {**environ, "HTTPS_PROXY": CLOSED}, network=network)


@pytest.mark.parametrize("way", WAYS)
async def test_a_proxy_that_is_away_is_explained(at: At, way: str) -> None:
    choice, environ = ask(at, way)
    at.authority.host = HOST
    environ = {key: value.replace("//localhost", f"//{HOST}") for key, value in environ.items()}
    network = network_from_environment({"SSL_CERT_FILE": str(at.ca), "HTTPS_PROXY": CLOSED})
    cloud = dataclasses.replace(at.cloud, authority=at.authority.url)
    with pytest.raises(SignInError, match="could not be reached") as caught:
        await at.sign_in(choice, environ, network=network, cloud=cloud)
    assert "HTTPS_PROXY" in caught.value.hint


async def test_the_shared_trust_is_not_widened_by_a_credential_in_a_thread(at: At) -> None:
    """`requests` would load certifi's authorities into the context that the session uses."""
    before = at.network.ssl_context.cert_store_stats()
    await at.sign_in("device-code")
    assert at.network.ssl_context.cert_store_stats() == before == {"x509": 1, "crl": 0, "x509_ca": 1}
