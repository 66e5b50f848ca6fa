from __future__ import annotations

import pytest

from azscan.emulator import ProviderLimit, Throttle
from azscan.emulator.replies import Reply
from azscan.emulator.throttle import Budgets
from tests.emulator.rig import API, ONE, STORAGE, TWO, Rigs, account, estate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _spend(budgets: Budgets, times: int, subscription: str = ONE, namespace: str = "", is_list: bool = False) -> int:
    """How many of so many reads were paid for."""
    return sum(
        isinstance(budgets.spend(subscription, namespace, is_list, "me", "a/b/read"), dict) for _ in range(times)
    )


def test_a_bucket_of_250_refills_by_25_a_second() -> None:
    clock = Clock()
    budgets = Budgets(Throttle(), clock)
    assert _spend(budgets, 300) == 250
    assert _spend(budgets, 300, TWO) == 250
    clock.now += 2
    assert _spend(budgets, 300) == 50
    clock.now += 1000
    assert _spend(budgets, 300) == 250


def test_the_time_scale_makes_minutes_seconds() -> None:
    clock = Clock()
    budgets = Budgets(Throttle(time_scale=60), clock)
    assert _spend(budgets, 300) == 250
    clock.now += 0.1
    assert _spend(budgets, 300) == 150


def test_storage_allows_100_lists_and_800_reads_in_five_minutes() -> None:
    clock = Clock()
    budgets = Budgets(Throttle(capacity=10**6), clock)
    assert _spend(budgets, 150, namespace="microsoft.storage", is_list=True) == 100
    assert _spend(budgets, 900, namespace="microsoft.storage") == 700
    assert _spend(budgets, 10, TWO, "microsoft.storage", True) == 10
    clock.now += 299
    assert _spend(budgets, 1, namespace="microsoft.storage") == 0
    clock.now += 2
    assert _spend(budgets, 150, namespace="microsoft.storage", is_list=True) == 100


def test_a_429_says_who_is_short_and_how_long() -> None:
    clock = Clock()
    limits = {"a": (ProviderLimit("read", 1, 120),)}
    budgets = Budgets(Throttle(capacity=2, refill=0.25, providers=limits), clock)
    assert _spend(budgets, 1, namespace="a") == 1
    short = budgets.spend(ONE, "a", False, "me", "A/b/read")
    assert isinstance(short, Reply) and short.headers["retry-after"] == "120"
    assert b"ResourceRequestsThrottled" in short.body and b"'A/b/read' exceeded the limit of '1'" in short.body
    short = budgets.spend(ONE, "b", False, "me", "b/c/read")
    assert isinstance(short, Reply) and short.headers["retry-after"] == "4"
    assert b"SubscriptionRequestsThrottled" in short.body and ONE.encode() in short.body


async def test_remaining_reads_count_down_and_run_out(start: Rigs) -> None:
    rig = await start(estate(account("a")), throttle=Throttle(capacity=3, refill=0.001, tenant_capacity=1))
    path = f"/providers/{STORAGE}"
    left = [(await rig.arm(path)).headers["x-ms-ratelimit-remaining-subscription-reads"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    short = await rig.arm(path)
    assert (short.status, short.code) == (429, "SubscriptionRequestsThrottled")
    assert int(short.headers["retry-after"]) >= 1
    assert (await rig.ask(f"/tenants?{API}")).headers["x-ms-ratelimit-remaining-tenant-reads"] == "0"
    assert (await rig.ask(f"/tenants?{API}")).status == 429
    assert rig.emulator.statistics["throttled"] == 2


async def test_a_429_may_come_without_a_word_on_when(start: Rigs) -> None:
    rig = await start(
        estate(account("a")), throttle=Throttle(capacity=1, refill=0.001, retry_after=False, headers=False)
    )
    first = await rig.arm("/resources")
    assert not [name for name in first.headers if "ratelimit" in name]
    short = await rig.arm("/resources")
    assert short.status == 429 and "retry-after" not in short.headers


async def test_compute_shows_its_own_budget(start: Rigs) -> None:
    rig = await start(estate(account("a")), throttle={"timeScale": 1})
    got = await rig.arm("/providers/Microsoft.Compute/virtualMachines")
    assert "Microsoft.Compute/HighCostGet3Min;139" in got.headers["x-ms-ratelimit-remaining-resource"]


async def test_graph_has_a_budget_of_its_own(start: Rigs) -> None:
    rig = await start(estate(graph={"v1.0/users": []}), throttle=Throttle(graph_capacity=1, graph_refill=0.5))
    assert (await rig.ask("/v1.0/users")).status == 200
    short = await rig.ask("/v1.0/users")
    assert (short.status, short.code) == (429, "TooManyRequests")
    assert short.headers["retry-after"] in ("1", "2")


@pytest.mark.parametrize("what", ["arm", "graph"])
async def test_without_a_throttle_there_is_none(start: Rigs, what: str) -> None:
    rig = await start(estate(account("a")))
    path = "/v1.0/users" if what == "graph" else f"/subscriptions/{ONE}/resources?{API}"
    assert {(await rig.ask(path)).status for _ in range(300)} == {200}
