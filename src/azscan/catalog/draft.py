"""The first draft of a check, for its author to fill in: every key, in order, with what it is for."""

from __future__ import annotations

from azscan.catalog.model import Catalog, Service
from azscan.catalog.tables import CHECK, CHECK_ID
from azscan.errors import UsageError
from azscan.words import did_you_mean

_BODY = {
    "id": "id: {check}",
    "title": "title: What is true where {check} passes",
    "severity": "severity: medium",
    "status": "status: experimental",
    "subject": "subject: {subject}",
    "require": "require:\n  field: properties.enabled\n  equals: true",
    "why": "why: >-\n  What goes wrong in practice where this is not so.",
    "fix": "fix:\n  text: >-\n    What to change, in the portal's words.",
    "examples": "examples:\n  pass:\n    - properties: {{enabled: true}}\n  fail:\n"
    "    - properties: {{enabled: false}}\n    - properties: {{}}",
}
_OPTIONAL = {
    "aliases": "aliases: []",
    "applies": "applies: {{field: kind, notEquals: FileStorage, default: Storage}}",
    "params": "params: {{days: 90}}",
    "policy": "policy: []",
    "unmapped": "unmapped: >-\n  Why the benchmark has no control that asks for it.",
    "false-positives": "false-positives: >-\n  Who may rightly need it otherwise.",
    "refs": "refs: []",
}


def service_of(catalog: Catalog, check_id: str) -> Service:
    """The service that a check with this id belongs to; UsageError where the id begins with none."""
    if CHECK_ID.match(check_id) is None:
        raise UsageError(f"{check_id} is no id of a check", hint=f"an id is {CHECK_ID.shape}")
    if check_id in catalog.checks:
        raise UsageError(f"there is a check {check_id} already", hint=f"see it: azscan checks show {check_id}")
    starts = {start: service for service in catalog.services.values() for start in (service.name, *service.prefixes)}
    fitting = [start for start in starts if check_id.startswith(f"{start}-")]
    if not fitting:
        near = did_you_mean(check_id.partition("-")[0], starts)
        known = f"the services are {', '.join(sorted(catalog.services))}"
        hint = f"{near} {known}" if near else f"{known}; as in storage-https-only"
        raise UsageError(f"{check_id} does not begin with a service's name", hint=hint)
    return starts[max(fitting, key=len)]


def draft(check_id: str, service: Service) -> str:
    """The text of a new check of the service: it loads and passes its own examples; optional keys are comments."""
    subject = next((name for name, kind in service.collections.items() if not kind.of), "subscription")
    lines: list[str] = []
    for key in CHECK.keys.values():
        body = (_BODY | _OPTIONAL)[key.name].format(check=check_id, subject=subject)
        first, *more = body.split("\n")
        mark = "# " if key.name in _OPTIONAL else ""
        lines += [f"{mark}{first}  # {key.words}", *(mark + line for line in more)]
    return "\n".join(lines) + "\n"
