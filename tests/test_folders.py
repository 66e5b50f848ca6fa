"""Where azscan keeps things, on each system."""

from __future__ import annotations

import pytest

from azscan.folders import cache_folder, state_folder


@pytest.mark.parametrize(
    ("environ", "platform", "ending"),
    [
        ({"AZSCAN_STATE_DIR": "/x/y"}, "linux", "/x/y"),
        ({"XDG_STATE_HOME": "/x"}, "linux", "/x/azscan"),
        ({}, "linux", ".local/state/azscan"),
        ({}, "darwin", "Library/Application Support/azscan"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/azscan"),
    ],
)
def test_where_state_lies(monkeypatch, environ, platform, ending):
    monkeypatch.setattr("sys.platform", platform)
    assert state_folder(environ).as_posix().endswith(ending)


@pytest.mark.parametrize(
    ("environ", "platform", "ending"),
    [
        ({"XDG_CACHE_HOME": "/x", "AZSCAN_STATE_DIR": "/y"}, "linux", "/x/azscan"),
        ({}, "linux", ".cache/azscan"),
        ({}, "darwin", "Library/Caches/azscan"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/azscan/cache"),
    ],
)
def test_where_what_can_be_made_anew_lies(monkeypatch, environ, platform, ending):
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder(environ).as_posix().endswith(ending)
