"""Declared reads are the requests that Microsoft's own clients make.

The clients' calls were recorded against the emulator (tests/cassettes); here azscan's session replays them. A read
that differs in method, path or query finds no recorded answer. The api-version is compared and printed, not enforced:
../shared/facts chooses ours. What Azure answers is not proven by this.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

from azscan.azure.answers import Answer, Ask
from azscan.azure.clouds import named
from azscan.azure.network import network_from_environment
from azscan.azure.paging import pages
from azscan.azure.session import Session
from azscan.collect.targets import target_of
from tests.azure.servers import FakeCredential
from tests.contract.reference import (
    CASSETTES,
    REFERENCES,
    SUBSCRIPTION,
    WITHOUT,
    Read,
    api_of,
    compared,
    declared,
    recorded,
    recorder,
)
from tests.harness import shipped

READS = compared(shipped())


def _target(read: Read) -> str:
    values = {"subscriptionId": SUBSCRIPTION, "id": read.at}
    return target_of(read.kind, "AzureCloud", values, detail=read.detail)


async def _replay(read: Read, target: str) -> tuple[list[Answer], Any]:
    """What the session answers from the cassette alone, and the cassette."""
    shape: Any = "object" if read.detail or read.kind.is_singleton else "list"
    async with Session(
        named("AzureCloud"),
        FakeCredential(),  # type: ignore[arg-type]
        network=network_from_environment({}),
        subscriptions=[SUBSCRIPTION],
        timeout=5.0,
    ) as session:
        with recorder().use_cassette(read.cassette, record_mode="none") as cassette:
            answers = [answer async for answer in pages(session.read, Ask(target=target, shape=shape))]
    return answers, cassette


@pytest.mark.parametrize("read", READS, ids=lambda read: read.cassette.removesuffix(".yaml"))
async def test_the_read_is_the_reference_clients_request(read: Read) -> None:
    answers, cassette = await _replay(read, _target(read))
    assert all(answer.fault is None for answer in answers)
    assert answers[0].body is not None or any(answer.items for answer in answers)
    assert cassette.all_played, "the client asks for more than azscan does"


@pytest.mark.parametrize("change", ["{path}/more?{query}", "{path}?{query}&$expand=all", "{lower}?{query}"])
async def test_another_read_finds_no_answer(change: str) -> None:
    read = next(each for each in READS if each.key == "network_security_group")
    path, _, query = _target(read).partition("?")
    other = change.format(path=path, query=query, lower=path.replace("networkSecurityGroups", "networkSecurityGroup"))
    with pytest.raises(CannotOverwriteExistingCassetteException):
        await _replay(read, other)


def test_every_declared_read_of_these_providers_has_a_reference_or_a_reason() -> None:
    keys = {read.key for read in declared(shipped())}
    assert keys - REFERENCES.keys() == WITHOUT.keys()
    assert REFERENCES.keys() <= keys, "a reference without a declared read"


def test_every_cassette_is_used_and_scrubbed() -> None:
    assert {file.name for file in CASSETTES.iterdir()} == {read.cassette for read in READS}
    for file in CASSETTES.iterdir():
        text = file.read_text(encoding="utf-8").lower()
        assert not [word for word in ("authorization:", "bearer", "127.0.0.1", "localhost") if word in text], file.name


def test_api_versions_are_compared_and_reported(record_property: Any) -> None:
    """Prints where the client asks for another api-version; fails only where one of the two asks for none."""
    differ = {}
    for read in READS:
        ours = api_of(_target(read))
        theirs = {api_of(uri) for uri in recorded(read)} - {""}
        assert ours and theirs, read.key
        if theirs != {ours}:
            differ[read.key] = (ours, sorted(theirs))
    for key, (ours, theirs) in sorted(differ.items()):
        print(f"{key}: azscan asks for {ours}, the client for {', '.join(theirs)}")
    print(f"{len(differ)} of {len(READS)} reads ask for another api-version than the client")
    record_property("api-version differences", msgspec.json.encode(differ).decode())
