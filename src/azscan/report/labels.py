"""What things are called in the reports that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from azscan.results import Evidence, ScanInfo


def subscription_names(scan: ScanInfo) -> Mapping[str, str]:
    """Subscription id (lower case) → its name; with the id where two have the same name, the id where it has none."""
    seen = Counter(each.name.casefold() for each in scan.subscriptions)
    return {
        each.id.lower(): (f"{each.name} ({each.id})" if seen[each.name.casefold()] > 1 else each.name) or each.id
        for each in scan.subscriptions
    }


def actual_of(evidence: Evidence) -> str:
    """What Azure sent, as text: strings as they are, the rest as JSON, "absent" where there was nothing."""
    if not evidence.present:
        return "absent"
    if isinstance(evidence.actual, str):
        return evidence.actual or '""'
    try:
        return msgspec.json.encode(evidence.actual).decode()
    except UnicodeEncodeError:
        return str(evidence.actual)


def expected_of(evidence: Evidence) -> str:
    """The condition in words; "equals" goes without saying."""
    return evidence.expected.removeprefix("equals ")
