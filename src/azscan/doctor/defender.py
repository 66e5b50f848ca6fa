"""Diagnoses of Defender for Cloud: switched on, plans that checks depend on, and first data that is not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from azscan.azure.answers import Fault
from azscan.azure.records import properties_of, text_of
from azscan.catalog.model import Check
from azscan.doctor.finding import Finding, Portal, filled
from azscan.doctor.subscriptions import name_of
from azscan.words import count

NAMESPACE = "Microsoft.Security"
PRICINGS = "/subscriptions/{subscription}/providers/Microsoft.Security/pricings?api-version=2024-01-01"
COLLECTION = "security_assessment"

# Recommendations (by the key that checks compare with) → what finds them, and the plans of which any one does:
# https://learn.microsoft.com/azure/defender-for-cloud/recommendations-reference-container,
# https://learn.microsoft.com/azure/defender-for-cloud/agentless-vulnerability-assessment-azure,
# https://learn.microsoft.com/azure/defender-for-cloud/recommendations-reference-compute
PLANS: Mapping[str, tuple[str, ...]] = {
    "c609cf0f-71ab-41e9-a3c6-9a1f7fe1b8d5": ("Containers", "CloudPosture"),
    "ffff0522-1e88-47fc-8382-2a80ba848f5d": ("VirtualMachines", "CloudPosture"),
}
# https://learn.microsoft.com/azure/defender-for-cloud/powershell-onboarding begins with registering the provider
_REGISTER = "az provider register --namespace Microsoft.Security --subscription {subscription_id}"
_SWITCH_ON = "az security pricing create --name {plan} --tier standard --subscription {subscription_id}"
_SETTINGS = "Microsoft_Azure_Security/SecurityMenuBlade/~/EnvironmentSettings"


def diagnose(
    subscription: Mapping[str, Any],
    plans: list[dict[str, Any]],
    fault: Fault | None,
    assessments: int | None,
    checks: Iterable[Check],
    portal: Portal,
) -> list[Finding]:
    """How Defender stands in one subscription.

    `plans` are its pricings, or `fault` why they could not be read; `assessments` is how many recommendations it has
    assessed there, None where that is not known. `checks` are the selected ones that rest on assessments.
    """
    key, name, page = str(subscription["subscriptionId"]), name_of(subscription), portal.view(_SETTINGS)
    values = {"subscription_id": key}
    if fault is not None and fault.kind == "not_registered":
        what = f"{name}: Defender for Cloud is off (its provider {NAMESPACE} is not registered)"
        means = "nothing is assessed there and checks of it fail; its free tier is enough to begin with"
        return [Finding("defender", "defender", "warning", what, means, page, (filled(_REGISTER, values),), key)]
    if fault is not None:
        return []
    paid = {
        text_of(each, "name") for each in plans if text_of(properties_of(each), "pricingTier").lower() == "standard"
    }
    if not plans:
        what = f"{name}: no plan of Defender for Cloud is shown"
        means = "it is off, or this identity may not read its plans (Microsoft.Security/pricings/read)"
        return [Finding("defender", "defender", "warning", what, means, page, (filled(_REGISTER, values),), key)]
    tier = f"with {count(len(paid), 'paid plan')}" if paid else "in its free tier"
    found = [Finding("defender", "defender", "ok", f"{name}: Defender for Cloud is on, {tier}", subscription=key)]
    checks = list(checks)
    for plan, resting in _plans_off(paid, checks).items():
        what = f"{name}: the plan {plan} of Defender for Cloud is off"
        means = f"{', '.join(resting)} find nothing without it; it is paid for"
        command = filled(_SWITCH_ON, {**values, "plan": plan})
        found.append(Finding("defender", "defender-plan", "warning", what, means, page, (command,), key))
    if assessments == 0 and checks:
        found.append(_no_data(name, key, len(checks), portal))
    return found


def _no_data(name: str, key: str, checks: int, portal: Portal) -> Finding:
    """Right after Defender was switched on.

    First recommendations come within minutes, what takes a scan of machines and images later, up to a day:
    https://learn.microsoft.com/azure/defender-for-cloud/connect-azure-subscription
    """
    what = f"{name}: Defender for Cloud has not assessed anything yet"
    means = f"{count(checks, 'check')} will find nothing; after it was switched on, first data can take up to 24 hours"
    page = portal.view("Microsoft_Azure_Security/SecurityMenuBlade/~/5")
    command = ("az", "security", "assessment", "list", "--subscription", key)
    return Finding("defender", "first-data", "warning", what, means, page, (command,), key)


def _plans_off(paid: set[str], checks: Iterable[Check]) -> dict[str, list[str]]:
    """Plan → the checks that find nothing without it (or another one that does the same)."""
    found: dict[str, list[str]] = {}
    for check in checks:
        condition = str(check.applies)
        for key, plans in PLANS.items():
            if key in condition and paid.isdisjoint(plans):
                found.setdefault(plans[0], []).append(check.id)
    return found
