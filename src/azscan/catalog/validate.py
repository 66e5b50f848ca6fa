"""All files of a catalogue against the tables and rules: the catalogue they make, and every fault in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from azscan.catalog.attachments import attachments
from azscan.catalog.builtin import BUILT_IN
from azscan.catalog.checks import Known, build_check
from azscan.catalog.kinds import Findings, Table
from azscan.catalog.mappings import build_mapping
from azscan.catalog.model import Catalog, Check, Collection, FrameworkMap, Service
from azscan.catalog.services import Declared, build_service, rule_collections
from azscan.catalog.source import parse
from azscan.catalog.tables import CHECK, MAPPING, SERVICE
from azscan.errors import CatalogError, SourceFault
from azscan.words import count


class File(msgspec.Struct, frozen=True):
    """One file of the catalogue: what it is, the folder and name it stands under, and its bytes.

    `name` is how faults name it. `data` is a text where the file cannot be read: the reason. `is_shipped` is false in
    a folder of the user's.
    """

    kind: Literal["service", "check", "mapping"]
    folder: str
    stem: str
    name: str
    data: bytes | str
    is_shipped: bool = True


def validate(
    files: Sequence[File], *, strict: bool = False, frameworks: bool = True
) -> tuple[Catalog, tuple[SourceFault, ...]]:
    """The catalogue that the files make, without its hash, and all faults in order of file and line.

    `strict` is for the catalogue's own repository: it also reports keys that are out of order. With `frameworks`
    false those that ship are parsed when they are asked for, since a scan seldom needs one.
    """
    return _Validator(strict).run(files, frameworks=frameworks)


def summary(faults: Sequence[SourceFault]) -> str:
    """How many faults in how many files, in words."""
    files = len({fault.file for fault in faults})
    return f"{count(len(faults), 'fault')} in {count(files, 'file')} of the catalogue"


def broken(faults: Sequence[SourceFault]) -> CatalogError:
    """The error for a catalogue that has faults."""
    hint = "mend the files, then run azscan checks validate, with the same folders"
    return CatalogError(summary(faults), faults, hint=hint)


class Frameworks(Mapping[str, FrameworkMap]):
    """Frameworks by name, `parsed` already or when first asked for; `ids` maps ids and aliases of checks to ids."""

    def __init__(self, files: Mapping[str, File], ids: Mapping[str, str], parsed: Mapping[str, FrameworkMap]) -> None:
        self._files = dict(sorted(files.items()))
        self.ids = ids
        self._read = dict(parsed)

    def __getitem__(self, name: str) -> FrameworkMap:
        found = self._read.get(name)
        if found is None:
            into, framework = read_mapping(self._files[name], self.ids)
            if into.faults:
                raise broken(into.faults)
            assert framework is not None
            found = self._read[name] = framework
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def read_mapping(file: File, ids: Mapping[str, str], *, strict: bool = False) -> tuple[Findings, FrameworkMap | None]:
    """The framework of one file as far as it is sound (None where it is no mapping), and its faults."""
    into, values = _open(file, MAPPING, [], strict)
    return into, None if values is None else build_mapping(values, file.stem, into, ids)


def _open(file: File, table: Table, faults: list[SourceFault], strict: bool) -> tuple[Findings, dict[str, Any] | None]:
    source = parse(file.data, file.name)
    faults += source.faults
    into = Findings(source, faults, strict=strict)
    return into, None if source.value is None else table.walk(source.value, (), into)


class _Validator:
    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.faults: list[SourceFault] = []
        self.services: dict[str, Service] = {}
        self.checks: dict[str, Check] = {}
        self.findings: dict[str, Findings] = {}
        self.lost: set[str] = set()
        self.complete = True

    def run(self, files: Sequence[File], *, frameworks: bool) -> tuple[Catalog, tuple[SourceFault, ...]]:
        of_kind: dict[str, list[File]] = {"service": [], "check": [], "mapping": []}
        for file in files:
            of_kind[file.kind].append(file)
        known = self._services(of_kind["service"])
        for file in of_kind["check"]:
            self._check(file, known)
        ids = self._ids()
        mappings = self._mappings(of_kind["mapping"])
        now = {name: file for name, file in mappings.items() if frameworks or not file.is_shipped}
        parsed = self._frameworks(now, ids)
        catalog = Catalog(
            services=dict(sorted(self.services.items())),
            collections=dict(sorted(known.collections.items())),
            checks=dict(sorted(self.checks.items())),
            frameworks=parsed if frameworks else Frameworks(mappings, ids, parsed),
            hash="",
        )
        return catalog, tuple(sorted(set(self.faults)))

    def _open(self, file: File, table: Table) -> tuple[Findings, dict[str, Any] | None]:
        return _open(file, table, self.faults, self.strict)

    def _services(self, files: Sequence[File]) -> Known:
        declared: list[Declared] = []
        for file in files:
            into, values = self._open(file, SERVICE)
            if values is None:
                self.complete = False
                continue
            if "collections" in into.source.value and "collections" not in values:
                self.complete = False
            if file.folder in self.services:
                into.fault((), f"the service {file.folder} is declared already", "leave out its _service.yaml")
                continue
            service, collections = build_service(values, file.folder, into)
            self._prefixes(service, into)
            self.services[file.folder] = service
            declared += collections
        rule_collections(declared)
        collections_by_name: dict[str, Collection] = {}
        for one in declared:
            collections_by_name.setdefault(one.collection.name, one.collection)
        attached = attachments([*collections_by_name.values(), BUILT_IN["resource"], BUILT_IN["resource_group"]])
        owners: dict[str, tuple[str, ...]] = {}
        for subject, names in attached.items():
            for name in names:
                owners[name] = (*owners.get(name, ()), subject)
        return Known(self.services, collections_by_name, attached, owners, self.complete)

    def _prefixes(self, service: Service, into: Findings) -> None:
        for other in self.services.values():
            shared = {service.name, *service.prefixes} & {other.name, *other.prefixes}
            if shared:
                into.fault(("prefix",), f"the prefix {min(shared)} belongs to the service {other.name}")

    def _check(self, file: File, known: Known) -> None:
        into, values = self._open(file, CHECK)
        if values is None:
            self.lost.add(file.stem)
            return
        check = build_check(values, file.folder, file.stem, into, known)
        if check.id in self.checks:
            into.fault(("id",), f"the id {check.id} is taken", f"by {self.checks[check.id].file}")
            return
        self.checks[check.id] = check
        self.findings[check.id] = into

    def _ids(self) -> Mapping[str, str]:
        """Every id and alias, with the id that it means; a file that cannot be parsed still has its name."""
        ids = {name: name for name in (*self.checks, *self.lost)}
        for check in self.checks.values():
            for number, alias in enumerate(check.aliases):
                if alias in ids:
                    self.findings[check.id].fault(("aliases", number), f"the id {alias} is taken", f"by {ids[alias]}")
                else:
                    ids[alias] = check.id
        return ids

    def _mappings(self, files: Sequence[File]) -> Mapping[str, File]:
        found: dict[str, File] = {}
        for file in files:
            first = found.setdefault(file.stem, file)
            if first is not file:
                self.faults.append(
                    SourceFault(file.name, 1, 1, f"the framework {file.stem} is taken", f"by {first.name}")
                )
        return found

    def _frameworks(self, files: Mapping[str, File], ids: Mapping[str, str]) -> Mapping[str, FrameworkMap]:
        found = {}
        for name, file in sorted(files.items()):
            into, framework = read_mapping(file, ids, strict=self.strict)
            self.faults += into.faults
            if framework is not None:
                found[name] = framework
        return found
