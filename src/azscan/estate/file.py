"""The SQLite file of an estate: what is in it, how it is made and opened, and which files are refused."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from azscan.errors import EstateInUseError, OutputError, UsageError
from azscan.estate.soundness import what_is_wrong

FORMAT = 2
# By these a file is known as an estate.
TABLES = frozenset({"scan", "read", "resource"})
NAME_ONE = "name a file that --save-estate wrote"

SCHEMA = """
CREATE TABLE scan(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE read(
  id INTEGER PRIMARY KEY, collection TEXT NOT NULL, part TEXT NOT NULL, subscription TEXT NOT NULL,
  scope TEXT NOT NULL, page INTEGER NOT NULL, url TEXT NOT NULL, api TEXT NOT NULL, status INTEGER NOT NULL,
  kind TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, action TEXT NOT NULL, at TEXT NOT NULL,
  request_id TEXT NOT NULL, next TEXT NOT NULL, complete INTEGER NOT NULL);
CREATE UNIQUE INDEX read_of ON read(collection, part, scope, page);
CREATE TABLE resource(
  id INTEGER PRIMARY KEY, collection TEXT NOT NULL, subscription TEXT NOT NULL, id_as_sent TEXT NOT NULL,
  id_key TEXT NOT NULL, parent INTEGER NOT NULL, body BLOB NOT NULL, read_id INTEGER NOT NULL,
  detail_id INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0, sha256 BLOB NOT NULL);
CREATE UNIQUE INDEX resource_of ON resource(collection, parent, id_key, subscription);
CREATE INDEX resource_in ON resource(collection, subscription, id_key);
"""
# Written anew by each assessment. A row holds many verdicts of one check and status, [resource, evidence, reason,
# waiver] each, for a row of its own would cost more than the verdict; `verdict` is for those who ask in SQL.
_VERDICTS = """
CREATE {temp} TABLE assessed(number INTEGER PRIMARY KEY, id TEXT NOT NULL, leaves TEXT NOT NULL);
CREATE {temp} TABLE verdicts(number INTEGER NOT NULL, status INTEGER NOT NULL, told TEXT NOT NULL);
CREATE INDEX {schema}.verdicts_of ON verdicts(number, status);
CREATE {temp} VIEW verdict AS SELECT number, status, json_extract(value, '$[0]') AS resource,
  json_extract(value, '$[1]') AS evidence, json_extract(value, '$[2]') AS reason, json_extract(value, '$[3]') AS waiver,
  CASE json_extract(value, '$[0]') WHEN 0 THEN json_extract(value, '$[1][2]') ELSE
  (SELECT subscription FROM main.resource WHERE id = json_extract(value, '$[0]')) END AS subscription
  FROM {schema}.verdicts, json_each(told);
"""

# Bytes that one value of a saved estate may have; a record is what one page of Azure's holds, at the most.
LARGEST_VALUE = 1 << 28


def make(path: Path) -> sqlite3.Connection:
    """A new, empty estate file, readable by its owner only; replaces an old one.

    OutputError where it cannot be written, or where a file is in the way that is no estate: it is left as it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _may_be_replaced(path):
            raise OutputError(
                f"{path} exists and is not an estate", hint="name another file with --save-estate, or remove it"
            )
        connection = _connect(path)
        path.chmod(0o600)
        made = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'table') ORDER BY type DESC"
        connection.execute("BEGIN")
        for kind, name in connection.execute(made).fetchall():
            connection.execute(f'DROP {kind} "{name}"')
        connection.execute("COMMIT")
        connection.executescript(SCHEMA + _VERDICTS.format(temp="", schema="main"))
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from error
    return connection


def open_saved(path: Path, *, to_write: bool) -> sqlite3.Connection:
    """The file of a saved estate; UsageError where it is none, or one of a later azscan.

    With `to_write` false the verdict tables are empty ones beside the file, which stays as it is.
    """
    if not path.is_file():
        raise UsageError(f"there is no estate at {path}", hint=NAME_ONE)
    try:
        # Looked at before it is opened to be written: opening for that marks the file.
        version, names = _looked_at(path)
        if version > FORMAT:
            raise UsageError(
                f"{path} was written by a later azscan (estate format {version})", hint="upgrade azscan to read it"
            )
        if to_write and 0 < version < FORMAT:
            raise UsageError(
                f"{path} was written by an earlier azscan (estate format {version})", hint="scan without --resume"
            )
        if version < 1 or not names >= TABLES:
            raise UsageError(f"{path} is not an estate", hint=NAME_ONE)
        return _connect(path) if to_write else _connect_read_only(path)
    except sqlite3.DatabaseError as error:
        if any(words in str(error) for words in ("locked", "unable to open", "image is malformed")):
            raise unusable(path, error) from error
        raise UsageError(f"{path} is not an estate: {error}", hint=NAME_ONE) from error


def _connect(path: Path) -> sqlite3.Connection:
    # A link is not followed: whoever may write the folder could lead it to a file of ours.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
    # One writer at a time: a second scan into the same file is told so instead of mixing its rows in.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    return connection


def _read_only(path: Path) -> sqlite3.Connection:
    # A folder that cannot be written holds no log beside the file, so SQLite may take it as it is.
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=0.2)
    # The file may be a stranger's: nothing in its schema is to be called, nothing in it to fill the memory.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
    return connection


def _looked_at(path: Path) -> tuple[int, set[str]]:
    """The format and the tables of a SQLite file, which stays as it is."""
    with contextlib.closing(_read_only(path)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version, {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _may_be_replaced(path: Path) -> bool:
    """False where there is a file that is somebody else's: no SQLite at all, or with tables that no estate has."""
    if not path.exists() or not path.stat().st_size:
        return True
    try:
        _, names = _looked_at(path)
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise
        return False
    return names >= TABLES or names <= {*TABLES, "assessed", "verdicts"}


def _connect_read_only(path: Path) -> sqlite3.Connection:
    connection = _read_only(path)
    if wrong := what_is_wrong(connection):
        connection.close()
        raise sqlite3.DatabaseError(wrong)
    # They stand before the file's own, which nobody may write.
    connection.executescript(_VERDICTS.format(temp="TEMP", schema="temp"))
    return connection


def unusable(path: Path, error: Exception) -> OutputError:
    """The error for an estate that SQLite cannot write or read, in words."""
    words = str(error)
    if "locked" in words:
        return EstateInUseError(
            f"the estate {path} is in use by another azscan",
            hint="wait until it has finished, or name another file with --save-estate",
        )
    if "full" in words:
        return OutputError(
            f"the disk is full: the estate {path} cannot be written",
            hint="free some space, then go on with --resume; what was read so far is kept",
        )
    return OutputError(
        f"the estate {path} cannot be used: {words}", hint="check that the folder exists and is writable"
    )
