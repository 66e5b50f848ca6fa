"""What one query of Resource Graph tells of all subscriptions: their management groups, and Defender's first data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from azscan.azure.answers import Ask
from azscan.azure.records import text_of
from azscan.doctor.memo import Memo

MOST = 1000
"""Subscriptions that one query may name: https://learn.microsoft.com/azure/governance/resource-graph/overview."""

# After the sample "secure score per management group" in
# https://learn.microsoft.com/azure/governance/resource-graph/samples/samples-by-category: both tables join there.
QUERY = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions'"
    " | project subscriptionId, chain = properties.managementGroupAncestorsChain"
    " | join kind=leftouter (securityresources | where type =~ 'microsoft.security/assessments'"
    " | summarize assessments = count() by subscriptionId) on subscriptionId"
)
_TARGET = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"


class About(msgspec.Struct, frozen=True):
    """The management groups above a subscription, nearest first, and how many assessments Defender made there."""

    groups: tuple[str, ...]
    assessments: int


async def overview(memo: Memo, ids: Sequence[str]) -> dict[str, About] | None:
    """What is told of each subscription, by id; None where Resource Graph does not answer."""
    found: dict[str, About] = {}
    for start in range(0, len(ids), MOST):
        body: dict[str, Any] = {
            "subscriptions": list(ids[start : start + MOST]),
            "query": QUERY,
            "options": {"resultFormat": "objectArray"},
        }
        items, fault = await memo.all(Ask(target=_TARGET, method="POST", body=body))
        if fault:
            return None
        for item in items:
            number = item.get("assessments")
            found[text_of(item, "subscriptionId").lower()] = About(
                tuple(_names(item.get("chain"))), number if isinstance(number, int) else 0
            )
    return found


def _names(chain: Any) -> list[str]:
    groups = chain if isinstance(chain, list) else []
    return [text_of(each, "displayName") or text_of(each, "name") for each in groups if isinstance(each, dict)]
