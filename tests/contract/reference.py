"""The calls of Microsoft's own clients that declared reads must equal, and how they are recorded and replayed.

`python -m tests.contract.reference [READ…]` records calls anew against the emulator, into tests/cassettes. A call that
the installed client has no more (OLDER says which version had it) keeps its cassette.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import vcr

from azscan.catalog.builtin import BUILT_IN
from azscan.catalog.load import load
from azscan.catalog.model import Catalog, Collection
from azscan.emulator import Emulator, Estate, Options

CASSETTES = Path(__file__).resolve().parents[1] / "cassettes"
HOST = "https://management.azure.com"
SUBSCRIPTION = "11111111-aaaa-4aaa-8aaa-111111111111"
GROUP = "rg-contract"
NAME = "contoso1"

# The providers whose client stands among the test dependencies.
PROVIDERS = frozenset(
    f"microsoft.{name}" for name in ("resources", "network", "storage", "keyvault", "insights", "security")
)

Call = Callable[[Any, str], Any]


class Reference(NamedTuple):
    """The client's name and its call; the call gets the client and the id of the parent (or of the listed item)."""

    client: str
    call: Call


# By collection, `collection.detail` for the get that completes a listed record.
REFERENCES: Mapping[str, Reference] = {
    "resource": Reference("resource", lambda client, _: client.resources.list()),
    "resource_group": Reference("resource", lambda client, _: client.resource_groups.list()),
    "subscription": Reference("subscription", lambda client, _: client.subscriptions.list()),
    "tenant": Reference("subscription", lambda client, _: client.tenants.list()),
    "location": Reference("subscription", lambda client, _: client.subscriptions.list_locations(SUBSCRIPTION)),
    "network_security_group": Reference("network", lambda client, _: client.network_security_groups.list_all()),
    "virtual_network": Reference("network", lambda client, _: client.virtual_networks.list_all()),
    "subnet": Reference("network", lambda client, _: client.subnets.list(GROUP, NAME)),
    "network_interface": Reference("network", lambda client, _: client.network_interfaces.list_all()),
    "public_ip_address": Reference("network", lambda client, _: client.public_ip_addresses.list_all()),
    "bastion_host": Reference("network", lambda client, _: client.bastion_hosts.list()),
    "network_watcher": Reference("network", lambda client, _: client.network_watchers.list_all()),
    "flow_log": Reference("network", lambda client, _: client.flow_logs.list(GROUP, NAME)),
    "application_gateway": Reference("network", lambda client, _: client.application_gateways.list_all()),
    "application_gateway_waf_policy": Reference(
        "network", lambda client, _: client.web_application_firewall_policies.list_all()
    ),
    "azure_firewall": Reference("network", lambda client, _: client.azure_firewalls.list_all()),
    "ddos_protection_plan": Reference("network", lambda client, _: client.ddos_protection_plans.list()),
    "express_route_circuit": Reference("network", lambda client, _: client.express_route_circuits.list_all()),
    "express_route_port": Reference("network", lambda client, _: client.express_route_ports.list()),
    "firewall_policy": Reference("network", lambda client, _: client.firewall_policies.list_all()),
    "firewall_rule_group": Reference(
        "network", lambda client, _: client.firewall_policy_rule_collection_groups.list(GROUP, NAME)
    ),
    "load_balancer": Reference("network", lambda client, _: client.load_balancers.list_all()),
    "nat_gateway": Reference("network", lambda client, _: client.nat_gateways.list_all()),
    "private_endpoint": Reference("network", lambda client, _: client.private_endpoints.list_by_subscription()),
    "private_link_service": Reference("network", lambda client, _: client.private_link_services.list_by_subscription()),
    "route_table": Reference("network", lambda client, _: client.route_tables.list_all()),
    "virtual_hub": Reference("network", lambda client, _: client.virtual_hubs.list()),
    "virtual_wan": Reference("network", lambda client, _: client.virtual_wans.list()),
    "vpn_server_configuration": Reference("network", lambda client, _: client.vpn_server_configurations.list()),
    "storage_account": Reference("storage", lambda client, _: client.storage_accounts.list()),
    "blob_service": Reference("storage", lambda client, _: client.blob_services.get_service_properties(GROUP, NAME)),
    "container": Reference("storage", lambda client, _: client.blob_containers.list(GROUP, NAME)),
    "file_service": Reference("storage", lambda client, _: client.file_services.get_service_properties(GROUP, NAME)),
    "blob_log_setting": Reference(
        "monitor", lambda client, parent: client.diagnostic_settings.list(f"{parent.lstrip('/')}/blobServices/default")
    ),
    "key_vault": Reference("keyvault", lambda client, _: client.vaults.list_by_subscription()),
    "key_vault_key": Reference("keyvault", lambda client, _: client.keys.list(GROUP, NAME)),
    "key_vault_key.detail": Reference("keyvault", lambda client, _: client.keys.get(GROUP, NAME, NAME)),
    "key_vault_secret": Reference("keyvault", lambda client, _: client.secrets.list(GROUP, NAME)),
    "managed_hsm": Reference("keyvault", lambda client, _: client.managed_hsms.list_by_subscription()),
    "managed_hsm_key": Reference("keyvault", lambda client, _: client.managed_hsm_keys.list(GROUP, NAME)),
    "managed_hsm_key.detail": Reference("keyvault", lambda client, _: client.managed_hsm_keys.get(GROUP, NAME, NAME)),
    "activity_log_alert": Reference("monitor", lambda client, _: client.activity_log_alerts.list_by_subscription_id()),
    "action_group": Reference("monitor", lambda client, _: client.action_groups.list_by_subscription_id()),
    "autoscale_setting": Reference("monitor", lambda client, _: client.autoscale_settings.list_by_subscription()),
    "subscription_diagnostic_setting": Reference(
        "monitor", lambda client, _: client.diagnostic_settings.list(f"subscriptions/{SUBSCRIPTION}")
    ),
    "diagnostic_setting": Reference(
        "monitor", lambda client, parent: client.diagnostic_settings.list(parent.lstrip("/"))
    ),
    "data_collection_endpoint": Reference(
        "monitor", lambda client, _: client.data_collection_endpoints.list_by_subscription()
    ),
    "log_search_alert": Reference("monitor", lambda client, _: client.scheduled_query_rules.list_by_subscription()),
    "defender_plan": Reference("security", lambda client, _: client.pricings.list(f"subscriptions/{SUBSCRIPTION}")),
    "security_contact": Reference("security", lambda client, _: client.security_contacts.list()),
    "defender_setting": Reference("security", lambda client, _: client.settings.list()),
    "jit_policy": Reference("security", lambda client, _: client.jit_network_access_policies.list()),
    "auto_provisioning_setting": Reference("security", lambda client, _: client.auto_provisioning_settings.list()),
    "server_vulnerability_setting": Reference(
        "security", lambda client, _: client.server_vulnerability_assessments_settings.list_by_subscription()
    ),
    "security_automation": Reference("security", lambda client, _: client.automations.list()),
    "alert_suppression_rule": Reference("security", lambda client, _: client.alerts_suppression_rules.list()),
    "iot_security_solution": Reference(
        "security", lambda client, _: client.iot_security_solution.list_by_subscription()
    ),
}

