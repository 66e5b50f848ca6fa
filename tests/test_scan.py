"""A scan from end to end over the emulator, and what holds it together."""

from __future__ import annotations

from collections import Counter
from datetime import date

import msgspec
import pytest

from azscan.catalog.model import Control, Edge, FrameworkMap
from azscan.choosing import choose_checks
from azscan.emulator import Deny, Options, Role, read_estate
from azscan.errors import NothingScannedError, UsageError
from azscan.estate.store import Estate
from azscan.results import Off, SeverityOverride, Waiver
from azscan.scan import (
    assess,
    check_something_was_read,
    params_of,
)
from azscan.settings import Settings
from tests.collect.ground import ONE, TWO, catalog, check, kind
from tests.harness import scan

STORAGE = "Microsoft.Storage/storageAccounts"
HTTPS = {"field": "properties.supportsHttpsTrafficOnly", "equals": True}


def account(name, group="web", subscription=ONE, secure=True, **more):
    identity = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{STORAGE}/{name}"
    return {
        "id": identity,
        "name": name,
        "type": STORAGE,
        "location": "westeurope",
        "properties": {"supportsHttpsTrafficOnly": secure},
        **more,
    }


def estate(*resources, subscriptions=(ONE,), **more):
    listed = [{"subscriptionId": each, "displayName": f"sub-{each[:2]}"} for each in subscriptions]
    return read_estate({"format": 1, "subscriptions": listed, "resources": list(resources), **more})


ACCOUNT = kind(
    "account", type=STORAGE, presence="listed", list=f"/subscriptions/{{subscriptionId}}/providers/{STORAGE}"
)
CONTAINER = kind(
    "container", type=f"{STORAGE}/blobServices/containers", of=("account",), list="{id}/blobServices/default/containers"
)
VAULT = kind(
    "vault",
    type="Microsoft.KeyVault/vaults",
    presence="listed",
    list="/subscriptions/{subscriptionId}/providers/Microsoft.KeyVault/vaults",
)
KNOWN = catalog(ACCOUNT, CONTAINER, VAULT, checks=[check("https", "account", HTTPS), check("vault", "vault", HTTPS)])
LOW = catalog(ACCOUNT, VAULT, checks=[check("https", "account", HTTPS), check("vault", "vault", HTTPS, severity="low")])


def statuses(scanned):
    return {(each.check, each.resource.name): each.status for each in scanned.verdicts}


def test_a_scan_reads_each_url_once_and_nothing_that_is_proven_absent(tmp_path):
    scanned = scan(tmp_path, estate(account("a"), account("b", secure=False)), catalog=KNOWN)
    assert statuses(scanned) == {("https", "a"): "pass", ("https", "b"): "fail"}
    assert scanned.exit_code == 10
    reads = Counter(read for read in scanned.reads() if "/oauth2/" not in read)
    assert max(reads.values()) == 1
    assert not any("KeyVault" in read for read in reads) and not scanned.emulator.write_attempts


def test_pages_empty_pages_and_next_links_lose_nothing(tmp_path):
    names = [f"st{number}" for number in range(23)]
    options = Options(page_size=5, empty_pages=True)
    scanned = scan(tmp_path, estate(*map(account, names)), options, catalog=KNOWN)
    assert {name for _, name in statuses(scanned)} == set(names) and scanned.exit_code == 0


def test_a_reader_of_one_group_never_gets_a_pass_for_the_subscription(tmp_path):
    role = Role(f"/subscriptions/{ONE}/resourceGroups/web", ["*/read"])
    scanned = scan(
        tmp_path,
        estate(account("a"), account("hidden", group="db", secure=False)),
        Options(roles=[role]),
        catalog=KNOWN,
    )
    found = statuses(scanned)
    assert found["https", "a"] == "pass" and found["https", "*"] == found["vault", "*"] == "unreadable"
    assert scanned.exit_code == 4


