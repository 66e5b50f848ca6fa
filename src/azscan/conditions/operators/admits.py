"""`admits`: whether security rules let the internet reach a port, in priority order.

https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview: lower priority numbers come
first, the first rule that matches a packet decides, and what no rule matches is denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.operators import TestBeside
from azscan.conditions.operators.addresses import (
    ALL_V4,
    ALL_V6,
    EVERYTHING,
    KEPT,
    NOTHING,
    PUBLIC,
    V6,
    Span,
    Spans,
    common,
    count,
    covers,
    minus,
    read_addresses,
    union,
)
from azscan.conditions.paths import opened
from azscan.conditions.values import Items, Unreadable

PROTOCOLS: Final = ("Tcp", "Udp", "Icmp", "Esp", "Ah")
_WITHOUT_PORTS: Final = frozenset({"icmp", "esp", "ah"})
ALL_PORTS: Final[Spans] = ((0, 65535),)

# What is looked at in a rule.
MEMBERS: Final = ("name", "properties")

# A rule whose JSON is longer is read anew each time: a hostile one must not fill the memory.
LONGEST_KEPT: Final = 4096
MOST_KEPT: Final = 200
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode

# More than a /8 is the internet, not a partner's network.
INTERNET: Final = 1 << 24

# Every destination that an inbound rule can have: what it guards lies in the virtual network.
_ALL_DESTINATIONS: Final = frozenset({"virtualnetwork", "virtual_network", "*", "any"})


class _Set(msgspec.Struct, frozen=True):
    """What a rule's member names: surely, and at most. They differ where the member is missing or unknown."""

    surely: Spans
    at_most: Spans


class _Rule(msgspec.Struct, frozen=True, eq=False):
    """An inbound rule. `access` is "allow", "deny" or "" where it is not known; the others are None where they are not.

    Compared by identity: the rules that are kept are one object for each text.
    `groups` are the application security groups that it is for. A `narrow` rule looks at some source ports only: as
    an allow it is no hindrance, as a deny it closes nothing, for an attacker chooses the port.
    """

    access: str
    priority: float | None
    protocol: str | None
    source: _Set
    ports: _Set
    destination: _Set
    groups: frozenset[str]
    narrow: bool | None
    is_long: bool = False


_UNKNOWN: Final = _Set(NOTHING, EVERYTHING)
_UNKNOWN_PORTS: Final = _Set(NOTHING, ALL_PORTS)


@lru_cache(maxsize=KEPT)
def read_ports(text: str) -> Spans:
    """The ports of `22`, `20-25` or `*`; ValueError otherwise."""
    entry = text.strip()
    if entry in ("*", "Any", "any"):
        return ALL_PORTS
    first, dash, last = (part.strip() for part in entry.partition("-"))
    if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
        raise ValueError(f"{text!r} is not a port or a range of ports")
    start, end = int(first), int(last or first)
    if not start <= end <= 65535:
        raise ValueError(f"{text!r} is not a range of ports between 0 and 65535")
    return ((start, end),)


@lru_cache(maxsize=KEPT)
def _ports_of(texts: tuple[str, ...]) -> Spans:
    return union(span for text in texts for span in read_ports(text))


def beside(expected: Mapping[str, Any]) -> tuple[str, ...]:
    """The other lists of rules that the operator reads."""
    return (expected["also"],) if "also" in expected else ()


