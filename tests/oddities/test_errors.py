"""How real errors, unusual successes and headers look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from azscan.emulator import FaultRule, Options
from tests.azure.servers import HurriedClock
from tests.emulator.rig import STORAGE, account, child, estate
from tests.harness import scan
from tests.oddities.ground import (
    BLOBS,
    VERSIONS,
    answered,
    catalog,
    snippets,
    statuses,
)

# Errors: of a child's read, as a list's errors have the same ways

ERRORS = (
    "The usual shape, by status",
    "Without the `error` wrapper",
    "JSON inside the message",
    "No `message`",
    "`details` or `innererror`",
    "HTML, plain text, or nothing",
    "Throttled",
)
KINDS = {400: "rejected", 401: "unauthenticated", 403: "access_denied", 429: "throttled", 500: "unavailable"}


@pytest.mark.parametrize("heading", ERRORS)
def test_errors_never_end_as_a_pass(shared: Path, tmp_path: Path, heading: str) -> None:
    for at, found in enumerate(snippets(shared)[heading]):
        folder = tmp_path / str(at)
        folder.mkdir()
        status, body = found["status"], found.get("body", found.get("text"))
        scanned = answered(folder, "" if body is None else body, of=BLOBS, checks=VERSIONS, status=status)
        (verdict,) = scanned.verdicts
        words = error_of(body)
        if status == 404 and words.get("code") in ("ResourceNotFound", "NotFound"):
            assert verdict.status == "fail", "Azure says that there is none"
            continue
        assert verdict.status == "unreadable", found
        (part,) = scanned.results.unreadable
        assert part.kind == KINDS.get(status, "rejected" if status < 500 else "unavailable")
        assert part.code == (words.get("code") or "")
        assert part.message and len(part.message) <= 300
        assert "{" not in part.message and "<" not in part.message
        if status == 403 and "action" in str(body):
            assert part.action == "Microsoft.Storage/storageAccounts/read"


def error_of(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    return body.get("error") or body.get("odata.error") or body


def test_key_vault_challenge(shared: Path, tmp_path: Path) -> None:
    """The first half of a handshake is no answer."""
    (found,) = snippets(shared)["Key Vault challenge"]
    scanned = answered(tmp_path, "", of=BLOBS, checks=VERSIONS, **found)
    assert [part.kind for part in scanned.results.unreadable] == ["unauthenticated"]
    assert statuses(scanned) == ["unreadable"]


def test_throttled_without_retry_after(shared: Path, tmp_path: Path) -> None:
    """The wait that stands in the message only is waited for."""
    (found,) = snippets(shared)["Throttled"]
    clock = HurriedClock()
    one = account("a")
    rule = FaultRule(BLOBS, status=429, body=found["body"], count=1)
    scanned = scan(
        tmp_path,
        estate(one, child(one, "blobServices/default", isVersioningEnabled=True)),
        Options(faults=[rule]),
        catalog=catalog(),
        clock=clock,
        checks=[VERSIONS],
    )
    assert statuses(scanned) == ["pass"]
    first, second = (record for record in scanned.emulator.log if record.path.endswith("blobServices/default"))
    assert (first.status, second.status) == (429, 200)
    assert (second.started - first.started) * clock.scale >= 324


def test_retry_after_on_success(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["`retry-after` on success"]
    scanned = answered(tmp_path, {"value": [account("a")]}, **found)
    assert statuses(scanned) == ["pass"]
    assert len([record for record in scanned.emulator.log if record.path.endswith(STORAGE)]) == 1


def test_get_answered_201_or_202(shared: Path, tmp_path: Path) -> None:
    """201 is an answer. What a 202 brings may be a part: judged where it decides, unreadable where it does not."""
    (found,) = snippets(shared)["GET answered 201 or 202"]
    made = {**found["body"], "properties": {"isVersioningEnabled": True}}
    assert statuses(answered(tmp_path, made, of=BLOBS, checks=VERSIONS, status=201)) == ["pass"]
    partial = answered(tmp_path, found["body"], of=BLOBS, checks=VERSIONS, status=202)
    assert statuses(partial) == ["unreadable"]
    assert [part.kind for part in partial.results.unreadable] == ["wrong_state"]


# Headers


def test_headers(shared: Path, tmp_path: Path) -> None:
    """No value that was met in a budget header keeps an answer from being read."""
    text = (shared / "recordings" / "ODDITIES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(x-[\w-]+)` \| \d+ \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) >= 10
    for at in range(3):
        headers = {
            name: values[min(at, len(values) - 1)] for name, row in rows if (values := re.findall("`([^`]*)`", row))
        }
        folder = tmp_path / str(at)
        folder.mkdir()
        assert statuses(answered(folder, {"value": [account("a")]}, headers=headers)) == ["pass"]


def test_xml(shared: Path, tmp_path: Path) -> None:
    (found,) = snippets(shared)["XML"]
    scanned = answered(tmp_path, found, of=BLOBS, checks=VERSIONS, headers={"content-type": "application/xml"})
    assert statuses(scanned) == ["unreadable"]
    assert [part.kind for part in scanned.results.unreadable] == ["bad_response"]
