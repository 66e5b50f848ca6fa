"""The one table of options: their keys in azscan.yaml, their variables, and what their values may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from shlex import quote
from typing import Any, Literal

import msgspec

from azscan.results import SEVERITIES
from azscan.words import bare, did_you_mean, few, nearest

Kind = Literal["text", "words", "choice", "choices", "count", "seconds", "date", "flag"]
# Where a key may stand: in any azscan.yaml, only in one that the user names with --config, or in none.
Place = Literal["file", "explicit", "never"]
# What the name of every variable begins with.
PREFIX = "AZSCAN_"
Complain = Callable[..., None]


class Key(msgspec.Struct, frozen=True):
    """One key that people write. `option` is the option of the same meaning ("" where there is none)."""

    name: str
    kind: Kind
    says: str
    option: str = ""
    place: Place = "file"
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def field(self) -> str:
        """The name as a Python attribute."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable of the option ("" where there is none)."""
        return PREFIX + self.option.removeprefix("--").replace("-", "_").upper() if self.option else ""


AUTH = (
    "auto",
    "cli",
    "azd",
    "service-principal",
    "certificate",
    "workload-identity",
    "managed-identity",
    "browser",
    "device-code",
    "token",
)
FAIL_ON = (*SEVERITIES, "never")
# What --show takes besides checks.
SHOW = ("failed", "unreadable", "waived", "passed", "all")

OPTION_KEYS: tuple[Key, ...] = (
    Key("auth", "choice", "How to sign in", "--auth", "explicit", AUTH),
    Key("client-id", "text", "App registration to sign in with", "--client-id", "explicit"),
    Key("tenant", "text", "Tenant to sign in to", "--tenant", "explicit"),
    Key("cloud", "text", "Azure cloud, or the https address of its ARM endpoint", "--cloud", "explicit"),
    Key("checks-dir", "words", "Folders with checks of your own", "--checks-dir", "explicit"),
    Key("mappings-dir", "words", "Folders with frameworks of your own", "--mappings-dir", "explicit"),
    Key("subscriptions", "words", "Subscriptions to scan, by id or name", "--subscription"),
    Key("exclude-subscriptions", "words", "Subscriptions to leave out", "--exclude-subscription"),
    Key("management-groups", "words", "Management groups whose subscriptions to scan", "--management-group"),
    Key("regions", "words", "Regions whose resources to judge", "--region"),
    Key("resource-groups", "words", "Resource groups whose resources to judge", "--resource-group"),
    Key("tags", "words", "Tags (name or name=value) whose resources to judge", "--tag"),
    Key("services", "words", "Services to check", "--service"),
    Key("exclude-services", "words", "Services to leave out", "--exclude-service"),
    Key("checks", "words", "Checks to run, as ids or globs", "--check"),
    Key("exclude-checks", "words", "Checks to leave out, as ids or globs", "--exclude-check"),
    Key("severities", "choices", "Severities to check", "--severity", choices=SEVERITIES),
    Key("exclude-severities", "choices", "Severities to leave out", "--exclude-severity", choices=SEVERITIES),
    Key("areas", "words", "Areas to check", "--area"),
    Key("exclude-areas", "words", "Areas to leave out", "--exclude-area"),
    Key("frameworks", "words", "Frameworks to report on", "--framework"),
    Key("controls", "words", "Controls of the frameworks to report on, as ids or globs", "--control"),
    Key("fail-on", "choice", "Lowest severity that fails the gate", "--fail-on", choices=FAIL_ON),
    Key(
        "fail-on-control", "words", "Controls that fail the gate, as framework:control or control", "--fail-on-control"
    ),
    Key("baseline", "text", "Earlier results (JSON) whose failures the gate lets through", "--baseline", "never"),
    Key("concurrency", "count", "Reads at a time", "--concurrency"),
    Key("timeout", "seconds", "Seconds that one request may take", "--timeout"),
    Key("show", "words", "What the table tells: failed, unreadable, waived, passed, all, or checks by id", "--show"),
    Key("shell", "choice", "Shell that fix commands are quoted for", "--shell", choices=("posix", "powershell")),
    Key("format", "choice", "Format on standard output", "--format", "never", ("table", "json", "csv", "markdown")),
    Key("output", "words", "Files to write, their format by the suffix: .txt, .json, .csv, .md", "--output", "never"),
    Key("demo", "flag", "Scan the built-in demo estate, without Azure", "--demo", "never"),
    Key("estate", "text", "Saved estate to assess", "--estate", "never"),
    Key("save-estate", "text", "Where to keep the estate", "--save-estate", "never"),
    Key("log-file", "text", "Where to write the log: sign-in, scope, failed reads, waits", "--log-file", "never"),
    Key("resume", "flag", "Go on with an interrupted scan", "--resume", "never"),
    Key("verbose", "flag", "Say which files and checks are used", "--verbose", "never"),
    Key("quiet", "flag", "Leave out messages and progress; the report stays", "--quiet", "never"),
    Key("debug", "flag", "Log everything and show tracebacks", "--debug", "never"),
    Key("config", "text", "Configuration file to use", "--config", "never"),
    Key("allow-unreadable", "words", "Unreadable parts to accept", "--allow-unreadable", "never"),
)

