"""Spends Azure's budgets for reads without running into them, and slows only who is short."""

from __future__ import annotations

import asyncio
import heapq
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from azscan.azure.answers import Ask
from azscan.azure.budgets import Bucket, Budget, Window
from azscan.azure.clock import Clock
from azscan.azure.faults import Words, error_words, number_in, retry_after
from azscan.azure.places import Place, place_of

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


class Wait(NamedTuple):
    """Reads wait for a budget (`reads` of them, `seconds` until the last is served), or no longer (`reads` is 0)."""

    who: str
    seconds: float
    reads: int


class Load(NamedTuple):
    """So many reads are paid from a budget, which costs so many seconds of waiting."""

    who: str
    reads: int
    seconds: float


class Waiter:
    """One read that waits to be admitted; `serials` are its numbers in the budgets that it was `paid` from."""

    __slots__ = ("future", "paid", "seq", "serials")

    def __init__(self, seq: int, future: asyncio.Future[None]) -> None:
        self.seq = seq
        self.future = future
        self.paid: tuple[Budget, ...] = ()
        self.serials: list[int] = []


class Lane:
    """The reads of one place, in their order, which are paid from the same `purse`.

    A lane with waiters is either ready or parked at the budget that cannot pay for its first one.
    """

    __slots__ = ("is_idle", "purse", "waiters")

    def __init__(self, purse: list[Budget]) -> None:
        self.purse = purse
        self.waiters: deque[Waiter] = deque()
        self.is_idle = True

    def prune(self) -> bool:
        """Drops waiters that gave up from the front; True where one is left."""
        while self.waiters and self.waiters[0].future.cancelled():
            self.waiters.popleft()
        return bool(self.waiters)


class Ticket(NamedTuple):
    """Leave to send one request; to be settled once, whatever becomes of it."""

    place: Place
    purse: tuple[Budget, ...]
    serials: list[int]
    sent_at: float

    def paid_since(self, budget: Budget) -> int:
        """How many reads were paid from `budget` after this one."""
        return budget.paid - self.serials[self.purse.index(budget)] if budget in self.purse else 0


