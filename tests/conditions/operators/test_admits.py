from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.operators.admits import read_ports
from tests.conditions.held import DENIED, Attached, Streamed, judge, leaf

SSH = {"from": "internet", "ports": [22], "protocol": "Tcp"}


def rule(access: str | None = "Allow", priority: int | None = 100, **members: Any) -> dict[str, Any]:
    """An inbound rule that matches everything but for the members given; None takes a member away."""
    whole = {
        "access": access,
        "priority": priority,
        "direction": "Inbound",
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "sourceAddressPrefixes": [],
        "sourcePortRange": "*",
        "sourcePortRanges": [],
        "destinationAddressPrefix": "*",
        "destinationAddressPrefixes": [],
        "destinationPortRange": "*",
        "destinationPortRanges": [],
    }
    body = {key: each for key, each in {**whole, **members}.items() if each is not None}
    return {"name": f"{access}-{priority}", "properties": body}


def deny(priority: int | None = 50, access: str | None = "Deny", **members: Any) -> dict[str, Any]:
    return rule(access, priority, **members)


def from_(*prefixes: str) -> dict[str, Any]:
    if len(prefixes) == 1:
        return {"sourceAddressPrefix": prefixes[0]}
    return {"sourceAddressPrefix": "", "sourceAddressPrefixes": list(prefixes)}


