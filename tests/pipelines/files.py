"""The ready files for pipelines and schedules, read, with the commands, scripts and variables that stand in them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = "action.yml"
PRE_MERGE = "examples/pre-merge.yml"
WORKFLOWS = ("examples/scheduled-scan.yml", PRE_MERGE)
AZURE_PIPELINES = "examples/azure-pipelines.yml"
CRONJOB = "examples/kubernetes-cronjob.yaml"
JOB = "examples/container-apps-job.json"
FILES = (ACTION, *WORKFLOWS, AZURE_PIPELINES, CRONJOB, JOB, "Dockerfile", ".dockerignore")

_SCRIPT_KEYS = frozenset({"run", "bash", "script", "inlineScript"})


@cache
def text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def documents(file: str) -> list[Any]:
    """The documents of a file; `on` stays a word, as YAML 1.2 and GitHub have it."""
    if file.endswith(".json"):
        return [json.loads(text(file))]
    return list(yaml.load_all(text(file), Loader=_Loader))


class _Loader(yaml.SafeLoader):
    pass


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every map below, with its key."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield key, below
            yield from walk(below)
    elif isinstance(value, list):
        for below in value:
            yield from walk(below)


def scripts(file: str) -> list[str]:
    """The shell scripts in a file."""
    found = [value for key, value in walk(documents(file)) if key in _SCRIPT_KEYS and isinstance(value, str)]
    return [each for each in found if each != "inlineScript"]


def command_lines(file: str) -> list[list[str]]:
    """The arguments of every azscan command in a file: in scripts, and as arguments of a container."""
    found = []
    for script in scripts(file):
        for line in script.replace("\\\n", " ").splitlines():
            if at := re.search(r"(?:^|[\s/])azscan\"? (?=[a-z-])", line):
                rest = re.split(r"\|\||&&|;|>", line[at.end() :])[0]
                if not line.lstrip().startswith("echo"):
                    found.append(shlex.split(rest))
    return found + [value for key, value in walk(documents(file)) if key == "args"]


def variables(file: str) -> dict[str, str]:
    """The variables that a file sets for azscan, with their values as they stand there."""
    found: dict[str, str] = {}
    for key, value in walk(documents(file)):
        if key == "env" and isinstance(value, dict):
            found |= {name: str(each) for name, each in value.items()}
        elif key == "env":
            found |= {each["name"]: str(each["value"]) for each in value}
    return {name: value for name, value in found.items() if name.startswith("AZSCAN_")}
