"""The settings of a command: options, variables, azscan.yaml and defaults, and what the catalogue says to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from azscan.catalog.mappings import controls_named
from azscan.catalog.model import AREAS, Catalog
from azscan.catalog.params import param_faults
from azscan.config import CONFIG_NAME, LISTS, OTHER_NAME, Config, ConfigError, Keys, Located, parse_config
from azscan.errors import Misfit, MisfitError, SourceFault, UsageError
from azscan.options import OPTION_KEYS, SHOW, Key, in_one, named_by, read_value
from azscan.results import Allowance, Off, SeverityOverride, Waiver
from azscan.words import bare, did_you_mean, glob, is_glob, is_guid


class Settings(msgspec.Struct, frozen=True):
    """Every option after option, variable, file and default; `sources` tells which of them each value came from.

    A key that stands at its default is not in `sources`. `allow_unreadable` joins the entries of all sources. `file` is
    the configuration file itself: `giver` and `blamed` name the lines of what came from it.
    """

    auth: str = "auto"
    client_id: str = ""
    tenant: str = ""
    cloud: str = "AzureCloud"
    checks_dir: tuple[str, ...] = ()
    mappings_dir: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    exclude_subscriptions: tuple[str, ...] = ()
    management_groups: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    exclude_services: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    exclude_checks: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    exclude_severities: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    exclude_areas: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    fail_on: str = "high"
    fail_on_control: tuple[str, ...] = ()
    baseline: str = ""
    concurrency: int = 32
    timeout: float = 60.0
    show: tuple[str, ...] = ()
    shell: str = "posix"
    format: str = "table"
    output: tuple[str, ...] = ()
    demo: bool = False
    estate: str = ""
    save_estate: str = ""
    log_file: str = ""
    resume: bool = False
    verbose: bool = False
    quiet: bool = False
    debug: bool = False
    config: str = ""
    allow_unreadable: tuple[Allowance, ...] = ()
    off: tuple[Off, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severity_overrides: tuple[SeverityOverride, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = {}
    sources: Mapping[str, str] = {}
    file: Located | None = None


def resolve(given: Mapping[str, Any], environ: Mapping[str, str], config: Config | None = None) -> Settings:
    """The settings of a command: an option wins over its variable, that over the file, that over the default.

    `given` holds options by key or attribute ("fail-on", "fail_on"); None, "" and empty lists count as not given, so
    do False flags. Raises UsageError naming the option or variable whose value does not fit.
    """
    config = config or Config()
    values: dict[str, Any] = {
        name: getattr(config, name) for name in ("off", "waivers", "severity_overrides", "params")
    }
    sources: dict[str, str] = {}
    for key in OPTION_KEYS:
        value, source = _chosen(key, given, environ, config)
        if source:
            values[key.field] = value
            sources[key.name] = source
    given_by = sources.get("allow-unreadable", "")
    accepted = tuple(Allowance(part, source=given_by) for part in values.pop("allow_unreadable", ()))
    accepted += config.allow_unreadable
    return Settings(**values, allow_unreadable=accepted, sources=sources, file=config.source)


def is_from_file(settings: Settings, name: str) -> bool:
    """True where azscan.yaml gave the value of the option with this key."""
    return settings.file is not None and settings.sources.get(name) == settings.file.file


def giver(settings: Settings, name: str) -> str:
    """Who gave the option with this key: "--service", "AZSCAN_SERVICE", or "services in azscan.yaml:3"."""
    if is_from_file(settings, name) and settings.file is not None:
        return f"{name} in {settings.file.file}:{settings.file.at((name,))[0]}"
    return settings.sources.get(name, name)


def blamed(settings: Settings, error: MisfitError) -> UsageError:
    """The error with who gave the words: their lines in azscan.yaml (ConfigError), the option or the variable."""
    file = settings.file
    if file is not None and is_from_file(settings, error.name):
        places = {word: keys for keys, word in _words_at((error.name,), file.value.get(error.name))}
        faults = [file.fault(places.get(each.word, (error.name,)), each.message, each.hint) for each in error.misfits]
        return ConfigError(sorted(faults))
    source, (word, message, hint) = settings.sources.get(error.name, ""), error.misfits[0]
    if source.startswith("--"):
        hint = in_one(error.name, word) or hint
    return UsageError(f"{source}: {message}", hint=hint) if source else error


def _chosen(key: Key, given: Mapping[str, Any], environ: Mapping[str, str], config: Config) -> tuple[Any, str]:
    option = _option(key, given)
    if option is not None:
        return _fit(key, _split_ids(option) if key.kind == "words" else option, key.option), key.option
    variable = bare(environ.get(key.variable, ""))
    if variable:
        return _fit(key, _from_text(key, variable), key.variable), key.variable
    if key.name in config.options:
        return config.options[key.name], config.file
    return None, ""


def _option(key: Key, given: Mapping[str, Any]) -> Any:
    """What was given as the option; None where it was not."""
    option = given.get(key.field, given.get(key.name))
    return None if option is False or option in ("", (), []) else option


def padded(given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The options and variables that count and have blanks around what they say, which `resolve` leaves out."""
    found = []
    for key in OPTION_KEYS:
        option = _option(key, given)
        words, name = (option, key.option) if option is not None else (environ.get(key.variable, ""), key.variable)
        words = words if isinstance(words, list | tuple) else [words]
        if any(isinstance(word, str) and word != bare(word) for word in words):
            found.append(name)
    return tuple(found)