# Calls that later versions of a client lack, and the version that the cassette was recorded with.
OLDER: Mapping[str, str] = {
    "blob_log_setting": "azure-mgmt-monitor 6.0.2",
    "diagnostic_setting": "azure-mgmt-monitor 6.0.2",
    "subscription_diagnostic_setting": "azure-mgmt-monitor 6.0.2",
    "location": "azure-mgmt-resource 23.4.0",
    "subscription": "azure-mgmt-resource 23.4.0",
    "tenant": "azure-mgmt-resource 23.4.0",
}

# Reads of those providers for which their client has no call, and why.
WITHOUT: Mapping[str, str] = {
    "application_insights": "azure-mgmt-monitor has no components; they have a client of their own",
    "private_link_scope": "azure-mgmt-monitor 7.0.0 has no private link scopes",
    "dns_zone": "azure-mgmt-network has no DNS zones; they have a client of their own",
    "dnssec_config": "azure-mgmt-network has no DNS zones; they have a client of their own",
    "front_door_classic": "azure-mgmt-network has no Front Door; it has a client of its own",
    "front_door_waf_policy": "azure-mgmt-network has no policies of Front Door; they have a client of their own",
    "private_dns_zone": "azure-mgmt-network has no private DNS zones; they have a client of their own",
}


