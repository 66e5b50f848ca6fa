"""Diagnoses of the credential: when its client secret or certificate ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from azscan.azure.answers import Ask
from azscan.azure.records import text_of
from azscan.azure.ways import CERTIFICATE, SECRET
from azscan.doctor.finding import Finding, Portal, State, filled
from azscan.doctor.memo import Memo
from azscan.words import count

if TYPE_CHECKING:
    from azscan.azure.credentials import SignedIn

SOON = timedelta(days=30)
# https://learn.microsoft.com/graph/api/application-list#permissions
READERS = frozenset(
    {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)
_NEW_SECRET = "az ad app credential reset --id {client_id} --append"
_NEW_CERTIFICATE = "az ad app credential reset --id {client_id} --cert @certificate.pem --append"


async def diagnose(
    memo: Memo, identity: SignedIn, environ: Mapping[str, str], portal: Portal, now: datetime
) -> tuple[list[Finding], str]:
    """When the secret or certificate that was used ends, or why that could not be looked at ("" where it could)."""
    if identity.kind == CERTIFICATE.kind:
        ends = _end_of_certificate(environ)
        return ([_told("certificate", ends, identity.app_id, portal, now)], "") if ends else ([], "")
    if identity.kind != SECRET.kind:
        return [], ""
    if identity.graph_permissions.isdisjoint(READERS):
        return [], "when the client secret ends (that takes the permission Application.Read.All of Microsoft Graph)"
    query = quote(f"appId eq '{identity.app_id}'", safe="'")
    items, fault = await memo.all(
        Ask(f"/v1.0/applications?$filter={query}&$select=appId,passwordCredentials", host="graph")
    )
    if fault or not items:
        return [], "when the client secret ends (the app registration could not be read, or is another tenant's)"
    ends = _end_of_secret(items[0].get("passwordCredentials"), environ.get("AZURE_CLIENT_SECRET", "").strip(), now)
    if ends is None:
        return [], "when the client secret ends (the app registration does not say)"
    return [_told("client secret", ends, identity.app_id, portal, now)], ""


def _told(what: str, ends: datetime, app_id: str, portal: Portal, now: datetime) -> Finding:
    left = ends - now
    state: State = "ok" if left > SOON else "warning"
    words = f"the {what} ends on {ends:%Y-%m-%d}"
    if state == "ok":
        return Finding("credential", "expiry", state, words)
    days = max(left.days, 0)
    command = filled(_NEW_SECRET if what == "client secret" else _NEW_CERTIFICATE, {"client_id": app_id})
    means = f"in {count(days, 'day')} no scan can sign in with it; make a new one, or use a federated credential"
    return Finding("credential", "expiry", state, words, means, portal.app("Credentials", app_id), (command,))


def _end_of_secret(credentials: Any, secret: str, now: datetime) -> datetime | None:
    """The end of the secret in use: the one whose hint it begins with, else the first to end of those that hold.

    https://learn.microsoft.com/graph/api/resources/passwordcredential: `hint` is its first three characters.
    """
    held = [each for each in credentials if isinstance(each, dict)] if isinstance(credentials, list) else []
    own = [each for each in held if secret and text_of(each, "hint") == secret[:3]]
    ends = [moment for each in own or held if (moment := _moment(text_of(each, "endDateTime")))]
    good = [moment for moment in ends if moment > now]
    return min(good or ends, default=None)


def _end_of_certificate(environ: Mapping[str, str]) -> datetime | None:
    """The end of the certificate's file; None where it cannot be read as one."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs12

    path = environ.get("AZURE_CLIENT_CERTIFICATE_PATH", "").strip()
    password = environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD", "").strip()
    try:
        data = Path(path).read_bytes()
        if b"-----BEGIN CERTIFICATE-----" in data:
            return _first(x509.load_pem_x509_certificates(data))
        _, certificate, _ = pkcs12.load_key_and_certificates(data, password.encode() or None)
    except (OSError, ValueError):
        return None
    return _first([certificate] if certificate is not None else [])


def _first(certificates: Iterable[Any]) -> datetime | None:
    for certificate in certificates:
        ends: datetime = certificate.not_valid_after_utc
        return ends
    return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