def admits(expected: Mapping[str, Any]) -> TestBeside:
    """The rules let traffic from the internet in, to one of the ports at least.

    `from: internet` means more than 16,777,216 public addresses (an IPv4 /8; IPv6 counts in /64 networks), whether
    written as `*`, `Any`, `Internet`, 0.0.0.0/0, ::/0, halves, or many ranges over several rules; `addresses: N` sets
    another number, 0 being any public address. Other service tags are not the internet. `ports` are numbers or ranges
    (all where left out), `protocol` one or several of Tcp, Udp, Icmp, Esp, Ah (Tcp and Udp where left out); Icmp, Esp
    and Ah know no ports. `also:` is the path of a second list, as `properties.defaultSecurityRules`.

    Only inbound rules count. A deny of higher priority closes exactly what it covers of addresses, ports, protocol
    and destinations; one for an application security group, some destinations or some source ports leaves the rest
    open. A rule that misses a member leaves the answer UNSAID where it could change it.
    """
    ports = _ports_of(tuple(map(str, expected.get("ports", ["*"]))))
    protocols = expected.get("protocol", ["Tcp", "Udp"])
    wanted = tuple(each.lower() for each in ([protocols] if isinstance(protocols, str) else protocols))
    least = expected.get("addresses", INTERNET)

    def opens(value: Any, others: tuple[Any, ...]) -> int:
        rules: list[_Rule] = []
        doubt = 0
        for part in (value, *others):
            if type(part) is list:
                known = _rules_of(part)
            elif isinstance(part, Items):
                known = _read_rules(part)
                doubt = doubt if part.fault is None else UNREADABLE
            else:
                return UNSAID
            if known is None:
                doubt = UNREADABLE
            else:
                rules += known
        if doubt:
            return doubt
        # A hostile rule is not kept, nor is what was found of it.
        answer = _answer if len(rules) <= MOST_KEPT and not any(rule.is_long for rule in rules) else _answer.__wrapped__
        return answer(tuple(rules), wanted, ports, least)

    return opens


@lru_cache(maxsize=KEPT)
def _answer(rules: tuple[_Rule, ...], protocols: tuple[str, ...], ports: Spans, least: int) -> int:
    """Many groups hold the same rules, and several conditions ask the same of them."""
    if not any(_reaches(rules, protocol, ports, least, most=True) for protocol in protocols):
        return FALSE
    if all(map(_is_certain, rules)):
        return TRUE
    return TRUE if any(_reaches(rules, protocol, ports, least, most=False) for protocol in protocols) else UNSAID


# The lists that the checks on one group are looking at, by identity; the list is held, so that it stays the same.
_AT_HAND: Final[dict[int, tuple[list[Any], tuple[_Rule, ...] | None]]] = {}


def _rules_of(entries: list[Any]) -> tuple[_Rule, ...] | None:
    """As `_read_rules`, which every check on the same group would ask again."""
    found = _AT_HAND.get(id(entries))
    if found is None:
        if len(_AT_HAND) >= 16:
            _AT_HAND.clear()
        found = _AT_HAND[id(entries)] = (entries, _read_rules(entries))
    return found[1]


# The same for the rules themselves, encoded.
_ENCODED: Final[dict[int, tuple[dict[str, Any], bytes]]] = {}


def _encoded(rule: dict[str, Any]) -> bytes:
    """What counts of a rule, as the key under which it is kept: without its id, so that groups share their rules."""
    found = _ENCODED.get(id(rule))
    if found is None:
        if len(_ENCODED) >= 500:
            _ENCODED.clear()
        counts = {name: rule[name] for name in MEMBERS if name in rule}
        found = _ENCODED[id(rule)] = (rule, _encode(counts))
    return found[1]


def _read_rules(entries: Iterable[Any]) -> tuple[_Rule, ...] | None:
    """The inbound rules of a list; None where one of them could not be read."""
    rules = [opened(entry) for entry in entries]
    if any(isinstance(rule, Unreadable) for rule in rules):
        return None
    return tuple(read for rule in rules if (read := _read_rule(rule)) is not None)


def _is_certain(rule: _Rule) -> bool:
    """True where nothing of the rule is in doubt, so that the most and the least that it lets in are the same."""
    return (
        bool(rule.access)
        and None not in (rule.priority, rule.protocol, rule.narrow)
        and all(part.surely == part.at_most for part in (rule.source, rule.ports, rule.destination))
    )


def show(expected: Mapping[str, Any], rule: Any) -> str | None:
    """A rule that bears on the answer in one line; None for one about other traffic."""
    if not isinstance(rule, dict):
        return None
    ports = tuple(map(str, expected.get("ports", ("*",))))
    if type(rule) is dict and len(encoded := _encoded(rule)) <= LONGEST_KEPT:
        return _kept_line(encoded, ports)
    return _line(rule, _rule_from(rule), _ports_of(ports))


@lru_cache(maxsize=KEPT)
def _kept_line(encoded: bytes, ports: tuple[str, ...]) -> str | None:
    return _line(_decode(encoded), _kept_rule(encoded), _ports_of(ports))