@pytest.mark.parametrize("place", ["anywhere", "groups", "nowhere"])
def test_proof_of_absence_where_permissions_cannot_be_asked_comes_from_role_assignments(tmp_path, place):
    scanned = scan(tmp_path, estate(account("a")), Options(permissions_at=place), catalog=KNOWN)
    assert statuses(scanned) == {("https", "a"): "pass"}


def test_a_filtered_type_is_unreadable_not_absent(tmp_path):
    options = Options(deny=[Deny(f"{STORAGE}/read", "filter")])
    scanned = scan(tmp_path, estate(account("a")), options, catalog=KNOWN)
    assert statuses(scanned) == {("https", "*"): "unreadable"}
    assert scanned.exit_code == 3, "not one verdict is readable"
    with pytest.raises(NothingScannedError, match="not one verdict is readable") as caught:
        check_something_was_read(scanned.results)
    assert "access_denied" in caught.value.hint and "storageAccounts/read" in caught.value.hint


def test_nothing_to_judge_is_all_well_where_that_is_proven(tmp_path):
    scanned = scan(tmp_path, estate(), catalog=KNOWN)
    assert scanned.verdicts == [] and scanned.exit_code == 0
    check_something_was_read(scanned.results)


@pytest.mark.parametrize("given", [{"regions": ["mars"]}, {"resource_groups": ["nope"]}, {"tags": ["a=b"]}])
@pytest.mark.parametrize("with_subscription", [False, True])
def test_a_filter_that_matches_nothing_is_told(tmp_path, given, with_subscription):
    checks = list(KNOWN.checks.values())
    if with_subscription:
        checks.append(check("sub", "subscription", {"field": "subscriptionId", "exists": True}))
    with pytest.raises(UsageError, match="no resource matches --") as caught:
        scan(tmp_path, estate(account("a")), catalog=catalog(ACCOUNT, CONTAINER, VAULT, checks=checks), **given)
    assert caught.value.exit_code == 2


def test_a_filter_is_no_hindrance_to_checks_that_know_none(tmp_path):
    known = catalog(checks=[check("sub", "subscription", {"field": "subscriptionId", "exists": True})])
    assert scan(tmp_path, estate(), catalog=known, regions=["mars"]).exit_code == 0


def test_what_was_left_out_is_reported(tmp_path):
    scanned = scan(
        tmp_path,
        estate(account("a"), account("b", subscription=TWO), subscriptions=(ONE, TWO)),
        catalog=KNOWN,
        exclude_subscriptions=["sub-0f"],
    )
    assert {name for _, name in statuses(scanned)} == {"a"}
    left = {each.id: each.left_out for each in scanned.results.scan.subscriptions}
    assert left[ONE] == "" and "--exclude-subscription" in left[TWO]
    assert any("is left out" in line for line in scanned.said)


def test_the_scan_says_who_looked_at_what_and_when(tmp_path):
    told = scan(tmp_path, estate(account("a")), catalog=KNOWN, resource_groups=["web"]).results.scan
    assert told.filters == ("--resource-group web",) and told.checks == 2 and told.services == ("test",)
    assert told.identity.startswith("azscan-reader") and told.credential and told.requests >= 4
    assert told.started <= told.finished and told.finished.endswith("Z")


# resume


def begun(tmp_path, **about):
    """The state of a scan that has just begun: what --resume finds."""
    first = scan(tmp_path, estate(account("a")), catalog=KNOWN)
    stored = first.results.estate
    stored.describe({"complete": False, **about})
    stored.close()
    return stored.path


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"scope": [TWO]}, "scope"),
        ({"object_id": "someone-else"}, "identity"),
        ({"catalog": "another"}, "catalog"),
        ({"tenant": "other", "cloud": "other"}, "cloud and tenant"),
    ],
)
def test_resume_refuses_what_was_begun_otherwise(tmp_path, about, words):
    path = begun(tmp_path, **about)
    with pytest.raises(UsageError, match=f"is of another {words}"):
        scan(tmp_path, estate(account("a")), catalog=KNOWN, save_estate=str(path), resume=True)
    Estate.open_saved(path).close()


