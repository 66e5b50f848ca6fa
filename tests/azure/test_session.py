"""The session on good days: what it sends, and how it reads what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
import vcr
from tests.azure.servers import OTHER_SUB, SUB, FakeAzure, FakeCredential, error, reply
from tests.azure.sessions import OpenSession

from azscan import __version__
from azscan.azure.answers import Ask
from azscan.azure.paging import next_ask, pages
from azscan.azure.session import Session
from azscan.errors import GuardError

ACCOUNTS = f"/subscriptions/{SUB}/providers/Microsoft.Storage/storageAccounts?api-version=2024-01-01"
ACCOUNT = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a?api-version=2024-01-01"
QUERY = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"


async def test_a_list_comes_back_with_what_the_answer_says_of_itself(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply({"value": [{"id": "/a", "n": None}], "nextLink": None}))
    answer = await session.read(Ask(ACCOUNTS))
    assert answer.items == ({"id": "/a", "n": None},)
    assert (answer.url, answer.api, answer.status, answer.request_id) == (ACCOUNTS, "2024-01-01", 200, "rq-1")
    assert answer.next == "" and answer.fault is None
    assert answer.at.endswith("Z") and "T" in answer.at


async def test_a_request_carries_token_user_agent_and_request_id_and_nothing_odd(
    session: Session, azure: FakeAzure, credential: FakeCredential
) -> None:
    azure.answers(reply({"value": []}))
    await session.read(Ask(ACCOUNTS))
    (seen,) = azure.seen
    assert (seen.method, seen.raw_path, seen.body) == ("GET", ACCOUNTS, b"")
    assert seen.token == "token-1"
    assert seen.headers["User-Agent"] == f"azscan/{__version__}"
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["x-ms-client-request-id"]
    assert credential.asked == [("https://arm.test/.default", None)]


async def test_the_first_answer_tells_how_far_azure_s_clock_is_ahead(session: Session, azure: FakeAzure) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    azure.answers(reply({"value": []}, headers={"Date": date}))
    assert session.clock_ahead is None
    await session.read(Ask(ACCOUNTS))
    assert session.clock_ahead is not None and 3500 < session.clock_ahead < 3700


async def test_graph_has_its_own_token_and_base(session: Session, azure: FakeAzure, credential: FakeCredential) -> None:
    azure.answers(reply({"value": []}, headers={"request-id": "graph-1", "x-ms-request-id": ""}))
    ask = Ask("/v1.0/users?$select=id", host="graph", headers={"ConsistencyLevel": "eventual"})
    answer = await session.read(ask)
    assert (answer.api, answer.request_id, answer.fault) == ("v1.0", "graph-1", None)
    assert azure.seen[0].raw_path == "/graph/v1.0/users?$select=id"
    assert azure.seen[0].headers["ConsistencyLevel"] == "eventual"
    assert credential.asked == [(f"{azure.url}/graph/.default", None)]


async def test_tokens_are_asked_once_for_many_reads(
    session: Session, azure: FakeAzure, credential: FakeCredential
) -> None:
    azure.answers(reply({"value": []}))
    for _ in range(5):
        await session.read(Ask(ACCOUNTS))
    assert len(credential.asked) == 1


@pytest.mark.parametrize("name", ["nextLink", "@odata.nextLink", "odata.nextLink", "@nextLink", "NextLink", "nextlink"])
async def test_next_links_of_every_name_are_followed_byte_for_byte(
    session: Session, azure: FakeAzure, name: str
) -> None:
    query = "?%24skiptoken=a%2Fb%3D%3d&api-version=1&$top=1&x='%27'&skipToken=ey+J"
    link = f"{azure.url}/subscriptions/{SUB}/resources{query}"
    azure.answers(reply({"value": [1], name: link}), reply({"value": [2]}))
    found = [page async for page in pages(session.read, Ask(ACCOUNTS))]
    assert [page.items for page in found] == [(1,), (2,)]
    assert found[0].next == link
    assert azure.seen[1].raw_path == f"/subscriptions/{SUB}/resources{query}"


@pytest.mark.parametrize("end", [{}, {"nextLink": None}, {"nextLink": ""}, {"@odata.nextLink": None}])
async def test_null_and_empty_next_links_are_the_end(session: Session, azure: FakeAzure, end: dict[str, None]) -> None:
    azure.answers(reply({"value": [], **end}))
    answer = await session.read(Ask(ACCOUNTS))
    assert answer.next == "" and answer.fault is None


async def test_an_empty_page_with_a_next_link_is_not_the_end(session: Session, azure: FakeAzure) -> None:
    link = f"{azure.url}/subscriptions/{SUB}/resources?page=2"
    azure.answers(reply({"value": [], "nextLink": link}), reply({"value": [{}]}))
    assert [page.items async for page in pages(session.read, Ask(ACCOUNTS))] == [(), ({},)]


async def test_a_next_link_seen_before_ends_the_pages_with_a_fault(session: Session, azure: FakeAzure) -> None:
    link = f"{azure.url}/subscriptions/{SUB}/resources?page=2"
    azure.answers(reply({"value": [1], "nextLink": link}))
    found = [page async for page in pages(session.read, Ask(ACCOUNTS))]
    assert [page.items for page in found] == [(1,), (1,)]
    assert found[-1].fault is not None and found[-1].fault.kind == "bad_response"
    assert len(azure.seen) == 2


async def test_a_bare_array_and_items_that_are_no_objects_are_lists(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply([{"name": "debian"}]), reply({"value": ["/subscriptions/x", None, 3]}))
    assert (await session.read(Ask(ACCOUNTS))).items == ({"name": "debian"},)
    assert (await session.read(Ask(ACCOUNTS))).items == ("/subscriptions/x", None, 3)


async def test_an_object_comes_as_its_body(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply(b'\xef\xbb\xbf{"id": "/a", "value": null}'), reply({"id": "/a"}, 201))
    assert (await session.read(Ask(ACCOUNT, shape="object"))).body == {"id": "/a", "value": None}
    created = await session.read(Ask(ACCOUNT, shape="object"))
    assert (created.body, created.fault) == ({"id": "/a"}, None)


async def test_what_azure_is_still_making_says_so(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply({"id": "/a"}, 202))
    answer = await session.read(Ask(ACCOUNT, shape="object"))
    assert answer.body == {"id": "/a"}
    assert answer.fault is not None and answer.fault.kind == "wrong_state"


@pytest.mark.parametrize(("shape", "kind"), [("object", "absent"), ("list", "bad_response"), ("status", None)])
async def test_no_content_is_absence_only_for_an_object(
    session: Session, azure: FakeAzure, shape: str, kind: str | None
) -> None:
    azure.answers(lambda _: reply(b"", 204))
    answer = await session.read(Ask(ACCOUNT, shape=shape))  # type: ignore[arg-type]
    assert (answer.fault.kind if answer.fault else None) == kind


async def test_a_status_read_needs_no_json(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply(b"OK"))
    answer = await session.read(Ask(ACCOUNT, shape="status"))
    assert (answer.status, answer.fault, answer.body) == (200, None, None)


async def test_a_resource_graph_query_is_continued_by_its_skip_token(session: Session, azure: FakeAzure) -> None:
    azure.answers(
        reply({"totalRecords": 2, "count": 1, "resultTruncated": "false", "data": [{"id": "/1"}], "$skipToken": "t=="}),
        reply(
            {
                "resultTruncated": "false",
                "data": {"columns": [{"name": "id", "type": "string"}], "rows": [["/2"]]},
            }
        ),
    )
    ask = Ask(QUERY, method="POST", body={"subscriptions": [SUB], "query": "Resources", "options": {"$top": 1}})
    found = [page async for page in pages(session.read, ask)]
    assert [page.items for page in found] == [({"id": "/1"},), ({"id": "/2"},)]
    assert found[0].next == "t=="
    assert msgspec.json.decode(azure.seen[1].body)["options"] == {"$top": 1, "$skipToken": "t=="}
    assert azure.seen[0].headers["Content-Type"] == "application/json"
    assert next_ask(ask, found[1]) is None


async def test_a_query_whose_result_is_cut_and_has_no_token_says_so(session: Session, azure: FakeAzure) -> None:
    azure.answers(reply({"resultTruncated": "true", "data": [{"id": "/1"}]}))
    answer = await session.read(Ask(QUERY, method="POST", body={"subscriptions": [SUB], "query": "Resources"}))
    assert answer.items == ({"id": "/1"},)
    assert answer.fault is not None and answer.fault.kind == "bad_response"


async def test_a_subscription_outside_the_scope_is_not_asked_until_it_is_allowed(
    session: Session, azure: FakeAzure
) -> None:
    azure.answers(reply({"value": []}))
    ask = Ask(f"/subscriptions/{OTHER_SUB.upper()}/resources?api-version=1")
    outside = await session.read(ask)
    assert outside.fault is not None and outside.fault.kind == "out_of_scope"
    assert azure.seen == []
    session.allow(OTHER_SUB)
    assert (await session.read(ask)).fault is None


async def test_a_post_that_is_no_known_query_raises_and_nothing_leaves(session: Session, azure: FakeAzure) -> None:
    keys = (
        f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a/listKeys?api-version=1"
    )
    with pytest.raises(GuardError):
        await session.read(Ask(keys, method="POST"))
    assert azure.seen == []


async def test_a_get_that_the_guard_stops_is_a_fault_and_nothing_leaves(session: Session, azure: FakeAzure) -> None:
    answer = await session.read(Ask(f"/subscriptions/{SUB}/../{OTHER_SUB}/resources?api-version=1"))
    assert answer.fault is not None and (answer.fault.kind, answer.fault.code) == ("rejected", "RefusedByGuard")
    assert azure.seen == []


async def test_errors_come_with_the_request_id(session: Session, azure: FakeAzure) -> None:
    azure.answers(error(404, "ResourceNotFound", "It was not found.", {"x-ms-request-id": "rq-404"}))
    answer = await session.read(Ask(ACCOUNT, shape="object"))
    assert answer.fault is not None
    assert (answer.fault.kind, answer.status, answer.request_id) == ("absent", 404, "rq-404")


async def test_the_guard_is_last_and_nothing_registers_providers(session: Session) -> None:
    for pipeline in session._pipelines.values():
        names = [type(policy).__name__ for policy in pipeline._impl_policies]
        assert names[-1] == "Gate"
        assert names.index("SameHostRedirects") < names.index("Retries") < names.index("Admission")
        assert not any("Registration" in name for name in names)


async def test_a_recorded_cassette_is_replayed_without_a_server(
    open_session: OpenSession, azure: FakeAzure, tmp_path: Path
) -> None:
    azure.answers(reply({"value": [{"id": "/a"}]}))
    target = f"{ACCOUNTS}&%24skiptoken=a%2Fb"
    cassette = str(tmp_path / "cassette.yaml")
    matched = {"match_on": ["method", "path", "query"], "filter_headers": ["authorization"]}
    with vcr.use_cassette(cassette, record_mode="once", **matched):
        assert (await (await open_session()).read(Ask(target))).items == ({"id": "/a"},)
    with vcr.use_cassette(cassette, record_mode="none", **matched):
        assert (await (await open_session()).read(Ask(target))).items == ({"id": "/a"},)
    assert len(azure.seen) == 1


async def test_no_more_connections_than_allowed(open_session: OpenSession, azure: FakeAzure) -> None:
    import asyncio

    under_way = most = 0

    async def slowly(_: object) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return reply({"value": []})

    session = await open_session(concurrency=3)
    azure.answers(slowly)
    await asyncio.gather(*(session.read(Ask(ACCOUNTS)) for _ in range(12)))
    assert most == 3