def _line(rule: Mapping[str, Any], read: _Rule | None, ports: Spans) -> str | None:
    if read is None or not common(read.source.at_most, PUBLIC) or not common(read.ports.at_most, ports):
        return None
    body = rule.get("properties") or {}
    source = _texts(body, "sourceAddressPrefix", "sourceAddressPrefixes")
    to = _texts(body, "destinationPortRange", "destinationPortRanges")
    what = f"{body.get('access', '?')} {body.get('protocol', '?')} from {_joined(source)} to port {_joined(to)}"
    return f"{rule.get('name', '?')} (priority {body.get('priority', '?')}): {what}"


def _joined(texts: list[Any]) -> str:
    more = f", … of {len(texts)}" if len(texts) > 5 else ""
    return (", ".join(map(str, texts[:5])) or "?") + more


def _reaches(rules: Iterable[_Rule], protocol: str, ports: Spans, least: int, *, most: bool) -> bool:
    """Whether the internet gets in: `most` with every doubt taken for open, else with every doubt for closed."""
    if protocol in _WITHOUT_PORTS:
        ports = ALL_PORTS
    sided = [side for rule in rules if (side := _side(rule, protocol, most)) is not None]
    sided.sort(key=lambda rule: rule.priority)
    allows = [rule for rule in sided if rule.allows and common(rule.source, PUBLIC) and common(rule.ports, ports)]
    cells = {(port, place) for rule in allows for port in _starts(rule, sided, ports) for place in _places(rule, sided)}
    return any(count(_admitted(sided, port, place)) > least for port, place in cells)


class _Side(msgspec.Struct, frozen=True):
    """A rule with its doubts decided for one side."""

    allows: bool
    priority: float
    source: Spans
    ports: Spans
    destination: Spans
    groups: frozenset[str]


def _side(rule: _Rule, protocol: str, most: bool) -> _Side | None:
    """The rule as it lets in the most (or the least) that its doubts leave room for; None where it does nothing."""
    allows = rule.access == "allow" or (rule.access == "" and most)
    wide = allows == most
    if rule.protocol not in ("*", "any", protocol) and not (rule.protocol is None and wide):
        return None
    if not allows and (rule.narrow or (rule.narrow is None and not wide)):
        return None
    return _Side(
        allows=allows,
        priority=rule.priority if rule.priority is not None else float("-inf" if wide else "inf"),
        source=rule.source.at_most if wide else rule.source.surely,
        ports=rule.ports.at_most if wide else rule.ports.surely,
        destination=rule.destination.at_most if wide else rule.destination.surely,
        groups=rule.groups,
    )


# An address, and "" or the application security group of which it is a member that nobody here knows.
Place = tuple[int, str]


def _starts(allow: _Side, rules: list[_Side], ports: Spans) -> set[int]:
    """One port for each stretch of the allowed ports that all rules treat alike."""
    within = common(allow.ports, ports)
    edges = {start for start, _ in within}
    edges.update(edge for rule in rules for start, end in rule.ports for edge in (start, end + 1))
    return {edge for edge in edges if _has(within, edge)}


def _places(allow: _Side, rules: list[_Side]) -> set[Place]:
    """One destination for each stretch of the allowed ones that all rules treat alike, and each group by its id."""
    edges = {start for start, _ in allow.destination}
    edges.update(edge for rule in rules for start, end in rule.destination for edge in (start, end + 1))
    places = {(edge, "") for edge in edges if _has(allow.destination, edge)}
    places.update((family[0][0], group) for group in allow.groups for family in (ALL_V4, ALL_V6))
    return places


def _admitted(rules: list[_Side], port: int, place: Place) -> Spans:
    """The public addresses that get through to one port of one destination, of its own address family."""
    address, group = place
    family = ALL_V6 if address >= V6 else ALL_V4
    left = common(family, PUBLIC)
    admitted: list[Span] = []
    for rule in rules:
        if not _has(rule.ports, port):
            continue
        # the addresses of a group's members are not known here: only all destinations are sure to hold them
        if group not in rule.groups and not (
            covers(rule.destination, family) if group else _has(rule.destination, address)
        ):
            continue
        if rule.allows:
            admitted += common(left, rule.source)
        left = minus(left, rule.source)
        if not left:
            break
    return union(admitted)


