"""Trying the ways of signing in: the first that gives a token for Azure Resource Manager is used."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from azscan.azure.signin_errors import Explanation, explain, words
from azscan.azure.tokens import KeptCredential
from azscan.azure.ways import CHOICES, NotSetUpError, Place, Way
from azscan.errors import AzscanError, SignInError, UsageError

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

_LOG = logging.getLogger(__name__)
_GENERAL = "run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or choose a way with --auth"


async def first_that_works(choice: str, place: Place) -> tuple[Way, KeptCredential, AccessTokenInfo]:
    """Return the way, its credential and a token for ARM; raises SignInError that says why each way failed.

    A way whose variables are all there and which Entra refuses ends the search: another identity than the one
    that was set up would not be what the user means.
    """
    if choice not in CHOICES:
        raise UsageError(f"there is no way of signing in called {choice!r}", hint=f"choose one of {', '.join(CHOICES)}")
    ways = CHOICES[choice]
    tried: list[tuple[Way, Explanation]] = []
    for number, way in enumerate(ways):
        try:
            source = way.set_up(place)
        except NotSetUpError as missing:
            tried.append((way, Explanation(str(missing), "")))
            continue
        except (ValueError, OSError) as error:
            tried.append((way, _why(way, error, place)))
            if way.decides:
                raise _failed(tried, ways[number + 1 :]) from None
            continue
        credential = KeptCredential(source)
        try:
            return way, credential, await credential.get_token_info(place.cloud.arm_scope)
        except AzureError as error:
            await credential.close()
            tried.append((way, _why(way, error, place)))
            if way.decides:
                raise _failed(tried, ways[number + 1 :]) from None
        except BaseException:
            await credential.close()
            raise
    raise _failed(tried, ())


def _why(way: Way, error: BaseException, place: Place) -> Explanation:
    _LOG.debug("%s: %s", way.kind, words(error, place.secrets()))
    return explain(error, place.secrets())


def _failed(tried: list[tuple[Way, Explanation]], untried: tuple[Way, ...]) -> AzscanError:
    refused = [(way, why) for way, why in tried if why.remedy]
    if len(tried) == 1:
        way, why = tried[0]
        return SignInError(f"signing in failed ({way.kind}): {why}", hint=why.remedy or f"set what is missing: {why}")
    lines = ["no way of signing in worked:" if not untried else "signing in failed:"]
    lines += [f"  {way.kind}: {why}" for way, why in tried]
    if untried:
        names = ", ".join(dict.fromkeys(way.kind for way in untried))
        lines.append(f"  not tried, because the environment names the identity to use: {names}")
    # What was refused for a reason of its own says more than what is merely absent.
    meant = [why.remedy for way, why in refused if way.decides or why.code]
    return SignInError("\n".join(lines), hint=meant[-1] if meant else _GENERAL)
