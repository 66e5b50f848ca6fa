from __future__ import annotations

import pytest

from azscan.emulator import Deny, Estate, Role
from azscan.emulator.roles import grants
from tests.emulator.rig import API, ONE, STORAGE, TWO, Rigs, account, child, estate

SUBSCRIPTION = f"/subscriptions/{ONE}"
WEB = "/resourceGroups/rg-web/providers"
DATA = "/resourceGroups/rg-data/providers"


def _estate() -> Estate:
    one, two = account("a"), account("b", "rg-data")
    pricing = {
        "id": f"{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines",
        "name": "VirtualMachines",
        "type": "Microsoft.Security/pricings",
        "properties": {"pricingTier": "Free"},
    }
    return estate(one, two, child(one, "blobServices/default"), child(two, "blobServices/default"), pricing)


async def test_a_reader_of_one_group_gets_filtered_lists(start: Rigs) -> None:
    rig = await start(_estate(), roles=[Role(f"{SUBSCRIPTION}/resourceGroups/rg-web")])
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a"]
    assert (await rig.arm("/resources")).names == ["a"]
    assert (await rig.arm("/resourcegroups")).names == ["rg-web"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/blobServices/default")).status == 200
    denied = await rig.arm(f"{DATA}/{STORAGE}/b")
    assert (denied.status, denied.code) == (403, "AuthorizationFailed")
    identity = rig.emulator.estate.identity
    assert denied.body["error"]["message"] == (
        f"The client '{identity['clientId']}' with object id '{identity['objectId']}' does not have authorization to "
        f"perform action 'Microsoft.Storage/storageAccounts/read' over scope '{SUBSCRIPTION}{DATA}/{STORAGE}/b' or the "
        "scope is invalid. If access was recently granted, please refresh your credentials."
    )
    assert (await rig.arm("/providers/Microsoft.Security/pricings")).code == "AuthorizationFailed"
    assert (await rig.arm("/providers/Microsoft.Authorization/permissions")).body == {"value": []}
    at_group = await rig.arm(f"{WEB}/Microsoft.Authorization/permissions")
    assert at_group.body["value"][0]["actions"] == ["*/read"]


async def test_a_caller_with_nothing_gets_403_and_sees_no_subscription(start: Rigs) -> None:
    rig = await start(_estate(), roles=[Role(f"/subscriptions/{TWO}")])
    assert (await rig.ask(f"/subscriptions?{API}")).body["value"] == []
    for path in ("", "/resources", "/resourcegroups", "/locations", f"/providers/{STORAGE}"):
        assert (await rig.arm(path)).code == "AuthorizationFailed", path


async def test_a_custom_role_without_one_type_lists_nothing_of_it(start: Rigs) -> None:
    rig = await start(_estate(), roles=[Role(SUBSCRIPTION, ("*/read",), (f"{STORAGE}/read",))])
    got = await rig.arm(f"/providers/{STORAGE}")
    assert (got.status, got.names) == (200, [])
    assert (await rig.arm("/resources")).names == []
    assert (await rig.arm(f"{WEB}/{STORAGE}/a")).status == 403
    assert (await rig.arm(f"{WEB}/{STORAGE}/a/blobServices/default")).status == 200
    told = (await rig.arm("/providers/Microsoft.Authorization/permissions")).body["value"]
    assert told[0]["notActions"] == [f"{STORAGE}/read"]


async def test_a_role_on_a_management_group_reaches_its_subscriptions(start: Rigs) -> None:
    what = estate(account("a"), subscriptions=[{"subscriptionId": ONE, "managementGroup": "root"}])
    rig = await start(what, roles=[Role("/providers/Microsoft.Management/managementGroups/root")])
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a"]
    assert (await rig.arm("/providers/Microsoft.Authorization/permissions")).body["value"]


@pytest.mark.parametrize("match", [STORAGE, f"{STORAGE}/read", "*/storageAccounts"])
async def test_one_read_denied_by_403(start: Rigs, match: str) -> None:
    rig = await start(_estate(), deny=[Deny(match)])
    assert (await rig.arm(f"/providers/{STORAGE}")).status == 403
    assert (await rig.arm("/providers/Microsoft.Security/pricings")).status == 200


@pytest.mark.parametrize("match", [f"{STORAGE}/read", STORAGE.lower()])
async def test_one_read_denied_in_silence_shows_in_the_permissions(start: Rigs, match: str) -> None:
    rig = await start(_estate(), deny=[Deny(match, "filter")])
    got = await rig.arm(f"/providers/{STORAGE}")
    assert (got.status, got.names) == (200, [])
    assert (await rig.arm(f"{WEB}/{STORAGE}/a")).status == 403
    told = (await rig.arm("/providers/Microsoft.Authorization/permissions")).body["value"][0]
    assert [action.lower() for action in told["notActions"]] == [f"{STORAGE}/read".lower()]


async def test_a_path_denied_is_left_out_of_its_lists(start: Rigs) -> None:
    rig = await start(_estate(), deny=[{"match": "*/storageAccounts/a", "manner": "filter"}])
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["b"]
    assert (await rig.arm("/resources")).names == ["b"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a")).status == 403


async def test_the_resource_list_alone_denied(start: Rigs) -> None:
    rig = await start(_estate(), deny=[Deny("Microsoft.Resources/subscriptions/resources/read")])
    assert (await rig.arm("/resources")).status == 403
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a", "b"]


@pytest.mark.parametrize(
    ("at", "subscription", "group"), [("anywhere", 200, 200), ("groups", 404, 200), ("nowhere", 404, 404)]
)
async def test_where_permissions_can_be_asked(start: Rigs, at: str, subscription: int, group: int) -> None:
    rig = await start(_estate(), permissions_at=at)
    path = "Microsoft.Authorization/permissions"
    assert (await rig.arm(f"/providers/{path}")).status == subscription
    assert (await rig.arm(f"{WEB}/{path}")).status == group


async def test_what_is_set_on_a_management_group_can_be_denied(start: Rigs) -> None:
    kind = "Microsoft.Management/managementGroups"
    root = {"id": f"/providers/{kind}/root", "name": "root", "type": kind, "properties": {}}
    settings = child(root, "settings/default", requireAuthorizationForGroupCreation=True)
    path = f"{settings['id']}?{API}"
    assert (await (await start(estate(root, settings))).ask(path)).body["name"] == "default"
    assert (await (await start(estate(root))).ask(path)).status == 404
    refused = await (await start(estate(root, settings), deny=[Deny(f"{kind}/settings/read")])).ask(path)
    assert (refused.status, refused.code) == (403, "AuthorizationFailed") and f"{kind}/settings/read" in refused.text
    below = await start(estate(root, settings), roles=[Role(SUBSCRIPTION)])
    assert (await below.ask(path)).status == 403


async def test_the_filters_of_roles_and_policies(start: Rigs) -> None:
    """Their names are those of properties: `type` is the role's, not the resource type."""

    def held(kind: str, name: str, scope: str = SUBSCRIPTION, **properties: object) -> dict[str, object]:
        kind = f"Microsoft.Authorization/{kind}"
        return {"id": f"{scope}/providers/{kind}/{name}", "name": name, "type": kind, "properties": properties}

    group = f"{SUBSCRIPTION}/resourceGroups/rg-web"
    rig = await start(
        estate(
            account("a"),
            held("roleDefinitions", "reader", "", type="BuiltInRole", roleName="Reader"),
            held("roleDefinitions", "own", type="CustomRole", roleName="O'Neil's"),
            held("policyDefinitions", "tls", policyType="BuiltIn", metadata={"category": "Storage"}),
            held("policyDefinitions", "mine", policyType="Custom"),
            held("policyAssignments", "above", policyDefinitionId="/tls"),
            held("policyAssignments", "below", group, policyDefinitionId="/mine"),
            held("roleEligibilityScheduleInstances", "she", principalId="p1", status="Accepted"),
            held("roleEligibilityScheduleInstances", "he", group, principalId="p2", status="Revoked"),
        )
    )
    for kind, wanted, names in (
        ("roleDefinitions", "type+eq+'CustomRole'", ["own"]),
        ("roleDefinitions", "type%20eq%20'BuiltInRole'", ["reader"]),
        ("roleDefinitions", "roleName+eq+'O''Neil''s'", ["own"]),
        ("roleDefinitions", "atScopeAndBelow()", ["reader", "own"]),
        ("policyDefinitions", "policyType+-eq+Custom", ["mine"]),
        ("policyDefinitions", "category+eq+'Storage'", ["tls"]),
        ("policyAssignments", "atScope()", ["above"]),
        ("policyAssignments", "atExactScope()", ["above"]),
        ("policyAssignments", "policyDefinitionId+eq+'/mine'", ["below"]),
        ("roleEligibilityScheduleInstances", "atScope()", ["she"]),
        ("roleEligibilityScheduleInstances", "principalId+eq+'P2'", ["he"]),
        ("roleEligibilityScheduleInstances", "assignedTo('p1')", ["she"]),
        ("roleEligibilityScheduleInstances", "status+eq+'Revoked'+and+atScope()", []),
    ):
        got = await rig.arm(f"/providers/Microsoft.Authorization/{kind}?$filter={wanted}")
        assert got.names == names, (kind, wanted)


async def test_the_callers_own_assignments_and_their_definition(start: Rigs) -> None:
    kind = "Microsoft.Authorization/roleAssignments"
    other = {
        "id": f"{SUBSCRIPTION}/providers/{kind}/x",
        "name": "x",
        "type": kind,
        "properties": {"principalId": "someone", "roleDefinitionId": "…"},
    }
    below = {**other, "id": f"{SUBSCRIPTION}{WEB}/Microsoft.Authorization/roleAssignments/y", "name": "y"}
    rig = await start(estate(account("a"), other, below), roles=[Role(SUBSCRIPTION)])
    assert (await rig.arm(f"/providers/{kind}")).names == ["x", "y"]
    assert (await rig.arm(f"/providers/{kind}?$filter=atScope()")).names == ["x"]
    assert (await rig.arm(f"/providers/{kind}?$filter=principalId%20eq%20'SOMEONE'")).names == ["x", "y"]
    oid = rig.emulator.estate.identity["objectId"]
    mine = (await rig.arm(f"/providers/{kind}?$filter=assignedTo('{oid}')")).body["value"]
    assert [one["properties"]["scope"] for one in mine] == [SUBSCRIPTION]
    definition = await rig.ask(f"{mine[0]['properties']['roleDefinitionId']}?{API}")
    assert definition.body["properties"]["permissions"][0]["actions"] == ["*/read"]


def test_actions_match_with_wildcards_in_any_case() -> None:
    assert grants(["*/read"], [], "Microsoft.Web/sites/read")
    assert grants(["microsoft.web/*"], [], "Microsoft.Web/sites/config/read")
    assert not grants(["*/read"], ["Microsoft.Web/*"], "Microsoft.Web/sites/read")
    assert not grants(["Microsoft.Web/sites/read"], [], "Microsoft.Web/sites/config/read")
    assert not grants(["Microsoft.[Ww]eb/*"], [], "Microsoft.Web/sites/read")


async def test_a_path_denied_by_403_is_one_request_and_stays_in_lists(start: Rigs) -> None:
    rig = await start(_estate(), deny=[Deny(f"*/{STORAGE}/*", "403")])
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a", "b"]
    assert (await rig.arm("/resources")).names == ["a", "b"]
    assert (await rig.arm(f"{WEB}/{STORAGE}/a")).status == 403
    told = (await rig.arm("/providers/Microsoft.Authorization/permissions")).body["value"][0]
    assert told["notActions"] == []


async def test_rights_come_before_existence(start: Rigs) -> None:
    rig = await start(_estate(), roles=[Role(f"{SUBSCRIPTION}/resourceGroups/rg-web")])
    assert (await rig.arm(f"/resourceGroups/none/providers/{STORAGE}")).status == 403
    assert (await rig.arm(f"{DATA}/{STORAGE}/none/blobServices/default")).status == 403


async def test_a_read_of_graph_denied_in_either_manner(start: Rigs) -> None:
    graph = {
        "v1.0/users": [{"id": "1"}],
        "v1.0/policies/authorizationPolicy": {"id": "p"},
        "v1.0/groups": [{"id": "g"}],
    }
    rig = await start(estate(graph=graph), deny=[Deny("v1.0/users", "filter"), Deny("policies/*")])
    assert (await rig.ask("/v1.0/users")).body["value"] == []
    assert (await rig.ask("/v1.0/policies/authorizationPolicy")).code == "Authorization_RequestDenied"
    assert (await rig.ask("/v1.0/groups")).body["value"] == [{"id": "g"}]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/locations", "Microsoft.Resources/subscriptions/locations/read"),
        ("/providers", "Microsoft.Resources/subscriptions/providers/read"),
        ("/resourcegroups", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("/resources", "Microsoft.Resources/subscriptions/resources/read"),
    ],
)
async def test_arms_own_lists_can_be_denied_in_either_manner(start: Rigs, path: str, action: str) -> None:
    filtered = await start(_estate(), deny=[Deny(action, "filter")])
    got = await filtered.arm(path)
    assert (got.status, got.body["value"]) == (200, [])
    refused = await start(_estate(), deny=[Deny(action)])
    got = await refused.arm(path)
    assert (got.status, got.code) == (403, "AuthorizationFailed") and action in got.text


async def test_management_groups_can_be_denied(start: Rigs) -> None:
    kind = "Microsoft.Management/managementGroups"
    root = {"id": f"/providers/{kind}/root", "name": "root", "type": kind, "properties": {}}
    rig = await start(estate(root), deny=[Deny(f"{kind}/read", "filter")])
    assert (await rig.ask(f"/providers/{kind}?{API}")).names == []
    assert (await rig.ask(f"/providers/{kind}/root?{API}")).status == 403


async def test_a_role_that_a_group_holds_is_found_for_its_member(start: Rigs) -> None:
    group = "44444444-4444-4444-8444-444444444444"
    roles = [Role("/", ("Microsoft.Storage/*",), group=group, name="Storage only"), Role(f"/subscriptions/{ONE}")]
    rig = await start(estate(account("a")), roles=roles)
    oid = rig.emulator.estate.identity["objectId"]
    path = f"/subscriptions/{ONE}/providers/Microsoft.Authorization"
    found = (await rig.ask(f"{path}/roleAssignments?{API}&$filter=assignedTo('{oid}')")).body["value"]
    assert [each["properties"]["principalId"] for each in found] == [group, oid]
    assert [each["properties"]["principalType"] for each in found] == ["Group", "ServicePrincipal"]
    named = await rig.ask(f"{found[0]['properties']['roleDefinitionId']}?{API}")
    assert named.body["properties"]["roleName"] == "Storage only"


NARROW = ("Microsoft.Resources/subscriptions/read", "Microsoft.Network/virtualNetworks/read")


@pytest.mark.parametrize(("manner", "status"), [("filter", 200), ("403", 403)])
async def test_lists_that_no_role_grants_come_back_empty_or_refused(start: Rigs, manner: str, status: int) -> None:
    rig = await start(_estate(), roles=[Role(SUBSCRIPTION, NARROW)], role_manner=manner)
    for path in (f"/providers/{STORAGE}", "/resources", "/resourcegroups"):
        got = await rig.arm(path)
        assert got.status == status and (status == 403 or got.names == []), path
    # What is configured on a subscription, and what hangs on a resource, is refused in either manner.
    assert (await rig.arm("/providers/Microsoft.Security/pricings")).status == 403
    assert (await rig.arm("/providers/Microsoft.Authorization/permissions")).status == 403
    assert (await rig.arm("/locations")).status == 403


async def test_a_subscription_is_visible_by_an_action(start: Rigs) -> None:
    rig = await start(_estate(), roles=[Role(SUBSCRIPTION, (f"{STORAGE}/read",))])
    assert (await rig.ask(f"/subscriptions?{API}")).body["value"] == []
    rig = await start(_estate(), roles=[Role(f"{SUBSCRIPTION}{WEB.removesuffix('/providers')}", NARROW)])
    assert len((await rig.ask(f"/subscriptions?{API}")).body["value"]) == 1


async def test_the_list_of_resources_shows_what_may_be_read_by_its_own_action(start: Rigs) -> None:
    list_them = "Microsoft.Resources/subscriptions/resources/read"
    rig = await start(_estate(), roles=[Role(SUBSCRIPTION, (list_them,))])
    assert (await rig.arm("/resources")).names == []
    rig = await start(_estate(), roles=[Role(SUBSCRIPTION, (list_them, f"{STORAGE}/read"))])
    assert (await rig.arm("/resources")).names == ["a", "b"]


async def test_the_root_group_reaches_every_subscription(start: Rigs) -> None:
    what = _estate()
    rig = await start(what, roles=[Role(f"/providers/Microsoft.Management/managementGroups/{what.tenant['id']}")])
    assert (await rig.arm(f"/providers/{STORAGE}")).names == ["a", "b"]


async def test_everyone_reads_the_subscription_policy(start: Rigs) -> None:
    policy = {
        "id": "/providers/Microsoft.Subscription/policies/default",
        "type": "Microsoft.Subscription/policies",
        "properties": {"blockSubscriptionsLeavingTenant": True},
    }
    what = estate(account("a"), policy)
    path = f"{policy['id']}?{API}"
    assert (await (await start(what, roles=[Role(SUBSCRIPTION, NARROW)])).ask(path)).status == 200
    denied = [Deny("Microsoft.Subscription/policies/read")]
    assert (await (await start(what, roles=[Role(SUBSCRIPTION, NARROW)], deny=denied)).ask(path)).status == 403
