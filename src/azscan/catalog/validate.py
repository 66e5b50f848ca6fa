"""All files of a catalogue against the tables and rules: the catalogue they make, and every fault in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from azscan.errors import SourceFault


class File(msgspec.Struct, frozen=True):
    """One file of the catalogue: what it is, the folder and name it stands under, and its bytes.

    `name` is how faults name it. `data` is a text where the file cannot be read: the reason.
    """

    kind: Literal["service", "check", "mapping"]
    folder: str
    stem: str
    name: str
    data: bytes | str


def validate(files: Sequence[File], *, strict: bool = False) -> tuple[Catalog, tuple[SourceFault, ...]]:
    """The catalogue that the files make, without its hash, and all faults in order of file and line.

    `strict` is for the catalogue's own repository: it also reports keys that are out of order.
    """
    return _Validator(strict).run(files)


class _Validator:
    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.faults: list[SourceFault] = []
        self.services: dict[str, Service] = {}
        self.checks: dict[str, Check] = {}
        self.frameworks: dict[str, FrameworkMap] = {}
        self.findings: dict[str, Findings] = {}
        self.lost: set[str] = set()
        self.complete = True

    def run(self, files: Sequence[File]) -> tuple[Catalog, tuple[SourceFault, ...]]:
        of_kind: dict[str, list[File]] = {"service": [], "check": [], "mapping": []}
        for file in files:
            of_kind[file.kind].append(file)
        known = self._services(of_kind["service"])
        for file in of_kind["check"]:
            self._check(file, known)
        ids = self._ids()
        for file in of_kind["mapping"]:
            self._mapping(file, ids)
        catalog = Catalog(
            services=dict(sorted(self.services.items())),
            collections=dict(sorted(known.collections.items())),
            checks=dict(sorted(self.checks.items())),
            frameworks=dict(sorted(self.frameworks.items())),
            hash="",
        )
        return catalog, tuple(sorted(set(self.faults)))

    def _open(self, file: File, table: Table) -> tuple[Findings, dict[str, Any] | None]:
        source = parse(file.data, file.name)
        self.faults += source.faults
        into = Findings(source, self.faults, strict=self.strict)
        return into, None if source.value is None else table.walk(source.value, (), into)

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

    def _mapping(self, file: File, ids: Mapping[str, str]) -> None:
        into, values = self._open(file, MAPPING)
        if values is None:
            return
        if file.stem in self.frameworks:
            into.fault((), f"the framework {file.stem} is taken", f"by {self.frameworks[file.stem].file}")
            return
        self.frameworks[file.stem] = build_mapping(values, file.stem, into, ids)
