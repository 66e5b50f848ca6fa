"""What the tests of oddities share: the snippets of ODDITIES.md, recorded responses, and scans answered with them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from azscan.catalog.model import Catalog
from azscan.conditions.compile import compile_condition
from azscan.conditions.grammar import parse
from azscan.emulator import Estate, FaultRule, Options, harvest
from tests.azure.servers import HurriedClock
from tests.emulator.rig import ONE, STORAGE, account, child, estate
from tests.harness import Scanned, scan, shipped

HTTPS, VERSIONS, CONTAINERS = "storage-https-only", "storage-blob-versioning", "storage-containers-private"
ACCOUNTS = f"*/providers/{STORAGE}"
BLOBS = "*/blobServices/default"
SITES = "Microsoft.Web/sites"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@cache
def catalog() -> Catalog:
    return shipped()


@cache
def snippets(shared: Path) -> dict[str, list[Any]]:
    """The snippets of each oddity, by its heading; what is no JSON is left as text."""
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    found: dict[str, list[Any]] = {}
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition("\n")
        found[heading.strip()] = [
            json.loads(each) if kind == "json" else each.strip()
            for kind, each in re.findall(r"```(json|text)\n(.*?)```", rest, re.DOTALL)
        ]
    return found


@cache
def records(shared: Path, name: str) -> list[dict[str, Any]]:
    """The recorded responses of one provider, of one subscription of ours where the recorder had cut it out."""
    text = (shared / "recordings" / name).read_text(encoding="utf-8").replace("AZURE_SUBSCRIPTION_ID", ONE)
    return list(json.loads(text)["records"])


def judge(condition: dict[str, Any], document: dict[str, Any]) -> int:
    return compile_condition(parse(condition, {}), NOW)(document)[0]


def answered(
    folder: Path, body: Any, *, of: str = ACCOUNTS, checks: str = HTTPS, status: int = 200, **given: Any
) -> Scanned:
    """A scan of one storage account, where one read is answered as was recorded."""
    headers, count = given.pop("headers", {}), given.pop("count", None)
    one = account("recorded")
    resources = given.pop("resources", [one, child(one, "blobServices/default", isVersioningEnabled=True)])
    rule = FaultRule(of, status=status, body=body, headers=headers, count=count)
    options = Options(faults=[rule])
    return scan(folder, estate(*resources), options, catalog=catalog(), clock=HurriedClock(), checks=[checks], **given)


def site(name: str, **more: Any) -> dict[str, Any]:
    identifier = f"/subscriptions/{ONE}/resourceGroups/rg-web/providers/{SITES}/{name}"
    return {"id": identifier, "name": name, "type": SITES, "location": "West Europe", "properties": {}, **more}


def statuses(scanned: Scanned) -> list[str]:
    return [verdict.status for verdict in scanned.verdicts]


def listed(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a recorded response."""
    body = record.get("body")
    items = body["value"] if isinstance(body, dict) and isinstance(body.get("value"), list) else [body]
    return [each for each in items if isinstance(each, dict) and isinstance(each.get("id"), str)]


def played(folder: Path, pages: list[tuple[str, Any]]) -> Estate:
    """Recordings with these URLs and bodies, as an estate."""
    where = folder / "played"
    where.mkdir()
    told = [
        {"method": "GET", "host": "management.azure.com", "url": url, "status": 200, "headers": {}, "body": body}
        for url, body in pages
    ]
    (where / "played.json").write_text(json.dumps({"sources": {}, "records": told}), encoding="utf-8")
    return harvest(where)
