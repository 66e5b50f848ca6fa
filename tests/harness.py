"""Scans of the emulator for tests: in this process (quick, with everything to look at), or as a user runs them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from azscan.azure.clock import Clock
from azscan.azure.governor import Governor
from azscan.catalog.load import load
from azscan.catalog.model import Catalog
from azscan.choosing import choose_checks
from azscan.collect.progress import Progress
from azscan.emulator import Emulator, Estate, Options
from azscan.results import Verdict
from azscan.scan import assess, collect
from azscan.settings import Settings, resolve
from azscan.verdicts import StoredResults

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Scanned:
    """A finished scan: its results, all verdicts, what the emulator saw, and what was said to the user."""

    results: StoredResults
    verdicts: list[Verdict]
    emulator: Emulator
    said: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return self.results.summary.gate.exit_code

    def of(self, check: str) -> list[Verdict]:
        """The verdicts of one check."""
        return [verdict for verdict in self.verdicts if verdict.check == check]

    def outcome(self) -> dict[tuple[str, str], str]:
        """Status by check and resource id: what two scans are compared by."""
        return {(verdict.check, verdict.resource.id.lower()): verdict.status for verdict in self.verdicts}

    def reads(self) -> list[str]:
        """Every GET path with its query, as the emulator logged them (ARM and Graph, no sign-in)."""
        return [f"{record.path}?{record.query}" for record in self.emulator.log]


@cache
def shipped() -> Catalog:
    """The shipped catalogue, loaded once: it takes half a second, and there are hundreds of scans."""
    return load()


def _catalog(settings: Settings) -> Catalog:
    folders = (settings.checks_dir, settings.mappings_dir)
    return load(*folders) if any(folders) else shipped()


def scan(
    folder: Path,
    estate: Estate,
    options: Options | None = None,
    *,
    catalog: Catalog | None = None,
    before: Callable[[Emulator], None] | None = None,
    clock: Clock | None = None,
    **given: Any,
) -> Scanned:
    """Scan an emulated estate over HTTPS and assess it; `given` are options as azscan.yaml spells them, with `_`.

    The estate file lies in `folder`, and stays open for the results. With a quick `clock` the waits before another try
    cost nothing. Raises what the command line would turn into an exit code.
    """
    number = len(list(folder.glob("estate-*.sqlite")))
    settings = resolve({"save_estate": str(folder / f"estate-{number}.sqlite"), **given}, {})
    choice = choose_checks(settings, catalog or _catalog(settings))
    said: list[str] = []

    async def work() -> tuple[Any, Emulator]:
        async with Emulator(estate, options or Options()) as emulator:
            if before is not None:
                before(emulator)
            around = emulator.environment(emulator.write_ca(folder / "ca.pem"))
            changed = with_cloud(settings, emulator.url)
            governor = Governor(settings.concurrency, clock=clock) if clock is not None else None
            return await collect(changed, choice, around, said.append, Progress(), governor), emulator

    stored, emulator = asyncio.run(work())
    results = assess(stored, settings, choice)
    verdicts = list(results.verdicts())
    return Scanned(results, verdicts, emulator, said)


def with_cloud(settings: Settings, url: str) -> Settings:
    """The settings, leading to the emulator."""
    import msgspec

    return msgspec.structs.replace(settings, cloud=url, auth="service-principal")


def azscan(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process, away from the variables and the home of whoever runs the tests."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_"))}
    around |= {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "COLUMNS": "80", **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", "azscan", *arguments],
        capture_output=True,
        text=True,
        env=around,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
