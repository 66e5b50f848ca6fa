"""The ways of signing in: each turns settings and environment into a source of tokens, or says what is missing.

The names of the variables are those of azure-identity's documentation
(https://learn.microsoft.com/python/api/overview/azure/identity-readme#environment-variables), of GitHub Actions and
of Azure Pipelines. Managed identity and Azure Pipelines read the process' own environment, inside azure-identity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azscan.azure.tokens import AsyncSource, Source, ThreadSource
from azscan.words import Aloud, bare

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

    from azscan.azure.clouds import Cloud
    from azscan.azure.network import Network

CONNECT_SECONDS = 10
READ_SECONDS = 30
TOOL_SECONDS = 30
PROBE_SECONDS = 1.0
"""How long `auto` waits for a sign of a managed identity."""
ANSWER_SECONDS = 20.0
"""How long it waits for the token once there was one."""

SECRETS = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "IDENTITY_HEADER",
    "MSI_SECRET",
    "AZSCAN_ACCESS_TOKEN",
    "AZSCAN_GRAPH_ACCESS_TOKEN",
)


class NotSetUpError(Exception):
    """This way of signing in lacks something; the message names it."""


@dataclass
class Place:
    """Where and with what one signs in. `say` speaks to the user; `tenant` and `client_id` are options or ""."""

    cloud: Cloud
    network: Network
    environ: Mapping[str, str] = field(repr=False)
    say: Callable[[str], None]
    tenant: str = ""
    client_id: str = ""
    _warned: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tenant = self.strip("the tenant", self.tenant)
        self.client_id = self.strip("the client id", self.client_id)

    def strip(self, name: str, value: str) -> str:
        """Return the value without blanks around it, warning once for each name."""
        left = bare(value)
        if left != value and name not in self._warned:
            self._warned.add(name)
            self.say(f"warning: {name} has blanks around it; they were left out")
        return left

    def get(self, name: str) -> str:
        """Return a variable without blanks around it; "" where it is not set."""
        return self.strip(name, self.environ.get(name, ""))

    def need(self, mark: str, *others: str) -> list[str]:
        """Return the variables' values; raises NotSetUpError naming the first that is not set.

        `mark` is the one whose presence tells that this way is meant. An option stands in for its variable.
        """
        value = self.get(mark)
        if not value:
            raise NotSetUpError(f"{mark} is not set")
        values = [value]
        for name in others:
            value = self._option(name) or self.get(name)
            if not value:
                raise NotSetUpError(f"{mark} is set, but {name} is not")
            values.append(value)
        return values

    def _option(self, name: str) -> str:
        return {"AZURE_TENANT_ID": self.tenant, "AZURE_CLIENT_ID": self.client_id}.get(name, "")

    def secrets(self) -> tuple[str, ...]:
        """Return every secret of the environment, as it stands there and without blanks: to be hidden in messages."""
        raw = [self.environ.get(name, "") for name in SECRETS]
        return tuple(filter(None, {*raw, *(bare(value) for value in raw)}))

    def entra(self, transport: object) -> dict[str, Any]:
        """Return what a credential that talks to Entra is built with."""
        options: dict[str, Any] = {"authority": self.cloud.authority, "transport": transport, "retry_total": 3}
        if self.cloud.custom:
            options["disable_instance_discovery"] = True
        return options

    def async_entra(self) -> dict[str, Any]:
        """Return `entra`'s options for an asynchronous credential."""
        from azscan.azure.transports import AsyncTransport

        return self.entra(AsyncTransport(self.network))

    def thread_entra(self) -> dict[str, Any]:
        """Return `entra`'s options for a credential that blocks."""
        from azscan.azure.transports import ThreadTransport

        return self.entra(ThreadTransport(self.network))


@dataclass(frozen=True)
class Way:
    """One way of signing in. `set_up` raises NotSetUpError where something is missing.

    `decides`: who has set it up means this identity, so `auto` does not go on to another when it is refused.
    """

    kind: str
    set_up: Callable[[Place], Source]
    decides: bool = False


