"""The one network: which certificates are trusted, and which requests go through the proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from azscan.azure.network import Network, is_loopback, network_from_environment
from azscan.errors import UsageError

PROXY = "http://proxy.example:8080"


def test_nothing_set_means_the_systems_store_and_no_proxy() -> None:
    network = network_from_environment({})
    assert network.connection_verify is True
    assert network.proxies == {}
    assert network.proxy_for("https://management.azure.com") is None


def test_ssl_cert_file_goes_before_requests_ca_bundle(certificates: tuple[Path, Path], tmp_path: Path) -> None:
    ca = str(certificates[0])
    both = network_from_environment({"SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": str(tmp_path / "none.pem")})
    assert both.connection_verify == ca
    assert [dict(pair[0] for pair in found["subject"])["commonName"] for found in both.ssl_context.get_ca_certs()] == [
        "azscan test authority"
    ]
    assert network_from_environment({"REQUESTS_CA_BUNDLE": ca}).connection_verify == ca


def test_a_folder_of_certificates_is_a_bundle(tmp_path: Path) -> None:
    assert network_from_environment({"REQUESTS_CA_BUNDLE": str(tmp_path)}).connection_verify == str(tmp_path)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_bundle_that_cannot_be_read_is_said_to(variable: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{variable} names .*cannot be read") as caught:
        network_from_environment({variable: str(tmp_path / "none.pem")})
    assert variable in caught.value.hint


def test_a_bundle_without_certificates_is_said_to_be_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    with pytest.raises(UsageError, match="holds no certificates"):
        network_from_environment({"SSL_CERT_FILE": str(empty)})


def proxied(no_proxy: str = "", **more: str) -> Network:
    return network_from_environment({"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy, **more})


def test_the_proxy_is_used_for_https() -> None:
    assert proxied().proxy_for("https://management.azure.com/x") == PROXY
    assert proxied().proxy_for("management.azure.com") == PROXY
    assert proxied().proxy_for("http://management.azure.com") is None
    assert proxied().proxies == {"https": PROXY}


def test_lower_case_wins_and_a_scheme_may_be_missing() -> None:
    assert proxied(https_proxy="other:3128").proxy == "http://other:3128"
    assert network_from_environment({"https_proxy": "https://secure:1"}).proxy == "https://secure:1"


@pytest.mark.parametrize("value", ["socks5://proxy:1", "http://", "http://proxy:port", "http://[bad", "ftp://x"])
def test_a_proxy_that_is_none_is_refused_without_telling_its_password(value: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        network_from_environment({"HTTPS_PROXY": value})
    assert value not in str(caught.value)


def test_a_password_in_the_proxy_is_not_shown() -> None:
    assert "s3cr3t" not in repr(network_from_environment({"HTTPS_PROXY": "http://ann:s3cr3t@proxy:1"}))


@pytest.mark.parametrize(
    "url",
    ["https://localhost:8443", "https://127.0.0.1:1", "https://127.9.9.9", "https://[::1]:8443", "https://x.localhost"],
)
def test_loopback_is_never_proxied(url: str) -> None:
    assert proxied().proxy_for(url) is None


def test_what_loopback_is() -> None:
    assert is_loopback("LOCALHOST") and is_loopback("::1") and is_loopback("127.0.0.2")
    assert not is_loopback("localhost.example") and not is_loopback("10.0.0.1") and not is_loopback("")


@pytest.mark.parametrize(
    ("no_proxy", "url", "bypassed"),
    [
        ("*", "https://management.azure.com", True),
        ("azure.com", "https://management.azure.com", True),
        (".azure.com", "https://management.azure.com", True),
        ("*.azure.com", "https://management.azure.com", True),
        ("AZURE.COM", "https://Management.Azure.com", True),
        ("notazure.com", "https://management.azure.com", False),
        ("zure.com", "https://management.azure.com", False),
        ("a.example, azure.com", "https://management.azure.com", True),
        ("a.example azure.com", "https://management.azure.com", True),
        ("management.azure.com:443", "https://management.azure.com", True),
        ("management.azure.com:8443", "https://management.azure.com", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:8443", True),
        ("[fd00::1]:443", "https://[fd00::1]", True),
        ("fd00::/8", "https://[fd00::1]", True),
        (",", "https://management.azure.com", False),
    ],
)
def test_no_proxy_in_its_forms(no_proxy: str, url: str, bypassed: bool) -> None:
    assert (proxied(no_proxy).proxy_for(url) is None) == bypassed


def test_credentials_get_the_same_network(certificates: tuple[Path, Path]) -> None:
    network = proxied("login.inner", SSL_CERT_FILE=str(certificates[0]))
    assert network.credential_options("https://login.microsoftonline.com") == {
        "connection_verify": str(certificates[0]),
        "proxies": {"https": PROXY},
        "use_env_settings": False,
    }
    assert network.credential_options("https://login.inner")["proxies"] == {}
    assert network.credential_options("https://localhost:1")["proxies"] == {}
