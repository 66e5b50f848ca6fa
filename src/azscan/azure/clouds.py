"""The clouds that azscan can scan: their hosts, and what a token must be issued for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from azscan.azure.network import Network
from azscan.errors import NothingScannedError, UsageError

METADATA_API = "2022-09-01"
_HTTP_OK = 200
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Cloud:
    """One cloud. The URLs are https, without a slash at the end; `custom` is true where ARM's metadata told them.

    `portal` is the address of its portal, for people only: nothing is sent there.
    """

    name: str
    arm: str
    authority: str
    graph: str
    arm_audience: str
    custom: bool = False
    portal: str = "https://portal.azure.com"

    @property
    def arm_scope(self) -> str:
        """The scope of a token for ARM."""
        return f"{self.arm_audience}/.default"

    @property
    def graph_scope(self) -> str:
        """The scope of a token for Microsoft Graph."""
        return f"{self.graph}/.default"

    def base(self, host: str) -> str:
        """The URL that a path of `host` ("arm" or "graph") is joined to."""
        return self.graph if host == "graph" else self.arm


# Hosts: azure.mgmt.core.tools.get_arm_endpoints, azure.identity.AzureAuthorityHosts and
# https://learn.microsoft.com/graph/deployments.
_NAMED = {
    "azurecloud": Cloud(
        name="AzureCloud",
        arm="https://management.azure.com",
        authority="https://login.microsoftonline.com",
        graph="https://graph.microsoft.com",
        arm_audience="https://management.azure.com",
    ),
    "azureusgovernment": Cloud(
        name="AzureUSGovernment",
        arm="https://management.usgovcloudapi.net",
        authority="https://login.microsoftonline.us",
        graph="https://graph.microsoft.us",
        arm_audience="https://management.core.usgovcloudapi.net",
        portal="https://portal.azure.us",
    ),
    "azurechinacloud": Cloud(
        name="AzureChinaCloud",
        arm="https://management.chinacloudapi.cn",
        authority="https://login.chinacloudapi.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
        arm_audience="https://management.chinacloudapi.cn",
        portal="https://portal.azure.cn",
    ),
}
NAMES = tuple(cloud.name for cloud in _NAMED.values())
# Whose services take tokens that a Resource Manager of somebody else's must not be given.
_MICROSOFTS = (
    *("azure.com", "azure.net", "windows.net", "microsoft.com", "microsoftonline.com", "office.com", "office365.com"),
    *("azure.us", "usgovcloudapi.net", "microsoft.us", "azure.cn", "chinacloudapi.cn", "microsoftazure.de"),
)


def named(name: str) -> Cloud:
    """The public or national cloud of that name, in any case; raises UsageError for another name."""
    cloud = _NAMED.get(name.strip().lower())
    if cloud is None:
        raise UsageError(
            f"there is no cloud named {name!r}",
            hint=f"use one of {', '.join(NAMES)}, or the https URL of a Resource Manager",
        )
    return cloud


async def discover(url: str, network: Network, *, timeout: float = 30.0) -> Cloud:
    """The cloud whose Resource Manager stands at `url`, as its own metadata describes it.

    Asks GET {url}/metadata/endpoints without a token; sign-in and Graph hosts come from the answer (those of a
    named cloud are known and not asked for). Raises
    UsageError where `url` or a host in the answer is not https, or the answer is not such metadata, and
    NothingScannedError where nobody answers.
    """
    base = _own_url(url)
    known = next((cloud for cloud in _NAMED.values() if cloud.arm == base), None)
    if known is not None:
        return known
    status, body = await _get(f"{base}/metadata/endpoints?api-version={METADATA_API}", network, timeout)
    if status != _HTTP_OK:
        raise UsageError(
            f"{base} answered {status} when asked for its endpoints: it does not look like a Resource Manager",
            hint="check the host that --cloud names",
        )
    return cloud_from_metadata(base, body)


def cloud_from_metadata(base: str, body: bytes) -> Cloud:
    """The cloud that the answer of {base}/metadata/endpoints describes; raises UsageError as `discover` does.

    The answer is one object, or, from older versions, a list of them.
    """
    try:
        document: Any = msgspec.json.decode(body.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_metadata(base, "is not JSON") from error
    if isinstance(document, list):
        document = document[0] if document else None
    if not isinstance(document, dict):
        raise _not_metadata(base, "is not an object")
    sign_in = document.get("authentication")
    if not isinstance(sign_in, dict):
        raise _not_metadata(base, "has no authentication")
    return Cloud(
        name=_text(document.get("name")) or urlsplit(base).netloc,
        arm=base,
        authority=_told_url(base, "authentication.loginEndpoint", sign_in.get("loginEndpoint")),
        graph=_told_url(base, "microsoftGraphResourceId", document.get("microsoftGraphResourceId")),
        arm_audience=_audience(base, sign_in.get("audiences")),
        custom=True,
        portal=_portal(document.get("portal")),
    )


async def _get(url: str, network: Network, timeout: float) -> tuple[int, bytes]:
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=network.ssl_context, limit=1)
    limits = aiohttp.ClientTimeout(total=timeout)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, trust_env=False, timeout=limits) as client,
            client.get(url, proxy=network.proxy_for(url), allow_redirects=False) as response,
        ):
            return response.status, await response.read()
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise NothingScannedError(
            f"{urlsplit(url).netloc} presents a certificate that is not trusted here",
            hint="point SSL_CERT_FILE at the certificate authority that issued it",
        ) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NothingScannedError(
            f"{urlsplit(url).netloc} could not be asked for its endpoints: {_why(error)}",
            hint="check the host that --cloud names, the network, and HTTPS_PROXY",
        ) from error


def _why(error: Exception) -> str:
    """Why a host could not be asked, in words."""
    import aiohttp

    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refuses the way to it (status {error.status})"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return "the proxy that HTTPS_PROXY names could not be reached"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known here"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, ConnectionRefusedError)
        return "it refuses the connection" if refused else "there is no way to it from here"
    return "the connection broke off"


def _portal(told: object) -> str:
    """The portal that the metadata names, where that is an https address, else public Azure's."""
    parts = _split(_text(told))
    return parts[0] + parts[1] if parts else Cloud.portal