class Read(NamedTuple):
    """One declared read, from one place: the collection, the parent's (or item's) id, whether it is the detail."""

    key: str
    kind: Collection
    at: str
    detail: bool

    @property
    def cassette(self) -> str:
        """The file that holds the client's call; a collection of several parents has one for each."""
        below = ""
        if len(self.kind.of) > 1 and self.at:
            provider, *types = self.at.rpartition("/providers/")[2].split("/")
            below = f"-{provider.rpartition('.')[2].lower()}-{types[-2]}"
        return f"{self.key.replace('.', '-')}{below}.yaml"


def declared(catalog: Catalog) -> list[Read]:
    """Every read of the six providers that the catalogue declares, or that azscan makes by itself."""
    kinds = {**catalog.collections, **BUILT_IN}
    reads: list[Read] = []
    for kind in kinds.values():
        if kind.host != "arm" or kind.kql or kind.type.split("/")[0].lower() not in PROVIDERS:
            continue
        reads += [
            Read(kind.name, kind, _id_of(kinds[parent], kinds) if parent else "", False) for parent in kind.of or ("",)
        ]
        if kind.detail:
            reads.append(Read(f"{kind.name}.detail", kind, _id_of(kind, kinds), True))
    return reads


def compared(catalog: Catalog) -> list[Read]:
    """The declared reads that have a reference."""
    return [read for read in declared(catalog) if read.key in REFERENCES]


def _id_of(kind: Collection, kinds: Mapping[str, Collection]) -> str:
    """The id of a record of the collection in the estate that is recorded from."""
    at = f"/subscriptions/{SUBSCRIPTION}"
    provider, *types = kind.type.split("/")
    if not kind.of:
        in_group = "" if kind.presence == "always" else f"/resourceGroups/{GROUP}"
        return f"{at}{in_group}/providers/{provider}/" + "/".join(f"{each}/{NAME}" for each in types)
    parent = _id_of(kinds[kind.of[0]], kinds)
    path = (kind.get or kind.list).replace("{id}", parent)
    return path if kind.get else f"{path}/{NAME}"


def sample(catalog: Catalog) -> Estate:
    """An estate with one record of each collection that is compared, and their parents."""
    kinds = {**catalog.collections, **BUILT_IN}
    ids: dict[str, str] = {}
    for read in compared(catalog):
        if read.kind.name in BUILT_IN:
            continue
        for name in (*read.kind.of, read.kind.name):
            ids[_id_of(kinds[name], kinds)] = kinds[name].type
        if len(read.kind.of) > 1:
            ids[f"{read.kind.list.replace('{id}', read.at)}/{NAME}"] = read.kind.type
    resources = [
        {"id": each, "name": each.rpartition("/")[2], "type": type_name, "location": "westeurope", "properties": {}}
        for each, type_name in ids.items()
    ]
    return Estate(resources=resources, subscriptions=[{"subscriptionId": SUBSCRIPTION}])


def without_api_version(first: Any, second: Any) -> None:
    """Matches requests by their query, whatever api-version they ask for."""
    assert _query(first.uri) == _query(second.uri)


def recorder(**settings: Any) -> vcr.VCR:
    """vcrpy, matching by method, path and query without api-version."""
    made = vcr.VCR(cassette_library_dir=str(CASSETTES), decode_compressed_response=True, **settings)
    made.register_matcher("query without api-version", without_api_version)
    made.match_on = ["method", "path", "query without api-version"]
    return made


