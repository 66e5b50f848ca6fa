"""What a forecast says is what a scan then asks; where it cannot know, it says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from azscan.azure.answers import Ask, Fault
from azscan.azure.governor import Governor, Load
from azscan.azure.places import Place
from azscan.catalog.builtin import RESOURCES
from azscan.catalog.load import load
from azscan.choosing import choose_checks
from azscan.collect.collector import Collector
from azscan.collect.forecast import Expected, Forecast, Rehearsal, as_document, forecast
from azscan.collect.plan import Plan
from azscan.emulator import Options, Role, demo_estate, read_estate
from azscan.estate.store import Estate
from azscan.settings import Settings
from tests.collect.ground import ONE, Azure, at, catalog, check, collect, kind, page, thing
from tests.harness import Scanned, scan

ON = {"field": "properties.on", "equals": True}
LISTED = f"/subscriptions/{ONE}/resources"


def told(estate: Estate, known, checks=None) -> Forecast:
    return asyncio.run(forecast(estate, Plan(known, checks or known.checks.values(), {})))


def numbers(found: Forecast) -> dict[str, int]:
    """The requests of each collection that is read, with "+" for what completes its records."""
    return {each.collection + "+" * (each.part == "detail"): each.requests for each in found.reads if each.requests}


def bounds(found: Forecast) -> dict[str, str]:
    return {each.collection: each.bound for each in found.reads if each.requests and each.bound != "exact"}


def surveyed(monkeypatch, azure: Azure, known, folder: Path) -> Estate:
    """The estate of a live plan: what `survey` alone reads."""
    monkeypatch.setattr(Collector, "run", Collector.survey)
    estate = collect(azure, known, folder / "survey.sqlite")
    monkeypatch.undo()
    return estate


# the demo


def counted(scanned: Scanned) -> list[str]:
    return [record.url for record in scanned.emulator.log if record.service in ("arm", "graph")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scan(tmp_path_factory.mktemp("demo"), demo_estate())


def chosen(**given):
    known = load()
    return known, choose_checks(Settings(**given), known).checks


def test_a_saved_demo_tells_what_the_emulator_counted(demo: Scanned) -> None:
    known, checks = chosen()
    found = told(demo.results.estate, known, checks)
    assert (found.requests, found.bound) == (len(counted(demo)), "exact")
    assert found.resources == demo.results.estate.count("resource")
    assert sum(sum(each.requests for each in some) for some in found.by_service().values()) == found.requests


@pytest.mark.parametrize("service", ["storage", "sql", "entra", "network"])
def test_a_saved_demo_tells_what_a_scan_of_one_service_asks(demo: Scanned, tmp_path: Path, service: str) -> None:
    """With fewer checks than the estate was read for, links into other services included."""
    known, checks = chosen(services=(service,))
    again = scan(tmp_path, demo_estate(), services=[service])
    assert told(demo.results.estate, known, checks).requests == len(counted(again))


def test_a_live_forecast_of_the_demo_is_an_upper_bound_and_close(demo: Scanned, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Collector, "run", Collector.survey)
    survey = scan(tmp_path, demo_estate())
    monkeypatch.undo()
    known, checks = chosen()
    found, real = told(survey.results.estate, known, checks), told(demo.results.estate, known, checks)
    assert real.requests <= found.requests <= 1.25 * real.requests
    # Not by chance: it holds for each collection whose number can be known.
    unknown = bounds(found)
    few = {name for name, number in numbers(real).items() if numbers(found).get(name, 0) < number}
    assert {name for name in few if unknown.get(name.rstrip("+")) != "assumed"} == set()
    # Nothing but the subscriptions, the permissions and the resource list was read.
    asked = {url.partition("?")[0].rpartition("/")[2] for url in counted(survey)}
    assert asked == {"subscriptions", "permissions", "resources"}


def test_a_reader_of_one_group_costs_the_questions_about_groups_too(tmp_path: Path) -> None:
    storage = "Microsoft.Storage/storageAccounts"
    accounts = [
        {
            "id": f"/subscriptions/{ONE}/resourceGroups/{group}/providers/{storage}/st{group}",
            "name": f"st{group}",
            "type": storage,
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {},
        }
        for group in ("web", "db")
    ]
    made = read_estate({"format": 1, "subscriptions": [{"subscriptionId": ONE}], "resources": accounts})
    options = Options(roles=[Role(f"/subscriptions/{ONE}/resourceGroups/web", ["*/read"])])
    scanned = scan(tmp_path, made, options, services=["storage"])
    known, checks = chosen(services=("storage",))
    found = told(scanned.results.estate, known, checks)
    assert found.requests == len(counted(scanned))
    assert numbers(found)["permission"] > 1


# what is on record


THING = kind("thing", presence="listed")
PART = kind("part", of=("thing",), type="Microsoft.Test/things/parts")
KNOWN = catalog(THING, PART, checks=[check("a", "part", ON)])
THINGS = {f"{at(ONE)}/things": page(thing("one"), thing("two")), LISTED: page(thing("one"), thing("two"))}


def test_pages_and_failed_reads_count_as_they_were_read(tmp_path: Path) -> None:
    answers = {
        **THINGS,
        f"{at(ONE)}/things": [page(thing("one"), next=f"{at(ONE)}/more"), page()],
        f"{at(ONE)}/more": page(thing("two")),
        f"{at(ONE, 'rg')}/things/two/parts": Fault("access_denied", "no"),
    }
    azure = Azure(answers)
    estate = collect(azure, KNOWN, tmp_path / "e.sqlite")
    found = told(estate, KNOWN)
    # The subscriptions were listed before.
    assert found.requests == len(azure.asked) + 1
    assert numbers(found)["thing"] == 2 and numbers(found)["part"] == 2 and found.bound == "exact"


def test_what_was_not_needed_or_proven_absent_is_not_counted(tmp_path: Path) -> None:
    gated = kind("gated", of=("thing",), when={"field": "properties.wanted", "equals": True})
    other = kind("other", presence="listed")
    known = catalog(THING, gated, other, checks=[check("a", "gated", ON), check("b", "other", ON)])
    listed = page(thing("one", properties={"wanted": False}), thing("two", properties={"wanted": True}))
    azure = Azure({**THINGS, f"{at(ONE)}/things": listed})
    found = told(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert numbers(found)["gated"] == 1 and "other" not in numbers(found)
    assert found.requests == len(azure.asked) + 1
    assert {each.collection for each in found.reads if not each.requests} == {"other"}


def test_details_count_apart(tmp_path: Path) -> None:
    detailed = kind("thing", presence="listed", detail="{id}", detail_when={"field": "name", "notEquals": "two"})
    known = catalog(detailed, checks=[check("a", "thing", ON)])
    azure = Azure({**THINGS, f"{at(ONE, 'rg')}/things/one": {"properties": {"on": True}}})
    found = told(collect(azure, known, tmp_path / "e.sqlite"), known)
    assert numbers(found)["thing"] == 1 and numbers(found)["thing+"] == 1
    assert found.requests == len(azure.asked) + 1


def test_what_an_estate_lacks_is_expected_from_what_it_holds(tmp_path: Path) -> None:
    few = catalog(THING, checks=[check("t", "thing", ON)])
    estate = collect(Azure(THINGS), few, tmp_path / "e.sqlite")
    assert numbers(told(estate, KNOWN))["part"] == 2


def test_without_a_resource_list_everything_is_asked(tmp_path: Path) -> None:
    only = catalog(kind("setting"), checks=[check("a", "setting", ON)])
    estate = collect(Azure({}), only, tmp_path / "e.sqlite")
    found = told(estate, KNOWN)
    assert numbers(found)["thing"] == 1 and bounds(found) == {"part": "assumed"} and found.resources is None


def test_the_estate_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    collect(Azure(THINGS), KNOWN, path).close()
    before = path.read_bytes()
    opened = Estate.open_saved(path, to_write=False)
    told(opened, KNOWN)
    told(opened, KNOWN)
    opened.close()
    assert path.read_bytes() == before and {each.name for each in tmp_path.iterdir()} == {"e.sqlite"}


# what the resource list lets expect


def test_a_survey_reads_no_more_than_permissions_and_the_list(monkeypatch, tmp_path: Path) -> None:
    azure = Azure(THINGS)
    found = told(surveyed(monkeypatch, azure, KNOWN, tmp_path), KNOWN)
    assert azure.paths() == [LISTED] and len(azure.asked) == 2
    assert numbers(found)["part"] == 2 and found.bound == "exact" and found.resources == 2


def test_a_condition_that_the_list_decides_is_believed_and_another_is_at_most(monkeypatch, tmp_path: Path) -> None:
    shown = kind("shown", of=("thing",), when={"field": "kind", "equals": "big"})
    hidden = kind("hidden", of=("thing",), when={"field": "properties.x", "equals": 1, "default": 2})
    known = catalog(THING, shown, hidden, checks=[check("a", "shown", ON), check("b", "hidden", ON)])
    azure = Azure({LISTED: page(thing("one", kind="big"), thing("two", kind="small"))})
    found = told(surveyed(monkeypatch, azure, known, tmp_path), known)
    assert numbers(found)["shown"] == 1 and numbers(found)["hidden"] == 2
    assert bounds(found) == {"hidden": "at_most"} and found.bound == "at_most"


def test_children_of_children_are_known_where_the_list_shows_them(monkeypatch, tmp_path: Path) -> None:
    leaf = kind("leaf", of=("part",))
    known = catalog(THING, PART, leaf, checks=[check("a", "leaf", ON)])
    parts = [thing(f"one/parts/{name}") | {"type": "Microsoft.Test/things/parts"} for name in ("p", "q")]
    shown = Azure({LISTED: page(thing("one"), thing("onemore"), *parts)})
    found = told(surveyed(monkeypatch, shown, known, tmp_path), known)
    assert numbers(found)["part"] == 2 and numbers(found)["leaf"] == 2 and found.bound == "exact"
    bare = Azure({LISTED: page(thing("one"), thing("onemore"))})
    found = told(surveyed(monkeypatch, bare, known, tmp_path / "bare"), known)
    assert numbers(found)["leaf"] == 2 and bounds(found) == {"leaf": "assumed"}


def test_regions_and_groups_in_use_are_those_of_the_list(monkeypatch, tmp_path: Path) -> None:
    region = kind("region", per="location", list="/subscriptions/{subscriptionId}/locations/{location}/rs")
    group = kind("group", per="resource_group", list="/subscriptions/{subscriptionId}/resourceGroups/{resourceGroup}/g")
    known = catalog(THING, region, group, checks=[check("a", "region", ON), check("b", "group", ON)])
    listed = page(thing("one", location="West Europe"), thing("two", location="eastus"), thing("three", group="db"))
    found = told(surveyed(monkeypatch, Azure({LISTED: listed}), known, tmp_path), known)
    assert numbers(found)["region"] == 2 and numbers(found)["group"] == 2


def test_a_rehearsal_asks_nobody(tmp_path: Path) -> None:
    estate = collect(Azure(THINGS), KNOWN, tmp_path / "e.sqlite")
    plan = Plan(KNOWN, KNOWN.checks.values(), {})
    rehearsal = Rehearsal(estate, Estate.create(tmp_path / "s.sqlite", {}), plan)
    with pytest.raises(AssertionError, match="a rehearsal asked for /x"):
        asyncio.run(rehearsal.session.read(Ask("/x")))


# the time


def loads(reads: dict[Place, int]) -> dict[str, float]:
    async def work() -> list[Load]:
        return Governor().loads(reads)

    return {load.who: load.seconds for load in asyncio.run(work())}


def place(provider: str = "microsoft.test", subscription: str = ONE, host: str = "arm", is_list: bool = False) -> Place:
    return Place(host, subscription, provider, "", "", is_list)


@pytest.mark.parametrize(
    ("where", "who", "reads", "seconds"),
    [
        (place(), f"subscription {ONE}", 240, 0),
        (place(), f"subscription {ONE}", 240 + 245, 10),
        (place("microsoft.storage"), f"microsoft.storage (reads), subscription {ONE}", 800, 0),
        (place("microsoft.storage"), f"microsoft.storage (reads), subscription {ONE}", 1601, 600),
        (place("microsoft.storage", is_list=True), f"microsoft.storage (lists), subscription {ONE}", 101, 300),
        (place("microsoft.network"), f"microsoft.network, subscription {ONE}", 10_001, 300),
        (place("microsoft.resourcegraph"), f"microsoft.resourcegraph, subscription {ONE}", 31, 10),
        (place("users", "", "graph"), "Microsoft Graph", 960 + 1715, 10),
    ],
)
def test_what_budgets_cost(where: Place, who: str, reads: int, seconds: float) -> None:
    assert loads({where: reads})[who] == pytest.approx(seconds)


def test_reads_of_several_places_share_their_bucket_and_the_longest_wait_counts() -> None:
    found = loads({place(): 200, place("microsoft.storage", is_list=True): 200})
    assert found[f"subscription {ONE}"] == pytest.approx(160 / 24.5)
    assert next(iter(found)).startswith("microsoft.storage (lists)")
    whole = Forecast((), tuple(Load(who, 1, seconds) for who, seconds in found.items()), None)
    assert whole.seconds == 300


def test_the_formula_in_the_docs_is_this_one() -> None:
    text = (Path(__file__).parents[2] / "docs/reading.md").read_text(encoding="utf-8")
    for formula in ("− 240) / 24.5", "/ 800⌋ × 300", "/ 100⌋ × 300", "/ 10,000⌋ × 300", "/ 15⌋ × 5", "− 960) / 171.5"):
        assert formula in text


# what it looks like


def test_the_document() -> None:
    reads = (Expected("s", "c", "read", "GET /x", "tenant", 3), Expected("s", "d", "read", "GET /y", "c", 4, "at_most"))
    document = as_document(Forecast(reads, (Load("all", 7, 1.23),), 6))
    assert {name: document[name] for name in ("requests", "bound", "resources", "requests_per_resource")} == {
        "requests": 7,
        "bound": "at_most",
        "resources": 6,
        "requests_per_resource": 1.167,
    }
    assert document["budgets"] == [{"budget": "all", "reads": 7, "seconds": 1.2}] and document["seconds"] == 1.2
    assert Counter(each["service"] for each in document["reads"]) == {"s": 2}
    assert as_document(Forecast((), (), None))["requests_per_resource"] is None


def test_the_resource_list_itself_is_counted(tmp_path: Path) -> None:
    found = told(collect(Azure(THINGS), KNOWN, tmp_path / "e.sqlite"), KNOWN)
    (own,) = [each for each in found.reads if each.collection == RESOURCES.name]
    assert (own.service, own.request, own.per) == (
        "azscan",
        "GET /subscriptions/{subscriptionId}/resources",
        "subscription",
    )
