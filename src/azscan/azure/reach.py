"""Whether a host can be reached over TLS, who vouches for its certificate, and if not, why: no request is sent."""

from __future__ import annotations

import asyncio
import base64
import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from azscan.azure.network import Network

SECONDS = 5.0
_HTTPS_PORT, _OK = 443, 200

Trouble = Literal[
    "",
    "name",
    "refused",
    "unreachable",
    "silent",
    "broken",
    "untrusted",
    "proxy",
    "proxy-sign-in",
    "proxy-refuses",
]


@dataclass(frozen=True)
class Reached:
    """What became of a connection to `host`; `issuer` is who signed its certificate ("" where that is not known).

    `trouble` is "" where TLS stands. "silent" is no answer in time, "broken" a connection that was cut.
    """

    host: str
    trouble: Trouble = ""
    issuer: str = ""


class _Refused(Exception):
    """The proxy does not open the way; the argument is its HTTP status."""


async def reach(url: str, network: Network, seconds: float = SECONDS) -> Reached:
    """Connect to the host of `url` as the session does (proxy, certificates), and hang up."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _HTTPS_PORT
    shown = host_of(url)
    proxy = network.proxy_for(url) or ""
    way: Trouble = "proxy" if proxy else "refused"
    try:
        async with asyncio.timeout(seconds):
            return Reached(shown, "", await _issuer(host, port, proxy, network, network.ssl_context))
    except ssl.SSLCertVerificationError:
        return Reached(shown, "untrusted", await _untrusted_issuer(host, port, proxy, network, seconds))
    except _Refused as refused:
        return Reached(shown, "proxy-sign-in" if refused.args[0] == 407 else "proxy-refuses")
    except TimeoutError:
        return Reached(shown, "silent")
    except ConnectionRefusedError:
        return Reached(shown, way)
    except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Reached(shown, "broken")
    except socket.gaierror:
        return Reached(shown, "proxy" if proxy else "name")
    except OSError as error:
        # Where several addresses failed, asyncio tells of all of them in one text.
        was_refused = f"[Errno {errno.ECONNREFUSED}]" in str(error)
        return Reached(shown, way if was_refused or proxy else "unreachable")


def host_of(url: str) -> str:
    """The host of an https URL as `Reached` names it, with its port where that is not the usual one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if parts.port in (None, _HTTPS_PORT) else f"{host}:{parts.port}"


async def _issuer(host: str, port: int, proxy: str, network: Network, context: ssl.SSLContext) -> str:
    """The issuer of the certificate; raises what connecting raises."""
    writer = await _connected(host, port, proxy, network, context)
    try:
        of_socket: Any = writer.get_extra_info("ssl_object")
        der = of_socket.getpeercert(binary_form=True) if of_socket else None
        return _issuer_of(der) if der else ""
    finally:
        writer.transport.abort()


async def _untrusted_issuer(host: str, port: int, proxy: str, network: Network, seconds: float) -> str:
    """Who signed a certificate that is not trusted: only looked at, for nothing is sent over that connection."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(seconds):
            return await _issuer(host, port, proxy, network, blind)
    except (OSError, TimeoutError, ssl.SSLError, asyncio.IncompleteReadError, _Refused):
        return ""


async def _connected(
    host: str, port: int, proxy: str, network: Network, context: ssl.SSLContext
) -> asyncio.StreamWriter:
    if not proxy:
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        return writer
    parts = urlsplit(proxy)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (_HTTPS_PORT if secure else 80), ssl=network.ssl_context if secure else None
    )
    try:
        writer.write(_connect(host, port, parts.username, parts.password))
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b" ", 2)
        status = int(words[1]) if len(words) > 2 and words[1].isdigit() else 0
        if status != _OK:
            raise _Refused(status)
        await writer.start_tls(context, server_hostname=host)
    except BaseException:
        writer.transport.abort()
        raise
    return writer


def _connect(host: str, port: int, user: str | None, password: str | None) -> bytes:
    """The proxy's CONNECT (https://www.rfc-editor.org/rfc/rfc9110#name-connect), with what it wants to know us by."""
    place = f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if user is not None:
        known_by = f"{unquote(user)}:{unquote(password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(known_by).decode()}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _issuer_of(der: bytes) -> str:
    """The organisation that signed a certificate, else its common name."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        issuer = x509.load_der_x509_certificate(der).issuer
    except ValueError:
        return ""
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for found in issuer.get_attributes_for_oid(kind):
            return str(found.value)
    return ""
