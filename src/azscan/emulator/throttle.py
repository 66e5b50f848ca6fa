"""ARM's budgets: a bucket for each subscription and tenant, windows for providers, and their 429s."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from azscan.emulator.options import ProviderLimit, Throttle
from azscan.emulator.replies import Reply, error, graph_error

# A subscription's global budget is fifteen times that of one principal, as its header shows.
GLOBAL = 15


@dataclass(slots=True)
class Bucket:
    """Tokens that refill with time."""

    capacity: float
    refill: float
    tokens: float
    at: float
    taken: int = 0

    def take(self, now: float) -> float:
        """Take one token: 0 where there was one, else the seconds until there is."""
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.refill)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            self.taken += 1
            return 0.0
        return (1 - self.tokens) / self.refill


@dataclass(slots=True)
class Window:
    """So many requests in a fixed window, which opens with its first request."""

    limit: int
    length: float
    opened: float
    used: int = 0

    def wait(self, now: float) -> float:
        """0 where one more fits, else the seconds until the window closes."""
        if now - self.opened >= self.length:
            self.opened, self.used = now, 0
        return 0.0 if self.used < self.limit else self.opened + self.length - now


class Budgets:
    """All budgets of one emulator, spent by each principal for itself."""

    def __init__(self, throttle: Throttle, clock: Callable[[], float] = time.monotonic) -> None:
        self._throttle = throttle
        self._clock = clock
        self.buckets: dict[tuple[str, str], Bucket] = {}
        self._windows: dict[tuple[str, str, int, str], Window] = {}

    def spend(self, subscription: str, namespace: str, is_list: bool, who: str, action: str) -> Reply | dict[str, str]:
        """Pay for one read of ARM: the headers that tell what remains, or the 429."""
        now = self._clock() * self._throttle.time_scale
        scope = subscription or "tenant"
        bucket = self._bucket(scope, who, now)
        wait = bucket.take(now)
        if wait:
            return self._throttled(wait, *_gateway_words(subscription, who, wait))
        headers = self._remaining(scope, bucket)
        due: list[tuple[ProviderLimit, Window]] = []
        for at, limit in enumerate(self._throttle.providers.get(namespace, ()) if subscription else ()):
            if limit.what == "list" and not is_list:
                continue
            window = self._window((subscription, namespace, at, who), limit, now)
            wait = window.wait(now)
            if wait:
                return self._throttled(wait, *_provider_words(namespace, limit, action, wait))
            due.append((limit, window))
        for _, window in due:
            window.used += 1
        shown = [f"{limit.name};{limit.limit - window.used}" for limit, window in due if limit.shown]
        if shown and self._throttle.headers:
            headers["x-ms-ratelimit-remaining-resource"] = ",".join(shown)
        return headers

    def spend_graph(self, who: str) -> Reply | dict[str, str]:
        """Pay for one read of Microsoft Graph."""
        now = self._clock() * self._throttle.time_scale
        wait = self._bucket("graph", who, now).take(now)
        if not wait:
            return {}
        reply = graph_error(429, "TooManyRequests", "Too many requests.")
        return self._with_retry(reply, wait)

    def _bucket(self, scope: str, who: str, now: float) -> Bucket:
        bucket = self.buckets.get((scope, who))
        if bucket is None:
            rules = self._throttle
            capacity, refill = {
                "tenant": (rules.tenant_capacity, rules.tenant_refill),
                "graph": (rules.graph_capacity, rules.graph_refill),
            }.get(scope, (rules.capacity, rules.refill))
            bucket = self.buckets[(scope, who)] = Bucket(capacity, refill, capacity, now)
        return bucket

    def _window(self, key: tuple[str, str, int, str], limit: ProviderLimit, now: float) -> Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(limit.limit, limit.window, now)
        return window

    def _remaining(self, scope: str, bucket: Bucket) -> dict[str, str]:
        if not self._throttle.headers:
            return {}
        left = int(bucket.tokens)
        if scope == "tenant":
            return {"x-ms-ratelimit-remaining-tenant-reads": str(left)}
        overall = int(bucket.capacity * (GLOBAL - 1)) + left
        return {
            "x-ms-ratelimit-remaining-subscription-reads": str(left),
            "x-ms-ratelimit-remaining-subscription-global-reads": str(overall),
        }

    def _throttled(self, wait: float, code: str, message: str) -> Reply:
        return self._with_retry(error(429, code, message), wait)

    def _with_retry(self, reply: Reply, wait: float) -> Reply:
        if self._throttle.retry_after:
            reply.headers["retry-after"] = str(max(1, math.ceil(wait / self._throttle.time_scale)))
        return reply


def _gateway_words(subscription: str, who: str, wait: float) -> tuple[str, str]:
    seconds = max(1, math.ceil(wait))
    after = f"exceeded. Please try again after '{seconds}' seconds after additional tokens are available."
    more = "Refer to https://aka.ms/arm-throttling for additional information."
    if subscription:
        words = f"Number of 'read' requests for subscription '{subscription}' actor '{who}' {after} {more}"
        return "SubscriptionRequestsThrottled", words
    return "TenantRequestsThrottled", f"Number of 'read' requests for the tenant, actor '{who}', {after} {more}"


def _provider_words(namespace: str, limit: ProviderLimit, action: str, wait: float) -> tuple[str, str]:
    minutes, seconds = divmod(int(limit.window), 60)
    window = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if namespace == "microsoft.storage":
        kind = "List" if limit.what == "list" else "Read"
        return "TooManyRequests", (
            "The request is being throttled as the limit has been reached for operation type - "
            f"{kind}_ObservationWindow_{window}. For more information, see - https://aka.ms/srpthrottlinglimits"
        )
    return "ResourceRequestsThrottled", (
        f"Number of requests for action '{action}' exceeded the limit of '{limit.limit}' for time interval "
        f"'{window}'. Please try again after '{max(1, math.ceil(wait))}' seconds."
    )
