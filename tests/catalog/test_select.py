from __future__ import annotations

from typing import Any

import msgspec
import pytest

from azscan.catalog.model import Catalog, Check, FixText, Service
from azscan.catalog.select import find, select
from azscan.errors import UsageError


def check(name: str, severity: str = "high", status: str = "stable", aliases: tuple[str, ...] = ()) -> Check:
    service = name.partition("-")[0]
    return msgspec.convert(
        {
            "id": name, "title": name, "severity": severity, "status": status, "service": service,
            "area": {"storage": "data-security", "network": "network"}[service], "subject": "x", "require": {},
            "why": "", "fix": FixText(""), "aliases": aliases,
        },
        Check,
    )  # fmt: skip


CHECKS = (
    check("storage-b", "low"),
    check("storage-a", "critical", aliases=("storage-old",)),
    check("network-a", "high"),
    check("network-gone", "high", status="deprecated"),
)
CATALOG = Catalog(
    services={name: Service(name, name, "network", {}) for name in ("network", "storage")},
    collections={},
    checks={one.id: one for one in CHECKS},
    frameworks={},
    hash="",
)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "network-a storage-a storage-b"),
        ({"services": ["storage"]}, "storage-a storage-b"),
        ({"services": ["STORAGE"]}, "storage-a storage-b"),
        ({"services": ["sto*", "network"]}, "network-a storage-a storage-b"),
        ({"checks": ["storage-*"]}, "storage-a storage-b"),
        ({"checks": ["storage-old"]}, "storage-a"),
        ({"checks": ["*-old", "network-a"]}, "network-a storage-a"),
        ({"checks": ["*-a"], "services": ["network"]}, "network-a"),
        ({"severities": ["high", "low"]}, "network-a storage-b"),
        ({"areas": ["data-security"]}, "storage-a storage-b"),
        ({"exclude_services": ["storage"]}, "network-a"),
        ({"exclude_checks": ["storage-old"]}, "network-a storage-b"),
        ({"exclude_severities": ["high"], "exclude_areas": ["network"]}, "storage-a storage-b"),
        # a deprecated check runs where it is meant
        ({"checks": ["network-gone"]}, "network-gone"),
        ({"checks": ["network-*"]}, "network-a network-gone"),
    ],
)
def test_filters(filters: dict[str, Any], ids: str) -> None:
    assert " ".join(one.id for one in select(CATALOG, **filters)) == ids


@pytest.mark.parametrize(
    ("filters", "message", "hint"),
    [
        ({"services": ["storge"]}, "no service is called storge", "did you mean storage?"),
        ({"services": ["*x*"]}, "no service matches *x*", "one of network, storage"),
        ({"checks": ["storage-aa"]}, "no check is called storage-aa", "did you mean storage-a?"),
        ({"checks": ["storage-a", "no*"]}, "no check matches no*", ""),
        ({"severities": ["hihg"]}, "no severity is called hihg", "did you mean high?"),
        ({"areas": ["networks"]}, "no area is called networks", "did you mean network?"),
        ({"exclude_checks": ["storage-z*"]}, "no check to exclude matches storage-z*", ""),
        ({"exclude_services": ["z"]}, "no service to exclude is called z", "one of network, storage"),
        ({"services": ["network"], "severities": ["low"]}, "no check fits all of these filters", "azscan checks list"),
    ],
)
def test_a_name_that_matches_nothing_is_wrong_usage(filters: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(CATALOG, **filters)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_find_takes_ids_and_aliases_but_no_globs() -> None:
    assert find(CATALOG, "storage-old").id == "storage-a"
    assert find(CATALOG, "Storage-A").id == "storage-a"
    with pytest.raises(UsageError, match="no check is called storage-\\*"):
        find(CATALOG, "storage-*")