def _own_url(url: str) -> str:
    parts = _split(url)
    if parts is None or parts[1]:
        raise UsageError(
            f"{url!r} is not the address of a Resource Manager",
            hint="write it as https://HOST or https://HOST:PORT",
        )
    return parts[0]


def _told_url(base: str, name: str, value: object) -> str:
    text = _text(value)
    if not text:
        raise _not_metadata(base, f"has no {name}")
    parts = _split(text)
    if parts is None:
        raise UsageError(
            f"{base} names {text!r} as its {name}, which is not an https address",
            hint="no token is sent to such a host: check the host that --cloud names",
        )
    return parts[0] + parts[1]


def _split(url: str) -> tuple[str, str] | None:
    """Origin and path (without a slash at the end) of a plain https URL, else None."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"https://{host}" if port in (None, 443) else f"https://{host}:{port}"
    return origin, parts.path.rstrip("/")


def _audience(base: str, audiences: object) -> str:
    told = [text for text in map(_text, audiences) if text] if isinstance(audiences, list) else []
    if not told:
        raise _not_metadata(base, "has no authentication.audiences")
    own = [text for text in told if text.rstrip("/").lower() == base.lower()]
    fitting = own or [text for text in told if _is_audience_of(base, text)]
    if not fitting:
        raise UsageError(
            f"{base} names {told[0]!r} as what tokens are for: such a token would open more than this host",
            hint="no token is asked for it: check the host that --cloud names",
        )
    return fitting[0].rstrip("/")


def _is_audience_of(base: str, audience: str) -> bool:
    """True where a token for `audience` opens no more than the Resource Manager at `base`.

    az and managed identities hand out tokens for whatever is named to them, and this one is sent to `base`: it must
    be for a Resource Manager, and for public Azure's only where `base` is a part of that (a region's endpoint).
    """
    parts = _split(audience)
    host = (urlsplit(parts[0]).hostname or "").rstrip(".") if parts else ""
    if not host.startswith("management."):
        return False
    here = f".{urlsplit(base).hostname}"
    near = any(here.endswith(f".{urlsplit(cloud.arm).hostname}") for cloud in _NAMED.values())
    return near or not any(f".{host}".endswith(f".{domain}") for domain in _MICROSOFTS)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _not_metadata(base: str, what: str) -> UsageError:
    return UsageError(
        f"what {base} answers as its endpoints {what}",
        hint="check the host that --cloud names: it must be a Resource Manager",
    )