class Governor:
    """Admits reads as their budgets and the number of connections allow, oldest first.

    Only requests on the wire count against `concurrency`; a read that waits for a budget holds no connection and
    costs nothing until its time comes. `listener` hears when reads start and stop to wait for a budget.

    The documented budgets of ARM count from the first read on, but limit only after an answer of ARM's has shown
    that it counts (a header with what remains, or a 429); ARM itself sends the header with every answer.
    """

    def __init__(
        self, concurrency: int = 32, *, clock: Clock | None = None, listener: Callable[[Wait], None] | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.concurrency = concurrency
        self.listener = listener
        self.requests = 0
        self.refused = 0
        self._free = concurrency
        self._ready: list[tuple[int, Lane]] = []
        self._seq = 0
        self._is_counted = False
        self._budgets: dict[tuple[str, ...], Budget] = {}
        self._lanes: dict[Place, Lane] = {}

    async def admit(self, ask: Ask) -> Ticket:
        """Leave to send the request for `ask`, as soon as every budget that it is paid from can pay."""
        place = place_of(ask)
        lane = self._lane(place)
        now = self.clock.now()
        if self._free and not self._ready and lane.is_idle and self._short(lane, self._seq + 1, now) is None:
            self._free -= 1
            self.requests += 1
            return Ticket(place, tuple(lane.purse), [budget.pay(now) for budget in lane.purse], now)
        self._seq += 1
        waiter = Waiter(self._seq, asyncio.get_running_loop().create_future())
        lane.waiters.append(waiter)
        if lane.is_idle:
            lane.is_idle = False
            heapq.heappush(self._ready, (waiter.seq, lane))
        self._pump()
        await self._granted(waiter)
        self.requests += 1
        return Ticket(place, waiter.paid, waiter.serials, self.clock.now())

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
                budget.settle(now, ticket.sent_at)
        if is_refused and ticket.place.host == "arm":
            self._awake(now)
        alone = self._blame(ticket, headers, error_words(body), now) if is_refused else 0.0
        if status:
            self._learn(ticket, headers, now)
        self._free += 1
        for budget in ticket.purse:
            if budget.queue and (budget.timer is None or budget.wait(now) <= 0):
                self._wake(budget)
        self._pump()
        return alone

    def loads(self, reads: Mapping[Place, int]) -> list[Load]:
        """What so many reads cost each documented budget, nothing of it being spent; the longest wait first.

        The budgets are spent side by side: the reads wait as long as the first says.
        """
        spent: dict[Budget, int] = {}
        names: dict[Budget, str] = {}
        for place, number in reads.items():
            for budget in self._documented(place):
                spent[budget] = spent.get(budget, 0) + number
                whose = "" if place.subscription in budget.who else f", subscription {place.subscription}"
                names[budget] = budget.who + whose
        loads = [Load(names[budget], number, budget.lasts(number)) for budget, number in spent.items()]
        return sorted(loads, key=lambda load: (-load.seconds, -load.reads, load.who))

    # -- waiting -------------------------------------------------------------------------------------------------

    async def _granted(self, waiter: Waiter) -> None:
        try:
            await waiter.future
        except asyncio.CancelledError:
            waiter.future.cancel()
            if waiter.paid:
                self._free += 1
                for budget in waiter.paid:
                    budget.refund()
                    if budget.queue:
                        self._wake(budget)
                self._pump()
            raise

    def _pump(self) -> None:
        """Sends those who are ready, oldest first, as far as connections are free and their budgets pay."""
        now = self.clock.now()
        while self._free and self._ready:
            lane = heapq.heappop(self._ready)[1]
            if not lane.prune():
                lane.is_idle = True
            elif (short := self._short(lane, lane.waiters[0].seq, now)) is not None:
                heapq.heappush(short.queue, (lane.waiters[0].seq, lane))
                self._arm(short, now)
            else:
                waiter = lane.waiters.popleft()
                waiter.paid = tuple(lane.purse)
                waiter.serials = [budget.pay(now) for budget in waiter.paid]
                self._free -= 1
                waiter.future.set_result(None)
                if lane.prune():
                    heapq.heappush(self._ready, (lane.waiters[0].seq, lane))
                else:
                    lane.is_idle = True
            # Lanes parked behind this one have no timer while it was ready.
            for budget in lane.purse:
                if budget.queue and budget.timer is None:
                    self._arm(budget, now)

    def _short(self, lane: Lane, seq: int, now: float) -> Budget | None:
        """The first budget that cannot pay for the lane now, or at which an older read comes first."""
        for budget in lane.purse:
            if budget.wait(now) > 0 or (budget.queue and budget.queue[0][0] < seq):
                return budget
        return None

    def _wake(self, budget: Budget) -> None:
        """Makes as many of the lanes parked at the budget ready as it can pay for."""
        if budget.timer is not None:
            budget.timer.cancel()
            budget.timer = None
        now = self.clock.now()
        room = budget.room(now)
        while budget.queue and room > 0:
            lane = heapq.heappop(budget.queue)[1]
            if lane.prune():
                heapq.heappush(self._ready, (lane.waiters[0].seq, lane))
                room -= 1
            else:
                lane.is_idle = True
        self._pump()
        if budget.queue:
            if budget.wait(now) > 0:
                self._arm(budget, now)
        elif budget.told:
            budget.told = False
            self._tell(Wait(budget.who, 0.0, 0))

    def _arm(self, budget: Budget, now: float) -> None:
        if budget.timer is None:
            seconds = budget.wait(now)
            if not math.isinf(seconds):
                budget.timer = self.clock.call_later(seconds, lambda: self._wake(budget))
        if not budget.told and self.listener is not None:
            reads = sum(len(lane.waiters) for _, lane in budget.queue)
            seconds = budget.outlook(now, reads)
            if seconds >= _TELL_FROM:
                budget.told = True
                self._tell(Wait(budget.who, seconds, reads))

    def _tell(self, wait: Wait) -> None:
        if self.listener is not None:
            self.listener(wait)

    # -- budgets -------------------------------------------------------------------------------------------------

    def _lane(self, place: Place) -> Lane:
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane(self._documented(place))
        return lane

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
        who = place.who
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
            budget.is_idle = not self._is_counted and key[0] != "graph"
        return budget

    def _awake(self, now: float) -> None:
        """ARM has shown that it counts: its documented budgets limit from now on."""
        self._is_counted = True
        for budget in self._budgets.values():
            if budget.is_idle:
                budget.awake(now)

    def _window(self, key: tuple[str, ...], who: str, limit: tuple[int, float] | None = None) -> Budget:
        return self._budget(key, lambda: Window(who, *(limit or (None, _UNKNOWN_PERIOD))))

    # -- learning ------------------------------------------------------------------------------------------------

    def _learn(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        place = ticket.place
        reads: int | None = None
        for name in headers:
            folded = name.lower()
            if folded.startswith(_REMAINING):
                if not self._is_counted:
                    self._awake(now)
                kind = folded[len(_REMAINING) :]
                if kind in _READS or (kind == "tenant-reads" and not place.subscription):
                    left = _number(headers[name])
                    reads = left if reads is None or (left is not None and left < reads) else reads
                elif kind == "resource":
                    self._learn_policies(ticket, headers[name], now)
                elif not kind.endswith(_WRITES) and kind != "tenant-reads":
                    self._learn_policy(ticket, kind, headers[name], now)
            elif folded == "x-ms-user-quota-remaining":
                self._learn_quota(ticket, headers, now)
        if reads is not None:
            ticket.purse[0].learn(reads, ticket.paid_since(ticket.purse[0]), now)

    def _learn_policies(self, ticket: Ticket, value: str, now: float) -> None:
        """Reads `Microsoft.Compute/HighCostGet3Min;139,Microsoft.Compute/HighCostGet30Min;699`.

        https://learn.microsoft.com/troubleshoot/azure/virtual-machines/troubleshooting-throttling-errors; what
        ends in `Resource` is one resource's own.
        """
        for part in value.split(","):
            name, _, left = part.strip().rpartition(";")
            if name and not name.endswith("Resource"):
                self._learn_policy(ticket, name, left, now)

    def _learn_policy(self, ticket: Ticket, name: str, value: str, now: float) -> None:
        left, place = _number(value), ticket.place
        if left is None:
            return
        key = ("policy", place.provider, place.subscription, place.region, name.lower())
        budget = self._budgets.get(key)
        if budget is None:
            minutes = _MINUTES.search(name)
            period = float(minutes.group(1)) * 60 if minutes else _UNKNOWN_PERIOD
            budget = self._budgets[key] = Window(f"{place.who} ({name.rpartition('/')[2]})", left + 1, period)
        purse = self._lane(place).purse
        if budget not in purse:
            purse.append(budget)
        budget.learn(left, ticket.paid_since(budget), now)

    def _learn_quota(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        left = _number(headers.get("x-ms-user-quota-remaining", ""))
        if left is None:
            return
        budget = ticket.purse[-1]
        budget.learn(left, ticket.paid_since(budget), now)
        if left == 0:
            parts = headers.get("x-ms-user-quota-resets-after", "").split(":")
            seconds = sum((number_in(part) or 0.0) * 60**at for at, part in enumerate(reversed(parts)))
            budget.block(seconds or _RESOURCE_GRAPH[1], now)

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
        purse = self._lane(place).purse
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
        budget = self._window(key, f"{place.who} ({place.operation})")
        if budget not in purse:
            purse.append(budget)
        return budget


def _told_wait(headers: Mapping[str, str], words: Words) -> float | None:
    seconds = retry_after(headers)
    if seconds is None and (found := _AGAIN_AFTER.search(words.text)):
        seconds = float(found.group(1))
    return seconds


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None
