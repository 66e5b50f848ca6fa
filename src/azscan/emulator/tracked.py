"""Which objects the generic resource list of a subscription shows: tracked resources, not their proxies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azscan.emulator.addresses import Address

# Nested types that are tracked resources of their own: they have location and tags in their schema
# (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support).
NESTED = frozenset(
    (
        "microsoft.app/managedenvironments/certificates",
        "microsoft.app/managedenvironments/managedcertificates",
        "microsoft.automation/automationaccounts/configurations",
        "microsoft.automation/automationaccounts/runbooks",
        "microsoft.cdn/profiles/afdendpoints",
        "microsoft.cdn/profiles/endpoints",
        "microsoft.cognitiveservices/accounts/projects",
        "microsoft.communication/emailservices/domains",
        "microsoft.compute/capacityreservationgroups/capacityreservations",
        "microsoft.compute/galleries/applications",
        "microsoft.compute/galleries/applications/versions",
        "microsoft.compute/galleries/images",
        "microsoft.compute/galleries/images/versions",
        "microsoft.compute/hostgroups/hosts",
        "microsoft.compute/virtualmachines/extensions",
        "microsoft.compute/virtualmachines/runcommands",
        "microsoft.containerregistry/registries/agentpools",
        "microsoft.containerregistry/registries/replications",
        "microsoft.containerregistry/registries/tasks",
        "microsoft.containerregistry/registries/webhooks",
        "microsoft.containerservice/managedclusters/managednamespaces",
        "microsoft.datamigration/services/projects",
        "microsoft.devcenter/projects/pools",
        "microsoft.devtestlab/labs/virtualmachines",
        "microsoft.healthcareapis/workspaces/dicomservices",
        "microsoft.healthcareapis/workspaces/fhirservices",
        "microsoft.healthcareapis/workspaces/iotconnectors",
        "microsoft.hybridcompute/machines/extensions",
        "microsoft.machinelearningservices/workspaces/batchendpoints",
        "microsoft.machinelearningservices/workspaces/onlineendpoints",
        "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments",
        "microsoft.maps/accounts/creators",
        "microsoft.netapp/netappaccounts/backupvaults",
        "microsoft.netapp/netappaccounts/capacitypools",
        "microsoft.netapp/netappaccounts/capacitypools/volumes",
        "microsoft.network/dnsresolvers/inboundendpoints",
        "microsoft.network/dnsresolvers/outboundendpoints",
        "microsoft.network/networkwatchers/connectionmonitors",
        "microsoft.network/networkwatchers/flowlogs",
        "microsoft.network/privatednszones/virtualnetworklinks",
        "microsoft.notificationhubs/namespaces/notificationhubs",
        "microsoft.resources/templatespecs/versions",
        "microsoft.signalrservice/signalr/replicas",
        "microsoft.sql/managedinstances/databases",
        "microsoft.sql/servers/databases",
        "microsoft.sql/servers/elasticpools",
        "microsoft.sql/servers/jobagents",
        "microsoft.synapse/workspaces/bigdatapools",
        "microsoft.synapse/workspaces/kustopools",
        "microsoft.synapse/workspaces/sqlpools",
        "microsoft.web/sites/premieraddons",
        "microsoft.web/sites/slots",
    )
)


def is_tracked(address: Address, body: Mapping[str, Any]) -> bool:
    """Whether the generic list shows an object: it lies in a group, has a location, and is no proxy or extension."""
    if not address.group or address.depth != 1 or not body.get("location"):
        return False
    return len(address.types) == 1 or address.type in NESTED
