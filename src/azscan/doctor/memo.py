"""Reads that several diagnoses share: each is made once."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from azscan.azure.answers import Answer, Ask, Fault
from azscan.azure.paging import pages


class Reader(Protocol):
    """The part of the session that a diagnosis needs."""

    async def read(self, ask: Ask) -> Answer:
        """Return what Azure answers."""

    def allow(self, subscription: str) -> None:
        """Let later reads name this subscription."""


class Memo:
    """A session that remembers its answers."""

    def __init__(self, session: Reader) -> None:
        self._session = session
        self._answers: dict[tuple[str, str, str], asyncio.Future[Answer]] = {}

    async def read(self, ask: Ask) -> Answer:
        """The answer, asked of Azure once."""
        key = (ask.method, ask.target, repr(ask.body))
        if key not in self._answers:
            self._answers[key] = asyncio.ensure_future(self._session.read(ask))
        return await self._answers[key]

    def allow(self, subscription: str) -> None:
        """Let later reads name this subscription."""
        self._session.allow(subscription)

    async def all(self, ask: Ask) -> tuple[list[dict[str, Any]], Fault | None]:
        """Every item of a list, and what went wrong where it could not be read to its end."""
        found: list[dict[str, Any]] = []
        fault = None
        async for answer in pages(self.read, ask):
            found += [item for item in answer.items if isinstance(item, dict)]
            fault = answer.fault
        return found, fault
