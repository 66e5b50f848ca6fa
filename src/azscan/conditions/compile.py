"""Conditions compiled into plain functions: once per scan, then a million times over documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from azscan.conditions import logic
from azscan.conditions.evidence import EVIDENCE_LIMIT, Ground, Prefix, describe
from azscan.conditions.leaves import Grounds, Judge, Outcome, compile_leaf
from azscan.conditions.logic import FALSE, NOT, NOT_APPLICABLE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.nodes import All, Any_, Count, Leaf, Node, Not, Quantifier
from azscan.conditions.paths import ASTRAY, resolve
from azscan.conditions.values import MISSING, Document, Items, Unreadable

__all__ = ["EVIDENCE_LIMIT", "Grounds", "compile_condition", "describe"]

# what compile_condition makes: from a document to its outcome
Compiled = Callable[[dict[str, Any]], Outcome]
_SETTLED = {"pass": TRUE, "fail": FALSE, "not-applicable": NOT_APPLICABLE}


def compile_condition(node: Node, now: datetime) -> Callable[[dict[str, Any]], Outcome]:
    """A function from a document to the truth of the condition and the grounds that decided it.

    `now` is the time that dates are held against, the same for a whole scan. Truths are logic's; NOT_APPLICABLE comes
    only from a quantifier that is the whole condition. Grounds of a decided outcome are the leaves that decided it,
    of an unknown one the leaves that are unknown in that way; of an anyOf that ends unsaid the false ones too, for
    they may be what is wrong. `describe` turns a ground into evidence.
    """
    judge = _compile(node, now)

    def decide(document: dict[str, Any]) -> Outcome:
        return judge(document, None, "", None)

    return decide


def _compile(node: Node, now: datetime) -> Judge:
    if isinstance(node, Leaf):
        return compile_leaf(node, now)
    if isinstance(node, All):
        return _combination([_compile(part, now) for part in node.parts], FALSE)
    if isinstance(node, Any_):
        return _combination([_compile(part, now) for part in node.parts], TRUE)
    if isinstance(node, Not):
        return _negation(_compile(node.part, now))
    if isinstance(node, Quantifier):
        return _quantifier(node, None if node.where is None else _compile(node.where, now))
    return _count(node, None if node.where is None else _compile(node.where, now))


def _combination(parts: list[Judge], decisive: int) -> Judge:
    """allOf (FALSE is decisive) and anyOf (TRUE is)."""
    calm = NOT[decisive]
    # Where every way out is shut or unsaid, the shut ones tell more than what Azure does not say.
    tells_all = decisive == TRUE

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        outcome = calm
        grounds: Grounds = ()
        others: Grounds = ()
        for part in parts:
            truth, found = part(item, root, prefix, source)
            if truth == decisive:
                return truth, found
            if truth == calm:
                others += found
            elif outcome == calm or truth > outcome:
                outcome, grounds = truth, found
            elif truth == outcome:
                grounds += found
        if outcome == calm:
            return outcome, others
        return outcome, (others + grounds if tells_all and outcome == UNSAID else grounds)

    return judge


def _negation(part: Judge) -> Judge:
    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        truth, grounds = part(item, root, prefix, source)
        return NOT[truth], grounds

    return judge


class _Walk:
    """The items of one list, and what is known of the list itself."""

    __slots__ = ("fault", "items", "source", "truth", "value")

    def __init__(self, node: Quantifier | Count, item: Any, root: Any, source: Document | None) -> None:
        if node.in_.from_root and root is not None:
            item, source = root, None
        value, self.source = resolve(item, node.in_.keys, source)
        self.value: Any = MISSING if value is ASTRAY else value
        self.items: Iterable[tuple[int | str, Any]] = ()
        self.fault: Unreadable | None = None
        self.truth: int | None = None
        if isinstance(value, Items):
            self.items, self.fault = enumerate(value), value.fault
        elif isinstance(value, list):
            self.items = enumerate(value)
        elif isinstance(value, dict) and not isinstance(value, Document):
            self.items = value.items()
        elif isinstance(value, Unreadable):
            self.truth = UNREADABLE
        elif isinstance(value, Document) and value.fault is not None:
            # A map of records that is not known in full.
            self.truth, self.value = UNREADABLE, value.fault
        elif not (node.has_default and (value is None or value is MISSING or value == "")):
            self.truth = UNSAID


class _Tally:
    """How the items of a list turned out, and the grounds of each truth, as many as evidence keeps."""

    __slots__ = ("counts", "grounds", "total")

    def __init__(self) -> None:
        self.total = 0
        self.counts = [0, 0, 0, 0]
        self.grounds: list[list[Ground]] = [[], [], [], []]

    def take(
        self, walk: _Walk, where: Judge | None, outer: Prefix, text: str, root: Any, kept: tuple[int, ...]
    ) -> None:
        """Judge every item; keep the grounds of the truths in `kept`."""
        counts, source, total = self.counts, walk.source, 0
        for key, item in walk.items:
            total += 1
            if where is None:
                counts[TRUE] += 1
                continue
            truth, found = where(item, root, (outer, text, key, item), source)
            counts[truth] += 1
            if truth in kept:
                grounds = self.grounds[truth]
                if len(grounds) < EVIDENCE_LIMIT:
                    grounds.extend(found)
        self.total = total

    def of(self, node: Quantifier | Count, prefix: Prefix, truth: int, counted: int, walk: _Walk) -> Grounds:
        """The grounds of the items that turned out so; with the node itself where none are kept or some left out."""
        grounds = self.grounds[truth][:EVIDENCE_LIMIT]
        if not grounds or counted > EVIDENCE_LIMIT or len(self.grounds[truth]) > EVIDENCE_LIMIT:
            grounds = [*grounds[: EVIDENCE_LIMIT - 1], (node, prefix, self.summary(truth), walk.source)]
        return tuple(grounds)

    def summary(self, truth: int) -> dict[str, int]:
        """How many items there are, and how many of them turned out so."""
        return {"items": self.total, logic.NAMES[truth]: self.counts[truth]}


def _quantifier(node: Quantifier, where: Judge | None) -> Judge:
    kind = node.kind
    # the truth of an item that decides the whole; `none` is decided by an item that is true, `every` by one that is not
    decisive = FALSE if kind == "every" else TRUE
    settled = _SETTLED.get(node.when_empty, FALSE)
    text = node.in_.text
    kept = (decisive, UNSAID, UNREADABLE)

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        walk = _Walk(node, item, root, source)
        here = "" if node.in_.from_root else prefix
        if walk.truth is not None:
            return walk.truth, ((node, here, walk.value, walk.source),)
        tally = _Tally()
        tally.take(walk, where, here, text, item if root is None else root, kept)
        counts, fault = tally.counts, walk.fault
        if not tally.total and fault is None:
            return settled, ((node, here, {"items": 0}, walk.source),)
        unreadable = counts[UNREADABLE] + (fault is not None)
        if kind == "some":
            truth = logic.some(counts[TRUE], counts[UNSAID], unreadable)
        elif kind == "none":
            truth = logic.none(counts[TRUE], counts[UNSAID], unreadable)
        else:
            truth = logic.every(counts[FALSE], counts[UNSAID], unreadable)
        if truth == UNREADABLE and fault is not None:
            return truth, (*tally.grounds[UNREADABLE][: EVIDENCE_LIMIT - 1], (node, here, fault, walk.source))
        if counts[decisive]:
            return truth, tally.of(node, here, decisive, counts[decisive], walk)
        if truth in (UNSAID, UNREADABLE):
            return truth, tally.of(node, here, truth, counts[truth], walk)
        return truth, ((node, here, tally.summary(decisive), walk.source),)

    return judge


def _count(node: Count, where: Judge | None) -> Judge:
    text = node.in_.text

    def judge(item: Any, root: Any, prefix: Prefix, source: Document | None) -> Outcome:
        walk = _Walk(node, item, root, source)
        here = "" if node.in_.from_root else prefix
        if walk.truth is not None:
            return walk.truth, ((node, here, walk.value, walk.source),)
        tally = _Tally()
        tally.take(walk, where, here, text, item if root is None else root, (UNSAID, UNREADABLE))
        counts = tally.counts
        low = counts[TRUE]
        high = logic.INFINITY if walk.fault is not None else low + counts[UNSAID] + counts[UNREADABLE]
        truth = logic.compare(node.op, low, high, node.expected)
        if truth is not None:
            return truth, ((node, here, tally.summary(TRUE), walk.source),)
        if walk.fault is not None:
            grounds = tally.grounds[UNREADABLE][: EVIDENCE_LIMIT - 1]
            return UNREADABLE, (*grounds, (node, here, walk.fault, walk.source))
        unknown = UNREADABLE if counts[UNREADABLE] else UNSAID
        return unknown, tally.of(node, here, unknown, counts[unknown], walk)

    return judge
