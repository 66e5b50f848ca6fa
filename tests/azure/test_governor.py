"""The governor against models of Azure's budgets, in virtual time: no read lost, the budget used, hardly any 429."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from tests.azure.virtual import VirtualLoop, run_virtually

from azscan.azure.answers import Ask
from azscan.azure.governor import Governor, Wait
from azscan.azure.places import place_of

SUB = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"


def sql(number: int, sub: str = SUB) -> Ask:
    target = f"/subscriptions/{sub}/resourceGroups/rg/providers/Microsoft.Sql/servers/s{number}?api-version=1"
    return Ask(target, shape="object", region="westeurope")


def storage(number: int, region: str = "westeurope", shape: Any = "object") -> Ask:
    more = "/blobServices/default/containers" if shape == "list" else ""
    target = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/s{number}{more}"
    return Ask(f"{target}?api-version=1", shape=shape, region=region)


def machine(number: int) -> Ask:
    target = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/v{number}"
    return Ask(f"{target}?api-version=1", shape="object", region="westeurope")


# -- models of Azure ---------------------------------------------------------------------------------------------------


@dataclass
class TokenBucket:
    """As ARM keeps it."""

    capacity: float = 250
    rate: float = 25
    header: str = "x-ms-ratelimit-remaining-subscription-reads"
    code: str = "SubscriptionRequestsThrottled"
    tokens: float = -1
    at: float = 0

    def take(self, now: float) -> float:
        if self.tokens < 0:
            self.tokens = self.capacity
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0

    def headers(self) -> dict[str, str]:
        return {self.header: str(int(self.tokens))} if self.header else {}


@dataclass
class FixedWindow:
    """As a provider keeps it: opened by its first request."""

    limit: int
    period: float
    policy: str = ""
    code: str = "TooManyRequests"
    opened: float = -1e9
    used: int = 0

    def take(self, now: float) -> float:
        if now - self.opened >= self.period:
            self.opened, self.used = now, 0
        if self.used >= self.limit:
            return self.opened + self.period - now
        self.used += 1
        return 0.0

    def headers(self) -> dict[str, str]:
        return {"x-ms-ratelimit-remaining-resource": f"{self.policy};{self.limit - self.used}"} if self.policy else {}


_NO_HEADERS: Mapping[str, str] = {}
Limits = Callable[[Ask], Iterable[TokenBucket | FixedWindow]]


@dataclass
class Model:
    """A server with limits, latency, and a count of what it answered."""

    limits: Limits
    latency: float = 0.04
    retry_after: bool = True
    served: int = 0
    refused: int = 0
    times: list[float] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    async def answer(self) -> None:
        await asyncio.sleep(self.latency * self.rng.uniform(0.3, 0.7))

    async def get(self, ask: Ask) -> tuple[int, Mapping[str, str], bytes]:
        await self.answer()
        now = asyncio.get_running_loop().time()
        headers: dict[str, str] = {}
        for limit in self.limits(ask):
            wait = limit.take(now)
            if wait > 0:
                self.refused += 1
                told = {"Retry-After": str(int(wait) + 1)} if self.retry_after else {}
                await self.answer()
                return (
                    429,
                    CIMultiDict(told),
                    msgspec.json.encode({"error": {"code": limit.code, "message": "Too many."}}),
                )
            headers |= limit.headers()
        self.served += 1
        self.times.append(now)
        await self.answer()
        return 200, CIMultiDict(headers), b"{}"

    @property
    def share_refused(self) -> float:
        return self.refused / (self.served + self.refused)


async def read(governor: Governor, model: Model, ask: Ask) -> None:
    while True:
        ticket = await governor.admit(ask)
        status, headers, body = 0, _NO_HEADERS, b""
        try:
            status, headers, body = await model.get(ask)
        finally:
            alone = governor.settle(ticket, status, headers, body)
        if status == 200:
            return
        await asyncio.sleep(alone)


def scan(model: Model, asks: Iterable[Ask], concurrency: int = 32) -> float:
    """Reads all; returns the seconds that it took."""

    async def main() -> float:
        governor = Governor(concurrency)
        await asyncio.gather(*(read(governor, model, ask) for ask in asks))
        return asyncio.get_running_loop().time()

    return run_virtually(main())


def whole(*limits: TokenBucket | FixedWindow) -> Limits:
    return lambda _: limits


# -- what it must reach ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["x-ms-ratelimit-remaining-subscription-reads", ""], ids=["headers", "no-headers"])
@pytest.mark.parametrize("latency", [0.005, 0.04, 0.8])
def test_a_subscriptions_bucket_is_used_up_without_running_into_it(header: str, latency: float) -> None:
    model = Model(whole(TokenBucket(header=header)), latency)
    took = scan(model, (sql(number) for number in range(4000)))
    assert model.served == 4000
    assert model.share_refused <= 0.01
    assert (4000 - 250) / 25 / took >= 0.9


def test_a_small_estate_is_read_in_one_burst() -> None:
    model = Model(whole(TokenBucket()))
    assert scan(model, (sql(number) for number in range(230))) < 1
    assert model.refused == 0


def test_who_shows_no_counter_and_refuses_nothing_is_not_held_back() -> None:
    model = Model(whole())
    assert scan(model, (sql(number) for number in range(3000))) < 3000 * 0.04 / 32 * 1.5
    assert model.served == 3000


def test_a_server_that_counts_nothing_is_not_held_back() -> None:
    model = Model(whole())
    assert scan(model, (storage(number, shape="list") for number in range(3000))) < 10
    assert model.served == 3000


def test_from_the_first_header_on_the_documented_budget_limits() -> None:
    async def main() -> list[bool]:
        governor = Governor(1000)
        first = [await governor.admit(sql(number)) for number in range(300)]
        governor.settle(first[0], 200, {"x-ms-ratelimit-remaining-subscription-reads": "0"}, b"")
        late = asyncio.create_task(governor.admit(sql(301)))
        await asyncio.sleep(0.01)
        return [len(first) == 300, late.done()]

    assert run_virtually(main()) == [True, False]


def test_a_larger_bucket_than_documented_is_used() -> None:
    model = Model(whole(TokenBucket(capacity=12000, rate=12000 / 3600)))
    assert scan(model, (sql(number) for number in range(3000))) < 3000 / 25 / 2
    assert model.refused == 0


def test_a_smaller_bucket_than_documented_is_learned_from_the_headers() -> None:
    model = Model(whole(TokenBucket(capacity=60, rate=5)))
    took = scan(model, (sql(number) for number in range(2000)))
    assert model.served == 2000
    assert model.share_refused <= 0.01
    assert (2000 - 60) / 5 / took >= 0.9


def test_a_smaller_bucket_that_no_header_shows_loses_no_read() -> None:
    model = Model(whole(TokenBucket(capacity=60, rate=5, header="")))
    took = scan(model, (sql(number) for number in range(1000)))
    assert model.served == 1000
    assert (1000 - 60) / 5 / took >= 0.5


def test_two_subscriptions_have_a_bucket_each() -> None:
    buckets = {SUB: TokenBucket(), OTHER: TokenBucket()}
    model = Model(lambda ask: [buckets[place_of(ask).subscription]])
    took = scan(model, (sql(number, sub) for number in range(1500) for sub in (SUB, OTHER)))
    assert model.share_refused <= 0.01
    assert (1500 - 250) / 25 / took >= 0.9


def test_storages_reads_keep_to_their_window() -> None:
    window = FixedWindow(800, 300)
    model = Model(whole(TokenBucket(), window))
    took = scan(model, (storage(number) for number in range(2500)))
    assert model.served == 2500
    assert model.share_refused <= 0.01
    assert 3 * 300 / took >= 0.9


def test_storages_lists_are_scarcer_than_its_reads() -> None:
    reads, lists = FixedWindow(800, 300), FixedWindow(100, 300)
    bucket = TokenBucket()
    model = Model(lambda ask: [bucket, reads, lists] if ask.shape == "list" else [bucket, reads])
    asks = [storage(number, shape="list" if number % 3 == 0 else "object") for number in range(900)]
    took = scan(model, asks)
    assert model.served == 900
    assert model.share_refused <= 0.01
    assert 2 * 300 / took >= 0.9


def test_regions_have_windows_of_their_own() -> None:
    windows = {region: FixedWindow(800, 300) for region in ("westeurope", "northeurope")}
    model = Model(lambda ask: [windows[ask.region]])
    assert scan(model, (storage(number, region) for number in range(790) for region in windows)) < 60
    assert model.refused == 0


def test_computes_policies_are_learned_from_the_headers() -> None:
    short, long = FixedWindow(140, 180, "Microsoft.Compute/HighCostGet3Min"), FixedWindow(700, 1800)
    model = Model(whole(short, long))
    took = scan(model, (machine(number) for number in range(600)))
    assert model.served == 600
    assert model.share_refused <= 0.01
    assert 4 * 180 / took >= 0.85


@pytest.mark.parametrize("retry_after_told", [True, False])
def test_a_limit_that_nobody_documents_is_learned_from_refusals(retry_after_told: bool) -> None:
    model = Model(whole(FixedWindow(300, 60)), retry_after=retry_after_told)
    took = scan(model, (sql(number) for number in range(3000)))
    assert model.served == 3000
    assert model.share_refused <= 0.03
    assert 9 * 60 / took >= (0.85 if retry_after_told else 0.6)


def test_a_rate_that_nobody_documents_is_learned_from_refusals() -> None:
    model = Model(whole(TokenBucket(40, 8, header="", code="TooManyRequests")))
    took = scan(model, (sql(number) for number in range(2000)))
    assert model.served == 2000
    assert model.share_refused <= 0.05
    assert (2000 - 40) / 8 / took >= 0.75


def test_a_throttled_provider_holds_up_nobody_else() -> None:
    narrow = FixedWindow(10, 600)
    model = Model(lambda ask: [narrow] if "Microsoft.Sql" in ask.target else [])
    done: list[float] = []

    async def main() -> None:
        governor = Governor(4)
        blocked = [asyncio.create_task(read(governor, model, sql(number))) for number in range(60)]
        await asyncio.sleep(1)
        await asyncio.gather(*(read(governor, model, machine(number)) for number in range(100)))
        done.append(asyncio.get_running_loop().time())
        assert not all(task.done() for task in blocked)
        await asyncio.gather(*blocked)

    run_virtually(main())
    assert done[0] < 5
    assert model.served == 160


def test_another_program_that_spends_the_same_budget_is_made_room_for() -> None:
    bucket = TokenBucket()
    model = Model(whole(bucket))

    async def main() -> None:
        governor = Governor(32)

        async def other() -> None:
            while True:
                bucket.take(asyncio.get_running_loop().time())
                await asyncio.sleep(0.1)

        rival = asyncio.create_task(other())
        await asyncio.gather(*(read(governor, model, sql(number)) for number in range(2000)))
        rival.cancel()

    run_virtually(main())
    assert model.served == 2000
    assert model.share_refused <= 0.01


def test_graph_has_a_budget_of_its_own_and_a_workload_slows_alone() -> None:
    reports = FixedWindow(5, 10)
    model = Model(lambda ask: [reports] if "auditLogs" in ask.target else [])

    async def main() -> float:
        governor = Governor(8)
        slow = asyncio.gather(
            *(read(governor, model, Ask(f"/v1.0/auditLogs/signIns?{n}", host="graph")) for n in range(20))
        )
        await asyncio.sleep(0.5)
        await asyncio.gather(*(read(governor, model, Ask(f"/v1.0/users?{n}", host="graph")) for n in range(50)))
        took = asyncio.get_running_loop().time()
        await slow
        return took

    assert run_virtually(main()) < 3
    assert model.served == 70


# -- how it waits ------------------------------------------------------------------------------------------------------


def test_no_more_than_the_allowed_number_are_on_the_wire() -> None:
    under_way = most = 0

    async def main() -> None:
        nonlocal under_way, most
        governor = Governor(5)

        async def one(number: int) -> None:
            nonlocal under_way, most
            ticket = await governor.admit(sql(number))
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            governor.settle(ticket, 200, {}, b"")

        await asyncio.gather(*(one(number) for number in range(100)))

    run_virtually(main())
    assert most == 5


def test_the_oldest_is_served_first() -> None:
    model = Model(whole(TokenBucket()), latency=0)
    order: list[int] = []

    async def main() -> None:
        governor = Governor(1)

        async def one(number: int) -> None:
            await read(governor, model, sql(number))
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(600)))

    run_virtually(main())
    assert order == sorted(order)


def test_waiting_costs_a_timer_a_read_at_most() -> None:
    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        governor = Governor(32)
        before = loop.timers

        async def one(number: int) -> None:
            ticket = await governor.admit(sql(number))
            governor.settle(ticket, 200, {}, b"")

        await asyncio.gather(*(one(number) for number in range(1000)))
        return loop.timers - before, governor.requests

    timers, requests = run_virtually(main())
    assert requests == 1000
    assert timers <= 1000


def test_a_cancelled_read_gives_back_what_it_holds() -> None:
    async def main() -> None:
        governor = Governor(2)
        first, second = await governor.admit(sql(1)), await governor.admit(sql(2))
        waiting = [asyncio.create_task(governor.admit(sql(number))) for number in range(3, 6)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        governor.settle(first, 200, {}, b"")
        waiting[1].cancel()  # granted already, but not yet awake
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        third = await waiting[2]
        for ticket in (second, third):
            governor.settle(ticket, 200, {}, b"")
        tickets = [await governor.admit(sql(number)) for number in (7, 8)]
        assert len(tickets) == 2

    run_virtually(main())


def test_cancelled_reads_in_a_budgets_queue_let_the_others_through() -> None:
    async def main() -> float:
        governor = Governor(400)
        tickets = [await governor.admit(sql(number)) for number in range(240)]
        waiting = [asyncio.create_task(governor.admit(sql(number))) for number in range(20)]
        await asyncio.sleep(0)
        for task in waiting[:19]:
            task.cancel()
        await waiting[19]
        assert tickets
        return asyncio.get_running_loop().time()

    assert run_virtually(main()) < 0.2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_nothing_is_lost_or_leaked_whatever_happens(seed: int, concurrency: int) -> None:
    rng = random.Random(seed)
    windows = {name: FixedWindow(rng.randint(1, 8), rng.uniform(1, 30), name) for name in ("a/P3Min", "b/QMaximum")}

    def limits(ask: Ask) -> Iterable[TokenBucket | FixedWindow]:
        return [windows["a/P3Min"]] if "Sql" in ask.target else list(windows.values())

    model = Model(limits, latency=rng.choice([0, 0.01, 1]), retry_after=rng.random() < 0.5, rng=rng)

    async def main() -> None:
        governor = Governor(concurrency, listener=lambda _: None)
        asks = [rng.choice([sql, machine, storage])(number) for number in range(40)]
        tasks = [asyncio.create_task(read(governor, model, ask)) for ask in asks]
        given_up = rng.sample(tasks, rng.randint(0, 20))
        for task in given_up:
            asyncio.get_running_loop().call_later(rng.choice([0, 0.001, 0.5, 20]), task.cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(
            result is None or (task in given_up and isinstance(result, asyncio.CancelledError))
            for task, result in zip(tasks, results, strict=True)
        )
        tickets = [await governor.admit(Ask("/tenants?api-version=1")) for _ in range(concurrency)]
        assert len(tickets) == concurrency

    run_virtually(asyncio.wait_for(main(), 1e7))


def test_the_listener_hears_who_is_short_and_when_it_is_over() -> None:
    heard: list[Wait] = []
    model = Model(lambda ask: [window])
    window = FixedWindow(5, 60)

    async def main() -> None:
        governor = Governor(4, listener=heard.append)
        await asyncio.gather(*(read(governor, model, sql(number)) for number in range(12)))

    run_virtually(main())
    assert {wait.who for wait in heard} == {"microsoft.sql in westeurope"}
    assert heard[0].reads > 0 and heard[0].seconds > 1
    assert heard[-1].reads == 0


def test_a_short_pause_is_not_told() -> None:
    heard: list[Wait] = []
    model = Model(whole(TokenBucket()))

    async def main() -> None:
        governor = Governor(32, listener=heard.append)
        await asyncio.gather(*(read(governor, model, sql(number)) for number in range(255)))

    run_virtually(main())
    assert heard == []


# -- whom it blames ----------------------------------------------------------------------------------------------------


def refusal(code: str, message: str = "", **more: Any) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message, **more}})


def slowed(ask: Ask, body: bytes, headers: dict[str, str], others: list[Ask]) -> list[bool]:
    """After that 429 to `ask`: which of `ask` and the others have to wait a minute."""

    async def main() -> list[bool]:
        governor = Governor(32)
        for other in others:
            governor.settle(await governor.admit(other), 200, {}, b"")
        governor.settle(await governor.admit(ask), 429, CIMultiDict({"Retry-After": "60", **headers}), body)
        waits = []
        for other in (ask, *others):
            task = asyncio.create_task(governor.admit(other))
            await asyncio.sleep(1)
            waits.append(not task.done())
            if task.done():
                governor.settle(task.result(), 200, {}, b"")
        return waits

    return run_virtually(main())


SUBSCRIPTION_WORDS = (
    "Number of 'read' requests for subscription 'x' actor 'y' exceeded. Please try again after '10' seconds."
)
OPERATION_WORDS = (
    "Number of requests for subscription 'x' and operation 'GET/SUBSCRIPTIONS/PROVIDERS/MICROSOFT.SQL' exceeded the "
    "backend storage limit. Please try again after '6' seconds."
)
ACTION_WORDS = (
    "Number of requests for action 'Microsoft.Sql/servers/read' exceeded the limit of '150' for time interval "
    "'01:00:00'. Please try again after '324' seconds."
)
STORAGE_WORDS = (
    "The request is being throttled as the limit has been reached for operation type - {}_ObservationWindow_00:05:00."
)
DATABASES = f"/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.Sql/servers/s/databases?api-version=1"
DISK = f"/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.Compute/disks/d?api-version=1"


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (refusal("SubscriptionRequestsThrottled", SUBSCRIPTION_WORDS), {}, [True, True, True, False]),
        (refusal("SubscriptionRequestsThrottled", OPERATION_WORDS), {}, [True, False, False, False]),
        (refusal("ResourceRequestsThrottled", ACTION_WORDS), {}, [True, False, False, False]),
        (refusal("TooManyRequests", "Too many."), {}, [True, True, False, False]),
        (refusal("OperationNotAllowed", "The server rejected the request."), {}, [True, True, False, False]),
        (b"", {"x-ms-failure-cause": "gateway"}, [True, True, True, False]),
        (b"<html>", {"x-ms-failure-cause": "service"}, [True, True, False, False]),
        (b"null", {}, [True, True, False, False]),
    ],
)
def test_a_refusal_slows_only_who_is_short(body: bytes, headers: dict[str, str], expected: list[bool]) -> None:
    assert slowed(sql(1), body, headers, [Ask(DATABASES, region="westeurope"), machine(1), sql(1, OTHER)]) == expected


def test_a_refused_list_of_storage_leaves_its_reads_alone() -> None:
    body = refusal("TooManyRequests", STORAGE_WORDS.format("List"))
    assert slowed(storage(1, shape="list"), body, {}, [storage(2)]) == [True, False]
    body = refusal("TooManyRequests", STORAGE_WORDS.format("Read"))
    assert slowed(storage(1, shape="list"), body, {}, [storage(2)]) == [True, True]


def test_a_refusal_names_the_policy_that_ran_out() -> None:
    body = refusal(
        "OperationNotAllowed",
        "The server rejected the request because too many requests have been received for this subscription.",
        details=[{"code": "TooManyRequests", "target": "HighCostGet3Min", "message": '{"operationGroup":"x"}'}],
    )

    async def main() -> list[bool]:
        governor = Governor(32)
        told = {
            "x-ms-ratelimit-remaining-resource": "Microsoft.Compute/HighCostGet3Min;139,Microsoft.Compute/XResource;9"
        }
        governor.settle(await governor.admit(machine(1)), 200, told, b"")
        governor.settle(await governor.admit(machine(1)), 429, CIMultiDict({"Retry-After": "60"}), body)
        disks = Ask(DISK, region="westeurope", shape="object")
        waits = []
        for ask in (machine(2), disks):
            task = asyncio.create_task(governor.admit(ask))
            await asyncio.sleep(1)
            waits.append(not task.done())
        return waits

    assert run_virtually(main()) == [True, False]


def test_the_tenants_refusal_slows_the_tenant() -> None:
    subscriptions = Ask("/subscriptions?api-version=1")
    assert slowed(subscriptions, refusal("TenantRequestsThrottled"), {}, [sql(1), Ask("/tenants?api-version=1")]) == [
        True,
        False,
        True,
    ]


def test_graphs_refusal_slows_the_workload_or_all_of_graph() -> None:
    users, logs = Ask("/v1.0/users", host="graph"), Ask("/v1.0/auditLogs/signIns", host="graph")
    assert slowed(logs, refusal("TooManyRequests"), {}, [users, sql(1)]) == [True, False, False]
    whole_of_it = {"x-ms-throttle-scope": "Tenant_Application/ReadWrite/x/y"}
    assert slowed(logs, refusal("TooManyRequests"), whole_of_it, [users, sql(1)]) == [True, True, False]


def test_resource_graphs_quota_is_believed() -> None:
    query = Ask("/providers/Microsoft.ResourceGraph/resources?api-version=1", method="POST", body={})

    async def main() -> float:
        governor = Governor(32)
        told = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:03"}
        governor.settle(await governor.admit(query), 200, told, b"")
        await governor.admit(query)
        return asyncio.get_running_loop().time()

    assert 3 <= run_virtually(main()) < 3.5


def test_a_transport_failure_gives_the_ticket_back() -> None:
    async def main() -> None:
        governor = Governor(1)
        for number in range(3):
            assert governor.settle(await governor.admit(sql(number)), 0, {}, b"") == 0

    run_virtually(main())
