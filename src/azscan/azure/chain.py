"""Trying the ways of signing in: the first that gives a token for Azure Resource Manager is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azscan.azure.signin_errors import Explanation, NoTokenError, explain
from azscan.azure.tokens import KeptCredential
from azscan.azure.ways import CHOICES, NotSetUpError, Place, Way
from azscan.errors import AzscanError, SignInError, UsageError

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

_SET = "set it, or choose another way with --auth"
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
    for number, way in enumerate(ways, start=1):
        found, why = await _try(way, place)
        if found:
            return way, *found
        tried.append((way, why))
        if way.decides and why.remedy:
            raise _failed(tried, ways[number:])
    raise _failed(tried, ())


_Found = tuple[KeptCredential, "AccessTokenInfo"]


async def _try(way: Way, place: Place) -> tuple[_Found | None, Explanation]:
    """Return the credential and its first token, or None and why not."""
    secrets = place.secrets()
    try:
        credential = KeptCredential(way.set_up(place), secrets)
    except NotSetUpError as missing:
        return None, Explanation(str(missing), "")
    except (ValueError, OSError) as error:
        return None, explain(error, secrets)
    try:
        return (credential, await credential.get_token_info(place.cloud.arm_scope)), Explanation("", "")
    except NoTokenError as error:
        await credential.close()
        return None, error.why
    except BaseException:
        await credential.close()
        raise


def _failed(tried: list[tuple[Way, Explanation]], untried: tuple[Way, ...]) -> AzscanError:
    if len(tried) == 1:
        way, why = tried[0]
        message = f"signing in failed ({way.kind}): {why}"
        return SignInError(message, hint=why.remedy or _SET, code=why.code, said_at=why.at)
    lines = ["no way of signing in worked:" if not untried else "signing in failed:"]
    lines += [f"  {way.kind}: {why}" for way, why in tried]
    if untried:
        names = ", ".join(dict.fromkeys(way.kind for way in untried))
        lines.append(f"  not tried, because the environment names the identity to use: {names}")
    # What was refused for a reason of its own says more than what is merely absent.
    meant = [why for way, why in tried if why.remedy and (way.decides or why.code)]
    why = meant[-1] if meant else Explanation("", _GENERAL)
    return SignInError("\n".join(lines), hint=why.remedy, code=why.code, said_at=why.at)
