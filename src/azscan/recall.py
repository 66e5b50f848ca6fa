"""What a check said of one document, ready to be said again of the next one in which it looks at the same values.

Most checks look at a few settings that take a few values each, so a million verdicts come of some thousand outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from azscan.conditions.alike import UNIQUE, Look, Looks

# Outcomes that are kept of one check, and characters that one of them may have.
MOST: Final = 500
LONGEST: Final = 2000
# Unknown outcomes after which a check must have met known ones as often, or it is no longer asked for its key.
PATIENCE: Final = 200

Asker = TypeVar("Asker")
# Where the text of a verdict waits to be stored, and the text in pieces (told.pieces_of).
Said = tuple[Callable[[str], None], list[str]]


class Known(Generic[Asker]):
    """The outcomes of one check, by the key of what it looks at."""

    __slots__ = ("check", "key_of", "looks", "missed", "outcomes", "places")

    def __init__(self, check: Asker, looks: Collection[Look]) -> None:
        self.check = check
        self.looks = sorted(looks, key=repr)
        self.places: list[int] = []
        self.key_of: Callable[[list[Hashable]], Any] = itemgetter(0)
        self.outcomes: dict[Any, Said] = {}
        self.missed = 0


class Recall(Generic[Asker]):
    """The outcomes of the checks of one subject; `others` are checks that are held against every document anew."""

    def __init__(self, known: Iterable[Known[Asker]], others: Iterable[Asker]) -> None:
        self.known = list(known)
        self.others = list(others)
        self._seen = 0
        self._lay_out()

    def _lay_out(self) -> None:
        self._looks = Looks({look for known in self.known for look in known.looks})
        places = {look: place for place, look in enumerate(self._looks.looks)}
        for known in self.known:
            known.places = [places[look] for look in known.looks]
            known.key_of = itemgetter(*known.places)

    def keys(self, document: dict[str, Any]) -> list[Hashable]:
        """What `key_of` makes a check's key of, for the next document."""
        seldom = [known for known in self.known if known.missed > PATIENCE and known.missed * 2 > self._seen]
        if seldom:
            self.known = [known for known in self.known if known not in seldom]
            self.others += [known.check for known in seldom]
            self._lay_out()
        self._seen += 1
        return self._looks.at(document)

    @staticmethod
    def keep(known: Known[Asker], keys: list[Hashable], said: Said) -> None:
        """Keep an outcome, unless that would take too much memory."""
        if (
            len(known.outcomes) < MOST
            and sum(map(len, said[1])) <= LONGEST
            and not any(keys[place] is UNIQUE for place in known.places)
        ):
            known.outcomes[known.key_of(keys)] = said
