"""One test for each oddity of ../shared/recordings/ODDITIES.md, named after it.

Each is decided on the snippets that stand there, cut out of recorded responses, or on whole recorded responses: sent
by the emulator and read by the scanner, or, where it is about a value, held against the operator.
"""

from __future__ import annotations

from pathlib import Path

from tests.oddities.ground import snippets
from tests.oddities.test_errors import ERRORS

# Every heading of ODDITIES.md that has a snippet.
TESTED = {
    "Resource group segment in lower or upper case",
    "`type` spelled unlike the id",
    "Id without a leading slash",
    "`id: null`, missing `type`",
    "`name` with slashes",
    "`location` as a display name, or null",
    "Empty list",
    "A bare array, no `value`",
    "`value` holding strings",
    "Next page: every form",
    "`count` as an object",
    "Resource Graph: two result formats",
    "No `properties`",
    "`tags: null`, `identity: null`",
    "Security-relevant property present but null",
    "Booleans as strings",
    "Numbers as strings",
    "`kind` as a comma list",
    "`identity.type` lists",
    "Plural instead of singular members",
    "Dates that are not dates",
    "Dates as numbers",
    *ERRORS,
    "Key Vault challenge",
    "`retry-after` on success",
    "GET answered 201 or 202",
    "XML",
}


def test_every_oddity_has_a_test(shared: Path) -> None:
    told = {name for name, examples in snippets(shared).items() if examples}
    assert told == set(TESTED)