def _secret(place: Place) -> Source:
    from azure.identity.aio import ClientSecretCredential

    secret, tenant, client = place.need("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    return AsyncSource(ClientSecretCredential(tenant, client, secret, **place.async_entra()))


def _certificate(place: Place) -> Source:
    from azure.identity.aio import CertificateCredential

    path, tenant, client = place.need("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    password = place.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None
    return AsyncSource(CertificateCredential(tenant, client, path, password=password, **place.async_entra()))


def _token_file(place: Place) -> Source:
    from azure.identity.aio import WorkloadIdentityCredential

    path, tenant, client = place.need("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    options = place.async_entra()
    return AsyncSource(WorkloadIdentityCredential(tenant_id=tenant, client_id=client, token_file_path=path, **options))


def _github(place: Place) -> Source:
    from azure.identity import ClientAssertionCredential

    from azscan.azure.github import assertions

    url, token, client, tenant = place.need(
        "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"
    )
    _https(url, "ACTIONS_ID_TOKEN_REQUEST_URL")
    ask = assertions(url, token, place.cloud.authority, place.network)
    # The synchronous credential, in a thread: the asynchronous one would call `ask` in the event loop.
    return ThreadSource(ClientAssertionCredential(tenant, client, ask, **place.thread_entra()))


def _azure_devops(place: Place) -> Source:
    from azure.identity import AzurePipelinesCredential

    url, token, connection = place.need(
        "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"
    )
    _https(url, "SYSTEM_OIDCREQUESTURI")
    tenant = place.tenant or place.get("AZURESUBSCRIPTION_TENANT_ID") or place.get("AZURE_TENANT_ID")
    client = place.client_id or place.get("AZURESUBSCRIPTION_CLIENT_ID") or place.get("AZURE_CLIENT_ID")
    for name, value in (("AZURESUBSCRIPTION_TENANT_ID", tenant), ("AZURESUBSCRIPTION_CLIENT_ID", client)):
        if not value:
            raise NotSetUpError(f"SYSTEM_OIDCREQUESTURI is set, but {name} is not")
    credential = AzurePipelinesCredential(
        tenant_id=tenant,
        client_id=client,
        service_connection_id=connection,
        system_access_token=token,
        **place.thread_entra(),
    )
    return ThreadSource(credential)


def _https(url: str, name: str) -> None:
    if urlsplit(url).scheme != "https":
        raise NotSetUpError(f"{name} is not an https URL")


def _managed_identity_options(place: Place) -> dict[str, Any]:
    # Its endpoints are on this machine or link-local: never through a proxy, and what is silent once stays silent.
    # Left to itself azure-core waits 5 minutes for a connection, and four times for an answer; a busy endpoint's
    # refusals are still asked again.
    options: dict[str, Any] = {
        "use_env_settings": False,
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retry_connect": 1,
        "retry_read": 0,
    }
    if client := place.client_id or place.get("AZURE_CLIENT_ID"):
        options["client_id"] = client
    return options


def _managed_identity(place: Place) -> Source:
    from azure.identity.aio import ManagedIdentityCredential

    return AsyncSource(ManagedIdentityCredential(**_managed_identity_options(place)))


class _ProbedSource(AsyncSource):
    """A managed identity as `auto` tries it: without a sign of one it costs PROBE_SECONDS, not half a minute."""

    def __init__(self, place: Place) -> None:
        from azure.identity.aio import ChainedTokenCredential, ManagedIdentityCredential

        # azure-identity probes for the endpoint only inside a chain.
        options = _managed_identity_options(place) | {"connection_timeout": PROBE_SECONDS, "retry_connect": 0}
        credential = ManagedIdentityCredential(raw_response_hook=self._answered, **options)
        super().__init__(ChainedTokenCredential(credential))
        announced = any(place.environ.get(name) for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT"))
        self._patience = ANSWER_SECONDS if announced else PROBE_SECONDS
        self._limit: asyncio.Timeout | None = None

    async def ask(self, scope: str, claims: str | None) -> AccessTokenInfo:
        """Return the managed identity's token."""
        from azure.identity import CredentialUnavailableError

        try:
            async with asyncio.timeout(self._patience) as self._limit:
                return await super().ask(scope, claims)
        except TimeoutError:
            raise CredentialUnavailableError(message="no response from the IMDS endpoint") from None
        finally:
            self._limit = None

    def _answered(self, _: object) -> None:
        self._patience = ANSWER_SECONDS
        if self._limit:
            self._limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)


def _az(place: Place) -> Source:
    from azure.identity.aio import AzureCliCredential

    return AsyncSource(AzureCliCredential(tenant_id=place.tenant, process_timeout=TOOL_SECONDS))


def _azd(place: Place) -> Source:
    from azure.identity.aio import AzureDeveloperCliCredential

    return AsyncSource(AzureDeveloperCliCredential(tenant_id=place.tenant, process_timeout=TOOL_SECONDS))


def _interactive(place: Place, credential_type: Any, **options: Any) -> Source:
    if client := place.client_id:
        options["client_id"] = client
    if tenant := place.tenant or place.get("AZURE_TENANT_ID"):
        options["tenant_id"] = tenant
    credential = credential_type(disable_automatic_authentication=True, **options, **place.thread_entra())

    def first(scope: str) -> AccessTokenInfo:
        # The user is asked here and never again: not for Graph, not in the middle of a scan.
        credential.authenticate(scopes=[scope])
        token: AccessTokenInfo = credential.get_token_info(scope)
        return token

    return ThreadSource(credential, first)


def _browser(place: Place) -> Source:
    from azure.identity import InteractiveBrowserCredential

    place.say(Aloud("a browser window opens for the sign-in"))
    return _interactive(place, InteractiveBrowserCredential)


def _device_code(place: Place) -> Source:
    from azure.identity import DeviceCodeCredential

    loop = asyncio.get_running_loop()

    def show(address: str, code: str, expires: datetime) -> None:
        text = f"to sign in, open {address} and enter the code {code} (until {expires.astimezone():%H:%M})"
        loop.call_soon_threadsafe(place.say, Aloud(text))

    return _interactive(place, DeviceCodeCredential, prompt_callback=show)


def _given(place: Place) -> Source:
    from azscan.azure.given import given_tokens

    return given_tokens(place)


SECRET = Way("client secret from the environment", _secret, decides=True)
CERTIFICATE = Way("certificate from the environment", _certificate, decides=True)
TOKEN_FILE = Way("workload identity token file", _token_file, decides=True)
GITHUB = Way("GitHub Actions federation", _github, decides=True)
AZURE_DEVOPS = Way("Azure DevOps service connection", _azure_devops, decides=True)
MANAGED_IDENTITY = Way("managed identity", _managed_identity)
PROBED_IDENTITY = Way("managed identity", _ProbedSource)
AZ = Way("az login", _az)
AZD = Way("azd auth login", _azd)
BROWSER = Way("browser", _browser)
DEVICE_CODE = Way("device code", _device_code)
GIVEN = Way("given token", _given)

AUTO = (SECRET, CERTIFICATE, TOKEN_FILE, GITHUB, AZURE_DEVOPS, PROBED_IDENTITY, AZ, AZD)

CHOICES: dict[str, tuple[Way, ...]] = {
    "auto": AUTO,
    "cli": (AZ,),
    "azd": (AZD,),
    "service-principal": (SECRET, CERTIFICATE),
    "certificate": (CERTIFICATE,),
    "workload-identity": (TOKEN_FILE, GITHUB, AZURE_DEVOPS),
    "managed-identity": (MANAGED_IDENTITY,),
    "browser": (BROWSER,),
    "device-code": (DEVICE_CODE,),
    "token": (GIVEN,),
}
