"""Why signing in failed, in words: the codes of Entra and ARM that people meet, each with cause and remedy.

The codes are Microsoft's (https://learn.microsoft.com/entra/identity-platform/reference-error-codes), the words
are ours. Microsoft asks that programs do not act on the codes; here they only choose the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from azure.core.exceptions import ClientAuthenticationError

from azscan.azure.scrub import MARK, scrub

_AGAIN = "sign in again (az login, azd auth login, or --auth browser), then run the command again"
_FEDERATION = (
    "compare issuer, subject and audience of the app's federated credential with the token that the pipeline sends, "
    "letter for letter"
)
_TENANT = "check the tenant id (--tenant or AZURE_TENANT_ID) and that --cloud is the tenant's cloud"
_MFA = "sign in where a second factor can be asked for: az login --tenant TENANT, --auth browser or --auth device-code"

CODES: dict[str, tuple[str, str]] = {
    "AADSTS7000215": (
        "the client secret is wrong",
        "set AZURE_CLIENT_SECRET to the secret's value (not its id), one that belongs to this app",
    ),
    "AADSTS7000222": (
        "the client secret has expired",
        "create a new secret for the app, or use a certificate or a federated credential, which need no secret",
    ),
    "AADSTS700016": (
        "the tenant has no app with this client id",
        "check AZURE_CLIENT_ID (or --client-id) and the tenant: the app must exist, or have been consented to, in it",
    ),
    "AADSTS7000112": (
        "the app is disabled in this tenant",
        "an administrator can enable it under Enterprise applications, Properties, Enabled for users to sign in",
    ),
    "AADSTS7000218": (
        "the app does not allow public clients, which device code and browser are",
        "turn on 'Allow public client flows' under the app's Authentication",
    ),
    "AADSTS90002": ("there is no such tenant", _TENANT),
    "AADSTS900023": ("the tenant is neither an id nor a domain name", _TENANT),
    "AADSTS90038": ("the tenant belongs to another cloud", "choose that cloud with --cloud"),
    "AADSTS50076": ("a policy asks for multifactor authentication", _MFA),
    "AADSTS50079": ("a policy asks for multifactor authentication, and this user has not set it up", _MFA),
    "AADSTS50078": ("the multifactor sign-in has expired", _AGAIN),
    "AADSTS53003": (
        "a conditional access policy blocks this sign-in",
        "the sign-in log of the tenant names the policy; sign in from an allowed place or device, or ask its owner",
    ),
    "AADSTS65001": (
        "nobody has consented to this app's permissions",
        "an administrator can grant consent under the app's API permissions",
    ),
    "AADSTS65002": (
        "the app is Microsoft's own, and no consent can give it this permission",
        "use a service principal (--auth service-principal), or an app of your own (--auth device-code --client-id ID)",
    ),
    "AADSTS50034": (
        "the tenant has no such user",
        "check the user name and the tenant, or have the user invited to the tenant",
    ),
    "AADSTS50020": (
        "this user belongs to another tenant and is not a guest of this one",
        "sign in with a user of the tenant, have this one invited, or choose another tenant with --tenant",
    ),
    "AADSTS50057": ("the user account is disabled", "an administrator can enable it, or sign in as somebody else"),
    "AADSTS50173": ("the sign-in was revoked (a password change, or an administrator)", _AGAIN),
    "AADSTS70043": ("the sign-in is older than a conditional access policy allows", _AGAIN),
    "AADSTS700082": ("the sign-in has expired because it was not used", _AGAIN),
    "AADSTS50194": ("the app is of one tenant only", "name that tenant with --tenant"),
    "AADSTS50011": (
        "the app does not list the address that the browser returns to",
        "add http://localhost to the app's 'Mobile and desktop applications' redirect URIs",
    ),
    "AADSTS700211": ("the app has no federated credential for this issuer", _FEDERATION),
    "AADSTS700212": ("the app has no federated credential for this audience", _FEDERATION),
    "AADSTS700213": ("the app has no federated credential for this subject", _FEDERATION),
    "AADSTS700024": (
        "the signed assertion is not valid at this time",
        "set the clock of this machine; in a pipeline, let azscan fetch the token itself (--auth workload-identity)",
    ),
    "AADSTS700027": (
        "the signature was made with a certificate that the app does not know",
        "upload the certificate to the app (Certificates & secrets), and check that the file holds that one",
    ),
    "AADSTS500011": (
        "the tenant does not know the service that the token is for",
        "check the tenant, and that --cloud is the tenant's cloud",
    ),
    "InvalidAuthenticationTokenTenant": (
        "the token is of another tenant than the subscription",
        "sign in to the subscription's tenant: --tenant TENANT",
    ),
    "ExpiredAuthenticationToken": ("the token has expired", "sign in again, or set the clock of this machine"),
}


@dataclass(frozen=True)
class Explanation:
    """Why, and what to do. `code` is Entra's, ARM's or "" and `request` its correlation id, for support.

    `at` is when Entra said it, by its own clock ("2026-01-31 12:00:00Z"; "" where it does not say).
    """

    cause: str
    remedy: str
    code: str = ""
    request: str = ""
    at: str = ""

    def __str__(self) -> str:
        marks = ", ".join(filter(None, (self.code, f"correlation id {self.request}" if self.request else "")))
        return f"{self.cause} ({marks})" if marks else self.cause


class NoTokenError(ClientAuthenticationError):
    """There is no token; `why` says so in words. Unlike azure-core's own errors it holds no request and no answer."""

    def __init__(self, why: Explanation) -> None:
        super().__init__(message=f"{why}; {why.remedy}" if why.remedy else f"{why}")
        self.why = why


