"""Frameworks as text: their controls, the checks behind one of them, and how much is covered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from azscan.catalog.model import Catalog, Control, Edge, FrameworkMap
from azscan.errors import UsageError
from azscan.words import count, did_you_mean

if TYPE_CHECKING:
    from azscan.report.page import Page


# So many controls are named where one is sought by the beginning of its id.
_MOST_NAMED = 12


class Coverage(msgspec.Struct, frozen=True):
    """How the controls of a framework are answered, and who drew the edges to checks.

    `direct` counts the controls with a check that decides all that they ask of Azure, `partial` those whose checks
    decide a part, `manual` and `inherited` those without checks.
    """

    key: str
    title: str
    controls: int
    direct: int
    partial: int
    manual: int
    inherited: int
    checks: int
    edges: int
    microsoft: int

    def as_json(self) -> dict[str, Any]:
        """The counts by name."""
        return msgspec.structs.asdict(self)


def covered(framework: FrameworkMap) -> Coverage:
    """The counts of one framework."""
    answers = Counter(_answer(control) for control in framework.controls)
    edges = [edge for control in framework.controls for edge in control.edges]
    return Coverage(
        key=framework.framework,
        title=framework.title,
        controls=len(framework.controls),
        direct=answers["direct"],
        partial=answers["partial"],
        manual=answers["manual"],
        inherited=answers["inherited"],
        checks=len({edge.check for edge in edges}),
        edges=len(edges),
        microsoft=sum(edge.basis == "microsoft" for edge in edges),
    )


def find_control(framework: FrameworkMap, name: str) -> Control:
    """The control of that id; UsageError where the framework has none, with the nearest."""
    for control in framework.controls:
        if control.id.lower() == name.lower():
            return control
    within = [control.id for control in framework.controls if control.id.lower().startswith(name.lower())]
    if within:
        shown = ", ".join(within[:_MOST_NAMED]) + (", …" if len(within) > _MOST_NAMED else "")
        raise UsageError(f"{framework.framework} has no control {name}", hint=f"those that begin so are {shown}")
    near = did_you_mean(name, [control.id for control in framework.controls])
    raise UsageError(
        f"{framework.framework} has no control {name}",
        hint=near or f"see them: azscan frameworks show {framework.framework}",
    )


def print_framework(page: Page, framework: FrameworkMap) -> None:
    """Print every control with how it is answered."""
    page.line("", (framework.title, "bold"))
    page.line("", framework.source)
    for control in framework.controls:
        page.blank()
        page.line("", (control.id, "bold"), f"  {control.title}")
        if control.edges:
            strengths = Counter(edge.strength for edge in control.edges)
            numbers = ", ".join(f"{strengths[each]} {each}" for each in ("direct", "partial") if strengths[each])
            page.line("  ", f"{count(len(control.edges), 'check')} ({numbers})")
        _print_reasons(page, control)
    page.blank()
    page.line("", f"the checks behind a control: azscan frameworks show {framework.framework} CONTROL")


def print_control(page: Page, catalog: Catalog, framework: FrameworkMap, control: Control) -> None:
    """Print one control with the checks behind it, and why each gives evidence."""
    page.line("", (control.id, "bold"), f"  {control.title}")
    page.line("", framework.title)
    _print_reasons(page, control)
    groups: dict[tuple[str, str, str], list[Edge]] = {}
    for edge in control.edges:
        groups.setdefault((edge.strength, edge.basis, edge.reason), []).append(edge)
    for (strength, basis, reason), edges in groups.items():
        page.blank()
        page.line("", (strength, "bold"), f" ({basis}){f': {reason}' if reason else ''}")
        for edge in edges:
            check = catalog.checks[edge.check]
            page.line("  ", (f"{check.severity:<8}  ", ""), (check.id, "bold"))
            page.line(" " * 12, check.title)
    for group in control.left_out:
        page.blank()
        page.line("", ("left out", "bold"), f": {group.reason}")
        page.line("  ", ", ".join(group.checks))


def print_coverage(page: Page, rows: Sequence[Coverage]) -> None:
    """Print the counts as a table."""
    width = max((len(row.key) for row in rows), default=0)
    names = ("controls", "direct", "partial", "manual", "inherited", "checks", "edges", "microsoft")
    page.whole("", " " * width + "".join(f"{name:>{max(len(name), 5) + 1}}" for name in names))
    for row in rows:
        numbers = "".join(f"{getattr(row, name):>{max(len(name), 5) + 1}}" for name in names)
        page.whole("", f"{row.key:<{width}}{numbers}")
    page.blank()
    page.line(
        "",
        "direct: controls with a check that decides all that they ask of Azure; partial: with checks that decide a "
        "part; microsoft: edges that one of Microsoft's own initiatives draws too",
    )


def _answer(control: Control) -> str:
    if control.edges:
        return "direct" if any(edge.strength == "direct" for edge in control.edges) else "partial"
    return "inherited" if control.inherited else "manual"


def _print_reasons(page: Page, control: Control) -> None:
    for name, text in (("inherited", control.inherited), ("manual", control.manual)):
        if text:
            page.line("  ", f"{name}: {text}", rest="    ")
