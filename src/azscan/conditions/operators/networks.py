"""`cidr`: what address ranges add up to, whichever way a firewall writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from azscan.conditions.logic import FALSE, INFINITY, TRUE, UNREADABLE, UNSAID, compare
from azscan.conditions.operators import Test
from azscan.conditions.operators.addresses import PUBLIC, Span, common, count, covers, read_addresses, read_range, union
from azscan.conditions.paths import opened, parse_path, resolve
from azscan.conditions.values import Document, Items, Missing, Unreadable

# How Azure's firewalls name the first and the last address of a rule.
_PAIRS: Final = (
    ("startIpAddress", "endIpAddress"),
    ("startIPv6Address", "endIPv6Address"),
    ("startIP", "endIP"),
    ("rangeStart", "rangeEnd"),
)
# And a rule's one member that holds an address or a block.
_SINGLES: Final = ("value", "ipMask", "ipAddressOrRange", "ipAddress", "cidr")


class _Unclear(Exception):
    """An entry whose addresses are not known; `truth` says in which way."""

    def __init__(self, truth: int) -> None:
        self.truth = truth


def cidr(expected: Mapping[str, Any]) -> Test:
    """What the addresses of the field add up to.

    - `covers: 10.0.0.0/8` (or a list): every address of it is in them;
    - `public: true`: at least one public address is in them (`public: false`: none is);
    - `addresses: {greater: 256}`: how many they are, each counted once, by any comparison; IPv6 counts in /64
      networks. With `public: true` beside it only public addresses are counted, so that
      `cidr: {addresses: {greater: 256}, public: true}` says "opens more than 256 public addresses".

    The field is an address, a CIDR block or a range `a-b`, a comma list of those, a list of those, or a list of
    firewall rules: objects with `startIpAddress` and `endIpAddress` (or Redis', Analysis Services' and SQL IPv6's
    names for them), or with one of `value`, `ipMask`, `ipAddressOrRange`, `ipAddress`, `cidr`, at the top or in
    `properties`. `keys: path` or `keys: [first, last]` names other members. 0.0.0.0 alone is Azure's sign for "Azure
    services" and counts as no address. An entry that cannot be read (a service tag, a missing member) leaves the
    answer UNSAID where it could change it.
    """
    keys = expected.get("keys")
    paths = [parse_path(key).keys for key in ([keys] if isinstance(keys, str) else keys or [])]

    def measures(value: Any) -> int:
        known, doubt = _spans(value, paths)
        spans = union(known)
        if "covers" in expected:
            return TRUE if covers(spans, wanted) else (doubt or FALSE)
        if "public" in expected and "addresses" not in expected:
            if common(spans, PUBLIC):
                return TRUE if expected["public"] else FALSE
            return doubt or (FALSE if expected["public"] else TRUE)
        low = count(common(spans, PUBLIC) if expected.get("public") else spans)
        outcome = TRUE
        for op, number in expected["addresses"].items():
            truth = compare(op, low, INFINITY if doubt else low, number)
            if truth == FALSE:
                return FALSE
            if truth is None:
                outcome = doubt
        return outcome

    blocks = expected.get("covers", [])
    wanted = union(
        span for block in ([blocks] if isinstance(blocks, str) else blocks) for span in read_addresses(block)
    )
    return measures


def members(expected: Mapping[str, Any]) -> tuple[str, ...]:
    """The members that are looked at in a firewall rule; none where that is the whole rule."""
    keys = expected.get("keys")
    if keys is None:
        return ("name", "properties", *(name for pair in _PAIRS for name in pair), *_SINGLES)
    paths = [parse_path(key).keys for key in ([keys] if isinstance(keys, str) else keys)]
    return ("name", *(path[0] for path in paths)) if all(paths) else ()


def show(expected: Mapping[str, Any], entry: Any) -> Any:
    """An entry in one line: the name of its rule, and the addresses as they are written."""
    if not isinstance(entry, dict):
        return None if isinstance(entry, Unreadable) else entry
    keys = expected.get("keys")
    paths = [parse_path(key).keys for key in ([keys] if isinstance(keys, str) else keys or [])]
    try:
        written = "-".join(_written(entry, paths))
    except _Unclear:
        written = "addresses unknown"
    name = entry.get("name")
    return f"{name}: {written}" if isinstance(name, str) and name else written


def weigh(expected: Mapping[str, Any], entry: Any) -> float:
    """How many addresses an entry opens, only the public ones where those are asked for; more than none if unknown."""
    keys = expected.get("keys")
    paths = [parse_path(key).keys for key in ([keys] if isinstance(keys, str) else keys or [])]
    known, doubt = _spans([entry], paths)
    spans = union(known)
    return 0.5 if doubt else count(common(spans, PUBLIC) if "public" in expected else spans)


def _spans(value: Any, paths: list[tuple[str, ...]]) -> tuple[list[Span], int]:
    """The known spans of the field, and the truth of the doubt that unreadable entries leave (0 for none)."""
    known: list[Span] = []
    doubt = UNREADABLE if isinstance(value, Items) and value.fault is not None else 0
    entries: Any = value if isinstance(value, list | Items) else [value]
    for entry in entries:
        try:
            known += _entry(opened(entry), paths)
        except ValueError:
            doubt = max(doubt, UNSAID)
        except _Unclear as unclear:
            doubt = max(doubt, unclear.truth)
    return known, doubt


def _entry(entry: Any, paths: list[tuple[str, ...]]) -> list[Span]:
    if isinstance(entry, Unreadable):
        raise _Unclear(UNREADABLE)
    if isinstance(entry, str):
        return [span for part in entry.split(",") if part.strip() for span in read_addresses(part)]
    if not isinstance(entry, dict):
        raise _Unclear(UNSAID)
    written = _written(entry, paths)
    return list(read_range(*written)) if len(written) == 2 else list(read_addresses(written[0]))


def _written(entry: dict[str, Any], paths: list[tuple[str, ...]]) -> list[str]:
    """The addresses of a rule as it writes them: the first and the last, or one text."""
    if paths:
        return [_member(entry, path) for path in paths]
    for holder in (entry, entry.get("properties")):
        if isinstance(holder, dict):
            for pair in _PAIRS:
                if any(name in holder for name in pair):
                    return [_member(holder, (name,)) for name in pair]
            for single in _SINGLES:
                if single in holder:
                    return [_member(holder, (single,))]
    raise _Unclear(UNREADABLE if isinstance(entry, Document) and entry.fault is not None else UNSAID)


def _member(holder: dict[str, Any], path: tuple[str, ...]) -> str:
    value = resolve(holder, path, None)[0]
    if isinstance(value, Unreadable):
        raise _Unclear(UNREADABLE)
    if not isinstance(value, str) or isinstance(value, Missing):
        raise _Unclear(UNSAID)
    return value