def _split_ids(words: Any) -> Any:
    """The words, with several ids in one ("ID,ID") taken apart; a name may hold a comma and stays whole."""
    if isinstance(words, str):
        words = [words]
    if not all(isinstance(word, str) for word in words):
        return words
    parts = [[part.strip() for part in word.split(",")] for word in words]
    return [
        part for word, some in zip(words, parts, strict=True) for part in (some if all(map(is_guid, some)) else [word])
    ]


def _from_text(key: Key, text: str) -> Any:
    """The value of a variable: lists are separated by commas, flags are 1, true, yes or on."""
    if key.kind in ("words", "choices"):
        return [part.strip() for part in text.split(",") if part.strip()]
    if key.kind == "flag":
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }
        return words.get(text.lower(), text)
    if key.kind in ("count", "seconds"):
        try:
            return int(text) if key.kind == "count" else float(text)
        except ValueError:
            return text
    return text


def _fit(key: Key, value: Any, name: str) -> Any:
    problems: list[tuple[str, str]] = []
    fitted = read_value(key, value, lambda message, hint="": problems.append((message, hint)))
    if problems:
        message, hint = problems[0]
        if key.kind == "choices" and name == key.option:
            hint = next(filter(None, (in_one(key.name, word) for word in value)), hint)
        raise UsageError(named_by(name, key, message), hint=hint or "azscan scan --help tells what it takes")
    return fitted


