"""Edges from checks to controls, derived from a table that ties built-in policies to controls."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from azscan.catalog.model import Check, FrameworkMap
from azscan.errors import UsageError
from azscan.words import did_you_mean

HEADER = ("policy", "framework", "control")


class PolicyEdge(msgspec.Struct, frozen=True):
    """One line of the table: an initiative lists a built-in policy under a control."""

    policy: str
    control: str


class DerivedEdge(msgspec.Struct, frozen=True, order=True):
    """A control, a check, and the policies of the check that the table ties to the control."""

    control: str
    check: str
    policies: tuple[str, ...] = ()


class Derived(msgspec.Struct, frozen=True):
    """The table's edges against those of a framework's file, each in the framework's order.

    `kept` stand in the file, `left_out` are refused there with a reason, `proposed` are neither. `unfounded` say
    `basis: microsoft` in the file, and the table does not have them. `strangers` are controls that the file lacks.
    """

    kept: tuple[DerivedEdge, ...]
    left_out: tuple[DerivedEdge, ...]
    proposed: tuple[DerivedEdge, ...]
    unfounded: tuple[DerivedEdge, ...]
    strangers: tuple[str, ...]


def read_edges(path: Path, key: str, prefix: str = "") -> tuple[PolicyEdge, ...]:
    """The lines of a table for one framework key, with `prefix` put before the ids of controls.

    The table is tab separated, with the columns policy, framework and control in its first line. UsageError where it
    cannot be read, is no such table, or has no line for the key.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="name a table of edges with --edges") from error
    if not rows or tuple(rows[0]) != HEADER or any(len(row) != len(HEADER) for row in rows):
        raise UsageError(f"{path} is no table of edges", hint=f"its columns are {', '.join(HEADER)}, tabs between them")
    found = tuple(PolicyEdge(policy, prefix + control) for policy, framework, control in rows[1:] if framework == key)
    if not found:
        keys = {row[1] for row in rows[1:]}
        raise UsageError(f"{path} has no edge for {key}", hint=did_you_mean(key, keys) or "name one with --key")
    return found


def derive(framework: FrameworkMap, checks: Iterable[Check], edges: Sequence[PolicyEdge]) -> Derived:
    """The table's edges, carried over from policies to the checks that name them, against the framework's own."""
    of_policy: dict[str, list[str]] = {}
    for check in checks:
        for policy in check.policy:
            of_policy.setdefault(policy, []).append(check.id)
    theirs: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        for check_id in of_policy.get(edge.policy, ()):
            theirs.setdefault((edge.control, check_id), []).append(edge.policy)
    ours = {(control.id, edge.check): edge.basis for control in framework.controls for edge in control.edges}
    refused = {
        (control.id, check_id)
        for control in framework.controls
        for group in control.left_out
        for check_id in group.checks
    }
    known = {control.id: number for number, control in enumerate(framework.controls)}
    own = {name: policies for name, policies in theirs.items() if name[0] in known}
    return Derived(
        kept=_sorted(own, own.keys() & ours.keys(), known),
        left_out=_sorted(own, own.keys() & refused, known),
        proposed=_sorted(own, own.keys() - ours.keys() - refused, known),
        unfounded=_sorted({}, {name for name, basis in ours.items() if basis == "microsoft"} - own.keys(), known),
        strangers=tuple(dict.fromkeys(edge.control for edge in edges if edge.control not in known)),
    )


def _sorted(
    policies: Mapping[tuple[str, str], Sequence[str]], names: Iterable[tuple[str, str]], rank: Mapping[str, int]
) -> tuple[DerivedEdge, ...]:
    ordered = sorted(names, key=lambda name: (rank[name[0]], name[1]))
    return tuple(DerivedEdge(*name, tuple(sorted(set(policies.get(name, ()))))) for name in ordered)
