"""Evidence: a ground of an outcome as path, expected, actual and whether it was there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from azscan.conditions.nodes import All, Any_, Count, Leaf, Node, Not, Quantifier, walk
from azscan.conditions.paths import opened
from azscan.conditions.table import OPERATORS, plain
from azscan.conditions.values import MISSING, Document, Items, Missing, Part, Unreadable
from azscan.words import count

# What stands before a path: "" for the document itself; within a list's item the prefix of the list, its path, the
# item's place and the item. Written out only for evidence, because most items are judged and never told of.
Prefix = str | tuple[Any, str, int | str, Any]

# What decided (a Leaf, Quantifier or Count), the prefix of its path, the actual value, the document it came from.
Ground = tuple[Leaf | Quantifier | Count, Prefix, Any, Document | None]

EVIDENCE_LIMIT: Final = 20

# Names that can stand in brackets without being mistaken for anything else, a place in the list among others.
_SIMPLE_NAME = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}\Z")
_LONGEST_NAME: Final = 80
_COMPARISON_WORDS = {
    "equals": "exactly",
    "notEquals": "not exactly",
    "less": "fewer than",
    "lessOrEquals": "at most",
    "greater": "more than",
    "greaterOrEquals": "at least",
}
_OPPOSITES = (
    ("exists", "does not exist"),
    ("equals", "does not equal"),
    ("is one of", "is none of"),
    ("is like", "is not like"),
    ("contains", "does not contain"),
    ("has the key", "does not have the key"),
    ("has a public address", "has no public address"),
    ("some item", "no item"),
    ("every item", "not every item"),
    ("at least", "fewer than"),
    ("more than", "at most"),
    ("exactly", "not exactly"),
    ("is less than", "is at least"),
    ("is greater than", "is at most"),
    ("is older than", "is not older than"),
    ("expires within", "does not expire within"),
    ("has expired", "has not expired"),
    ("covers all of", "does not cover all of"),
    ("admits the internet", "does not admit the internet"),
    ("has a length of at least", "has a length of less than"),
    ("has a length of at most", "has a length of more than"),
    ("grants", "does not grant"),
    ("logs", "does not log"),
)


def describe(ground: Ground) -> tuple[str, str, Any, bool | None]:
    """The ground as evidence: path, expected in words, actual JSON value, and whether it was present (None: not read).

    The actual value of a list's quantifier is a map of counts; of a list, at most 20 of its items, each as short as
    its operator shows it, and how many more there are; of a document, its id; of what is absent or could not be
    read, None.
    """
    node, _prefix, actual, _source = ground
    present = None if isinstance(actual, Unreadable) else actual is not MISSING
    return place(ground), words(node), _shown(actual, node if isinstance(node, Leaf) else None), present


def place(ground: Ground) -> str:
    """The path at which the ground's value stands in the document."""
    node, prefix, _actual, _source = ground
    path = node.path if isinstance(node, Leaf) else node.in_
    text = path.text
    if path.from_root:
        return text.rstrip(".")
    before = written(prefix)
    if not text:
        return before.rstrip(".")
    return before.rstrip(".") + text if text.startswith("[") else before + text


def entries(leaf: Leaf | Quantifier | Count, value: Any) -> list[Any] | None:
    """The entries of a list that bear on the leaf, each as short as its operator shows it, the weightiest first.

    At most 20 of them, the last of which says how many there are; None where the operator has no words of its own.
    """
    if not (isinstance(leaf, Leaf) and isinstance(value, list | Items)):
        return None
    shows, weighs, expected = OPERATORS[leaf.op].shows, OPERATORS[leaf.op].weighs, leaf.expected
    if shows is None:
        return None
    items: Iterable[Any] = map(opened, value)
    if weighs is not None:
        items = sorted(items, key=lambda item: weighs(expected, item), reverse=True)
    return _limited((text for item in items if (text := shows(expected, item)) is not None), len(value))


def _limited(items: Iterable[Any], number: int) -> list[Any]:
    kept = list(islice(items, EVIDENCE_LIMIT + 1))
    return kept if len(kept) <= EVIDENCE_LIMIT else [*kept[: EVIDENCE_LIMIT - 1], f"… of {number} items"]


