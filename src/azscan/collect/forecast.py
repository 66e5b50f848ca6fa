"""Which reads a scan will make, and how long Azure's throttles make them take; nothing is asked of Azure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import msgspec

from azscan.azure.answers import Answer, Ask, Fault, FaultKind
from azscan.azure.governor import Governor, Load
from azscan.azure.places import Place, place_of
from azscan.azure.scope import SUBSCRIPTIONS
from azscan.catalog.builtin import BUILT_IN, RESOURCE_GROUPS, RESOURCES, SUBSCRIPTION
from azscan.catalog.model import Collection, Condition
from azscan.collect.collector import Collector, Read, Reader, decode
from azscan.collect.plan import Plan
from azscan.collect.progress import Progress
from azscan.collect.targets import action_of, path_of, request_of, unit_of
from azscan.conditions.logic import UNREADABLE
from azscan.conditions.values import Unreadable
from azscan.estate.ids import key_of
from azscan.estate.store import Estate, Row

# exact; at_most: a condition may rule some of them out; assumed: one record stands for a list of unknown length.
Bound = Literal["exact", "at_most", "assumed"]
BOUNDS: Final[tuple[Bound, ...]] = ("exact", "at_most", "assumed")

# Stands in ids for a record of which nobody knows whether it exists; no name in Azure may hold it.
_ASSUMED: Final = "~assumed~"
_OWN: Final = "azscan"


class Expected(msgspec.Struct, frozen=True):
    """The reads of one collection; `part` is "detail" for those that complete its listed records.

    `request` is the method and the path with places in braces, `per` what there is one of for each read.
    """

    service: str
    collection: str
    part: str
    request: str
    per: str
    requests: int
    bound: Bound = "exact"


class Forecast(msgspec.Struct, frozen=True):
    """The reads of a scan by service and collection, most first, and what they cost Azure's budgets.

    `resources` is how many the resource lists show, None where none is on record or needed.
    """

    reads: tuple[Expected, ...]
    loads: tuple[Load, ...]
    resources: int | None

    @property
    def requests(self) -> int:
        """All reads."""
        return sum(each.requests for each in self.reads)

    @property
    def bound(self) -> Bound:
        """How sure the sum is: as sure as the least sure of its parts."""
        return max((each.bound for each in self.reads if each.requests), key=BOUNDS.index, default="exact")

    @property
    def per_resource(self) -> float | None:
        """Requests for each resource, None where no number of resources is known."""
        return self.requests / self.resources if self.resources else None

    @property
    def seconds(self) -> float:
        """How long the reads wait for budgets."""
        return max((load.seconds for load in self.loads), default=0.0)

    def by_service(self) -> dict[str, tuple[Expected, ...]]:
        """The reads that are made, by service; the service with most of them first."""
        services: dict[str, list[Expected]] = {}
        for each in self.reads:
            if each.requests:
                services.setdefault(each.service, []).append(each)
        ordered = sorted(services, key=lambda name: (-sum(each.requests for each in services[name]), name))
        return {name: tuple(services[name]) for name in ordered}


def as_document(forecast: Forecast) -> dict[str, Any]:
    """The forecast as the JSON that `azscan plan` prints."""
    ratio = forecast.per_resource
    return {
        "schema": "azscan.plan/1",
        "requests": forecast.requests,
        "bound": forecast.bound,
        "resources": forecast.resources,
        "requests_per_resource": None if ratio is None else round(ratio, 3),
        "seconds": round(forecast.seconds, 1),
        "reads": msgspec.to_builtins(forecast.reads),
        "budgets": [
            {"budget": load.who, "reads": load.reads, "seconds": round(load.seconds, 1)} for load in forecast.loads
        ],
    }


async def forecast(estate: Estate, plan: Plan) -> Forecast:
    """What a scan by that plan will read: for what the estate holds exactly, else as its resource list lets expect.

    The estate stays as it is; the rehearsal goes into one of its own, that is removed again.
    """
    with TemporaryDirectory(prefix="azscan-plan-") as folder:
        scratch = Estate.create(Path(folder, "rehearsal.sqlite"), {})
        try:
            rehearsal = Rehearsal(estate, scratch, plan)
            await rehearsal.run()
            resources = rehearsal.resources()
        finally:
            scratch.close()
    loads = Governor().loads(rehearsal.places)
    return Forecast(tuple(rehearsal.expected()), tuple(loads), resources)


class Rehearsal(Collector):
    """A collector that asks nobody: what is on record answers, and for the rest what the resource list shows.

    So it decides as a scan does which reads there are; `places` counts them by what Azure counts them under.
    """

    def __init__(self, saved: Estate, scratch: Estate, plan: Plan) -> None:
        super().__init__(
            _Silent(),
            scratch,
            plan,
            [body for row in saved.rows(SUBSCRIPTION.name) if "subscriptionId" in (body := decode(row.body))],
            tenant=saved.about("tenant", ""),
            principal=saved.about("object_id", ""),
            cloud=saved.about("cloud", ""),
            concurrency=1,
            progress=Progress(),
        )
        self.places: Counter[Place] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._unsure: dict[tuple[str, str], Bound] = {}
        self._recorded = _Recorded(saved)
        self._answers = msgspec.convert(saved.about("permissions", {}), dict[str, _Kept])
        scope = saved.about("scope_reads", 1)
        self.places[place_of(Ask(SUBSCRIPTIONS))] += scope
        self._counts[SUBSCRIPTION.name, "read"] += scope

    def resources(self) -> int | None:
        """How many resources the lists show, None where no list does."""
        if not (self.plan.needs_resource_list() and self._recorded.listed):
            return None
        return self.estate.count(RESOURCES.name)

    def expected(self) -> Iterator[Expected]:
        """The reads by collection, those first that are many."""
        kinds = {**BUILT_IN, **self.plan.catalog.collections}
        planned = [(name, "read") for name in self.plan.collections]
        planned += [(name, "detail") for name, _ in planned if kinds[name].detail]
        for key in sorted({*planned, *self._counts}, key=lambda key: (-self._counts[key], key)):
            name, part = key
            bound = self._unsure.get(key, "exact")
            if name == "permission":
                path = "/subscriptions/{subscriptionId}/providers/Microsoft.Authorization/permissions"
                yield Expected(_OWN, name, part, f"GET {path}", "subscription", self._counts[key])
                continue
            kind, is_detail = kinds[name], part == "detail"
            per = name if is_detail else unit_of(kind, self.plan.collections.get(name, ()))
            per = "scan" if kind == SUBSCRIPTION else per
            request = request_of(kind, detail=is_detail)
            yield Expected(kind.service, name, part, request, per, self._counts[key], bound)

    # what would be asked

    async def _permission(self, ask: Ask) -> Answer:
        self._count(("permission", "read"), ask)
        kept = self._answers.get(ask.target)
        if kept is None:
            return _answer(ask)
        fault = Fault(kept.fault) if kept.fault else None
        return _answer(ask, items=kept.items, body=kept.body, next=kept.next, fault=fault)

    async def _answer(self, read: Read, ask: Ask) -> Answer:
        key = (read.kind.name, read.part)
        if ask.target.isdecimal():
            # A page of a recorded list: its number stands for the next link.
            ask = msgspec.structs.replace(ask, target=path_of(read.kind))
        self._count(key, ask)
        answer = self._recorded.answer(read, ask)
        if answer is not None:
            return answer
        if _ASSUMED in read.scope:
            self._unsure[key] = "assumed"
        if read.kind == RESOURCES:
            return _answer(ask, fault=Fault("unavailable", "the resource list is not on record"))
        if read.part == "detail":
            return _answer(ask, body={})
        if read.kind.is_singleton:
            return _answer(ask, body={"id": ask.target.partition("?")[0]})
        if read.kind.of and read.kind.host == "arm" and (permissions := self._permissions.get(ask.subscription)):
            # Should the list be empty, a scan asks for the permissions of the group.
            await permissions.covers_at(read.scope, action_of(read.kind))
        return _answer(ask, items=self._shown(read, ask))

    def _count(self, key: tuple[str, str], ask: Ask) -> None:
        self._counts[key] += 1
        self.places[place_of(ask)] += 1

    def _shown(self, read: Read, ask: Ask) -> tuple[Any, ...]:
        """What the resource list shows of a list; where it never shows such things, one that stands for all."""
        if ask.subscription in self._recorded.listed:
            place = f"/subscriptions/{ask.subscription}" if read.kind.per == "location" else read.scope
            if read.kind == RESOURCE_GROUPS:
                return tuple(self._recorded.groups(place))
            if read.kind.presence == "listed" or self._recorded.shows(read.kind.type):
                return tuple(self._recorded.resources(read.kind.type, place))
        path = "" if read.kind.host == "graph" else ask.target.partition("?")[0] + "/"
        return ({"id": path + _ASSUMED},)

    # conditions

    def _judge(self, kind: Collection, part: str, condition: Condition, row: Row) -> int:
        truth = super()._judge(kind, part, condition, row)
        if truth == UNREADABLE and self._is_made_up(row):
            self._unsure.setdefault((kind.name, part), "at_most")
        return truth

    def _lack(self, row: Row) -> Unreadable | None:
        return Unreadable("not_collected") if self._is_made_up(row) else super()._lack(row)

    def _is_made_up(self, row: Row) -> bool:
        return any(read.status == 0 for id in (row.read_id, row.detail_id) if id > 0 and (read := self.estate.read(id)))


class _Kept(msgspec.Struct):
    """The answer to a question about permissions, as the collector keeps it."""

    items: tuple[Any, ...] = ()
    body: Any = None
    next: str = ""
    fault: FaultKind | Literal[""] = ""


class _Recorded:
    """What a saved estate holds, found by read and by type."""

    def __init__(self, saved: Estate) -> None:
        self.saved = saved
        connection = saved.connection
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS brought(read_id INTEGER, id INTEGER)")
        connection.execute("DELETE FROM temp.brought")
        connection.execute(
            "INSERT INTO temp.brought SELECT read_id, id FROM resource"
            " UNION ALL SELECT detail_id, id FROM resource WHERE detail_id > 0"
        )
        connection.execute("CREATE INDEX IF NOT EXISTS temp.brought_by ON brought(read_id)")
        self._types: dict[str, list[tuple[str, int]]] = {}
        for key, type, id in connection.execute(
            "SELECT id_key, lower(json_extract(CAST(body AS TEXT), '$.type')), id FROM resource WHERE collection = ?"
            " ORDER BY id_key",
            (RESOURCES.name,),
        ):
            self._types.setdefault(type or "", []).append((key, id))
        # The subscriptions whose resource list came, be it with gaps.
        self.listed = {
            subscription
            for (subscription,) in connection.execute(
                "SELECT DISTINCT subscription FROM read WHERE collection = ? AND kind IN ('', 'partial_access')",
                (RESOURCES.name,),
            )
        }

    def answer(self, read: Read, ask: Ask) -> Answer | None:
        """What was answered to a read, its next link being the number of its next page; None where it was not made."""
        found = self.saved.connection.execute(
            "SELECT id, status, kind, next FROM read WHERE collection = ? AND part = ? AND scope = ? AND page = ?"
            " AND url <> ''",
            (read.kind.name, read.part, read.scope, read.page),
        ).fetchone()
        if found is None:
            return None
        id, status, kind, following = found
        # That a list may lack something is no answer: a scan concludes it from the permissions.
        fault = Fault(kind) if kind not in ("", "partial_access") else None
        bodies = [decode(body) for body in self._bodies(id)]
        return _answer(
            ask,
            status=status or 1,
            items=tuple(bodies),
            body=next(iter(bodies), None),
            next=str(read.page + 1) if following else "",
            fault=fault,
        )

    def _bodies(self, read_id: int) -> Iterator[bytes]:
        rows = self.saved.connection.execute(
            "SELECT resource.body FROM temp.brought JOIN resource ON resource.id = brought.id"
            " WHERE brought.read_id = ? ORDER BY resource.id",
            (read_id,),
        )
        return (body for (body,) in rows)

    def shows(self, type: str) -> bool:
        """Whether the resource list has such things anywhere."""
        return type.lower() in self._types

    def resources(self, type: str, scope: str) -> Iterator[Any]:
        """The records of a type below a scope, as the resource list shows them."""
        known = self._types.get(type.lower(), [])
        below = key_of(scope) + "/"
        for at in range(bisect_left(known, (below, 0)), len(known)):
            key, id = known[at]
            if not key.startswith(below):
                break
            if (row := self.saved.row(id)) is not None:
                yield decode(row.body)

    def groups(self, scope: str) -> Iterator[Any]:
        """The resource groups of a subscription that hold something."""
        below = key_of(f"{scope}/resourcegroups") + "/"
        keys = (key for known in self._types.values() for key, _ in known if key.startswith(below))
        for name in sorted({key.removeprefix(below).partition("/")[0] for key in keys}):
            yield {"id": f"{below}{name}"}


class _Silent(Reader):
    """A session that is never asked."""

    async def read(self, ask: Ask) -> Answer:
        raise AssertionError(f"a rehearsal asked for {ask.target}")


def _answer(ask: Ask, status: int = 0, **more: Any) -> Answer:
    """An answer; status 0 says that it was made up."""
    return Answer(url=ask.target, api="", status=status, at="", **more)
