"""Words that people type and read: globs, ids, the nearest word to one that is unknown, numbers of things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

# No blanks to Unicode, and so to str.strip: a space of no width, and the mark that some files begin with.
_UNSEEN = "\u200b\ufeff"
_RUNS = re.compile(r"\*+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class Aloud(str):
    """A message that the user is told also with --quiet: one that asks for something, or says where secrets go."""


def glob(pattern: str, *, ignore_case: bool = True) -> Callable[[str], bool]:
    """A function that tells whether a whole text fits `pattern`: `*` is any text ("/" too), `?` one character.

    Only ASCII letters are compared without case: what merely folds to the same letter is another name.
    """
    first, *others = ("".join(map(_piece, part)) for part in _RUNS.split(pattern))
    # Between two stars the first place that fits is as good as any: atomic, or many stars take for ever.
    inner = "".join(f"(?>.*?{part})" for part in others[:-1])
    last = f".*{others[-1]}" if others else ""
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else re.NOFLAG)
    match = re.compile(first + inner + last, flags).fullmatch
    return lambda text: match(text) is not None


def bare(text: str) -> str:
    """The text without blanks around it, those included that nobody sees (what a page or an editor pastes along)."""
    while (left := text.strip().strip(_UNSEEN)) != text:
        text = left
    return text


def is_glob(text: str) -> bool:
    """True where the text holds a `*` or a `?`."""
    return "*" in text or "?" in text


def is_guid(text: str) -> bool:
    """True where the text is the id of a subscription, tenant or object, in any case."""
    return _GUID.fullmatch(text) is not None


def how_long(seconds: float) -> str:
    """How long that is: "1 s" at least, "2 min 5 s", "1 h 3 s"."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (
        " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if number)
        or "1 s"
    )


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 check", "1,204 checks", "0 checks"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def few(names: Sequence[str], most: int) -> str:
    """The first `most` names, and how many more there are: "a, b, c and 1,204 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or ""."""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word, or ""."""
    name = nearest(word, known)
    return f"did you mean {name}?" if name else ""


def _piece(character: str) -> str:
    return "." if character == "?" else re.escape(character)
