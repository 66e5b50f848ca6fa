"""All diagnoses in order: from signing in to the last host, with no more requests than they need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from azscan.azure.answers import Ask, Fault
from azscan.azure.reach import Reached, host_of, reach
from azscan.catalog.model import Check
from azscan.collect.needs import Needs, needs_of
from azscan.collect.plan import Plan
from azscan.doctor import credential, defender, graph, network, providers, roles, signin, subscriptions
from azscan.doctor.finding import GROUPS, Finding, Portal, Report
from azscan.doctor.memo import Memo
from azscan.doctor.overview import overview
from azscan.errors import AzscanError, NothingScannedError, SignInError, UsageError

if TYPE_CHECKING:
    from azscan.azure.clouds import Cloud
    from azscan.azure.credentials import SignedIn
    from azscan.azure.network import Network
    from azscan.azure.scope import Scope
    from azscan.settings import Settings

NOT_SIGNED_IN = (
    "subscriptions, roles, permissions of Microsoft Graph, Defender for Cloud, providers: nobody is signed in"
)
NO_SUBSCRIPTION = "roles, Defender for Cloud, resource providers: there is no subscription to look at"


async def examine(
    settings: Settings, plan: Plan, checks: Sequence[Check], environ: Mapping[str, str], say: Callable[[str], None]
) -> Report:
    """The report for a scan with these settings; `plan` and `checks` are what the scan would read and decide.

    Raises UsageError for what is wrong usage in a scan too (an unknown cloud, a name that matches nothing).
    """
    from azscan.azure.clouds import discover, named
    from azscan.azure.network import network_from_environment

    around = network_from_environment(environ)
    asked = signin.Asked(
        settings.tenant or environ.get("AZURE_TENANT_ID", "").strip(),
        settings.client_id or environ.get("AZURE_CLIENT_ID", "").strip(),
    )
    if not settings.cloud.startswith("https://"):
        return await _Examination(settings, plan, checks, environ, say, around, named(settings.cloud), asked).run()
    try:
        cloud = await discover(settings.cloud, around)
    except NothingScannedError as error:
        found = Finding("sign-in", "cloud", "blocking", error.message, error.hint)
        reached = network.reached([await reach(settings.cloud, around)], is_custom=True)
        return Report((found, *reached), ("everything else: the cloud does not answer",))
    return await _Examination(settings, plan, checks, environ, say, around, cloud, asked).run()


class _Examination:
    """One run: what was found so far, and what it was found with."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        checks: Sequence[Check],
        environ: Mapping[str, str],
        say: Callable[[str], None],
        around: Network,
        cloud: Cloud,
        asked: signin.Asked,
    ) -> None:
        self.settings, self.plan, self.checks = settings, plan, checks
        self.environ, self.say, self.around, self.cloud, self.asked = environ, say, around, cloud, asked
        self.needs: Needs = needs_of(plan)
        self.portal = Portal(cloud.portal, asked.tenant)
        self.findings: list[Finding] = []
        self.skipped: list[str] = []
        self.requests = 0

    async def run(self) -> Report:
        """Every diagnosis that can be made."""
        from azscan.azure.credentials import sign_in

        reaching = asyncio.gather(*(reach(url, self.around) for url in network.hosts(self.cloud)))
        ahead, said_at = None, ""
        try:
            identity = await sign_in(
                self.settings.auth,
                self.cloud,
                tenant=self.settings.tenant,
                client_id=self.settings.client_id,
                network=self.around,
                environ=self.environ,
                say=self.say,
            )
        except UsageError:
            reaching.cancel()
            raise
        except AzscanError as error:
            self.findings.append(signin.failed(error, self.asked, self.portal))
            self.skipped.append(NOT_SIGNED_IN)
            said_at = getattr(error, "said_at", "")
        else:
            try:
                ahead = await self._signed_in(identity, await reaching)
            finally:
                await identity.credential.close()
        self.findings += network.clock(ahead, said_at)
        reached: list[Reached] = await reaching
        self.findings.append(network.proxy(self.around, self.cloud))
        self.findings += network.reached(reached, is_custom=self.cloud.custom)
        ordered = sorted(self.findings, key=lambda each: GROUPS.index(each.group))
        return Report(tuple(ordered), tuple(self.skipped), self.requests)

    @property
    def _only_graph(self) -> bool:
        """Whether no selected check decides anything without Graph."""
        return not self.needs.actions and bool(self.needs.graph)

    @cached_property
    def _on_defender(self) -> bool:
        """Whether any selected check reads something of Defender for Cloud."""
        kinds = (self.plan.kind(name) for name in self.plan.collections if self.plan.checks_of.get(name))
        return any(kind.type.partition("/")[0].lower() == defender.NAMESPACE.lower() for kind in kinds)

    async def _signed_in(self, identity: SignedIn, reached: Sequence[Reached]) -> float | None:
        """What takes a token; returns by how much Azure's clock is ahead."""
        from azscan.azure.session import Session
        from azscan.azure.wire import Patience

        self.portal = Portal(self.cloud.portal, identity.tenant or self.asked.tenant)
        self.findings += signin.signed_in(identity)
        is_needed = bool(self.needs.graph)
        self.findings.append(
            signin.graph_token(identity, self.asked, self.portal, is_needed=is_needed, is_all=self._only_graph)
        )
        async with Session(
            self.cloud,
            identity.credential,
            network=self.around,
            concurrency=self.settings.concurrency,
            timeout=self.settings.timeout,
            patience=Patience(failures=1),
        ) as session:
            if any(each.trouble and each.host == host_of(self.cloud.arm) for each in reached):
                self.skipped.append("subscriptions and all that is in them: Azure Resource Manager cannot be reached")
                return None
            memo = Memo(session)
            ends = asyncio.ensure_future(
                credential.diagnose(memo, identity, self.environ, self.portal, datetime.now(UTC))
            )
            try:
                scope = await self._scope(memo, identity)
                first = scope.ids[0] if scope is not None else ""
                self.findings += graph.diagnose(
                    identity, self.needs, self.cloud.name, first, self.portal, is_all=self._only_graph
                )
                if scope is not None:
                    await self._look_at(memo, scope, identity)
            except BaseException:
                ends.cancel()
                raise
            expiry, unknown = await ends
            self.findings += expiry
            self.skipped += [unknown] if unknown else []
            self.requests = session.governor.requests
            return session.clock_ahead

    async def _scope(self, memo: Memo, identity: SignedIn) -> Scope | None:
        """The subscriptions that a scan would read; a finding that says why there are none."""
        from azscan.azure.scope import choose_subscriptions

        try:
            return await choose_subscriptions(
                memo,
                wanted=self.settings.subscriptions,
                management_groups=self.settings.management_groups,
                excluded=self.settings.exclude_subscriptions,
                tenant=identity.tenant,
                who=identity.who,
            )
        except SignInError as error:
            self.findings.append(signin.failed(error, self.asked, self.portal))
            self.skipped.append(NO_SUBSCRIPTION)
            return None
        except (NothingScannedError, UsageError) as error:
            seen = await subscriptions.listed(memo)
            # An id that the identity does not see is a role that it lacks; any other name that fits nothing is a typo.
            if isinstance(error, UsageError) and not subscriptions.missing(self.settings.subscriptions, seen):
                raise
            self.findings.append(
                subscriptions.none_left(
                    error,
                    seen,
                    self.settings.subscriptions,
                    identity.object_id,
                    is_app=identity.is_app,
                    portal=self.portal,
                )
            )
            self.skipped.append(NO_SUBSCRIPTION)
            return None

    async def _look_at(self, memo: Memo, scope: Scope, identity: SignedIn) -> None:
        """Everything about the subscriptions, all of them at once."""
        resting = [check for check in self.checks if check.id in self.plan.checks_of.get(defender.COLLECTION, ())]
        about, *each = await asyncio.gather(
            overview(memo, scope.ids), *(self._read(memo, one, identity.object_id) for one in scope.subscriptions)
        )
        groups = {key: found.groups for key, found in about.items()} if about is not None else None
        if about is None:
            data = ", and whether Defender for Cloud has data" if self._on_defender else ""
            self.skipped.append(f"management groups{data} (Resource Graph said no)")
        self.findings += subscriptions.seen(scope, groups, identity.tenant, self.portal)
        all_rights = [rights for rights, *_ in each]
        blocks = roles.is_worthless(all_rights, self.needs, identity.graph_permissions)
        for rights, (plans, fault), states in each:
            one = rights.subscription
            self.findings += roles.diagnose(
                rights, self.needs, identity.object_id, is_app=identity.is_app, portal=self.portal, blocks=blocks
            )
            if self._on_defender:
                known = about.get(rights.key) if about is not None else None
                assessments = known.assessments if known is not None else None
                self.findings += defender.diagnose(one, plans, fault, assessments, resting, self.portal)
                if fault is not None and fault.kind != "not_registered":
                    why = f"for want of {fault.action}" if fault.action else fault.message or fault.kind
                    self.skipped.append(f"Defender for Cloud in {subscriptions.name_of(one)}: {why}")
            if states is None:
                self.skipped.append(f"resource providers of {subscriptions.name_of(one)}: they could not be listed")
            else:
                self.findings += providers.diagnose(one, states, self.plan, self.portal)
        assign = subscriptions.assign_reader(identity.object_id, is_app=identity.is_app, group=identity.tenant)
        self.findings += roles.diagnose_above(all_rights, self.needs, assign, self.portal)

    async def _read(self, memo: Memo, subscription: Mapping[str, Any], principal: str) -> Any:
        """Rights, plans of Defender and states of providers of one subscription, read at the same time."""
        key = str(subscription["subscriptionId"])
        rights, plans, (states, fault) = await asyncio.gather(
            roles.load(memo, subscription, principal),
            self._plans(memo, key),
            memo.all(_ask(providers.PROVIDERS, key, "microsoft.resources")),
        )
        return rights, plans, None if fault else states

    async def _plans(self, memo: Memo, subscription: str) -> tuple[list[dict[str, Any]], Fault | None]:
        """The plans of Defender, asked only where a selected check reads something of it."""
        if not self._on_defender:
            return [], None
        return await memo.all(_ask(defender.PRICINGS, subscription, "microsoft.security"))


def _ask(template: str, subscription: str, provider: str) -> Ask:
    return Ask(target=template.format(subscription=subscription), subscription=subscription, provider=provider)
