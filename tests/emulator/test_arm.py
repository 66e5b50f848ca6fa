from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.rig import API, ONE, STORAGE, TWO, Rigs, account, child, estate

WEB = "/resourceGroups/rg-web/providers"


def _site() -> dict[str, Any]:
    site = account("shop")
    site |= {"id": site["id"].replace(STORAGE, "Microsoft.Web/sites"), "type": "Microsoft.Web/sites"}
    return site


async def test_a_list_a_group_list_and_a_get_in_any_case(start: Rigs) -> None:
    rig = await start(estate(account("a"), account("b", "rg-data"), account("c", subscription=TWO)))
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a", "b"]
    assert (await rig.arm(f"/resourcegroups/RG-WEB/providers/{STORAGE.upper()}")).names == ["a"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/A")).body["name"] == "a"
    assert (await rig.arm(f"/providers/{STORAGE}", TWO)).names == ["c"]


async def test_children_lists_singletons_and_missing_parents(start: Rigs) -> None:
    one = account("a")
    rig = await start(
        estate(one, child(one, "blobServices/default"), child(one, "blobServices/default/containers/logs"))
    )
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/blobServices/default")).body["name"] == "default"
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/blobServices")).names == ["default"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/blobServices/default/containers")).names == ["logs"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/fileServices/default/shares")).names == []
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/fileServices/default")).code == "ResourceNotFound"
    gone = await rig.arm(f"{WEB}/{STORAGE}/nope/blobServices/default/containers")
    assert (gone.status, gone.code) == (404, "ParentResourceNotFound")
    assert "storageAccounts/nope" in gone.body["error"]["message"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/nope/blobServices/default")).code == "ParentResourceNotFound"
    assert (await rig.arm(f"{WEB}/{STORAGE}/nope")).code == "ResourceNotFound"
    assert (await rig.arm(f"/resourceGroups/none/providers/{STORAGE}")).code == "ResourceGroupNotFound"


async def test_extensions_at_a_resource_a_group_and_a_subscription(start: Rigs) -> None:
    one = account("a")
    setting = {"type": "Microsoft.Insights/diagnosticSettings", "properties": {}}
    kind = "providers/Microsoft.Insights/diagnosticSettings"
    group = f"/subscriptions/{ONE}/resourceGroups/rg-web"
    lock = {"type": "Microsoft.Authorization/locks", "properties": {"level": "CanNotDelete"}}
    rig = await start(
        estate(
            one,
            {**setting, "id": f"{one['id']}/{kind}/toLogs", "name": "toLogs"},
            {**setting, "id": f"/subscriptions/{ONE}/{kind}/activity", "name": "activity"},
            {**lock, "id": f"{group}/providers/Microsoft.Authorization/locks/keep", "name": "keep"},
            {**lock, "id": f"{one['id']}/providers/Microsoft.Authorization/locks/mine", "name": "mine"},
        )
    )
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/{kind}")).names == ["toLogs"]
    assert (await rig.arm(f"/{kind}")).names == ["activity"]
    assert (await rig.arm("/providers/Microsoft.Authorization/locks")).names == ["keep", "mine"]
    assert (await rig.arm(f"{WEB}/Microsoft.Authorization/locks")).names == ["keep", "mine"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/providers/Microsoft.Authorization/locks")).names == ["mine"]
    gone = await rig.arm(f"{WEB}/{STORAGE}/nope/{kind}")
    assert (gone.status, gone.code) == (404, "ResourceNotFound")


async def test_the_generic_list_shows_tracked_resources_without_their_properties(start: Rigs) -> None:
    site = _site()
    slot = {**child(site, "slots/dev"), "location": "West Europe", "tags": {}}
    config = {**child(site, "config/web"), "location": "West Europe"}
    hidden = {**account("hidden"), "$listed": False}
    rig = await start(estate(account("a"), site, slot, config, hidden))
    got = await rig.arm("/resources")
    assert got.names == ["a", "shop", "dev"]
    first = got.body["value"][0]
    assert "properties" not in first
    assert first["sku"] == {"name": "Standard_LRS"} and first["tags"] == {"team": "web"}
    filtered = await rig.arm("/resources?$filter=resourceType%20eq%20%27Microsoft.Web/sites%27")
    assert filtered.names == ["shop"]
    assert (await rig.arm("/resourceGroups/rg-web/resources")).names == ["a", "shop", "dev"]


async def test_a_list_may_answer_less_than_a_get(start: Rigs) -> None:
    site = _site() | {"properties": {"siteConfig": {"ftpsState": "AllAllowed"}, "state": "Running"}, "identity": {}}
    other = {**account("a"), "$list": {"null": ["properties.minimumTlsVersion"]}, "$private": 1}
    lists = {"Microsoft.Web/sites": {"omit": ["properties.siteConfig"], "null": ["identity"]}}
    rig = await start(estate(site, other, lists=lists))
    listed = (await rig.arm("/providers/Microsoft.Web/sites")).body["value"][0]
    assert listed["properties"] == {"state": "Running"} and listed["identity"] is None
    assert (await rig.arm(f"{WEB}/Microsoft.Web/sites/shop")).body["properties"]["siteConfig"]
    sent = (await rig.arm(f"{WEB}/{STORAGE}/a")).body
    assert sent["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert not [key for key in sent if key.startswith("$")]
    assert (await rig.arm(f"/providers/{STORAGE}")).body["value"][0]["properties"]["minimumTlsVersion"] is None


async def test_expand_adds_what_it_names(start: Rigs) -> None:
    more = {"instanceView": {"properties": {"instanceView": {"statuses": [{"code": "PowerState/running"}]}}}}
    rig = await start(estate({**account("vm"), "$expand": more}))
    plain = await rig.arm(f"{WEB}/{STORAGE}/vm")
    assert "instanceView" not in plain.body["properties"]
    full = await rig.arm(f"{WEB}/{STORAGE}/vm?$expand=instanceView")
    assert full.body["properties"]["instanceView"] and full.body["properties"]["supportsHttpsTrafficOnly"]
    listed = await rig.arm(f"/providers/{STORAGE}?$expand=instanceView")
    assert listed.body["value"][0]["properties"]["instanceView"]


async def test_scopes_answer_for_themselves(start: Rigs) -> None:
    rig = await start(
        estate(account("a"), subscriptions=[{"subscriptionId": ONE, "displayName": "prod", "state": "Disabled"}])
    )
    listed = (await rig.ask(f"/subscriptions?{API}")).body["value"]
    assert [(one["subscriptionId"], one["displayName"], one["state"]) for one in listed] == [(ONE, "prod", "Disabled")]
    assert (await rig.arm("")).body["displayName"] == "prod"
    assert (await rig.ask(f"/tenants?{API}")).body["value"][0]["tenantId"] == rig.emulator.estate.tenant["id"]
    assert (await rig.arm("/resourcegroups")).names == ["rg-web"]
    assert (await rig.arm("/resourceGroups/RG-WEB")).body["name"] == "rg-web"
    assert "westeurope" in (await rig.arm("/locations")).names
    assert (await rig.arm("/providers/Microsoft.Storage")).body["registrationState"] == "Registered"
    assert [one["namespace"] for one in (await rig.arm("/providers")).body["value"]] == ["Microsoft.Storage"]


async def test_an_unknown_subscription_and_a_malformed_one(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    assert (await rig.arm("/resources", TWO)).code == "SubscriptionNotFound"
    malformed = await rig.arm("/resources", "prod")
    assert (malformed.status, malformed.code) == (400, "InvalidSubscriptionId")


async def test_management_groups_and_what_is_below_them(start: Rigs) -> None:
    def group(name: str, parent: str = "") -> dict[str, Any]:
        details = {"parent": {"id": f"/providers/Microsoft.Management/managementGroups/{parent}"}} if parent else {}
        identifier = f"/providers/Microsoft.Management/managementGroups/{name}"
        kind = "Microsoft.Management/managementGroups"
        return {"id": identifier, "name": name, "type": kind, "properties": {"displayName": name, "details": details}}

    assignment = {
        "id": f"{group('root')['id']}/providers/Microsoft.Authorization/policyAssignments/p",
        "name": "p",
        "type": "Microsoft.Authorization/policyAssignments",
    }
    rig = await start(
        estate(
            group("root"),
            group("prod", "root"),
            assignment,
            account("a"),
            subscriptions=[{"subscriptionId": ONE, "displayName": "one", "managementGroup": "prod"}],
        )
    )
    base = "/providers/Microsoft.Management/managementGroups"
    assert (await rig.ask(f"{base}?{API}")).names == ["root", "prod"]
    assert (await rig.ask(f"{base}/root/descendants?{API}")).names == ["prod", ONE]
    assert (await rig.ask(f"{base}/prod/subscriptions?{API}")).names == [ONE]
    tree = await rig.ask(f"{base}/root?$expand=children&$recurse=true&{API}")
    assert tree.body["properties"]["children"][0]["children"][0]["name"] == ONE
    assert (await rig.arm("/providers/Microsoft.Authorization/policyAssignments")).names == ["p"]
    assert (await rig.ask(f"{base}/none?{API}")).status == 404
    assert "managementGroup" not in (await rig.arm("")).body


async def test_the_api_version_is_required_and_checked(start: Rigs) -> None:
    rig = await start(estate(account("a")), strict_api={STORAGE: ["2024-01-01"]})
    bare = f"/subscriptions/{ONE}/providers/{STORAGE}"
    assert (await rig.ask(bare)).code == "MissingApiVersionParameter"
    assert (await rig.ask(f"{bare}?api-version=latest")).code == "InvalidApiVersionParameter"
    unknown = await rig.ask(f"{bare}?api-version=2099-01-01")
    assert (unknown.status, unknown.code) == (400, "NoRegisteredProviderFound")
    assert "'2024-01-01'" in unknown.body["error"]["message"]
    assert (await rig.ask(f"{bare}?API-Version=2024-01-01")).status == 200


async def test_unknown_types_are_empty_or_refused(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    assert (await rig.arm("/providers/Microsoft.Search/searchServices")).names == []
    assert (await rig.arm("/providers/nonsense/things")).code == "InvalidResourceNamespace"
    strict = await start(estate(account("a"), types=["Microsoft.Sql/servers"]), lenient_types=False)
    refused = await strict.arm("/providers/Microsoft.Search/searchServices")
    assert (refused.status, refused.code) == (404, "InvalidResourceType")
    assert "'searchServices' could not be found in the namespace 'Microsoft.Search'" in refused.text
    assert (await strict.arm("/providers/Microsoft.Sql/servers")).names == []
    assert (await strict.arm(f"/providers/{STORAGE}")).names == ["a"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("NotRegistered", "The subscription is not registered to use namespace 'Microsoft.Sql'."),
        ("Unregistered", "The subscription registration is in 'Unregistered' state."),
    ],
)
async def test_an_unregistered_provider_is_a_conflict(start: Rigs, state: str, words: str) -> None:
    rig = await start(
        estate(account("a"), account("b", subscription=TWO), providers={"Microsoft.Web": state}),
        providers={ONE: {"Microsoft.Sql": state}},
    )
    got = await rig.arm("/providers/Microsoft.Sql/servers")
    assert (got.status, got.code) == (409, "MissingSubscriptionRegistration")
    assert got.body["error"]["message"].startswith(words)
    assert got.body["error"]["details"][0]["target"] == "Microsoft.Sql"
    assert (await rig.arm("/providers/Microsoft.Sql/servers", TWO)).status == 200
    assert (await rig.arm("/providers/Microsoft.Web/sites", TWO)).status == 409
    assert (await rig.arm("/providers/Microsoft.Sql")).body["registrationState"] == state


async def test_an_unregistered_provider_may_also_list_nothing(start: Rigs) -> None:
    rig = await start(estate(), providers={"Microsoft.Sql": "NotRegistered"}, not_registered="empty")
    assert (await rig.arm("/providers/Microsoft.Sql/servers")).names == []


async def test_nothing_can_be_written(start: Rigs) -> None:
    rig = await start(estate(account("a")))
    one = f"/subscriptions/{ONE}{WEB}/{STORAGE}/a?{API}"
    for method, path in [
        ("PUT", one),
        ("PATCH", one),
        ("DELETE", one),
        ("POST", f"/subscriptions/{ONE}/providers/Microsoft.Sql/register?{API}"),
        ("POST", f"/subscriptions/{ONE}{WEB}/{STORAGE}/a/listKeys?{API}"),
    ]:
        assert (await rig.ask(path, method=method, body={})).status == 405
    assert [one.method for one in rig.emulator.write_attempts] == ["PUT", "PATCH", "DELETE", "POST", "POST"]
    assert rig.emulator.statistics["write_attempts"] == 5
    assert (await rig.arm(f"{WEB}/{STORAGE}/a")).status == 200


async def test_role_definitions_are_found_at_a_subscription_and_above(start: Rigs) -> None:
    kind = "Microsoft.Authorization/roleDefinitions"
    built_in = {"id": f"/providers/{kind}/owner", "name": "owner", "type": kind, "properties": {}}
    own = {"id": f"/subscriptions/{ONE}/providers/{kind}/own", "name": "own", "type": kind, "properties": {}}
    rig = await start(estate(built_in, own))
    assert (await rig.arm(f"/providers/{kind}")).names == ["owner", "own"]
    assert (await rig.arm(f"/providers/{kind}/owner")).body["name"] == "owner"
