"""Signing requests, and signing them anew where Azure finds the token expired although it looks good from here."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from azscan.azure.tokens import claims_of


class _Renewing(AsyncBearerTokenCredentialPolicy[HttpRequest, Any]):
    """Answers a 401 for an expired token, besides claims challenges, with another token.

    A clock that is slow, or a token that was revoked, make Azure refuse what this machine and azure-identity's cache
    hold for good. Only a demand for claims goes past that cache: one for a token that began after the refused one.
    https://learn.microsoft.com/entra/identity-platform/claims-challenge
    """

    async def on_challenge(
        self, request: PipelineRequest[HttpRequest], response: PipelineResponse[HttpRequest, Any]
    ) -> bool:
        """Whether the request carries another token now and should be sent again."""
        refused = request.http_request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            if await super().on_challenge(request, response):
                return True
        except ValueError:  # a challenge whose claims are no base64 of UTF-8
            return False
        if b"expired" not in response.http_response.body.lower():
            return False
        await self.authorize_request(request, *self._scopes, claims=_later_than(refused))
        return True


class ArmSignature(_Renewing, AsyncARMChallengeAuthenticationPolicy):
    """The bearer token of Azure Resource Manager."""


class GraphSignature(_Renewing):
    """The bearer token of Microsoft Graph."""


def _later_than(token: str) -> str:
    """The claims of a token younger than this one: the same text for all requests that it was refused to."""
    began = claims_of(token).get("nbf")
    after = int(began) + 1 if isinstance(began, int | float) else int(time.time())
    return msgspec.json.encode({"access_token": {"nbf": {"essential": True, "value": str(after)}}}).decode()
