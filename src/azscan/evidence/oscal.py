"""The results for GRC tools: an OSCAL assessment-results document, one result for each framework.

The model: https://pages.nist.gov/OSCAL-Reference/models/v1.1.2/assessment-results/json-reference/
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID, uuid5

import msgspec

from azscan.evidence.manifest import MANIFEST
from azscan.report.control_table import chosen_line
from azscan.report.text import visible
from azscan.results import ControlResult, Framework, ResourceRef, Verdict
from azscan.verdicts import KEPT_REFERENCES, StoredResults

PATH = "oscal/assessment-results.json"
VERSION = "1.1.2"
# The names of ours that OSCAL's own do not have.
NAMESPACE = "urn:azscan:oscal"
_NAMES = UUID("b3b2a2d4-8f0c-5a6e-9a51-0c7d54c3a1de")
_SCHEMA = """
CREATE TABLE part("check" TEXT, status TEXT, subject BLOB, evidence BLOB);
CREATE TABLE item(framework INT, uuid TEXT, told BLOB, PRIMARY KEY(framework, uuid)) WITHOUT ROWID;
"""
_NOT_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
# An accepted risk and what could not be read are no proof that a control is satisfied.
_STATES = {"pass": ("satisfied", "pass"), "fail": ("not-satisfied", "fail")}
_JUDGED = frozenset({"pass", "fail", "unreadable", "waived"})
_encode = msgspec.json.Encoder().encode


class Oscal:
    """Takes in verdicts as they stream, then writes the document; what waits stands in a private temporary file."""

    def __init__(self, results: StoredResults) -> None:
        self._results = results
        self._catalog = results.catalog
        self._frameworks = {framework.key: place for place, framework in enumerate(results.frameworks)}
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.execute("PRAGMA journal_mode = OFF")
        self._kept.executescript(_SCHEMA)
        self._kept.execute("BEGIN")
        scan = results.scan
        keys = ",".join(self._frameworks)
        self._pack = "|".join((scan.tenant, scan.started, scan.finished, scan.catalog, scan.version, keys))

    def __enter__(self) -> Oscal:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def take(self, verdict: Verdict, files: Sequence[str]) -> None:
        """Take in a verdict with the names of its evidence files."""
        told = _told(verdict.resource)
        evidence: dict[str, Any] = {"href": f"../{files[0]}", "description": f"What Azure returned of {told.name}"}
        evidence["props"] = [_prop("resource-uuid", told.uuid)]
        if len(files) > 1:
            evidence["links"] = [{"href": f"../{file}", "rel": "evidence"} for file in files[1:]]
        self._kept.execute(
            "INSERT INTO part VALUES (?, ?, ?, ?)", (verdict.check, verdict.status, told.subject, _encode(evidence))
        )
        for place in {self._frameworks[each.partition(":")[0]] for each in verdict.controls}:
            self._kept.execute("INSERT OR IGNORE INTO item VALUES (?, ?, ?)", (place, told.uuid, told.item))

    def write(self, stream: BinaryIO) -> None:
        """Write the document."""
        self._kept.execute('CREATE INDEX part_of ON part("check", status)')
        scan = self._results.scan
        plan = self._uuid("plan")
        metadata: dict[str, Any] = {
            "title": "azscan: results of an automated assessment of Azure",
            "last-modified": scan.finished,
            "version": scan.finished,
            "oscal-version": VERSION,
            "props": [
                _prop("azscan-version", scan.version),
                _prop("catalog-sha256", scan.catalog),
                _prop("cloud", scan.cloud),
                _prop("tenant", scan.tenant),
                _prop("identity", scan.identity),
            ],
        }
        if scan.notes:
            metadata["remarks"] = "\n\n".join(map(visible, scan.notes))
        stream.write(b'{"assessment-results":{"uuid":' + _encode(self._uuid("document")))
        stream.write(b',\n"metadata":' + _encode(metadata))
        stream.write(b',\n"import-ap":' + _encode({"href": f"#{plan}"}))
        stream.write(b',\n"results":[')
        for place, framework in enumerate(self._results.frameworks):
            stream.write(b",\n" if place else b"\n")
            self._write_result(place, framework, stream)
        stream.write(b'],\n"back-matter":' + _encode({"resources": self._resources(plan)}) + b"}}\n")

    def _write_result(self, place: int, framework: Framework, stream: BinaryIO) -> None:
        scan = self._results.scan
        tokens = tokens_of(framework.controls)
        controls = [each for each in self._results.controls if each.framework == framework.key]
        judged = [each for each in controls if each.status in _JUDGED]
        left_out = [each for each in controls if each.status not in _JUDGED]
        others = "; the others are named in props." if left_out else "."
        if framework.left_out:
            others += f" {chosen_line(framework)}."
        about: dict[str, Any] = {
            "uuid": self._uuid("result", framework.key),
            "title": _line(framework.title),
            "description": f"{len(judged)} of {len(controls)} controls were judged{others}",
            "start": scan.started or scan.finished,
            "end": scan.finished,
            "props": [
                _prop("framework", framework.key),
                *(_prop("control-not-judged", each.control, each.reason or each.status) for each in left_out),
            ],
            "reviewed-controls": {"control-selections": [_selection(tokens, judged)]},
        }
        stream.write(_encode(about)[:-1])
        # OSCAL knows no empty lists.
        observed: Mapping[str, list[str]] = {}
        if self._kept.execute("SELECT 1 FROM item WHERE framework = ?", (place,)).fetchone():
            items = self._kept.execute("SELECT told FROM item WHERE framework = ? ORDER BY uuid", (place,))
            stream.write(b',\n"local-definitions":{"inventory-items":[')
            _write_list((told for (told,) in items), stream)
            stream.write(b']},\n"observations":[')
            observed = self._write_observations(framework, stream)
            stream.write(b"]")
        if judged:
            stream.write(b',\n"findings":[')
            _write_list((_encode(self._finding(each, framework, tokens, observed)) for each in judged), stream)
            stream.write(b"]")
        stream.write(b"}")

    def _write_observations(self, framework: Framework, stream: BinaryIO) -> Mapping[str, list[str]]:
        """Write one observation for each check and status; returns their uuids by check."""
        of_framework = sorted({check for checks in framework.checks.values() for check in checks})
        observed: dict[str, list[str]] = {}
        lead = b"\n"
        for check in of_framework:
            declared = self._catalog.checks[check]
            for (status,) in self._kept.execute(
                'SELECT DISTINCT status FROM part WHERE "check" = ? ORDER BY status', (check,)
            ).fetchall():
                uuid = self._uuid("observation", framework.key, check, status)
                observed.setdefault(check, []).append(uuid)
                about = {
                    "uuid": uuid,
                    "title": _line(f"{declared.title}: {status}"),
                    "description": visible(
                        f"The resources for which the check {check} ended as {status}. Why it matters: {declared.why}"
                    ),
                    "props": [
                        *(_prop("check", check), _prop("status", status), _prop("severity", declared.severity)),
                        *(_prop("azure-policy", each) for each in declared.policy),
                    ],
                    "methods": ["TEST"],
                    "collected": self._results.scan.finished,
                }
                stream.write(lead + _encode(about)[:-1])
                for name in ("subject", "evidence"):
                    title = {"subject": b"subjects", "evidence": b"relevant-evidence"}[name]
                    stream.write(b',\n"' + title + b'":[')
                    parts = self._kept.execute(
                        f'SELECT {name} FROM part WHERE "check" = ? AND status = ? ORDER BY rowid', (check, status)
                    )
                    _write_list((part for (part,) in parts), stream)
                    stream.write(b"]")
                stream.write(b"}")
                lead = b",\n"
        return observed

    def _finding(
        self,
        control: ControlResult,
        framework: Framework,
        tokens: Mapping[str, str],
        observed: Mapping[str, list[str]],
    ) -> dict[str, Any]:
        state, reason = _STATES.get(control.status, ("not-satisfied", "other"))
        told = ", ".join(f"{count:,} {status}" for status, count in control.counts.items())
        by = f"by {', '.join(control.decided_by)}" if control.decided_by else ""
        told = f"{control.status}: {'; '.join(filter(None, (told, by)))}"
        told += f". What no check decides: {control.reason}" if control.reason else ""
        uuids = [uuid for check in framework.checks.get(control.control, ()) for uuid in observed.get(check, ())]
        finding: dict[str, Any] = {
            "uuid": self._uuid("finding", framework.key, control.control),
            "title": _line(f"{control.control}: {control.title}"),
            "description": visible(told),
            "target": {
                "type": "objective-id",
                "target-id": tokens[control.control],
                "props": [
                    _prop("control", control.control),
                    _prop("azscan-status", control.status),
                    _prop("strength", control.strength),
                    *([_prop("worst-severity", control.severity)] if control.severity else []),
                ],
                "status": {"state": state, "reason": reason, "remarks": visible(told)},
            },
        }
        if uuids:
            finding["related-observations"] = [{"observation-uuid": uuid} for uuid in uuids]
        return finding

    def _resources(self, plan: str) -> list[dict[str, Any]]:
        return [
            {
                "uuid": plan,
                "title": "No assessment plan",
                "description": "The plan was the catalogue of checks; metadata and the pack's summary name its hash.",
            },
            {
                "uuid": self._uuid("pack"),
                "title": "The evidence pack",
                "description": "Names below ../ are files of the pack; its manifest has the SHA-256 of each.",
                "rlinks": [{"href": f"../{MANIFEST}", "media-type": "application/json"}],
            },
        ]

    def _uuid(self, *names: str) -> str:
        return str(uuid5(_NAMES, "|".join((self._pack, *names))))


def tokens_of(controls: Iterable[str]) -> dict[str, str]:
    """The ids of controls as OSCAL takes them: with a letter or `_` first, and neither blanks nor brackets."""
    tokens: dict[str, str] = {}
    taken: set[str] = set()
    for control in controls:
        token = _NOT_TOKEN.sub("_", control)
        if not token[:1].isalpha() and token[:1] != "_":
            token = f"_{token}"
        unique, number = token, 2
        while unique in taken:
            unique, number = f"{token}_{number}", number + 1
        taken.add(unique)
        tokens[control] = unique
    return tokens


def _selection(tokens: Mapping[str, str], judged: Sequence[ControlResult]) -> dict[str, Any]:
    if judged:
        return {"include-controls": [{"control-id": tokens[each.control]} for each in judged]}
    selection: dict[str, Any] = {"description": "No control was judged.", "include-all": {}}
    if tokens:
        selection["exclude-controls"] = [{"control-id": token} for token in tokens.values()]
    return selection


class _Told(NamedTuple):
    """A resource as the document names it: `subject` and `item` are JSON."""

    uuid: str
    name: str
    subject: bytes
    item: bytes


@lru_cache(maxsize=KEPT_REFERENCES)
def _told(resource: ResourceRef) -> _Told:
    uuid = str(uuid5(_NAMES, f"resource|{resource.id.lower()}|{resource.type.lower()}|{resource.name == '*'}"))
    name = _line(resource.name)
    what = "All that could not be listed" if resource.name == "*" else "A resource"
    props = [
        _prop("asset-id", resource.id, own=False),
        _prop("type", resource.type),
        _prop("subscription", resource.subscription),
        _prop("region", resource.region),
    ]
    props = [each for each in props if each["value"] != "-"]
    item = {"uuid": uuid, "description": _line(f"{what}: {resource.id or resource.name}"), "props": props}
    subject = {"subject-uuid": uuid, "type": "inventory-item", "title": name}
    return _Told(uuid, name, _encode(subject), _encode(item))


def _prop(name: str, value: str, remarks: str = "", *, own: bool = True) -> dict[str, Any]:
    prop = {"name": name, "value": _line(value)}
    if own:
        prop["ns"] = NAMESPACE
    if remarks:
        prop["remarks"] = visible(remarks)
    return prop


def _line(text: str) -> str:
    """The text as a title or value may be: one line that is not empty and has no blanks around it."""
    return visible(text).strip() or "-"


def _write_list(parts: Iterator[bytes], stream: BinaryIO) -> None:
    lead = b"\n"
    for part in parts:
        stream.write(lead + part)
        lead = b",\n"
