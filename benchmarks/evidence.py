"""The evidence pack of 100,000 verdicts: seconds and peak RSS of making and of verifying it.

An estate in the demo's shapes is scanned once, then `azscan evidence --estate` runs in a process of its own.
Run: python benchmarks/evidence.py [--resources 10000] [--estate FILE, kept for another run]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from estates import multiplied

SRC = Path(__file__).resolve().parents[1] / "src"
FRAMEWORKS = ("--framework", "cis-azure-6.0", "--framework", "iso-27001-2022")
LIMITS = (60, 400)
RUN = """
import sys
from azscan.cli import app
try:
    app(sys.argv[1:], prog_name="azscan", standalone_mode=False)
finally:
    # Not getrusage: that of a child begins with its parent's.
    with open("/proc/self/status") as status:
        print("peak", *(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--estate", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        estate = given.estate or Path(folder, "estate.sqlite")
        if not estate.exists():
            asyncio.run(_scan(given.resources, estate, Path(folder)))
        pack = Path(folder, "pack.zip")
        told, seconds, peak = _run("evidence", "--estate", str(estate), *FRAMEWORKS, "-o", str(pack))
        print(told.replace(str(pack), "pack"))
        print(f"pack      {seconds:.1f} s (at most {LIMITS[0]}), peak RSS {peak} MB (at most {LIMITS[1]})")
        print(f"size      {pack.stat().st_size / 2**20:.0f} MB")
        _, seconds, peak = _run("evidence", "verify", str(pack))
        print(f"verify    {seconds:.1f} s, peak RSS {peak} MB")


async def _scan(resources: int, estate: Path, folder: Path) -> None:
    from azscan.catalog.load import load
    from azscan.choosing import choose_checks
    from azscan.collect.progress import Progress
    from azscan.emulator import Emulator, Options, read_estate
    from azscan.scan import collect
    from azscan.settings import resolve

    async with Emulator(read_estate(multiplied(resources)), Options()) as emulator:
        options = {"cloud": emulator.url, "auth": "service-principal", "save_estate": str(estate)}
        settings = resolve({**options, "frameworks": ["cis-azure-6.0", "iso-27001-2022"]}, {})
        around = {**os.environ, **emulator.environment(emulator.write_ca(folder / "ca.pem"))}
        (await collect(settings, choose_checks(settings, load()), around, print, Progress())).close()


def _run(*words: str) -> tuple[str, float, int]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    *told, last = done.stderr.strip().splitlines()
    if done.returncode or not last.startswith("peak"):
        raise SystemExit(f"it failed: {done.stderr[-2000:]}")
    return "\n".join(told), seconds, int(last.split()[1]) // 1024


if __name__ == "__main__":
    main()