# Variables that stand for no option: tokens and a password, which no command line may hold, and a folder.
OTHER_VARIABLES = (
    "AZSCAN_ACCESS_TOKEN",
    "AZSCAN_GRAPH_ACCESS_TOKEN",
    "AZSCAN_SIGN_KEY_PASSWORD",
    "AZSCAN_STATE_DIR",
)
# Those of azscan's own tests.
_OF_TESTS = ("AZSCAN_SNAPSHOTS", "AZSCAN_UPDATE_SNAPSHOTS")
_KEYS = {key.name: key for key in OPTION_KEYS}


def unknown_variables(environ: Mapping[str, str]) -> str:
    """The words of a warning that names the AZSCAN_ variables that azscan does not know; "" where it knows all.

    They are no error: a later version may know them. Their values are never told.
    """
    known = (*(key.variable for key in OPTION_KEYS), *OTHER_VARIABLES)
    told = []
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and value.strip() and name not in known and name not in _OF_TESTS:
            # Without what they all begin with, or each would be like every other.
            meant = nearest(name.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in known if each))
            told.append(f"{name} (did you mean {PREFIX}{meant}?)" if meant else name)
    return f"azscan has no variable {few(told, 5)}" if told else ""


def in_one(name: str, word: str, *, in_file: bool = False) -> str:
    """The hint for a word that is several with commas between them, for the option with that key; "" for another."""
    parts = [part.strip() for part in word.split(",") if part.strip()]
    if len(parts) < 2:
        return ""
    if in_file:
        return f"write a list: [{', '.join(parts)}]"
    times = "twice" if len(parts) == 2 else f"{len(parts)} times"
    return f"give it {times}: {' '.join(f'{_KEYS[name].option} {quote(part)}' for part in parts)}"


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_value(key: Key, value: Any, complain: Complain) -> Any:
    """The value as its kind wants it (lists as tuples); `complain(message, hint)` is called where it does not fit."""
    return _VALUES[key.kind](key, value, complain)


def named_by(giver: str, key: Key, message: str) -> str:
    """A complaint of read_value in which the option or variable that gave the value stands for the key."""
    about = message.removeprefix(key.name)
    return f"{giver}{about}" if about != message else f"{giver}: {message}"


def _text(key: Key, value: Any, complain: Complain) -> str:
    if isinstance(value, str) and (text := bare(value)):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool):
        complain(f"{key.name} must be text", f'put quotes around it: "{value}"')
    else:
        complain(f"{key.name} must be text that is not empty")
    return ""


def _words(key: Key, value: Any, complain: Complain) -> tuple[str, ...]:
    """A list of words; a single word stands for a list of one."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not items:
        complain(f"{key.name} must be a list of words that is not empty")
        return ()
    return tuple(_text(key, item, complain) for item in items)


def _choice(key: Key, value: Any, complain: Complain) -> str:
    if isinstance(value, str) and value in key.choices:
        return value
    hint = did_you_mean(value, key.choices) if isinstance(value, str) else ""
    complain(f"{key.name} must be one of {', '.join(key.choices)}", hint)
    return ""


def _choices(key: Key, value: Any, complain: Complain) -> tuple[str, ...]:
    return tuple(_choice(key, word, complain) for word in _words(key, value, complain))


def _count(key: Key, value: Any, complain: Complain) -> int:
    if type(value) is int and value > 0:
        return value
    complain(f"{key.name} must be a whole number above 0")
    return 1


def _seconds(key: Key, value: Any, complain: Complain) -> float:
    if type(value) in (int, float) and 0 < value < float("inf"):
        return float(value)
    complain(f"{key.name} must be a number of seconds above 0")
    return 1.0


def _day(key: Key, value: Any, complain: Complain) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            complain(f"{key.name}: {value} is not a day of the calendar")
            return ""
        return value
    complain(f"{key.name} must be a date such as 2027-01-31")
    return ""


def _flag(key: Key, value: Any, complain: Complain) -> bool:
    if isinstance(value, bool):
        return value
    complain(f"{key.name} must be true or false")
    return False


_VALUES: Mapping[Kind, Callable[[Key, Any, Complain], Any]] = {
    "text": _text,
    "words": _words,
    "choice": _choice,
    "choices": _choices,
    "count": _count,
    "seconds": _seconds,
    "date": _day,
    "flag": _flag,
}


def key_schema(key: Key) -> dict[str, Any]:
    """The JSON Schema of the key's value."""
    word: dict[str, Any] = {"type": "string", "minLength": 1}
    one_of: dict[str, Any] = {"enum": list(key.choices)}
    many = {"words": word, "choices": one_of}
    if key.kind in many:
        item = many[key.kind]
        return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}
    plain: Mapping[str, dict[str, Any]] = {
        "text": word,
        "choice": one_of,
        "count": {"type": "integer", "minimum": 1},
        "seconds": {"type": "number", "exclusiveMinimum": 0},
        "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "flag": {"type": "boolean"},
    }
    return plain[key.kind]
