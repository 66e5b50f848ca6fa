"""The catalogue and Microsoft's schema, once for all contract tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from azscan.catalog.model import Catalog
from tests.contract.facts import Facts
from tests.harness import shipped


@pytest.fixture(scope="session")
def facts(shared: Path) -> Facts:
    """Microsoft's schema of resource types."""
    return Facts(shared / "facts")


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The shipped catalogue."""
    return shipped()
