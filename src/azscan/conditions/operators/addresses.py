"""Sets of internet addresses: spans on one line, IPv4 first, IPv6 after it.

A set is a tuple of disjoint spans (first, last), both included, in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Span = tuple[int, int]
Spans = tuple[Span, ...]

# The IPv6 address a stands at V6 + a; the gap keeps the two families apart.
V6: Final = 1 << 33
_V4_LAST: Final = (1 << 32) - 1
_V6_LAST: Final = V6 + (1 << 128) - 1

ALL_V4: Final[Spans] = ((0, _V4_LAST),)
ALL_V6: Final[Spans] = ((V6, _V6_LAST),)
EVERYTHING: Final[Spans] = (*ALL_V4, *ALL_V6)
NOTHING: Final[Spans] = ()

# The same few addresses and sets return in every rule: what was worked out once is kept.
KEPT: Final = 8192
# Sets of more spans than this are not kept: a long list in one group must not fill the memory.
FEW: Final = 48
# Words for the whole internet, as security rules and firewalls spell them.
_ANYWHERE: Final = frozenset({"*", "any", "internet"})
_V4: Final = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\Z", re.ASCII)


@lru_cache(maxsize=KEPT)
def read_addresses(text: str) -> Spans:
    """The addresses of one entry: an address, a CIDR block, a range with `-`, or `*`, `Any`, `Internet`.

    0.0.0.0 alone (or 0.0.0.0/32, or 0.0.0.0-0.0.0.0) is no address: Azure's firewalls mean "Azure services" by it
    (https://learn.microsoft.com/azure/azure-sql/database/network-access-controls-overview). ValueError where the text
    is something else, as a service tag.
    """
    entry = text.strip()
    if entry.lower() in _ANYWHERE:
        return EVERYTHING
    first, dash, last = entry.partition("-")
    if dash:
        return read_range(first, last)
    address, slash, bits = entry.partition("/")
    start = _address(address)
    width = 128 if start >= V6 else 32
    size = width - _prefix_length(bits, width) if slash else 0
    base = V6 if start >= V6 else 0
    start = base + ((start - base) >> size << size)
    return NOTHING if (start, size) == (0, 0) else ((start, start + (1 << size) - 1),)


def read_range(first: str, last: str) -> Spans:
    """The addresses from the first to the last, both included; 0.0.0.0 to 0.0.0.0 is none."""
    start, end = _address(first.strip()), _address(last.strip())
    if start > end or (start < V6 <= end):
        raise ValueError(f"{first}-{last} is not a range of addresses")
    return NOTHING if end == 0 else ((start, end),)


def _address(text: str) -> int:
    match = _V4.match(text)
    if match is not None:
        parts = [int(part) for part in match.groups()]
        if max(parts) > 255 or any(len(part) > 1 and part[0] == "0" for part in match.groups()):
            raise ValueError(f"{text!r} is not an IPv4 address")
        return parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3]
    if ":" not in text or "%" in text:
        raise ValueError(f"{text!r} is not an address")
    from ipaddress import AddressValueError, IPv6Address

    try:
        return V6 + int(IPv6Address(text))
    except AddressValueError:
        raise ValueError(f"{text!r} is not an IPv6 address") from None


def _prefix_length(text: str, width: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or int(text) > width:
        raise ValueError(f"/{text} is not a prefix length")
    return int(text)


def union(spans: Iterable[Span]) -> Spans:
    """The set of all addresses that are in one of the spans."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def minus(left: Spans, right: Spans) -> Spans:
    """The addresses of the left set that are not in the right one."""
    return _minus_kept(left, right) if len(left) + len(right) <= FEW else _minus(left, right)


def _minus(left: Spans, right: Spans) -> Spans:
    kept: list[Span] = []
    index = 0
    for start, end in left:
        while index < len(right) and right[index][1] < start:
            index += 1
        here = index
        while start <= end and here < len(right) and right[here][0] <= end:
            if right[here][0] > start:
                kept.append((start, right[here][0] - 1))
            start = max(start, right[here][1] + 1)
            here += 1
        if start <= end:
            kept.append((start, end))
    return tuple(kept)


_minus_kept = lru_cache(maxsize=KEPT // 4)(_minus)


def common(left: Spans, right: Spans) -> Spans:
    """The addresses that are in both sets."""
    return minus(left, minus(left, right))


def covers(outer: Spans, inner: Spans) -> bool:
    """True where every address of the inner set is in the outer one."""
    return not minus(inner, outer)


def count(spans: Spans) -> int:
    """How many addresses there are. IPv6 is counted in /64 networks, the least that one site has."""
    v4 = sum(end - start + 1 for start, end in spans if start < V6)
    networks = union(((start - V6) >> 64, (end - V6) >> 64) for start, end in spans if start >= V6)
    return v4 + sum(end - start + 1 for start, end in networks)


# Addresses that the internet does not route to a customer (https://www.iana.org/assignments/iana-ipv4-special-registry):
# "this network", private, shared, loopback, link-local, benchmarking, multicast and reserved. Blocks set aside for
# documentation are left in: who writes one into a firewall means a public address.
_NOT_PUBLIC_V4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
PUBLIC: Final[Spans] = (
    *minus(ALL_V4, union(span for block in _NOT_PUBLIC_V4 for span in read_addresses(block))),
    *read_addresses("2000::/3"),  # global unicast; the rest of IPv6 is local, multicast or unassigned
)