def api_of(uri: str) -> str:
    """The api-version that a URL asks for."""
    return dict(parse_qsl(urlsplit(uri).query)).get("api-version", "")


def _query(uri: str) -> list[tuple[str, str]]:
    pairs = parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    return sorted(pair for pair in pairs if pair[0] != "api-version")


def _client(name: str, credential: Any, **settings: Any) -> Any:
    # The clients take seconds to import, and only recording needs them.
    if name == "resource":
        from azure.mgmt.resource.resources.aio import ResourceManagementClient as Client
    elif name == "subscription":
        from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

        return SubscriptionClient(credential, **settings)
    elif name == "network":
        from azure.mgmt.network.aio import NetworkManagementClient as Client
    elif name == "storage":
        from azure.mgmt.storage.aio import StorageManagementClient as Client
    elif name == "keyvault":
        from azure.mgmt.keyvault.aio import KeyVaultManagementClient as Client
    elif name == "monitor":
        from azure.mgmt.monitor.aio import MonitorManagementClient as Client
    else:
        from azure.mgmt.security.aio import SecurityCenter as Client
    return Client(credential, SUBSCRIPTION, **settings)


class _Token:
    """A credential that gives the emulator's own token."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def get_token(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken(self.token, 4_000_000_000)

    async def close(self) -> None: ...


async def record(only: Sequence[str] = (), folder: Path = CASSETTES) -> Mapping[str, str]:
    """Make the reference calls against the emulator and write their cassettes; says for each file what became of it.

    `only` are the reads to record; none means all.
    """
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    catalog = load()
    told: dict[str, str] = {}
    async with Emulator(sample(catalog), Options()) as emulator:
        context = ssl.create_default_context(cadata=emulator.ca_pem)

        def scrub_request(request: Any) -> Any:
            request.uri = request.uri.replace(emulator.url, HOST)
            request.headers = {}
            return request

        def scrub_response(response: dict[str, Any]) -> dict[str, Any]:
            body = response["body"]["string"].replace(emulator.url.encode(), HOST.encode())
            return {**response, "headers": {"Content-Type": ["application/json"]}, "body": {"string": body}}

        tape = recorder(before_record_request=scrub_request, before_record_response=scrub_response)
        for read in compared(catalog):
            if only and read.key not in only:
                continue
            file = folder / read.cassette
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
            settings = {
                "base_url": emulator.url,
                "transport": AioHttpTransport(session=session, session_owner=True, use_env_settings=False),
                "retry_total": 0,
            }
            try:
                with tape.use_cassette(str(file), record_mode="all") as cassette:
                    await _make(read, _Token(emulator.token()), settings)
                    assert cassette.dirty, f"{read.key}: the client asked for nothing"
            except (ImportError, AttributeError) as missing:
                assert read.key in OLDER, f"{read.key}: {missing}"
                told[file.name] = f"kept, as the installed client has no such call ({OLDER[read.key]} had it)"
                continue
            finally:
                await session.close()
            text = file.read_text(encoding="utf-8")
            assert emulator.url not in text and "Bearer" not in text, f"{file.name} is not scrubbed"
            told[file.name] = "recorded"
    return told


async def _make(read: Read, credential: Any, settings: Mapping[str, Any]) -> None:
    reference = REFERENCES[read.key]
    async with _client(reference.client, credential, **settings) as client:
        answer = reference.call(client, read.at)
        if inspect.isawaitable(answer):
            await answer
        else:
            async for _ in answer:
                pass


def recorded(read: Read) -> Iterator[str]:
    """The URLs in the cassette of a read."""
    text = (CASSETTES / read.cassette).read_text(encoding="utf-8")
    yield from re.findall(r"^    uri: (\S+)$", text, flags=re.MULTILINE)


if __name__ == "__main__":
    CASSETTES.mkdir(exist_ok=True)
    for name, what in asyncio.run(record(sys.argv[1:])).items():
        print(f"{name}: {what}", file=sys.stderr)
