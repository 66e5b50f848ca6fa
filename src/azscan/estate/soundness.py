"""What no azscan wrote: a saved estate may be a stranger's, and is held against this before it is believed."""

from __future__ import annotations

import sqlite3

_TYPES = {
    "resource": {"text": "subscription id_as_sent id_key", "integer": "parent read_id detail_id gone", "blob": "body"},
    "read": {
        "text": "collection part subscription scope url api kind code message action at request_id next",
        "integer": "page status complete",
    },
    "scan": {"text": "value"},
}
# Finds what no azscan wrote; a record is always younger than the one it hangs on.
_UNSOUND = (
    *(
        f"SELECT 1 FROM {table} WHERE "
        + " OR ".join(f"typeof({name}) <> '{kind}'" for kind, names in kinds.items() for name in names.split())
        for table, kinds in _TYPES.items()
    ),
    "SELECT 1 FROM resource WHERE parent >= id",
    "SELECT 1 FROM scan WHERE NOT json_valid(value)",
    """SELECT 1 FROM scan, json_each(scan.value) AS each WHERE scan.key IN ('subscriptions', 'left_out') AND (
  json_type(scan.value) <> 'array' OR each.type <> 'object'
  OR coalesce(json_type(each.value, '$.id'), '') <> 'text' OR coalesce(json_type(each.value, '$.name'), '') <> 'text'
  OR coalesce(json_type(each.value, '$.state'), '') <> 'text'
  OR (scan.key = 'left_out' AND coalesce(json_type(each.value, '$.reason'), '') <> 'text'))""",
)
# The JSON types of what azscan writes about a scan.
_FACTS = {
    **dict.fromkeys(
        ["version", "started", "finished", "cloud", "tenant", "identity", "object_id", "credential", "catalog"],
        ("text",),
    ),
    **dict.fromkeys(("requests", "scope_reads"), ("integer",)),
    **dict.fromkeys(("scope", "notes", "selection"), ("array",)),
    "complete": ("true", "false"),
    "permissions": ("object",),
}
_NO_TEXTS = """SELECT scan.key FROM scan, json_each(scan.value) AS each
  WHERE scan.key IN ('scope', 'notes', 'selection') AND each.type <> 'text' LIMIT 1"""


def what_is_wrong(connection: sqlite3.Connection) -> str | None:
    """The first thing in an estate that no azscan wrote, in words; None where there is none."""
    if any(connection.execute(f"{each} LIMIT 1").fetchone() for each in _UNSOUND):
        return "it holds what azscan never writes"
    kinds = connection.execute("SELECT key, json_type(value) FROM scan")
    mistaken = [key for key, kind in kinds if kind not in _FACTS.get(key, (kind,))]
    mistaken += [key for (key,) in connection.execute(_NO_TEXTS)]
    return f"azscan never writes such a value of {mistaken[0]}" if mistaken else None
