"""Over the whole catalogue: a read that is denied never ends as a pass, and never makes a verdict disappear.

For every check and every read that it rests on (its subject's list, each child, each link, each get that completes a
list), the demo estate is scanned with that read denied: by a 403, and, where it is a list, by ARM's silent filter.
A subject that was decided before is then unreadable, or is decided as before by leaves that never touch the read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import pytest

from azscan.catalog.builtin import parts_of
from azscan.catalog.model import Collection
from azscan.collect.plan import Plan
from azscan.collect.targets import action_of, path_of
from azscan.emulator import Deny, Estate, FaultRule, Options, demo_estate
from azscan.emulator.logbook import Record
from azscan.results import Verdict
from tests.harness import Scanned, scan, shipped

NOBODY = "Nobody.Has.This"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
# Azure answers this list in full or not at all.
NEVER_FILTERED = frozenset({"location"})


@dataclass(frozen=True)
class Read:
    """One read of the catalogue that can be denied, and the checks that rest on it."""

    collection: str
    part: Literal["read", "detail"]
    manner: Literal["403", "filter"]
    checks: tuple[str, ...]

    def __str__(self) -> str:
        return "-".join((self.collection, *([self.part] if self.part == "detail" else []), self.manner))


def reads() -> Iterator[Read]:
    """Every read of the catalogue in each manner in which Azure denies it."""
    resting: dict[str, list[str]] = {}
    for check in shipped().checks.values():
        for name in Plan(shipped(), [check], {}).checks_of:
            if name not in ("subscription", "tenant"):
                resting.setdefault(name, []).append(check.id)
    for name, checks in sorted(resting.items()):
        kind = kind_of(name)
        yield Read(name, "read", "403", tuple(checks))
        if kind.host == "arm" and not kind.is_singleton and name not in NEVER_FILTERED:
            yield Read(name, "read", "filter", tuple(checks))
        if kind.detail:
            yield Read(name, "detail", "403", tuple(checks))


@cache
def kind_of(name: str) -> Collection:
    return Plan(shipped(), (), {}).kind(name)


def denied(read: Read) -> Options:
    """The emulator's switches that deny a read."""
    kind = kind_of(read.collection)
    if kind.host == "graph":
        template = kind.detail if read.part == "detail" else kind.list or kind.get
        # In `{id}/members` the id stands for the parent's own place, which the glob leaves open.
        return Options(graph_permissions={f"*{re.sub(r'{[^}]*}', '*', template)}": (NOBODY,)})
    if kind.kql and read.manner == "403":
        # Resource Graph refuses all queries or none; by itself it leaves out what the caller may not read.
        return Options(deny=[Deny("Microsoft.ResourceGraph/resources/read", "403")])
    if read.part == "detail":
        namespace, *types = kind.type.split("/")
        match = f"*/{namespace}/" + "/".join(f"{each}/*" for each in types)
        return Options(faults=[FaultRule(match, status=403, code="AuthorizationFailed", message="no authorization")])
    actions = {action_of(kind), f"{kind.type}/read"} if kind.kql else {action_of(kind)}
    return Options(deny=[Deny(action, read.manner) for action in sorted(actions)])


def address_of(url: str) -> str:
    """The path of a URL in lower case, Graph's as azscan writes it."""
    return urlsplit(url).path.lower().removeprefix("/graph")


def is_opened(read: Read, check: str, path: str) -> bool:
    """Whether a path of evidence goes through what the read brings, or by a link to what hangs on it."""
    below = {read.collection}
    while more := {each.name for each in shipped().collections.values() if below.intersection(each.of)} - below:
        below |= more
    parts, at, keyed = parts_of(shipped()), shipped().checks[check].subject, False
    for name in segments(path.removeprefix("$.")):
        part = parts.get(at, {}).get(name)
        if part is None:
            if not keyed:
                return False
            keyed = False
            continue
        if part.collection == read.collection or (part.link is not None and part.collection in below):
            return True
        at, keyed = part.collection, part.shape == "map"
    return False


def asked_for(read: Read, log: list[Record]) -> list[Record]:
    """The requests of a log that are this read."""
    kind = kind_of(read.collection)
    if read.part == "detail":
        namespace, *types = kind.type.split("/")
        template = f"{{id}}/providers/{namespace}/" + "/".join(f"{each}/{{name}}" for each in types)
    else:
        template = path_of(kind)
    pieces = re.split(r"{(\w+)}", template)
    pattern = "".join(
        (".+" if piece == "id" else "[^/]+") if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)
    )
    return [
        record
        for record in log
        if record.service == kind.host
        and re.fullmatch(pattern, record.path, re.IGNORECASE)
        # All queries of Resource Graph have one URL.
        and (not kind.kql or msgspec.json.decode(record.body)["query"] == kind.kql)
    ]


def estates(read: Read) -> Mapping[str, Estate]:
    """The demo estate, and for what the tenant is asked a second one, where the other half of each choice decides."""
    return both() if kind_of(read.collection).host == "graph" else {"demo": both()["demo"]}


def other_check(read: Read) -> str:
    """A check that the denial leaves alone: a scan that may read nothing at all is refused at its beginning."""
    return next(each for each in ("storage-https-only", "keyvault-rbac") if each not in read.checks)


@cache
def both() -> Mapping[str, Estate]:
    """The two estates, built once: an emulator changes nothing in the estate that it is given."""
    demo = demo_estate()
    return {"demo": demo, "other": other_tenant(demo)}


