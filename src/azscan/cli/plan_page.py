"""A forecast of reads as a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azscan.catalog.model import Catalog
from azscan.words import count, how_long

if TYPE_CHECKING:
    from azscan.collect.forecast import Bound, Forecast
    from azscan.report.page import Page

_COLUMN = 14
_WORDS: dict[Bound, str] = {"exact": "", "at_most": "at most ", "assumed": "about "}


def print_forecast(page: Page, catalog: Catalog, forecast: Forecast) -> None:
    """Print the reads by service, their sum, and what they wait for."""
    for service, reads in forecast.by_service().items():
        title = catalog.services[service].title if service in catalog.services else "What every scan reads"
        page.heading(f"{title}: {count(sum(each.requests for each in reads), 'request')}")
        for each in reads:
            number = f"{_WORDS[each.bound]}{each.requests:,}"
            what = f"{each.collection}, the rest of it" if each.part == "detail" else each.collection
            page.line(f"{number:>{_COLUMN}}  ", (what, "bold"), f", one per {each.per}")
            page.whole(" " * (_COLUMN + 2), each.request, "dim")
    page.blank()
    total = f"{_WORDS[forecast.bound]}{count(forecast.requests, 'request')}"
    if forecast.resources:
        total += f" for {count(forecast.resources, 'resource')}: {forecast.per_resource:.2f} per resource"
    page.line("", (total, "bold"))
    _notes(page, forecast)
    _waits(page, forecast)


def _notes(page: Page, forecast: Forecast) -> None:
    bounds = {each.bound for each in forecast.reads if each.requests}
    if "at_most" in bounds:
        page.line("at most: ", "the list of resources does not show what would spare some of them")
    if "assumed" in bounds:
        page.line("about: ", "how many there are is known only after reading; each list is taken to hold one")


def _waits(page: Page, forecast: Forecast) -> None:
    if not forecast.seconds:
        page.line("", "no budget of Azure's runs short: the reads take as long as Azure takes to answer")
        return
    page.line("", f"under Azure's throttles they take at least {how_long(forecast.seconds)}:")
    for load in forecast.loads:
        if load.seconds:
            page.line("  ", f"{how_long(load.seconds)} for {count(load.reads, 'read')} of {load.who}")
