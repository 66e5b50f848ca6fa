"""The cover sheet of a pack: who looked at what, when and with what, and what came of each control.

It is one page, and a CSV for each of its tables.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from azscan.config import CONFIG_NAME, Located
from azscan.decisions import changes
from azscan.evidence.legend import TITLE, legend
from azscan.evidence.not_applicable import PATH as LEFT_OUT
from azscan.evidence.oscal import VERSION as OSCAL_VERSION
from azscan.evidence.roles import roles_held
from azscan.evidence.rows import hosts_of
from azscan.evidence.section import Section
from azscan.report.control_table import chosen_line, score_line
from azscan.report.labels import subscription_names
from azscan.report.text import visible
from azscan.results import CONTROL_STATUSES, STATUSES, Allowance, Framework, Off, Score, SeverityOverride, Waiver
from azscan.verdicts import StoredResults

PAGE = "summary.html"
# The statuses of verdicts that say something of a control.
_COUNTED = STATUSES[:-1]


def sections(
    results: StoredResults, params: Mapping[str, Mapping[str, Any]], config: Located | None = None
) -> tuple[Section, ...]:
    """What the summary tells, in its order.

    `params` are the parameters that azscan.yaml sets, by check id; `config` is that file, where there is one.
    """
    names = subscription_names(results.scan)
    return (
        Section("Scan", ("what", "value"), tuple(_scan(results, params, config))),
        Section(
            "Scope",
            ("subscription", "name", "state", "tenant", "left out because"),
            tuple((each.id, each.name, each.state, each.tenant, each.left_out) for each in results.scan.subscriptions),
        ),
        Section(
            "Roles of the identity",
            ("subscription", "role or actions", "assigned at", "source"),
            tuple(
                (names.get(each.subscription, each.subscription), each.what, each.scope, each.how)
                for each in roles_held(results.estate)
            ),
        ),
        Section(
            "Frameworks",
            ("framework", "title", "score", *CONTROL_STATUSES, "source of its controls and edges"),
            tuple(_framework(each, results) for each in results.scores),
        ),
        Section(
            "Controls",
            (
                *("framework", "control", "control title", "control status", "strength", "worst severity"),
                *(f"verdicts: {status}" for status in _COUNTED),
                *("decided by", "checks not run", "what no check decides, or why"),
            ),
            tuple(
                (
                    *(each.framework, each.control, each.title, each.status, each.strength, each.severity),
                    *(str(each.counts.get(status, 0)) for status in _COUNTED),
                    *(", ".join(each.decided_by), ", ".join(each.not_run), each.reason),
                )
                for each in results.controls
            ),
        ),
        Section(
            "Unreadable parts",
            (
                *("kind", "service", "collection", "scope", "message", "code", "missing permission", "request id"),
                *("verdicts", "accepted"),
            ),
            tuple(
                (
                    *(each.kind, each.service, each.collection, each.scope, each.message, each.code, each.action),
                    *(each.request_id, str(each.verdicts), "yes" if each.allowed else "no"),
                )
                for each in results.unreadable
            ),
            "none: all that the checks of this pack need was read",
        ),
        Section(
            "Waivers",
            ("checks", "where", "justification", "approved by", "ticket", "expires", "verdicts", "state"),
            tuple(map(_waiver, results.waivers)),
        ),
        Section(
            "Switched off",
            ("what", "justification", "approved by", "expires", "state"),
            tuple(map(_off, results.off)),
        ),
        Section(
            "Severities",
            ("checks", "severity", "in the catalogue", "justification", "approved by", "ticket", "expires", "state"),
            tuple(map(_override, results.severity_overrides)),
        ),
        Section(
            "Accepted as unreadable",
            ("what", "justification", "approved by", "expires", "verdicts", "state"),
            tuple(map(_allowance, results.scan.allowed_unreadable)),
        ),
    )


def _framework(score: Score, results: StoredResults) -> tuple[str, ...]:
    told = results.catalog.frameworks[score.framework]
    counts = (str(score.statuses.get(status, 0)) for status in CONTROL_STATUSES)
    return score.framework, told.title, score_line(score), *counts, told.source


def _extent(framework: Framework) -> str:
    return chosen_line(framework) if framework.left_out else f"{len(framework.controls)} controls"


def _scan(
    results: StoredResults, params: Mapping[str, Mapping[str, Any]], config: Located | None
) -> Iterator[tuple[str, str]]:
    scan, summary = results.scan, results.summary
    first, last = results.estate.connection.execute("SELECT min(at), max(at) FROM read WHERE at <> ''").fetchone()
    for note in scan.notes:
        yield "note", note
    yield "cloud", scan.cloud
    for of, host in zip(("Azure Resource Manager", "Microsoft Graph"), hosts_of(scan.cloud), strict=True):
        yield f"host of {of}", host or f"that of the cloud {scan.cloud}: addresses stand without it"
    yield "tenant", scan.tenant
    yield "identity", scan.identity
    yield "object id of the identity", str(results.estate.about("object_id", "") or "not known")
    yield "signed in by", scan.credential
    yield "scan started", scan.started
    yield "scan finished", scan.finished
    yield "first answer of Azure", first or "none"
    yield "last answer of Azure", last or "none"
    yield "judged at", scan.finished
    yield "requests", f"{scan.requests}"
    yield "azscan that read", str(results.estate.about("version", "not known"))
    yield "azscan that judged", scan.version
    yield "catalogue (SHA-256)", scan.catalog
    yield "configuration", config.file if config is not None else f"none: there was no {CONFIG_NAME}"
    if config is not None:
        yield "configuration (SHA-256)", config.sha256
    yield "OSCAL", OSCAL_VERSION
    for framework in results.frameworks:
        yield "framework", f"{framework.key}: {framework.title}, {_extent(framework)}"
    yield "services", ", ".join(scan.services)
    yield "checks", f"{scan.checks}"
    yield "resources", f"{summary.resources}"
    for status in STATUSES:
        where = f", listed in {LEFT_OUT}" if status == "not-applicable" else ""
        yield f"verdicts: {status}", f"{summary.statuses.get(status, 0)}{where}"
    for check, values in sorted(params.items()):
        # A threshold can be set so that everything passes.
        for name, value in values.items() if results.controls_of(check) else ():
            yield "parameter", f"{check}: {name} = {value}"
    for each in scan.filters:
        yield "filter", each


def _waiver(waiver: Waiver) -> tuple[str, ...]:
    where = [
        *waiver.resources,
        *(f"tag {each}" for each in waiver.tags),
        *(f"resource group {each}" for each in waiver.resource_groups),
        *(f"subscription {each}" for each in waiver.subscriptions),
        *(f"managed by {each}" for each in waiver.managed_by),
    ]
    about = (waiver.reason, waiver.approved_by, waiver.ticket, waiver.expires, str(waiver.used))
    return ", ".join(waiver.checks), ", ".join(where), *about, _state(waiver)


def _off(off: Off) -> tuple[str, ...]:
    return ", ".join((*off.services, *off.checks)), off.reason, off.approved_by, off.expires, _state(off)


def _override(entry: SeverityOverride) -> tuple[str, ...]:
    about = (entry.reason, entry.approved_by, entry.ticket, entry.expires)
    return ", ".join(entry.checks), entry.severity, changes(entry), *about, _state(entry)


def _allowance(entry: Allowance) -> tuple[str, ...]:
    return entry.part, entry.reason, entry.approved_by, entry.expires, str(entry.used), _state(entry)


def _state(entry: Waiver | Off | SeverityOverride | Allowance) -> str:
    return "expired" if entry.expired else "in force"


_STYLE = """
body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#1a1a1a}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}h3{font-size:1em}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #bbb;padding:.3em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#eee}
.note{border:2px solid #b00;padding:.5em .8em;font-weight:bold}
@media print{body{margin:0}thead{display:table-header-group}tr{break-inside:avoid}}
"""


def write_html(parts: Sequence[Section], notes: Sequence[str], stream: BinaryIO) -> None:
    """Write the summary as one page that needs nothing beside it and runs nothing.

    `notes` are those of the scan: they stand above everything else. What the words mean stands at the end.
    """
    stream.write(
        b'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        b"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        b"<title>azscan: evidence</title><style>" + _STYLE.encode() + b"</style></head>\n<body>\n"
        b"<h1>" + TITLE.encode() + b"</h1>\n"
    )
    for note in notes:
        stream.write(f'<p class="note">{_text(note)}</p>\n'.encode())
    stream.write(
        b"<p>MANIFEST.json has the SHA-256 of every file. What Azure returned stands in the folder evidence,"
        b" and each row of the frameworks' CSV files names the files that it rests on."
        b' <a href="#words">What the words mean</a> stands at the end.</p>\n'
    )
    for part in parts:
        _write_table(part, "h2", stream)
    stream.write(b'<h2 id="words">What the words mean</h2>\n')
    for part in legend():
        _write_table(part, "h3", stream)
    stream.write(b"</body></html>\n")


def _write_table(part: Section, heading: str, stream: BinaryIO) -> None:
    stream.write(f"<{heading}>{_text(part.title)}</{heading}>\n".encode())
    if not part.rows:
        stream.write(f"<p>{_text(part.note)}</p>\n".encode())
        return
    heads = "".join(f'<th scope="col">{_text(name)}</th>' for name in part.columns)
    stream.write(f"<table><thead><tr>{heads}</tr></thead><tbody>\n".encode())
    for row in part.rows:
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in row)
        stream.write(f"<tr>{cells}</tr>\n".encode())
    stream.write(b"</tbody></table>\n")


def _text(text: str) -> str:
    return html.escape(visible(text))
