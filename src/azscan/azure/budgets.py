"""Azure's budgets for reads, as far as they are known: buckets that refill, windows, and what they wait for."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azscan.azure.governor import Timer, Waiter

# What is left unspent: answers and clocks are late, and other programs use the same identity.
_SPARE_TOKENS = 0.04
_SPARE_RATE = 0.98
_HEADER_SPARE = 2
_EPSILON = 1e-6
_GROWTH = 10


class Budget:
    """One budget; `who` says whose it is, for people. Times are seconds of the governor's clock."""

    __slots__ = ("blocked_at", "blocked_until", "outstanding", "queue", "strikes", "timer", "told", "who")

    def __init__(self, who: str) -> None:
        self.who = who
        self.outstanding = 0
        self.blocked_at = -math.inf
        self.blocked_until = -math.inf
        self.strikes = 0
        self.queue: list[tuple[int, Waiter]] = []
        self.timer: Timer | None = None
        self.told = False

    def wait(self, now: float) -> float:
        """Seconds until one more read can be paid: 0 for now, infinite where only an answer can tell."""
        left = self.blocked_until - now
        return left if left > _EPSILON else self._wait(now)

    def pay(self, now: float) -> None:
        """One read is about to be sent."""
        self.outstanding += 1

    def refund(self) -> None:
        """The read that was paid is not sent after all."""
        self.outstanding -= 1

    def settle(self, now: float) -> None:
        """A read that was paid was answered, and Azure counted it."""
        self.outstanding -= 1
        self.strikes = 0

    def refuse(self) -> None:
        """A read that was paid was refused (429), or brought no answer."""
        self.outstanding -= 1

    def learn(self, remaining: int, now: float) -> None:
        """Azure says how many reads were left when it answered."""

    def block(self, seconds: float, now: float) -> None:
        """Azure asks to wait."""
        if now + seconds > self.blocked_until:
            if now >= self.blocked_until:
                self.blocked_at = now
                self.strikes += 1
            self.blocked_until = now + seconds

    def outlook(self, now: float) -> float:
        """Seconds until the last of those who wait will be served, as far as can be told."""
        return self.wait(now)

    def _wait(self, now: float) -> float:
        return 0.0


class Bucket(Budget):
    """Tokens that refill with time, as ARM keeps them for each subscription and tenant."""

    __slots__ = ("_at", "_capacity", "_rate", "_tokens")

    def __init__(self, who: str, capacity: float, rate: float, now: float) -> None:
        super().__init__(who)
        self._capacity = capacity * (1 - _SPARE_TOKENS)
        self._rate = rate * _SPARE_RATE
        self._tokens = self._capacity
        self._at = now

    def _refill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate)
            self._at = now

    def _wait(self, now: float) -> float:
        self._refill(now)
        missing = 1 - self._tokens
        return missing / self._rate if missing > _EPSILON else 0.0

    def pay(self, now: float) -> None:
        """Takes a token."""
        self._refill(now)
        self._tokens -= 1
        self.outstanding += 1

    def refund(self) -> None:
        """Puts the token back."""
        self._tokens += 1
        self.outstanding -= 1

    def learn(self, remaining: int, now: float) -> None:
        """Believes Azure, less what is still on its way: another program may spend too, or the bucket be larger."""
        self._refill(now)
        left = float(remaining - self.outstanding)
        if left < self._tokens:
            self._tokens = left
        elif left - _HEADER_SPARE > self._tokens:
            self._tokens = left - _HEADER_SPARE
            self._capacity = max(self._capacity, self._tokens)

    def block(self, seconds: float, now: float) -> None:
        """Starts again with one token after the wait; the headers of the answers tell when there are more."""
        super().block(seconds, now)
        self._tokens = min(self._tokens, 1.0)
        self._at = self.blocked_until

    def outlook(self, now: float) -> float:
        """Seconds until the queue is served at the rate of the refill."""
        return self.wait(now) + max(0, len(self.queue) - 1) / self._rate


class Window(Budget):
    """So many reads in so many seconds, wherever the window starts; without a limit until Azure names one.

    A read counts from its answer on (and while it is under way), since Azure counted it some time before.
    """

    __slots__ = ("_headroom", "_headroom_until", "_is_learned", "_limit", "_period", "_served", "_since", "_stamps")

    def __init__(self, who: str, limit: int | None = None, period: float = 0.0) -> None:
        super().__init__(who)
        self._limit = limit
        self._period = period
        self._is_learned = limit is None
        self._stamps: deque[float] = deque()
        self._headroom = 0
        self._headroom_until = -math.inf
        self._served = 0
        self._since = -math.inf

    def _wait(self, now: float) -> float:
        if self._limit is None:
            return 0.0
        stamps, oldest = self._stamps, now - self._period
        while stamps and stamps[0] <= oldest + _EPSILON:
            stamps.popleft()
        if len(stamps) + self.outstanding < self._limit and (self._headroom > 0 or now >= self._headroom_until):
            return 0.0
        if stamps:
            return stamps[0] - oldest
        return math.inf if self.outstanding else max(0.0, self._headroom_until - now)

    def pay(self, now: float) -> None:
        """Takes one of the reads that the window has left."""
        if self._since == -math.inf:
            self._since = now
        self.outstanding += 1
        self._headroom -= 1
        if self._is_learned and self._limit is not None and now - self._since >= self._period:
            self._grow(now)

    def settle(self, now: float) -> None:
        """Counts the read."""
        super().settle(now)
        self._served += 1
        if self._limit is not None:
            self._stamps.append(now)

    def learn(self, remaining: int, now: float) -> None:
        """Believes Azure for one window; the largest number seen is taken for the limit."""
        self._limit = max(self._limit or 1, remaining)
        self._headroom = remaining - self.outstanding
        self._headroom_until = (self._stamps[0] if self._stamps else now) + self._period

    def state(self, limit: int, period: float) -> None:
        """Azure named its limit."""
        self._limit, self._period, self._is_learned = limit, period, False

    def block(self, seconds: float, now: float) -> None:
        """Waits; where no limit is known, takes what was served until now for it."""
        is_new = now >= self.blocked_until
        super().block(seconds, now)
        if not is_new:
            return
        if self._is_learned:
            started = self._since if self._since > -math.inf else now
            self._limit = max(1, self._served)
            self._period = max(now + seconds - started, seconds)
        self._stamps.clear()
        self._served = 0
        self._since = self.blocked_until
        self._headroom_until = -math.inf

    def outlook(self, now: float) -> float:
        """Seconds until the window has come round often enough for the whole queue."""
        wait = self.wait(now)
        rounds = (len(self.queue) - 1) // self._limit if self._limit and self.queue else 0
        return (0.0 if math.isinf(wait) else wait) + rounds * self._period

    def _grow(self, now: float) -> None:
        """A whole window passed without a refusal: a limit that was only learned may be higher."""
        if self._limit is not None and self._served >= self._limit:
            self._limit += max(1, self._limit // _GROWTH)
        self._served = 0
        self._since = now
