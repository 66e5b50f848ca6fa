"""Access tokens as this process holds them: in memory only, read for whom they name, never shown."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TypeVar

import msgspec
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError

from azscan.azure.signin_errors import Explanation, NoTokenError, explain, words

EARLY_SECONDS = 300
"""A token is renewed when it has less than this to live."""

AGAIN_SECONDS = 30
"""A token that is still good is not renewed again within this; nor is one claims challenge answered twice."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_OTHER = "fetch a new token, or choose a way with --auth that can renew it"


class Source(Protocol):
    """Where tokens come from: one way of signing in, once it is set up."""

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        """Return a token for the scope; raises where there is none, as azure-identity does."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass
class _Kept:
    token: AccessTokenInfo
    renew_at: float
    claims: str | None
    asked_at: float


class KeptCredential:
    """An azure-core credential that asks its source once per scope and keeps the token in memory.

    Needed because the credentials of az and azd start a process for every token. Waiting callers share one
    request. Continuous access evaluation is never asked for: an interactive credential keeps such tokens apart
    and would prompt the user a second time. Raises NoTokenError, with `secrets` left out of its words.
    """

    def __init__(self, source: Source, secrets: Collection[str] = (), clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._secrets = secrets
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: Any,
    ) -> AccessToken:
        """Return a token for the one scope; `claims` (a claims challenge's) asks for a new one."""
        token = await self._token(scopes, claims)
        return AccessToken(token.token, token.expires_on)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token for the one scope; `options["claims"]` (a claims challenge's) asks for a new one."""
        return await self._token(scopes, (options or {}).get("claims"))

    async def close(self) -> None:
        """Close the source and forget every token."""
        self._kept.clear()
        await self._source.close()

    async def __aenter__(self) -> KeptCredential:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def _token(self, scopes: tuple[str, ...], claims: str | None) -> AccessTokenInfo:
        if len(scopes) != 1:
            raise ValueError("a token is asked for one scope at a time")
        scope = scopes[0]
        async with self._locks.setdefault(scope, asyncio.Lock()):
            kept, now = self._kept.get(scope), self._clock()
            if kept and _serves(kept, claims, now):
                return kept.token
            token = await self._ask(scope, claims)
            if isinstance(token, NoTokenError):
                if kept and not claims and now < kept.token.expires_on:
                    kept.asked_at = now
                    return kept.token
                raise token
            self._kept[scope] = _keep(token, claims, now)
            return self._kept[scope].token

    async def _ask(self, scope: str, claims: str | None) -> AccessTokenInfo | NoTokenError:
        # Returned, so that what is raised drags no error behind it that holds the request with its secret.
        try:
            return await self._source.ask(scope, claims)
        except NoTokenError as error:
            return error
        except (AzureError, ValueError, OSError, RuntimeError, KeyError) as error:
            # azure-identity and MSAL let some through: a missing token file, a tenant without a configuration.
            _LOG.debug("no token for %s: %s", scope, words(error, self._secrets))
            return NoTokenError(explain(error, self._secrets))


def _serves(kept: _Kept, claims: str | None, now: float) -> bool:
    just_asked = now - kept.asked_at < AGAIN_SECONDS
    if claims and claims != kept.claims:
        return False
    if claims or now >= kept.renew_at:
        return just_asked and now < kept.token.expires_on
    return True


def _keep(token: AccessTokenInfo, claims: str | None, now: float) -> _Kept:
    # What the token itself says goes before what its bearer says: az and azd print local times without a zone.
    expires_on = int(expiry(token.token)) or token.expires_on
    renew_at = expires_on - EARLY_SECONDS
    if token.refresh_on:
        renew_at = min(renew_at, token.refresh_on)
    told = AccessTokenInfo(token.token, expires_on, token_type=token.token_type, refresh_on=token.refresh_on)
    return _Kept(told, renew_at, claims, now)


class AsyncSource:
    """Tokens from one of azure-identity's asynchronous credentials."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        """Return the credential's token."""
        token: AccessTokenInfo = await self._credential.get_token_info(scope, options=_options(claims))
        return token

    async def close(self) -> None:
        """Close the credential."""
        await self._credential.close()


class ThreadSource:
    """Tokens from a credential that blocks: it runs in a thread, and Ctrl-C does not wait for it.

    `first` is called instead of the credential's own method for the first token (the one that may ask the user).
    """

    def __init__(self, credential: Any, first: Callable[[str], AccessTokenInfo] | None = None) -> None:
        self._credential = credential
        self._first = first

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        """Return the credential's token, without blocking the event loop."""
        first, self._first = self._first, None
        if first:
            return await in_thread(lambda: first(scope))

        def later() -> AccessTokenInfo:
            token: AccessTokenInfo = self._credential.get_token_info(scope, options=_options(claims))
            return token

        return await in_thread(later)

    async def close(self) -> None:
        """Close the credential."""
        self._credential.close()


class GivenSource:
    """Tokens that the user handed over, by scope: they cannot be renewed."""

    def __init__(self, tokens: Mapping[str, AccessTokenInfo], missing: str, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._missing = missing
        self._clock = clock

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        """Return the token of this scope; raises where there is none, it has expired or Azure wants another."""
        token = self._tokens.get(scope)
        if token is None:
            raise NoTokenError(Explanation(self._missing, "give one, or choose another way with --auth"))
        if claims:
            raise NoTokenError(Explanation("Azure asks for another token, and a given one cannot be renewed", _OTHER))
        if token.expires_on <= self._clock():
            raise NoTokenError(Explanation("the given token has expired", _OTHER))
        return token

    async def close(self) -> None:
        """Nothing to close."""


def _options(claims: str | None) -> TokenRequestOptions:
    return {"claims": claims} if claims else {}


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, run in a daemon thread.

    Not asyncio.to_thread: the loop waits for those threads when it closes, so a user who presses Ctrl-C while a
    device code is pending would wait until the code expires.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="azscan-sign-in", daemon=True).start()
    return await done


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says of itself; {} for one that is not a JWT.

    The signature is not checked: the token was just received from the authority or the user, and what it says is
    only shown or compared, never a reason to allow something.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return {}
    return claims if isinstance(claims, dict) else {}


def expiry(token: str) -> float:
    """Return when a token says it expires (Unix seconds); 0 where it does not say."""
    seconds = claims_of(token).get("exp")
    return float(seconds) if isinstance(seconds, (int, float)) else 0.0
