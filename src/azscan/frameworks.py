"""From checks to the controls of frameworks, and from verdicts to what can be said of each control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from azscan.catalog.mappings import controls_named
from azscan.catalog.model import Control, FrameworkMap
from azscan.errors import UsageError
from azscan.results import Framework, Status, Verdict
from azscan.words import did_you_mean, glob, is_glob

ControlStatus = Literal["failed", "undecided", "waived", "met", "no-verdict", "not-covered"]

NOT_COVERED = "no check covers this control"


class ControlResult(msgspec.Struct, frozen=True):
    """What the verdicts say of one control, with the number of verdicts of each status.

    `failed` where one verdict fails, else `undecided` where one is unreadable, else `waived` where one is waived, else
    `met`. `no-verdict`: it has checks, but they met no resource. `not-covered`: it has none; `reason` says why.
    """

    framework: str
    control: str
    title: str
    status: ControlStatus
    counts: Mapping[str, int]
    reason: str = ""


class Mapped:
    """The frameworks that were chosen: which controls a check stands for, and what reports print of them."""

    def __init__(self, frameworks: Sequence[FrameworkMap]) -> None:
        self.frameworks: tuple[Framework, ...] = tuple(_framework(each) for each in frameworks)
        controls: dict[str, list[str]] = {}
        for framework in self.frameworks:
            for control, checks in framework.checks.items():
                for check in checks:
                    controls.setdefault(check, []).append(f"{framework.key}:{control}")
        self._controls = {check: tuple(dict.fromkeys(names)) for check, names in controls.items()}

    def controls(self, check_id: str) -> tuple[str, ...]:
        """The controls that a check stands for, as "framework:control", in the order of the frameworks."""
        return self._controls.get(check_id, ())

    @property
    def checks(self) -> frozenset[str]:
        """Every check that stands for a control of a chosen framework."""
        return frozenset(self._controls)


def choose(frameworks: Mapping[str, FrameworkMap], keys: Iterable[str]) -> Mapped:
    """The chosen frameworks, each once, in the order given. Raises UsageError for one that the catalogue lacks."""
    chosen = []
    for key in dict.fromkeys(keys):
        if key not in frameworks:
            known = ", ".join(sorted(frameworks)) or "none"
            hint = did_you_mean(key, frameworks) or f"the frameworks are: {known}"
            raise UsageError(f"no framework is named {key}", hint=hint)
        chosen.append(frameworks[key])
    return Mapped(chosen)


def narrowed(
    frameworks: Mapping[str, FrameworkMap], keys: Iterable[str], controls: Sequence[str]
) -> Mapping[str, FrameworkMap]:
    """The frameworks with no other controls than those named, where any are; each name fits in at least one of `keys`.

    A name is an id, or "framework:control", or a glob on either. Raises UsageError for one that fits no control.
    """
    if not controls:
        return frameworks
    chosen = {key: frameworks[key] for key in keys if key in frameworks}
    if not chosen:
        raise UsageError("--control chooses from a framework, and none is named", hint="name it with --framework")
    tests = [glob(name) for name in controls]
    for name, fits in zip(controls, tests, strict=True):
        known = controls_named(chosen.values())
        if not any(map(fits, known)):
            verb = "matches" if is_glob(name) else "is named"
            hint = did_you_mean(name, known) or f"the controls stand in the mappings of {', '.join(chosen)}"
            raise UsageError(f"no control of {', '.join(chosen)} {verb} {name}", hint=hint)
    return {
        key: msgspec.structs.replace(
            framework,
            controls=tuple(
                control
                for control in framework.controls
                if any(fits(control.id) or fits(f"{key}:{control.id}") for fits in tests)
            ),
        )
        for key, framework in chosen.items()
    } | {key: framework for key, framework in frameworks.items() if key not in chosen}


def split(control: str) -> tuple[str, str]:
    """Framework key and control id of "framework:control"."""
    key, _, name = control.partition(":")
    return key, name


def control_results(frameworks: Sequence[Framework], verdicts: Iterable[Verdict]) -> tuple[ControlResult, ...]:
    """What the verdicts say of every control of the frameworks, in the frameworks' order; walks the verdicts once."""
    counts: dict[tuple[str, str], dict[str, int]] = {
        (framework.key, control): {} for framework in frameworks for control in framework.controls
    }
    for verdict in verdicts:
        for name in verdict.controls:
            of_control = counts.get(split(name))
            if of_control is not None:
                of_control[verdict.status] = of_control.get(verdict.status, 0) + 1
    return tuple(
        _result(framework, control, title, counts[framework.key, control])
        for framework in frameworks
        for control, title in framework.controls.items()
    )


def _result(framework: Framework, control: str, title: str, counts: Mapping[str, int]) -> ControlResult:
    reason = framework.left_out.get(control, "")
    order: tuple[tuple[Status, ControlStatus], ...] = (
        ("fail", "failed"),
        ("unreadable", "undecided"),
        ("waived", "waived"),
        ("pass", "met"),
    )
    status: ControlStatus = "no-verdict" if framework.checks.get(control) else "not-covered"
    for of_verdict, of_control in order:
        if counts.get(of_verdict):
            status = of_control
            break
    return ControlResult(framework.key, control, title, status, counts, reason)


def _framework(source: FrameworkMap) -> Framework:
    return Framework(
        key=source.framework,
        title=source.title,
        controls={control.id: control.title for control in source.controls},
        checks={control.id: control.checks for control in source.controls if control.checks},
        left_out={control.id: _why(control) for control in source.controls if not control.checks},
    )


def _why(control: Control) -> str:
    if control.manual:
        return f"manual: {control.manual}"
    if control.inherited:
        return f"inherited: {control.inherited}"
    return NOT_COVERED