def test_resume_reads_only_what_is_missing(tmp_path):
    path = begun(tmp_path)
    stored = Estate.open_saved(path)
    stored.drop_reads("account", "read", f"/subscriptions/{ONE}")
    stored.close()
    again = scan(tmp_path, estate(account("a")), catalog=KNOWN, save_estate=str(path), resume=True)
    assert statuses(again) == {("https", "a"): "pass"}
    reads = [read for read in again.reads() if "Microsoft.Authorization" not in read]
    assert len([read for read in reads if STORAGE in read]) == 1
    assert not any(read.partition("?")[0].endswith(("/resources", "/resourcegroups")) for read in reads)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(UsageError, match="there is no interrupted scan at"):
        scan(tmp_path, estate(account("a")), catalog=KNOWN, resume=True)


def test_an_unnamed_estate_lies_in_the_state_folder_by_scope_identity_and_catalogue(tmp_path):
    import asyncio

    from azscan.collect.progress import Progress
    from azscan.emulator import Emulator
    from azscan.scan import collect
    from tests.harness import with_cloud

    async def paths(*given):
        found = []
        async with Emulator(estate(account("a"), subscriptions=(ONE, TWO)), Options()) as emulator:
            around = {
                **emulator.environment(emulator.write_ca(tmp_path / "ca.pem")),
                "AZSCAN_STATE_DIR": str(tmp_path / "state"),
            }
            for settings, known in given:
                choice = choose_checks(settings, known)
                made = await collect(with_cloud(settings, emulator.url), choice, around, lambda text: None, Progress())
                made.close()
                found.append(made.path)
        return found

    other = msgspec.structs.replace(KNOWN, hash="other")
    one, same, scoped, newer = asyncio.run(
        paths(
            (Settings(), KNOWN),
            (Settings(checks=("https",)), KNOWN),
            (Settings(subscriptions=(ONE,)), KNOWN),
            (Settings(), other),
        )
    )
    assert one == same and len({one, scoped, newer}) == 3
    assert {each.parent for each in (one, scoped, newer)} == {tmp_path / "state"}


# offline


def test_a_saved_estate_is_assessed_again_and_stays_as_it_is(tmp_path):
    first = scan(tmp_path, estate(account("a"), account("b", secure=False)), catalog=KNOWN)
    path = first.results.estate.path
    first.results.estate.close()
    before = path.read_bytes()
    more = catalog(
        ACCOUNT, CONTAINER, VAULT, checks=[*KNOWN.checks.values(), check("kids", "container", HTTPS)], hash="newer"
    )
    settings = Settings(estate=str(path))
    opened = Estate.open_saved(path, to_write=False)
    results = assess(opened, settings, choose_checks(settings, more))
    found = {(each.check, each.resource.name): each.status for each in results.verdicts()}
    assert found == {("https", "a"): "pass", ("https", "b"): "fail", ("kids", "*"): "unreadable"}
    assert {part.kind for part in results.unreadable} == {"not_collected"}
    assert any("another version of the catalogue" in note for note in results.scan.notes)
    opened.close()
    assert path.read_bytes() == before


def test_an_estate_of_a_narrower_scan_says_of_which(tmp_path):
    two = catalog(ACCOUNT, CONTAINER, VAULT, checks=[*KNOWN.checks.values(), check("kids", "container", HTTPS)])
    first = scan(tmp_path, estate(account("a")), catalog=two, checks=["https"])
    settings = Settings(estate=str(first.results.estate.path))
    told = "this estate was saved by a scan with --check https: what only other checks need is not in it"

    def notes(**more):
        chosen = msgspec.structs.replace(settings, **more)
        return assess(first.results.estate, chosen, choose_checks(chosen, two)).scan.notes

    assert notes() == (told,)
    assert notes(checks=("https",)) == (), "nothing is missing"


def test_an_estate_of_a_broken_scan_says_so(tmp_path):
    path = begun(tmp_path)
    opened = Estate.open_saved(path, to_write=False)
    results = assess(opened, Settings(estate=str(path)), choose_checks(Settings(), KNOWN))
    assert "this estate was not read to its end" in results.scan.notes
    opened.close()


