"""Tokens that the user fetched elsewhere: AZSCAN_ACCESS_TOKEN and AZSCAN_GRAPH_ACCESS_TOKEN, bare or az's JSON."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from azure.core.credentials import AccessTokenInfo

from azscan.azure.tokens import GivenSource, claims_of, expiry
from azscan.azure.ways import NotSetUpError
from azscan.errors import SignInError

if TYPE_CHECKING:
    from azscan.azure.clouds import Cloud
    from azscan.azure.ways import Place

ARM_VARIABLE = "AZSCAN_ACCESS_TOKEN"
GRAPH_VARIABLE = "AZSCAN_GRAPH_ACCESS_TOKEN"

# A token's audience may be a service's address or its app id.
_ARM_APP = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
_GRAPH_APP = "00000003-0000-0000-c000-000000000000"

# az asks for the older, classic address where the user names no resource; ARM takes both.
_OLDER = {
    "AzureCloud": ("https://management.core.windows.net",),
    "AzureUSGovernment": ("https://management.core.usgovcloudapi.net",),
    "AzureChinaCloud": ("https://management.core.chinacloudapi.cn",),
}

_UNKNOWN_LIFE = 24 * 3600
"""Seconds that a token is used for which does not say when it expires; Azure's 401 ends it earlier."""


def given_tokens(place: Place) -> GivenSource:
    """Return the user's tokens; raises SignInError for one that has expired or is for something else."""
    cloud = place.cloud
    tokens: dict[str, AccessTokenInfo] = {}
    arm = place.get(ARM_VARIABLE)
    if not arm:
        raise NotSetUpError(f"{ARM_VARIABLE} is not set")
    tokens[cloud.arm_scope] = _read(arm, ARM_VARIABLE, _arm_audiences(cloud), cloud.arm)
    graph = place.get(GRAPH_VARIABLE)
    if graph:
        tokens[cloud.graph_scope] = _read(graph, GRAPH_VARIABLE, _graph_audiences(cloud), cloud.graph)
    return GivenSource(tokens, f"{GRAPH_VARIABLE} is not set", time.time)


def _read(value: str, name: str, audiences: set[str], resource: str) -> AccessTokenInfo:
    token, expires_on = _parse(value, name)
    fetch = f"fetch one with: az account get-access-token --resource {resource}"
    if expires_on <= time.time():
        raise SignInError(f"the token in {name} has expired", hint=fetch)
    audience = claims_of(token).get("aud")
    if isinstance(audience, str) and audience.rstrip("/").lower() not in {_bare(each) for each in audiences}:
        raise SignInError(f"the token in {name} is for {audience}, not for {resource}", hint=fetch)
    return AccessTokenInfo(token, int(expires_on))


def _arm_audiences(cloud: Cloud) -> set[str]:
    # A custom cloud names itself, and the app ids are Microsoft's own.
    public = () if cloud.custom else (*_OLDER.get(cloud.name, ()), _ARM_APP)
    return {cloud.arm, cloud.arm_audience, *public}


def _graph_audiences(cloud: Cloud) -> set[str]:
    return {cloud.graph} if cloud.custom else {cloud.graph, _GRAPH_APP}


def _bare(audience: str) -> str:
    return audience.rstrip("/").lower()


def _parse(value: str, name: str) -> tuple[str, float]:
    token, said = value, 0.0
    if value.startswith("{"):
        try:
            printed = msgspec.json.decode(value, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise SignInError(
                f"{name} begins like JSON but is not", hint="give the token alone, or all that az printed"
            ) from None
        token = printed.get("accessToken") or printed.get("token") or ""
        said = _moment(printed.get("expires_on")) or _moment(printed.get("expiresOn"))
    token = token.removeprefix("Bearer ").strip() if isinstance(token, str) else ""
    if not token:
        raise SignInError(
            f"{name} holds JSON without accessToken", hint="give all that az account get-access-token prints"
        )
    return token, expiry(token) or said or time.time() + _UNKNOWN_LIFE


def _moment(said: Any) -> float:
    # az prints expires_on in Unix seconds and expiresOn in local time without a zone, azd in UTC with a Z.
    if isinstance(said, (int, float)):
        return float(said)
    if isinstance(said, str):
        if said.isdigit():
            return float(said)
        try:
            return datetime.fromisoformat(said).timestamp()
        except ValueError:
            return 0.0
    return 0.0
