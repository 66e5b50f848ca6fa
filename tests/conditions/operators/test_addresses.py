from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.operators.addresses import (
    ALL_V4,
    EVERYTHING,
    NOTHING,
    PUBLIC,
    V6,
    Spans,
    common,
    count,
    covers,
    minus,
    read_addresses,
    union,
)

SETS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


def points(spans: Spans) -> set[int]:
    return {point for start, end in spans for point in range(start, end + 1)}


@given(SETS, SETS)
def test_sets_are_sets(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    left, right = union(first), union(second)
    assert points(left) == points(tuple(first))
    assert points(minus(left, right)) == points(left) - points(right)
    assert points(common(left, right)) == points(left) & points(right)
    assert covers(left, right) == (points(right) <= points(left))
    assert count(left) == len(points(left))
    assert all(end + 1 < start for (_, end), (start, _) in itertools.pairwise(left))


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_blocks_of_ipv4(address: ipaddress.IPv4Address, bits: int) -> None:
    block = ipaddress.IPv4Network(f"{address}/{bits}", strict=False)
    expected = ((int(block[0]), int(block[-1])),)
    assert read_addresses(f"{address}/{bits}") == (NOTHING if expected == ((0, 0),) else expected)


@given(st.ip_addresses(v=6), st.integers(0, 128))
def test_blocks_of_ipv6(address: ipaddress.IPv6Address, bits: int) -> None:
    block = ipaddress.IPv6Network(f"{address}/{bits}", strict=False)
    assert read_addresses(f"{address}/{bits}") == ((V6 + int(block[0]), V6 + int(block[-1])),)


@pytest.mark.parametrize("text", ["*", "Any", "Internet", "INTERNET"])
def test_everything(text: str) -> None:
    assert read_addresses(text) == EVERYTHING


@pytest.mark.parametrize("text", ["0.0.0.0", "0.0.0.0/32", "0.0.0.0-0.0.0.0"])
def test_azure_services_are_no_address(text: str) -> None:
    assert read_addresses(text) == NOTHING


def test_ranges() -> None:
    assert read_addresses("10.0.0.1 - 10.0.0.3") == ((0x0A000001, 0x0A000003),)
    assert read_addresses("0.0.0.0-255.255.255.255") == ALL_V4
    assert count(read_addresses("2001::-2001:0:0:5::")) == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.1",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/x",
        "fe80::1%eth0",
        "::/129",
        "1::2::3",
        "10.0.0.2-10.0.0.1",
        "10.0.0.1-::1",
        "AzureCloud",
        "VirtualNetwork",
        "10.0.0.1-",
        "\u0661.1.1.1",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_addresses(text)


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("8.8.8.8", True),
        ("10.1.2.3", False),
        ("172.31.0.1", False),
        ("172.32.0.1", True),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("203.0.113.5", True),
        ("2603:1000::1", True),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::1", False),
    ],
)
def test_public_addresses(address: str, is_public: bool) -> None:
    assert bool(common(read_addresses(address), PUBLIC)) == is_public