def _shown(value: Any, leaf: Leaf | None = None) -> Any:
    """The value as JSON that is short enough for a report."""
    if isinstance(value, Missing | Unreadable):
        return None
    if isinstance(value, list | Items):
        told = entries(leaf, value) if leaf is not None else None
        return told if told is not None else _limited((_shown(opened(item)) for item in value), len(value))
    if isinstance(value, Document) and isinstance(value.get("id"), str):
        return value["id"]
    if isinstance(value, dict):
        pairs = islice(((key, each) for key, each in value.items() if not isinstance(each, Part)), EVIDENCE_LIMIT)
        return {key: _shown(each) for key, each in pairs}
    return value


def written(prefix: Prefix) -> str:
    """A prefix as text: of a list's item its name, in quotes where it is no simple one, else its place."""
    if isinstance(prefix, str):
        return prefix
    outer, text, key, item = prefix
    at = written(outer) + text
    if isinstance(item, dict):
        name = item.get("name", MISSING)
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME:
            key = name
    if isinstance(key, str) and not _SIMPLE_NAME.match(key):
        doubled = key.replace("'", "''")
        return f"{at}['{doubled}']."
    return f"{at}[{key}]."


def negated(node: Node, *, turned: bool = False) -> Iterator[Leaf | Quantifier | Count]:
    """What stands under a `not` or a `none`: the condition asks that it be false."""
    if isinstance(node, All | Any_):
        for part in node.parts:
            yield from negated(part, turned=turned)
        return
    if isinstance(node, Not):
        yield from negated(node.part, turned=not turned)
        return
    if turned:
        yield node
    if isinstance(node, Quantifier) and node.where is not None:
        yield from negated(node.where, turned=turned != (node.kind == "none"))


def alternatives(require: Node) -> dict[int, str]:
    """By the id of what an `anyOf` asks for: which of its alternatives it is a part of, in words.

    Only of an outermost `anyOf` that is the condition's only one: of two, the numbers would not tell which.
    """
    groups = list(_outermost(require))
    if len(groups) != 1:
        return {}
    parts = groups[0].parts
    return {
        id(node): f"(alternative {number} of {len(parts)})"
        for number, part in enumerate(parts, 1)
        for node in walk(part)
    }


def _outermost(node: Node) -> Iterator[Any_]:
    if isinstance(node, Any_):
        yield node
    elif isinstance(node, All):
        for part in node.parts:
            yield from _outermost(part)


def opposite(text: str) -> str:
    """The words of a condition, turned into those of its opposite."""
    for one, other in _OPPOSITES:
        for said, wanted in ((one, other), (other, one)):
            if text == said or text.startswith(f"{said} "):
                return wanted + text[len(said) :]
    return f"not ({text})"


def words(node: Node) -> str:
    """What the condition asks for, in words; of a leaf without its path, which evidence names beside it."""
    if isinstance(node, Leaf):
        return OPERATORS[node.op].words(node.expected)
    if isinstance(node, Quantifier):
        where = f" where {phrase(node.where)}" if node.where is not None else ""
        of = " (of at least one)" if node.when_empty == "fail" else ""
        return f"{'no' if node.kind == 'none' else node.kind} item{of}{where}"
    if isinstance(node, Count):
        where = f" where {phrase(node.where)}" if node.where is not None else ""
        return f"{_COMPARISON_WORDS[node.op]} {count(node.expected, 'item')}{where}"
    return phrase(node)


def phrase(node: Node) -> str:
    """The whole condition in words."""
    if isinstance(node, Leaf):
        text = f"{node.path.text or 'it'} {words(node)}"
        return f"{text} (by default {plain(node.default)})" if node.has_default else text
    if isinstance(node, All | Any_):
        joint = " and " if isinstance(node, All) else " or "
        return joint.join(f"({phrase(part)})" if isinstance(part, All | Any_) else phrase(part) for part in node.parts)
    if isinstance(node, Not):
        return f"not ({phrase(node.part)})"
    return f"{node.in_.text or 'it'} has {words(node)}"
