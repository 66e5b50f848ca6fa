"""Lanes: as wide as asked, jobs may add jobs, the first error ends all."""

from __future__ import annotations

import asyncio

import pytest

from azscan.collect.lanes import Lanes


async def test_no_lane_runs_more_than_its_width():
    lanes, running, most, done = Lanes(3), {"a": 0, "b": 0}, {"a": 0, "b": 0}, []

    async def job(lane):
        running[lane] += 1
        most[lane] = max(most[lane], running[lane])
        await asyncio.sleep(0)
        running[lane] -= 1
        done.append(lane)

    for lane in ("a", "b"):
        for _ in range(10):
            lanes.add(lane, lambda lane=lane: job(lane))
    await lanes.run()
    assert most == {"a": 3, "b": 3} and len(done) == 20


async def test_a_lane_that_waits_holds_nobody_up():
    lanes, free, done = Lanes(1), asyncio.Event(), []

    async def blocked():
        await free.wait()
        done.append("blocked")

    async def quick():
        done.append("quick")
        free.set()

    lanes.add("a", blocked)
    lanes.add("b", quick)
    await lanes.run()
    assert done == ["quick", "blocked"]


async def test_jobs_add_jobs_to_any_depth():
    lanes, depths = Lanes(2), []

    async def job(depth):
        depths.append(depth)
        if depth < 50:
            lanes.add("same", lambda: job(depth + 1))

    lanes.add("same", lambda: job(0))
    await lanes.run()
    assert depths == list(range(51))


async def test_the_first_error_is_raised_as_it_is():
    lanes = Lanes(2)

    async def fails():
        raise LookupError("the disk")

    async def waits():
        await asyncio.Event().wait()

    lanes.add("a", waits)
    lanes.add("b", fails)
    with pytest.raises(LookupError, match="the disk"):
        await lanes.run()
