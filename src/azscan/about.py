"""What an estate records about the scan that made it, and what reports tell of that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from azscan import __version__
from azscan.choosing import Choice
from azscan.estate.store import Estate
from azscan.options import OPTION_KEYS, Key
from azscan.results import DEMO, Allowance, ScanInfo, SubscriptionRef
from azscan.settings import Settings
from azscan.words import few

if TYPE_CHECKING:
    from azscan.azure.credentials import SignedIn
    from azscan.azure.scope import Scope

# The options that choose among resources, and those that choose among checks.
FILTERS = ("regions", "resource-groups", "tags")
_SELECTION = (
    *("services", "exclude-services", "checks", "exclude-checks", "severities", "exclude-severities"),
    *("areas", "exclude-areas", "frameworks", "controls"),
)


def facts_of(
    settings: Settings, choice: Choice, cloud: str, signed_in: SignedIn, scope: Scope, started: str
) -> dict[str, Any]:
    """What is true of the scan from its beginning, by the keys of Estate.about."""
    chosen = [
        {
            "id": str(each["subscriptionId"]).lower(),
            "name": each.get("displayName", ""),
            "state": each.get("state", ""),
            "tenant": str(each.get("tenantId") or signed_in.tenant),
        }
        for each in scope.subscriptions
    ]
    return {
        "version": __version__,
        "started": started,
        "cloud": cloud,
        "tenant": signed_in.tenant,
        "identity": signed_in.who,
        "object_id": signed_in.object_id,
        "credential": signed_in.kind,
        "catalog": choice.catalog.hash,
        "scope": sorted(each["id"] for each in chosen),
        "subscriptions": chosen,
        "left_out": [msgspec.to_builtins(each) for each in scope.left_out],
        "notes": list(signed_in.notes),
        "complete": False,
        "selection": _selection(settings, choice),
    }


def scan_info(
    estate: Estate,
    settings: Settings,
    choice: Choice,
    allowed: tuple[Allowance, ...],
    now: datetime,
    *,
    is_short: bool,
) -> ScanInfo:
    """Who looked at what; `is_short` says that the estate lacks what a check needs."""
    tenant = estate.about("tenant", "")
    chosen = [
        SubscriptionRef(each["id"], each["name"], each["state"], str(each.get("tenant") or tenant))
        for each in estate.about("subscriptions", [])
    ]
    left_out = [
        SubscriptionRef(each["id"], each["name"], each["state"], tenant, each["reason"])
        for each in estate.about("left_out", [])
    ]
    notes = list(estate.about("notes", []))
    if gone := estate.gone():
        notes.append(f"{len(gone)} resources were deleted while they were read and have no verdict")
    if not estate.about("complete", False):
        notes.append("this estate was not read to its end")
    if settings.estate and estate.about("catalog") != choice.catalog.hash:
        notes.append("the estate was read for another version of the catalogue; what it lacks is not_collected")
    if settings.estate and is_short and (selection := estate.about("selection", [])):
        notes.append(
            f"this estate was saved by a scan with {few(selection, 5)}: what only other checks need is not in it"
        )
    return ScanInfo(
        version=__version__,
        started=estate.about("started", ""),
        finished=estate.about("finished", "") or written(now),
        cloud=estate.about("cloud", ""),
        tenant=tenant,
        identity=estate.about("identity", ""),
        credential=estate.about("credential", ""),
        catalog=choice.catalog.hash,
        subscriptions=(*chosen, *left_out),
        services=tuple(sorted({check.service for check in choice.checks})),
        checks=len(choice.checks),
        filters=tuple(f"{key.option} {word}" for key, word in words_of(settings, FILTERS)),
        requests=int(estate.about("requests", 0)),
        notes=tuple(notes),
        allowed_unreadable=allowed,
        check_ids=tuple(check.id for check in choice.checks),
    )


def of_demo(signed_in: SignedIn) -> SignedIn:
    """The identity of the demo, which is none of the user's; the note says so in every report."""
    who, kind = f"{signed_in.who} of the demo", "made up like the estate"
    return replace(signed_in, who=who, kind=kind, notes=(DEMO, *signed_in.notes))


def written(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _selection(settings: Settings, choice: Choice) -> list[str]:
    """What narrowed the choice of checks, and with it what is read, as options; [] where nothing did."""
    words = [f"{key.option} {word}" for key, word in words_of(settings, _SELECTION)]
    if choice.switched_off:
        words.append(f"{len(choice.switched_off):,} of the checks switched off in azscan.yaml")
    return words


def words_of(settings: Settings, names: Collection[str]) -> Iterator[tuple[Key, str]]:
    """Each word of the options with these keys, in the order of all options."""
    return ((key, word) for key in OPTION_KEYS if key.name in names for word in getattr(settings, key.field))
