"""An estate that can be broken, the doctor that looks at it, and an administrator who runs what the doctor prints."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from azscan.choosing import choose_checks
from azscan.collect.plan import Plan
from azscan.doctor.examine import examine
from azscan.doctor.finding import Finding, Report, as_document
from azscan.doctor.graph import APP_ROLES, GRAPH_APP
from azscan.emulator import Emulator, Estate, Options, Role, demo_estate, read_estate
from azscan.emulator.estate import IDENTITY, TENANT
from azscan.scan import params_of
from azscan.settings import resolve
from tests.harness import Scanned, scan, shipped, with_cloud

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
TWO = "0f9e8d7c-9999-4888-8777-666655554444"
ELSEWHERE = "99999999-9999-4999-8999-999999999999"
GROUP = "44444444-4444-4444-8444-444444444444"
OID, CLIENT = IDENTITY["objectId"], IDENTITY["clientId"]
STORAGE = "Microsoft.Storage/storageAccounts"
VISIBLE = "Microsoft.Resources/subscriptions/read"
SERVICES = ("storage", "defender", "entra", "monitor")
# What the checks of SERVICES rest on in Graph, as the emulator demands it.
WANTED = {"v1.0/policies/*": ("Policy.Read.All",), "v1.0/users": ("Directory.Read.All", "User.Read.All")}
EVERYTHING = (*APP_ROLES, "Directory.Read.All")


def resources() -> list[dict[str, Any]]:
    """A storage account, the plans of Defender with one assessment, and a management group."""
    security = f"/subscriptions/{ONE}/providers/Microsoft.Security/pricings"
    account = f"/subscriptions/{ONE}/resourceGroups/rg-web/providers/{STORAGE}/stcontoso"
    assessment = f"{account}/providers/Microsoft.Security/assessments/ffff0522-1e88-47fc-8382-2a80ba848f5d"
    groups = "Microsoft.Management/managementGroups"
    plans = ("VirtualMachines", "Containers", "CloudPosture")
    return [
        {
            "id": account,
            "type": STORAGE,
            "name": "stcontoso",
            "location": "westeurope",
            "kind": "StorageV2",
            "properties": {"supportsHttpsTrafficOnly": True, "minimumTlsVersion": "TLS1_2"},
        },
        *(
            {
                "id": f"{security}/{plan}",
                "type": "Microsoft.Security/pricings",
                "name": plan,
                "properties": {"pricingTier": "Standard"},
            }
            for plan in plans
        ),
        {
            "id": assessment,
            "type": "Microsoft.Security/assessments",
            "name": assessment.rpartition("/")[2],
            "properties": {"status": {"code": "Healthy"}},
        },
        {"id": f"/providers/{groups}/root", "type": groups, "name": "root", "properties": {"displayName": "Contoso"}},
    ]


@cache
def demo_graph() -> Mapping[str, Any]:
    """A tenant that answers whatever the checks of Entra ID ask."""
    return demo_estate().graph


@dataclass
class World:
    """An Azure with switches, and the variables of the user's shell that differ from the right ones."""

    roles: list[Role] = field(default_factory=lambda: [Role("/")])
    granted: list[str] = field(default_factory=lambda: list(EVERYTHING))
    providers: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=resources)
    secret: str = "first-secret"
    expired: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    applications: list[dict[str, Any]] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    services: tuple[str, ...] = SERVICES
    emulator: Emulator | None = None
    _added: list[str] = field(default_factory=list)

    def estate(self) -> Estate:
        """The estate as it stands."""
        return read_estate(
            {
                "format": 1,
                "identity": {"clientSecret": self.secret},
                "subscriptions": [
                    {
                        "subscriptionId": ONE,
                        "displayName": "prod",
                        "managementGroup": "root",
                        "state": self.states.get(ONE, "Enabled"),
                    }
                ],
                "resources": self.resources,
                "graph": {**demo_graph(), "v1.0/applications": self.applications},
            }
        )

    def options(self) -> Options:
        """The emulator's switches as they stand."""
        return Options(
            roles=self.roles,
            granted=self.granted,
            providers=self.providers,
            expired_secrets=self.expired,
            refused=self.refused,
            graph_permissions=WANTED,
            **self.more,
        )

    def doctor(self, folder: Path, **given: Any) -> Report:
        """The report for a scan of SERVICES."""
        settings = resolve({"services": list(self.services), **given}, {})
        choice = choose_checks(settings, shipped())
        plan = Plan(choice.catalog, choice.checks, params_of(settings, choice.catalog))

        async def work() -> Report:
            async with Emulator(self.estate(), self.options()) as emulator:
                self.emulator = emulator
                around = {**emulator.environment(emulator.write_ca(folder / "ca.pem")), **self.env}
                changed = with_cloud(settings, emulator.url)
                if "auth" in given:
                    changed = replace_auth(changed, given["auth"])
                return await examine(changed, plan, choice.checks, around, lambda text: None)

        return asyncio.run(work())

    def scan(self, folder: Path, **given: Any) -> Scanned:
        """A scan of SERVICES; raises as the command line would end."""
        folder.mkdir(exist_ok=True)
        return scan(folder, self.estate(), self.options(), services=list(self.services), **given)

    def apply(self, finding: Finding) -> None:
        """Run what the doctor printed, as an administrator of this Azure would."""
        lines = as_document(Report((finding,)), "posix")["findings"][0]["commands"]
        assert lines, f"nothing is printed to mend it: {finding}"
        for line in lines:
            words = shlex.split(line)
            names = [word for word in words if not word.startswith("-")]
            command = next((each for each in COMMANDS if names[: len(each)] == list(each)), None)
            assert command is not None, f"the administrator knows no {line}"
            COMMANDS[command](self, options_of(words))


