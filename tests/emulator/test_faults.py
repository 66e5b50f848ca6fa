from __future__ import annotations

import asyncio

import aiohttp
import pytest

from azscan.emulator import Deletion, FaultRule, Options
from azscan.errors import UsageError
from tests.emulator.rig import API, ONE, STORAGE, Rigs, account, child, estate

LIST = f"/subscriptions/{ONE}/providers/{STORAGE}?{API}"
FIVE = [account(name) for name in "abcde"]


@pytest.mark.parametrize(
    "match", ["*", "*/STORAGEACCOUNTS", STORAGE, f"subscriptions/{ONE}/*", "*storageaccounts?api-version=2024*"]
)
async def test_a_rule_fits_a_path_a_query_or_a_type(start: Rigs, match: str) -> None:
    rig = await start(estate(*FIVE), faults=[FaultRule(match, status=503, code="ServiceUnavailable")])
    got = await rig.ask(LIST)
    assert (got.status, got.code) == (503, "ServiceUnavailable")
    assert rig.emulator.log[-1].fault == "status"
    if match != "*":
        assert (await rig.ask(f"/tenants?{API}")).status == 200


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        ({"nth": 2}, [200, 500, 200, 200, 200, 200]),
        ({"every": 3}, [200, 200, 500, 200, 200, 500]),
        ({"count": 2}, [500, 500, 200, 200, 200, 200]),
        ({"after": 4}, [200, 200, 200, 200, 500, 500]),
        ({"after": 1, "nth": 1}, [200, 500, 200, 200, 200, 200]),
    ],
)
async def test_a_rule_counts_what_it_fits(start: Rigs, rule: dict[str, int], statuses: list[int]) -> None:
    rig = await start(estate(*FIVE), faults=[{"match": STORAGE, **rule}])
    assert [(await rig.ask(LIST)).status for _ in range(6)] == statuses


async def test_page_three_of_five_fails_each_time(start: Rigs) -> None:
    rig = await start(estate(*FIVE), page_size=1, faults=[FaultRule(STORAGE, page=3, status=500)])
    second = await rig.ask((await rig.ask(LIST)).body["nextLink"])
    for _ in range(3):
        assert (await rig.ask(second.body["nextLink"])).status == 500
    assert (await rig.ask(LIST)).status == 200


async def test_a_status_with_a_body_headers_and_a_wait(start: Rigs) -> None:
    rules = [
        {"match": "*/one", "status": 429, "code": "TooManyRequests", "retryAfter": 2},
        {"match": "*/two", "status": 404, "body": {"Message": "odd"}, "headers": {"X-Odd": "yes"}},
        {"match": "*/three", "status": 500, "body": "plain words"},
    ]
    rig = await start(estate(), faults=rules)
    one, two, three = [await rig.arm(f"/providers/Microsoft.Web/{name}") for name in ("one", "two", "three")]
    assert (one.status, one.code, one.headers["retry-after"]) == (429, "TooManyRequests", "2")
    assert (two.body, two.headers["x-odd"]) == ({"Message": "odd"}, "yes")
    assert (three.status, three.text) == (500, "plain words")


@pytest.mark.parametrize(
    ("do", "value"), [("value_null", None), ("value_string", "value"), ("value_missing", "absent"), ("empty_page", [])]
)
async def test_a_list_of_the_wrong_shape(start: Rigs, do: str, value: object) -> None:
    rig = await start(estate(*FIVE), faults=[FaultRule(STORAGE, do=do)])
    got = await rig.ask(LIST)
    assert (got.status, got.body.get("value", "absent")) == (200, value)


