"""Which finding a waiver covers."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.results import Off, ResourceRef, Waiver
from azscan.waivers import Looked, SwitchedOff, Waivers, type_of

TODAY = date(2026, 5, 4)
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Rg-Web/providers/Microsoft.Storage/storageAccounts/www1"
ALL = Looked(frozenset({"storage-a"}), subscriptions=frozenset({SUBSCRIPTION}))
ACCOUNT = ResourceRef(ID, "www1", "Microsoft.Storage/storageAccounts", SUBSCRIPTION, "Rg-Web", "westeurope")
CLUSTER = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"


def waiver(checks: str = "storage-*", **more: object) -> Waiver:
    fields = {name: (value,) if isinstance(value, str) and name != "expires" else value for name, value in more.items()}
    return Waiver((checks,), **{"resources": (), "reason": "known", **fields})  # type: ignore[arg-type]


def covers(one: Waiver, check: str = "storage-https-only", resource: ResourceRef = ACCOUNT, **tags: str) -> bool:
    return Waivers([one], TODAY).match(check, resource, tags) is not None


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (ID, True),
        (ID.upper(), True),
        (ID + "/", True),
        ("*", True),
        ("*/storageAccounts/www*", True),
        ("/subscriptions/*/www?", True),
        (f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-web/*", True),
        ("www1", False),
        ("/storageAccounts/www1", False),
        (ID[:-1], False),
        (ID + "/blobServices/default", False),
        ("*/www", False),
        ("*/www[1]", False),
        ("*.Storage/storageAccounts/ww.1", False),
    ],
)
def test_resources_by_whole_id_in_any_case(pattern: str, wanted: bool) -> None:
    assert covers(waiver(resources=pattern)) is wanted


def test_a_child_is_reached_by_a_glob_only() -> None:
    child = msgspec.structs.replace(ACCOUNT, id=ID + "/blobServices/default/containers/logs")
    assert not covers(waiver(resources=ID), resource=child)
    assert covers(waiver(resources=ID + "*"), resource=child)


def test_a_name_that_only_folds_to_the_same_letters_is_another() -> None:
    kelvin = msgspec.structs.replace(ACCOUNT, id=ID.replace("www1", "\u212aey"))
    assert not covers(waiver(resources=ID.replace("www1", "key")), resource=kelvin)
    assert not covers(waiver(resources=ID.replace("www1", "k?y")), resource=kelvin)


@pytest.mark.parametrize(
    ("checks", "wanted"),
    [("storage-https-only", True), ("storage-*", True), ("*", True), ("storage", False), ("keyvault-*", False)],
)
def test_checks(checks: str, wanted: bool) -> None:
    assert covers(waiver(checks, resources="*")) is wanted


def test_former_ids_of_a_check() -> None:
    waivers = Waivers(
        [waiver("storage-secure-transfer", resources="*")], TODAY, {"new-id": ["storage-secure-transfer"]}
    )
    assert waivers.match("new-id", ACCOUNT, {}) == 0
    assert waivers.match("other", ACCOUNT, {}) is None


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("env", True),
        ("ENV", True),
        ("env=Dev", True),
        ("e*=D*", True),
        ("env = Dev", True),
        ("env=dev", False),
        ("env=De", False),
        ("owner", False),
    ],
)
def test_tags_names_without_case_values_with_it(selector: str, wanted: bool) -> None:
    assert covers(waiver(tags=selector), Env="Dev") is wanted


def test_groups_and_subscriptions() -> None:
    assert covers(waiver(resource_groups="rg-web"))
    assert covers(waiver(resource_groups="rg-*"))
    assert not covers(waiver(resource_groups="web"))
    assert covers(waiver(subscriptions=SUBSCRIPTION))
    assert not covers(waiver(subscriptions=SUBSCRIPTION[:-1] + "2"))


def test_a_resource_without_a_group_is_in_none() -> None:
    tenant = ResourceRef("/tenants/t", "t", "tenant")
    assert not covers(waiver(resource_groups="*"), resource=tenant)
    assert not covers(waiver(subscriptions="*"), resource=tenant)
    assert covers(waiver(resources="*"), resource=tenant)


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("*", True),
        ("Microsoft.ContainerService/managedClusters", True),
        ("microsoft.containerservice/*", True),
        (CLUSTER, True),
        ("*/aks", True),
        ("Microsoft.Databricks/workspaces", False),
    ],
)
def test_trap_36_what_others_manage_is_waived_as_a_class(selector: str, wanted: bool) -> None:
    managed = msgspec.structs.replace(ACCOUNT, managed_by=CLUSTER)
    assert covers(waiver(managed_by=selector), resource=managed) is wanted
    assert not covers(waiver(managed_by=selector))


def test_everything_that_is_named_must_fit() -> None:
    both = waiver(resources="*", tags="env=Dev", resource_groups="rg-web")
    assert covers(both, env="Dev")
    assert not covers(both, env="Prod")
    assert not covers(msgspec.structs.replace(both, resource_groups=("rg-db",)), env="Dev")


def test_the_first_that_fits_counts_and_uses_are_counted() -> None:
    waivers = Waivers([waiver("keyvault-*", resources="*"), waiver(resources="*/www*"), waiver(resources="*")], TODAY)
    assert [waivers.match("storage-a", ACCOUNT, {}) for _ in range(3)] == [1, 1, 1]
    other = msgspec.structs.replace(ACCOUNT, id=ID.replace("www1", "logs"))
    assert waivers.match("storage-a", other, {}) == 2
    assert [each.used for each in waivers.report(ALL)] == [0, 3, 1]


@pytest.mark.parametrize(
    ("expires", "expired"), [("", False), ("2026-05-04", False), ("2026-05-03", True), ("2027-01-31", False)]
)
def test_a_waiver_counts_through_its_last_day(expires: str, expired: bool) -> None:
    waivers = Waivers([waiver(resources="*", expires=expires)], TODAY)
    assert (waivers.match("storage-a", ACCOUNT, {}) is None) is expired
    assert waivers.report(ALL)[0].expired is expired


def test_an_expired_one_does_not_hide_one_that_counts() -> None:
    waivers = Waivers([waiver(resources="*", expires="2020-01-01"), waiver(resources="*")], TODAY)
    assert waivers.match("storage-a", ACCOUNT, {}) == 1


@pytest.mark.parametrize(
    ("one", "looked", "told"),
    [
        (waiver(resources="*"), ALL, ""),
        (waiver("sql-*", resources="*"), ALL, "none of its checks was run"),
        (waiver("storage-old", resources="*"), ALL, ""),
        (waiver(subscriptions=SUBSCRIPTION), ALL, ""),
        (waiver(subscriptions="2*"), ALL, "its subscriptions were not scanned"),
        (waiver(resources=ID), ALL, ""),
        (waiver(resources=ID.replace("1111", "2222")), ALL, "its subscriptions were not scanned"),
        (waiver(resources="*/storageAccounts/www1"), ALL, ""),
        (waiver(resources=(ID.replace("1111", "2222"), "*/www1")), ALL, ""),
        (waiver(resources="*"), msgspec.structs.replace(ALL, is_filtered=True), "the scan left out resources by"),
        (
            waiver(resources="*"),
            msgspec.structs.replace(ALL, unread=frozenset({"storage-a"})),
            "some verdicts of its checks are unreadable",
        ),
        (waiver(resources="*"), msgspec.structs.replace(ALL, unread=frozenset({"sql-a"})), ""),
        (waiver("sql-*", resources="*", expires="2020-01-01"), ALL, ""),
    ],
)
def test_one_that_covers_nothing_is_superfluous_only_where_all_was_looked_at(
    one: Waiver, looked: Looked, told: str
) -> None:
    (found,) = Waivers([one], TODAY, {"storage-a": ("storage-old",)}).report(looked)
    assert found.not_tried.startswith(told) and bool(found.not_tried) is bool(told)


def test_one_that_is_used_was_tried() -> None:
    waivers = Waivers([waiver(resources="*")], TODAY)
    waivers.match("storage-a", ACCOUNT, {})
    (found,) = waivers.report(msgspec.structs.replace(ALL, is_filtered=True))
    assert (found.used, found.not_tried) == (1, "")


@given(st.text("/abc*?", max_size=12), st.text("/abcABC", max_size=12))
def test_a_glob_fits_as_its_definition_says(pattern: str, value: str) -> None:
    def fits(pattern: str, value: str) -> bool:
        if not pattern:
            return not value
        if pattern[0] == "*":
            return fits(pattern[1:], value) or (bool(value) and fits(pattern, value[1:]))
        return bool(value) and pattern[0] in ("?", value[0].lower()) and fits(pattern[1:], value[1:])

    from azscan.words import glob

    assert glob(pattern)(value) is fits(pattern, value)


def test_type_of_an_id() -> None:
    assert type_of(CLUSTER) == "Microsoft.ContainerService/managedClusters"
    assert type_of(ID + "/blobServices/default") == "Microsoft.Storage/storageAccounts/blobServices"
    assert type_of(ID + "/providers/Microsoft.Insights/diagnosticSettings/x") == "Microsoft.Insights/diagnosticSettings"
    assert type_of("aks") == ""


def test_switched_off_by_service_or_check() -> None:
    off = SwitchedOff(
        [
            Off("not in use", services=("media",)),
            Off("noisy", checks=("storage-old-*",)),
            Off("over", services=("sql",), expires="2026-05-03"),
        ],
        TODAY,
        {"storage-new": ("storage-old-name",)},
    )
    assert off.match("media-a", "media") == 0
    assert off.match("storage-old-a", "storage") == 1
    assert off.match("storage-new", "storage") == 1
    assert off.match("storage-a", "storage") is None
    assert off.match("sql-a", "sql") is None
    assert [entry.expired for entry in off.entries] == [False, False, True]
