"""Where the estates of scans lie: made, gone on with, kept for a day after an interruption, removed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from azscan.errors import EstateInUseError, OutputError, UsageError
from azscan.estate.store import Estate
from azscan.folders import state_folder
from azscan.settings import Settings

Say = Callable[[str], None]

# An estate that an interrupted scan left behind is good for this long.
KEPT_HOURS = 24
# Their names: AZSCAN_STATE_DIR may be a folder with databases of somebody else's.
_OURS = re.compile(r"[0-9a-f]{32}(-\d+)?\.sqlite(-wal|-shm|-journal)?")


def forget_old_estates(folder: Path) -> None:
    """Remove the estates that interrupted scans left behind longer than KEPT_HOURS ago."""
    oldest = time.time() - KEPT_HOURS * 3600
    for path in folder.glob("*.sqlite*") if folder.is_dir() else ():
        if not _OURS.fullmatch(path.name):
            continue
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except OSError:
            continue


def can_resume(estate: Estate, settings: Settings) -> bool:
    """Whether --resume would find the estate of a scan that is broken off."""
    return bool(settings.save_estate) or "-" not in estate.path.stem


def close_broken(estate: Estate, settings: Settings) -> bool:
    """Close the estate of a scan that was broken off; True where --resume can go on with it, else it is removed.

    One that the user named stays, even empty.
    """
    with contextlib.suppress(sqlite3.Error):
        if can_resume(estate, settings) and not estate.is_empty():
            estate.close()
            return True
    estate.close()
    if not settings.save_estate:
        remove_estate(estate.path)
    return False


def remove_estate(path: Path) -> None:
    """Remove an estate with all that SQLite keeps beside it; OutputError where that is not allowed."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            try:
                Path(f"{path}{suffix}").unlink()
            except PermissionError as error:
                raise OutputError(f"{path} cannot be removed: {error.strerror}", hint="remove it by hand") from error


def open_estate(settings: Settings, about: dict[str, Any], environ: Mapping[str, str], say: Say) -> Estate:
    """The estate that a scan writes: a new one, or with `--resume` the interrupted one of the same scan.

    UsageError where there is none to resume, or one of another scan; OutputError where it cannot be written.
    """
    identity = {name: about[name] for name in ("tenant", "cloud", "object_id", "catalog", "scope")}
    folder = state_folder(environ)
    forget_old_estates(folder)
    name = hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:32]
    path = Path(settings.save_estate) if settings.save_estate else folder / f"{name}.sqlite"
    if settings.save_estate and not path.parent.is_dir():
        raise OutputError(
            f"the estate {path} cannot be written: the folder {path.parent} does not exist",
            hint="create the folder, or name another file with --save-estate",
        )
    if not settings.resume:
        is_left_over = not settings.save_estate and path.exists()
        try:
            estate = Estate.create(path, about)
        except EstateInUseError:
            if settings.save_estate:
                raise
            say("note: another azscan scans the same subscriptions; where this scan is broken off it begins anew")
            return Estate.create(path.with_stem(f"{name}-{os.getpid()}"), about)
        if is_left_over:
            say("note: this scan replaces an interrupted one of the same scope, which --resume would have gone on with")
        return estate
    if not path.exists():
        where = f"at {path}" if settings.save_estate else "for this scope, identity and catalogue"
        raise UsageError(f"there is no interrupted scan {where}", hint="scan without --resume")
    estate = Estate.open_saved(path)
    differing = [name for name, value in identity.items() if estate.about(name) != value]
    if differing:
        estate.close()
        raise UsageError(
            f"the estate {path} is of another {' and '.join(sorted(differing)).replace('object_id', 'identity')}",
            hint="resume it as it was begun, or scan without --resume",
        )
    return estate