# What azure-identity, MSAL, az and the transports say where no code stands: pattern, cause, remedy.
_PHRASES: tuple[tuple[str, str, str], ...] = (
    (r"Azure CLI not found", "az is not installed, or not on PATH", "install the Azure CLI, then az login"),
    (r"Developer CLI could not be found", "azd is not installed, or not on PATH", "install azd, then azd auth login"),
    (r"run 'az login'", "az is installed, but nobody is logged in", "run az login"),
    (
        r"(login expired|reauthentication required).*azd auth login",
        "the sign-in of azd has expired",
        "run azd auth login",
    ),
    (r"azd auth login", "azd is installed, but nobody is logged in", "run azd auth login"),
    (
        r"Unexpected output from Azure",
        "the command line tool printed something else than a token",
        "run az account get-access-token (or azd auth token) by hand and look",
    ),
    (
        r"OIDC token endpoint|OIDC token not found",
        "Azure DevOps gave no token for the service connection",
        "check AZURESUBSCRIPTION_SERVICE_CONNECTION_ID, and give the step SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
    ),
    (r"Timed out waiting for Azure", "the command line tool did not answer in time", "run it once by hand and look"),
    (
        r"certificate.verify.failed|CERTIFICATE_VERIFY_FAILED",
        "the certificate of the sign-in host is not trusted here, as behind a proxy that opens TLS",
        "set SSL_CERT_FILE (or REQUESTS_CA_BUNDLE) to a PEM file with your organisation's certificate authority",
    ),
    (r"\b407\b|Proxy Authentication", "the proxy wants a user and a password", "put them into HTTPS_PROXY"),
    (
        r"ProxyError|Cannot connect to proxy|Unable to connect to proxy|Tunnel connection failed",
        "the proxy could not be reached or refused",
        "check HTTPS_PROXY and NO_PROXY",
    ),
    (
        r"Unable to get authority configuration|OIDC Discovery failed",
        "there is no such tenant",
        _TENANT,
    ),
    (
        r"IMDS endpoint|Managed identity configuration not found",
        "no managed identity endpoint answers: this machine does not run in Azure",
        "choose another way with --auth",
    ),
    (
        r"No identity has been assigned|identity has not been assigned|Identity not found",
        "this machine runs in Azure but has no (such) managed identity",
        "assign one, name it with AZURE_CLIENT_ID, or choose another way with --auth",
    ),
    (
        r"Unexpected content type|Failed to deserialize JSON|No token received",
        "something else than Azure answers where a managed identity would: a proxy, or another cloud",
        "choose another way with --auth",
    ),
    (r"Failed to open a browser", "no browser could be opened", "use --auth device-code"),
    (r"Timed out (after waiting|waiting for user)", "nobody finished the sign-in in time", "run the command again"),
    (
        r"Interactive authentication is (required|needed)",
        "the user would have to sign in again, which azscan asks for only at the start",
        "run the command again and sign in",
    ),
    (
        r"Incorrect password|Invalid password or PKCS12|Bad decrypt|password may be incorrect|Password was not given",
        "the certificate's password is missing or wrong",
        "set AZURE_CLIENT_CERTIFICATE_PASSWORD",
    ),
    (
        r"Failed to deserialize certificate|Could not deserialize|Unable to load|must include its private key|No PEM|"
        r"Valid PEM but",
        "the certificate file holds no usable certificate with its private key",
        "give a PEM or PKCS#12 file that holds both",
    ),
    (r"HTTP Error: 5\d\d", "the sign-in service is in trouble", "run the command again in a while"),
    (
        r"Cannot connect to host|Failed to (resolve|establish)|Name or service not known|Temporary failure in name|"
        r"Connection refused|ConnectTimeout|timed? ?out|getaddrinfo|Server disconnected|Connection (aborted|reset)",
        "the sign-in host could not be reached",
        "check the network, HTTPS_PROXY and --cloud",
    ),
)

