"""Memory: peak RSS of a scan of 50,000 and of 200,000 resources, a check over all of them at once included.

The emulator runs in a process of its own, each scan in another. Run: python benchmarks/memory.py
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

SIZES = (50_000, 200_000)
AT_MOST = 200
SRC = Path(__file__).resolve().parents[1] / "src"

CHECK = """\
id: compute-all-disks-closed
title: No disk of the subscription can be exported
severity: high
status: experimental
subject: subscription
require:
  every:
    in: disks
    where: {field: properties.networkAccessPolicy, in: [DenyAll, AllowPrivate]}
    whenEmpty: pass
why: One open disk is enough to copy data out.
fix: {text: Close the disks that the evidence names.}
examples:
  pass: [{disks: []}]
  fail: [{disks: [{properties: {networkAccessPolicy: AllowAll}}]}]
"""
SCAN = """
import resource, sys
from azscan.cli import app
try:
    app(sys.argv[1:], prog_name="azscan", standalone_mode=False)
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def main() -> None:
    for size in SIZES:
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, size))
        server.start()
        environment = here.recv()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "checks", "compute").mkdir(parents=True)
            Path(folder, "checks", "compute", "compute-all-disks-closed.yaml").write_text(CHECK, encoding="utf-8")
            done = subprocess.run(
                [
                    *(sys.executable, "-c", SCAN, "scan", "--cloud", environment.pop("url")),
                    *("--auth", "service-principal", "--check", "compute-*disk*", "--fail-on", "never", "--quiet"),
                    *("--checks-dir", str(Path(folder, "checks")), "-o", str(Path(folder, "out.json"))),
                    *("-o", str(Path(folder, "out.csv")), "--save-estate", str(Path(folder, "estate.sqlite"))),
                ],
                env={**os.environ, **environment, "PYTHONPATH": str(SRC)},
                capture_output=True,
                text=True,
                check=False,
            )
            report = Path(folder, "out.json")
            written = report.stat().st_size / 2**20 if report.exists() else 0
        here.send("stop")
        server.join()
        peak = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("peak")]
        if not peak or not written:
            raise SystemExit(f"the scan failed: {done.stderr[-2000:]}")
        print(
            f"{size:,} resources: peak RSS {int(peak[0]) / 1024:.0f} MB (at most {AT_MOST}), JSON of {written:.0f} MB"
        )


def _serve(pipe: Connection, size: int) -> None:
    from azscan.emulator import Emulator, demo_parts, read_estate

    async def work() -> None:
        estate = demo_parts()
        subscription = estate["subscriptions"][0]
        estate["subscriptions"] = [subscription]
        shape = next(each for each in estate["resources"] if each["type"].lower() == "microsoft.compute/disks")
        group = f"/subscriptions/{subscription['subscriptionId']}/resourceGroups/rg-many"
        estate["resources"] = [
            {**shape, "name": f"disk-{n}", "id": f"{group}/providers/Microsoft.Compute/disks/disk-{n}"}
            for n in range(size)
        ]
        with tempfile.TemporaryDirectory() as folder:
            async with Emulator(read_estate(estate)) as emulator:
                pipe.send({"url": emulator.url, **emulator.environment(emulator.write_ca(Path(folder, "ca.pem")))})
                await asyncio.to_thread(pipe.recv)

    asyncio.run(work())


if __name__ == "__main__":
    main()
