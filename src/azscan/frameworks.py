"""From checks to the controls of the chosen frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from azscan.catalog.mappings import controls_named
from azscan.catalog.model import Control, FrameworkMap
from azscan.errors import Misfit, MisfitError
from azscan.results import Framework
from azscan.words import did_you_mean, glob, is_glob

CHOOSE_ONE = "choose the framework too: --framework NAME, or frameworks: [NAME] in azscan.yaml"


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

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """The controls that --fail-on-control names, as "framework:control".

        A name is that, or a control's id alone, which stands for it in every chosen framework. Raises MisfitError for
        one that no chosen framework has, and for one without checks, which could never fail.
        """
        known = {f"{each.key}:{control}" for each in self.frameworks for control in each.controls}
        decided = {name for names_of_check in self._controls.values() for name in names_of_check}
        found: dict[str, None] = {}
        misfits = []
        for name in names:
            fitting = [one for one in known if name.lower() in (one.lower(), split(one)[1].lower())]
            if not fitting:
                misfits.append(self._unknown(name, known))
            elif not decided.intersection(fitting):
                message = f"no check decides the control {name}, so it can neither fail nor hold"
                misfits.append(Misfit(name, message, f"see why: azscan frameworks show {split(fitting[0])[0]}"))
            found |= dict.fromkeys(sorted(decided.intersection(fitting)))
        if misfits:
            raise MisfitError("fail-on-control", misfits)
        return tuple(found)

    def _unknown(self, name: str, known: set[str]) -> Misfit:
        if not self.frameworks:
            hint = CHOOSE_ONE
        elif any(each.left_out for each in self.frameworks):
            hint = "the choice of controls left it out, or it is named otherwise"
        else:
            ids = {split(one)[1] for one in known}
            hint = did_you_mean(name, known | ids)
            hint = hint or f"see them: azscan frameworks show {self.frameworks[0].key}"
        return Misfit(name, f"no chosen framework has a control {name}", hint)


def choose(frameworks: Mapping[str, FrameworkMap], keys: Iterable[str]) -> Mapped:
    """The chosen frameworks, each once, in the order given. Raises MisfitError for one that the catalogue lacks."""
    return Mapped([find(frameworks, key) for key in dict.fromkeys(keys)])


def find(frameworks: Mapping[str, FrameworkMap], key: str) -> FrameworkMap:
    """The framework of that name; UsageError where the catalogue lacks it, with the nearest one or all."""
    if key not in frameworks:
        known = ", ".join(sorted(frameworks)) or "none"
        hint = did_you_mean(key, frameworks) or f"the frameworks are: {known}"
        raise MisfitError("frameworks", [Misfit(key, f"no framework is named {key}", hint)])
    return frameworks[key]


def narrowed(
    frameworks: Mapping[str, FrameworkMap], keys: Iterable[str], controls: Sequence[str]
) -> Mapping[str, FrameworkMap]:
    """All frameworks; where controls are named, those of `keys` with no others, each name fitting in at least one.

    A name is an id, or "framework:control", or a glob on either. Raises MisfitError for one that fits no control, and
    for an unknown framework.
    """
    if not controls:
        return frameworks
    chosen = {key: find(frameworks, key) for key in keys}
    if not chosen:
        raise MisfitError(
            "controls", [Misfit("", "controls are chosen from a framework, and none is named", CHOOSE_ONE)]
        )
    tests = [glob(name) for name in controls]
    known = controls_named(chosen.values())
    misfits = []
    for name, fits in zip(controls, tests, strict=True):
        if not any(map(fits, known)):
            verb = "matches" if is_glob(name) else "is named"
            hint = did_you_mean(name, known) or f"the controls stand in the mappings of {', '.join(chosen)}"
            misfits.append(Misfit(name, f"no control of {', '.join(chosen)} {verb} {name}", hint))
    if misfits:
        raise MisfitError("controls", misfits)
    return {
        key: msgspec.structs.replace(framework, controls=kept, left_out=len(framework.controls) - len(kept))
        for key, framework in chosen.items()
        for kept in (_fitting(framework, tests),)
    }


def _fitting(framework: FrameworkMap, tests: Sequence[Callable[[str], bool]]) -> tuple[Control, ...]:
    return tuple(
        control
        for control in framework.controls
        if any(fits(control.id) or fits(f"{framework.framework}:{control.id}") for fits in tests)
    )


def split(control: str) -> tuple[str, str]:
    """Framework key and control id of "framework:control"."""
    key, _, name = control.partition(":")
    return key, name


def _framework(source: FrameworkMap) -> Framework:
    partial = {
        control.id: tuple(edge.check for edge in control.edges if edge.strength == "partial")
        for control in source.controls
    }
    return Framework(
        key=source.framework,
        title=source.title,
        controls={control.id: control.title for control in source.controls},
        checks={control.id: control.checks for control in source.controls if control.edges},
        partial={control: checks for control, checks in partial.items() if checks},
        manual={control.id: control.manual for control in source.controls if control.manual},
        inherited={control.id: control.inherited for control in source.controls if control.inherited},
        left_out=source.left_out,
    )
