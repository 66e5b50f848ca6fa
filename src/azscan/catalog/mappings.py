"""Frameworks: from the walked file to the model, and the rules that a table of keys cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from azscan.catalog.kinds import Findings
from azscan.catalog.model import Control, FrameworkMap
from azscan.words import did_you_mean


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
        if not {"checks", "manual", "inherited"} & written[number].keys():
            into.fault(where, f"control {control_id} has neither checks nor manual", "checks: [] where none exists yet")
        checks: list[str] = []
        for check in control.get("checks", ()):
            if check not in ids:
                position = written[number]["checks"].index(check)
                into.fault((*where, "checks", position), f"there is no check {check}", did_you_mean(check, ids))
            elif ids[check] not in checks:
                checks.append(ids[check])
        controls.append(
            Control(
                id=control_id,
                title=control.get("title", ""),
                checks=tuple(checks),
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
