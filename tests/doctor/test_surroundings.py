"""The credential's end, the clock, the proxy, TLS and the hosts."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from azscan.azure.clouds import named
from azscan.azure.network import Network
from azscan.azure.reach import Reached
from azscan.doctor import credential, network
from azscan.doctor.finding import Portal
from tests.doctor.ground import CLIENT, World, found
from tests.doctor.test_graph import identity

PORTAL = Portal("https://portal.azure.com")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def application(*secrets: tuple[str, float]) -> list[dict[str, object]]:
    """An app registration whose secrets have these hints and end in so many days."""
    ends = [(hint, datetime.now(UTC) + timedelta(days=days)) for hint, days in secrets]
    held = [{"hint": hint, "endDateTime": end.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")} for hint, end in ends]
    return [{"id": "1", "appId": CLIENT, "displayName": "azscan", "passwordCredentials": held}]


@pytest.mark.parametrize(
    ("secrets", "state"),
    [
        ([("fir", 10.5), ("oth", 300)], "warning"),
        ([("fir", 300), ("oth", 10.5)], "ok"),
        ([("abc", 10.5), ("oth", 300)], "warning"),
        ([("oth", -5), ("abc", 300)], "ok"),
    ],
    ids=["its own", "another one's", "the first of those it may be", "not one that has ended"],
)
def test_a_secret_that_ends_within_a_month(tmp_path: Path, secrets: list[tuple[str, float]], state: str) -> None:
    world = World(applications=application(*secrets))
    told = found(world.doctor(tmp_path), "expiry")
    assert told.state == state and "the client secret ends on" in told.what
    if state == "warning":
        assert "in 10 days" in told.means
        world.applications = []
        world.apply(told)
        assert world.secret == "second-secret"


def test_a_secret_whose_end_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    world = World(granted=["Policy.Read.All", "AuditLog.Read.All"], applications=application(("fir", 1)))
    report = world.doctor(tmp_path)
    assert not [each for each in report.findings if each.group == "credential"]
    assert any("when the client secret ends" in words for words in report.not_looked_at)


def certificate(folder: Path, days: float, *, pkcs12: bool) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "azscan")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path = folder / "app.pem"
    if pkcs12:
        locked = serialization.BestAvailableEncryption(b"pass")
        path.write_bytes(serialization.pkcs12.serialize_key_and_certificates(b"a", key, made, None, locked))
    else:
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("pkcs12", [False, True])
async def test_a_certificate_tells_its_own_end(tmp_path: Path, pkcs12: bool) -> None:
    path = certificate(tmp_path, 20.5, pkcs12=pkcs12)
    environ = {"AZURE_CLIENT_CERTIFICATE_PATH": str(path), "AZURE_CLIENT_CERTIFICATE_PASSWORD": "pass" * pkcs12}
    who = identity("certificate from the environment")
    (told,), unknown = await credential.diagnose(None, who, environ, PORTAL, NOW)  # type: ignore[arg-type]
    assert told.state == "warning" and told.what == "the certificate ends on 2026-05-21" and not unknown
    assert told.commands[0][-3:] == ("--cert", "@certificate.pem", "--append")
    path.write_text("nonsense")
    assert await credential.diagnose(None, who, environ, PORTAL, NOW) == ([], "")  # type: ignore[arg-type]


@pytest.mark.parametrize(("ahead", "words"), [(3600, "60 minutes slow"), (-7200, "2 hours fast")])
def test_a_clock_that_is_wrong_by_the_date_of_an_answer(tmp_path: Path, ahead: float, words: str) -> None:
    told = found(World(more={"clock_ahead": ahead}, services=("storage",)).doctor(tmp_path), "clock")
    assert told.state == "warning" and words in told.what and "AADSTS700024" in told.means


def test_a_clock_that_is_wrong_by_the_time_of_a_refusal() -> None:
    (told,) = network.clock(None, "2020-01-01 00:00:00Z")
    assert told.state == "warning" and "fast" in told.what
    assert network.clock(None, "nonsense") == network.clock(None) == []
    assert network.clock(-299.0)[0].state == "ok"


def test_a_proxy_is_told_without_its_password() -> None:
    around = Network(
        ssl.create_default_context(), True, "http://jo:hunter2@proxy.example:3128", ("graph.microsoft.com",)
    )
    told = network.proxy(around, named("AzureCloud"))
    assert "http://proxy.example:3128, but not for graph.microsoft.com" in told.what and "hunter2" not in str(told)


def test_who_opens_tls_is_named() -> None:
    good = [Reached("login.microsoftonline.com", "", "DigiCert Inc"), Reached("x", "", "Microsoft Corporation")]
    assert [each.name for each in network.reached(good, is_custom=False)] == ["hosts"]
    opened = [*good, Reached("management.azure.com", "", "Contoso Web Gateway")]
    told = network.reached(opened, is_custom=False)[-1]
    assert told.state == "warning" and "signed by Contoso Web Gateway" in told.what
    assert len(network.reached(opened, is_custom=True)) == 1


def test_hosts_that_are_not_reached_are_told_with_what_to_do() -> None:
    far = [
        Reached("management.azure.com", "silent"),
        Reached("graph.microsoft.com", "name"),
        Reached("login.microsoftonline.com", "untrusted", "Contoso Web Gateway"),
    ]
    arm, graph, login = network.reached(far, is_custom=False)
    assert arm.state == login.state == "blocking" and graph.state == "warning"
    assert "drops packets" in arm.what and "firewall" in arm.means
    assert "signed by Contoso Web Gateway, as behind a proxy that opens TLS" in login.what
    assert "SSL_CERT_FILE" in login.means and "DNS" in graph.means


def test_a_host_that_cannot_be_reached_stands_beside_the_sign_in_that_failed(tmp_path: Path) -> None:
    report = World(env={"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}).doctor(tmp_path)
    assert "https goes through the proxy http://127.0.0.1:1, but not for localhost" in found(report, "proxy").what
