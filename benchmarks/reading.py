"""Reading an estate of 600 resources at 40 ms latency: time against one read after the other, CPU, connections.

With --throttle also under ARM's throttle, and three times as large: reads lost, rate used, share of 429.
The emulator runs in a process of its own. Run: python benchmarks/reading.py [--resources 600] [--throttle]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from estates import multiplied, tracked

LATENCY_MS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=600)
    parser.add_argument("--latency", type=float, default=LATENCY_MS)
    parser.add_argument("--throttle", action="store_true")
    given = parser.parse_args()
    if not given.throttle:
        _report(given.resources, given.latency, throttled=False)
        return
    for resources in (given.resources, 3 * given.resources):
        _report(resources, given.latency, throttled=True)


def _report(resources: int, latency: float, *, throttled: bool) -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, resources, latency, throttled))
    server.start()
    environment = here.recv()
    measured = _scan(environment)
    here.send("stop")
    seen: dict[str, Any] = here.recv()
    server.join()
    # Sign-in and discovery are not reads of the estate.
    reads = seen["reads"]
    sequential = reads * latency / 1000
    number = tracked(multiplied(resources))
    print(f"{number} resources, {latency:g} ms latency{', ARM throttle' if throttled else ''}")
    print(f"  reads a resource          {reads / number:.2f}")
    print(f"  reads                     {reads} ({measured['parts']} parts planned), {seen['repeated']} asked twice")
    print(f"  unreadable verdicts       {measured['unreadable']}")
    part = sequential / measured["seconds"]
    print(f"  time                      {measured['seconds']:.2f} s = 1/{part:.1f} of one by one")
    print(f"  scanner's CPU a read      {measured['cpu'] / reads * 1000:.2f} ms")
    print(f"  connections at most       {seen['max_connections']}")
    if throttled:
        permitted = 250 + 25 * measured["seconds"]
        print(f"  permitted rate used       {min(reads, permitted) / permitted:.0%}")
        print(f"  answers that were 429     {seen['throttled'] / (reads + seen['throttled']):.2%}")


def _scan(environment: dict[str, str]) -> dict[str, Any]:
    from azscan.catalog.load import load
    from azscan.choosing import choose_checks
    from azscan.collect.progress import Progress
    from azscan.scan import assess, collect
    from azscan.settings import resolve

    with tempfile.TemporaryDirectory() as folder:
        settings = resolve(
            {
                "cloud": environment.pop("url"),
                "auth": "service-principal",
                "save_estate": str(Path(folder, "estate.sqlite")),
            },
            {},
        )
        choice = choose_checks(settings, load())
        progress = Progress()
        # Importing is paid for before: what is measured is signing in and reading.
        import azscan.azure.scope
        import azscan.azure.session
        import azscan.collect.collector  # noqa: F401

        began, cpu = time.perf_counter(), _cpu()
        estate = asyncio.run(collect(settings, choice, {**os.environ, **environment}, lambda text: None, progress))
        seconds, spent = time.perf_counter() - began, _cpu() - cpu
        results = assess(estate, settings, choice)
        estate.close()
        return {
            "seconds": seconds,
            "cpu": spent,
            "parts": progress.planned,
            "unreadable": results.summary.statuses["unreadable"],
        }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _serve(pipe: Connection, resources: int, latency: float, throttled: bool) -> None:
    from azscan.emulator import Emulator, Options, Throttle, read_estate

    async def work() -> None:
        estate = read_estate(json.dumps(multiplied(resources)).encode())
        options = Options(latency_ms=latency, throttle=Throttle() if throttled else None)
        with tempfile.TemporaryDirectory() as folder:
            async with Emulator(estate, options) as emulator:
                pipe.send({"url": emulator.url, **emulator.environment(emulator.write_ca(Path(folder, "ca.pem")))})
                await asyncio.to_thread(pipe.recv)
                pipe.send(emulator.statistics)

    asyncio.run(work())


if __name__ == "__main__":
    main()