async def test_an_html_page_plain_text_and_nothing_with_status_200(start: Rigs) -> None:
    rules = [FaultRule(f"*/{do}", do=do) for do in ("html", "text", "empty_body")]
    rig = await start(estate(), faults=rules)
    html = await rig.arm("/providers/Microsoft.Web/html")
    assert (html.status, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert html.text.startswith("<!DOCTYPE html>")
    assert (await rig.arm("/providers/Microsoft.Web/text")).text == "OK"
    empty = await rig.arm("/providers/Microsoft.Web/empty_body")
    assert (empty.status, empty.text) == (200, "")


async def test_a_next_link_that_loops_and_one_to_a_foreign_host(start: Rigs) -> None:
    rules = [FaultRule("*/loops", do="next_loop"), FaultRule("*/strays", do="next_foreign")]
    rig = await start(estate(), faults=rules)
    path = f"/subscriptions/{ONE}/providers/Microsoft.Web/loops?{API}"
    assert (await rig.ask(path)).body["nextLink"] == rig.emulator.url + path
    strays = (await rig.arm("/providers/Microsoft.Web/strays")).body["nextLink"]
    assert strays.startswith(rig.emulator.foreign_url + "/subscriptions/")


async def test_a_redirect_to_a_foreign_host_shows_who_followed(start: Rigs) -> None:
    rig = await start(estate(*FIVE), faults=[FaultRule(STORAGE, do="redirect_foreign")])
    got = await rig.ask(LIST)
    assert got.status == 307
    assert not [one for one in rig.emulator.log if one.service == "foreign"]
    await rig.ask(got.headers["location"], token="")
    assert [one.authorized for one in rig.emulator.log if one.service == "foreign"] == [False]


async def test_truncated_json_is_well_formed_http(start: Rigs) -> None:
    rig = await start(estate(*FIVE), faults=[FaultRule(STORAGE, do="truncate")])
    got = await rig.ask(LIST)
    assert got.status == 200 and got.text.startswith('{"value":[')
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        _ = got.body


@pytest.mark.parametrize("sent", [0, None, 20])
async def test_a_reset_before_and_in_mid_body(start: Rigs, sent: int | None) -> None:
    rig = await start(estate(*FIVE), faults=[FaultRule(STORAGE, do="reset", bytes=sent)])
    with pytest.raises(aiohttp.ClientError):
        await rig.ask(LIST)
    assert {one.fault for one in rig.emulator.log} == {"reset"}
    assert (await rig.arm("/resources")).status == 200


async def test_hanging_and_slow_answers(start: Rigs) -> None:
    rig = await start(
        estate(*FIVE), faults=[FaultRule("*/resources", do="hang"), FaultRule(STORAGE, do="slow", seconds=0.05)]
    )
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rig.arm("/resources"), 0.2)
    assert (await rig.ask(LIST)).names == list("abcde")
    assert rig.emulator.log[-1].seconds >= 0.05


async def test_graph_faults_have_graphs_shape(start: Rigs) -> None:
    rules = [FaultRule("v1.0/users", status=504, code="UnknownError", nth=1), FaultRule("v1.0/users", do="next_loop")]
    rig = await start(estate(graph={"v1.0/users": [{"id": "1"}]}), faults=rules)
    got = await rig.ask("/v1.0/users")
    assert (got.status, got.code) == (504, "UnknownError") and "innerError" in got.body["error"]
    assert "@odata.nextLink" in (await rig.ask("/v1.0/users")).body


async def test_a_resource_deleted_between_list_and_get(start: Rigs) -> None:
    one = account("a")
    rig = await start(
        estate(one, child(one, "blobServices/default"), account("b")),
        deletions=[Deletion(one["id"], on="*/providers/microsoft.storage/storageaccounts")],
    )
    assert (await rig.ask(LIST)).names == ["a", "b"]
    base = f"/resourceGroups/rg-web/providers/{STORAGE}/a"
    assert (await rig.arm(base)).code == "ResourceNotFound"
    assert (await rig.arm(f"{base}/blobServices/default")).code == "ParentResourceNotFound"
    assert (await rig.arm(f"{base}/blobServices/default/containers")).code == "ParentResourceNotFound"
    assert (await rig.ask(LIST)).names == ["b"]
    assert (await rig.arm("/resources")).names == ["b"]


async def test_a_group_deleted_after_so_many_reads(start: Rigs) -> None:
    rig = await start(estate(*FIVE), deletions=[{"id": f"/subscriptions/{ONE}/resourceGroups/rg-web", "after": 2}])
    statuses = [(await rig.arm(f"/resourceGroups/rg-web/providers/{STORAGE}")).status for _ in range(3)]
    assert statuses == [200, 200, 404]
    assert (await rig.arm("/resourcegroups")).names == []


def test_options_are_read_from_json_and_refused_in_words() -> None:
    options = Options.read(
        {"latencyMs": 40, "page-size": 5, "faults": [{"match": "x", "do": "html"}], "roles": [{"scope": "/"}]}
    )
    assert (options.latency_ms, options.page_size, options.faults[0].do) == (40, 5, "html")
    with pytest.raises(UsageError, match="no 'latancy'"):
        Options.read({"latancy": 1})
    with pytest.raises(UsageError, match="no fault 'explode'"):
        Options(faults=[FaultRule(do="explode")])
    with pytest.raises(UsageError, match="Deletion"):
        Options.read({"deletions": [{}]})
    with pytest.raises(UsageError, match="an object for FaultRule"):
        Options.read({"faults": ["html"]})


async def test_the_authority_fails_only_where_a_rule_names_it(start: Rigs) -> None:
    rules = [FaultRule("*", status=500), FaultRule("*/oauth2/v2.0/token", status=503, body={"error": "busy"}, count=1)]
    rig = await start(estate(), faults=rules)
    assert (await rig.sign_in()).status == 503
    assert (await rig.sign_in()).status == 200
    assert (await rig.ask(f"/tenants?{API}")).status == 500
