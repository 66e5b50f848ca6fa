"""What a check said of one document, ready to be said again of the next one in which it looks at the same values.

Most checks look at a few settings that take a few values each, so a million verdicts come of some thousand outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from azscan.conditions.alike import UNIQUE, Looks, Reads
from azscan.conditions.looks import Look
from azscan.conditions.values import Document
from azscan.told import Fact, pieces_of, places_of

# Outcomes that are kept of one check, and characters that one of them, and its key, may have.
MOST: Final = 500
LONGEST: Final = 2000
LONGEST_KEY: Final = 8000
# Unknown outcomes after which a check must have met known ones as often, or it is no longer asked for its key.
PATIENCE: Final = 200

Asker = TypeVar("Asker")


class Said(NamedTuple):
    """Where the text of a verdict waits to be stored, and the text in pieces (told.pieces_of).

    Between two pieces stands the number of a read: the document's own, or for a check that opens parts the one at
    this place among those it rests on.
    """

    add: Callable[[str], None]
    pieces: list[str]
    places: list[int]


class Known(Generic[Asker]):
    """The outcomes of one check, by the key of what it looks at."""

    __slots__ = ("check", "key_of", "looks", "missed", "opens", "outcomes", "places")

    def __init__(self, check: Asker, looks: Collection[Look]) -> None:
        self.check = check
        self.looks = sorted(looks, key=repr)
        self.places: list[int] = []
        # The same among the looks that open parts.
        self.opens: list[int] = []
        self.key_of: Callable[[list[Hashable]], Any] = itemgetter(0)
        self.outcomes: dict[Any, Said] = {}
        self.missed = 0

    def key_with_reads(self, key: Any, own: int | None, reads: list[Reads]) -> tuple[Any, Reads]:
        """The key of a check that opens parts, and the reads that it rests on, after None and the document's own.

        Which of them are the same, or none, is part of the key: what was said of one can be said of the other.
        """
        rests_on = [None, own]
        for place in self.opens:
            rests_on += reads[place]
        return (key, *map(rests_on.index, rests_on)), rests_on

    def has_room(self, keys: list[Hashable]) -> bool:
        """Whether an outcome under these keys may be kept."""
        return len(self.outcomes) < MOST and not any(keys[place] is UNIQUE for place in self.places)

    def keep(
        self, key: Any, add: Callable[[str], None], facts: Sequence[Fact], reason: str | None, rests_on: Reads
    ) -> None:
        """Keep an outcome, unless it or its key is long, or it tells of a read that is not among those it rests on."""
        pieces, places = pieces_of(facts, reason), places_of(facts, rests_on)
        if sum(map(len, pieces)) <= LONGEST and len(repr(key)) <= LONGEST_KEY and places is not None:
            self.outcomes[key] = Said(add, pieces, places)


class Recall(Generic[Asker]):
    """The outcomes of the checks of one subject; `others` are checks that are held against every document anew.

    `attached` are the names under which parts can be opened on the subject's documents.
    """

    def __init__(self, known: Iterable[Known[Asker]], others: Iterable[Asker], attached: Collection[str] = ()) -> None:
        self.known = list(known)
        self.others = list(others)
        self._attached = attached
        self._seen = 0
        self._lay_out()

    def _lay_out(self) -> None:
        self._looks = Looks({look for known in self.known for look in known.looks}, self._attached)
        places = {look: place for place, look in enumerate(self._looks.looks)}
        opens = {look: place for place, look in enumerate(self._looks.opening)}
        for known in self.known:
            known.places = [places[look] for look in known.looks]
            known.opens = [opens[look] for look in known.looks if look in opens]
            known.key_of = itemgetter(*known.places)

    def look(self, document: Document) -> tuple[list[Hashable], list[Reads]]:
        """What `Known.key_of` makes a check's key of for the next document, and the reads of what was opened."""
        seldom = [known for known in self.known if known.missed > PATIENCE and known.missed * 2 > self._seen]
        if seldom:
            self.known = [known for known in self.known if known not in seldom]
            self.others += [known.check for known in seldom]
            self._lay_out()
        self._seen += 1
        return self._looks.at(document)


def filled(pieces: list[str], places: list[int], reads: Reads) -> str:
    """The text of a verdict that rests on opened parts."""
    text = pieces[0]
    for place, piece in zip(places, pieces[1:], strict=True):
        text += f"{reads[place] if place else 'null'}{piece}"
    return text