def other_tenant(demo: Estate) -> Estate:
    """The demo estate in a tenant with security defaults in place of conditional access, and no guest in any role."""
    graph = deepcopy(dict(demo.graph))
    graph["v1.0/identity/conditionalAccess/policies"] = []
    graph["v1.0/policies/identitySecurityDefaultsEnforcementPolicy"]["isEnabled"] = True
    graph["v1.0/policies/deviceRegistrationPolicy"]["multiFactorAuthConfiguration"] = "required"
    for assignment in graph["v1.0/roleManagement/directory/roleAssignments"]:
        if assignment["principal"].get("userType") == "Guest":
            assignment["principal"]["userType"] = "Member"
        if assignment["principal"]["@odata.type"] == "#microsoft.graph.group":
            assignment["roleDefinitionId"] = GLOBAL_ADMINISTRATOR
    return replace(demo, graph=graph, subscriptions=[])


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Scanned]:
    """The whole catalogue over both estates, with nothing denied."""
    every = sorted(shipped().checks)
    return {
        name: scan(tmp_path_factory.mktemp(name), estate, catalog=shipped(), checks=every)
        for name, estate in both().items()
    }


@pytest.mark.parametrize("read", list(reads()), ids=str)
def test_a_denied_read_never_decides(read: Read, before: Mapping[str, Scanned], tmp_path: Path) -> None:
    decided, touched = set[str](), set[str]()
    for name, estate in estates(read).items():
        then = [each for each in before[name].verdicts if each.check in read.checks and each.status in ("pass", "fail")]
        decided |= {each.check for each in then}
        after = scan(tmp_path, estate, denied(read), catalog=shipped(), checks=[*read.checks, other_check(read)])
        assert_denied(read, before[name].emulator.log, after.emulator.log)
        touched |= judged_anew(read, then, after)
        assert after.results.unreadable, "the report does not name the part that was denied"
    assert decided == set(read.checks), "the demo estate decides none of these checks"
    assert touched, "no subject of any check feels the denial"
    assert touched == set(read.checks), "no subject of these checks feels the denial"


def judged_anew(read: Read, then: list[Verdict], after: Scanned) -> set[str]:
    """The checks that became unreadable on some subject; the other verdicts must stand on other ground."""
    now = {(each.check, each.resource.id.lower()): each for each in after.verdicts}
    touched = set[str]()
    denied_paths = {address_of(record.url) for record in asked_for(read, after.emulator.log)}
    for verdict in then:
        found = now.get((verdict.check, verdict.resource.id.lower())) or scope_row(verdict, after)
        assert found is not None, f"{verdict.check}: the verdict on {verdict.resource.id} is gone"
        if found.status == "unreadable":
            touched.add(verdict.check)
            continue
        assert found.status == verdict.status, f"{verdict.check}: {verdict.resource.id} became {found.status}"
        opened = [
            each.path
            for each in found.evidence
            # A link that a document does not have stands on the document's own read.
            if is_opened(read, verdict.check, each.path) and (not each.url or address_of(each.url) in denied_paths)
        ]
        if opened and not is_ruled_out(read, verdict, after):
            pytest.fail(f"{verdict.check}: {found.status} rests on {opened}, which was denied")
    return touched


def assert_denied(read: Read, before: list[Record], after: list[Record]) -> None:
    """The emulator's log shows the denial: a 403, or a list that came back with less in it."""
    asked = asked_for(read, after)
    assert asked, f"{read} was not asked"
    if read.manner == "403":
        assert all(record.status == 403 for record in asked), [record.url for record in asked if record.status != 403]
        return
    sizes = {(record.url, record.body): record.bytes for record in asked_for(read, before)}
    assert all(record.status == 200 for record in asked)
    assert any(record.bytes < sizes.get((record.url, record.body), 0) for record in asked), "nothing was filtered out"


def is_ruled_out(read: Read, verdict: Verdict, after: Scanned) -> bool:
    """Whether Azure has nothing to answer for this subject (`when:`), so that nothing was asked and nothing denied."""
    scope = verdict.resource.id.lower() + "/"
    asked = asked_for(read, after.emulator.log)
    return kind_of(read.collection).when is not None and not any(scope in record.path.lower() for record in asked)


def scope_row(verdict: Verdict, after: Scanned) -> Verdict | None:
    """The row that stands for all subjects of a scope that could not be listed."""
    identifier = verdict.resource.id.lower()
    for each in after.of(verdict.check):
        scope = each.resource.id.lower().rstrip("/")
        if each.status == "unreadable" and (identifier == scope or identifier.startswith(scope + "/") or not scope):
            return each
    return None


def segments(path: str) -> list[str]:
    """The names that a path goes through, places in lists left out."""
    return re.sub(r"\[[^\]]*\]", "", path).split(".")


def test_a_denied_resource_list_changes_no_verdict(before: Mapping[str, Scanned], tmp_path: Path) -> None:
    resting = {
        check.id for check in shipped().checks.values() if "resource" not in Plan(shipped(), [check], {}).checks_of
    }
    options = Options(deny=[Deny("Microsoft.Resources/subscriptions/resources/read", "403")])
    after = scan(tmp_path, both()["demo"], options, catalog=shipped(), checks=sorted(resting))
    expected = {key: status for key, status in before["demo"].outcome().items() if key[0] in resting}
    assert after.outcome() == expected