def replace_auth(settings: Any, auth: str) -> Any:
    import msgspec

    return msgspec.structs.replace(settings, auth=auth)


def options_of(words: list[str]) -> dict[str, list[str]]:
    """The options of a command line with the words behind each."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word
            found[name] = []
        elif name:
            found[name].append(word)
    return found


def _assign(world: World, given: Mapping[str, list[str]]) -> None:
    assert given["--assignee-object-id"] == [OID] and given["--role"] == ["Reader"]
    assert given["--assignee-principal-type"] == ["ServicePrincipal"]
    # Without --subscription the user puts in the one that the scan is for.
    scope = given["--scope"][0].replace("SUBSCRIPTION_ID", ONE)
    world.roles.append(Role(scope))


def _renew(world: World, given: Mapping[str, list[str]]) -> None:
    assert given["--id"] == [CLIENT] and "--append" in given
    world.secret = "second-secret"


def _add_permission(world: World, given: Mapping[str, list[str]]) -> None:
    assert given["--id"] == [CLIENT] and given["--api"] == [GRAPH_APP]
    names = {identifier: name for name, identifier in APP_ROLES.items()}
    world._added += [names[word.removesuffix("=Role")] for word in given["--api-permissions"]]


def _consent(world: World, given: Mapping[str, list[str]]) -> None:
    assert given["--id"] == [CLIENT] and world._added
    world.granted += world._added


def _register(world: World, given: Mapping[str, list[str]]) -> None:
    assert given["--subscription"] == [ONE]
    del world.providers[given["--namespace"][0]]


def _plan_on(world: World, given: Mapping[str, list[str]]) -> None:
    for each in world.resources:
        if each["type"] == "Microsoft.Security/pricings" and each["name"] == given["--name"][0]:
            each["properties"] = {"pricingTier": given["--tier"][0].title()}


def _enable(world: World, given: Mapping[str, list[str]]) -> None:
    del world.states[given["--subscription-id"][0]]


def _tell_tenants(world: World, given: Mapping[str, list[str]]) -> None:
    # The list shows the tenant of the wanted subscription, which the user puts into the variable.
    world.env["AZURE_TENANT_ID"] = TENANT


def _look_up_sign_in(world: World, given: Mapping[str, list[str]]) -> None:
    # The record names the policy, and its owner leaves the app out of it.
    (url,) = given["--url"]
    assert url.startswith("https://graph.microsoft.com/v1.0/auditLogs/signIns?$filter=correlationId%20eq%20'")
    assert "REQUEST" not in url
    world.refused.clear()


COMMANDS: dict[tuple[str, ...], Callable[[World, Mapping[str, list[str]]], None]] = {
    ("az", "role", "assignment", "create"): _assign,
    ("az", "ad", "app", "credential", "reset"): _renew,
    ("az", "ad", "app", "permission", "add"): _add_permission,
    ("az", "ad", "app", "permission", "admin-consent"): _consent,
    ("az", "provider", "register"): _register,
    ("az", "security", "pricing", "create"): _plan_on,
    ("az", "account", "subscription", "enable"): _enable,
    ("az", "account", "list"): _tell_tenants,
    ("az", "rest"): _look_up_sign_in,
}


def found(report: Report, name: str) -> Finding:
    """The one finding of that name."""
    (one,) = [each for each in report.findings if each.name == name]
    return one


def states(report: Report) -> dict[str, str]:
    """Worst state by name."""
    order = {"ok": 0, "warning": 1, "blocking": 2}
    held: dict[str, str] = {}
    for each in report.findings:
        if order[each.state] >= order[held.get(each.name, "ok")]:
            held[each.name] = each.state
    return held


__all__ = ["ELSEWHERE", "GROUP", "ONE", "STORAGE", "TWO", "World", "found", "states"]
