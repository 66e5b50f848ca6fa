"""The collections that every catalogue has: what azscan reads to know what there is to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from azscan.catalog.attachments import Attached, attachments, level
from azscan.catalog.model import Catalog, Collection

RESOURCES: Final = Collection(
    name="resource",
    service="azscan",
    type="Microsoft.Resources/resources",
    api={"": "2021-04-01"},
    presence="always",
    attach_as="resources",
    list="/subscriptions/{subscriptionId}/resources",
    action="Microsoft.Resources/subscriptions/resources/read",
)
RESOURCE_GROUPS: Final = Collection(
    name="resource_group",
    service="azscan",
    type="Microsoft.Resources/resourceGroups",
    api={"": "2021-04-01"},
    presence="always",
    attach_as="resource_groups",
    list="/subscriptions/{subscriptionId}/resourcegroups",
    action="Microsoft.Resources/subscriptions/resourceGroups/read",
)
SUBSCRIPTION: Final = Collection(
    name="subscription",
    service="azscan",
    type="Microsoft.Resources/subscriptions",
    api={"": "2022-12-01"},
    presence="always",
    attach_as="subscription",
    list="/subscriptions",
    action="Microsoft.Resources/subscriptions/read",
)
TENANT: Final = Collection(
    name="tenant",
    service="azscan",
    type="Microsoft.Resources/tenants",
    api={"": "2022-12-01"},
    presence="always",
    attach_as="tenant",
    list="/tenants",
    action="Microsoft.Resources/tenants/read",
)

BUILT_IN: Final = {each.name: each for each in (RESOURCES, RESOURCE_GROUPS, SUBSCRIPTION, TENANT)}


def is_tenant_level(collection: Collection, known: Mapping[str, Collection] = BUILT_IN) -> bool:
    """True where a collection is read once per tenant (Microsoft Graph, ARM's tenant level), or hangs on such a one."""
    if collection.of:
        parent = known.get(collection.of[0])
        return is_tenant_level(parent, known) if parent is not None else collection.host == "graph"
    return level(collection) == "tenant" and collection.name != SUBSCRIPTION.name


def parts_of(catalog: Catalog) -> Mapping[str, Mapping[str, Attached]]:
    """For every subject, what is attached to its documents, with what azscan itself lists for a subscription."""
    return attachments([*catalog.collections.values(), RESOURCES, RESOURCE_GROUPS])
