"""The estate file: whole or not at all, its owner's only, and never somebody else's."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys

import msgspec
import pytest

from azscan.azure.answers import Answer, Fault
from azscan.errors import OutputError, UsageError
from azscan.estate.file import FORMAT
from azscan.estate.store import BROKEN_OFF, Estate
from tests.collect.ground import AT, ONE

ANSWER = Answer(url="/things?api-version=1", api="1", status=200, at=AT)


@pytest.fixture
def estate(tmp_path):
    made = Estate.create(tmp_path / "e.sqlite", {"tenant": "t"})
    yield made
    made.close()


def add(estate, *names, page=0, scope="/s", collection="thing", **more):
    records = [(f"/x/{name}", f"/x/{name.lower()}", b'{"name":"%s"}' % name.encode()) for name in names]
    return estate.add_page(collection, "read", ONE, scope, page, ANSWER, records, **more)


def names(estate, **more):
    return [msgspec.json.decode(row.body)["name"] for row in estate.rows("thing", **more)]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# files


def test_an_estate_is_its_owners_only_with_all_that_lies_beside_it(tmp_path):
    path = tmp_path / "new" / "e.sqlite"
    made = Estate.create(path, {})
    add(made, "a")
    assert {mode(each) for each in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700
    made.close()


def test_an_old_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "e.sqlite"
    Estate.create(path, {}).close()
    path.chmod(0o644)
    Estate.create(path, {}).close()
    assert mode(path) == 0o600


def test_a_new_estate_replaces_an_old_one(tmp_path, estate):
    add(estate, "a")
    estate.close()
    fresh = Estate.create(estate.path, {"tenant": "u"})
    assert names(fresh) == [] and fresh.about("tenant") == "u" and fresh.last_page("thing", "read", "/s") is None
    fresh.close()


@pytest.mark.parametrize("kind", ["text", "sqlite"])
def test_somebody_elses_file_is_left_as_it_is(tmp_path, kind):
    path = tmp_path / "mine.db"
    if kind == "text":
        path.write_text("dear diary " * 100)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE diary(entry)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(OutputError, match="not an estate"):
        Estate.create(path, {})
    for to_write in (True, False):
        with pytest.raises(UsageError, match="not an estate"):
            Estate.open_saved(path, to_write=to_write)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("cloud", 5),
        ("identity", None),
        ("tenant", []),
        ("credential", {}),
        ("version", True),
        ("notes", [1]),
        ("notes", {}),
        ("scope", [{}]),
        ("requests", []),
        ("requests", 1.5),
        ("complete", 1),
        ("permissions", []),
    ],
)
def test_facts_of_another_kind_are_no_estate(tmp_path, fact, value):
    path = tmp_path / "e.sqlite"
    about = {"tenant": "t", "notes": ["n"], "scope": [ONE], "requests": 3, "complete": True, "permissions": {}}
    Estate.create(path, about).close()
    Estate.open_saved(path, to_write=False).close()
    opened = Estate.open_saved(path)
    opened.describe({fact: value})
    opened.close()
    with pytest.raises(UsageError, match=f"not an estate: .*{fact}"):
        Estate.open_saved(path, to_write=False)


def test_an_empty_file_may_become_an_estate_but_is_none(tmp_path):
    path = tmp_path / "e.sqlite"
    path.touch()
    with pytest.raises(UsageError, match="not an estate"):
        Estate.open_saved(path)
    Estate.create(path, {}).close()
    Estate.open_saved(path).close()


@pytest.mark.parametrize("to_write", [True, False])
def test_a_later_estate_names_the_remedy(tmp_path, estate, to_write):
    estate.connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    estate.close()
    before = estate.path.read_bytes()
    with pytest.raises(UsageError, match="later azscan") as caught:
        Estate.open_saved(estate.path, to_write=to_write)
    assert "upgrade" in caught.value.hint and estate.path.read_bytes() == before


def test_no_file_is_no_estate(tmp_path):
    with pytest.raises(UsageError, match="there is no estate"):
        Estate.open_saved(tmp_path / "none")
    with pytest.raises(UsageError, match="there is no estate"):
        Estate.open_saved(tmp_path)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("way", ["create", "resume", "read"])
def test_a_second_opener_is_told(estate, way):
    ways = {
        "create": lambda: Estate.create(estate.path, {}),
        "resume": lambda: Estate.open_saved(estate.path),
        "read": lambda: Estate.open_saved(estate.path, to_write=False),
    }
    add(estate, "a")
    with pytest.raises(OutputError, match="in use by another azscan") as caught:
        ways[way]()
    assert caught.value.exit_code == 5
    assert names(estate) == ["a"]
    add(estate, "b", page=1)


def test_reading_a_saved_estate_leaves_it_byte_for_byte(estate):
    add(estate, "a")
    estate.connection.execute("INSERT INTO verdicts VALUES (0, 0, '[[1, [], null, null]]')")  # as an assessed one has
    estate.close()
    before, beside = estate.path.read_bytes(), list(estate.path.parent.iterdir())
    opened = Estate.open_saved(estate.path, to_write=False)
    opened.executemany("INSERT INTO assessed VALUES (?, ?, ?)", [(1, "a", "[]")])
    opened.connection.execute("DELETE FROM verdicts")
    assert opened.connection.execute("SELECT count(*) FROM verdict").fetchone() == (0,)
    opened.connection.execute("CREATE TEMP TABLE more(x)")
    assert names(opened) == ["a"]
    opened.close()
    assert estate.path.read_bytes() == before and list(estate.path.parent.iterdir()) == beside


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders")
def test_a_saved_estate_in_a_read_only_folder_can_be_read(estate):
    add(estate, "a")
    estate.close()
    estate.path.parent.chmod(0o500)
    try:
        opened = Estate.open_saved(estate.path, to_write=False)
        assert names(opened) == ["a"]
        opened.close()
    finally:
        estate.path.parent.chmod(0o700)


def test_what_was_written_before_a_kill_is_there_after_it(tmp_path):
    path = tmp_path / "e.sqlite"
    program = (
        "import os, sys; from pathlib import Path; from azscan.estate.store import Estate\n"
        "from azscan.azure.answers import Answer\n"
        f"estate = Estate.create(Path({str(path)!r}), {{}})\n"
        "answer = Answer(url='/u', api='1', status=200, at='now')\n"
        "estate.add_page('thing', 'read', 's', '/s', 0, answer, [('/x/a', '/x/a', b'{\"name\":\"a\"}')], next='/2')\n"
        "estate.transaction().__enter__().execute(\"INSERT INTO scan VALUES ('half', '1')\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    for to_write in (False, True):
        opened = Estate.open_saved(path, to_write=to_write)
        last = opened.last_page("thing", "read", "/s")
        assert names(opened) == ["a"] and last is not None and last.next == "/2" and opened.about("half") is None
        opened.close()


# pages


def test_a_page_goes_in_whole_or_not_at_all(estate):
    with pytest.raises(OutputError):
        estate.add_page(
            "thing", "read", ONE, "/s", 0, ANSWER, [("/x/a", "/x/a", b"{}"), ("/x/b", None, b"{}")], next="/2"
        )
    assert estate.last_page("thing", "read", "/s") is None and estate.count("thing") == 0
    add(estate, "a")
    assert names(estate) == ["a"]


def test_a_full_disk_is_told_and_leaves_the_pages_before(estate):
    add(estate, "a", next="/2")
    pages = estate.connection.execute("PRAGMA page_count").fetchone()[0]
    estate.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputError, match="disk is full") as caught:
        estate.add_page("thing", "read", ONE, "/s", 1, ANSWER, [("/x/b", "/x/b", b'{"name":"%s"}' % (b"b" * 100_000))])
    assert "--resume" in caught.value.hint
    last = estate.last_page("thing", "read", "/s")
    assert names(estate) == ["a"] and last is not None and (last.page, last.next) == (0, "/2")


def test_a_page_is_complete_at_its_last_link_only(estate):
    add(estate, "a", next="/2")
    assert not estate.last_page("thing", "read", "/s").complete
    add(estate, "b", page=1)
    assert estate.last_page("thing", "read", "/s").complete
    add(estate, page=2, kind="partial_access")
    assert not estate.last_page("thing", "read", "/s").complete


def test_the_same_id_counts_once_in_a_list_and_once_in_each_subscription(estate):
    _, first = add(estate, "a", "b")
    _, second = add(estate, "B", "c", page=1)
    assert len(first) == 2 and len(second) == 1 and names(estate) == ["a", "b", "c"]
    estate.add_page("thing", "read", "other", "/other", 0, ANSWER, [("/x/a", "/x/a", b'{"name":"a2"}')])
    assert names(estate, subscription="other") == ["a2"]


def test_rows_come_in_the_order_of_ids_whatever_the_order_of_answers(estate):
    add(estate, "c", "A", "b")
    assert names(estate) == ["A", "b", "c"] and estate.count("thing", subscription=ONE) == 3
    assert names(estate, subscription="other") == [] and estate.count("thing", parent=7) == 0


def test_what_is_gone_takes_with_it_what_hangs_on_it(estate):
    _, (parent, other) = add(estate, "p", "q")
    _, (child,) = add(estate, "p/c", scope="/x/p", collection="child", parent=parent)
    add(estate, "p/c/l", scope="/x/p/c", collection="leaf", parent=child)
    estate.mark_gone(parent)
    add(estate, "p/late", scope="/x/p", collection="late", parent=parent)
    assert names(estate) == ["q"]
    assert [estate.count(each) for each in ("child", "leaf", "late")] == [0, 0, 0]
    assert {name for name, _ in estate.gone()} == {"thing", "child", "leaf", "late"}
    assert other


def test_a_read_that_is_dropped_takes_with_it_what_was_read_below(estate):
    _, (parent, _) = add(estate, "p", "q", next="/2")
    _, (child,) = add(estate, "p/c", scope="/x/p", collection="child", parent=parent)
    add(estate, "p/c/l", scope="/x/p/c", collection="leaf", parent=child)
    row = estate.row(parent)
    estate.add_detail("thing", row, "/x/p", ANSWER, b'{"name":"p","more":1}', "", "")
    add(estate, "z", scope="/elsewhere")
    estate.drop_reads("thing", "read", "/s")
    assert names(estate) == ["z"] and estate.count("child") == estate.count("leaf") == 0
    left = estate.connection.execute("SELECT scope, part FROM read").fetchall()
    assert left == [("/elsewhere", "read")]
    estate.drop_reads("thing", "read", "/s")


def test_a_page_that_is_dropped_leaves_the_others(estate):
    add(estate, "a", next="/2")
    read, _ = add(estate, page=1, kind="unavailable")
    estate.drop_page(read)
    last = estate.last_page("thing", "read", "/s")
    assert (last.page, last.next) == (0, "/2") and names(estate) == ["a"]


def test_failed_reads_are_all_that_left_a_part_unreadable(estate):
    denied = msgspec.structs.replace(ANSWER, fault=Fault("access_denied", "no", code="C", action="a/read"))
    estate.add_page("a", "read", ONE, "/a", 0, denied, kind="access_denied", message="no")
    add(estate, "b", scope="/b", next="/b2")
    add(estate, "c", scope="/c", next="/c2")
    add(estate, "d", scope="/c", page=1)
    for kind in ("absent", "proven_absent", "not_needed", "not_registered", "parent_gone"):
        add(estate, scope=f"/{kind}", kind=kind)
    failed = {
        scope: (page.kind, page.message, page.code, page.action) for _, _, _, scope, page in estate.failed_reads()
    }
    assert failed == {"/a": ("access_denied", "no", "C", "a/read"), "/b": ("unavailable", BROKEN_OFF, "", "")}


def test_facts_of_the_scan_are_kept_as_json(estate):
    estate.describe({"a": [1, {"b": None}], "tenant": "new"})
    assert estate.about("a") == [1, {"b": None}] and estate.about("tenant") == "new"
    assert estate.about("none", "default") == "default"
