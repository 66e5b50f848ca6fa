"""The authority's pages that hand out no token: discovery, device codes, the page in the browser, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote, urlencode
from uuid import uuid4

from azscan.emulator.replies import Reply, answer


class Refused(Exception):
    """A request that is refused, as Entra ID words it."""

    def __init__(self, status: int, kind: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.code, self.message = status, kind, code, message


def instance(url: str, query: Mapping[str, str]) -> Reply:
    """Instance discovery: the only authority known is this one."""
    host = url.removeprefix("https://")
    wanted = query.get("authorization_endpoint", "").split("://")[-1].split("/")
    tenant = wanted[1] if len(wanted) > 1 else "common"
    known = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
    place = f"{url}/{tenant}/v2.0/.well-known/openid-configuration"
    return answer({"tenant_discovery_endpoint": place, "api-version": "1.1", "metadata": known})


def openid(url: str, tenant: str, tenant_id: str) -> Reply:
    """A tenant's OpenID configuration."""
    base = f"{url}/{tenant}"
    return answer(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "issuer": f"{url}/{tenant_id}/v2.0",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code", "id_token", "code id_token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": None,
            "cloud_instance_name": url.removeprefix("https://"),
        }
    )


def device_code(url: str, code: str) -> Reply:
    """The code for another device, and the words that tell where to enter it."""
    spoken = uuid4().hex[:9].upper()
    place = f"{url}/devicelogin"
    return answer(
        {
            "user_code": spoken,
            "device_code": code,
            "verification_uri": place,
            "expires_in": 900,
            "interval": 1,
            "message": f"To sign in, use a web browser to open the page {place} and enter the code {spoken}.",
        }
    )


def signed_in(code: str, query: Mapping[str, str]) -> Reply:
    """What the browser gets once the user has signed in: back to the program, by redirect or by form."""
    back, sent = query.get("redirect_uri", ""), {"code": code, "state": query.get("state", "")}
    if query.get("response_mode") != "form_post":
        return Reply(302, b"", {"location": f"{back}?{urlencode(sent, quote_via=quote)}"})
    hidden = "".join(f'<input type="hidden" name="{key}" value="{escape(value)}"/>' for key, value in sent.items())
    form = f'<form method="POST" action="{escape(back)}">{hidden}</form>'
    words = f"<html><body onload='document.forms[0].submit()'>{form}</body></html>"
    return Reply(200, words.encode(), {"content-type": "text/html; charset=utf-8"})


def refusal(refused: Refused) -> Reply:
    """The body of a refused token request."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid4()), str(uuid4())
    return answer(
        {
            "error": refused.kind,
            "error_description": f"AADSTS{refused.code}: {refused.message} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [refused.code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
        },
        refused.status,
    )
