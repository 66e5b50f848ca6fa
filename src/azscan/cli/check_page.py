"""One check as a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from azscan.catalog.attachments import level
from azscan.catalog.model import Catalog, Check
from azscan.results import Strength

if TYPE_CHECKING:
    from azscan.report.page import Page

_COLUMN = 12


def controls_of(catalog: Catalog, check: Check) -> dict[str, dict[str, Strength]]:
    """The controls that the check gives evidence for, by framework: their ids with the strength of the edge."""
    found: dict[str, dict[str, Strength]] = {
        name: {
            control.id: edge.strength
            for control in framework.controls
            for edge in control.edges
            if edge.check == check.id
        }
        for name, framework in catalog.frameworks.items()
    }
    return {name: controls for name, controls in found.items() if controls}


def marked(controls: Mapping[str, Strength]) -> list[str]:
    """The ids of controls, with the word where the check decides a part of one."""
    return [f"{name} (partial)" if strength == "partial" else name for name, strength in controls.items()]


def print_check(page: Page, catalog: Catalog, check: Check) -> None:
    """Print everything that the catalogue says about the check."""
    page.line("", (check.id, "bold"))
    page.line("", check.title)
    page.blank()
    _facts(page, catalog, check)
    for title, condition in (("Applies where", check.applies), ("Requires", check.require)):
        if condition is not None:
            page.heading(title)
            _yaml(page, condition)
    page.heading("Why")
    page.line("  ", check.why)
    page.heading("Fix")
    page.line("  ", check.fix.text)
    if check.fix.cli:
        page.blank()
        page.whole("  ", check.fix.cli)
    if check.false_positives:
        page.heading("False positives")
        page.line("  ", check.false_positives)
    if check.refs:
        page.heading("References")
        for ref in check.refs:
            page.whole("  ", ref)
    _examples(page, check)


def _facts(page: Page, catalog: Catalog, check: Check) -> None:
    service = catalog.services.get(check.service)
    title = f" ({service.title}, {service.area})" if service else ""
    _fact(page, "severity", check.severity)
    _fact(page, "status", check.status)
    _fact(page, "service", f"{check.service}{title}")
    _fact(page, "subject", _subject(catalog, check))
    _fact(page, "once called", ", ".join(check.aliases))
    _fact(page, "parameters", ", ".join(f"{name} = {value}" for name, value in check.params.items()))
    _lines(page, "policies", check.policy)
    _lines(page, "controls", (f"{name} {', '.join(marked(ids))}" for name, ids in controls_of(catalog, check).items()))
    _fact(page, "unmapped", check.unmapped)
    page.whole(f"{'file':<{_COLUMN}}", f"{check.file}:{check.line}")


def _subject(catalog: Catalog, check: Check) -> str:
    kind = catalog.collections.get(check.subject)
    if kind is None:
        return check.subject
    where = f"of {' or '.join(kind.of)}" if kind.of else f"once per {level(kind)}"
    return f"{check.subject} ({kind.type}, {where})"


def _fact(page: Page, name: str, value: str) -> None:
    if value:
        page.line(f"{name:<{_COLUMN}}", value)


def _lines(page: Page, name: str, values: Iterable[str]) -> None:
    for number, value in enumerate(values):
        page.line(f"{'' if number else name:<{_COLUMN}}", value)


def _examples(page: Page, check: Check) -> None:
    groups: Mapping[str, tuple[dict[str, Any], ...]] = {
        "pass": check.examples.passing,
        "fail": check.examples.failing,
        "are not applicable": check.examples.not_applicable,
    }
    for verdict, documents in groups.items():
        if documents:
            page.heading(f"Examples that {verdict}")
            for document in documents:
                _yaml(page, document, bullet="- ")


def _yaml(page: Page, value: Any, bullet: str = "") -> None:
    """Print a value as it is written in a file."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=max(page.width - 4, 40))
    for number, line in enumerate(text.rstrip("\n").split("\n")):
        page.whole("  " + (bullet if number == 0 else " " * len(bullet)), line)
