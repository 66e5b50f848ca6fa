"""A list's pages, one after the other, by next links or by a query's skip token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from azscan.azure.answers import Answer, Ask, Fault

SKIP_TOKEN = "$skipToken"


async def pages(read: Callable[[Ask], Awaitable[Answer]], ask: Ask) -> AsyncIterator[Answer]:
    """The answers to `ask` and to its next links, one after the other, to the end or the first fault.

    A next link that was seen before ends them with a `bad_response` fault.
    """
    seen = {ask.target}
    while True:
        answer = await read(ask)
        following = next_ask(ask, answer) if answer.fault is None else None
        if following is not None:
            if answer.next in seen:
                fault = Fault("bad_response", "a next link leads back to a page that was read before")
                yield msgspec.structs.replace(answer, next="", fault=fault)
                return
            seen.add(answer.next)
        yield answer
        if following is None:
            return
        ask = following


def next_ask(ask: Ask, answer: Answer) -> Ask | None:
    """The ask for the page after `answer`, or None at the end of the list."""
    if not answer.next:
        return None
    if ask.method == "POST" and not answer.next.startswith(("/", "https://")):
        body = dict(ask.body or {})
        body["options"] = {**body.get("options", {}), SKIP_TOKEN: answer.next}
        return msgspec.structs.replace(ask, body=body)
    return msgspec.structs.replace(ask, target=answer.next)
