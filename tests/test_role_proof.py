"""Over the whole catalogue: a scan with the printed role reads everything, and without an action what was predicted.

The emulator holds the scan to the role's actions, in both of ARM's manners: lists that are refused, and lists that come
back with less in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from azscan.collect.needs import needs_of
from azscan.collect.permissions import ASSIGNMENTS, PERMISSIONS
from azscan.collect.plan import Plan
from azscan.emulator import Estate, Options, Role, demo_estate
from azscan.emulator.options import Manner
from azscan.emulator.role_file import read_role
from azscan.errors import NothingScannedError
from azscan.results import Verdict
from azscan.rights.gaps import gaps_of
from azscan.rights.role import SUBSCRIPTIONS, graph_permissions, role_for, scopes_for
from azscan.rights.writing import as_json
from tests.harness import Scanned, scan, shipped

MANNERS: tuple[Manner, ...] = get_args(Manner)
EVERY = tuple(sorted(shipped().checks))
# So many actions are taken away together, where all checks are scanned.
TOGETHER = 30


@cache
def demo() -> Estate:
    return demo_estate()


@cache
def plan() -> Plan:
    return Plan(shipped(), shipped().checks.values(), {})


@cache
def printed() -> tuple[str, ...]:
    """The actions of the role for all checks, assigned at the root group."""
    return role_for(plan(), name="r", scopes=scopes_for((), [str(demo().tenant["id"])]), checks=1).actions


def held_to(actions: Iterable[str], manner: Manner) -> Options:
    root = f"/providers/Microsoft.Management/managementGroups/{demo().tenant['id']}"
    return Options(roles=[Role(root, tuple(actions))], role_manner=manner)


def unreadable(scanned: Scanned) -> set[str]:
    return {each.check for each in scanned.verdicts if each.status == "unreadable"}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], str]:
    """What a caller who may read everything finds."""
    return scan(tmp_path_factory.mktemp("all"), demo(), catalog=shipped(), checks=list(EVERY)).outcome()


@pytest.mark.parametrize("manner", MANNERS)
def test_the_printed_role_reads_everything(
    manner: Manner, tmp_path: Path, before: Mapping[tuple[str, str], str]
) -> None:
    role = role_for(plan(), name="azscan", scopes=scopes_for((), [str(demo().tenant["id"])]), checks=1)
    path = tmp_path / "role.json"
    path.write_text(as_json(role))
    graph = {
        f"*{re.sub(r'{[^}]*}', '*', kind.list or kind.get)}": kind.permission
        for kind in shipped().collections.values()
        if kind.host == "graph" and kind.permission
    }
    options = Options(
        roles=read_role(path, demo()),
        role_manner=manner,
        graph_permissions=graph,
        granted=list(graph_permissions(needs_of(plan()))),
    )
    scanned = scan(tmp_path, demo(), options, catalog=shipped(), checks=list(EVERY))
    assert not scanned.results.unreadable
    assert scanned.outcome() == before


def namespaces() -> list[str]:
    return sorted({action.split("/")[0] for action in printed()})


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("namespace", namespaces())
def test_without_one_action_what_rests_on_it_is_unreadable(namespace: str, manner: Manner, tmp_path: Path) -> None:
    for action in (each for each in printed() if each.split("/")[0] == namespace and each != SUBSCRIPTIONS):
        rest = [each for each in printed() if each != action]
        predicted = gaps_of(plan(), [{"actions": rest}]).checks
        # A scan that may read nothing is refused: a check that the action is nothing to stands beside the others.
        beside = next(
            each for each in ("storage-https-only", "keyvault-rbac", "sql-entra-admin") if each not in predicted
        )
        chosen = [*sorted(predicted), beside] if predicted else list(EVERY)
        scanned = scan(tmp_path, demo(), held_to(rest, manner), catalog=shipped(), checks=chosen)
        assert unreadable(scanned) == predicted, action
        unnamed = [each for each in scanned.verdicts if each.status == "unreadable" and not names(each, action)]
        assert not unnamed, action


def names(verdict: Verdict, action: str) -> bool:
    return (
        verdict.reason.startswith(("access_denied: ", "partial_access: ")) and action.lower() in verdict.reason.lower()
    )


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("start", range(-(-len(printed()) // TOGETHER)))
def test_without_several_nothing_else_is_unreadable(
    start: int, manner: Manner, tmp_path: Path, before: Mapping[tuple[str, str], str]
) -> None:
    gone = set(printed()[start :: -(-len(printed()) // TOGETHER)]) - {SUBSCRIPTIONS}
    rest = [each for each in printed() if each not in gone]
    predicted = gaps_of(plan(), [{"actions": rest}]).checks
    scanned = scan(tmp_path, demo(), held_to(rest, manner), catalog=shipped(), checks=list(EVERY))
    assert unreadable(scanned) == predicted
    assert {key: status for key, status in scanned.outcome().items() if key[0] not in predicted} == {
        key: status for key, status in before.items() if key[0] not in predicted
    }


@pytest.mark.parametrize("manner", MANNERS)
def test_without_proof_of_its_permissions_no_list_is_believed(manner: Manner, tmp_path: Path) -> None:
    rest = [each for each in printed() if each not in (PERMISSIONS, *ASSIGNMENTS)]
    predicted = gaps_of(plan(), [{"actions": rest}]).checks
    scanned = scan(tmp_path, demo(), held_to(rest, manner), catalog=shipped(), checks=list(EVERY))
    found = unreadable(scanned)
    assert found <= predicted
    # What a doubted list does show is judged: one that is looked for there, and found, decides.
    decided = {shipped().checks[each].subject for each in predicted - found}
    assert decided == {"subscription"} and len(predicted - found) < 10


def test_without_the_list_of_subscriptions_nothing_is_scanned(tmp_path: Path) -> None:
    rest = [each for each in printed() if each != SUBSCRIPTIONS]
    gaps = gaps_of(plan(), [{"actions": rest}])
    assert gaps.nothing and gaps.checks == frozenset(EVERY)
    with pytest.raises(NothingScannedError, match="no subscription is visible"):
        scan(tmp_path, demo(), held_to(rest, "filter"), catalog=shipped(), checks=list(EVERY))


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(
    ("service", "action"),
    [("storage", "Microsoft.Storage/storageAccounts/read"), ("keyvault", "Microsoft.KeyVault/vaults/read")],
)
def test_granting_what_a_report_names_makes_everything_readable(
    service: str, action: str, manner: Manner, tmp_path: Path
) -> None:
    """The first round is for the proof of what is held, the second for what it shows to be missing."""
    held = {SUBSCRIPTIONS, action}
    rounds = []
    while True:
        scanned = scan(tmp_path, demo(), held_to(held, manner), catalog=shipped(), services=[service])
        named = {part.action for part in scanned.results.unreadable}
        assert not {each.lower() for each in named} & {each.lower() for each in held}, "it names what is held"
        if not named:
            break
        rounds.append(named)
        held |= named
    assert len(rounds) <= 2 and not scanned.results.unreadable
    assert PERMISSIONS in rounds[0]
