"""Frameworks: from the walked file to the model, and the rules that a table of keys cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from azscan.catalog.kinds import Findings
from azscan.catalog.model import Control, Edge, FrameworkMap, LeftOut
from azscan.catalog.source import Keys
from azscan.words import did_you_mean

ANSWERS = frozenset({"checks", "manual", "inherited"})


def controls_named(frameworks: Iterable[FrameworkMap]) -> list[str]:
    """The ids of the controls of frameworks, alone and as "framework:control"."""
    every = [(framework.framework, control.id) for framework in frameworks for control in framework.controls]
    return [*dict.fromkeys(control for _, control in every), *(f"{key}:{control}" for key, control in every)]


def build_mapping(values: Mapping[str, Any], stem: str, into: Findings, ids: Mapping[str, str]) -> FrameworkMap:
    """The framework as far as it is sound; `ids` maps every check's id and aliases to its id."""
    name = values.get("framework")
    if name not in (None, stem):
        into.fault(("framework",), f"the framework is called {name}, its file {stem}.yaml", "use one name")
    controls: list[Control] = []
    seen: set[str] = set()
    written = into.source.value["controls"] if "controls" in values else []
    numbers = [number for number, one in enumerate(written) if isinstance(one, dict)]
    for number, control in zip(numbers, values.get("controls", ()), strict=True):
        where = ("controls", number)
        control_id = control.get("id", "")
        if control_id and control_id in seen:
            into.fault((*where, "id"), f"the control {control_id} stands here a second time")
        seen.add(control_id)
        if not ANSWERS & written[number].keys():
            into.fault(where, f"control {control_id} has neither checks nor manual", "checks: [] where none exists yet")
        reader = _ControlReader(where, into, ids)
        controls.append(
            Control(
                id=control_id,
                title=control.get("title", ""),
                edges=tuple(reader.edges(control.get("checks", ()))),
                left_out=tuple(reader.left_out(control.get("left-out", ()))),
                manual=control.get("manual", ""),
                inherited=control.get("inherited", ""),
            )
        )
    return FrameworkMap(
        framework=stem,
        title=values.get("title", ""),
        source=values.get("source", ""),
        controls=tuple(controls),
        file=into.source.file,
    )


class _ControlReader:
    """Reads the groups of checks of one control; a check stands under it once, or is left out."""

    def __init__(self, where: Keys, into: Findings, ids: Mapping[str, str]) -> None:
        self._where = where
        self._into = into
        self._ids = ids
        self._seen: set[str] = set()

    def edges(self, items: Sequence[Any]) -> Iterator[Edge]:
        """The edges of groups, and of ids that stand there alone, as they are written."""
        for number, item in enumerate(items):
            where = (*self._where, "checks", number)
            if isinstance(item, str):
                yield from (Edge(check) for check in self._known(item, where))
                continue
            basis, reason = item.get("basis", "curated"), item.get("reason", "")
            if basis == "curated" and not reason:
                self._into.fault(where, "a curated group lacks the key reason", "say why they give evidence for it")
            for position, name in enumerate(item.get("checks", ())):
                for check in self._known(name, (*where, "checks", position)):
                    yield Edge(check, item.get("strength", "direct"), basis, reason)

    def left_out(self, groups: Sequence[Mapping[str, Any]]) -> Iterator[LeftOut]:
        """What is left out; asked for after the edges."""
        for number, group in enumerate(groups):
            where = (*self._where, "left-out", number, "checks")
            names = group.get("checks", ())
            found = [check for at, name in enumerate(names) for check in self._known(name, (*where, at))]
            yield LeftOut(tuple(found), group.get("reason", ""))

    def _known(self, name: str, where: Keys) -> Iterator[str]:
        if name not in self._ids:
            self._into.fault(where, f"there is no check {name}", did_you_mean(name, self._ids))
        elif self._ids[name] in self._seen:
            self._into.fault(where, f"{name} stands under this control twice")
        else:
            self._seen.add(self._ids[name])
            yield self._ids[name]
