"""Spends Azure's budgets for reads without running into them, and slows only who is short."""

from __future__ import annotations

import asyncio
import email.utils
import heapq
import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from azscan.azure.answers import Ask
from azscan.azure.budgets import Bucket, Budget, Window
from azscan.azure.faults import Words, error_words

TOO_MANY_REQUESTS: Final = 429
DEFAULT_WAIT: Final = 10.0
"""Seconds to wait after a 429 that does not say how long; doubled with each further one, up to a minute."""
LONGEST_DEFAULT_WAIT: Final = 60.0
_TELL_FROM: Final = 1.0

# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_ARM_BUCKET: Final = (250, 25)
_STORAGE_READS: Final = (800, 300)
_STORAGE_LISTS: Final = (100, 300)
_NETWORK_READS: Final = (10_000, 300)
# https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
_RESOURCE_GRAPH: Final = (15, 5)
# https://learn.microsoft.com/graph/throttling-limits: 3,500 units in 10 seconds for a small tenant, most reads
# costing one or two.
_GRAPH_BUCKET: Final = (1000, 175)
_UNKNOWN_PERIOD: Final = 60.0

_REMAINING: Final = "x-ms-ratelimit-remaining-"
_READS: Final = frozenset({"subscription-reads", "subscription-global-reads"})
_WRITES: Final = ("-writes", "-deletes")
_MINUTES: Final = re.compile(r"(\d+)Min\Z")
_AGAIN_AFTER: Final = re.compile(r"again after '?(\d+)'? seconds?")
_STATED_LIMIT: Final = re.compile(r"limit of '(\d+)' for time interval '(?:(\d+)\.)?(\d+):(\d+):(\d+)'")
_ACTION: Final = re.compile(r"for action '[^']+'|and operation '[^']+'")


class Timer(Protocol):
    """What `Clock.call_later` returns."""

    def cancel(self) -> None:
        """The callback is no longer wanted."""


