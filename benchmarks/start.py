"""How long azscan takes to start: its help against importing typer and rich, listing the shipped checks and 500 more.

The catalogue is parsed by the first command and kept for the next ones: both are told.

Run: python benchmarks/start.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from catalogue import LIMIT, cpu_seconds, write_catalogue

HELP = 1.5


def main() -> None:
    base = cpu_seconds("-c", "import typer, rich.console")
    told = cpu_seconds("-m", "azscan", "--help")
    lists = ("-m", "azscan", "checks", "list")
    with tempfile.TemporaryDirectory() as folder:
        write_catalogue(Path(folder), 500)
        more = (*lists, "--checks-dir", str(Path(folder, "checks")))
        # Below a file no folder can be made: nothing is kept.
        nowhere = Path(folder, "file")
        nowhere.write_text("")
        os.environ["XDG_CACHE_HOME"] = str(nowhere)
        parsed = cpu_seconds(*lists)
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        listed, both = cpu_seconds(*lists), cpu_seconds(*more)
    print(f"import typer, rich.console           {base:.3f} s CPU")
    print(f"azscan --help                        {told:.3f} s CPU = {told / base:.2f} x (at most {HELP})")
    print(f"azscan checks list, parsed           {parsed:.3f} s CPU")
    print(f"azscan checks list, kept             {listed:.3f} s CPU (at most {LIMIT})")
    print(f"azscan checks list, 500 more, kept   {both:.3f} s CPU (at most {LIMIT})")


if __name__ == "__main__":
    main()
