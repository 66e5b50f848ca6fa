from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.values import Document
from tests.conditions.held import DENIED, Attached, Streamed, leaf


def rule(start: Any, end: Any, **more: Any) -> dict[str, Any]:
    return {"name": "r", "properties": {"startIpAddress": start, "endIpAddress": end, **more}}


WIDE = {"addresses": {"greater": 256}, "public": True}
PUBLIC = {"public": True}


@pytest.mark.parametrize(
    ("expected", "value", "truth"),
    [
        pytest.param(WIDE, [rule("0.0.0.0", "255.255.255.255")], TRUE, id="trap-12-everything"),
        pytest.param(WIDE, [rule("0.0.0.0", "0.0.0.0")], FALSE, id="trap-12-azure-services"),
        pytest.param(WIDE, [rule("1.0.0.0", "200.0.0.0")], TRUE, id="trap-12-a-large-part"),
        pytest.param(
            WIDE,
            [rule("1.0.0.0", "1.0.0.199"), rule("1.0.0.100", "1.0.1.44"), rule("9.9.9.9", "9.9.9.9")],
            TRUE,
            id="trap-12-several-that-add-up",
        ),
        pytest.param(
            WIDE, [rule("1.0.0.0", "1.0.0.199"), rule("1.0.0.100", "1.0.0.255")], FALSE, id="trap-12-counted-once"
        ),
        (WIDE, [rule("10.0.0.0", "10.255.255.255")], FALSE),
        ({"addresses": {"greater": 256}}, [rule("10.0.0.0", "10.255.255.255")], TRUE),
        (WIDE, [], FALSE),
        pytest.param(PUBLIC, [rule("203.0.113.5", "203.0.113.5")], TRUE, id="one-public-address"),
        (PUBLIC, [rule("10.0.0.1", "10.0.0.9")], FALSE),
        ({"public": False}, [rule("10.0.0.1", "10.0.0.9")], TRUE),
        ({"public": False}, [rule("8.8.8.8", "8.8.8.8")], FALSE),
        ({"public": False}, [], TRUE),
        pytest.param(PUBLIC, [{"value": "0.0.0.0/0", "action": "Allow"}], TRUE, id="trap-13-ip-rule-of-everything"),
        (PUBLIC, [{"value": "52.1.2.3"}], TRUE),
        (PUBLIC, [{"ipAddressOrRange": "0.0.0.0"}], FALSE),
        (PUBLIC, [{"ipMask": "8.8.8.0/24"}], TRUE),
        (PUBLIC, [{"properties": {"startIP": "8.8.8.8", "endIP": "8.8.8.9"}}], TRUE),
        (PUBLIC, [{"properties": {"startIPv6Address": "2603::", "endIPv6Address": "2603::1"}}], TRUE),
        (PUBLIC, [{"rangeStart": "8.8.8.8", "rangeEnd": "8.8.8.9"}], TRUE),
        ({"public": True, "keys": ["from", "to"]}, [{"from": "8.8.8.8", "to": "8.8.8.9"}], TRUE),
        ({"public": True, "keys": "at.block"}, [{"at": {"block": "8.8.8.8"}}], TRUE),
        ({"public": True, "keys": "at.block"}, [{"value": "8.8.8.8"}], UNSAID),
        (PUBLIC, "10.0.0.0/8,8.8.8.8", TRUE),
        (PUBLIC, "10.0.0.0/8, ", FALSE),
        (PUBLIC, "10.0.0.0-10.0.0.9", FALSE),
        (PUBLIC, ["10.0.0.0/8", "*"], TRUE),
        (PUBLIC, ["10.0.0.0/8", "AzureCloud"], UNSAID),
        (PUBLIC, ["8.8.8.8", "AzureCloud"], TRUE),
        ({"public": False}, ["8.8.8.8", "AzureCloud"], FALSE),
        ({"public": False}, ["AzureCloud"], UNSAID),
        (WIDE, [rule("8.0.0.0", None)], UNSAID),
        (WIDE, [rule("8.0.0.0", "9.0.0.0"), {}], TRUE),
        (WIDE, [{"properties": {}}], UNSAID),
        ({"addresses": {"lessOrEquals": 256}, "public": True}, [{"properties": {}}], UNSAID),
        ({"addresses": {"lessOrEquals": 256}}, ["8.0.0.0/8", {}], FALSE),
        ({"addresses": {"equals": 0}}, [], TRUE),
        ({"addresses": {"greater": 10, "less": 20}}, ["10.0.0.0/28"], TRUE),
        pytest.param({"addresses": {"greater": 256}}, ["2603:1000::/48"], TRUE, id="ipv6-in-networks"),
        ({"addresses": {"greater": 1}}, ["2603:1000::/64"], FALSE),
        ({"covers": "10.0.0.0/8"}, ["10.0.0.0/9", "10.128.0.0/9"], TRUE),
        ({"covers": "10.0.0.0/8"}, ["10.0.0.0/9"], FALSE),
        ({"covers": "10.0.0.0/8"}, ["10.0.0.0/9", "Tag"], UNSAID),
        pytest.param({"covers": "0.0.0.0/0"}, ["0.0.0.0/1", "128.0.0.0/1"], TRUE, id="trap-11-halves"),
        ({"covers": ["10.0.0.0/24", "::/0"]}, ["10.0.0.0/8", "::/1", "8000::/1"], TRUE),
        ({"covers": ["10.0.0.0/24", "::/0"]}, ["10.0.0.0/8"], FALSE),
        (PUBLIC, Attached(Streamed(Document(rule("8.8.8.8", "8.8.8.8")))), TRUE),
        (PUBLIC, Attached(Streamed()), FALSE),
        (PUBLIC, Attached(Streamed(fault=DENIED)), UNREADABLE),
        (PUBLIC, Attached(Streamed(rule("8.8.8.8", "8.8.8.8"), fault=DENIED)), TRUE),
        (PUBLIC, [DENIED], UNREADABLE),
        (PUBLIC, [rule("8.8.8.8", DENIED)], UNREADABLE),
        (PUBLIC, [Document({"properties": {}}, fault=DENIED)], UNREADABLE),
        (PUBLIC, 5, UNSAID),
        (PUBLIC, [None], UNSAID),
    ],
)
def test_cidr(expected: dict[str, Any], value: Any, truth: int) -> None:
    assert leaf(value, cidr=expected) == truth
