from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from azscan.emulator import Estate, harvest
from azscan.errors import UsageError
from tests.emulator.rig import Rigs

SUB = "/subscriptions/00000000-0000-0000-0000-000000000000"
VAULT = f"{SUB}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"


def _folder(tmp_path: Path, *records: dict[str, Any]) -> Path:
    common = {"method": "GET", "host": "management.azure.com", "status": 200, "headers": {}}
    text = json.dumps({"sources": {}, "records": [{**common, **record} for record in records]})
    (tmp_path / "microsoft.test.json").write_text(text)
    return tmp_path


async def test_objects_are_harvested_out_of_lists_and_values(tmp_path: Path, start: Rigs) -> None:
    subnet = {"id": f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/n/subnets/s", "name": "s"}
    subnet["type"] = "Microsoft.Network/virtualNetworks/subnets"
    network = {
        "id": subnet["id"].rsplit("/subnets", 1)[0],
        "name": "n",
        "type": "Microsoft.Network/virtualNetworks",
        "location": "westus",
        "properties": {"subnets": [subnet]},
    }
    poor = {"id": VAULT, "name": "v", "type": "Microsoft.KeyVault/vaults", "location": "westus"}
    rich = {**poor, "properties": {"enablePurgeProtection": True}}
    folder = _folder(
        tmp_path,
        {"url": f"{VAULT}?api-version=2019-09-01", "body": rich},
        {"url": f"{SUB}/resources?api-version=2021-04-01", "body": {"value": [poor]}},
        {"url": f"{SUB}/providers/Microsoft.Network/virtualNetworks?api-version=1", "body": {"value": [network]}},
        {
            "url": f"{VAULT.replace('/v', '/gone')}?api-version=2019-09-01",
            "status": 404,
            "body": {"error": {"code": "Odd"}},
        },
        {"url": "/v1.0/users?$top=1", "host": "graph.microsoft.com", "body": {"value": [{"id": "u"}]}},
    )
    rig = await start(harvest(folder))
    found = await rig.ask(f"{SUB}/providers/Microsoft.KeyVault/vaults?api-version=2099-01-01")
    assert found.body["value"] == [rich]
    assert (await rig.ask(f"{subnet['id']}?api-version=2099-01-01")).body == subnet
    assert (await rig.ask(f"{network['id']}/subnets?api-version=2099-01-01")).names == ["s"]
    assert (await rig.ask(f"{SUB}/resources?api-version=2099-01-01")).names == ["v", "n"]
    assert (await rig.ask("/v1.0/users")).body["value"] == [{"id": "u"}]
    replayed = await rig.ask(f"{VAULT.replace('/v', '/GONE').upper()}?api-version=2019-09-01")
    assert (replayed.status, replayed.body) == (404, {"error": {"code": "Odd"}})


@pytest.mark.parametrize(
    ("replay", "names", "status"),
    [("all", ["old"], 404), ("objects", ["v"], 404), ("errors", ["v"], 404), ("none", ["v"], 200)],
)
async def test_how_much_is_replayed(tmp_path: Path, start: Rigs, replay: str, names: list[str], status: int) -> None:
    vault = {"id": VAULT, "name": "v", "type": "Microsoft.KeyVault/vaults", "location": "westus"}
    listed = f"{SUB}/providers/Microsoft.KeyVault/vaults?api-version=2019-09-01"
    folder = _folder(
        tmp_path,
        {"url": f"{VAULT}?api-version=2023-07-01", "body": vault},
        {"url": listed, "body": {"value": [{"name": "old"}]}},
        {"url": f"{VAULT}/keys?api-version=1", "status": 404, "body": {"error": {"code": "Odd"}}},
    )
    rig = await start(harvest(folder), replay=replay)
    assert (await rig.ask(listed)).names == names
    assert (await rig.ask(f"{VAULT}/keys?api-version=1")).status == status


async def test_recorded_links_point_here_and_texts_and_queries_are_replayed(tmp_path: Path, start: Rigs) -> None:
    first = f"{SUB}/providers/Microsoft.KeyVault/vaults?api-version=2019-09-01"
    second = f"{first}&$skiptoken=dGVz%3D"
    query = {"query": "communitygalleryresources | take 1"}
    folder = _folder(
        tmp_path,
        {"url": first, "body": {"value": [], "nextLink": f"https://management.azure.com:443{second}"}},
        {"url": second, "body": {"value": [{"name": "x"}]}},
        {"url": f"{SUB}/html?api-version=1", "status": 503, "text": "<html>", "headers": {"content-type": "text/html"}},
        {
            "url": "/providers/Microsoft.ResourceGraph/resources?api-version=1",
            "method": "POST",
            "request_body": query,
            "body": {"data": [1]},
        },
        {"url": "/subscriptions/<AZURE_SUBSCRIPTION_ID>/providers/A.B/c?api-version=1", "body": [{"name": "bare"}]},
    )
    rig = await start(harvest(folder))
    link = (await rig.ask(first)).body["nextLink"]
    assert link == rig.emulator.url + second
    assert (await rig.ask(link)).names == ["x"]
    page = await rig.ask(f"{SUB}/html?api-version=1")
    assert (page.status, page.text, page.headers["content-type"]) == (503, "<html>", "text/html")
    graph = "/providers/Microsoft.ResourceGraph/resources?api-version=1"
    assert (await rig.ask(graph, method="POST", body=query)).body == {"data": [1]}
    assert (await rig.ask(graph, method="POST", body={"query": "other"})).status == 400
    bare = await rig.ask("/subscriptions/aaaaaaaa-0000-4000-8000-00000000000a/providers/A.B/c?api-version=1")
    assert bare.body == [{"name": "bare"}]


async def test_of_different_answers_the_passing_ones_come_first(tmp_path: Path, start: Rigs) -> None:
    url = f"{VAULT}/keys?api-version=1"
    answers = [404, 200, 429, 404, 503]
    folder = _folder(tmp_path, *({"url": url, "status": status, "body": {"value": []}} for status in answers))
    rig = await start(harvest(folder))
    assert [(await rig.ask(url)).status for _ in range(4)] == [429, 503, 200, 200]


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recordings"):
        harvest(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(UsageError, match=r"x\.json is not a file of recordings"):
        harvest(tmp_path)


@pytest.fixture(scope="module")
def recorded(shared: Path) -> Estate:
    return harvest(shared / "recordings")


async def test_every_recorded_object_is_in_a_get_and_in_a_list(recorded: Estate, start: Rigs) -> None:
    rig = await start(recorded, replay="none")
    version = "?api-version=2099-01-01"
    nodes = [node for node in rig.emulator.engine.index.nodes() if node.address.subscription]
    assert len(nodes) > 9000
    odd, listed = [], 0
    for node in nodes[::17]:
        path = quote("/" + str(node.body["id"]).strip("/"))
        got = await rig.ask(path + version)
        if got.status != 200 or got.body != node.body:
            odd.append(path)
        names = await rig.ask(path.rsplit("/", 1)[0] + version) if node.address.types else None
        if names is not None and names.status == 200:
            listed += any(item["id"].lower() == str(node.body["id"]).lower() for item in names.body["value"])
    assert odd == []
    assert listed > 0.98 * len(nodes[::17])


async def test_recorded_urls_are_replayed_errors_included(recorded: Estate, start: Rigs, shared: Path) -> None:
    rig = await start(recorded)
    seen = set()
    for name in ("microsoft.recoveryservices", "microsoft.network", "microsoft.web", "microsoft.insights"):
        records = json.loads((shared / "recordings" / f"{name}.json").read_text())["records"]
        for record in [one for one in records if one["status"] >= 400 and one["method"] == "GET"]:
            url = record["url"].replace("<AZURE_SUBSCRIPTION_ID>", "aaaaaaaa-0000-4000-8000-00000000000a")
            got = await rig.ask(quote(url, safe="/?&=%$-._~:@!'()*+,;"))
            if got.status == record["status"]:
                seen.add(got.status)
                expected = record.get("body")
                assert got.text == record.get("text", "") if expected is None else got.body == expected, url
    assert seen >= {404, 429, 503, 504}
