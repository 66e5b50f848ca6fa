"""Small catalogues, an Azure that answers by script, and what collecting and assessing make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from azscan.azure.answers import Answer, Ask, Fault
from azscan.catalog.model import Catalog, Check, Collection, FixText, Link, Service
from azscan.choosing import Choice
from azscan.collect.collector import Collector
from azscan.collect.plan import Plan
from azscan.collect.progress import Progress
from azscan.estate.store import Estate
from azscan.frameworks import choose
from azscan.results import Verdict
from azscan.scan import assess
from azscan.settings import Settings
from azscan.verdicts import StoredResults

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
TWO = "0f9e8d7c-9999-4888-8777-666655554444"
TENANT_ID = "11111111-1111-4111-8111-111111111111"
AT = "2026-01-02T03:04:05Z"
EVERYTHING = {"actions": ["*/read"], "notActions": []}

Reply = Answer | Fault | Mapping[str, Any] | list[Any]


def kind(name: str, **more: Any) -> Collection:
    """A collection `Microsoft.Test/<name>s`, listed for a subscription unless `more` says otherwise."""
    of = more.pop("of", ())
    read = (
        {} if {"list", "get", "kql"} & more.keys() else {"list": f"{at(ONE).replace(ONE, '{subscriptionId}')}/{name}s"}
    )
    if of and read:
        read = {"list": f"{{id}}/{name}s"}
    return Collection(
        **{
            "name": name,
            "service": "test",
            "type": "Microsoft.Test/" + (f"parents/{name}s" if of else f"{name}s"),
            "api": {"": "2024-01-01"},
            "presence": "parent" if of else "always",
            "attach_as": f"{name}s",
            "of": of,
            **read,
            **more,
        }
    )


def check(id: str, subject: str, require: dict[str, Any], **more: Any) -> Check:
    made: dict[str, Any] = {"title": id, "severity": "high", "status": "stable", "service": "test", "area": "network"}
    return Check(id=id, subject=subject, require=require, why="why", fix=FixText("mend it"), **{**made, **more})


def catalog(*kinds: Collection, checks: Iterable[Check] = (), hash: str = "h") -> Catalog:
    collections = {each.name: each for each in kinds}
    services = {"test": Service("test", "Test", "network", collections)}
    return Catalog(services, collections, {each.id: each for each in checks}, {}, hash)


def link(name: str, collection: str, from_: str, to: str, **more: Any) -> Link:
    return Link(name=name, collection=collection, from_=from_, to=to, **more)


def at(subscription: str, group: str = "") -> str:
    inner = f"/resourceGroups/{group}" if group else ""
    return f"/subscriptions/{subscription}{inner}/providers/Microsoft.Test"


def thing(name: str, type: str = "things", group: str = "rg", subscription: str = ONE, **more: Any) -> dict[str, Any]:
    return {"id": f"{at(subscription, group)}/{type}/{name}", "name": name, "type": f"Microsoft.Test/{type}", **more}


def page(*items: Any, next: str = "") -> Answer:
    return Answer(url="", api="", status=200, at=AT, items=items, next=next)


class Azure:
    """A session that answers by path, each answer of a list once and the last one for ever; every ask is kept.

    What is not scripted is an empty list, or a 404 for an object. `permissions` hold at every subscription.
    """

    def __init__(self, answers: Mapping[str, Reply | list[Reply]], permissions: list[dict[str, Any]] | None = None):
        self.answers = {
            path.lower(): list(some) if isinstance(some, list) else [some] for path, some in answers.items()
        }
        self.permissions = [EVERYTHING] if permissions is None else permissions
        self.asked: list[Ask] = []
        self.before: Callable[[Ask], None] = lambda ask: None

    async def read(self, ask: Ask) -> Answer:
        await asyncio.sleep(0)
        self.before(ask)
        self.asked.append(ask)
        path = ask.target.partition("?")[0].lower()
        key = path if path in self.answers else ask.target.lower()
        if ask.method == "POST":
            key = f"{path}#{ask.body['options'].get('$skipToken', '')}"
        found = self.answers.get(key)
        if found is not None:
            return self._stamped(ask, found.pop(0) if len(found) > 1 else found[0])
        if path.endswith("/providers/microsoft.authorization/permissions"):
            return self._stamped(ask, page(*self.permissions))
        empty = Fault("absent", "not found", code="ResourceNotFound") if ask.shape == "object" else page()
        return self._stamped(ask, empty)

    def _stamped(self, ask: Ask, reply: Reply | Any) -> Answer:
        if isinstance(reply, Fault):
            reply = Answer(url="", api="", status=403, at=AT, fault=reply)
        elif isinstance(reply, Mapping):
            reply = Answer(url="", api="", status=200, at=AT, body=reply)
        return msgspec.structs.replace(reply, url=ask.target, api="2024-01-01")

    def paths(self, ending: str = "") -> list[str]:
        """The paths that were asked, without permissions, that end so."""
        paths = [ask.target.partition("?")[0] for ask in self.asked]
        return [path for path in paths if path.endswith(ending) and "Microsoft.Authorization" not in path]


def collect(
    azure: Azure, known: Catalog, estate: Path | Estate, subscriptions: Iterable[str] = (ONE,), **more: Any
) -> Estate:
    """The estate after collecting what all checks of the catalogue need; an Estate given is resumed."""
    chosen = [
        {"id": f"/subscriptions/{each}", "subscriptionId": each, "displayName": each[:4]} for each in subscriptions
    ]
    if isinstance(estate, Path):
        about = [{"id": each["subscriptionId"], "name": each["displayName"], "state": ""} for each in chosen]
        estate = Estate.create(
            estate,
            {"subscriptions": about, "complete": False, "left_out": more.pop("left_out", []), "catalog": known.hash},
        )
    collector = Collector(
        azure,
        estate,
        Plan(known, known.checks.values(), {}),
        chosen,
        tenant=TENANT_ID,
        principal="someone",
        cloud="AzureCloud",
        concurrency=4,
        progress=more.pop("progress", Progress()),
    )
    try:
        asyncio.run(collector.run())
    except BaseException:
        estate.close()
        raise
    estate.describe({"complete": True})
    return estate


def assessed(estate: Estate, known: Catalog, settings: Settings | None = None) -> StoredResults:
    choice = Choice(known, tuple(known.checks.values()), (), choose({}, ()))
    return assess(estate, settings or Settings(), choice)


def verdicts(estate: Estate, known: Catalog, settings: Settings | None = None) -> list[Verdict]:
    return list(assessed(estate, known, settings).verdicts())


def statuses(estate: Estate, known: Catalog, settings: Settings | None = None) -> dict[tuple[str, str], str]:
    """Status by check and the last segment of the resource's id."""
    found = verdicts(estate, known, settings)
    told = {(each.check, each.resource.id.rpartition("/")[2]): each.status for each in found}
    assert len(told) == len(found), "two verdicts of one check stand for one name"
    return told
