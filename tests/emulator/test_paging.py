from __future__ import annotations

import pytest

from tests.emulator.rig import API, ONE, STORAGE, Rigs, account, estate

LIST = f"/subscriptions/{ONE}/providers/{STORAGE}?{API}"
SEVEN = [account(name) for name in "abcdefg"]


@pytest.mark.parametrize(("size", "pages"), [(1, 7), (3, 3), (7, 1), (1000, 1)])
async def test_pages_hold_every_item_once(start: Rigs, size: int, pages: int) -> None:
    rig = await start(estate(*SEVEN), page_size=size)
    assert await rig.all(LIST) == (list("abcdefg"), pages)


async def test_empty_pages_come_between(start: Rigs) -> None:
    rig = await start(estate(*SEVEN), page_size=3, empty_pages=True)
    first = await rig.ask(LIST)
    assert first.names == [] and "%24skiptoken=" in first.body["nextLink"]
    assert await rig.all(LIST) == (list("abcdefg"), 6)
    assert (await rig.arm("/providers/Microsoft.Sql/servers")).body == {"value": []}


async def test_top_and_a_size_for_each_type(start: Rigs) -> None:
    rig = await start(estate(*SEVEN), page_size={"microsoft.storage/storageaccounts": 4, "*": 2})
    assert len((await rig.ask(LIST)).names) == 4
    assert len((await rig.arm("/resources")).names) == 2
    assert len((await rig.ask(f"{LIST}&$top=1")).names) == 1


@pytest.mark.parametrize(("last", "tail"), [("absent", {}), ("null", {"nextLink": None}), ("empty", {"nextLink": ""})])
async def test_the_last_page_ends_in_either_form(start: Rigs, last: str, tail: dict[str, str | None]) -> None:
    rig = await start(estate(account("a")), last_link=last)
    body = (await rig.ask(LIST)).body
    body.pop("value")
    assert body == tail


async def test_a_next_link_survives_a_deletion_before_it(start: Rigs) -> None:
    rig = await start(estate(*SEVEN), page_size=2)
    first = await rig.ask(LIST)
    assert rig.emulator.delete(SEVEN[0]["id"]) == 1
    second = await rig.ask(first.body["nextLink"])
    assert second.names == ["c", "d"]
    assert (await rig.all(LIST))[0] == list("bcdefg")


async def test_a_broken_skip_token_is_refused(start: Rigs) -> None:
    rig = await start(estate(*SEVEN))
    got = await rig.ask(f"{LIST}&$skiptoken=broken")
    assert (got.status, got.code) == (400, "InvalidSkipToken")
