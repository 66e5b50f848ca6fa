"""Estates of any size in the demo's shapes, for the other benchmarks.

Run: python benchmarks/estates.py 600 > estate.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from azscan.emulator import demo_parts

# Of 600 resources, how many are of a type; of every other type of the demo there is what the demo has. Machines with
# their disks, interfaces, addresses and alerts are the greater half of a usual subscription, platform services a third.
MIX = {
    "microsoft.compute/disks": 95,
    "microsoft.network/networkinterfaces": 75,
    "microsoft.compute/virtualmachines": 60,
    "microsoft.network/privateendpoints": 40,
    "microsoft.storage/storageaccounts": 35,
    "microsoft.network/networksecuritygroups": 30,
    "microsoft.network/publicipaddresses": 25,
    "microsoft.web/sites": 20,
    "microsoft.keyvault/vaults": 20,
    "microsoft.insights/components": 15,
    "microsoft.managedidentity/userassignedidentities": 15,
    "microsoft.insights/activitylogalerts": 15,
    "microsoft.network/virtualnetworks": 10,
    "microsoft.web/serverfarms": 10,
    "microsoft.sql/servers": 8,
    "microsoft.operationalinsights/workspaces": 6,
    "microsoft.insights/actiongroups": 5,
    "microsoft.containerservice/managedclusters": 3,
}


def multiplied(resources: int) -> dict[str, Any]:
    """A subscription of so many resources in the shapes of the demo's first one, mixed as MIX says.

    A resource is copied with everything below it. Copies have names and ids of their own; references to other
    resources stay as they are.
    """
    estate = demo_parts()
    subscription = estate["subscriptions"][0]
    estate["subscriptions"] = [subscription]
    prefix = f"/subscriptions/{subscription['subscriptionId']}/".lower()
    own = [each for each in estate["resources"] if each["id"].lower().startswith(prefix)]
    by_type: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {}
    for root, members in _families(own):
        by_type.setdefault(_type(root), []).append((root, members))
    missing = MIX.keys() - by_type.keys()
    if missing:
        raise ValueError(f"the demo's first subscription has none of {', '.join(sorted(missing))}")
    copies = list(own)
    for kind, families in by_type.items():
        wanted = round(MIX.get(kind, len(families)) * resources / 600)
        for number, (root, members) in zip(range(len(families), wanted), cycle(families), strict=False):
            name = json.dumps(root)[1:-1]
            copies += json.loads(json.dumps(members).replace(name, f"{name}-{number}"))
    estate["resources"] = copies
    return estate


def tracked(estate: dict[str, Any]) -> int:
    """How many top-level resources of groups an estate has."""
    return sum(1 for _ in _families(estate["resources"]))


def _type(root: str) -> str:
    """The type, in lower case, of a top-level resource of a group."""
    return "/".join(root.lower().split("/")[6:8])


def _families(resources: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each tracked top-level resource of a group with everything below it."""
    for each in resources:
        segments = each["id"].strip("/").split("/")
        if len(segments) == 8 and segments[2].lower() == "resourcegroups":
            below = each["id"].lower() + "/"
            yield each["id"], [one for one in resources if one is each or one["id"].lower().startswith(below)]


if __name__ == "__main__":
    json.dump(multiplied(int(sys.argv[1])), sys.stdout)
