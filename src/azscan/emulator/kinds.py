"""How lists of certain types behave; all other types are listed as resources are."""

from __future__ import annotations

# Listed at a scope with all that stands below it.
REACHING_DOWN = frozenset(
    (
        "microsoft.authorization/denyassignments",
        "microsoft.authorization/locks",
        "microsoft.authorization/policyassignments",
        "microsoft.authorization/policyexemptions",
        "microsoft.authorization/roleassignments",
        "microsoft.authorization/roleassignmentscheduleinstances",
        "microsoft.authorization/roleassignmentschedules",
        "microsoft.authorization/roleeligibilityscheduleinstances",
        "microsoft.authorization/roleeligibilityschedules",
        "microsoft.security/assessments",
        "microsoft.security/alerts",
        "microsoft.advisor/recommendations",
        "microsoft.resourcehealth/availabilitystatuses",
    )
)

# Listed at a scope with what stands above it: on management groups, or built in.
INHERITED = frozenset(
    (
        "microsoft.authorization/denyassignments",
        "microsoft.authorization/policyassignments",
        "microsoft.authorization/policydefinitions",
        "microsoft.authorization/policyexemptions",
        "microsoft.authorization/policysetdefinitions",
        "microsoft.authorization/roleassignments",
        "microsoft.authorization/roleassignmentscheduleinstances",
        "microsoft.authorization/roleassignmentschedules",
        "microsoft.authorization/roledefinitions",
        "microsoft.authorization/roleeligibilityscheduleinstances",
        "microsoft.authorization/roleeligibilityschedules",
    )
)

# Listed with what stands at the scope itself and nothing below.
EXACT = frozenset(
    (
        "microsoft.insights/diagnosticsettings",
        "microsoft.security/pricings",
        "microsoft.security/settings",
        "microsoft.security/securitycontacts",
        "microsoft.security/autoprovisioningsettings",
    )
)

# Providers of what is configured on a scope: without a role at the scope their lists are 403, not filtered.
CONFIGURED = frozenset(
    (
        "microsoft.authorization",
        "microsoft.security",
        "microsoft.policyinsights",
        "microsoft.consumption",
    )
)

# Names of children that are there once their parent is, whether the estate describes them or not.
SINGLETONS = frozenset(
    (
        "default",
        "current",
        "web",
        "logs",
        "shortterm",
        "longterm",
    )
)

# Types whose read has an action of another name: a list without the region that the action has, and rows of a query.
_ACTIONS = {
    "microsoft.policyinsights/policystates": "Microsoft.PolicyInsights/policyStates/queryResults",
    "microsoft.security/jitnetworkaccesspolicies": "Microsoft.Security/locations/jitNetworkAccessPolicies",
}

# Read by everyone in the tenant, whatever their roles:
# https://learn.microsoft.com/azure/cost-management-billing/manage/manage-azure-subscription-policy
OPEN = frozenset(("microsoft.subscription/policies",))


def read_action(kind: str) -> str:
    """The RBAC action that reading a resource type takes."""
    return f"{_ACTIONS.get(kind.lower(), kind)}/read"
