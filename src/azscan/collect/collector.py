"""The collector: makes the plan's reads, each once, and stores what came and what did not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from azscan.azure.answers import Answer, Ask, Fault
from azscan.catalog.builtin import RESOURCES, SUBSCRIPTION, TENANT
from azscan.catalog.model import Collection, Condition
from azscan.collect.lanes import Lanes
from azscan.collect.permissions import Permissions
from azscan.collect.plan import Plan
from azscan.collect.progress import Progress
from azscan.collect.targets import NotAnId, action_of, is_below_a_part, target_of
from azscan.conditions.compile import Compiled, compile_condition
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE
from azscan.conditions.values import Document, Unreadable
from azscan.estate.ids import key_of, parse_id, region_of
from azscan.estate.redact import redacted, split_path
from azscan.estate.status import TENANT_SCOPE, scope_of
from azscan.estate.store import NOTHING_THERE, Estate, ReadRow, Row

# A read that failed in one of these ways is made anew by --resume; every other answer stands.
PASSING = frozenset({"unavailable", "throttled", "unauthenticated"})
LEFT_OUT = "no role of the identity at this subscription grants the action, and Azure leaves out what it may not show"
PARTIAL = "the identity may not read this in the whole subscription, so the list may lack what it is not shown"
UNKNOWN = "what the identity may read cannot be told, so the list may lack what it is not shown"
# With these codes the parent surely was deleted, however far above the read it stands.
GROUP_GONE = frozenset({"ResourceGroupNotFound"})
# How Azure answers to a cursor that it no longer knows.
STALE = frozenset({"rejected", "absent", "unsupported"})

decode = msgspec.json.Decoder().decode

Record = tuple[str, str, bytes]


class Read(NamedTuple):
    """One request for a page of a list or one object ("read"), or for what completes a record ("detail")."""

    kind: Collection
    part: str
    scope: str
    page: int = 0


class Reader(Protocol):
    """The session, as far as the collector knows it."""

    async def read(self, ask: Ask) -> Answer:
        """The answer to one read; never raises for what Azure answers."""


class Collector:
    """Reads what a plan needs from the given subscriptions into an estate.

    `subscriptions` are ARM's own subscription objects; `principal` is the object id of the identity. What is on
    record already (an estate that is resumed) is not read again.
    """

    def __init__(
        self,
        session: Reader,
        estate: Estate,
        plan: Plan,
        subscriptions: Sequence[Mapping[str, Any]],
        *,
        tenant: str,
        principal: str,
        cloud: str,
        concurrency: int,
        progress: Progress,
    ) -> None:
        self.session = session
        self.estate = estate
        self.plan = plan
        self.subscriptions = {str(each["subscriptionId"]).lower(): each for each in subscriptions}
        self.tenant = tenant
        self.principal = principal
        self.cloud = cloud
        self.progress = progress
        self._lanes = Lanes(concurrency)
        self._permissions: dict[str, Permissions] = {}
        self._permission_answers: dict[str, dict[str, Any]] = {}
        self._conditions: dict[int, Compiled] = {}
        self._readers: dict[tuple[str, ...], int] = {}
        self._now = datetime.now(UTC)

    async def run(self) -> None:
        """Make every read; raises OutputError where the estate cannot be written."""
        for kind, place in self._enter_subjects():
            self._go_on_below(kind, place)
        for subscription in self.subscriptions:
            self._lanes.add("start", partial(self._start, subscription))
        for kind in self.plan.roots(tenant=True):
            self._plan_read(kind, "", TENANT_SCOPE, {})
        await self._lanes.run()
        self.estate.describe({"permissions": self._permission_answers})

    async def survey(self) -> None:
        """Read only what tells which reads `run` would make: the permissions and the resource list."""
        self._enter_subjects()
        for subscription in self.subscriptions:
            self._lanes.add("start", partial(self._look_around, subscription))
        await self._lanes.run()
        self.estate.describe({"permissions": self._permission_answers})

    def _enter_subjects(self) -> list[tuple[Collection, str]]:
        """Put the subscriptions and the tenant on record; returns them with their scopes."""
        entered = []
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        of_tenant = {"id": f"/tenants/{self.tenant}", "tenantId": self.tenant}
        for kind, documents in ((SUBSCRIPTION, self.subscriptions), (TENANT, {"": of_tenant})):
            for owner, document in documents.items():
                place = scope_of(owner)
                if self.estate.last_page(kind.name, "read", place) is None:
                    _, body = redacted(dict(document))
                    sent = str(document.get("id") or place)
                    # The subscriptions were listed to choose among them; of the tenant nothing was asked.
                    url = f"{kind.list}?api-version={kind.api['']}" if owner else ""
                    answer = Answer(url=url, api=kind.api[""], status=200 if owner else 0, at=at)
                    self.estate.add_page(kind.name, "read", owner, place, 0, answer, [(sent, key_of(sent), body)])
                entered.append((kind, place))
        return entered

    async def learn_rights(self) -> Mapping[str, Permissions]:
        """What the identity may read in each subscription, asked once."""
        self._enter_subjects()
        await asyncio.gather(*map(self._rights, self.subscriptions))
        return self._permissions

    # one subscription

    async def _rights(self, subscription: str) -> None:
        if subscription not in self._permissions:
            permissions = Permissions(self._permission, subscription, self.principal)
            await permissions.load()
            self._permissions[subscription] = permissions

    async def _look_around(self, subscription: str) -> None:
        """Learn what the identity may read there, and which resources there are."""
        await self._rights(subscription)
        if self.plan.needs_resource_list():
            self.progress.plan()
            scope = f"/subscriptions/{subscription}"
            await self._read_list(RESOURCES, subscription, scope, {"subscriptionId": subscription}, 0)

    async def _permission(self, ask: Ask) -> Answer:
        """The answer to a question about permissions, kept with the estate: a forecast from it asks again."""
        answer = await self.session.read(ask)
        fault = answer.fault.kind if answer.fault else ""
        kept = {"items": answer.items, "body": answer.body, "next": answer.next, "fault": fault}
        self._permission_answers[ask.target] = kept
        return answer

    async def _start(self, subscription: str) -> None:
        await self._look_around(subscription)
        permissions = self._permissions[subscription]
        present = self._present(subscription) if self.plan.needs_resource_list() else None
        for kind in self.plan.roots(tenant=False):
            if present is not None and self._is_proven_absent(kind, permissions, present):
                self._note(kind, subscription, f"/subscriptions/{subscription}", "proven_absent")
            elif kind.per == "location":
                self._plan_locations(kind, subscription)
            elif not kind.per:
                scope = f"/subscriptions/{subscription}"
                self._plan_read(kind, subscription, scope, {"subscriptionId": subscription})

    def _note(self, kind: Collection, subscription: str, scope: str, why: str, message: str = "") -> None:
        """Put on record, once, that a read was not made."""
        if self.estate.last_page(kind.name, "read", scope) is None:
            self.estate.note(kind.name, "read", subscription, scope, why, message)

    def _present(self, subscription: str) -> set[str] | None:
        """The types that occur, lower case, or None where the resource list proves nothing."""
        last = self.estate.last_page(RESOURCES.name, "read", f"/subscriptions/{subscription}")
        if last is None or not last.complete:
            return None
        found = self.estate.connection.execute(
            "SELECT DISTINCT lower(json_extract(CAST(body AS TEXT), '$.type')) FROM resource WHERE collection = ?"
            " AND subscription = ?",
            (RESOURCES.name, subscription),
        )
        return {name for (name,) in found if name}

    def _is_proven_absent(self, kind: Collection, permissions: Permissions, present: set[str]) -> bool:
        if kind.presence != "listed" or kind.per or kind.type.lower() in present:
            return False
        # The resource list shows what may be read by the type's own action, whatever the collection needs besides.
        return permissions.covers(action_of(kind)) and permissions.covers(f"{kind.type}/read")

    def _plan_locations(self, kind: Collection, subscription: str) -> None:
        found = self.estate.connection.execute(
            "SELECT DISTINCT json_extract(CAST(body AS TEXT), '$.location') FROM resource WHERE collection = ?"
            " AND subscription = ?",
            (RESOURCES.name, subscription),
        )
        regions = sorted({region_of(location) for (location,) in found} - {"global"})
        last = self.estate.last_page(RESOURCES.name, "read", f"/subscriptions/{subscription}")
        place = f"/subscriptions/{subscription}/locations"
        # What a broken scan noted here may hold no longer.
        self.estate.drop_reads(kind.name, "read", place)
        if last is None or not last.complete:
            kind_of_fault = last.kind if last and last.kind else "unavailable"
            message = "the regions in use are unknown, because the resource list could not be read"
            self.estate.note(kind.name, "read", subscription, place, kind_of_fault, message)
        elif not regions:
            self._note(kind, subscription, place, "not_needed")
        for region in regions:
            scope = f"/subscriptions/{subscription}/locations/{region}"
            self._plan_read(kind, subscription, scope, {"subscriptionId": subscription, "location": region})

    # lists and gets

    def _plan_read(
        self, kind: Collection, subscription: str, scope: str, values: Mapping[str, str], parent: int = 0
    ) -> None:
        self.progress.plan()
        self._lanes.add((kind.name, subscription), partial(self._read_list, kind, subscription, scope, values, parent))

    async def _read_list(
        self, kind: Collection, subscription: str, scope: str, values: Mapping[str, str], parent: int
    ) -> None:
        failed = True
        self.progress.begin(kind.name)
        try:
            failed = await self._pages(kind, subscription, scope, values, parent)
        finally:
            self.progress.finish(failed=failed)

    async def _pages(
        self, kind: Collection, subscription: str, scope: str, values: Mapping[str, str], parent: int
    ) -> bool:
        """Read a list to its last next link (or one object); True where something stays unreadable."""
        try:
            target = target_of(kind, self.cloud, self._values(subscription, values))
        except NotAnId as error:
            self._note(kind, subscription, scope, "bad_response", str(error))
            return True
        page, cursor = 0, ""
        last = self._last_that_stands(kind, scope)
        if last is not None:
            if not last.next:
                self._go_on_below(kind, scope)
                return last.kind not in NOTHING_THERE
            page, cursor = last.page + 1, last.next
        seen, named = {cursor}, set[str]()
        while True:
            ask = self._ask(kind, subscription, values, target, cursor)
            answer = await self._answer(Read(kind, "read", scope, page), ask)
            fault = _meant(kind, answer.fault)
            if last is not None:
                if fault is not None and fault.kind in STALE:
                    # The cursor of a broken scan has grown too old: begin this list again.
                    self.estate.drop_reads(kind.name, "read", scope)
                    page, cursor, last, seen = 0, "", None, {""}
                    continue
                # Only now is it certain that the records of the pages before stay.
                self._go_on_below(kind, scope)
                last = None
            following = "" if fault else answer.next
            if following in seen and following:
                fault = Fault("bad_response", "a next link leads back to a page that was read before")
                following = ""
            seen.add(following)
            records = [
                self._record(kind, scope, f"{page}.{at}", item, named) for at, item in enumerate(_items(kind, answer))
            ]
            if fault is None and not following:
                fault = await self._doubt(kind, subscription, scope, parent, is_empty=not records)
            elif fault is not None and page and fault.kind in NOTHING_THERE:
                # The rest of a list that has begun is not nothing.
                fault = msgspec.structs.replace(fault, kind="bad_response")
            if fault is not None and fault.kind == "parent_gone":
                return self._parent_gone(kind, subscription, scope, parent, page, answer)
            stated = msgspec.structs.replace(answer, fault=fault)
            _, rows = self.estate.add_page(
                kind.name,
                "read",
                subscription,
                scope,
                page,
                stated,
                records,
                parent=parent,
                kind=fault.kind if fault else "",
                message=fault.message if fault else "",
                next=following,
            )
            self._below(kind, rows)
            if not following:
                return fault is not None and fault.kind not in NOTHING_THERE
            page, cursor = page + 1, following

    def _last_that_stands(self, kind: Collection, scope: str) -> ReadRow | None:
        """The last page on record that need not be asked for anew."""
        last = self.estate.last_page(kind.name, "read", scope)
        if last is not None and last.kind in PASSING:
            self.estate.drop_page(last.id)
            last = self.estate.last_page(kind.name, "read", scope)
        return last

    async def _doubt(
        self, kind: Collection, subscription: str, scope: str, parent: int, *, is_empty: bool
    ) -> Fault | None:
        """The fault of a list that came back in full but may lack what the identity is not allowed to see."""
        if kind.host == "graph" or kind.is_singleton:
            return None
        # ARM answers 403 where a parent may not be read; below one, only an empty list leaves a doubt.
        if parent and (not is_empty or self.estate.count(kind.name, parent=parent)):
            return None
        permissions = self._permissions.get(subscription)
        for action in self._proofs(kind):
            if permissions is None or not await permissions.covers_at(scope, action):
                is_denied = permissions is not None and permissions.leaves_out(action)
                if is_denied and is_empty and not self.estate.count(kind.name, subscription=subscription):
                    return Fault("access_denied", LEFT_OUT, action=action)
                wanting = permissions.wanting(action) if permissions is not None else ""
                return Fault("partial_access", PARTIAL if wanting == action else UNKNOWN, action=wanting)
        return None

    def _proofs(self, kind: Collection) -> list[str]:
        """The actions without which ARM may leave something out of a list."""
        sought = self.plan.sought if kind is RESOURCES else ()
        return [action_of(kind), *(f"{name}/read" for name in sorted(sought))]

    def _parent_gone(
        self, kind: Collection, subscription: str, scope: str, parent: int, page: int, answer: Answer
    ) -> bool:
        """Put on record that the parent was deleted meanwhile; True where there is none that could have been."""
        message = answer.fault.message if answer.fault else ""
        why = "parent_gone" if parent else "absent" if kind.per == "resource_group" else "rejected"
        self.estate.add_page(kind.name, "read", subscription, scope, page, answer, kind=why, message=message)
        if parent:
            self.estate.mark_gone(parent)
        return why == "rejected"

    async def _answer(self, read: Read, ask: Ask) -> Answer:
        return await self.session.read(ask)

    def _ask(self, kind: Collection, subscription: str, values: Mapping[str, str], target: str, cursor: str) -> Ask:
        asked = Ask(
            target=cursor or target,
            host=kind.host,
            shape="object" if kind.is_singleton else "list",
            headers=kind.headers,
            subscription=subscription,
            provider=kind.type.split("/")[0].lower(),
            region=values.get("location", ""),
            absent=kind.absent or Ask(target="").absent,
        )
        if not kind.kql:
            return asked
        options: dict[str, Any] = {"resultFormat": "objectArray"}
        if cursor:
            options["$skipToken"] = cursor
        body = {"subscriptions": [subscription], "query": kind.kql, "options": options}
        return msgspec.structs.replace(asked, target=target, method="POST", body=body)

    def _values(self, subscription: str, values: Mapping[str, str]) -> dict[str, str]:
        return {"subscriptionId": subscription, "tenantId": self.tenant, **values}

    def _record(self, kind: Collection, scope: str, place: str, item: Any, named: set[str]) -> Record:
        """An item as it is stored; `place` in the list, and `named` so far, tell those apart that bring no id."""
        body = item if isinstance(item, dict) else {"value": item} if isinstance(item, str) else None
        sent = _own_id(body)
        if not sent:
            name = body.get("name") if body else None
            sent = f"{scope}/{kind.attach_as}/{name if isinstance(name, str) and name else place}"
            sent = f"{sent}.{place}" if key_of(sent) in named else sent
            named.add(key_of(sent))
        _, encoded = redacted(body, [split_path(path) for path in kind.redact])
        return sent, key_of(sent), encoded

    # what hangs on a record

    def _go_on_below(self, kind: Collection, scope: str) -> None:
        """Plan again what hangs on the records of a read that is on record."""
        found = self.estate.connection.execute(
            "SELECT resource.id FROM resource JOIN read ON read.id = resource.read_id WHERE read.collection = ?"
            " AND read.part = 'read' AND read.scope = ? AND resource.gone = 0",
            (kind.name, scope),
        )
        self._below(kind, [row for (row,) in found.fetchall()])

    def _below(self, kind: Collection, rows: Iterable[int]) -> None:
        children = self.plan.children(kind.name)
        grouped = [each for each in self.plan.roots(tenant=False) if each.per == "resource_group"]
        grouped = grouped if kind.name == "resource_group" else []
        if not (children or grouped or kind.detail):
            return
        for row_id in rows:
            if kind.detail:
                self.progress.plan()
                self._lanes.add((kind.name, "detail"), partial(self._complete, kind, row_id))
            else:
                self._children(kind, row_id, children, grouped)

    def _children(
        self, kind: Collection, row_id: int, children: Sequence[Collection], grouped: Sequence[Collection]
    ) -> None:
        row = self.estate.row(row_id)
        if row is None:
            return
        scope = key_of(row.id_as_sent)
        for child in children:
            if not self._is_first((child.name, scope), row_id):
                continue
            if child.when is not None and self._judge(child, "read", child.when, row) == FALSE:
                self._note(child, row.subscription, scope, "not_needed")
            else:
                self._plan_read(child, row.subscription, scope, {"id": _own_id(decode(row.body))}, row.id)
        for listed in grouped:
            group = {"resourceGroup": parse_id(row.id_as_sent).resource_group}
            self._plan_read(listed, row.subscription, f"{scope}", group)

    def _is_first(self, read: tuple[str, ...], row_id: int) -> bool:
        """False where another record asked for this first: those of one id are one resource, and it is read once."""
        return self._readers.setdefault(read, row_id) == row_id

    async def _complete(self, kind: Collection, row_id: int) -> None:
        row = self.estate.row(row_id)
        assert row is not None
        fault = ""
        self.progress.begin(kind.name)
        try:
            if kind.detail_when is not None and self._judge(kind, "detail", kind.detail_when, row) == FALSE:
                self.estate.without_detail(row_id)
            else:
                fault = await self._detail(kind, row)
        finally:
            self.progress.finish(failed=fault not in ("", "parent_gone"))
        if fault != "parent_gone":
            self._children(kind, row_id, self.plan.children(kind.name), ())

    async def _detail(self, kind: Collection, row: Row) -> str:
        """Complete a listed record; returns the kind of fault, "" where there is none."""
        scope = key_of(row.id_as_sent)
        if not self._is_first((kind.name, scope, "detail"), row.id):
            return ""
        last = self.estate.last_page(kind.name, "detail", scope)
        if last is not None and last.kind not in PASSING:
            return last.kind
        if last is not None:
            self.estate.drop_reads(kind.name, "detail", scope)
        values = self._values(row.subscription, {"id": _own_id(decode(row.body))})
        try:
            target = target_of(kind, self.cloud, values, detail=True)
        except NotAnId as error:
            answer = Answer(url="", api="", status=0, at="", fault=Fault("bad_response", str(error)))
        else:
            ask = msgspec.structs.replace(
                self._ask(kind, row.subscription, values, target, ""), shape="object", method="GET", body=None
            )
            answer = await self._answer(Read(kind, "detail", scope), ask)
        fault = answer.fault
        if fault is not None and fault.kind in ("absent", "parent_gone"):
            self.estate.add_detail(kind.name, row, scope, answer, None, "parent_gone", fault.message)
            self.estate.mark_gone(row.id)
            return "parent_gone"
        if fault is not None:
            self.estate.add_detail(kind.name, row, scope, answer, None, fault.kind, fault.message)
            return fault.kind
        body, _ = redacted(answer.body, [split_path(path) for path in kind.redact])
        merged = msgspec.json.encode(_merged(decode(row.body), body))
        self.estate.add_detail(kind.name, row, scope, answer, merged, "", "")
        return ""

    def _judge(self, kind: Collection, part: str, condition: Condition, row: Row) -> int:
        """What the condition of a read says of the record: where it is false, Azure has nothing to answer."""
        compiled = self._conditions.get(id(condition))
        if compiled is None:
            compiled = self._conditions[id(condition)] = compile_condition(parse(condition, {}), self._now)
        body = decode(row.body)
        truth, _ = compiled(Document(body if isinstance(body, dict) else {}, fault=self._lack(row)))
        return truth

    def _lack(self, row: Row) -> Unreadable | None:
        """Why a record is not all there: what it does not say is then unknown, not absent."""
        detail = self.estate.read(row.detail_id) if row.detail_id > 0 else None
        return Unreadable(detail.kind) if detail is not None and detail.kind else None


def _meant(kind: Collection, fault: Fault | None) -> Fault | None:
    """What a fault means for a read of that kind."""
    if fault is None:
        return None
    if kind.kql and fault.kind in NOTHING_THERE:
        # That Resource Graph is missing here says nothing of what it would have found.
        return msgspec.structs.replace(fault, kind="unsupported")
    if fault.kind == "parent_gone" and fault.code not in GROUP_GONE and is_below_a_part(kind):
        # A part is missing; whether its resource was deleted, other reads of the resource say for all.
        return msgspec.structs.replace(fault, kind="absent")
    return fault


def _items(kind: Collection, answer: Answer) -> Sequence[Any]:
    if kind.is_singleton:
        return () if answer.fault else (answer.body,)
    return answer.items


def _own_id(body: Any) -> str:
    """The id that Azure gave a record, "" where it sent none."""
    sent = body.get("id") if isinstance(body, dict) else None
    return sent if isinstance(sent, str) and sent.strip("/ ") else ""


def _merged(listed: Any, detail: Any) -> Any:
    """The listed record with everything that the detail says laid over it."""
    if isinstance(listed, dict) and isinstance(detail, dict):
        return {**listed, **{name: _merged(listed.get(name), value) for name, value in detail.items()}}
    return detail