def _has(spans: Iterable[Span], point: int) -> bool:
    return any(start <= point <= end for start, end in spans)


def _read_rule(rule: Any) -> _Rule | None:
    """The rule; None where it is not an inbound one.

    Every check on a group reads its rules again, and the default ones stand in all groups: what was read is kept.
    """
    if type(rule) is not dict:
        return _rule_from(rule)
    encoded = _encoded(rule)
    return _kept_rule(encoded) if len(encoded) <= LONGEST_KEPT else _rule_from(rule, is_long=True)


@lru_cache(maxsize=KEPT)
def _kept_rule(encoded: bytes) -> _Rule | None:
    return _rule_from(_decode(encoded))


def _rule_from(rule: Any, *, is_long: bool = False) -> _Rule | None:
    body = rule.get("properties") if isinstance(rule, dict) else None
    if not isinstance(body, dict):
        body = {}
    direction = body.get("direction")
    if isinstance(direction, str) and direction.lower() == "outbound":
        return None
    inbound = isinstance(direction, str) and direction.lower() == "inbound"
    access = body.get("access")
    known_access = access.lower() if isinstance(access, str) and access.lower() in ("allow", "deny") else ""
    priority, protocol = body.get("priority"), body.get("protocol")
    groups = _groups(body.get("destinationApplicationSecurityGroups"))
    source_groups = bool(_groups(body.get("sourceApplicationSecurityGroups")))
    source_ports = _ports(body, "sourcePortRange", "sourcePortRanges")
    return _Rule(
        # a rule whose direction is not known may be no inbound rule at all, as one whose access is not known
        access=known_access if inbound else "",
        priority=float(priority) if isinstance(priority, int | float) and not isinstance(priority, bool) else None,
        protocol=protocol.lower() if isinstance(protocol, str) and protocol else None,
        source=_addresses(body, "sourceAddressPrefix", "sourceAddressPrefixes", source_groups, _source),
        ports=_ports(body, "destinationPortRange", "destinationPortRanges"),
        destination=_addresses(
            body, "destinationAddressPrefix", "destinationAddressPrefixes", bool(groups), _destination
        ),
        groups=groups,
        narrow=None if source_ports == _UNKNOWN_PORTS else source_ports.surely != ALL_PORTS,
        is_long=is_long,
    )


def _groups(value: Any) -> frozenset[str]:
    entries = value if isinstance(value, list) else []
    return frozenset(str(each.get("id", "")).lower() for each in entries if isinstance(each, dict))


def _texts(body: Mapping[str, Any], single: str, plural: str) -> list[Any]:
    many = body.get(plural)
    return [
        each
        for each in (body.get(single), *(many if isinstance(many, list) else ()))
        if each is not None and each != ""
    ]


def _addresses(body: Mapping[str, Any], single: str, plural: str, grouped: bool, read: Any) -> _Set:
    texts = _texts(body, single, plural)
    if not texts:
        return _Set(NOTHING, NOTHING) if grouped else _UNKNOWN
    sets = [read(text) if isinstance(text, str) else _UNKNOWN for text in texts]
    return _Set(
        union(span for each in sets for span in each.surely), union(span for each in sets for span in each.at_most)
    )


def _source(text: str) -> _Set:
    try:
        spans = read_addresses(text)
    except ValueError:
        # a service tag (or a name nobody knows): never the internet
        spans = NOTHING
    return _Set(spans, spans)


def _destination(text: str) -> _Set:
    tag = text.strip().lower()
    if tag in _ALL_DESTINATIONS:
        return _Set(EVERYTHING, EVERYTHING)
    if tag == "internet":
        return _Set(NOTHING, NOTHING)
    try:
        spans = read_addresses(text)
    except ValueError:
        return _UNKNOWN
    return _Set(spans, spans)


def _ports(body: Mapping[str, Any], single: str, plural: str) -> _Set:
    known: list[Span] = []
    unsure = False
    for text in _texts(body, single, plural):
        try:
            # Azure takes several in one text, too
            known += [span for part in str(text).split(",") for span in read_ports(part)]
        except ValueError:
            unsure = True
    spans = union(known)
    if not known and not unsure:
        return _UNKNOWN_PORTS
    return _Set(spans, ALL_PORTS if unsure else spans)
