"""URLs of declared reads: no value can lead out of its place."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.collect.targets import NotAnId, action_of, encoded, target_of
from tests.collect.ground import ONE, kind


def test_a_target_has_its_api_version_and_its_query():
    made = kind("thing", query={"$expand": "instanceView"}, api={"": "2024-01-01", "AzureChinaCloud": "2020-01-01"})
    path = f"/subscriptions/{ONE}/providers/Microsoft.Test/things"
    values = {"subscriptionId": ONE}
    assert target_of(made, "AzureCloud", values) == f"{path}?api-version=2024-01-01&$expand=instanceView"
    assert target_of(made, "AzureChinaCloud", values).startswith(f"{path}?api-version=2020-01-01&")


def test_graph_has_its_version_in_the_path():
    made = kind("user", host="graph", list="/users", version="beta", query={"$select": "id,displayName"})
    assert target_of(made, "AzureCloud", {}) == "/beta/users?$select=id,displayName"
    assert action_of(made) == ""


def test_a_detail_has_its_own_path_and_query():
    made = kind("thing", detail="{id}/more", detail_query={"$expand": "all"}, query={"a": "b"})
    assert target_of(made, "", {"id": "/x/Y"}, detail=True) == "/x/Y/more?api-version=2024-01-01&$expand=all"


@pytest.mark.parametrize("value", ["", "/", "a//b", "a/../b", "/./a", "a/\x00b", "a\nb/c"])
def test_what_is_no_id_is_refused(value):
    with pytest.raises(NotAnId):
        encoded(value, whole_id=True)


@pytest.mark.parametrize("value", ["a/b", "..", ".", "", "a\tb"])
def test_what_is_no_name_is_refused(value):
    with pytest.raises(NotAnId):
        encoded(value, whole_id=False)


@given(st.text(min_size=1))
def test_an_id_stays_an_id(value):
    made = kind("child", of=("thing",), list="{id}/children")
    try:
        target = target_of(made, "", {"id": f"/subscriptions/s/{value}"})
    except NotAnId:
        return
    parts = urlsplit(f"https://host{target}")
    assert parts.netloc == "host" and parts.query == "api-version=2024-01-01" and not parts.fragment
    assert parts.path.endswith("/children") and parts.path.isascii()
    assert unquote(parts.path) == f"/subscriptions/s/{value}".rstrip("/") + "/children"
