"""`azscan evidence` as a process: packs of fresh scans and of saved estates, how each error ends, and verifying."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azscan.emulator import Deny, Options
from azscan.evidence.archive import entry_info
from azscan.evidence.manifest import MANIFEST
from tests.cli.served import serving
from tests.cli.test_scan import BAD, GOOD, estate
from tests.evidence.test_signing import private, public
from tests.harness import ROOT, azscan

STORAGE = "Microsoft.Storage/storageAccounts"
ISO = ("--framework", "iso-27001-2022")
ONLY = (*ISO, "--check", "storage-https-only")
FILES = 18  # of a pack of it, all that its manifest names


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pack, and with the estate that it was made of."""
    folder = tmp_path_factory.mktemp("saved")
    with serving(folder, estate(GOOD, BAD)) as (emulator, around):
        done = azscan("evidence", "-o", "pack.zip", *ONLY, "--save-estate", "e.sqlite", env=around, cwd=folder)
        assert not emulator.write_attempts
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"pack.zip: 2 verdicts, {FILES} files" in done.stderr
    return folder


def from_saved(saved: Path, tmp_path: Path, *arguments: str, env: dict[str, str] | None = None) -> Any:
    return azscan("evidence", "--estate", str(saved / "e.sqlite"), *arguments, env=env, cwd=tmp_path)


