"""docs/coverage.tsv: what three other scanners look at, each topic with our checks or the reason it is left out."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from azscan.catalog.load import locate
from azscan.catalog.model import Catalog

FILE = locate() / "docs" / "coverage.tsv"
HEADER = ["peer", "topic", "checks", "reason"]
# duplicate: of another topic of the same scanner that is answered. cosmetic: decides nothing that matters.
# retired: of a service or setting that Azure ended. undecidable: no read of Azure's control plane tells.
# dear: it would take a read for each resource, and tells too little for that.
REASONS = ("duplicate", "cosmetic", "retired", "undecidable", "dear")
AUTOMATED = {"cis-azure-3.0", "cis-azure-4.0", "cis-azure-5.0", "cis-azure-6.0"}


class Answer(NamedTuple):
    """A topic of another scanner and what we say to it: check ids, or a reason."""

    peer: str
    topic: str
    checks: tuple[str, ...]
    reason: str


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    with FILE.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert head == HEADER
    return [Answer(peer, topic, tuple(filter(None, checks.split(","))), reason) for peer, topic, checks, reason in rows]


def test_every_topic_is_answered_once_and_in_order(answers: list[Answer], shared: Path) -> None:
    with (shared / "facts" / "peer_topics.tsv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert [(each.peer, each.topic) for each in answers] == sorted({(row[0], row[2]) for row in rows})


def test_an_answer_is_checks_or_a_reason(answers: list[Answer], catalog: Catalog) -> None:
    for each in answers:
        assert bool(each.checks) != bool(each.reason), each
        assert set(each.checks) <= catalog.checks.keys(), each
        # What is deprecated runs only where it is named.
        assert not each.checks or any(catalog.checks[check].status != "deprecated" for check in each.checks), each
        assert not each.reason or re.match(rf"({'|'.join(REASONS)}): \S.{{8,}}", each.reason), each


def test_four_fifths_of_the_topics_have_a_check(answers: list[Answer]) -> None:
    covered = sum(bool(each.checks) for each in answers)
    reasons = Counter(each.reason.partition(":")[0] for each in answers if each.reason)
    print(f"{covered} of {len(answers)} topics have a check ({covered / len(answers):.1%}); others: {dict(reasons)}")
    assert covered >= 0.8 * len(answers)


def test_what_cis_calls_automated_has_a_check_or_a_reason(catalog: Catalog, shared: Path) -> None:
    with (shared / "facts" / "control_titles.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wanted = {(name, control) for name, control, assessment, *_ in rows if assessment == "Automated"}
    for name in sorted(AUTOMATED):
        controls = {control.id: control for control in catalog.frameworks[name].controls}
        bare = [id_ for framework, id_ in wanted if framework == name and not controls[id_].checks]
        print(f"{name}: {sum(framework == name for framework, _ in wanted) - len(bare)} automated ones have a check")
        assert not [id_ for id_ in bare if not (controls[id_].manual or controls[id_].inherited)], name
