"""Where the estates of scans lie, and how long they are kept."""

from __future__ import annotations

import os
import time

from azscan.keeping import KEPT_HOURS, forget_old_estates


def test_old_estates_are_forgotten_and_others_kept(tmp_path):
    old, new = "0" * 32, "f" * 32
    (tmp_path / f"{old}-4711.sqlite").touch()
    os.utime(tmp_path / f"{old}-4711.sqlite", (1, 1))
    kept = {f"{new}.sqlite", "other.txt", "customers.sqlite", "app.sqlite3", f"{old}x.sqlite"}
    for name, hours in (
        (f"{old}.sqlite", KEPT_HOURS + 1),
        (f"{old}.sqlite-wal", KEPT_HOURS + 1),
        (f"{new}.sqlite", KEPT_HOURS - 1),
        *((name, 1000) for name in kept if not name.startswith(new)),
    ):
        (tmp_path / name).touch()
        then = time.time() - hours * 3600
        os.utime(tmp_path / name, (then, then))
    forget_old_estates(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == kept
    forget_old_estates(tmp_path / "none")
