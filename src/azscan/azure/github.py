"""GitHub Actions' signed statement of which workflow runs, which Entra exchanges for a token.

https://docs.github.com/actions/reference/security/oidc and
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse

from azscan.azure.signin_errors import Explanation, NoTokenError
from azscan.azure.transports import ThreadTransport

if TYPE_CHECKING:
    from azscan.azure.network import Network

_OK = 200

_AUDIENCES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
}
_AUDIENCE = "api://AzureADTokenExchange"


def assertions(url: str, token: str, authority: str, network: Network) -> Callable[[], str]:
    """Return a function that asks GitHub for a new assertion at every call: one lives for minutes only.

    It blocks. Redirects are not followed, so that the request token reaches only the host it is for. Raises
    NoTokenError, and azure-core's errors of the network.
    """
    audience = _AUDIENCES.get(urlsplit(authority).hostname or "", _AUDIENCE)
    target = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"

    def ask() -> str:
        request = HttpRequest("GET", target, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
        with Pipeline(ThreadTransport(network), [RetryPolicy(retry_total=3)]) as pipeline:
            response: HttpResponse = pipeline.run(request).http_response
        try:
            value = response.json()["value"] if response.status_code == _OK else ""
        except (ValueError, KeyError, TypeError):
            value = ""
        if not isinstance(value, str) or not value:
            raise NoTokenError(
                Explanation(
                    f"GitHub's token service gave no identity token (HTTP {response.status_code})",
                    "give the job the permission id-token: write",
                )
            )
        return value

    return ask
