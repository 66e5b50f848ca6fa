"""Azure's budgets for reads, as far as they are known: buckets that refill, windows, and what they wait for."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azscan.azure.clock import Timer
    from azscan.azure.governor import Lane

# What is left unspent: answers and clocks are late, and other programs use the same identity.
_SPARE_TOKENS = 0.04
_SPARE_RATE = 0.98
_EPSILON = 1e-6
_PLENTY = 1_000_000
# How the rate of a bucket's refill is measured by its headers.
_MEASURE_FOR = 8.0
_NEARLY_FULL = 0.9
_SLOWEST = 0.05
# How it is guessed where there are no headers.
_BACK = 0.6
_FORTH = 1.05
_STEADY = 20.0
# What is left unspent besides where others spend too.
_MORE = 3
_MOST = 12
# How a limit that was only learned grows again: by a fiftieth a window, from the tenth window after a refusal on.
_GROWTH = 50
_QUIET_WINDOWS = 10


class Budget:
    """One budget; `who` says whose it is, for people. Times are seconds of the governor's clock.

    `paid` counts every read that was paid from it, `outstanding` those under way. After a refusal one read at a
    time tries whether the budget pays again. An idle budget keeps its books and limits nothing: whoever answers has
    not shown yet that he counts.
    """

    __slots__ = (
        "blocked_at",
        "blocked_until",
        "is_idle",
        "is_probing",
        "outstanding",
        "paid",
        "queue",
        "strikes",
        "timer",
        "told",
        "who",
    )

    def __init__(self, who: str) -> None:
        self.who = who
        self.paid = 0
        self.outstanding = 0
        self.blocked_at = -math.inf
        self.blocked_until = -math.inf
        self.is_idle = False
        self.is_probing = False
        self.strikes = 0
        self.queue: list[tuple[int, Lane]] = []
        self.timer: Timer | None = None
        self.told = False

    def wait(self, now: float) -> float:
        """Seconds until one more read can be paid: 0 for now, infinite where only an answer can tell."""
        left = self.blocked_until - now
        if left > _EPSILON:
            return left
        if self.is_idle:
            return 0.0
        return math.inf if self.is_probing and self.outstanding else self._wait(now)

    def pay(self, now: float) -> int:
        """One read is about to be sent; returns its number."""
        self.paid += 1
        self.outstanding += 1
        return self.paid

    def refund(self) -> None:
        """The read that was paid is not sent after all."""
        self.outstanding -= 1

    def settle(self, now: float, sent_at: float) -> None:
        """A read that was paid was answered, and Azure counted it."""
        self.outstanding -= 1
        if sent_at >= self.blocked_at:
            self.strikes = 0
            self.is_probing = False

    def refuse(self) -> None:
        """A read that was paid was refused (429), or brought no answer."""
        self.outstanding -= 1

    def learn(self, remaining: int, paid_since: int, now: float) -> None:
        """Azure says how many reads were left when it answered one, after which `paid_since` were sent."""

    def awake(self, now: float) -> None:
        """Azure has shown that it counts: from now on the budget limits."""
        self.is_idle = False

    def block(self, seconds: float, now: float) -> None:
        """Azure asks to wait."""
        if now >= self.blocked_until:
            self.blocked_at = now
            self.strikes += 1
        self.blocked_until = max(self.blocked_until, now + seconds)
        self.is_probing = True

    def outlook(self, now: float, reads: int) -> float:
        """Seconds until the last of the `reads` that wait will be served, as far as can be told."""
        wait = self.wait(now)
        return 0.0 if math.isinf(wait) else wait

    def lasts(self, reads: int) -> float:
        """Seconds of waiting that so many reads cost, where nothing of the budget was spent before."""
        return 0.0

    def room(self, now: float) -> int:
        """How many reads can be paid now, at most."""
        if self.wait(now) > 0:
            return 0
        if self.is_idle:
            return _PLENTY
        return 1 if self.is_probing else self._room(now)

    def _wait(self, now: float) -> float:
        return 0.0

    def _room(self, now: float) -> int:
        return _PLENTY


class Bucket(Budget):
    """Tokens that refill with time, as ARM keeps them for each subscription and tenant."""

    __slots__ = (
        "_at",
        "_capacity",
        "_cushion",
        "_documented",
        "_rate",
        "_seen",
        "_steady_since",
        "_tokens",
        "_woken_at",
    )

    def __init__(self, who: str, capacity: float, rate: float, now: float) -> None:
        super().__init__(who)
        self._capacity = capacity * (1 - _SPARE_TOKENS)
        self._documented = rate
        self._rate = rate * _SPARE_RATE
        self._tokens = self._capacity
        self._at = now
        self._cushion = 0
        self._seen: tuple[float, int, int] | None = None
        self._steady_since = now
        self._woken_at = -math.inf

    def _refill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate)
            self._at = now

    def _wait(self, now: float) -> float:
        self._refill(now)
        missing = 1 + self._cushion - self._tokens
        return missing / self._rate if missing > _EPSILON else 0.0

    def _room(self, now: float) -> int:
        return int(self._tokens - self._cushion + _EPSILON)

    def awake(self, now: float) -> None:
        """Starts to limit; what was spent beyond the documented bucket shows that this one is larger."""
        super().awake(now)
        self._refill(now)
        self._tokens = max(self._tokens, 0.0)
        self._woken_at = now

    def pay(self, now: float) -> int:
        """Takes a token."""
        self._refill(now)
        self._tokens -= 1
        return super().pay(now)

    def refund(self) -> None:
        """Puts the token back."""
        self._tokens += 1
        super().refund()

    def settle(self, now: float, sent_at: float) -> None:
        """Counts the read; after a while without refusals, dares more again."""
        super().settle(now, sent_at)
        if now - self._steady_since > _STEADY:
            self._cushion = max(0, self._cushion - 1)
            if self._seen is None:
                self._rate = min(self._rate * _FORTH, self._documented * _SPARE_RATE)
            self._steady_since = now

    def learn(self, remaining: int, paid_since: int, now: float) -> None:
        """Believes Azure, less what may still be uncounted: others may spend too, or the bucket be larger.

        Answers overtake each other, so upwards only what is certain counts.
        """
        self._refill(now)
        self._measure(remaining, self.paid - paid_since, now)
        certain = float(remaining - self.outstanding - paid_since)
        if remaining - self.outstanding < self._tokens:
            self._tokens = float(remaining - self.outstanding)
        elif certain > self._tokens:
            self._tokens = certain
            self._capacity = max(self._capacity, certain)

    def _measure(self, remaining: int, number: int, now: float) -> None:
        """Compares what was left some seconds ago: what came in meanwhile tells the rate of the refill."""
        if self._seen is None:
            self._seen = (now, remaining, number)
            return
        then, was, before = self._seen
        if now - then < _MEASURE_FOR or number <= before:
            return
        came = (remaining - was + number - before) / (now - then)
        self._seen = (now, remaining, number)
        if was < self._capacity * _NEARLY_FULL and remaining < self._capacity * _NEARLY_FULL:
            self._rate = min(self._documented, max(came, _SLOWEST)) * _SPARE_RATE

    def block(self, seconds: float, now: float) -> None:
        """Starts again with one token after the wait; the headers of the answers tell when there are more.

        Where no header ever told, the rate is taken back, else more is left unspent; both wear off with time.
        """
        if now >= self.blocked_until:
            if self._woken_at == now:
                # The reads before were not held back: their refusal says nothing against the rate.
                pass
            elif self._seen is None:
                self._rate = max(self._rate * _BACK, self._documented / _GROWTH)
            else:
                self._cushion = min(self._cushion + _MORE, _MOST)
            self._steady_since = now
        super().block(seconds, now)
        self._tokens = min(self._tokens, 1.0)
        self._at = self.blocked_until

    def outlook(self, now: float, reads: int) -> float:
        """Seconds until the queue is served at the rate of the refill."""
        return super().outlook(now, reads) + max(0, reads - 1) / self._rate

    def lasts(self, reads: int) -> float:
        """What the full bucket does not hold comes in at the rate of the refill."""
        return max(0.0, reads - self._capacity) / self._rate


class Window(Budget):
    """So many reads in so many seconds, wherever the window starts; without a limit until Azure names one.

    A read counts from its answer on (and while it is under way), since Azure counted it some time before. A limit
    that Azure never names is learned from its refusals: what it served before the first one.
    """

    __slots__ = (
        "_headroom",
        "_headroom_until",
        "_is_learned",
        "_limit",
        "_period",
        "_quiet_until",
        "_served",
        "_since",
        "_stamps",
    )

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
        self._quiet_until = -math.inf

    def _wait(self, now: float) -> float:
        if self._limit is None:
            return 0.0
        stamps, oldest = self._stamps, now - self._period
        while stamps and stamps[0] <= oldest + _EPSILON:
            stamps.popleft()
        is_room = len(stamps) + self.outstanding < self._limit
        if is_room and (self._headroom > 0 or now >= self._headroom_until - _EPSILON):
            return 0.0
        if self.outstanding and (not stamps or is_room):
            return math.inf
        return stamps[0] - oldest if stamps else self._headroom_until - now

    def _room(self, now: float) -> int:
        if self._limit is None:
            return _PLENTY
        free = self._limit - len(self._stamps) - self.outstanding
        return free if now >= self._headroom_until - _EPSILON else min(free, self._headroom)

    def pay(self, now: float) -> int:
        """Takes one of the reads that the window has left."""
        self._headroom -= 1
        if self._since == -math.inf:
            self._since = now
        elif self._is_learned and self._limit is not None and now - self._since >= self._period:
            self._turn(now)
        return super().pay(now)

    def settle(self, now: float, sent_at: float) -> None:
        """Counts the read."""
        super().settle(now, sent_at)
        if self._limit is not None:
            self._stamps.append(now)
        if sent_at >= self.blocked_at:
            self._served += 1
        elif self._is_learned and self._limit is not None:
            # It was under way when another was refused: the limit was learned too low by one.
            self._limit += 1

    def learn(self, remaining: int, paid_since: int, now: float) -> None:
        """Believes Azure for one window; the largest number seen is taken for the limit."""
        self._limit = max(self._limit or 1, remaining)
        self._is_learned = False
        self._headroom = remaining - self.outstanding - paid_since
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
            self._relearn(seconds, now)
        self._stamps.clear()
        self._headroom_until = -math.inf

    def outlook(self, now: float, reads: int) -> float:
        """Seconds until the window has come round often enough for the whole queue."""
        return super().outlook(now, reads) + self.lasts(reads)

    def lasts(self, reads: int) -> float:
        """Each window that is used up costs its period; 0 where no limit is known."""
        return max(0, reads - 1) // self._limit * self._period if self._limit else 0.0

    def _relearn(self, seconds: float, now: float) -> None:
        started = self._since if self._since > -math.inf else now
        if self._served or self._limit is None:
            self._limit = max(1, self._served)
            self._period = max(now + seconds - started, seconds)
            self._since = self.blocked_until
        else:
            # Not one was served since the last refusal: the window is longer than was thought.
            self._period += now + seconds - started
            self._since = self.blocked_until
        self._served = 0
        self._quiet_until = now + _QUIET_WINDOWS * self._period

    def _turn(self, now: float) -> None:
        """A whole window passed without a refusal."""
        if self._limit is not None and self._served >= self._limit and now >= self._quiet_until:
            self._limit += max(1, self._limit // _GROWTH)
        self._served = 0
        self._since = now
