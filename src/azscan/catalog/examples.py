"""A check's examples, decided as a scan would decide them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from azscan.catalog.model import Check
from azscan.conditions.compile import Grounds, compile_condition, describe
from azscan.conditions.grammar import parse
from azscan.conditions.logic import FALSE, NOT_APPLICABLE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.nodes import Node

Outcome = Literal["pass", "fail", "not-applicable", "unreadable"]
Decide = Callable[[dict[str, Any]], tuple[Outcome, Grounds]]

# Examples hold dates as Azure sends them, so they are judged at a fixed time: otherwise they would expire.
EXAMPLES_NOW = datetime(2026, 1, 1, tzinfo=UTC)

_OUTCOMES: Mapping[int, Outcome] = {
    TRUE: "pass",
    FALSE: "fail",
    UNSAID: "fail",
    UNREADABLE: "unreadable",
    NOT_APPLICABLE: "not-applicable",
}


class ExampleResult(msgspec.Struct, frozen=True):
    """One example: the verdict that it must get, its number among those (from 1), and the verdict that it gets.

    `grounds` says what decided, in lines such as `properties.enabled: equals true, is false`.
    """

    check: str
    expected: Outcome
    number: int
    outcome: Outcome
    grounds: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """True where the example gets the verdict that it must get."""
        return self.outcome == self.expected

    @property
    def name(self) -> str:
        """Check, verdict and number, as the tests are called."""
        return f"{self.check}-{self.expected}-{self.number}"


def decider(check: Check, now: datetime = EXAMPLES_NOW, node: Node | None = None) -> Decide:
    """A function from a document to the check's verdict on it and the grounds; attached parts stand in the document.

    `node` is the parsed `require`, where the caller has it: the grounds then name its leaves.
    """
    require = compile_condition(node or parse(check.require, check.params), now)
    if check.applies is None:
        return lambda document: _verdict(*require(document))
    applies = compile_condition(parse(check.applies, check.params, whole=False), now)

    def decide(document: dict[str, Any]) -> tuple[Outcome, Grounds]:
        truth, grounds = applies(document)
        if truth in (FALSE, UNREADABLE):
            return ("not-applicable" if truth == FALSE else "unreadable"), grounds
        return _verdict(*require(document))

    return decide


def _verdict(truth: int, grounds: Grounds) -> tuple[Outcome, Grounds]:
    return _OUTCOMES[truth], grounds


def run_examples(check: Check) -> list[ExampleResult]:
    """Every example of the check with the verdict that it gets, in the order of the file."""
    decide = decider(check)
    groups: tuple[tuple[Outcome, tuple[dict[str, Any], ...]], ...] = (
        ("pass", check.examples.passing),
        ("fail", check.examples.failing),
        ("not-applicable", check.examples.not_applicable),
    )
    results = []
    for expected, documents in groups:
        for number, document in enumerate(documents, 1):
            outcome, grounds = decide(document)
            results.append(ExampleResult(check.id, expected, number, outcome, tuple(map(_words, grounds))))
    return results


def _states(actual: Any, present: bool | None) -> str:
    if present is None:
        return "was not read"
    return f"is {actual!r}" if present else "is absent"


def _words(ground: Any) -> str:
    path, expected, actual, present = describe(ground)
    return f"{path}: {expected}, {_states(actual, present)}"
