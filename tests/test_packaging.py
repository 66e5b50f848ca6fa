"""The catalogue is found however azscan is installed: from a wheel, from an sdist, or where it stands (editable)."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from azscan.catalog.load import locate

ROOT = Path(__file__).resolve().parent.parent


def shipped() -> set[str]:
    """The files of the catalogue, as paths below the project."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in ("checks", "mappings")
        for path in (ROOT / folder).rglob("*.yaml")
    }


def located(path: Path, cwd: Path) -> Path:
    """Where an azscan that is imported from `path` finds its catalogue, provided that the catalogue loads."""
    code = "from azscan.catalog.load import load, locate; assert load().checks; print(locate())"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AZSCAN_")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Path(ran.stdout.strip())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built without a network."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_where_it_stands_it_reads_the_folders_beside_src() -> None:
    assert locate() == ROOT


def test_an_editable_wheel_holds_no_copy_that_could_go_stale(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    code = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if "_data" in name] == []


def test_the_wheel_holds_the_catalogue(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path)
    prefix = "azscan/_data/"
    catalogue = {name.removeprefix(prefix) for name in names if name.startswith(prefix) and not name.endswith("/")}
    assert catalogue >= shipped()
    assert {name for name in catalogue if not name.endswith(".yaml")} == set()
    assert {"azscan/py.typed", "azscan/emulator/demo/_estate.json"} <= names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"azscan"}
    assert located(tmp_path, tmp_path) == tmp_path / "azscan" / "_data"


def test_the_sdist_holds_all_that_a_build_and_the_tests_need(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    wanted = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "hatch_build.py", "constraints.txt", ".ci/run"}
    wanted |= {"action.yml", "Dockerfile", ".dockerignore", "examples/pre-merge.yml"}
    wanted |= {"docs/cli.md", "tests/test_packaging.py", "benchmarks/wire_json.py", "src/azscan/py.typed"}
    assert [name for name in sorted(wanted | shipped()) if not (root / name).is_file()] == []
    assert located(root / "src", tmp_path) == root
