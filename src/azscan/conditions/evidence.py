"""Evidence: a ground of an outcome as path, expected, actual and whether it was there."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

from azscan.conditions.nodes import All, Any_, Count, Leaf, Node, Not, Quantifier
from azscan.conditions.paths import opened
from azscan.conditions.table import OPERATORS, plain
from azscan.conditions.values import MISSING, Document, Items, Missing, Part, Unreadable

# What decided (a Leaf, Quantifier or Count), the prefix of its path, the actual value, the document it came from.
Ground = tuple[Leaf | Quantifier | Count, str, Any, Document | None]

EVIDENCE_LIMIT: Final = 20

# Names that can stand in brackets without being mistaken for anything else.
_SIMPLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}\Z")
_COMPARISON_WORDS = {
    "equals": "exactly",
    "notEquals": "not exactly",
    "less": "fewer than",
    "lessOrEquals": "at most",
    "greater": "more than",
    "greaterOrEquals": "at least",
}


def describe(ground: Ground) -> tuple[str, str, Any, bool]:
    """The ground as evidence: path, expected in words, actual JSON value, and whether it was present.

    The actual value of a list's quantifier is a map of counts; of a list, at most 20 of its items, each as short as
    its operator shows it, and how many more there are; of a document, its id; of what is absent or could not be
    read, None.
    """
    node, prefix, actual, _source = ground
    path = node.path if isinstance(node, Leaf) else node.in_
    at = (path.text if path.from_root else prefix + path.text).rstrip(".")
    if not path.keys:
        at = prefix.rstrip(".")
    elif path.text.startswith("[") and not path.from_root:
        at = prefix.rstrip(".") + path.text
    present = not isinstance(actual, Missing | Unreadable)
    return at, words(node), _shown(actual, node if isinstance(node, Leaf) else None), present


def _shown(value: Any, leaf: Leaf | None = None) -> Any:
    """The value as JSON that is short enough for a report."""
    if isinstance(value, Missing | Unreadable):
        return None
    if isinstance(value, list | Items):
        shows = OPERATORS[leaf.op].shows if leaf is not None else None
        if leaf is None or shows is None:
            items = (_shown(opened(item)) for item in value)
        else:
            items = (text for item in value if (text := shows(leaf.expected, opened(item))) is not None)
        kept = list(islice(items, EVIDENCE_LIMIT + 1))
        if len(kept) > EVIDENCE_LIMIT:
            kept = [*kept[: EVIDENCE_LIMIT - 1], f"… of {len(value)} items"]
        return kept
    if isinstance(value, Document) and isinstance(value.get("id"), str):
        return value["id"]
    if isinstance(value, dict):
        pairs = islice(((key, each) for key, each in value.items() if not isinstance(each, Part)), EVIDENCE_LIMIT)
        return {key: _shown(each) for key, each in pairs}
    return value


def item_prefix(at: str, key: int | str, item: Any) -> str:
    """The prefix of paths inside an item of the list at `at`: its name where it has a simple one, else its place."""
    if isinstance(item, dict):
        name = item.get("name", MISSING)
        if isinstance(name, str) and _SIMPLE_NAME.match(name):
            return f"{at}[{name}]."
    if isinstance(key, str) and not _SIMPLE_NAME.match(key):
        doubled = key.replace("'", "''")
        return f"{at}['{doubled}']."
    return f"{at}[{key}]."


def words(node: Node) -> str:
    """What the condition asks for, in words; of a leaf without its path, which evidence names beside it."""
    if isinstance(node, Leaf):
        return OPERATORS[node.op].words(node.expected)
    if isinstance(node, Quantifier):
        where = f" where {phrase(node.where)}" if node.where is not None else ""
        return f"{node.kind} item{'s' if node.kind == 'none' else ''}{where}"
    if isinstance(node, Count):
        where = f" where {phrase(node.where)}" if node.where is not None else ""
        return f"{_COMPARISON_WORDS[node.op]} {node.expected} items{where}"
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
