"""The catalogue as pages of Markdown: one for each service, with every check under its id, and an index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from azscan.catalog.model import Catalog, Check, Collection, Condition, Service
from azscan.cli.check_page import controls_of, marked
from azscan.collect.targets import request_of, unit_of
from azscan.conditions.evidence import phrase
from azscan.conditions.grammar import parse
from azscan.conditions.table import plain
from azscan.report.text import visible
from azscan.results import SEVERITIES

INDEX = "README.md"
_GENERATED = "Generated from the catalogue by `azscan checks docs`; do not edit."

# What Markdown or HTML would act on inside a line, a table's bars aside. An underscore between letters means nothing.
_SPECIAL = re.compile(r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|\$(?=\S)|&(?=#?\w+;)|!(?=\[)")
_BACKTICKS = re.compile(r"`+")


def pages(catalog: Catalog) -> dict[str, str]:
    """What the folder of pages must hold, by file name."""
    found = {f"{name}.md": _page(catalog, service) for name, service in sorted(catalog.services.items())}
    return {INDEX: _index(catalog), **found}


def stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The names of the pages that are missing, hold something else, or belong to no service any more."""
    differing = [name for name, text in wanted.items() if _text(folder / name) != text]
    return [*differing, *(path.name for path in _left_over(folder, wanted))]


def write(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Write the pages that are stale, and remove those of services that are gone; returns their names."""
    changed = stale(folder, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            (folder / name).unlink()
    return changed


def _left_over(folder: Path, wanted: dict[str, str]) -> list[Path]:
    """Pages of ours that no service has; what somebody else wrote is none of our business."""
    return [path for path in sorted(folder.glob("*.md")) if path.name not in wanted and _GENERATED in _text(path)]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


# -- pages -------------------------------------------------------------------------------------------------------


def _index(catalog: Catalog) -> str:
    rows = []
    for name, service in sorted(catalog.services.items()):
        checks = _checks(catalog, service)
        counts = [sum(check.severity == severity for check in checks) for severity in SEVERITIES]
        rows.append((f"[{code(name)}]({name}.md)", escaped(service.title), service.area, len(checks), *counts))
    return _joined(
        "# Checks",
        _GENERATED,
        _table(("service", "", "area", "checks", *SEVERITIES), rows),
    )


def _page(catalog: Catalog, service: Service) -> str:
    checks = _checks(catalog, service)
    parts = [f"# {escaped(service.title)}", _GENERATED]
    parts += [f"Service {code(service.name)}, area {code(service.area)}.", "## How it is read"]
    kinds = service.collections.values()
    parts.append(_table(("collection", "request", "one per", "api-version"), _reads(kinds)) if kinds else "Not at all.")
    parts += ["## Checks", _table(("check", "", "severity", "of"), map(_row, checks)) if checks else "None yet."]
    for check in checks:
        parts += _check(catalog, check)
    return _joined(*parts)


def _checks(catalog: Catalog, service: Service) -> list[Check]:
    return sorted((one for one in catalog.checks.values() if one.service == service.name), key=lambda one: one.id)


def _reads(kinds: Iterable[Collection]) -> Iterator[tuple[str, ...]]:
    for kind in kinds:
        api = kind.version if kind.host == "graph" else ", ".join(dict.fromkeys(kind.api.values()))
        yield code(kind.name), code(request_of(kind)), unit_of(kind), api
        if kind.detail:
            yield f"{code(kind.name)}, the rest of it", code(request_of(kind, detail=True)), kind.name, api


def _row(check: Check) -> tuple[str, ...]:
    status = "" if check.status == "stable" else f", {check.status}"
    return f"[{code(check.id)}](#{check.id})", escaped(check.title), f"{check.severity}{status}", code(check.subject)


def _check(catalog: Catalog, check: Check) -> Iterator[str]:
    # The heading is the id alone, for it is the anchor.
    yield f"### {check.id}"
    yield f"**{escaped(check.title)}.**"
    facts = [f"Severity: {check.severity}", f"Status: {check.status}", f"Of: {code(check.subject)}"]
    facts += [f"Once called: {', '.join(map(code, check.aliases))}"] if check.aliases else []
    yield _items(facts)
    if check.applies is not None:
        yield f"**Applies where** {_words(check, check.applies)}."
    yield f"**Requires** {_words(check, check.require)}."
    yield f"**Why.** {escaped(check.why)}"
    yield f"**Fix.** {escaped(check.fix.text)}"
    if check.fix.cli:
        yield fenced(check.fix.cli)
    if check.false_positives:
        yield f"**False positives.** {escaped(check.false_positives)}"
    if check.params:
        rows = [(code(name), code(plain(value))) for name, value in check.params.items()]
        yield _table(("parameter", "default"), rows)
    if check.policy:
        yield f"**Built-in policies:** {', '.join(map(code, check.policy))}"
    if controls := controls_of(catalog, check):
        yield "**Controls**"
        yield _items(f"{code(name)}: {', '.join(map(escaped, marked(ids)))}" for name, ids in controls.items())
    if check.refs:
        yield "**References**"
        yield _items(map(linked, check.refs))


def _words(check: Check, condition: Condition) -> str:
    return escaped(phrase(parse(condition, check.params)))


# -- Markdown ----------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """The text as one line of Markdown that shows it and does nothing else.

    To stand behind other words of its line: at a line's beginning a number or a dash would begin a list.
    """
    return _SPECIAL.sub(lambda found: "\\" + found[0], _one_line(text))


def code(text: str) -> str:
    """The text as a code span."""
    line = _one_line(text)
    ticks = _longer_than_any(line, 1)
    room = " " if line[:1] in ("`", " ") or line[-1:] in ("`", " ") else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def fenced(text: str) -> str:
    """The text as a block for a shell."""
    lines = [visible(line) for line in text.strip("\n").split("\n")]
    ticks = _longer_than_any(text, 3)
    return "\n".join((f"{ticks}sh", *lines, ticks))


def linked(url: str) -> str:
    """The address as a link where it is one, else as plain text."""
    line = _one_line(url)
    return f"<{line}>" if re.fullmatch(r"https://[^\s<>]+", line) else code(line)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _longer_than_any(text: str, least: int) -> str:
    return "`" * max([least, *(len(run) + 1 for run in _BACKTICKS.findall(text))])


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        barred = (str(cell).replace("|", "\\|") for cell in cells)
        return f"| {' | '.join(barred)} |"

    heads = list(heads)
    return "\n".join([line(heads), line("---" for _ in heads), *map(line, rows)])


def _joined(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
