"""Which subscriptions are scanned, and for each one that is not, why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from azscan.azure.answers import Answer, Ask, Fault
from azscan.azure.paging import pages
from azscan.azure.records import properties_of, text_of
from azscan.azure.signin_errors import CODES, explain
from azscan.errors import AzscanError, NothingScannedError, SignInError, UsageError
from azscan.words import few

# https://learn.microsoft.com/rest/api/resources/subscriptions/list
SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"
# https://learn.microsoft.com/rest/api/managementgroups/management-groups/get-descendants
DESCENDANTS = "/providers/Microsoft.Management/managementGroups/{group}/descendants?api-version=2023-04-01"

# https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states: a disabled or expired
# subscription can still be read, a deleted one cannot. Any other state, known or not, is scanned.
_ASLEEP = {"disabled", "expired"}
_GONE = {"deleted"}


class Reader(Protocol):
    """The part of the session that choosing needs."""

    async def read(self, ask: Ask) -> Answer:
        """Return what Azure answers."""

    def allow(self, subscription: str) -> None:
        """Let later reads name this subscription."""


@dataclass(frozen=True)
class LeftOut:
    """A subscription that is not scanned; `state` is Azure's, "" where it does not say."""

    id: str
    name: str
    state: str
    reason: str

    def __str__(self) -> str:
        name = f"{_shown(self.name)} ({self.id})" if self.name else self.id
        state = f"state {self.state}: " if self.state else ""
        return f"{name} is left out, {state}{self.reason}"