# choosing


def test_switched_off_checks_are_left_out_and_told():
    settings = Settings(off=(Off(checks=("vault",), reason="none here"),))
    choice = choose_checks(settings, KNOWN)
    assert [each.id for each in choice.checks] == ["https"] and choice.off[0].reason == "none here"
    with pytest.raises(UsageError, match="no check is left"):
        choose_checks(Settings(off=(Off(services=("test",), reason="r"),)), KNOWN)


def lowered(severity="low", **more):
    return SeverityOverride(("https",), severity, "no data of ours", **more)


def test_a_severity_of_the_team_reaches_selection_gate_and_reports(tmp_path):
    around = estate(account("open", secure=False))
    before = scan(tmp_path, around, catalog=KNOWN, checks=["https"])
    assert before.exit_code == 10 and before.verdicts[0].override is None
    choice = choose_checks(Settings(checks=("https",), severity_overrides=(lowered(),)), KNOWN)
    results = assess(before.results.estate, Settings(), choice)
    (verdict,) = results.verdicts("fail")
    assert (verdict.severity, verdict.override, results.summary.gate.exit_code) == ("low", 0, 0)
    assert results.severity_overrides[0].changed == {"https": "high"}
    assert results.summary.severities["low"]["fail"] == 1 and not results.summary.severities["high"]["fail"]
    chosen = choose_checks(Settings(severities=("low",), severity_overrides=(lowered(),)), KNOWN)
    assert [each.id for each in chosen.checks] == ["https"]
    assert [each.id for each in choose_checks(Settings(severities=("low",)), LOW).checks] == ["vault"]


def test_choosing_anew_for_another_day_begins_with_the_declared_severities():
    settings = Settings(severity_overrides=(lowered(expires="2026-05-04"),))
    choice = choose_checks(settings, KNOWN, date(2026, 5, 4))
    assert choice.catalog.checks["https"].severity == "low" and choice.declared is KNOWN
    again = choose_checks(settings, choice.declared, date(2026, 5, 4))
    assert again.overrides[0].changed == {"https": "high"}
    assert choose_checks(settings, choice.declared, date(2026, 5, 5)).catalog.checks["https"].severity == "high"


def test_a_waiver_that_matches_nothing_is_told_from_one_that_was_not_tried(tmp_path):
    around = estate(account("open", secure=False))
    found = scan(tmp_path, around, catalog=KNOWN, checks=["https"])
    waivers = [
        Waiver((check,), (f"*/{name}",), "r") for check, name in (("https", "open"), ("https", "x"), ("vault", "*"))
    ]
    settings = Settings(checks=("https",), waivers=tuple(waivers))
    results = assess(found.results.estate, settings, choose_checks(settings, KNOWN))
    assert [(each.used, each.not_tried) for each in results.waivers] == [
        (1, ""), (0, ""), (0, "none of its checks was run"),
    ]  # fmt: skip


def test_a_framework_chooses_its_checks():
    framework = FrameworkMap("f", "F", "s", (Control("1", "One", (Edge("https"),)), Control("2", "Two", manual="why")))
    known = msgspec.structs.replace(KNOWN, frameworks={"f": framework})
    assert [each.id for each in choose_checks(Settings(frameworks=("f",)), known).checks] == ["https"]
    assert len(choose_checks(Settings(), known).checks) == 2
    with pytest.raises(UsageError):
        choose_checks(Settings(frameworks=("nope",)), known)


def test_parameters_move_to_present_ids():
    known = catalog(checks=[check("new", "subscription", HTTPS, aliases=("old", "older"), params={"a": 0, "b": 0})])
    settings = Settings(params={"new": {"a": 1}, "old": {"a": 2, "b": 2}, "unknown": {"c": 3}})
    assert params_of(settings, known) == {"new": {"a": 1, "b": 2}, "unknown": {"c": 3}}
    assert settings.params["new"] == {"a": 1}
