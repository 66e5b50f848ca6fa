"""Estates of any size in the demo's shapes, for the other benchmarks.

Run: python benchmarks/estates.py 600 > estate.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from azscan.emulator import demo_parts


def demo() -> dict[str, Any]:
    """The demo estate as it is shipped."""
    return demo_parts()


def multiplied(resources: int) -> dict[str, Any]:
    """The demo's first subscription with its top-level resources, children included, copied until there are so many.

    Copies have names and ids of their own; references to other resources stay as they are.
    """
    estate = demo()
    subscription = estate["subscriptions"][0]
    estate["subscriptions"] = [subscription]
    prefix = f"/subscriptions/{subscription['subscriptionId']}/".lower()
    own = [each for each in estate["resources"] if each["id"].lower().startswith(prefix)]
    families = list(_families(own))
    if not families:
        raise ValueError("the demo's first subscription has no resources to multiply")
    count, copies = len(families), list(own)
    number = 0
    while count < resources:
        number += 1
        for root, members in families:
            if count >= resources:
                break
            name = json.dumps(root)[1:-1]
            copies += json.loads(json.dumps(members).replace(name, f"{name}-{number}"))
            count += 1
    estate["resources"] = copies
    return estate


def _families(resources: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each tracked top-level resource of a group with everything below it."""
    for each in resources:
        segments = each["id"].strip("/").split("/")
        if len(segments) == 8 and segments[2].lower() == "resourcegroups":
            below = each["id"].lower() + "/"
            yield each["id"], [one for one in resources if one is each or one["id"].lower().startswith(below)]


if __name__ == "__main__":
    json.dump(multiplied(int(sys.argv[1])), sys.stdout)