_REQUEST = re.compile(r"Correlation ID:\s*([0-9a-fA-F-]{36})", re.IGNORECASE)
_AT = re.compile(r"Timestamp:\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)", re.IGNORECASE)
# What `auto` puts before the words of the one credential that it has in a chain.
_CHAIN = re.compile(r"ChainedTokenCredential failed[^:]*Attempted credentials:\s*\w+:\s*")
_TRAILER = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp):.*", re.IGNORECASE | re.DOTALL)
_SENTENCE = re.compile(r"(?<=[^.\s]{2})[.!?](\s|$)|[\r\n]")


def explain(error: BaseException | str, secrets: Iterable[str] = ()) -> Explanation:
    """Return why a sign-in failed and what to do; `secrets` are left out of whatever Azure's words repeat.

    A code that is not in the table gives the first sentence of the message, its code and its correlation id.
    """
    if isinstance(error, OSError) and error.filename:
        return Explanation(f"{error.filename}: {(error.strerror or type(error).__name__).lower()}", "check the path")
    text = words(error, secrets)
    request = found[1] if (found := _REQUEST.search(text)) else ""
    at = found[1] if (found := _AT.search(text)) else ""
    code = _code(text)
    if code in CODES:
        cause, remedy = CODES[code]
        return Explanation(cause, remedy, code, request, at)
    if not code:
        for pattern, cause, remedy in _PHRASES:
            if re.search(pattern, text, re.IGNORECASE):
                return Explanation(cause, remedy, "", request, at)
    sentence = _first_sentence(_CHAIN.sub("", text))
    if code and code in sentence:
        sentence = sentence.split(code, 1)[1].lstrip(": ") or sentence
    remedy = f"look up {code} at https://login.microsoftonline.com/error" if code else "run again with --debug"
    return Explanation(sentence or type(error).__name__, remedy, code, request, at)


def hide(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the secrets, and without anything that looks like one."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MARK)
    return scrub(text)


def words(error: BaseException | str, secrets: Iterable[str] = ()) -> str:
    """Return all that the error says, without the secrets."""
    return hide(error if isinstance(error, str) else _raw_words(error), secrets)


def _raw_words(error: BaseException) -> str:
    said = str(getattr(error, "message", "") or error)
    if not _code(said) and (response := getattr(error, "response", None)) is not None:
        # A refused renewal of an interactive sign-in keeps Entra's reason only in the response.
        with_body = getattr(response, "text", None)
        body = with_body() if callable(with_body) else ""
        if isinstance(body, str) and _code(body):
            return body.replace("\\r\\n", "\n")
    return said


def _code(text: str) -> str:
    if found := re.search(r"AADSTS\d{4,9}", text):
        return found[0]
    return next(
        (code for code in ("InvalidAuthenticationTokenTenant", "ExpiredAuthenticationToken") if code in text), ""
    )


def _first_sentence(text: str) -> str:
    text = _TRAILER.sub("", text).strip()
    end = _SENTENCE.search(text)
    return (text[: end.start()] if end else text)[:300].strip()
