"""Where a read stands, read from its path."""

from __future__ import annotations

from typing import Any

import pytest

from azscan.azure.answers import Ask
from azscan.azure.places import Place, place_of

SUB = "00000000-0000-4000-8000-000000000001"
SITES = f"https://management.azure.com:443/Subscriptions/{SUB.upper()}/providers/Microsoft.Web/sites?x=1"
SETTINGS = (
    f"/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.Web/sites/a/providers/Microsoft.Insights/"
    "diagnosticSettings?api-version=1"
)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (
            Ask(f"/subscriptions/{SUB}/resources?api-version=1"),
            ("arm", SUB, "microsoft.resources", "", "microsoft.resources/resources", True),
        ),
        (Ask(SITES, region="WestEurope"), ("arm", SUB, "microsoft.web", "westeurope", "microsoft.web/sites", True)),
        (Ask(SETTINGS), ("arm", SUB, "microsoft.insights", "", "microsoft.insights/diagnosticsettings", True)),
        (
            Ask("/subscriptions?api-version=1"),
            ("arm", "", "microsoft.resources", "", "microsoft.resources/subscriptions", True),
        ),
        (
            Ask("/providers/Microsoft.X/y?z=1", subscription=SUB, provider="microsoft.q", shape="object"),
            ("arm", SUB, "microsoft.q", "", "microsoft.x/y", False),
        ),
        (Ask("/v1.0/users/1/memberOf", host="graph"), ("graph", "", "users", "", "users/memberof", True)),
        (Ask("/", shape="status"), ("arm", "", "microsoft.resources", "", "microsoft.resources/", False)),
    ],
)
def test_where_a_read_stands(ask: Ask, expected: tuple[Any, ...]) -> None:
    assert place_of(ask) == Place(*expected)


def test_who_it_is_for_people() -> None:
    assert place_of(Ask(SITES, region="westeurope")).who == "microsoft.web in westeurope"
    assert place_of(Ask(SITES)).who == "microsoft.web"
    assert place_of(Ask("/v1.0/users", host="graph")).who == "Microsoft Graph"
