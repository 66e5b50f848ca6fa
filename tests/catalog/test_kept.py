"""The catalogue that is kept: the same as the one that is parsed, and never believed where it might not be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azscan.catalog import kept, load
from azscan.catalog.model import Catalog
from azscan.errors import CatalogError

from .conftest import CHECK, FILES, write


@pytest.fixture
def kept_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(load, "cache_folder", lambda environ: folder)
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small catalogue that stands for the shipped one."""
    folder = tmp_path / "root"
    write(folder, FILES)
    monkeypatch.setattr(load, "locate", lambda: folder)
    return folder


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were parsed, each time that any were."""
    counts: list[int] = []
    validate = load.validate

    def counted(files: Any, **options: Any) -> Any:
        counts.append(len(files))
        return validate(files, **options)

    monkeypatch.setattr(load, "validate", counted)
    return counts


def said(catalog: Catalog) -> str:
    return repr((catalog.services, catalog.collections, catalog.checks, dict(catalog.frameworks), catalog.hash))


def test_what_is_kept_of_the_shipped_catalogue_is_what_was_parsed(kept_in: Path, parsed: list[int]) -> None:
    first, again = load.load(), load.load()
    assert len(parsed) == 1
    assert said(first) == said(again)


def test_only_the_user_can_read_it(kept_in: Path, root: Path) -> None:
    load.load()
    (file,) = kept_in.iterdir()
    assert sys.platform == "win32" or (kept_in.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def edit_check(root: Path, kept_in: Path) -> None:
    file = root / "checks/storage/storage-https-only.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("severity: high", "severity: low"), encoding="utf-8")


def add_check(root: Path, kept_in: Path) -> None:
    write(root, {"checks/storage/storage-mine.yaml": CHECK.replace("storage-https-only", "storage-mine")})


def break_it(root: Path, kept_in: Path) -> None:
    (file,) = kept_in.iterdir()
    file.write_bytes(file.read_bytes()[:-9])


def write_another_shape(root: Path, kept_in: Path) -> None:
    (file,) = kept_in.iterdir()
    file.write_bytes(b"\x81\xa8services\x01")


def open_it_to_others(root: Path, kept_in: Path) -> None:
    (file,) = kept_in.iterdir()
    file.chmod(0o666)


def link_it(root: Path, kept_in: Path) -> None:
    (file,) = kept_in.iterdir()
    file.rename(kept_in.parent / "elsewhere")
    file.symlink_to(kept_in.parent / "elsewhere")


@pytest.mark.parametrize(
    "change",
    [
        edit_check,
        add_check,
        break_it,
        write_another_shape,
        pytest.param(open_it_to_others, marks=pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")),
        pytest.param(link_it, marks=pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")),
    ],
)
def test_it_is_parsed_anew(kept_in: Path, root: Path, parsed: list[int], change: Callable[[Path, Path], None]) -> None:
    load.load()
    change(root, kept_in)
    anew = load.load()
    assert len(parsed) == 2
    assert said(anew) == said(load.load()) and len(parsed) == 2, "and kept in place of what was there"


@pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX")
def test_what_another_user_wrote_is_not_believed(
    kept_in: Path, root: Path, parsed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load.load()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    load.load()
    assert len(parsed) == 2


def test_another_version_parses_anew(
    kept_in: Path, root: Path, parsed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load.load()
    monkeypatch.setattr(kept, "__version__", "0.0.0")
    load.load()
    monkeypatch.setattr(kept, "_code", lambda: ["an edited module"])
    load.load()
    assert len(parsed) == 3


def test_a_catalogue_with_faults_is_not_kept(kept_in: Path, root: Path) -> None:
    file = root / "checks/storage/storage-https-only.yaml"
    file.write_text("severity: what\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(CatalogError):
            load.load()
    assert not kept_in.exists()


def test_a_folder_that_cannot_be_made_changes_nothing(kept_in: Path, root: Path, parsed: list[int]) -> None:
    kept_in.write_text("a file stands here")
    assert said(load.load()) == said(load.load()) and len(parsed) == 2


def test_without_a_home_nothing_is_kept(root: Path, parsed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(environ: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(load, "cache_folder", nobody)
    assert said(load.load()) == said(load.load()) and len(parsed) == 2


def test_the_last_few_are_kept(kept_in: Path, root: Path) -> None:
    for number in range(kept.MOST + 2):
        (root / "checks/storage/storage-https-only.yaml").write_text(
            FILES["checks/storage/storage-https-only.yaml"] + f"# {number}\n", encoding="utf-8"
        )
        load.load()
    assert len(list(kept_in.iterdir())) == kept.MOST
