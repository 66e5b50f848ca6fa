"""A new waiver as it is asked for on the command line: judged, with its ids in one spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from azscan.catalog.model import Catalog
from azscan.catalog.select import find, select
from azscan.config import WAIVER_KEYS, has_expired
from azscan.errors import UsageError
from azscan.options import Key, named_by, read_value
from azscan.results import Waiver
from azscan.words import is_glob, is_guid

NEVER = "never"
# What may say which resources a waiver covers, by its key in azscan.yaml, with the option of `azscan waive`.
SELECTORS: Mapping[str, str] = {
    "resources": "--resource",
    "tags": "--tag",
    "resource-groups": "--resource-group",
    "subscriptions": "--subscription",
    "managed-by": "--managed-by",
}

_KEYS: Mapping[str, Key] = {key.name: key for key in WAIVER_KEYS}
_DAYS = re.compile(r"(\d{1,6})d", re.ASCII)
_ARM_WORDS = {"subscriptions": "subscriptions", "resourcegroups": "resourceGroups", "providers": "providers"}


def new_entry(catalog: Catalog, given: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The entry for azscan.yaml; `given` has its values by their keys, `expires` also as "90d" or "never".

    Former ids of checks become the present ones, ARM ids begin with one slash and end without, subscription ids are in
    lower case. Raises UsageError for an unknown check, a day that is malformed or past, a waiver that covers nothing.
    """
    entry: dict[str, Any] = {"checks": _checks(catalog, given["checks"])}
    is_graph = any(_is_graph(catalog, check) for check in select(catalog, checks=entry["checks"]))
    for name, option in SELECTORS.items():
        words = [_read(name, word, option) for word in given.get(name) or ()]
        if name == "resources":
            words = [_resource(word, is_graph) for word in words]
        elif name == "subscriptions":
            words = [_subscription(word) for word in words]
        if words:
            entry[name] = list(dict.fromkeys(words))
    if len(entry) == 1:
        raise UsageError(
            "this waiver does not say which resources it covers",
            hint=f"add one of {', '.join(SELECTORS.values())}; --resource '*' covers all of them",
        )
    for name in ("reason", "approved-by", "ticket"):
        if given.get(name) or name == "reason":
            entry[name] = _read(name, given.get(name) or "", f"--{name}")
    if expires := last_day(given["expires"], today):
        entry["expires"] = expires
    return entry


def last_day(text: str, today: date) -> str:
    """The day that --expires names (a day, days from today as "90d", or "never", which is "").

    Raises UsageError where it is none of these, or past.
    """
    text = text.strip()
    if text.lower() == NEVER:
        return ""
    if days := _DAYS.fullmatch(text):
        try:
            return (today + timedelta(days=int(days[1]))).isoformat()
        except OverflowError:
            raise UsageError(f"--expires: no calendar has a day {text} from now", hint=_HINT) from None
    day = _read("expires", text, "--expires")
    if has_expired(day, today):
        raise UsageError(f"--expires: {day} has passed", hint=f"a waiver counts through its last day; today is {today}")
    return day


def twin(waivers: Sequence[Waiver], entry: Mapping[str, Any], today: date) -> Waiver | None:
    """The waiver in force that covers the same checks and resources, word for word in any case, or None."""
    wanted = [_folded(entry.get(name, ())) for name in ("checks", *SELECTORS)]
    for waiver in waivers:
        named = [getattr(waiver, _KEYS[name].field) for name in ("checks", *SELECTORS)]
        if [_folded(words) for words in named] == wanted and not has_expired(waiver.expires, today):
            return waiver
    return None


_HINT = f"give a day such as 2027-01-31, days from today such as 90d, or {NEVER}"


def _checks(catalog: Catalog, names: Sequence[str]) -> list[str]:
    """The present ids; globs stay as they are, but must fit a check."""
    found = []
    for name in names:
        if is_glob(name):
            select(catalog, checks=[name])
        found.append(name if is_glob(name) else find(catalog, name).id)
    return list(dict.fromkeys(found))


def _is_graph(catalog: Catalog, check: Any) -> bool:
    """True where the check is about records of Microsoft Graph, whose ids are no ARM ids."""
    kind = catalog.collections.get(check.subject)
    return kind is not None and kind.host == "graph"


def _resource(word: str, is_graph: bool) -> str:
    """An ARM id or a glob in the spelling of Azure's documentation."""
    if word[0] in "*?" or (is_graph and "/" not in word):
        return word
    first, *rest = word.strip("/").split("/") if word[0] == "/" or "/" in word else [word]
    if first.lower() not in ("subscriptions", "providers", "tenants") and not (word[0] == "/" and is_glob(first)):
        raise UsageError(
            f"--resource: {word} is not the id of a resource",
            hint=f"an id begins with /subscriptions/; for a name write a glob: '*/{word.rstrip('/').split('/')[-1]}'",
        )
    parts = [_ARM_WORDS.get(part.lower(), part) for part in (first, *rest)]
    parts = [part.lower() if is_guid(part) else part for part in parts]
    return "/" + "/".join(parts)


def _subscription(word: str) -> str:
    if not (is_guid(word) or is_glob(word)):
        raise UsageError(
            f"--subscription: {word} is not a subscription id", hint="a waiver goes by id: names can be changed"
        )
    return word.lower()


def _read(name: str, value: str, option: str) -> str:
    """The value of a word or text, as azscan.yaml would take it."""
    key = _KEYS[name]
    problems: list[tuple[str, str]] = []
    fitted: Any = read_value(key, value, lambda message, hint="": problems.append((message, hint)))
    if problems:
        message, hint = problems[0]
        raise UsageError(named_by(option, key, message), hint=hint or (_HINT if name == "expires" else key.says))
    return str(fitted if isinstance(fitted, str) else fitted[0])


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.casefold().rstrip("/") for word in words)
