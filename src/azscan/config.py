"""azscan.yaml: what it may say, and what one says, with every fault at its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import msgspec

from azscan.errors import SourceFault, UsageError
from azscan.options import OPTION_KEYS, Key, in_one, key_schema, read_value
from azscan.results import SEVERITIES, Allowance, Off, SeverityOverride, Waiver
from azscan.words import did_you_mean

CONFIG_VERSION = 1
CONFIG_NAME = "azscan.yaml"
# How people spell it too; such a file is never read, and never passed over in silence.
OTHER_NAME = "azscan.yml"

Keys = tuple[str | int, ...]

_RECORD = (
    Key("approved-by", "text", "Who approved it"),
    Key("ticket", "text", "Where it was decided"),
    Key("expires", "date", "Last day on which it counts (YYYY-MM-DD)"),
)
_REASON = Key("reason", "text", "Why; it stands in every report", required=True)

OFF_KEYS = (
    Key("services", "words", "Services to switch off"),
    Key("checks", "words", "Checks to switch off, as ids or globs"),
    _REASON,
    *_RECORD,
)
WAIVER_KEYS = (
    Key("checks", "words", "Checks whose findings are accepted, as ids or globs", required=True),
    Key("resources", "words", "ARM ids; * stands for any text, across segments too"),
    Key("tags", "words", "Tags (name or name=value) of the resources"),
    Key("resource-groups", "words", "Resource groups of the resources"),
    Key("subscriptions", "words", "Subscription ids of the resources"),
    Key("managed-by", "words", "Managers of the resources: a resource type, an ARM id, or * for any"),
    _REASON,
    *_RECORD,
)
SEVERITY_KEYS = (
    Key("checks", "words", "Checks that get another severity, as ids or globs", required=True),
    Key("severity", "choice", "The severity that counts", choices=SEVERITIES, required=True),
    _REASON,
    *_RECORD,
)
ALLOWANCE_KEYS = (
    Key("parts", "words", "Services, checks or error kinds that may stay unreadable", required=True),
    _REASON,
    *(msgspec.structs.replace(key, required=key.name != "ticket") for key in _RECORD),
)
LISTS = {
    "off": ("What is switched off, and why", OFF_KEYS),
    "waivers": ("Findings that are accepted, and why", WAIVER_KEYS),
    "severity-overrides": ("Checks that get another severity than the catalogue's, and why", SEVERITY_KEYS),
    "allow-unreadable": ("Parts that may stay unreadable, and why", ALLOWANCE_KEYS),
}
# Keys that count only in a file that is named with --config.
EXPLICIT = frozenset({"allow-unreadable", *(key.name for key in OPTION_KEYS if key.place == "explicit")})
_TOP = ("version", "params", *LISTS, *(key.name for key in OPTION_KEYS if key.place != "never"))


class ConfigError(UsageError):
    """The configuration is not valid; `message` lists every fault, `faults` holds them.

    `config` is what the rest of the file says, where enough is sound to judge it by the catalogue.
    """

    def __init__(self, faults: Sequence[SourceFault], *, hint: str = "", config: Config | None = None) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "\n".join(f"  {fault}" for fault in faults)
        hint = hint or "mend the file, or name another: --config FILE"
        super().__init__(f"the configuration has {count}\n{lines}", hint=hint)
        self.faults = tuple(faults)
        self.config = config


class Located(Protocol):
    """A parsed file that knows where its values stand (catalog.source.Source is one)."""

    @property
    def file(self) -> str:
        """The file's name, for faults."""

    @property
    def value(self) -> Any:
        """Mappings, lists and plain values."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes (hex)."""

    def at(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of what `keys` lead to."""

    def fault(self, keys: Sequence[str | int], message: str, hint: str = "") -> SourceFault:
        """A fault at the value that `keys` lead to."""


class Config(msgspec.Struct, frozen=True):
    """What a valid azscan.yaml says. `options` holds the options that stand there, by key ("fail-on").

    `source` is the file itself, so that what only the catalogue can judge is named with its line too.
    """

    file: str = ""
    off: tuple[Off, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severity_overrides: tuple[SeverityOverride, ...] = ()
    allow_unreadable: tuple[Allowance, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = {}
    options: Mapping[str, Any] = {}
    source: Located | None = None


def parse_config(source: Located, *, explicit: bool) -> Config:
    """The configuration in a parsed file. Raises ConfigError with every fault at once.

    `explicit` is true where the user named the file: only then may it choose a cloud, a tenant, a way to sign in,
    folders of checks, or what may stay unreadable. Past dates are no fault: what has expired is reported as such.
    """
    reader = _Reader(source)
    config = reader.config(explicit)
    if reader.faults:
        raise ConfigError(sorted(reader.faults), config=reader.sound_part(config))
    return config


def has_expired(expires: str, today: date) -> bool:
    """True from the day after `expires` (YYYY-MM-DD) on; "" never expires."""
    return bool(expires) and date.fromisoformat(expires) < today


class _Reader:
    """Walks one file's values along the tables above and collects what does not fit."""

    def __init__(self, source: Located) -> None:
        self.source = source
        self.faults: list[SourceFault] = []
        self.faulty: set[str | int] = set()

    def sound_part(self, config: Config) -> Config | None:
        """The configuration without the options that have a fault, or depend on one; None where that says too little.

        Where folders of checks or of frameworks are in doubt, no name can be judged.
        """
        if self.faulty & {"checks-dir", "mappings-dir"} or not isinstance(self.source.value, dict):
            return None
        dropped = set(self.faulty)
        if dropped & {"frameworks", "controls"}:
            dropped |= {"controls", "fail-on-control"}
        options = {name: value for name, value in config.options.items() if name not in dropped}
        return msgspec.structs.replace(config, options=options)

    def config(self, explicit: bool) -> Config:
        root = self._mapping(self.source.value, ())
        self._version(root)
        for name in root:
            if name not in _TOP:
                self._unknown(name, _TOP, (name,))
            elif name in EXPLICIT and not explicit:
                self._add(
                    (name,),
                    f"{name} is not taken from a file that was found in a folder",
                    f"give it as an option or AZSCAN_ variable, or name this file: --config {self.source.file}",
                )
        options = {
            key.name: self._value(key, root[key.name], (key.name,))
            for key in OPTION_KEYS
            if key.place != "never" and key.name in root
        }
        allowed = self._entries(root, "allow-unreadable") if explicit else []
        return Config(
            file=self.source.file,
            off=tuple(self._off(entry, index) for index, entry in self._entries(root, "off")),
            waivers=tuple(self._waiver(entry, index) for index, entry in self._entries(root, "waivers")),
            severity_overrides=tuple(
                self._override(entry, index) for index, entry in self._entries(root, "severity-overrides")
            ),
            allow_unreadable=tuple(
                Allowance(**{**self._fields(entry, ("allow-unreadable", index)), "part": part})
                for index, entry in allowed
                for part in entry.get("parts", ())
            ),
            params=self._params(root.get("params")),
            options=options,
            source=self.source,
        )

    def _version(self, root: Mapping[str, Any]) -> None:
        version = root.get("version")
        if version is None:
            self._add((), "the version is missing", f"begin the file with: version: {CONFIG_VERSION}")
        elif type(version) is int and version > CONFIG_VERSION:
            self._add(("version",), f"version {version} is of a later azscan", "upgrade azscan to use this file")
        elif type(version) is not int or version != CONFIG_VERSION:
            hint = "without quotes" if str(version) == str(CONFIG_VERSION) else ""
            self._add(("version",), f"the version must be {CONFIG_VERSION}", hint)

    def _entries(self, root: Mapping[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
        value = root.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._add((name,), f"{name} must be a list of entries", "begin each entry with a dash")
            return []
        table = LISTS[name][1]
        entries = []
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                entries.append((index, self._entry(entry, (name, index), table)))
            else:
                self._mapping(entry, (name, index))
        return entries

    def _entry(self, entry: dict[str, Any], keys: Keys, table: Sequence[Key]) -> dict[str, Any]:
        known = {key.name: key for key in table}
        for name in entry:
            if name not in known:
                self._unknown(name, known, (*keys, name))
        read = {name: self._value(known[name], entry[name], (*keys, name)) for name in entry if name in known}
        for key in table:
            if key.required and key.name not in entry:
                self._add((*keys, key.name), f"{key.name} is missing", key.says)
        return read

    def _off(self, entry: Mapping[str, Any], index: int) -> Off:
        if not (entry.get("services") or entry.get("checks")):
            self._add(("off", index), "this entry names neither services nor checks")
        return Off(**{"reason": "", **self._fields(entry, ("off", index))})

    def _override(self, entry: Mapping[str, Any], index: int) -> SeverityOverride:
        fields = self._fields(entry, ("severity-overrides", index))
        return SeverityOverride(**{"checks": (), "severity": "info", "reason": "", **fields})

    def _waiver(self, entry: Mapping[str, Any], index: int) -> Waiver:
        which = ("resources", "tags", "resource-groups", "subscriptions", "managed-by")
        if not any(entry.get(name) for name in which):
            self._add(
                ("waivers", index),
                "this waiver does not say which resources it covers",
                f"add one of {', '.join(which)}; resources: ['*'] covers all of them",
            )
        for position, name in enumerate(entry.get("subscriptions") or ()):
            if not _SUBSCRIPTION.fullmatch(name):
                keys = ("waivers", index, "subscriptions", position)
                self._add(keys, f"{name} is not a subscription id", "a waiver goes by id: names can be changed")
        return Waiver(**{"checks": (), "resources": (), "reason": "", **self._fields(entry, ("waivers", index))})

    def _fields(self, entry: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
        """An entry's values under the names of its struct, with where it stands."""
        table = LISTS[str(keys[0])][1]
        fields = {key.field: entry[key.name] for key in table if entry.get(key.name) and key.name != "parts"}
        return {**fields, "source": f"{self.source.file}:{self.source.at(keys)[0]}"}

    def _params(self, value: Any) -> dict[str, dict[str, Any]]:
        if value is None:
            return {}
        return {
            check: self._mapping(given, ("params", check)) for check, given in self._mapping(value, ("params",)).items()
        }

    def _mapping(self, value: Any, keys: Keys) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._add(keys, "keys and values must stand here")
        return {}

    def _value(self, key: Key, value: Any, keys: Keys) -> Any:
        def complain(message: str, hint: str = "") -> None:
            if key.kind == "choices" and isinstance(value, str):
                hint = in_one(key.name, value, in_file=True) or hint
            self._add(keys, message, hint)

        return read_value(key, value, complain)

    def _unknown(self, name: str, known: Iterable[str], keys: Keys) -> None:
        option = next((key for key in OPTION_KEYS if name == key.name and key.place == "never"), None)
        alone = next((key for key in OPTION_KEYS if f"--{name}" == key.option and key.place != "never"), None)
        if option is not None:
            self._add(keys, f"{name} cannot stand in a file", f"give it as the option {option.option}")
        elif alone is not None and len(keys) == 1:
            self._add(keys, f"the key {name} is unknown", f"did you mean {alone.name}?")
        else:
            hint = did_you_mean(name, known) or f"the keys are {', '.join(known)}"
            self._add(keys, f"the key {name} is unknown", hint)

    def _add(self, keys: Keys, message: str, hint: str = "") -> None:
        self.faults.append(self.source.fault(keys, message, hint))
        self.faulty.update(keys[:1])


_SUBSCRIPTION = re.compile(r"[0-9a-fA-F*?-]+")


def config_schema() -> dict[str, Any]:
    """The JSON Schema of azscan.yaml, made from the same table that reads it."""
    properties: dict[str, Any] = {
        "version": {"const": CONFIG_VERSION, "description": "Version of this format"},
        "params": {
            "type": "object",
            "description": "Parameters of checks: check id, then parameter and value",
            "additionalProperties": {"type": "object"},
        },
    }
    for name, (says, table) in LISTS.items():
        properties[name] = {"type": "array", "description": _says(says, name), "items": _object_schema(table)}
    for key in OPTION_KEYS:
        if key.place != "never":
            properties[key.name] = {**key_schema(key), "description": _says(key.says, key.name)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "azscan.yaml",
        "type": "object",
        "properties": properties,
        "required": ["version"],
        "additionalProperties": False,
    }


def _says(says: str, name: str) -> str:
    return f"{says} (only in a file named with --config)" if name in EXPLICIT else says


def _object_schema(table: Sequence[Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: {**key_schema(key), "description": key.says} for key in table},
        "required": [key.name for key in table if key.required],
        "additionalProperties": False,
    }
