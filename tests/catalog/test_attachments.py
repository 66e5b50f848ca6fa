from __future__ import annotations

import pytest

from azscan.catalog.attachments import Attached, attachments, level, parents, shape
from azscan.catalog.model import Collection, Link


def made(name: str, **keys: object) -> Collection:
    return Collection(
        name=name, service="s", type="T/t", api={"": "2024-01-01"}, presence="always",
        **({"attach_as": name} | keys),  # type: ignore[arg-type]
    )  # fmt: skip


ACCOUNT = made("account", list="/subscriptions/{subscriptionId}/x", attach_as="accounts")
SERVICE = made("service", get="{id}/default", of=("account",))
SETTINGS = made("settings", list="{id}/s", of=("account", "subscription"), key="name")
GROUPS = made("groups", list="/providers/x")
FOUND = made("found", kql="resources")
LINKED = made("linked", get="/subscriptions/{subscriptionId}/y", links=(
    Link("all", "account", "id", "to", many=True), Link("first", "account", "id", "to"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("collection", "where", "carried_by", "as_"),
    [
        (ACCOUNT, "subscription", ("subscription",), "list"),
        (SERVICE, "parent", ("account",), "one"),
        (SETTINGS, "parent", ("account", "subscription"), "map"),
        (GROUPS, "tenant", ("tenant",), "list"),
        (FOUND, "subscription", ("subscription",), "list"),
        (LINKED, "subscription", ("subscription",), "one"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_where_a_collection_is_read_and_carried(
    collection: Collection, where: str, carried_by: tuple[str, ...], as_: str
) -> None:
    assert (level(collection), parents(collection), shape(collection)) == (where, carried_by, as_)


def test_what_each_subject_carries() -> None:
    carried = attachments([ACCOUNT, SERVICE, SETTINGS, GROUPS, LINKED])
    assert {subject: sorted(names) for subject, names in carried.items()} == {
        "subscription": ["accounts", "linked", "settings"],
        "tenant": ["groups"],
        "resource_group": [],
        "account": ["service", "settings"],
        "service": [],
        "settings": [],
        "groups": [],
        "linked": ["all", "first"],
    }
    assert carried["account"]["settings"] == Attached("settings", "settings", "map")
    assert carried["linked"]["all"].shape == "list"
    assert carried["linked"]["first"].shape == "one"
    assert carried["linked"]["first"].link == LINKED.links[1]
