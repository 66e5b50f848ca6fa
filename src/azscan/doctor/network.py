"""Diagnoses of this machine: its clock, its proxy, who opens its TLS, and whether the cloud's hosts answer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azscan.azure.reach import Reached, Trouble
from azscan.doctor.finding import Finding, State
from azscan.words import count

if TYPE_CHECKING:
    from azscan.azure.clouds import Cloud
    from azscan.azure.network import Network

SKEW = 300.0
"""Seconds that Entra ID lets clocks differ: https://learn.microsoft.com/entra/identity-platform/access-tokens."""

# https://learn.microsoft.com/azure/security/fundamentals/azure-certificate-authority-details
ISSUERS = ("microsoft", "digicert")
_BUNDLE = "point SSL_CERT_FILE (or REQUESTS_CA_BUNDLE) at a PEM file with your organisation's certificate authority"
_OPEN = "ask whoever keeps the firewall to open https to it"

_WHY: dict[Trouble, tuple[str, str]] = {
    "name": ("its name is not known here", "check DNS, and that --cloud names the right cloud"),
    "refused": ("it refuses the connection", _OPEN),
    "unreachable": ("there is no way to it from here", f"check the network; {_OPEN}"),
    "silent": ("it does not answer, as behind a firewall that drops packets", _OPEN),
    "broken": ("the connection is cut while it is made, as by a firewall that looks at names", _OPEN),
    "untrusted": ("its certificate is not trusted here", _BUNDLE),
    "proxy": ("the proxy could not be reached", "check HTTPS_PROXY and NO_PROXY"),
    "proxy-sign-in": (
        "the proxy wants a user and a password",
        "put them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
    ),
    "proxy-refuses": (
        "the proxy refuses the way to it",
        "ask whoever keeps the proxy to allow it, or name it in NO_PROXY",
    ),
}


def clock(ahead: float | None, said_at: str = "") -> list[Finding]:
    """How far this machine's clock is from Azure's: by the Date of an answer, or the time of Entra's refusal."""
    if ahead is None and said_at:
        try:
            ahead = datetime.strptime(said_at, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC).timestamp() - time.time()
        except ValueError:
            return []
    if ahead is None:
        return []
    if abs(ahead) <= SKEW:
        return [Finding("clock", "clock", "ok", f"the clock is right to {count(round(abs(ahead)), 'second')}")]
    what = f"the clock of this machine is {_span(abs(ahead))} {'slow' if ahead > 0 else 'fast'}"
    means = "signed assertions are refused (AADSTS700024) and tokens are renewed at the wrong time; set the clock"
    return [Finding("clock", "clock", "warning", what, means)]


def proxy(network: Network, cloud: Cloud) -> Finding:
    """Which proxy the environment names; its password is not shown."""
    if not network.proxy:
        return Finding("network", "proxy", "ok", "no proxy")
    parts = urlsplit(network.proxy)
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    beside = [url for url in hosts(cloud) if network.proxy_for(url) is None]
    past = f", but not for {', '.join(urlsplit(url).netloc for url in beside)}" if beside else ""
    return Finding("network", "proxy", "ok", f"https goes through the proxy {shown}{past}")


def reached(found: list[Reached], *, is_custom: bool) -> list[Finding]:
    """Whether each host was reached, and who vouches for it; a custom cloud may have any authority."""
    findings = [_unreachable(each) for each in found if each.trouble]
    good = [each for each in found if not each.trouble]
    if good:
        findings.append(Finding("network", "hosts", "ok", f"reached: {', '.join(each.host for each in good)}"))
    strangers = sorted({each.issuer for each in good if each.issuer and not _is_known(each.issuer)})
    if strangers and not is_custom:
        what = f"TLS is opened on the way: the certificates are signed by {', '.join(strangers)}"
        means = (
            "a proxy of your organisation reads along, tokens included; have these hosts left out if that is not meant"
        )
        findings.append(Finding("network", "tls", "warning", what, means))
    return findings


def hosts(cloud: Cloud) -> list[str]:
    """The addresses that a scan talks to."""
    return list(dict.fromkeys((cloud.authority, cloud.arm, cloud.graph)))


def _unreachable(each: Reached) -> Finding:
    why, remedy = _WHY[each.trouble]
    if each.trouble == "untrusted" and each.issuer:
        why += f": it is signed by {each.issuer}" + (
            "" if _is_known(each.issuer) else ", as behind a proxy that opens TLS"
        )
    # Graph alone being shut off leaves most of a scan.
    state: State = "warning" if each.host.startswith(("graph.", "microsoftgraph.")) else "blocking"
    return Finding("network", "host", state, f"{each.host} cannot be reached: {why}", remedy)


def _is_known(issuer: str) -> bool:
    return issuer.lower().startswith(ISSUERS)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return count(minutes, "minute") if minutes < 120 else count(round(minutes / 60), "hour")
