"""Access tokens: shaped like Entra ID's, known by heart rather than by signature, with an audience and an end."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from azscan.emulator.replies import Reply, error, graph_error

GRAPH_ID = "00000003-0000-0000-c000-000000000000"
WELL_KNOWN_ARM = ("https://management.core.windows.net", "https://management.azure.com")


@dataclass(slots=True)
class Issued:
    """A token that was handed out."""

    claims: dict[str, Any]
    expires: float
    number: int
    satisfies: bool


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding, as in a JWT."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims: Mapping[str, Any]) -> str:
    """A JWT with claims and a signature that nobody can verify."""
    head = base64url(b'{"typ":"JWT","alg":"RS256","kid":"azscan-emulator"}')
    body = base64url(msgspec.json.encode(claims))
    seal = hashlib.sha512(f"{head}.{body}".encode()).digest()
    return f"{head}.{body}.{base64url(seal * 4)}"


class Tokens:
    """All tokens of one emulator, and the verdict on a request's Authorization header."""

    def __init__(self, authority: str, tenant: str) -> None:
        self.authority = authority
        self.tenant = tenant
        self.audiences: dict[str, tuple[str, ...]] = {"arm": (), "graph": ()}
        self.issued: dict[str, Issued] = {}
        self.expired_up_to = 0
        self.challenged = False
        self._number = 0

    def issue(self, claims: Mapping[str, Any], lifetime: float, satisfies: bool = False) -> str:
        """A token with the claims given, which ends after `lifetime` seconds; no two are the same."""
        self._number += 1
        now = time.time()
        full = {
            "iss": f"https://sts.windows.net/{claims.get('tid', self.tenant)}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + lifetime),
            **claims,
            "uti": f"emulated-{self._number}",
            "ver": "1.0",
            "xms_idrel": "7 10",
        }
        token = jwt(full)
        self.issued[token] = Issued(full, now + lifetime, self._number, satisfies)
        return token

    def expire_all(self) -> None:
        """Let every token that was handed out so far be expired."""
        self.expired_up_to = self._number

    def known_audience(self, resource: str) -> str:
        """Which service a resource or scope names ("arm", "graph"), or ""."""
        wanted = resource.removesuffix("/.default").rstrip("/").lower()
        return next((name for name, known in self.audiences.items() if wanted in known), "")

    def check(self, service: str, header: str | None) -> Issued | Reply:
        """The token of a request to ARM or Graph, or the 401 that refuses it."""
        if not header or not header.lower().startswith("bearer "):
            return self._refuse(service, "AuthenticationFailed", _MISSING, "Access token is empty.")
        found = self.issued.get(header[7:].strip())
        if found is None:
            return self._refuse(service, "InvalidAuthenticationToken", "The access token is invalid.", _MALFORMED)
        if str(found.claims.get("aud", "")).rstrip("/").lower() not in self.audiences[service]:
            allowed = ", ".join(self.audiences[service])
            words = (
                "The access token has been obtained for wrong audience or resource "
                f"'{found.claims.get('aud')}'. It should exactly match with one of the allowed audiences '{allowed}'."
            )
            return self._refuse(service, "InvalidAuthenticationTokenAudience", words, _AUDIENCE)
        if found.expires <= time.time() or found.number <= self.expired_up_to:
            return self.expired(service, found.expires)
        if self.challenged and not found.satisfies:
            return self.claims_challenge(service)
        return found

    def expired(self, service: str, at: float | None = None) -> Reply:
        """The 401 for a token past its end."""
        end = datetime.fromtimestamp(min(at or 0, time.time()), UTC)
        stamp = "%m/%d/%Y %I:%M:%S %p"
        words = (
            f"The access token expiry UTC time '{end.strftime(stamp)}' is earlier than current UTC time "
            f"'{datetime.now(UTC).strftime(stamp)}'."
        )
        gone = "Lifetime validation failed, the token is expired."
        return self._refuse(service, "ExpiredAuthenticationToken", words, gone, "The access token has expired.")

    def claims_challenge(self, service: str) -> Reply:
        """The 401 that asks for a token with more claims (continuous access evaluation)."""
        wanted = {"access_token": {"nbf": {"essential": True, "value": str(int(time.time()))}}}
        claims = base64.b64encode(msgspec.json.encode(wanted)).decode()
        words = "The access token has been revoked; continuous access evaluation wants a new one."
        reply = self._refuse(service, "InvalidAuthenticationToken", words, words)
        reply.headers["www-authenticate"] = (
            f'Bearer realm="", authorization_uri="{self.authority}/common/oauth2/authorize", '
            f'error="insufficient_claims", claims="{claims}"'
        )
        return reply

    def wrong_tenant(self, tenant: str, wanted: str) -> Reply:
        """The 401 for a token of another tenant than the subscription's."""
        words = (
            f"The access token is from the wrong issuer 'https://sts.windows.net/{tenant}/'. It must match the tenant "
            f"'https://sts.windows.net/{wanted}/' associated with this subscription."
        )
        return self._refuse("arm", "InvalidAuthenticationTokenTenant", words, words)

    def _refuse(self, service: str, code: str, words: str, graph_words: str, why: str = "") -> Reply:
        if service == "graph":
            reply = graph_error(401, "InvalidAuthenticationToken", graph_words)
        else:
            reply = error(401, code, words)
        reply.headers["www-authenticate"] = (
            f'Bearer authorization_uri="{self.authority}/{self.tenant}", error="invalid_token", '
            f'error_description="{why or words}"'
        )
        return reply


_MISSING = "Authentication failed. The 'Authorization' header is missing."
_MALFORMED = "Access token validation failure."
_AUDIENCE = "Access token validation failure. Invalid audience."


def audience_forms(urls: Sequence[str]) -> tuple[str, ...]:
    """Audiences as they are compared: lower case, no slash at the end."""
    return tuple(url.rstrip("/").lower() for url in urls)
