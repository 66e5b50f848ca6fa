"""What was denied, grouped by what would have to be granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from azscan.report.page import Page
from azscan.results import Unread
from azscan.words import count

_ACTIONS = 10
_SERVICES = 5
_KINDS = ("access_denied", "partial_access")


def is_denied(part: Unread) -> bool:
    """Whether a part could be read with one more action, and nobody accepts that it was not."""
    return part.kind in _KINDS and bool(part.action) and not part.allowed


def print_unread(page: Page, parts: Sequence[Unread], chosen: Sequence[str]) -> None:
    """Print in one sentence how many checks were not read in full, and what to grant for those that were denied.

    Below it stand the missing actions, each with how far it reaches; `chosen` are the services of the scan.
    """
    kinds = ", ".join(
        f"{number:,} {kind.replace('_', ' ')}" for kind, number in Counter(part.kind for part in parts).most_common()
    )
    checks = _checks(parts)
    subject = count(len(checks), "check") if checks else count(len(parts), "read")
    denied = [part for part in parts if is_denied(part)]
    if not denied:
        page.line("  ", f"{subject} could not be read in full: {kinds}", rest="    ")
        return
    # Azure writes an action in other letter cases than its documentation.
    actions: dict[str, list[Unread]] = {}
    for part in denied:
        actions.setdefault(part.action.lower(), []).append(part)
    some = _checks(denied)
    whom, them = (f" for {len(some):,} of them", "those") if some < checks else ("", "them")
    off = f", or switch {them} off with a justification" if some else ""
    sentence = f"{subject} could not be read in full ({kinds}): grant {_these(actions)}{whom}{off}"
    page.line("  ", (sentence, "bold"), rest="    ")
    for action in sorted(actions)[:_ACTIONS]:
        page.line("    missing: ", f"{actions[action][0].action} ({reach(actions[action])})", rest="      ")
    if len(actions) > _ACTIONS:
        page.line("    ", f"and {len(actions) - _ACTIONS:,} more")
    services = chosen if len(chosen) <= _SERVICES else sorted({part.service for part in denied})
    page.line("  ", f"the whole role: {_command(services)}; switching off: `off` in azscan.yaml", rest="    ")


def reach(parts: Sequence[Unread]) -> str:
    """How far the want of one action reaches: checks, reads and verdicts, those of which there are any."""
    numbers = [
        (len(_checks(parts)), "check"),
        (len(parts), "read"),
        (sum(part.verdicts for part in parts), "verdict"),
    ]
    return ", ".join(count(number, noun) for number, noun in numbers if number)


def _checks(parts: Iterable[Unread]) -> set[str]:
    return {check for part in parts for check in part.checks}


def _these(actions: Iterable[str]) -> str:
    """ "these 4 actions and 1 permission": a permission of Microsoft Graph has no slash."""
    kinds = [("action", sum("/" in action for action in actions)), ("permission", sum("/" not in a for a in actions))]
    told = [count(number, noun) for noun, number in kinds if number]
    return f"this {told[0][2:]}" if told in (["1 action"], ["1 permission"]) else f"these {' and '.join(told)}"


def _command(services: Sequence[str]) -> str:
    # What every scan reads belongs to no service.
    named = [service for service in services if service and service != "azscan"]
    return " ".join(["azscan role", *(f"--service {service}" for service in named)])
