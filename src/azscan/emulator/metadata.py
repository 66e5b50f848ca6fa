"""ARM's own account of its cloud, from which a client learns where to sign in and where Graph is."""

from __future__ import annotations

from urllib.parse import parse_qs

from azscan.emulator.replies import Reply, answer, error


def endpoints(url: str, graph_url: str, name: str, query: str) -> Reply:
    """The answer of `GET /metadata/endpoints` (api-version 2022-09-01)."""
    if not parse_qs(query).get("api-version"):
        words = "The api-version query parameter (?api-version=) is required for all requests."
        return error(400, "MissingApiVersionParameter", words)
    return answer(
        {
            "portal": "https://portal.azure.com",
            "authentication": {
                "loginEndpoint": url,
                "audiences": [url, "https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "name": f"{name}Emulator",
            "resourceManager": url + "/",
            "microsoftGraphResourceId": graph_url + "/",
            "graphAudience": graph_url + "/",
            "graph": graph_url + "/",
            "suffixes": {
                "storage": "core.windows.net",
                "keyVaultDns": "vault.azure.net",
                "sqlServerHostname": "database.windows.net",
                "acrLoginServer": "azurecr.io",
            },
        }
    )
