"""Finding the catalogue's files and loading them."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from azscan.catalog import kept
from azscan.catalog.model import Catalog
from azscan.catalog.source import fetch
from azscan.catalog.validate import File, Frameworks, broken, validate
from azscan.errors import CatalogError, SourceFault, UsageError
from azscan.folders import cache_folder

_SERVICE_FILE = "_service.yaml"
_Loaded = tuple[Catalog, tuple[SourceFault, ...]]


def locate() -> Path:
    """The folder that holds the shipped `checks` and `mappings`: in the package, else beside `src`."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_data"
    if (shipped / "checks").is_dir():
        return shipped
    beside = package.parents[1]
    if package.parent.name == "src" and (beside / "checks").is_dir():
        return beside
    raise CatalogError(
        "the catalogue is not part of this installation",
        hint="install azscan again: pip install --force-reinstall azscan",
    )


def load(checks_dirs: Sequence[str | Path] = (), mappings_dirs: Sequence[str | Path] = ()) -> Catalog:
    """The shipped catalogue with the user's folders added; CatalogError carries every fault in all of them.

    Faults of a framework that ships come when it is asked for. A folder that does not exist is a UsageError.
    """
    catalog, faults = _without_garbage(locate(), checks_dirs, mappings_dirs, frameworks=False)
    if faults:
        raise broken(faults)
    return catalog


def inspect(
    checks_dirs: Sequence[str | Path] = (),
    mappings_dirs: Sequence[str | Path] = (),
    *,
    root: Path | None = None,
    strict: bool = False,
) -> _Loaded:
    """What `load` loads, all frameworks too, as far as it is sound, and the faults instead of an error.

    `root` replaces `locate()`.
    """
    return _without_garbage(root or locate(), checks_dirs, mappings_dirs, strict=strict)


def _without_garbage(
    root: Path,
    checks_dirs: Sequence[str | Path],
    mappings_dirs: Sequence[str | Path],
    *,
    strict: bool = False,
    frameworks: bool = True,
) -> _Loaded:
    # A catalogue is half a million small objects that all stay: looking for garbage among them doubles the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        gathered = _gather(root, [Path(one) for one in checks_dirs], [Path(one) for one in mappings_dirs])
        catalog, faults = validate(gathered.files, strict=strict) if frameworks else _kept_or_parsed(gathered)
    finally:
        if collecting:
            gc.enable()
    catalog = msgspec.structs.replace(catalog, hash=gathered.digest.hexdigest())
    return catalog, tuple(sorted({*faults, *gathered.faults}))


def _kept_or_parsed(gathered: _Gathered) -> _Loaded:
    """The catalogue as it was kept, or else parsed and, where it has no fault, kept for the next time."""
    try:
        folder = cache_folder(os.environ)
    except RuntimeError:  # nobody's home
        return validate(gathered.files, frameworks=False)
    names = (f"{file.kind} {file.folder} {file.name}" for file in gathered.files)
    key = kept.key_of(gathered.digest.hexdigest(), names)
    if not gathered.faults and (found := kept.recall(folder, key)) is not None:
        mappings = {file.stem: file for file in gathered.files if file.kind == "mapping"}
        frameworks = Frameworks(mappings, found.ids, parsed={})
        return Catalog(found.services, found.collections, found.checks, frameworks, hash=""), ()
    catalog, faults = validate(gathered.files, frameworks=False)
    if not (gathered.faults or faults) and isinstance(catalog.frameworks, Frameworks):
        ids = catalog.frameworks.ids
        kept.keep(folder, key, kept.Kept(catalog.services, catalog.collections, catalog.checks, ids))
    return catalog, faults


def _gather(root: Path, checks_dirs: Sequence[Path], mappings_dirs: Sequence[Path]) -> _Gathered:
    gathered = _Gathered()
    gathered.checks(root / "checks", "checks")
    if (root / "mappings").is_dir():
        gathered.mappings(root / "mappings", "mappings")
    for number, folder in enumerate(checks_dirs):
        _must_be_folder(folder, "--checks-dir", "<service>/<check>.yaml")
        gathered.checks(folder, f"checks-dir {number}", str(folder))
    for number, folder in enumerate(mappings_dirs):
        _must_be_folder(folder, "--mappings-dir", "<framework>.yaml")
        gathered.mappings(folder, f"mappings-dir {number}", str(folder))
    return gathered


def _must_be_folder(folder: Path, option: str, holds: str) -> None:
    if not folder.is_dir():
        raise UsageError(f"{option} {folder} is not a folder", hint=f"name a folder that holds {holds}")


class _Gathered:
    """The files of all folders, the hash over their relative names and bytes, and what is wrong with the folders."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.faults: list[SourceFault] = []
        self.digest = hashlib.sha256()

    def checks(self, root: Path, relative: str, shown: str = "") -> None:
        """Add `<service>/<check>.yaml` of one folder; `relative` names it in the hash, `shown` in faults."""
        shown = shown or relative
        for entry in self._entries(root, root, shown):
            if not entry.is_dir():
                if _is_yaml(entry):
                    name = f"{shown}/{entry.name}"
                    self._fault(name, "a check stands in a folder named after its service", "move it there")
                continue
            for file in self._entries(entry, root, f"{shown}/{entry.name}"):
                where = f"{entry.name}/{file.name}"
                if file.is_dir():
                    self._fault(f"{shown}/{where}", "a service's folder holds no folders", "move the files up")
                elif _is_yaml(file):
                    kind: Literal["service", "check"] = "service" if file.name == _SERVICE_FILE else "check"
                    self._add(kind, entry.name, file, f"{relative}/{where}", f"{shown}/{where}")

    def mappings(self, root: Path, relative: str, shown: str = "") -> None:
        """Add `<framework>.yaml` of one folder."""
        shown = shown or relative
        for file in self._entries(root, root, shown):
            if _is_yaml(file) and not file.is_dir():
                self._add("mapping", "", file, f"{relative}/{file.name}", f"{shown}/{file.name}")

    def _entries(self, folder: Path, root: Path, shown: str) -> Iterator[Path]:
        """What stands in a folder, sorted; hidden files are an editor's, links out of `root` are not followed."""
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith((".", "__")):
                continue
            if entry.is_symlink() and not entry.resolve().is_relative_to(root.resolve()):
                self._fault(f"{shown}/{entry.name}", "this link leaves the folder and is not followed", "copy the file")
                continue
            yield entry

    def _add(
        self, kind: Literal["service", "check", "mapping"], folder: str, path: Path, relative: str, shown: str
    ) -> None:
        if path.suffix != ".yaml":
            self._fault(shown, "the file's name must end in .yaml", f"rename it to {path.stem}.yaml")
            return
        data = fetch(path)
        self.files.append(File(kind, folder, path.stem, shown, data, is_shipped=shown == relative))
        if isinstance(data, bytes):
            self.digest.update(f"{relative}\0{len(data)}\0".encode())
            self.digest.update(data)

    def _fault(self, file: str, message: str, hint: str) -> None:
        self.faults.append(SourceFault(file, 0, 0, message, hint))


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in (".yaml", ".yml", ".json")
