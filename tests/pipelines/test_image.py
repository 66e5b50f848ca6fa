"""The image's recipe, as far as it can be proven without an engine that builds images."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.pipelines.files import ROOT, text

INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, continued lines joined."""
    kept = "\n".join(line for line in text("Dockerfile").splitlines() if not line.lstrip().startswith("#"))
    lines = [line for line in kept.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in lines]


def last(name: str) -> str:
    return [rest for each, rest in instructions() if each == name][-1]


def copied() -> list[str]:
    """What is taken from the folder that the image is built in."""
    taken = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and not rest.startswith("--from=")]
    return [each for some in taken for each in some]


def test_it_holds_known_instructions_only() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    assert instructions()[0][0] == "FROM"


def test_its_base_is_pinned_and_slim() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert len(bases) == 2 and len(set(bases)) == 1
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-[a-z]+", bases[0])
    assert found and (int(found[1]), int(found[2])) >= (3, 11)


def test_it_does_not_run_as_root() -> None:
    names = [name for name, _ in instructions()]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))
    assert "RUN" not in names[names.index("USER") :]


def test_it_starts_azscan_without_a_shell() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["azscan"] and json.loads(last("CMD")) == ["--help"]
    (source,) = [rest.split()[-2] for name, rest in instructions() if name == "COPY" and rest.startswith("--from=")]
    assert f"{source}/bin:" in last("ENV") and f"venv {source}" in text("Dockerfile")


def test_nothing_is_kept_of_the_installation_and_libraries_are_pinned() -> None:
    (run,) = [rest for name, rest in instructions() if name == "RUN"]
    assert "--no-cache-dir" in run and "--constraint constraints.txt" in run


def test_only_what_it_is_built_from_is_sent() -> None:
    lines = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied())
    assert not any(fnmatch(each, line) for line in lines[1:] for each in copied() if not line.startswith("!"))


def test_what_it_copies_is_enough_to_build_azscan(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    source, target = tmp_path / "src", tmp_path / "installed"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, target, "zip")
    around = {name: value for name, value in os.environ.items() if not name.startswith("AZSCAN_")}
    listed = subprocess.run(
        [sys.executable, "-m", "azscan", "checks", "show", "storage-https-only"],
        cwd=tmp_path,
        env={**around, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert listed.returncode == 0 and "storage-https-only" in listed.stdout, listed.stderr