class Clock:
    """Time as the governor sees it: the event loop's. Tests hand in a faster one."""

    def now(self) -> float:
        """Seconds, from any start."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Calls `callback` after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""
        if seconds > 0:
            done = asyncio.get_running_loop().create_future()
            timer = self.call_later(seconds, lambda: None if done.done() else done.set_result(None))
            try:
                await done
            finally:
                timer.cancel()


class Wait(NamedTuple):
    """Reads wait for a budget (`reads` of them, `seconds` until the last is served), or no longer (`reads` is 0)."""

    who: str
    seconds: float
    reads: int


class Place(NamedTuple):
    """Where a read stands: what Azure counts it under. All lower case; "" where it has none."""

    host: str
    subscription: str
    provider: str
    region: str
    operation: str
    is_list: bool


class Waiter:
    """One read that waits to be admitted."""

    __slots__ = ("future", "granted", "paid", "purse", "seq")

    def __init__(self, seq: int, purse: list[Budget], future: asyncio.Future[None]) -> None:
        self.seq = seq
        self.purse = purse
        self.future = future
        self.paid = False
        self.granted = False


class Ticket(NamedTuple):
    """Leave to send one request; to be settled once, whatever becomes of it."""

    place: Place
    purse: list[Budget]
    sent_at: float


class Governor:
    """Admits reads as their budgets and the number of connections allow, oldest first.

    Only requests on the wire count against `concurrency`; a read that waits for a budget holds no connection and
    costs nothing until its time comes. `listener` hears when reads start and stop to wait for a budget.
    """

    def __init__(
        self, concurrency: int = 32, *, clock: Clock | None = None, listener: Callable[[Wait], None] | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.listener = listener
        self.requests = 0
        self.refused = 0
        self._free = concurrency
        self._slots: deque[Waiter] = deque()
        self._seq = 0
        self._budgets: dict[tuple[str, ...], Budget] = {}
        self._shared: dict[tuple[str, ...], list[Budget]] = {}

    async def admit(self, ask: Ask) -> Ticket:
        """Leave to send the request for `ask`, as soon as every budget that it is paid from can pay."""
        place = place_of(ask)
        purse = self._purse(place)
        now = self.clock.now()
        if self._free and all(not budget.queue and budget.wait(now) <= 0 for budget in purse):
            self._free -= 1
            for budget in purse:
                budget.pay(now)
        else:
            self._seq += 1
            waiter = Waiter(self._seq, purse, asyncio.get_running_loop().create_future())
            self._seek(waiter)
            await self._granted(waiter)
        self.requests += 1
        return Ticket(place, purse, self.clock.now())

    def settle(self, ticket: Ticket, status: int, headers: Mapping[str, str], body: bytes) -> float:
        """Takes the ticket back and learns from the answer (status 0: none came).

        Returns the seconds that the caller must wait by itself before it asks again: 0 unless Azure refused the
        request for a reason that concerns no budget.
        """
        now = self.clock.now()
        is_refused = status == TOO_MANY_REQUESTS
        for budget in ticket.purse:
            if is_refused or not status:
                budget.refuse()
            else:
                budget.settle(now)
        alone = self._blame(ticket, headers, error_words(body), now) if is_refused else 0.0
        if status:
            self._learn(ticket.place, headers, now)
        for budget in ticket.purse:
            if budget.queue:
                self._wake(budget)
        self._release()
        return alone

    # -- waiting -------------------------------------------------------------------------------------------------

    async def _granted(self, waiter: Waiter) -> None:
        try:
            await waiter.future
        except asyncio.CancelledError:
            waiter.future.cancel()
            if waiter.paid:
                for budget in waiter.purse:
                    budget.refund()
                    if budget.queue:
                        self._wake(budget)
            if waiter.granted:
                self._release()
            raise

    def _seek(self, waiter: Waiter) -> None:
        """Lets the waiter pay all its budgets, or puts it behind the first that cannot be paid now."""
        now = self.clock.now()
        for budget in waiter.purse:
            if budget.wait(now) > 0 or (budget.queue and budget.queue[0][0] < waiter.seq):
                heapq.heappush(budget.queue, (waiter.seq, waiter))
                self._arm(budget, now)
                return
        for budget in waiter.purse:
            budget.pay(now)
        waiter.paid = True
        if self._free:
            self._free -= 1
            self._grant(waiter)
        else:
            self._slots.append(waiter)

    def _wake(self, budget: Budget) -> None:
        """Serves those who wait for the budget, as far as it reaches."""
        if budget.timer is not None:
            budget.timer.cancel()
            budget.timer = None
        now = self.clock.now()
        while budget.queue:
            waiter = budget.queue[0][1]
            if not waiter.future.cancelled():
                if budget.wait(now) > 0:
                    break
                heapq.heappop(budget.queue)
                self._seek(waiter)
            else:
                heapq.heappop(budget.queue)
        if budget.queue:
            self._arm(budget, now)
        elif budget.told:
            budget.told = False
            self._tell(Wait(budget.who, 0.0, 0))

    def _arm(self, budget: Budget, now: float) -> None:
        if budget.timer is None:
            seconds = budget.wait(now)
            if not math.isinf(seconds):
                budget.timer = self.clock.call_later(seconds, lambda: self._wake(budget))
        if not budget.told and (seconds := budget.outlook(now)) >= _TELL_FROM and not math.isinf(seconds):
            budget.told = True
            self._tell(Wait(budget.who, seconds, len(budget.queue)))

    def _grant(self, waiter: Waiter) -> None:
        waiter.granted = True
        waiter.future.set_result(None)

    def _release(self) -> None:
        while self._slots:
            waiter = self._slots.popleft()
            if not waiter.future.cancelled():
                self._grant(waiter)
                return
        self._free += 1

    def _tell(self, wait: Wait) -> None:
        if self.listener is not None:
            self.listener(wait)

    # -- budgets -------------------------------------------------------------------------------------------------

    def _purse(self, place: Place) -> list[Budget]:
        """The budgets that a read of this place is paid from."""
        host, subscription, provider, region, operation, is_list = place
        key = (host, subscription, provider, region, operation, "list" if is_list else "")
        purse = self._shared.get(key)
        if purse is None:
            purse = self._shared[key] = self._documented(place)
        return purse

    def _documented(self, place: Place) -> list[Budget]:
        now = self.clock.now()
        if place.host == "graph":
            whole = self._budget(("graph",), lambda: Bucket("Microsoft Graph", *_GRAPH_BUCKET, now))
            return [whole, self._window(("graph", place.provider), f"Microsoft Graph ({place.provider})")]
        sub = place.subscription
        if sub:
            purse = [self._budget(("arm", sub), lambda: Bucket(f"subscription {sub}", *_ARM_BUCKET, now))]
        else:
            purse = [self._budget(("arm",), lambda: Bucket("the tenant", *_ARM_BUCKET, now))]
        who = _who(place)
        base = (place.provider, sub, place.region)
        if place.provider == "microsoft.storage" and sub:
            purse.append(self._window((*base, "read"), f"{who} (reads)", _STORAGE_READS))
            if place.is_list:
                purse.append(self._window((*base, "list"), f"{who} (lists)", _STORAGE_LISTS))
        elif place.provider == "microsoft.network" and sub:
            purse.append(self._window(base, who, _NETWORK_READS))
        elif place.provider == "microsoft.resourcegraph":
            purse.append(self._window(base, who, _RESOURCE_GRAPH))
        else:
            purse.append(self._window(base, who))
        return purse

    def _budget(self, key: tuple[str, ...], make: Callable[[], Budget]) -> Budget:
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._budgets[key] = make()
        return budget

    def _window(self, key: tuple[str, ...], who: str, limit: tuple[int, float] | None = None) -> Budget:
        return self._budget(key, lambda: Window(who, *(limit or (None, _UNKNOWN_PERIOD))))

    # -- learning ------------------------------------------------------------------------------------------------

    def _learn(self, place: Place, headers: Mapping[str, str], now: float) -> None:
        reads: int | None = None
        for name in headers:
            folded = name.lower()
            if folded.startswith(_REMAINING):
                kind = folded[len(_REMAINING) :]
                if kind in _READS or (kind == "tenant-reads" and not place.subscription):
                    left = _number(headers[name])
                    reads = left if reads is None or (left is not None and left < reads) else reads
                elif kind == "resource":
                    self._learn_policies(place, headers[name], now)
                elif not kind.endswith(_WRITES) and kind != "tenant-reads":
                    self._learn_policy(place, kind, headers[name], now)
            elif folded == "x-ms-user-quota-remaining":
                self._learn_quota(place, headers, now)
        if reads is not None:
            self._purse(place)[0].learn(reads, now)

    def _learn_policies(self, place: Place, value: str, now: float) -> None:
        """Reads `Microsoft.Compute/HighCostGet3Min;139,Microsoft.Compute/HighCostGet30Min;699`.

        https://learn.microsoft.com/troubleshoot/azure/virtual-machines/troubleshooting-throttling-errors; what
        ends in `Resource` is one resource's own.
        """
        for part in value.split(","):
            name, _, left = part.strip().rpartition(";")
            if name and not name.endswith("Resource"):
                self._learn_policy(place, name, left, now)

    def _learn_policy(self, place: Place, name: str, value: str, now: float) -> None:
        left = _number(value)
        if left is None:
            return
        minutes = _MINUTES.search(name)
        period = float(minutes.group(1)) * 60 if minutes else _UNKNOWN_PERIOD
        key = ("policy", place.provider, place.subscription, place.region, name.lower())
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._budgets[key] = Window(f"{_who(place)} ({name.rpartition('/')[2]})", left + 1, period)
        purse = self._purse(place)
        if budget not in purse:
            self._add(place, purse, budget)
        budget.learn(left, now)

    def _learn_quota(self, place: Place, headers: Mapping[str, str], now: float) -> None:
        left = _number(headers.get("x-ms-user-quota-remaining", ""))
        if left is None:
            return
        budget = self._purse(place)[-1]
        budget.learn(left, now)
        if left == 0:
            parts = headers.get("x-ms-user-quota-resets-after", "").split(":")
            seconds = sum(float(part) * 60**at for at, part in enumerate(reversed(parts)) if _is_number(part))
            budget.block(seconds or _RESOURCE_GRAPH[1], now)

    def _add(self, place: Place, purse: list[Budget], budget: Budget) -> None:
        """From now on reads of this place are paid from `budget` too; reads under way keep the purse they had."""
        host, subscription, provider, region, operation, is_list = place
        key = (host, subscription, provider, region, operation, "list" if is_list else "")
        self._shared[key] = [*purse, budget]

    # -- refusals ------------------------------------------------------------------------------------------------

    def _blame(self, ticket: Ticket, headers: Mapping[str, str], words: Words, now: float) -> float:
        """Makes the budget wait that a 429 names; returns the seconds to wait where it names none."""
        self.refused += 1
        if words.code.lower().startswith("retryable"):
            return _told_wait(headers, words) or DEFAULT_WAIT
        budget = self._short_one(ticket.place, headers, words)
        seconds = _told_wait(headers, words)
        if seconds is None:
            seconds = min(DEFAULT_WAIT * 2**budget.strikes, LONGEST_DEFAULT_WAIT)
        if isinstance(budget, Window) and (stated := _STATED_LIMIT.search(words.text)):
            days, hours, minutes, rest = (int(part or 0) for part in stated.groups()[1:])
            budget.state(int(stated.group(1)), float(((days * 24 + hours) * 60 + minutes) * 60 + rest))
        if ticket.sent_at >= budget.blocked_at or now >= budget.blocked_until:
            budget.block(seconds, now)
        if budget.queue:
            budget.told = False
            self._arm(budget, now)
        return 0.0

    def _short_one(self, place: Place, headers: Mapping[str, str], words: Words) -> Budget:
        purse = self._purse(place)
        code = words.code.lower()
        if place.host == "graph":
            is_whole = bool(headers.get("x-ms-throttle-scope")) or "resourceunit" in code
            return purse[0] if is_whole else purse[1]
        for _, target in words.details:
            named = [budget for budget in purse if target and budget.who.endswith(f"({target})")]
            if named:
                return named[0]
        if _ACTION.search(words.text):
            return self._operation(place, purse)
        if code in ("subscriptionrequeststhrottled", "tenantrequeststhrottled"):
            return purse[0]
        if not code and headers.get("x-ms-failure-cause", "").lower() == "gateway":
            return purse[0]
        if place.provider == "microsoft.storage" and place.is_list and len(purse) > 2:
            return purse[1] if "read_" in words.text.lower() else purse[2]
        return purse[1]

    def _operation(self, place: Place, purse: list[Budget]) -> Budget:
        key = ("operation", place.subscription, place.region, place.operation, "list" if place.is_list else "")
        budget = self._window(key, f"{_who(place)} ({place.operation})")
        if budget not in purse:
            self._add(place, purse, budget)
        return budget


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


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After (a number, or a date), or its cousins in milliseconds, ask for; None without."""
    for name, scale in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if _is_number(value):
            return max(0.0, float(value) / scale)
        if value:
            try:
                return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
            except (ValueError, OverflowError):
                continue
    return None


def _told_wait(headers: Mapping[str, str], words: Words) -> float | None:
    seconds = retry_after(headers)
    if seconds is None and (found := _AGAIN_AFTER.search(words.text)):
        seconds = float(found.group(1))
    return seconds


def _who(place: Place) -> str:
    if place.host == "graph":
        return "Microsoft Graph"
    where = f" in {place.region}" if place.region else ""
    return f"{place.provider}{where}"


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