def statuses(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as pack:
        text = pack.read("frameworks/iso-27001-2022.csv").decode("utf-8-sig")
    return [row["status"] for row in csv.DictReader(io.StringIO(text, newline="")) if row["check"]]


def test_a_pack_of_failing_controls_is_a_success(saved: Path) -> None:
    assert set(statuses(saved / "pack.zip")) == {"fail", "pass"}
    assert os.name == "nt" or (saved / "pack.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_estate_gives_the_same_pack(saved: Path, tmp_path: Path, seed: str) -> None:
    done = from_saved(saved, tmp_path, *ONLY, "-o", "again.zip", env={"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.zip").read_bytes() == (saved / "pack.zip").read_bytes()


def test_what_expires_is_judged_as_of_the_scan(saved: Path, tmp_path: Path) -> None:
    """Years later the pack is still the same: the waiver was in force when the estate was read."""
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nwaivers:\n  - checks: [storage-https-only]\n    resources: ['*']\n    reason: known\n"
        "    approved-by: j.doe\n    expires: 2020-01-01\n"
    )
    old = tmp_path / "old.sqlite"
    old.write_bytes((saved / "e.sqlite").read_bytes())
    with sqlite3.connect(old) as connection:
        connection.execute("""UPDATE scan SET value = '"2019-05-05T05:05:05Z"' WHERE key = 'finished'""")
    connection.close()
    assert azscan("evidence", "--estate", str(old), *ONLY, "-o", "old.zip", cwd=tmp_path).returncode == 0
    assert from_saved(saved, tmp_path, *ONLY, "-o", "new.zip").returncode == 0
    assert set(statuses(tmp_path / "old.zip")) == {"pass", "waived"}
    assert set(statuses(tmp_path / "new.zip")) == {"fail", "pass"}


def test_the_summary_names_the_configuration(saved: Path, tmp_path: Path) -> None:
    for text, named in ((None, "azscan.yaml"), ("version: 1\n", "azscan.yaml"), ("version: 1\n#\n", "other.yaml")):
        if text:
            (tmp_path / named).write_text(text)
        given = ("--config", named) if named == "other.yaml" else ()
        assert from_saved(saved, tmp_path, *ONLY, *given, "-o", "p.zip").returncode == 0
        with zipfile.ZipFile(tmp_path / "p.zip") as pack:
            facts = dict(csv.reader(io.StringIO(pack.read("summary/scan.csv").decode(), newline="")))
        digest = hashlib.sha256(text.encode()).hexdigest() if text else None
        assert facts["configuration"] == (named if text else "none: there was no azscan.yaml")
        assert facts.get("configuration (SHA-256)") == digest


@pytest.mark.parametrize(
    ("gate", "env", "code"),
    [
        (("--fail-on", "high"), {}, 10),
        (("--fail-on-control", "A.8.24"), {}, 10),
        ((), {"AZSCAN_FAIL_ON": "low", "AZSCAN_FAIL_ON_CONTROL": "cis-azure-5.0:1.1"}, 0),
    ],
)
def test_there_is_a_gate_only_where_one_is_asked_for(
    saved: Path, tmp_path: Path, gate: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    done = from_saved(saved, tmp_path, *ONLY, *gate, "-o", "pack.zip", env=env)
    assert done.returncode == code, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("exit code 10: the gate failed: ") if code else last.startswith("pack.zip: 2 verdicts, ")
    assert azscan("evidence", "verify", "pack.zip", cwd=tmp_path).returncode == 0


def test_why_a_pack_ends_as_it_does_is_said_in_silence_too(saved: Path, tmp_path: Path) -> None:
    done = from_saved(saved, tmp_path, *ONLY, "--fail-on", "high", "--quiet", "-o", "pack.zip")
    assert done.stderr == "exit code 10: the gate failed: 1 finding at or above high\n"
    held = from_saved(saved, tmp_path, *ONLY, "--fail-on", "critical", "-o", "held.zip")
    assert held.stderr.endswith("\nexit code 0: the gate held: no finding at or above critical\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "x.zip"), "evidence is of a framework, and none is named"),
        (("-o", "x.zip", "--framework", "iso-27001-2020"), "did you mean iso-27001-2022?"),
        (("-o", "x.zip", *ISO, "--control", "A8.24"), "did you mean A.8.24?"),
        (("-o", "x.zip", *ISO, "--control", "Z.*"), "no control of iso-27001-2022 matches Z.*"),
        (("-o", "x.zip", "--control", "A.8.24"), "--control: controls are chosen from a framework"),
        (ISO, "there is no name for the pack"),
        ((*ISO, "-o", "x.csv"), "a pack is a zip file, and x.csv is not named so"),
        ((*ISO, "-o", "-"), "a pack is a zip file"),
        ((*ISO, "-o", "x.zip", "--sign-key", "none.pem"), "--sign-key: none.pem cannot be read"),
        ((*ISO, "-o", "x.zip", "--demo"), "--estate and --demo exclude each other"),
        ((*ISO, "-o", "x.zip", "--format", "json"), "no such option: --format"),
    ],
)
def test_wrong_usage_is_two(saved: Path, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = from_saved(saved, tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr and " help: " in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_controls_can_be_chosen(saved: Path, tmp_path: Path) -> None:
    done = from_saved(saved, tmp_path, *ISO, "--service", "storage", "--control", "A.8.2?", "-o", "pack.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        text = pack.read("frameworks/iso-27001-2022.csv").decode()
    controls = {row["control"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert "A.8.24" in controls and all(control.startswith("A.8.2") for control in controls)


def test_nothing_readable_is_three_and_leaves_no_pack(tmp_path: Path) -> None:
    denied = Options(deny=[Deny(f"{STORAGE}/read", "403")])
    with serving(tmp_path, estate(GOOD), denied) as (_, around):
        done = azscan("evidence", *ONLY, "-o", "pack.zip", env=around, cwd=tmp_path)
    assert done.returncode == 3 and "grants the reads" in done.stderr
    assert not (tmp_path / "pack.zip").exists()
    assert not list((tmp_path / "state").rglob("*.sqlite"))


def test_a_folder_that_is_not_there_is_five_before_anything_is_read(tmp_path: Path) -> None:
    with serving(tmp_path, estate(GOOD)) as (emulator, around):
        done = azscan("evidence", *ONLY, "-o", "none/pack.zip", env=around, cwd=tmp_path)
        assert not emulator.log
    assert done.returncode == 5 and "the folder does not exist" in done.stderr


def test_an_estate_of_a_fresh_scan_is_removed(tmp_path: Path) -> None:
    with serving(tmp_path, estate(GOOD)) as (_, around):
        done = azscan("evidence", *ONLY, "-o", "pack.zip", env=around, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.sqlite"))


def test_verifying_tells_what_was_proven(saved: Path, tmp_path: Path) -> None:
    done = azscan("evidence", "verify", str(saved / "pack.zip"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{FILES} files, nothing changed, added or removed\nnot signed: this proves that it is whole" in done.stdout


def test_verifying_what_was_changed_is_ten(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved / "pack.zip") as pack, zipfile.ZipFile(tmp_path / "forged.zip", "w") as forged:
        for name in pack.namelist():
            content = pack.read(name)
            forged.writestr(entry_info(name), content.replace(b",fail,", b",pass,") if name != MANIFEST else content)
    done = azscan("evidence", "verify", "forged.zip", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (10, "")
    assert "'frameworks/iso-27001-2022.csv' was changed" in done.stderr and "Traceback" not in done.stderr


def test_signed_by_one_key_and_checked_with_another(saved: Path, tmp_path: Path) -> None:
    assert from_saved(saved, tmp_path, *ONLY, "-o", "p.zip", "--sign-key", str(private(tmp_path))).returncode == 0
    good = azscan("evidence", "verify", "p.zip", "--key", str(public(tmp_path)), cwd=tmp_path)
    assert good.returncode == 0 and "signed by the key " in good.stdout
    another = public(tmp_path, Ed25519PrivateKey.generate())
    wrong = azscan("evidence", "verify", "p.zip", "--key", str(another), cwd=tmp_path)
    assert wrong.returncode == 10 and "the key does not match" in wrong.stderr
    unsigned = azscan("evidence", "verify", str(saved / "pack.zip"), "--key", str(another), cwd=tmp_path)
    assert unsigned.returncode == 10 and "it is not signed" in unsigned.stderr


def test_a_signed_pack_is_replaced_only_where_it_is_asked_for(saved: Path, tmp_path: Path) -> None:
    pack, signed = tmp_path / "p.zip", (*ONLY, "-o", "p.zip", "--sign-key", str(private(tmp_path)))
    first = from_saved(saved, tmp_path, *signed)
    assert first.returncode == 0 and "replaces" not in first.stderr
    content = pack.read_bytes()
    refused = from_saved(saved, tmp_path, *ONLY, "-o", "p.zip")
    assert (refused.returncode, pack.read_bytes()) == (2, content)
    assert "p.zip is a signed pack" in refused.stderr and "--force" in refused.stderr
    forced = from_saved(saved, tmp_path, *ONLY, "-o", "p.zip", "--force")
    assert forced.returncode == 0 and f"{FILES} files; it replaces the file that stood there" in forced.stderr
    again = from_saved(saved, tmp_path, *signed)
    assert again.returncode == 0 and "it replaces the file that stood there" in again.stderr
    pack.write_bytes(content[:-1])
    assert from_saved(saved, tmp_path, *ONLY, "-o", "p.zip").returncode == 0


def test_verifying_what_is_no_pack_is_wrong_usage(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("framework,control\r\n")
    done = azscan("evidence", "verify", "report.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "report.csv is no evidence pack: it is no zip file" in done.stderr and " help: " in done.stderr


def test_verifying_nothing_is_wrong_usage(tmp_path: Path) -> None:
    assert azscan("evidence", "verify", "none.zip", cwd=tmp_path).returncode == 2
    assert azscan("evidence", "verify", cwd=tmp_path).returncode == 2


def test_help_tells_of_both() -> None:
    told = azscan("evidence", "--help", env={"COLUMNS": "200"}).stdout
    assert "--sign-key" in told and "verify" in told and "--framework" in told and "--format" not in told
    assert "--key" in azscan("evidence", "verify", "--help").stdout


def test_the_documented_way_without_azscan_works(saved: Path, tmp_path: Path) -> None:
    script = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").split("```bash\n")[1].split("```")[0]
    tools = {line.split()[0] for line in script.splitlines()}
    if not all(map(shutil.which, ("bash", *tools))):
        pytest.skip("a tool is missing")
    key = private(tmp_path)
    assert from_saved(saved, tmp_path, *ONLY, "-o", "pack.zip", "--sign-key", str(key)).returncode == 0
    public(tmp_path)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    verified, fingerprint, files, listed = done.stdout.splitlines()
    assert verified == "Signature Verified Successfully" and files.strip() == listed.strip() == str(FILES)
    manifest = (unpacked / MANIFEST).read_text()
    assert f'"signed-by":"{fingerprint.split()[0]}"' in manifest
    with next(unpacked.rglob("*.csv")).open("ab") as table:
        table.write(b"x")
    assert subprocess.run([*command[:-1], "sha256sum --quiet -c ../SHA256SUMS"], cwd=unpacked, check=False).returncode