def find_config(start: Path) -> Path | None:
    """The azscan.yaml that counts in a folder: its own, or the nearest above it up to the root of the git checkout.

    Outside a checkout only the folder itself is looked at: what lies above it may be anybody's. Raises ConfigError
    where what it decides would silently not count: an azscan.yml that lies there, beside an azscan.yaml or in its
    place, and a link that leads nowhere.
    """
    folders = [start, *start.parents]
    root = next((index for index, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    for folder in folders[: root + 1]:
        path, other = folder / CONFIG_NAME, folder / OTHER_NAME
        if os.path.lexists(other):
            message, hint = _MISNAMED[os.path.lexists(path)]
            raise ConfigError([SourceFault(os.path.relpath(other, start), 1, 1, message, hint)])
        if path.exists():
            return path
        if path.is_symlink():
            raise ConfigError([_led_nowhere(path, os.path.relpath(path, start))])
    return None


_IF_LARGE = "let one waiver cover more, by globs, tags or resource groups"
_MISNAMED = {
    True: (f"this is a second configuration beside {CONFIG_NAME}", f"bring them together in {CONFIG_NAME}"),
    False: (f"a configuration is read only under the name {CONFIG_NAME}", f"rename it to {CONFIG_NAME}"),
}


def _led_nowhere(path: Path, shown: str) -> SourceFault:
    return SourceFault(shown, 0, 0, f"this is a link to {path.readlink()}, which leads nowhere", "mend or remove it")


def named_config(given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, str]:
    """The configuration file that the user named ("" for none), and the option or variable that names it."""
    if option := str(given.get("config") or ""):
        return option, "--config"
    return environ.get("AZSCAN_CONFIG", "").strip(), "AZSCAN_CONFIG"


def load_config(named: str = "", start: Path | None = None, *, giver: str = "--config") -> Config:
    """The configuration that `giver` (an option, a variable) `named`, else the one found from `start` upward.

    An empty Config where there is none. Raises ConfigError (exit 2) with file, line and column of every fault, and
    UsageError where the named file does not exist.
    """
    from azscan.catalog.source import read  # PyYAML is loaded only where there is a file

    here = start or Path.cwd()
    path = Path(named) if named else find_config(here)
    if path is None:
        return Config()
    if named and not path.exists():
        if path.is_symlink():
            raise ConfigError([_led_nowhere(path, named)])
        hint = f"check the path given to {giver}" if giver else "check the path"
        raise UsageError(f"there is no configuration file at {named}", hint=hint)
    source = read(path, named or os.path.relpath(path, here), if_large=_IF_LARGE)
    if source.faults:
        raise ConfigError(source.faults)
    return parse_config(source, explicit=bool(named))


def check_names(config: Config, catalog: Catalog, kinds: Sequence[str]) -> None:
    """Raises ConfigError with the file's `name_faults`, where it has some."""
    if faults := name_faults(config, catalog, kinds):
        raise ConfigError(sorted(faults))


def name_faults(config: Config, catalog: Catalog, kinds: Sequence[str]) -> list[SourceFault]:
    """The faults where the file names a check, service, area, framework, control or parameter that does not exist.

    `kinds` are the error kinds that may be accepted as unreadable. Former ids of checks count as theirs.
    """
    if config.source is None:
        return []
    return [*_unknown_names(config.source, catalog, kinds), *_wrong_params(config, config.source, catalog)]


def show_misfits(words: Iterable[str], checks: Iterable[str]) -> list[Misfit]:
    """What is wrong with the words that are neither of SHOW nor fit one of the checks."""
    known = tuple(checks)
    return [
        Misfit(
            word,
            f"no part of the table and no check {'matches' if is_glob(word) else 'is named'} {word}",
            did_you_mean(word, (*SHOW, *known)) or f"name a check, or one of {', '.join(SHOW)}",
        )
        for word in words
        if word not in SHOW and not any(map(glob(word), known))
    ]


def check_accepted(settings: Settings, catalog: Catalog, kinds: Sequence[str]) -> None:
    """Raises UsageError where --allow-unreadable (or its variable) names what is no service, check or error kind."""
    services, checks = frozenset(catalog.services), check_ids(catalog)
    for entry in settings.allow_unreadable:
        if not _is_part(entry.part, services | checks, kinds):
            verb = "matches" if is_glob(entry.part) else "is named"
            hint = in_one("allow-unreadable", entry.part)
            hint = hint or did_you_mean(entry.part, services | checks | frozenset(kinds))
            hint = hint or f"name a service, a check or an error kind; the kinds are {', '.join(kinds)}"
            source = settings.sources.get("allow-unreadable", "allow-unreadable")
            raise UsageError(f"{source}: no service, check or error kind {verb} {entry.part}", hint=hint)


def check_ids(catalog: Catalog) -> frozenset[str]:
    """The ids of all checks, the former ones included."""
    return frozenset(catalog.checks).union(*(check.aliases for check in catalog.checks.values()))


def aliases_of(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Check id → its former ids, for those that have any."""
    return {check.id: check.aliases for check in catalog.checks.values() if check.aliases}


def present_ids(catalog: Catalog) -> Callable[[str], str]:
    """A function that gives the present id of a check; what the catalogue does not know stays as it is."""
    current = {former: check for check, formers in aliases_of(catalog).items() for former in formers}
    return lambda check: current.get(check, check)


def _unknown_names(source: Located, catalog: Catalog, kinds: Sequence[str]) -> Iterator[SourceFault]:
    services, checks = frozenset(catalog.services), check_ids(catalog)
    controls = frozenset(controls_named(catalog.frameworks.values()))
    known: Mapping[str, tuple[str, frozenset[str]]] = {
        "services": ("service", services),
        "checks": ("check", checks),
        "exclude-services": ("service", services),
        "exclude-checks": ("check", checks),
        "areas": ("area", frozenset(AREAS)),
        "exclude-areas": ("area", frozenset(AREAS)),
        "frameworks": ("framework", frozenset(catalog.frameworks)),
        "controls": ("control", controls),
        "fail-on-control": ("control", controls),
        "parts": ("service, check or error kind", services | checks | frozenset(kinds)),
    }
    for keys, name in _words_of(source.value):
        key = str(keys[-1] if isinstance(keys[-1], str) else keys[-2])
        what, names = known.get(key, ("", frozenset()))
        if key == "show":
            for _, message, hint in show_misfits([name], checks):
                yield source.fault(keys, message, in_one(key, name, in_file=True) or hint)
        elif key in ("fail-on-control", "frameworks"):
            # Whole names: neither takes globs.
            if name.lower() not in map(str.lower, names):
                hint = in_one(key, name, in_file=True) or did_you_mean(name, names)
                yield source.fault(keys, f"no {what} is named {name}", hint)
        elif what:
            is_known = _is_part(name, names, kinds) if key == "parts" else any(map(glob(name), names))
            if not is_known:
                verb = "matches" if is_glob(name) else "is named"
                hint = in_one(key, name, in_file=True) or did_you_mean(name, names)
                yield source.fault(keys, f"no {what} {verb} {name}", hint)


def _is_part(name: str, names: Iterable[str], kinds: Sequence[str]) -> bool:
    """True for a name or glob of `names`, and for an error kind, whichever way its words are joined."""
    return name.strip().lower().replace("-", "_") in kinds or any(map(glob(name), names))


def _words_of(root: Any) -> Iterator[tuple[Keys, str]]:
    """Every word of the lists in the file, with the keys that lead to it; what is no such list is passed over."""
    for name, value in root.items() if isinstance(root, dict) else ():
        if name not in LISTS:
            if name != "params":
                yield from _words_at((name,), value)
            continue
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            for key, words in entry.items() if isinstance(entry, dict) else ():
                yield from _words_at((name, index, key), words)


def _words_at(keys: Keys, value: Any) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, str):
        yield keys, value.strip()
    elif isinstance(value, list):
        for index, word in enumerate(value):
            if isinstance(word, str):
                yield (*keys, index), word.strip()


def _wrong_params(config: Config, source: Located, catalog: Catalog) -> Iterator[SourceFault]:
    present = present_ids(catalog)
    for check_id, given in config.params.items():
        check = catalog.checks.get(present(check_id))
        if check is None:
            hint = did_you_mean(check_id, check_ids(catalog))
            yield source.fault(("params", check_id), f"no check is named {check_id}", hint)
            continue
        for keys, message, hint in param_faults(check, check_id, given):
            yield source.fault(("params", *keys), message, hint)
