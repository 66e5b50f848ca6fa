"""The quick part of the doctor, which every scan begins with: it costs no request that a scan would not make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azscan.collect.needs import needs_of
from azscan.collect.permissions import Permissions
from azscan.collect.plan import Plan
from azscan.doctor import graph, roles, signin
from azscan.doctor.finding import Portal
from azscan.doctor.memo import Memo, Reader
from azscan.errors import NothingScannedError

if TYPE_CHECKING:
    from azscan.azure.credentials import SignedIn


async def refuse_worthless(
    session: Reader,
    identity: SignedIn,
    subscriptions: Sequence[Mapping[str, Any]],
    plan: Plan,
    permissions: Mapping[str, Permissions],
) -> None:
    """Raises NothingScannedError, in the doctor's words, where a scan could decide nothing at all.

    `permissions` are those of each subscription, as the scan loaded them. What grants a part of the reads lets the
    scan go on; so does a role below the subscription, which leaves them empty. Only where there are some and none of
    them serves is Azure asked once more, for the roles.
    """
    needs = needs_of(plan)
    if not needs.actions and needs.graph:
        _refuse_without_graph(identity, plan)
        return
    held = [permissions[_key(each)] for each in subscriptions]
    if not needs.actions or any(not each.has_any or any(map(each.covers, needs.actions)) for each in held):
        return
    memo = Memo(session)
    rights = [
        roles.Rights(each, permissions[_key(each)], await roles.held(memo, _key(each), identity.object_id), None)
        for each in subscriptions
    ]
    if roles.is_worthless(rights, needs, identity.graph_permissions):
        raise NothingScannedError(roles.nothing_granted(rights[0], needs), hint=roles.READER_IS_ENOUGH)


def _refuse_without_graph(identity: SignedIn, plan: Plan) -> None:
    """Where every selected check reads Graph, and the token allows none of them."""
    needs, asked, portal = needs_of(plan), signin.Asked("", ""), Portal("")
    token = signin.graph_token(identity, asked, portal, is_needed=True, is_all=True)
    for found in (token, *graph.diagnose(identity, needs, "", "", portal, is_all=True)):
        if found.state == "blocking":
            raise NothingScannedError(found.what, hint=found.means)


def _key(subscription: Mapping[str, Any]) -> str:
    return str(subscription["subscriptionId"]).lower()
