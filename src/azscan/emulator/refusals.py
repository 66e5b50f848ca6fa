"""What Entra ID says when it refuses a sign-in, by the number of its code.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes; which `error` goes with which, from
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-token-endpoint-errors
"""

from __future__ import annotations

from collections.abc import Mapping

from azscan.emulator.authority import Refused
from azscan.errors import UsageError

_GRANT, _CLIENT, _INTERACTION = "invalid_grant", "invalid_client", "interaction_required"

# code → HTTP status, error, words; {client}, {tenant} and {user} are filled in.
_WORDS: Mapping[int, tuple[int, str, str]] = {
    50020: (
        400,
        _GRANT,
        "User account '{user}' from identity provider 'https://sts.windows.net/99999999-9999-4999-8999-999999999999/' "
        "does not exist in tenant '{tenant}' and cannot access the application '{client}' in that tenant. The account "
        "needs to be added as an external user in the tenant first.",
    ),
    50034: (
        400,
        _GRANT,
        "The user account {user} does not exist in the {tenant} directory. To sign into this application, the account "
        "must be added to the directory.",
    ),
    50057: (400, _GRANT, "The user account is disabled."),
    50076: (
        400,
        _INTERACTION,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        "use multi-factor authentication to access '797f4846-ba00-4fd7-ba43-dac1f8f63013'.",
    ),
    50079: (
        400,
        _INTERACTION,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        "enroll in multi-factor authentication to access '797f4846-ba00-4fd7-ba43-dac1f8f63013'.",
    ),
    50173: (
        400,
        _GRANT,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have "
        "changed or reset their password.",
    ),
    53003: (
        400,
        _INTERACTION,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    65001: (
        400,
        _GRANT,
        "The user or administrator has not consented to use the application with ID '{client}' named 'azscan'. Send an "
        "interactive authorization request for this user and resource.",
    ),
    65002: (
        400,
        _CLIENT,
        "Consent between first party application '{client}' and first party resource "
        "'00000003-0000-0000-c000-000000000000' must be configured via preauthorization - applications owned and "
        "operated by Microsoft must get approval from the API owner before requesting tokens for that API.",
    ),
    70043: (
        400,
        _GRANT,
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    500011: (
        400,
        "invalid_resource",
        "The resource principal named https://management.azure.com was not found in the tenant named {tenant}. This "
        "can happen if the application has not been installed by the administrator of the tenant or consented to by "
        "any user in the tenant. You might have sent your authentication request to the wrong tenant.",
    ),
    700024: (
        401,
        _CLIENT,
        "Client assertion is not within its valid time range. Review the documentation at "
        "https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
    ),
    700027: (
        401,
        _CLIENT,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - The key was not found.]",
    ),
    700082: (
        400,
        _GRANT,
        "The refresh token has expired due to inactivity. The token was issued on 2026-01-01T00:00:00.0000000Z and "
        "was inactive for 90.00:00:00.",
    ),
    700211: (
        401,
        _CLIENT,
        "No matching federated identity record found for presented assertion issuer 'https://issuer.example'. Check "
        "your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    ),
    700213: (
        401,
        _CLIENT,
        "No matching federated identity record found for presented assertion subject 'repo:contoso/app:ref:main'. "
        "Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    ),
    7000112: (400, "unauthorized_client", "Application '{client}'(azscan) is disabled."),
}


def refused(code: int, client: str, tenant: str, user: str) -> Refused:
    """The refusal with that code. Raises UsageError for a code whose words are not known here."""
    if code not in _WORDS:
        known = ", ".join(map(str, sorted(_WORDS)))
        raise UsageError(f"the emulator cannot refuse with AADSTS{code}", hint=f"it knows {known}")
    status, kind, words = _WORDS[code]
    return Refused(status, kind, code, words.format(client=client, tenant=tenant, user=user))
