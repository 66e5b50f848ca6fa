"""A secret that somebody wrote into a resource is in no file that a scan leaves: estate, JSON report or pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import pytest

from azscan.emulator import demo_estate
from azscan.estate.ids import key_of, parse_id
from azscan.estate.redact import MARKER, split_path
from azscan.evidence.pack import write_pack
from azscan.report import Options
from azscan.report.json_report import write_json
from tests.evidence.ground import FRAMEWORKS, JUDGED_AT
from tests.harness import Scanned, scan
from tests.planted import PLACES

PLANTED = re.compile(rb"Zq\d{5}hunter")


@dataclass
class Planted:
    """A scan of the demo with a secret of its own at each place; `secrets` tells which stands where."""

    scanned: Scanned
    secrets: dict[str, tuple[str, str]]
    folder: Path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    estate, secrets = demo_estate(), {}
    for kind, places in PLACES.items():
        chosen = [body for body in estate.resources if parse_id(body["id"]).type.lower() == kind.lower()]
        assert chosen, f"the demo has no {kind}"
        for body in chosen:
            for place, form in places.items():
                secret = f"Zq{len(secrets):05}hunter"
                secrets[secret] = (body["id"], place)
                _plant(body, split_path(place), form.format(secret))
    for subscription in estate.subscriptions:
        secret = f"Zq{len(secrets):05}hunter"
        secrets[secret] = (f"/subscriptions/{subscription['subscriptionId']}", "tags.own")
        _plant(subscription, ("tags", "own"), f"pwd={secret}")
    folder = tmp_path_factory.mktemp("planted")
    scanned = scan(folder, estate, frameworks=FRAMEWORKS)
    return Planted(scanned, secrets, folder)


def _plant(holder: Any, steps: tuple[str, ...], value: str) -> None:
    """Put the value at the path and leave what else stands there; a list gets one more item."""
    head, rest = steps[0], steps[1:]
    fresh: Any = value if not rest else [] if rest[0] == "[*]" else {}
    if isinstance(holder, list):
        holder.append(fresh)
    elif not rest or not isinstance(holder.get(head), type(fresh)):
        holder[head] = fresh
    if rest:
        _plant(holder[-1] if isinstance(holder, list) else holder[head], rest, value)


def _found(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    """What stands at the path, in every item of its lists."""
    if not steps:
        yield value
    elif steps[0] == "[*]":
        for item in value if isinstance(value, list) else ():
            yield from _found(item, steps[1:])
    elif isinstance(value, dict) and steps[0] in value:
        yield from _found(value[steps[0]], steps[1:])


def _contents(planted: Planted) -> Iterator[tuple[str, bytes]]:
    """Every file that the scan left, and those that are made of it; what a pack holds is unpacked."""
    folder = planted.folder
    write_pack(str(folder / "pack.zip"), planted.scanned.results, {}, judged_at=JUDGED_AT)
    with (folder / "report.json").open("wb") as stream:
        write_json(planted.scanned.results, stream, Options())
    for file in folder.iterdir():
        yield file.name, file.read_bytes()
    with ZipFile(folder / "pack.zip") as pack:
        for name in pack.namelist():
            yield name, pack.read(name)


def test_no_file_holds_a_planted_secret(planted: Planted) -> None:
    leaks: dict[tuple[str, str], str] = {}
    marked = set()
    for name, content in _contents(planted):
        if MARKER.encode() in content:
            marked.add(name.partition("/")[0])
        for secret in PLANTED.findall(content):
            leaks.setdefault(planted.secrets[secret.decode()], name)
    assert not leaks
    assert marked >= {"estate-0.sqlite", "report.json", "evidence"}, "files that show what was read"


def test_each_planted_secret_was_sent(planted: Planted) -> None:
    """The marker stands where it was, so a check can still tell set from unset."""
    estate = planted.scanned.results.estate
    bodies: dict[str, list[Any]] = {}
    for row_id, body in estate.connection.execute("SELECT id_as_sent, body FROM resource"):
        bodies.setdefault(key_of(row_id), []).append(msgspec.json.decode(body))
    missing = [
        (owner, place)
        for owner, place in planted.secrets.values()
        if not any(
            str(found).endswith(MARKER) for body in bodies[key_of(owner)] for found in _found(body, split_path(place))
        )
    ]
    assert not missing
