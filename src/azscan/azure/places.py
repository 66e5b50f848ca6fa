"""Where a read stands: the subscription, provider, region and operation that Azure counts it under."""

from __future__ import annotations

from typing import NamedTuple

from azscan.azure.answers import Ask


class Place(NamedTuple):
    """Where a read stands: what Azure counts it under. All lower case; "" where it has none."""

    host: str
    subscription: str
    provider: str
    region: str
    operation: str
    is_list: bool

    @property
    def who(self) -> str:
        """Whose budget it is, for people."""
        if self.host == "graph":
            return "Microsoft Graph"
        return f"{self.provider} in {self.region}" if self.region else self.provider


def place_of(ask: Ask) -> Place:
    """Where the read stands, from what the ask says and, where it does not say, from its path."""
    path = ask.target.partition("?")[0].lower()
    if path.startswith("https://"):
        path = path[path.find("/", 8) :] if "/" in path[8:] else "/"
    segments = path.strip("/").split("/")
    is_list = ask.shape == "list"
    if ask.host == "graph":
        workload = segments[1] if len(segments) > 1 else ""
        return Place("graph", "", workload, "", "/".join(segments[1::2]), is_list)
    subscription = ask.subscription.lower()
    if not subscription and segments[0] == "subscriptions" and len(segments) > 1:
        subscription = segments[1]
    at = len(segments) - 1 - segments[::-1].index("providers") if "providers" in segments else -1
    if at >= 0 and at + 1 < len(segments):
        provider, kind = segments[at + 1], "/".join(segments[at + 2 :: 2])
    else:
        provider, kind = "microsoft.resources", segments[-1] if len(segments) % 2 else segments[0]
    return Place("arm", subscription, ask.provider or provider, ask.region.lower(), f"{provider}/{kind}", is_list)
