"""Diagnoses of resource providers: which of those that the checks read are not registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from azscan.azure.records import text_of
from azscan.collect.plan import Plan
from azscan.doctor.finding import Finding, Portal, filled
from azscan.doctor.subscriptions import name_of
from azscan.words import count

# https://learn.microsoft.com/rest/api/resources/providers/list
PROVIDERS = "/subscriptions/{subscription}/providers?api-version=2021-04-01"
_REGISTER = "az provider register --namespace {namespace} --subscription {subscription_id}"
_REGISTERED = ("registered", "registering", "")


def diagnose(
    subscription: Mapping[str, Any], states: Iterable[Mapping[str, Any]], plan: Plan, portal: Portal
) -> list[Finding]:
    """A warning for each provider without which something that is always read is not configured.

    A tracked resource cannot exist where its provider is not registered: that is no trouble, and told in one line. For
    what is configured on a subscription it means that nothing is, and the checks judge that.
    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
    """
    key, name = str(subscription["subscriptionId"]), name_of(subscription)
    off = {
        namespace.lower(): namespace
        for each in states
        if (namespace := text_of(dict(each), "namespace"))
        and text_of(dict(each), "registrationState").lower() not in _REGISTERED
    }
    configured = _configured(plan)
    found = [
        Finding(
            "providers",
            "provider",
            "warning",
            f"{name}: the resource provider {off[low]} is not registered",
            f"nothing of it is configured there, which {count(len(checks), 'check')} will judge",
            portal.resource(f"/subscriptions/{key}", "resourceproviders"),
            (filled(_REGISTER, {"namespace": off[low], "subscription_id": key}),),
            key,
        )
        for low, checks in sorted(configured.items())
        if low in off
    ]
    idle = len(off.keys() & _namespaces(plan)) - len(found)
    without = f"; {count(idle, 'more', 'more')} cannot hold resources, which is no trouble" if idle else ""
    if found:
        return found
    what = f"{name}: every resource provider that must be there is registered{without}"
    return [Finding("providers", "providers", "ok", what, subscription=key)]


def _configured(plan: Plan) -> dict[str, set[str]]:
    """Namespaces of what is read whether or not there are resources, in lower case, with the checks that read it."""
    found: dict[str, set[str]] = {}
    for name in plan.collections:
        kind = plan.kind(name)
        # Resource Graph answers without a provider's registration; Defender has a diagnosis of its own.
        if kind.host == "arm" and kind.presence == "always" and not kind.of and not kind.kql:
            namespace = kind.type.partition("/")[0].lower()
            if namespace != "microsoft.security":
                found.setdefault(namespace, set()).update(plan.checks_of.get(name, ()))
    return found


def _namespaces(plan: Plan) -> set[str]:
    kinds = map(plan.kind, plan.collections)
    return {kind.type.partition("/")[0].lower() for kind in kinds if kind.host == "arm"}
