"""One scan of the demo for all tests of packs."""

from __future__ import annotations

import pytest

from azscan.emulator import demo_estate
from tests.evidence.ground import FRAMEWORKS, Pack, packed
from tests.harness import Scanned, scan


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scan(tmp_path_factory.mktemp("demo"), demo_estate(), frameworks=FRAMEWORKS)


@pytest.fixture(scope="session")
def demo(scanned: Scanned, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return packed(scanned.results, tmp_path_factory.mktemp("pack") / "pack.zip")
