from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import demo_estate, load_estate, read_estate
from azscan.errors import UsageError
from tests.emulator.rig import ONE, Rigs, account, child


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "not an object"),
        ("{}", "has no `format`"),
        ('{"format": 2}', "has format 2; this azscan reads format 1"),
        ('{"format": 1, "resources": {}}', "`resources` must be a list"),
        ('{"format": 1, "tenant": []}', "`tenant` must be an object"),
        ('{"format": 1, "resources": [{"name": "x"}]}', "resource 1 has no `id`"),
        ('{"format": 1, "resources": ["x"]}', "resource 1 has no `id`"),
        ('{"format": 1, "subscriptions": [{}]}', "subscription 1 has no `subscriptionId`"),
        ('{"format": 1, "graph": {"v1.0/users": ["x"]}}', "graph 'v1.0/users' must be"),
        ('{"format": 1, "roles": [{"scop": "/"}]}', "Role has no 'scop'"),
        ('{"format": 1, "resource": []}', "unknown keys: resource"),
        ('{"format": 1, "resources": [\ud800]}', "is not JSON"),
    ],
)
def test_a_bad_estate_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError) as caught:
        load_estate(path)
    assert words in caught.value.message
    assert str(path) in caught.value.message


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_estate(tmp_path / "none.json")


def test_subscriptions_are_those_declared_and_those_that_ids_name() -> None:
    other = "12345678-0000-4000-8000-000000000000"
    found = read_estate(
        {
            "format": 1,
            "subscriptions": [{"subscriptionId": ONE.upper()}],
            "resources": [account("a"), account("b", subscription=other)],
        }
    )
    assert list(found.known_subscriptions) == [ONE, other]
    assert found.known_subscriptions[ONE]["subscriptionId"] == ONE.upper()


def test_the_demo_estate_has_two_subscriptions() -> None:
    demo = demo_estate()
    assert len(demo.known_subscriptions) == 2
    assert demo.index().types


def test_the_index_keeps_the_fullest_of_what_it_is_told() -> None:
    one = account("a")
    index = read_estate({"format": 1, "resources": [one, {**one, "kind": "BlobStorage"}]}).index()
    assert index.by_key[one["id"].lower()].body["kind"] == "BlobStorage"
    assert [
        node.gone
        for node in index.children[(one["id"].lower().rsplit("/providers/", 1)[0], "microsoft.storage/storageaccounts")]
    ] == [True, False]


def _saved(path: Path, rows: list[tuple[str, Any, str]]) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE scan(key TEXT, value TEXT);"
        "CREATE TABLE read(id INTEGER PRIMARY KEY, collection TEXT, scope TEXT, url TEXT, api TEXT, status INT);"
        "CREATE TABLE resource(id INTEGER PRIMARY KEY, collection TEXT, subscription TEXT, id_as_sent TEXT,"
        " id_key TEXT, parent TEXT, body BLOB, read_id INT, sha256 TEXT);"
    )
    for at, (identifier, body, url) in enumerate(rows, 1):
        connection.execute("INSERT INTO read(id, url) VALUES (?, ?)", (at, url))
        connection.execute(
            "INSERT INTO resource(id_as_sent, body, read_id) VALUES (?, ?, ?)", (identifier, json.dumps(body), at)
        )
    connection.commit()
    connection.close()


async def test_a_saved_estate_answers_again(tmp_path: Path, start: Rigs) -> None:
    one = account("a")
    blob = child(one, "blobServices/default", deleteRetentionPolicy={"enabled": True})
    nameless = {"properties": {"x": 1}}
    policy = {"id": "p", "isEnabled": True}
    _saved(
        tmp_path / "estate.db",
        [
            (one["id"], one, "/subscriptions/x"),
            (blob["id"], blob, "/subscriptions/x"),
            (f"{one['id']}/queueServices/default", nameless, "/subscriptions/x"),
            ("u", {"id": "u", "displayName": "Ann"}, "/v1.0/users?$select=id"),
            ("v", {"id": "v", "displayName": "Ben"}, "https://graph.example/v1.0/users?$skiptoken=2"),
            ("p", policy, "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"),
        ],
    )
    rig = await start(load_estate(tmp_path / "estate.db"))
    base = "/resourceGroups/rg-web/providers/Microsoft.Storage/storageAccounts/a"
    assert (await rig.arm(f"{base}/blobServices/default")).body == blob
    assert (await rig.arm(f"{base}/queueServices/default")).body["properties"] == {"x": 1}
    assert [user["displayName"] for user in (await rig.ask("/v1.0/users")).body["value"]] == ["Ann", "Ben"]
    got = await rig.ask("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy")
    assert got.body["isEnabled"] is True


def test_another_sqlite_file_is_refused_in_words(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE cats(name TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(UsageError, match="not a saved estate"):
        load_estate(tmp_path / "other.db")