GROUP = [{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/web"}]
OTHER_GROUP = [{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/db"}]
TO_GROUP = {"destinationAddressPrefix": None, "destinationApplicationSecurityGroups": GROUP}


@pytest.mark.parametrize(
    ("rules", "truth"),
    [
        pytest.param([], FALSE, id="no-rules"),
        pytest.param([rule()], TRUE, id="trap-11-star"),
        pytest.param([rule(**from_("Internet"))], TRUE, id="trap-11-internet"),
        pytest.param([rule(**from_("INTERNET"))], TRUE, id="trap-11-internet-in-capitals"),
        pytest.param([rule(**from_("Any"))], TRUE, id="trap-11-any"),
        pytest.param([rule(**from_("0.0.0.0/0"))], TRUE, id="trap-11-ipv4"),
        pytest.param([rule(**from_("::/0"))], TRUE, id="trap-11-ipv6"),
        pytest.param([rule(**from_("0.0.0.0/1", "128.0.0.0/1"))], TRUE, id="trap-11-halves"),
        pytest.param(
            [rule(**from_("0.0.0.0/1")), rule(priority=200, **from_("128.0.0.0/1"))],
            TRUE,
            id="trap-11-halves-of-two-rules",
        ),
        pytest.param(
            [rule(**from_(*(f"{first}.0.0.0/8" for first in range(1, 223) if first % 2)))], TRUE, id="many-blocks"
        ),
        pytest.param([rule(**from_("203.0.113.0/24"))], FALSE, id="a-partner"),
        pytest.param([rule(**from_("10.0.0.0/8", "172.16.0.0/12"))], FALSE, id="private"),
        pytest.param([rule(**from_("VirtualNetwork"))], FALSE, id="trap-11-virtual-network"),
        pytest.param([rule(**from_("AzureLoadBalancer"))], FALSE, id="trap-11-load-balancer"),
        pytest.param([rule(**from_("AzureCloud"))], FALSE, id="trap-11-azure-cloud"),
        pytest.param([rule(**from_("AzureFrontDoor.Backend"))], FALSE, id="trap-11-front-door"),
        pytest.param([rule(**from_("CorpNetPublic"))], FALSE, id="unknown-tag"),
        pytest.param([rule(destinationPortRange="22")], TRUE, id="trap-11-singular-port"),
        pytest.param([rule(destinationPortRange="20-25")], TRUE, id="trap-11-range"),
        pytest.param([rule(destinationPortRange="80,22")], TRUE, id="several-in-one-text"),
        pytest.param(
            [rule(destinationPortRange=None, destinationPortRanges=["80", "22-25"])], TRUE, id="trap-11-plural-ports"
        ),
        pytest.param([rule(destinationPortRange="", destinationPortRanges=["80", "443"])], FALSE, id="other-ports"),
        pytest.param([rule(destinationPortRange="443")], FALSE, id="other-port"),
        pytest.param([rule(protocol="Udp")], FALSE, id="other-protocol"),
        pytest.param([rule(protocol="tcp")], TRUE, id="protocol-in-lower-case"),
        pytest.param([rule(protocol="TCP")], TRUE, id="protocol-in-capitals"),
        pytest.param([rule(direction="Outbound")], FALSE, id="outbound"),
        pytest.param([rule(direction="inbound")], TRUE, id="direction-in-lower-case"),
        pytest.param([rule(sourcePortRange="1024-65535")], TRUE, id="some-source-ports-are-open-too"),
        pytest.param([rule(**TO_GROUP)], TRUE, id="trap-11-application-security-group"),
        pytest.param([rule(destinationAddressPrefix="10.0.0.4")], TRUE, id="one-destination"),
        pytest.param(
            [rule(sourceAddressPrefix=None, sourceApplicationSecurityGroups=GROUP)], FALSE, id="from-a-security-group"
        ),
        pytest.param([rule(), deny()], FALSE, id="trap-11-higher-deny-closes"),
        pytest.param([rule(), deny(200)], TRUE, id="lower-deny-does-nothing"),
        pytest.param([rule(), deny(destinationPortRange="22")], FALSE, id="deny-of-the-port"),
        pytest.param([rule(), deny(destinationPortRange="23")], TRUE, id="deny-of-another-port"),
        pytest.param([rule(), deny(protocol="Udp")], TRUE, id="deny-of-another-protocol"),
        pytest.param([rule(), deny(protocol="Tcp")], FALSE, id="deny-of-the-protocol"),
        pytest.param([rule(), deny(**from_("203.0.113.0/24"))], TRUE, id="narrower-deny-closes-what-it-covers"),
        pytest.param([rule(), deny(**from_("Internet"))], FALSE, id="deny-of-the-tag"),
        pytest.param([rule(), deny(**from_("AzureCloud"))], TRUE, id="deny-of-another-tag"),
        pytest.param([rule(), deny(**from_("0.0.0.0/1"))], TRUE, id="deny-of-a-half"),
        pytest.param(
            [rule(), deny(50, **from_("0.0.0.0/1")), deny(60, **from_("128.0.0.0/1"))], TRUE, id="ipv6-is-left"
        ),
        pytest.param(
            [rule(**from_("0.0.0.0/0")), deny(50, **from_("0.0.0.0/1")), deny(60, **from_("128.0.0.0/1"))],
            FALSE,
            id="denies-of-both-halves",
        ),
        pytest.param([rule(), deny(sourcePortRange="1024-65535")], TRUE, id="deny-of-some-source-ports"),
        pytest.param([rule(), deny(sourcePortRange="0-65535")], FALSE, id="deny-of-all-source-ports"),
        pytest.param([rule(), deny(**TO_GROUP)], TRUE, id="deny-for-a-group-leaves-the-rest"),
        pytest.param([rule(**TO_GROUP), deny(**TO_GROUP)], FALSE, id="deny-for-the-same-group"),
        pytest.param(
            [rule(**TO_GROUP), deny(**{**TO_GROUP, "destinationApplicationSecurityGroups": OTHER_GROUP})],
            TRUE,
            id="deny-for-another-group",
        ),
        pytest.param([rule(**TO_GROUP), deny()], FALSE, id="deny-for-all-closes-a-group"),
        pytest.param(
            [rule(**TO_GROUP), deny(destinationAddressPrefix="10.0.0.0/8")], TRUE, id="who-is-in-a-group-is-not-known"
        ),
        pytest.param([rule(), deny(destinationAddressPrefix="10.0.0.0/24")], TRUE, id="deny-for-some-destinations"),
        pytest.param([rule(), deny(destinationAddressPrefix="VirtualNetwork")], FALSE, id="deny-for-the-network"),
        pytest.param(
            [rule(destinationAddressPrefix="10.0.0.4"), deny(destinationAddressPrefix="10.0.0.0/24")],
            FALSE,
            id="deny-for-a-wider-destination",
        ),
        pytest.param(
            [
                rule(destinationAddressPrefix="10.0.0.0/24"),
                deny(50, destinationAddressPrefix="10.0.0.0/25"),
                deny(60, destinationAddressPrefix="10.0.0.128/25"),
            ],
            FALSE,
            id="denies-for-both-halves-of-the-destination",
        ),
        pytest.param([rule(), deny(destinationAddressPrefix="Internet")], TRUE, id="deny-towards-the-internet"),
        pytest.param([rule(), deny(destinationAddressPrefix="Storage")], UNSAID, id="deny-towards-a-tag"),
        pytest.param([rule("allow"), deny(200)], TRUE, id="access-in-lower-case"),
        pytest.param(
            [rule(priority=10, destinationPortRange="22"), deny(), rule(priority=200)], TRUE, id="allow-before-deny"
        ),
        pytest.param([rule(access="Audit")], UNSAID, id="unknown-access"),
    ],
)
def test_admits(rules: list[Any], truth: int) -> None:
    for order in itertools.islice(itertools.permutations(rules), 6):
        assert leaf(list(order), admits=SSH) == truth


@pytest.mark.parametrize(
    ("member", "truth"),
    [
        ("access", UNSAID),
        ("priority", TRUE),
        ("direction", UNSAID),
        ("protocol", UNSAID),
        ("sourceAddressPrefix", UNSAID),
        ("destinationAddressPrefix", UNSAID),
        ("destinationPortRange", UNSAID),
        ("sourcePortRange", TRUE),
        ("sourceAddressPrefixes", TRUE),
    ],
)
def test_a_member_that_an_allow_misses(member: str, truth: int) -> None:
    assert leaf([rule(**{member: None})], admits=SSH) == truth
    if member != "destinationPortRange":
        assert leaf([rule(**{"destinationPortRange": "443", member: None})], admits=SSH) == FALSE


@pytest.mark.parametrize(
    "member",
    [
        "access",
        "priority",
        "direction",
        "protocol",
        "sourceAddressPrefix",
        "destinationAddressPrefix",
        "destinationPortRange",
        "sourcePortRange",
    ],
)
def test_a_member_that_a_deny_misses(member: str) -> None:
    assert leaf([rule(), deny(**{member: None})], admits=SSH) == UNSAID
    closed_before = leaf([rule(**from_("10.0.0.0/8")), deny(**{member: None})], admits=SSH)
    # without access or direction it may be no deny at all
    assert closed_before == (UNSAID if member in ("access", "direction") else FALSE)


@pytest.mark.parametrize("broken", [None, "text", {}, {"properties": None}, {"name": "x"}])
def test_a_rule_that_is_none(broken: Any) -> None:
    assert leaf([broken], admits=SSH) == UNSAID
    assert leaf([broken, rule()], admits=SSH) == UNSAID


def test_rules_that_could_not_be_read() -> None:
    assert leaf(Attached(Streamed(rule(), fault=DENIED)), admits=SSH) == UNREADABLE
    assert leaf([rule(), DENIED], admits=SSH) == UNREADABLE
    assert leaf(Attached(Streamed(rule())), admits=SSH) == TRUE
    assert leaf(None, admits=SSH) == UNSAID
    assert leaf("rules", admits=SSH) == UNSAID


@pytest.mark.parametrize(
    ("expected", "rules", "truth"),
    [
        ({"from": "internet"}, [rule(destinationPortRange="8080")], TRUE),
        ({"from": "internet"}, [rule(protocol="Icmp")], FALSE),
        pytest.param({"from": "internet", "ports": [53]}, [rule(protocol="Udp")], TRUE, id="udp-by-default"),
        pytest.param({"from": "internet", "protocol": "Udp"}, [rule()], TRUE, id="trap-11-star-includes-udp"),
        ({"from": "internet", "protocol": "Udp"}, [rule(protocol="Tcp")], FALSE),
        ({"from": "internet", "protocol": ["Tcp", "Udp"]}, [rule(protocol="Udp")], TRUE),
        ({"from": "internet", "protocol": "Icmp", "ports": [22]}, [rule(protocol="Icmp")], TRUE),
        ({"from": "internet", "protocol": "Icmp"}, [rule(protocol="*", destinationPortRange="80")], TRUE),
        ({"from": "internet", "ports": [22, 3389]}, [rule(destinationPortRange="3389")], TRUE),
        ({"from": "internet", "ports": ["3000-4000"]}, [rule(destinationPortRange="3389")], TRUE),
        ({"from": "internet", "ports": [22, 3389]}, [rule(), deny(destinationPortRange="22")], TRUE),
        ({"from": "internet", "ports": ["20-25"]}, [rule(), deny(destinationPortRanges=["20-22", "24-25"])], FALSE),
        (
            {"from": "internet", "ports": ["20-25"]},
            [rule(), deny(destinationPortRange="", destinationPortRanges=["20-22", "24-25"])],
            TRUE,
        ),
        (
            {"from": "internet", "ports": ["20-25"]},
            [rule(), deny(destinationPortRange="", destinationPortRanges=["20-22", "23-25"])],
            FALSE,
        ),
        ({"from": "internet", "addresses": 0}, [rule(**from_("203.0.113.5"))], TRUE),
        ({"from": "internet", "addresses": 0}, [rule(**from_("10.0.0.5"))], FALSE),
        ({"from": "internet", "addresses": 256}, [rule(**from_("203.0.113.0/24"))], FALSE),
        ({"from": "internet", "addresses": 255}, [rule(**from_("203.0.113.0/24"))], TRUE),
        ({"from": "Internet"}, [rule(**from_("9.0.0.0/8"))], FALSE),
        ({"from": "Internet"}, [rule(**from_("8.0.0.0/7"))], TRUE),
    ],
)
def test_what_may_be_asked(expected: dict[str, Any], rules: list[Any], truth: int) -> None:
    assert leaf(rules, admits=expected) == truth


DEFAULTS = [
    rule(priority=65000, **from_("VirtualNetwork"), destinationAddressPrefix="VirtualNetwork"),
    rule(priority=65001, **from_("AzureLoadBalancer")),
    deny(65500),
]


def test_default_rules_may_stand_beside() -> None:
    condition = {"field": "rules", "admits": {**SSH, "also": "defaults"}}
    assert judge(condition, {"rules": [], "defaults": DEFAULTS}) == FALSE
    assert judge(condition, {"rules": [rule()], "defaults": DEFAULTS}) == TRUE
    assert judge(condition, {"rules": [rule()]}) == UNSAID
    assert judge(condition, {"rules": [rule()], "defaults": DENIED}) == UNREADABLE


@pytest.mark.parametrize("text", ["", "x", "-1", "70000", "25-20", "1-", "2.5", "\u0662"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_ports(text)


MEMBERS = st.fixed_dictionaries(
    {
        "access": st.sampled_from(["Allow", "Deny"]),
        "priority": st.integers(100, 110),
        "direction": st.sampled_from(["Inbound", "Inbound", "Inbound", "Outbound"]),
        "protocol": st.sampled_from(["*", "Tcp", "Udp"]),
        "sourceAddressPrefix": st.sampled_from(
            ["*", "0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "VirtualNetwork"]
        ),
        "sourcePortRange": st.sampled_from(["*", "80"]),
        "destinationAddressPrefix": st.sampled_from(["*", "10.0.0.0/24", "10.0.0.0/25", "VirtualNetwork"]),
        "destinationPortRange": st.sampled_from(["*", "22", "20-30", "443"]),
    }
).map(lambda body: {"properties": body})
UNIQUE = st.lists(MEMBERS, max_size=6, unique_by=lambda each: each["properties"]["priority"])
PACKETS = [
    *itertools.product(("9.9.9.9", "200.9.9.9"), ("10.0.0.1", "10.0.0.200", "10.9.9.9")),
    ("2603::9", "fd00::9"),
]
SOURCES = {
    "*": {"9.9.9.9", "200.9.9.9", "2603::9"},
    "0.0.0.0/0": {"9.9.9.9", "200.9.9.9"},
    "::/0": {"2603::9"},
    "0.0.0.0/1": {"9.9.9.9"},
    "128.0.0.0/1": {"200.9.9.9"},
    "VirtualNetwork": set[str](),
}
DESTINATIONS = {
    "*": {"10.0.0.1", "10.0.0.200", "10.9.9.9", "fd00::9"},
    "VirtualNetwork": {"10.0.0.1", "10.0.0.200", "10.9.9.9", "fd00::9"},
    "10.0.0.0/24": {"10.0.0.1", "10.0.0.200"},
    "10.0.0.0/25": {"10.0.0.1"},
}


def _lets_in(rules: list[Any], source: str, destination: str) -> bool:
    """Azure's procedure for one TCP packet to port 22, from a source port that no rule names."""
    for each in sorted((each["properties"] for each in rules), key=lambda body: body["priority"]):
        if (
            each["direction"] == "Inbound"
            and each["protocol"] in ("*", "Tcp")
            and (each["sourcePortRange"] == "*" or each["access"] == "Allow")
            and each["destinationPortRange"] != "443"
            and source in SOURCES[each["sourceAddressPrefix"]]
            and destination in DESTINATIONS[each["destinationAddressPrefix"]]
        ):
            return bool(each["access"] == "Allow")
    return False


@given(UNIQUE)
def test_admits_agrees_with_single_packets(rules: list[Any]) -> None:
    opened = any(_lets_in(rules, source, destination) for source, destination in PACKETS)
    assert leaf(rules, admits=SSH) == int(opened)


@given(UNIQUE, st.data())
def test_removing_a_member_never_closes_what_was_open(rules: list[Any], data: st.DataObject) -> None:
    truth = leaf(rules, admits=SSH)
    for index, each in enumerate(rules):
        for member in each["properties"]:
            rest = {key: value for key, value in each["properties"].items() if key != member}
            less = leaf([*rules[:index], {"properties": rest}, *rules[index + 1 :]], admits=SSH)
            assert less in (truth, UNSAID) or truth == UNSAID


def test_every_recorded_group_is_decided(shared: Path) -> None:
    records = json.loads((shared / "recordings" / "microsoft.network.json").read_text(encoding="utf-8"))["records"]
    truths = [
        judge(
            {"field": "securityRules", "admits": {"from": "internet", "also": "defaultSecurityRules"}},
            {"securityRules": found["securityRules"], "defaultSecurityRules": found["defaultSecurityRules"]},
        )
        for record in records
        for found in _groups_in(record.get("body"))
    ]
    assert {TRUE, FALSE} <= set(truths)
    assert truths.count(UNSAID) < len(truths) / 10


def _groups_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for each in value for found in _groups_in(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("securityRules") is not None and value.get("defaultSecurityRules") is not None else []
    return own + [found for each in value.values() for found in _groups_in(each)]
