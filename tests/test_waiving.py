"""A new waiver: judged, and in one spelling."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from azscan.errors import UsageError
from azscan.results import Waiver
from azscan.waiving import last_day, new_entry, twin
from tests.collect.ground import catalog, check, kind

TODAY = date(2026, 5, 4)
ON = {"field": "properties.on", "equals": True}
SUBSCRIPTION = "11111111-1111-1111-1111-11111111111A"
ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Rg/providers/Microsoft.Storage/storageAccounts/www"
KNOWN = catalog(
    kind("thing"),
    kind("user", host="graph"),
    checks=[check("test-a", "thing", ON, aliases=("test-old",)), check("test-user", "user", ON)],
)


def entry(**more: Any) -> dict[str, Any]:
    given = {"checks": ["test-a"], "resources": ["*"], "reason": "known", "expires": "never", **more}
    return new_entry(KNOWN, {name.replace("_", "-"): value for name, value in given.items()}, TODAY)


def fault(**more: Any) -> str:
    with pytest.raises(UsageError) as caught:
        entry(**more)
    return f"{caught.value.message} ({caught.value.hint})"


def test_the_whole_entry_in_the_order_of_the_file() -> None:
    whole = entry(
        ticket="SEC-1", approved_by=" j.doe ", expires="2026-05-04", tags=["env=dev"], resource_groups=["rg"],
        subscriptions=[SUBSCRIPTION], managed_by=["*"],
    )  # fmt: skip
    assert list(whole.items()) == [
        ("checks", ["test-a"]),
        ("resources", ["*"]),
        ("tags", ["env=dev"]),
        ("resource-groups", ["rg"]),
        ("subscriptions", [SUBSCRIPTION.lower()]),
        ("managed-by", ["*"]),
        ("reason", "known"),
        ("approved-by", "j.doe"),
        ("ticket", "SEC-1"),
        ("expires", "2026-05-04"),
    ]
    assert list(entry()) == ["checks", "resources", "reason"]


def test_checks_get_their_present_ids() -> None:
    assert entry(checks=["test-old", "TEST-A", "test-*"])["checks"] == ["test-a", "test-*"]
    assert fault(checks=["test-aa"]) == "no check is called test-aa (did you mean test-a?)"
    assert fault(checks=["sql-*"]).startswith("no check matches sql-*")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (ID, ID.replace("11A", "11a")),
        (ID.upper().strip("/") + "/", None),
        ("*/www*", "*/www*"),
        ("?subscriptions/x", "?subscriptions/x"),
        ("/subscriptions/*/resourcegroups/x*", "/subscriptions/*/resourceGroups/x*"),
        ("/*/www", "/*/www"),
        ("providers/Microsoft.Management/managementGroups/x", "/providers/Microsoft.Management/managementGroups/x"),
    ],
)
def test_ids_in_one_spelling(given: str, written: str | None) -> None:
    (found,) = entry(resources=[given])["resources"]
    if written is not None:
        assert found == written
    else:
        assert found.startswith(f"/subscriptions/{SUBSCRIPTION.lower()}/resourceGroups/RG/providers/")
        assert found.endswith("/WWW")


@pytest.mark.parametrize(
    "given", ["www", "storageAccounts/www", "/storageAccounts/www", "https://portal.azure.com/#@x"]
)
def test_a_name_is_not_an_id(given: str) -> None:
    assert "is not the id of a resource (an id begins with /subscriptions/" in fault(resources=[given])


def test_objects_of_graph_have_ids_without_slashes() -> None:
    name = "22222222-2222-2222-2222-222222222222"
    assert entry(checks=["test-user"], resources=[name])["resources"] == [name]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"resources": []}, "this waiver does not say which resources it covers (add one of --resource, --tag"),
        ({"reason": "  "}, "--reason must be text that is not empty"),
        ({"reason": ""}, "--reason must be text that is not empty"),
        ({"tags": [""]}, "--tag must be text that is not empty"),
        ({"subscriptions": ["contoso-prod"]}, "--subscription: contoso-prod is not a subscription id"),
        ({"expires": "2026-05-03"}, "--expires: 2026-05-03 has passed"),
        ({"expires": "2026-02-30"}, "--expires: 2026-02-30 is not a day of the calendar"),
        ({"expires": "31.1.2027"}, "--expires must be a date such as 2027-01-31 (give a day such as"),
        ({"expires": ""}, "--expires must be a date"),
        ({"expires": "-5d"}, "--expires must be a date"),
        ({"expires": "9999999d"}, "--expires must be a date"),
    ],
)
def test_bad_input(more: dict[str, Any], told: str) -> None:
    assert fault(**more).startswith(told)


def test_last_days() -> None:
    assert last_day("90d", TODAY) == "2026-08-02"
    assert last_day("0d", TODAY) == last_day("2026-05-04", TODAY) == "2026-05-04"
    assert last_day(" Never ", TODAY) == ""
    with pytest.raises(UsageError, match="no calendar has a day 999999d from now"):
        last_day("999999d", date(9000, 1, 1))


def test_a_twin_covers_the_same_word_for_word() -> None:
    asked = entry(resources=[ID, "*/x"], tags=["env=dev"])
    same = Waiver(("TEST-A",), ("*/X", ID + "/"), "another", expires="2026-05-04", tags=("env=dev",))
    assert twin([Waiver(("test-a",), ("*",), "r"), same], asked, TODAY) is same
    assert twin([same], entry(resources=[ID, "*/x"]), TODAY) is None
    assert twin([same], asked, date(2026, 5, 5)) is None
