"""How long azscan takes to start: its help against importing typer and rich, and listing 500 checks.

Run: python benchmarks/start.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from catalogue import LIMIT, cpu_seconds, write_catalogue

HELP = 1.5


def main() -> None:
    base = cpu_seconds("-c", "import typer, rich.console")
    told = cpu_seconds("-m", "azscan", "--help")
    with tempfile.TemporaryDirectory() as folder:
        write_catalogue(Path(folder), 500)
        listed = cpu_seconds("-m", "azscan", "checks", "list", "--checks-dir", str(Path(folder, "checks")))
    print(f"import typer, rich.console           {base:.3f} s CPU")
    print(f"azscan --help                        {told:.3f} s CPU = {told / base:.2f} x (at most {HELP})")
    print(f"azscan checks list, 500 and shipped  {listed:.3f} s CPU (at most {LIMIT} with 500)")


if __name__ == "__main__":
    main()
