"""How requests leave this machine: the certificates that are trusted and the proxy, for every room alike."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azscan.errors import UsageError

_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_HTTPS_PORT = 443


@dataclass(frozen=True)
class Network:
    """What every connection uses.

    `verify` is the path of the CA bundle that the environment names, or True for the system's store. `proxy` is
    the proxy for https ("" for none), `no_proxy` the hosts that bypass it, as written in NO_PROXY.
    """

    ssl_context: ssl.SSLContext = field(repr=False)
    verify: str | bool = True
    proxy: str = field(default="", repr=False)
    no_proxy: tuple[str, ...] = ()

    @property
    def connection_verify(self) -> str | bool:
        """What azure-core transports call `connection_verify`."""
        return self.verify

    @property
    def proxies(self) -> dict[str, str]:
        """The proxies by scheme, as azure-core's `proxies` wants them; empty where there is none."""
        return {"https": self.proxy} if self.proxy else {}

    def proxy_for(self, url: str) -> str | None:
        """The proxy for `url`, or None: never one for loopback, nor for a host that NO_PROXY names."""
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").rstrip(".")
        if not self.proxy or parts.scheme != "https" or is_loopback(host):
            return None
        port = parts.port or _HTTPS_PORT
        return None if any(_bypasses(entry, host, port) for entry in self.no_proxy) else self.proxy

    def credential_options(self, url: str) -> dict[str, Any]:
        """Keyword arguments that make an azure-identity credential, of either kind, reach `url` as the session does.

        The environment is not read a second time (`use_env_settings`), so that loopback stays unproxied.
        """
        proxy = self.proxy_for(url)
        return {
            "connection_verify": self.verify,
            "proxies": {"https": proxy} if proxy else {},
            "use_env_settings": False,
        }


def network_from_environment(environ: Mapping[str, str] = os.environ) -> Network:
    """The network that the environment asks for: SSL_CERT_FILE, else REQUESTS_CA_BUNDLE, else the system's store.

    The proxy comes from HTTPS_PROXY and NO_PROXY; the lower-case spelling wins, as everywhere. Raises UsageError
    for a bundle that cannot be read and for a proxy that is no http or https URL.
    """
    verify, context = _trust(environ)
    bypassed = tuple(entry for entry in _setting(environ, "NO_PROXY").replace(",", " ").split() if entry)
    return Network(context, verify, _proxy(_setting(environ, "HTTPS_PROXY")), bypassed)


def is_loopback(host: str) -> bool:
    """True for `localhost`, its subdomains and the loopback addresses."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _trust(environ: Mapping[str, str]) -> tuple[str | bool, ssl.SSLContext]:
    for variable in _BUNDLE_VARIABLES:
        path = environ.get(variable, "").strip()
        if path:
            return path, _context(variable, path)
    return True, ssl.create_default_context()


def _context(variable: str, path: str) -> ssl.SSLContext:
    hint = f"point {variable} at a PEM file with the certificate authorities to trust, or unset it"
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise UsageError(f"{variable} names {path}, which holds no certificates in PEM form", hint=hint) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"{variable} names {path}, which cannot be read: {reason}", hint=hint) from error


def _setting(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name.lower()) or environ.get(name) or "").strip()


def _proxy(value: str) -> str:
    if not value:
        return ""
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            "HTTPS_PROXY is not the URL of an http or https proxy",
            hint="write it as http://HOST:PORT, or unset it",
        )
    return url


def _bypasses(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, entry_port = _entry_parts(entry.lower())
    if entry_port is not None and entry_port != port:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        pass
    name = name.removeprefix("*").lstrip(".").rstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _entry_parts(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, port = entry.partition(":")
    else:
        return entry, None
    return name, int(port) if port.isdigit() else None
