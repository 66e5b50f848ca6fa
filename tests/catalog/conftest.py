"""A small catalogue on disk, to be broken in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from azscan.catalog.load import inspect
from azscan.catalog.model import Catalog
from azscan.errors import SourceFault

Inspect: TypeAlias = Callable[..., tuple[Catalog, tuple[SourceFault, ...]]]

SERVICE = """\
format: 1
service: storage
title: Storage accounts
area: data-security
collections:
  storage_account:
    type: Microsoft.Storage/storageAccounts
    api: "2024-01-01"
    list: /subscriptions/{subscriptionId}/providers/Microsoft.Storage/storageAccounts
    as: storage_accounts
    presence: listed
    links:
      endpoints:
        collection: endpoint
        from: id
        to: properties.target.id
        match: id
        many: true
  blob_service:
    type: Microsoft.Storage/storageAccounts/blobServices
    api: "2024-01-01"
    of: storage_account
    get: "{id}/blobServices/default"
    when: {field: kind, notEquals: FileStorage, default: Storage}
  container:
    type: Microsoft.Storage/storageAccounts/blobServices/containers
    api: "2024-01-01"
    of: storage_account
    list: "{id}/blobServices/default/containers"
    as: containers
  endpoint:
    type: Microsoft.Network/privateEndpoints
    api: "2024-01-01"
    list: /subscriptions/{subscriptionId}/providers/Microsoft.Network/privateEndpoints
    presence: listed
"""

CHECK = """\
id: storage-https-only
title: Storage account accepts only encrypted connections
severity: high
status: stable
subject: storage_account
require:
  field: properties.supportsHttpsTrafficOnly
  equals: true
why: >-
  Over plain HTTP anyone on the path can read or change data.
fix:
  text: Turn on "Secure transfer required".
  cli: az storage account update --ids {id} --https-only true
policy: [404c3081-a854-4457-ae30-26a93ef643f9]
false-positives: NFSv3 accounts need it off.
refs: [https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer]
examples:
  pass: [{properties: {supportsHttpsTrafficOnly: true}}]
  fail: [{properties: {supportsHttpsTrafficOnly: false}}, {properties: {}}]
"""

MAPPING = """\
framework: iso-27001-2022
title: ISO/IEC 27001:2022 Annex A
source: The ids of the standard's Annex A
controls:
  - id: A.8.24
    title: Cryptography is used by rule
    checks: [storage-https-only]
  - id: A.7.4
    title: Rooms are watched
    manual: Azure does not know the customer's rooms.
"""

FILES = {
    "checks/storage/_service.yaml": SERVICE,
    "checks/storage/storage-https-only.yaml": CHECK,
    "mappings/iso-27001-2022.yaml": MAPPING,
}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write the files below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return root


@pytest.fixture
def small(tmp_path: Path) -> Inspect:
    """Inspect the small catalogue, with some files replaced or added; a file that is None is left out."""

    def run(
        changes: dict[str, str | bytes | None] | None = None,
        checks_dirs: Sequence[Path] = (),
        mappings_dirs: Sequence[Path] = (),
        *,
        strict: bool = False,
    ) -> tuple[Catalog, tuple[SourceFault, ...]]:
        files = {name: text for name, text in (FILES | (changes or {})).items() if text is not None}
        root = write(tmp_path / "root", files)
        return inspect(checks_dirs, mappings_dirs, root=root, strict=strict)

    return run
