"""Which subscriptions are scanned."""

from __future__ import annotations

from typing import Any

import pytest

from azscan.azure.answers import Answer, Ask, Fault
from azscan.azure.scope import DESCENDANTS, SUBSCRIPTIONS, Scope, choose_subscriptions
from azscan.errors import AzscanError, NothingScannedError, SignInError, UsageError

A, B, C, D = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcd")
GROUP = DESCENDANTS.format(group="corp")


def subscription(key: str, name: str, state: str = "Enabled", **more: Any) -> dict[str, Any]:
    return {"id": f"/subscriptions/{key}", "subscriptionId": key, "displayName": name, "state": state, **more}


PROD, TEST = subscription(A, "contoso-prod", tags={"env": "prod"}), subscription(B, "contoso-test", "Warned")
OLD, GONE = subscription(C, "contoso-old", "Disabled"), subscription(D, "contoso-gone", "Deleted")


def below(
    key: str, name: str = "", kind: str = "Microsoft.Management/managementGroups/subscriptions"
) -> dict[str, Any]:
    return {"id": f"/subscriptions/{key}", "name": key, "type": kind, "properties": {"displayName": name}}


class Azure:
    """Answers from a table of pages; a page is items, an answer's parts, or a fault."""

    def __init__(self, *items: Any, **pages: Any) -> None:
        self.pages = {SUBSCRIPTIONS: {"items": items}, **pages}
        self.asked: list[Ask] = []
        self.allowed: list[str] = []

    async def read(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        return Answer(ask.target, "", 200, "", **self.pages[ask.target])

    def allow(self, subscription: str) -> None:
        self.allowed.append(subscription)


def names(scope: Scope) -> list[str]:
    return [item["displayName"] for item in scope.subscriptions]


async def test_every_visible_subscription_is_scanned_and_the_others_are_lines() -> None:
    azure = Azure(TEST, PROD, OLD, GONE)
    scope = await choose_subscriptions(azure)
    assert names(scope) == ["contoso-prod", "contoso-test"]
    assert scope.ids == (A, B)
    assert azure.allowed == [A, B]
    assert [str(line) for line in scope.left_out] == [
        f"contoso-gone ({D}) is left out, state Deleted: there is nothing left to read",
        f"contoso-old ({C}) is left out, state Disabled: its services are stopped; "
        "name it with --subscription to read it anyway",
    ]
    assert azure.asked == [Ask(SUBSCRIPTIONS)]


async def test_subscriptions_are_kept_as_azure_sent_them() -> None:
    scope = await choose_subscriptions(Azure(PROD))
    assert scope.subscriptions == (PROD,)


@pytest.mark.parametrize("state", ["Enabled", "Warned", "PastDue", "Something new", ""])
async def test_states_in_which_reading_works(state: str) -> None:
    assert await choose_subscriptions(Azure(subscription(A, "x", state)))


async def test_a_disabled_subscription_is_read_when_it_is_named() -> None:
    assert names(await choose_subscriptions(Azure(PROD, OLD), ["contoso-old"])) == ["contoso-old"]
    with pytest.raises(NothingScannedError, match="state Deleted"):
        await choose_subscriptions(Azure(PROD, GONE), [D])


@pytest.mark.parametrize(
    "wanted",
    [
        [A, "contoso-test"],
        [f"{A},{B}"],
        [f" {A.upper()} , contoso-TEST "],
        [f"/subscriptions/{A}", f"/subscriptions/{B}/"],
        ["contoso-prod,contoso-test", A],
    ],
)
async def test_names_and_ids_in_every_spelling(wanted: list[str]) -> None:
    scope = await choose_subscriptions(Azure(PROD, TEST, OLD), wanted)
    assert scope.ids == (A, B)
    assert scope.left_out == ()


async def test_a_name_may_hold_a_comma() -> None:
    assert (await choose_subscriptions(Azure(PROD, subscription(B, "a, b")), ["a, b"])).ids == (B,)


@pytest.mark.parametrize(("wanted", "near"), [("contoso-prud", "contoso-prod"), (A[:-1] + "1", A)])
async def test_an_unknown_name_is_answered_with_the_nearest(wanted: str, near: str) -> None:
    azure = Azure(PROD, TEST)
    with pytest.raises(UsageError, match=r"no subscription .* is visible to alice@contoso\.test") as caught:
        await choose_subscriptions(azure, [wanted], who="alice@contoso.test")
    assert caught.value.hint == f"did you mean {near!r}?"
    assert azure.allowed == []


async def test_an_unknown_name_like_no_other_is_answered_with_what_there_is() -> None:
    with pytest.raises(UsageError) as caught:
        await choose_subscriptions(Azure(*(subscription(str(n) * 4, f"sub{n}") for n in range(8))), ["zzzzzzzzzz"])
    assert caught.value.hint == "visible are: sub0, sub1, sub2, sub3, sub4 and 3 more"


@pytest.mark.parametrize("wanted", ["", " ", ","])
async def test_an_empty_name_never_means_all(wanted: str) -> None:
    with pytest.raises(UsageError, match="is empty"):
        await choose_subscriptions(Azure(PROD), [wanted])


async def test_two_subscriptions_of_one_name_are_told_apart_by_id() -> None:
    twins = Azure(PROD, subscription(B, "Contoso-Prod"))
    with pytest.raises(UsageError) as caught:
        await choose_subscriptions(twins, ["contoso-prod"])
    assert caught.value.message == f"2 subscriptions are called 'contoso-prod': {A}, {B}"
    assert (await choose_subscriptions(twins, [B])).ids == (B,)
    with pytest.raises(UsageError):
        await choose_subscriptions(twins, excluded=["contoso-prod"])


async def test_excluded_subscriptions_are_lines() -> None:
    scope = await choose_subscriptions(Azure(PROD, TEST), excluded=["contoso-test"])
    assert scope.ids == (A,)
    assert "excluded by --exclude-subscription" in str(scope.left_out[0])
    with pytest.raises(UsageError, match="no excluded subscription 'contoso-tost'"):
        await choose_subscriptions(Azure(PROD, TEST), excluded=["contoso-tost"])
    with pytest.raises(NothingScannedError, match="no subscription is left to scan"):
        await choose_subscriptions(Azure(PROD), excluded=[A])


async def test_no_subscription_at_all_says_who_where_and_what_to_do() -> None:
    with pytest.raises(NothingScannedError) as caught:
        await choose_subscriptions(Azure(), ["anything"], tenant="1111", who="alice@contoso.test")
    assert caught.value.exit_code == 3
    assert caught.value.message == "no subscription is visible to alice@contoso.test in tenant 1111"
    assert "Reader" in caught.value.hint and "--tenant" in caught.value.hint


async def test_every_page_is_read_however_empty() -> None:
    azure = Azure(p2={"items": (), "next": "p3"}, p3={"items": (PROD, TEST)})
    azure.pages[SUBSCRIPTIONS] = {"items": (PROD,), "next": "p2"}
    assert (await choose_subscriptions(azure)).ids == (A, B)


async def test_a_list_that_breaks_off_is_never_taken_for_all() -> None:
    broken = {"p2": {"fault": Fault("unavailable", "no answer in time")}}
    azure = Azure(**broken)
    azure.pages[SUBSCRIPTIONS] = {"items": (PROD,), "next": "p2"}
    with pytest.raises(NothingScannedError, match="no answer in time"):
        await choose_subscriptions(azure)
    with pytest.raises(NothingScannedError, match="'contoso-test' is not in what came"):
        await choose_subscriptions(azure, ["contoso-test"])
    assert (await choose_subscriptions(azure, ["contoso-prod"])).ids == (A,)


async def test_a_loop_of_pages_ends() -> None:
    azure = Azure()
    azure.pages[SUBSCRIPTIONS] = {"items": (PROD,), "next": SUBSCRIPTIONS}
    with pytest.raises(NothingScannedError, match="leads back"):
        await choose_subscriptions(azure)


@pytest.mark.parametrize(
    ("fault", "error", "words", "hint"),
    [
        (Fault("unavailable", "503"), NothingScannedError, "503", "again"),
        (
            Fault("unauthenticated", "wrong issuer", code="InvalidAuthenticationTokenTenant"),
            SignInError,
            "the token is of another tenant",
            "--tenant",
        ),
    ],
)
async def test_a_list_that_cannot_be_read_is_explained(
    fault: Fault, error: type[AzscanError], words: str, hint: str
) -> None:
    azure = Azure()
    azure.pages[SUBSCRIPTIONS] = {"fault": fault}
    with pytest.raises(error, match=words) as caught:
        await choose_subscriptions(azure, tenant="1111", who="alice")
    assert "alice in tenant 1111" in caught.value.message
    assert hint in caught.value.hint


async def test_a_management_group_brings_the_subscriptions_at_any_depth() -> None:
    azure = Azure(PROD, TEST, OLD)
    group = below("child", "Child", "Microsoft.Management/managementGroups")
    azure.pages[GROUP] = {"items": (group, below(A.upper()), below(D, "hidden")), "next": "p2"}
    azure.pages["p2"] = {"items": (below(C, kind="/subscriptions"),)}
    scope = await choose_subscriptions(azure, management_groups=("corp",))
    assert scope.ids == (A,)
    assert [(line.id, line.state) for line in scope.left_out] == [(D, ""), (C, "Disabled")]
    assert "hidden" in str(scope.left_out[0]) and "cannot see it" in str(scope.left_out[0])


@pytest.mark.parametrize("text", ["/providers/Microsoft.Management/managementGroups/corp", " corp "])
async def test_a_management_group_may_be_given_by_its_full_id(text: str) -> None:
    azure = Azure(PROD)
    azure.pages[GROUP] = {"items": (below(A),)}
    assert (await choose_subscriptions(azure, management_groups=(text,))).ids == (A,)


async def test_several_management_groups_bring_what_is_below_any_of_them() -> None:
    azure = Azure(PROD, TEST, subscription("e" * 8 + A[8:], "contoso-else"))
    azure.pages[GROUP] = {"items": (below(A),)}
    azure.pages[DESCENDANTS.format(group="lab")] = {"items": (below(B),)}
    assert (await choose_subscriptions(azure, management_groups=("corp", "lab"))).ids == (A, B)


async def test_a_management_group_cannot_change_the_request() -> None:
    azure = Azure(PROD)
    target = DESCENDANTS.format(group="a%3Fb%26c%20%25")
    azure.pages[target] = {"items": (below(A),)}
    await choose_subscriptions(azure, management_groups=("a?b&c %",))
    assert azure.asked[-1].target == target


async def test_a_management_group_and_named_subscriptions_must_agree() -> None:
    azure = Azure(PROD, TEST)
    azure.pages[GROUP] = {"items": (below(A),)}
    assert (await choose_subscriptions(azure, ["contoso-prod"], ("corp",))).ids == (A,)
    with pytest.raises(UsageError, match="contoso-test is not below the management group corp"):
        await choose_subscriptions(azure, ["contoso-prod", "contoso-test"], ("corp",))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"fault": Fault("absent", "gone", code="NotFound")}, UsageError, "there is no management group 'corp'"),
        ({"fault": Fault("access_denied", "may not")}, NothingScannedError, "could not be read: may not"),
        (
            {"fault": Fault("access_denied", "may not", code="Odd"), "request_id": "r-1"},
            NothingScannedError,
            r"could not be read: may not \(Odd, request r-1\)",
        ),
        ({"items": ()}, NothingScannedError, "no subscription below the management group corp is visible"),
        ({"items": (below(D),)}, NothingScannedError, "cannot see it"),
    ],
)
async def test_a_management_group_without_subscriptions_is_explained(
    answer: dict[str, Any], error: type[AzscanError], words: str
) -> None:
    azure = Azure(PROD)
    azure.pages[GROUP] = answer
    with pytest.raises(error, match=words):
        await choose_subscriptions(azure, management_groups=("corp",))


async def test_odd_entries_cost_only_themselves() -> None:
    """Some recorded lists hold entries without a name or a subscriptionId, and ids in capitals."""
    odd = [None, 5, {}, {"id": f"/subscriptions/{B.upper()}"}, {"subscriptionId": None, "displayName": None}]
    scope = await choose_subscriptions(Azure(*odd, PROD))
    assert scope.ids == (B, A)


async def test_a_subscription_without_subscriptionid_or_with_odd_names_is_scanned_all_the_same() -> None:
    odd = {"id": "/subscriptions/0A1B2C3D-1111-4222-8333-444455556666", "displayName": 7, "state": None}
    scope = await choose_subscriptions(Azure(odd))
    assert scope.ids == ("0a1b2c3d-1111-4222-8333-444455556666",)
    (kept,) = scope.subscriptions
    assert (kept["subscriptionId"], kept["displayName"], kept["state"]) == (scope.ids[0], "", "")
