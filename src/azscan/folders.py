"""Where azscan keeps things of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where estates of running and broken scans lie."""
    if folder := environ.get("AZSCAN_STATE_DIR"):
        return Path(folder)
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "azscan"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "azscan"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "azscan"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where lies what can be made anew at any time: the catalogue as it was parsed last."""
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "azscan" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "azscan"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "azscan"
