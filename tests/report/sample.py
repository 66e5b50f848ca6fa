"""An in-memory Results for tests: two subscriptions, a bit of everything that a report must show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from azscan.controls import Outcome, control_results, scores
from azscan.gate import Tally, decide
from azscan.results import (
    SEVERITY_RANK,
    STATUSES,
    Allowance,
    ControlResult,
    Evidence,
    Fix,
    Framework,
    Off,
    ResourceRef,
    ScanInfo,
    Score,
    Severity,
    SeverityOverride,
    Status,
    SubscriptionRef,
    Summary,
    Unread,
    Verdict,
    Waiver,
)

PROD = "11111111-1111-1111-1111-111111111111"
DEV = "22222222-2222-2222-2222-222222222222"
OLD = "33333333-3333-3333-3333-333333333333"
READ_AT = "2026-05-04T03:02:01Z"


class MemoryResults:
    """Results over a list of verdicts, in the order that the protocol promises."""

    def __init__(
        self,
        verdicts: Iterable[Verdict],
        *,
        scan: ScanInfo | None = None,
        unreadable: Sequence[Unread] = (),
        waivers: Sequence[Waiver] = (),
        off: Sequence[Off] = (),
        severity_overrides: Sequence[SeverityOverride] = (),
        frameworks: Sequence[Framework] = (),
        not_run: Sequence[str] = (),
        fail_on: str = "high",
    ) -> None:
        self._verdicts = sorted(verdicts, key=_order)
        self.scan = scan or sample_scan()
        self.unreadable = unreadable
        self.waivers = waivers
        self.off = off
        self.severity_overrides = severity_overrides
        self.frameworks = frameworks
        self.not_run = not_run
        self.summary = summarise(self._verdicts, fail_on)

    @property
    def controls(self) -> tuple[ControlResult, ...]:
        outcomes: dict[str, Outcome] = {}
        for framework in self.frameworks:
            for check in {check for checks in framework.checks.values() for check in checks} - {*self.not_run}:
                outcomes[check] = Outcome("medium")
        for verdict in self._verdicts:
            outcomes.setdefault(verdict.check, Outcome(verdict.severity)).severity = verdict.severity
            outcomes[verdict.check].counts[verdict.status] += 1
        return control_results(self.frameworks, outcomes, (), ())

    @property
    def scores(self) -> tuple[Score, ...]:
        return scores(self.frameworks, self.controls)

    def verdicts(self, *statuses: Status) -> Iterator[Verdict]:
        wanted = statuses or ("fail", "unreadable", "waived", "pass")
        return (verdict for verdict in self._verdicts if verdict.status in wanted)


def _order(verdict: Verdict) -> tuple[str, int, int, str, str, str]:
    return (
        verdict.service,
        STATUSES.index(verdict.status),
        SEVERITY_RANK[verdict.severity],
        verdict.check,
        verdict.resource.subscription,
        verdict.resource.id.lower(),
    )


def summarise(verdicts: Sequence[Verdict], fail_on: str = "high") -> Summary:
    severities: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        of_severity = severities.setdefault(verdict.severity, {})
        of_severity[verdict.status] = of_severity.get(verdict.status, 0) + 1
    tallies = [
        Tally(each.check, each.service, each.severity, each.status, 1, known=int(each.known)) for each in verdicts
    ]
    baseline = "known.json" if any(each.known for each in verdicts) else ""
    return Summary(
        resources=len({verdict.resource.id for verdict in verdicts}),
        checks=len({verdict.check for verdict in verdicts}),
        statuses=dict(Counter(verdict.status for verdict in verdicts)),
        severities=severities,
        gate=decide(tallies, fail_on, baseline=baseline),
    )


def sample_scan() -> ScanInfo:
    return ScanInfo(
        version="VERSION",
        started="2026-05-04T03:00:00Z",
        finished="2026-05-04T03:04:00Z",
        cloud="AzureCloud",
        tenant="contoso.example",
        identity="alice@contoso.example",
        credential="az login",
        catalog="0f" * 32,
        subscriptions=(
            SubscriptionRef(PROD, "contoso-prod", "Enabled", "contoso.example"),
            SubscriptionRef(DEV, "contoso-dev", "Enabled", "contoso.example"),
            SubscriptionRef(OLD, "contoso-old", "Disabled", "contoso.example", "its state is Disabled"),
        ),
        services=("keyvault", "storage"),
        checks=4,
        requests=123,
        notes=("3 resources were deleted during the scan",),
        allowed_unreadable=(Allowance("not_collected"), Allowance("sql", "no Reader yet", "j.doe", "2026-01-31", True)),
    )


def storage(name: str, subscription: str = PROD, group: str = "rg-web", region: str = "westeurope") -> ResourceRef:
    return ResourceRef(
        id=f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}",
        name=name,
        type="Microsoft.Storage/storageAccounts",
        subscription=subscription,
        resource_group=group,
        region=region,
    )


def leaf(
    path: str, expected: str, actual: object, *, present: bool | None = True, collection: str = "storageAccounts"
) -> Evidence:
    url = f"/subscriptions/{PROD}/providers/Microsoft.Storage/{collection}?api-version=2024-01-01"
    return Evidence(path, expected, actual, present, url, "2024-01-01", READ_AT)


def https_only(resource: ResourceRef, status: Status = "fail", waiver: int | None = None) -> Verdict:
    return Verdict(
        check="storage-https-only",
        title="Storage account accepts only encrypted connections",
        service="storage",
        severity="high",
        status=status,
        resource=resource,
        evidence=(leaf("properties.supportsHttpsTrafficOnly", "equals true", status == "pass"),),
        fix=Fix(
            'Turn on "Secure transfer required".', f"az storage account update --ids {resource.id} --https-only true"
        ),
        controls=("iso-27001-2022:A.8.24", "cis-azure-5.0:9.3"),
        waiver=waiver,
    )


def network_rules(resource: ResourceRef, severity: Severity = "critical") -> Verdict:
    return Verdict(
        check="storage-network-closed",
        title="Storage account admits only the networks that are named",
        service="storage",
        severity=severity,
        status="fail",
        resource=resource,
        evidence=(
            leaf("properties.publicNetworkAccess", "equals Disabled", None, present=False),
            leaf("properties.networkAcls.defaultAction", "equals Deny", "Allow"),
            leaf("properties.networkAcls.ipRules[0:0.0.0.0/0].value", "admits nothing from the internet", "0.0.0.0/0"),
            leaf("properties.networkAcls.bypass", "in None, AzureServices", "Logging, Metrics, AzureServices"),
        ),
        reason="Azure does not say publicNetworkAccess, so its default of Enabled holds",
        fix=Fix("Choose the networks under Networking, Firewalls and virtual networks."),
        controls=("cis-azure-5.0:9.3",),
    )


def key_expires(name: str, status: Status, reason: str = "") -> Verdict:
    vault = f"/subscriptions/{DEV}/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults/kv-dev"
    return Verdict(
        check="keyvault-key-expires",
        title="Key has a date of expiry",
        service="keyvault",
        severity="medium",
        status=status,
        resource=ResourceRef(
            f"{vault}/keys/{name}", name, "Microsoft.KeyVault/vaults/keys", DEV, "rg-keys", "westeurope"
        ),
        reason=reason,
        controls=("iso-27001-2022:A.8.24",),
        override=0,
    )


def sample() -> MemoryResults:
    """The results that the snapshots show."""
    waivers = (
        Waiver(("storage-*",), ("*/storageaccounts/www*",), "public site", "j.doe", "SEC-12", "2027-01-31", used=1),
        Waiver(("keyvault-*",), ("*",), "until the new vault is there", expires="2026-01-31", expired=True),
        Waiver(("storage-https-only",), (), "legacy import", tags=("env=import",)),
        Waiver(("sql-*",), ("*",), "moved next year", not_tried="none of its checks was run"),
    )
    accounts = [storage(f"stweb{number:02d}") for number in range(7)]
    verdicts = [
        *map(https_only, accounts),
        https_only(storage("stlogs", DEV, "rg-logs", "northeurope")),
        https_only(storage("www1"), "waived", 0),
        https_only(storage("stgood"), "pass"),
        network_rules(accounts[0]),
        network_rules(storage("stimport", DEV, "a-group-with-a-name-that-is-far-too-long-for-one-line-of-a-terminal")),
        key_expires("tls", "fail", "Azure does not say"),
        key_expires("signing", "unreadable", "access denied: Microsoft.KeyVault/vaults/keys/read is missing"),
        key_expires("backup", "pass"),
    ]
    return MemoryResults(
        verdicts,
        unreadable=(
            Unread(
                "access_denied", "keyvault", "vault_key", DEV,
                f"/subscriptions/{DEV}/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults/kv-dev",
                message="The client does not have authorization to perform the action.",
                action="Microsoft.KeyVault/vaults/keys/read", code="AuthorizationFailed",
                request_id="0a0a0a0a-0000-0000-0000-000000000000", checks=("keyvault-key-expires",), verdicts=1,
            ),
        ),
        waivers=waivers,
        off=(Off("not in use", services=("media",), approved_by="j.doe", expires="2027-01-31"),),
        severity_overrides=(
            SeverityOverride(
                ("keyvault-key-*",), "medium", "rotated by hand", "j.doe", "SEC-13", "2027-01-31",
                changed={"keyvault-key-expires": "high"},
            ),
            SeverityOverride(("storage-*",), "low", "last year's decision", expires="2026-01-31", expired=True),
        ),
    )  # fmt: skip


def partly_known() -> MemoryResults:
    """Failures of which most stand in the baseline: of one check some, of another all, one of them below the gate."""
    accounts = [storage(f"st{number}") for number in range(4)]
    found = [
        *(https_only(each) for each in accounts[:1]),
        *(msgspec.structs.replace(https_only(each), known=True) for each in accounts[1:]),
        msgspec.structs.replace(network_rules(accounts[0]), known=True),
        msgspec.structs.replace(key_expires("tls", "fail"), known=True, override=None),
    ]
    return MemoryResults(found)


def frameworks() -> tuple[Framework, ...]:
    return (
        Framework(
            key="iso-27001-2022",
            title="ISO/IEC 27001:2022 Annex A",
            controls={"A.5.7": "Intelligence on threats", "A.7.4": "Watching the premises", "A.8.24": "Cryptography"},
            checks={"A.8.24": ("storage-https-only", "keyvault-key-expires")},
            partial={"A.8.24": ("keyvault-key-expires",)},
            manual={"A.7.4": "Cameras are not a matter of Azure."},
        ),
        Framework(
            key="cis-azure-5.0",
            title="CIS Azure 5.0",
            controls={"9.3": "Storage closed", "9.20": "Storage replicated"},
            checks={"9.3": ("storage-https-only", "storage-network-closed"), "9.20": ("storage-replicated",)},
        ),
    )


def mapped() -> MemoryResults:
    """The sample with frameworks."""
    results = sample()
    results.frameworks = frameworks()
    return results


def hostile() -> MemoryResults:
    """Names that want to be markup, escapes, formulas, commands or new lines."""
    names = [
        "[bold red]x[/bold red]",
        "\x1b[2J\x1b]0;owned\x07",
        "=cmd|'/c calc'!A1",
        " \t+1+1",
        'say "hi", it; is',
        "$(rm -rf ~)",
        "two\nlines\r\n  --> fake / finding",
        "abc\u202edcba\u2066\u200b",
        "名前" * 60,
    ]
    verdicts = [https_only(storage(name, group=name)) for name in names]
    return MemoryResults(verdicts)