@dataclass(frozen=True)
class Scope:
    """The subscriptions to scan, as Azure lists them, in order of name, and those that are left out."""

    subscriptions: tuple[dict[str, Any], ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The subscriptions' ids, in lower case."""
        return tuple(map(_id, self.subscriptions))


async def choose_subscriptions(
    session: Reader,
    wanted: Sequence[str] = (),
    management_groups: Sequence[str] = (),
    excluded: Sequence[str] = (),
    tenant: str = "",
    *,
    who: str = "",
) -> Scope:
    """Return the subscriptions to scan, and allow the session to read them.

    `wanted` and `excluded` hold ids or names, one or several separated by commas; without `wanted` it is every
    subscription that the identity sees. With management groups only those below one of them count. `tenant` and
    `who` are for messages. Raises UsageError for what matches nothing or more than one, NothingScannedError where
    nothing is left or the list cannot be read to its end (what is not known to be all is not scanned as if it were).
    """
    items, failed = await _pages(session, SUBSCRIPTIONS)
    visible = {key: _sound(item, key) for item in items if (key := _id(item))}
    if failed and not visible:
        raise _unlisted(failed, who, tenant)
    if not visible:
        raise _none_visible(who, tenant)
    asked = _resolve(wanted, visible, "subscription", who, failed)
    if failed and not wanted:
        raise _unlisted(failed, who, tenant)
    unwanted = _resolve(excluded, visible, "excluded subscription", who, failed)
    pool, left_out = set(asked or visible), []
    groups = " or ".join(management_groups)
    if management_groups:
        below: dict[str, str] = {}
        for group in management_groups:
            below |= await _below(session, group)
        outside = [_shown(_name(visible[each])) for each in asked if each not in below]
        if outside:
            raise UsageError(
                f"{outside[0]} is not below the management group {groups}",
                hint="leave out --management-group or --subscription",
            )
        pool &= set(below)
        why = f"it is below {groups}, but this identity cannot see it"
        left_out += [LeftOut(each, name, "", why) for each, name in below.items() if each not in visible]
    chosen = []
    for item in sorted((visible[each] for each in pool), key=lambda item: (_name(item).casefold(), _id(item))):
        reason = _reason(item, asked, unwanted)
        if reason:
            left_out.append(LeftOut(_id(item), _name(item), text_of(item, "state"), reason))
        else:
            chosen.append(item)
    if not chosen:
        raise _all_left_out(left_out, groups)
    for item in chosen:
        session.allow(_id(item))
    return Scope(tuple(chosen), tuple(left_out))


class _Failed(NamedTuple):
    """A read that failed, and Azure's id of the request."""

    fault: Fault
    request_id: str

    def __str__(self) -> str:
        code = self.fault.code
        words = CODES[code][0] if code in CODES else self.fault.message or self.fault.kind.replace("_", " ")
        more = ", ".join(filter(None, (code, self.request_id and f"request {self.request_id}")))
        return f"{words} ({more})" if more else words


async def _pages(session: Reader, target: str) -> tuple[list[dict[str, Any]], _Failed | None]:
    """Return every item, and what went wrong if the list could not be read to its end."""
    items: list[dict[str, Any]] = []
    failed = None
    async for answer in pages(session.read, Ask(target)):
        items += [item for item in answer.items if isinstance(item, dict)]
        failed = None if answer.fault is None else _Failed(answer.fault, answer.request_id)
    return items, failed


async def _below(session: Reader, group: str) -> dict[str, str]:
    """Return the subscriptions below a management group at any depth: names by id."""
    group_id = group.strip().rstrip("/").rpartition("/")[2]
    items, failed = await _pages(session, DESCENDANTS.format(group=quote(group_id, safe="")))
    if failed and failed.fault.kind == "absent":
        raise UsageError(
            f"there is no management group {group_id!r}",
            hint="give its id, not its display name: az account management-group list --output table",
        )
    if failed:
        hint = "ask for Reader on it, or name the subscriptions with --subscription"
        raise NothingScannedError(f"the management group {group_id!r} could not be read: {failed}", hint=hint)
    subscriptions = (item for item in items if text_of(item, "type").lower().endswith("/subscriptions"))
    return {
        (text_of(item, "name") or _last(text_of(item, "id"))).lower(): text_of(properties_of(item), "displayName")
        for item in subscriptions
    }


def _resolve(
    texts: Iterable[str], visible: Mapping[str, dict[str, Any]], noun: str, who: str, failed: _Failed | None
) -> set[str]:
    """Return the ids that the texts name."""
    found: set[str] = set()
    for text in texts:
        # A name may hold commas itself, so the whole text is tried first.
        names = [text] if _matches(text, visible) else [part for part in text.split(",") if part.strip()]
        if not names:
            # An unset variable in a pipeline must not turn into "all of them".
            raise UsageError(f"the {noun} is empty", hint="give an id or a name, or leave the option out")
        for name in names:
            matches = _matches(name, visible)
            if not matches and failed:
                raise NothingScannedError(
                    f"the list of subscriptions could not be read to its end, and {name.strip()!r} is not in what came:"
                    f" {failed}",
                    hint="run the command again",
                )
            if not matches:
                raise _unknown(name.strip(), visible, noun, who)
            if len(matches) > 1:
                raise UsageError(
                    f"{len(matches)} subscriptions are called {name.strip()!r}: {', '.join(sorted(matches))}",
                    hint="give the id instead of the name",
                )
            found |= matches
    return found


def _matches(text: str, visible: Mapping[str, dict[str, Any]]) -> set[str]:
    wanted = text.strip().casefold()
    key = wanted.removeprefix("/subscriptions/").rstrip("/")
    if key in visible:
        return {key}
    return {each for each, item in visible.items() if _name(item).strip().casefold() == wanted}


def _unknown(name: str, visible: Mapping[str, dict[str, Any]], noun: str, who: str) -> UsageError:
    names = {known.casefold(): known for each, item in visible.items() for known in (_name(item), each) if known}
    close = get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    shown = sorted((_shown(_name(each)) for each in visible.values()), key=str.casefold)
    hint = f"did you mean {names[close[0]]!r}?" if close else f"visible are: {few(shown, 5)}"
    return UsageError(f"no {noun} {name!r} is visible to {who or 'this identity'}", hint=hint)


def _reason(item: Mapping[str, Any], asked: Collection[str], unwanted: Collection[str]) -> str:
    state = text_of(item, "state").lower()
    if _id(item) in unwanted:
        return "excluded by --exclude-subscription"
    if state in _GONE:
        return "there is nothing left to read"
    if state in _ASLEEP and _id(item) not in asked:
        return "its services are stopped; name it with --subscription to read it anyway"
    return ""


def _none_visible(who: str, tenant: str) -> NothingScannedError:
    place = f" in tenant {tenant}" if tenant else ""
    return NothingScannedError(
        f"no subscription is visible to {who or 'this identity'}{place}",
        hint="ask for Reader on a subscription, or choose another tenant with --tenant",
    )


def _all_left_out(left_out: Sequence[LeftOut], management_group: str) -> NothingScannedError:
    if not left_out:
        return NothingScannedError(
            f"no subscription below the management group {management_group} is visible",
            hint="ask for Reader on the management group, or check its id",
        )
    lines = "".join(f"\n  {each}" for each in left_out)
    return NothingScannedError(f"no subscription is left to scan:{lines}", hint="name one with --subscription")


def _unlisted(failed: _Failed, who: str, tenant: str) -> AzscanError:
    place = f" in tenant {tenant}" if tenant else ""
    message = f"the subscriptions of {who or 'this identity'}{place} could not be listed: {failed}"
    fault = failed.fault
    if fault.kind == "unauthenticated":
        return SignInError(message, hint=explain(f"{fault.code} {fault.message}").remedy, code=fault.code)
    return NothingScannedError(message, hint="run the command again, with --debug to see Azure's answer")


def _id(item: Mapping[str, Any]) -> str:
    return (text_of(item, "subscriptionId") or _last(text_of(item, "id"))).lower()


def _sound(item: dict[str, Any], key: str) -> dict[str, Any]:
    """A subscription with what later rooms rely on: its id, and a name and a state that are text."""
    return {**item, "subscriptionId": key, "displayName": text_of(item, "displayName"), "state": text_of(item, "state")}


def _name(item: Mapping[str, Any]) -> str:
    return text_of(item, "displayName") or _id(item)


def _shown(name: str) -> str:
    """A name as a message may hold it: other people choose names, and none may begin a line of its own."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


def _last(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]
