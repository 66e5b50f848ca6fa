"""What was denied, grouped by what would have to be granted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from azscan.report.page import Page
from azscan.report.text import count
from azscan.results import Unread

_ACTIONS = 10
_KINDS = ("access_denied", "partial_access")


def is_denied(part: Unread) -> bool:
    """Whether a part could be read with one more action, and nobody accepts that it was not."""
    return part.kind in _KINDS and bool(part.action) and not part.allowed


def print_denied(page: Page, parts: Iterable[Unread]) -> None:
    """Print which actions would make the denied parts readable, for how many checks, and what to do instead."""
    denied = [part for part in parts if is_denied(part)]
    if not denied:
        return
    # Azure writes an action in other letter cases than its documentation.
    actions: dict[str, list[Unread]] = {}
    for part in denied:
        actions.setdefault(part.action.lower(), []).append(part)
    checks = {check for part in denied for check in part.checks}
    services = sorted({part.service for part in denied})
    subject = f"{count(len(checks), 'check')} in {count(len(services), 'service')} could not be read"
    these = f"grant {_these(actions)}, or switch them off with a justification"
    page.line("  ", (f"{subject}: {these}", "bold"), rest="    ")
    for action in sorted(actions)[:_ACTIONS]:
        page.line("    missing: ", f"{actions[action][0].action} ({_felt(actions[action])})", rest="      ")
    if len(actions) > _ACTIONS:
        page.line("    ", f"and {len(actions) - _ACTIONS:,} more")
    page.line("  ", f"the whole role: {_command(services)}; switching off: `off` in azscan.yaml", rest="    ")


def _felt(parts: Sequence[Unread]) -> str:
    """How far the want of one action reaches."""
    checks = {check for part in parts for check in part.checks}
    verdicts = sum(part.verdicts for part in parts)
    return f"{count(len(checks), 'check')}, {count(len(parts), 'read')}, {count(verdicts, 'verdict')}"


def _these(actions: Iterable[str]) -> str:
    """ "these 4 actions and 1 permission": a permission of Microsoft Graph has no slash."""
    kinds = [("action", sum("/" in action for action in actions)), ("permission", sum("/" not in a for a in actions))]
    told = [count(number, noun) for noun, number in kinds if number]
    return f"this {told[0][2:]}" if told in (["1 action"], ["1 permission"]) else f"these {' and '.join(told)}"


def _command(services: Sequence[str]) -> str:
    # What every scan reads belongs to no service.
    named = [service for service in services if service and service != "azscan"]
    return " ".join(["azscan role", *(f"--service {service}" for service in named)])
