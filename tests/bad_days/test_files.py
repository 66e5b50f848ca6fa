"""Bad days of files and options: each fault is told with its place, before anything is read, and the code is 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bad_days.ground import (
    IDENTITY,
    ONE,
    SECRET,
    accounts,
    assert_refused,
    assert_told,
    catalog,
    command,
    estate,
    ran,
    served,
    stored,
    variables,
)
from tests.bad_days.inside import Inside
from tests.harness import ROOT, azscan

YAML = {
    "malformed": (b"id: [storage-mine\ntitle: Mine\n", "this is not valid YAML", 2),
    "huge": (b"id: storage-mine\nwhy: " + b"x" * (1 << 20), "larger than 1 MiB", 0),
    "alias-bomb": (
        b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (n, n, b", ".join([b"*%c" % (n - 1)] * 10)) for n in b"bcdefgh"),
        "aliases repeat more than 10,000 values",
        4,
    ),
    "duplicate-key": (b"id: storage-mine\ntitle: One\ntitle: Two\n", "the key title stands here a second time", 3),
    "non-UTF-8": (b"id: storage-mine\ntitle: caf\xe9\n", "this byte is not UTF-8", 2),
}

CHECK = """\
id: storage-mine
title: Storage account is mine
severity: high
status: stable
subject: storage_account
params: {days: 30}
require:
  field: properties.creationTime
  olderThan: ${days}d
why: It should be.
fix: {text: Make it so.}
examples:
  pass: [{properties: {creationTime: "2020-01-01T00:00:00Z"}}]
  fail: [{properties: {}}]
"""


@pytest.fixture
def inside(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Inside:
    return Inside(capfd, monkeypatch, tmp_path)


def mine(folder: Path, content: str | bytes, name: str = "storage-mine") -> Path:
    """A checks folder with one check of the user's own."""
    path = folder / "mine" / "storage" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_faulty(inside: Inside, path: Path, line: int, *words: str) -> None:
    """Scanning and validating both tell the fault at its place and end with 2; nothing is scanned."""
    folder = str(path.parent.parent)
    scanned = inside("scan", "--demo", "--checks-dir", folder)
    assert_refused(scanned, 2, "error: ", *words)
    validated = inside("checks", "validate", "--checks-dir", folder)
    assert validated.returncode == 2
    (fault,) = [line for line in validated.stdout.splitlines() if words[0] in line]
    assert fault.startswith(f"{path}:{line}:" if line else f"{path}: ")


@pytest.mark.parametrize("kind", YAML)
def test_yaml(kind: str, inside: Inside, tmp_path: Path) -> None:
    """The same in a check, in a mapping and in azscan.yaml."""
    content, words, line = YAML[kind]
    assert_faulty(inside, mine(tmp_path, content), line, words)
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "house.yaml").write_bytes(content)
    assert_refused(inside("scan", "--demo", "--mappings-dir", str(mappings)), 2, "house.yaml", words)
    (tmp_path / "azscan.yaml").write_bytes(content)
    place = f"azscan.yaml:{line}:" if line else "azscan.yaml: "
    assert_refused(inside("scan", "--demo"), 2, place, words)


def test_a_sound_check(inside: Inside, tmp_path: Path) -> None:
    """What the faulty ones are measured against."""
    done = inside("checks", "validate", "--checks-dir", str(mine(tmp_path, CHECK).parent.parent))
    assert done.returncode == 0, done.stdout


UNKNOWN = {
    "keys": ("require:", "requires:", "unknown", "require", 7),
    "operators": ("olderThan:", "olderThen:", "olderThen", "olderThan", 9),
    "collections": ("subject: storage_account", "subject: storage_acount", "storage_acount", "storage_account", 5),
    "parameters": ("${days}", "${dayz}", "dayz", "days", 9),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_unknown(kind: str, inside: Inside, tmp_path: Path) -> None:
    """Told with the nearest word that exists."""
    right, wrong, word, near, line = UNKNOWN[kind]
    path = mine(tmp_path, CHECK.replace(right, wrong))
    folder = str(path.parent.parent)
    validated = inside("checks", "validate", "--checks-dir", folder)
    assert validated.returncode == 2
    assert any(
        told.startswith(f"{path}:{line}:") and word in told and near in told for told in validated.stdout.splitlines()
    ), validated.stdout
    assert_refused(inside("scan", "--demo", "--checks-dir", folder), 2, "storage-mine.yaml", near)


def test_unknown_things_in_the_configuration(inside: Inside, tmp_path: Path) -> None:
    """All of them at once."""
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nservces: [storage]\nservices: [strage]\nfail-on: hgh\nparams: {storage-https-only: {days: 3}}\n"
        "waivers: [{checks: [storage-htps-only], resources: ['*'], reason: because}]\n"
    )
    refused = inside("scan", "--demo")
    assert_refused(refused, 2, "azscan.yaml:2:", "did you mean services?", "azscan.yaml:4:", "fail-on must be one of")
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nservices: [strage]\nparams: {storage-https-only: {days: 3}}\n"
        "waivers: [{checks: [storage-htps-only], resources: ['*'], reason: because}]\n"
    )
    assert_refused(
        inside("scan", "--demo"),
        2,
        "did you mean storage?",
        "storage-https-only has no parameter days",
        "did you mean storage-https-only?",
    )


def test_duplicate_check_ids(inside: Inside, tmp_path: Path) -> None:
    shipped = ROOT / "checks" / "storage" / "storage-https-only.yaml"
    path = mine(tmp_path, shipped.read_bytes(), "storage-https-only")
    assert_faulty(inside, path, 1, "storage-https-only", "storage-https-only.yaml")
    second = tmp_path / "second" / "storage"
    second.mkdir(parents=True)
    shutil.copy(mine(tmp_path / "first", CHECK), second)
    folders = ["--checks-dir", str(tmp_path / "first" / "mine"), "--checks-dir", str(second.parent)]
    assert_refused(inside("scan", "--demo", *folders), 2, "storage-mine", "second")


def test_all_faults_at_once(inside: Inside, tmp_path: Path) -> None:
    """Who mends one should not have to come back for the next."""
    for kind, (content, _, _) in YAML.items():
        mine(tmp_path, content, f"storage-{kind.lower()}")
    for kind, (right, wrong, _, _, _) in UNKNOWN.items():
        mine(tmp_path, CHECK.replace("storage-mine", f"storage-{kind}").replace(right, wrong), f"storage-{kind}")
    done = inside("checks", "validate", "--checks-dir", str(tmp_path / "mine"))
    assert done.returncode == 2
    for kind in (*YAML, *UNKNOWN):
        assert f"storage-{kind.lower()}.yaml" in done.stdout, done.stdout


NOTHING = {
    "service": (["--service", "strage"], "did you mean storage?"),
    "check": (["--check", "storage-htps-only"], "did you mean storage-https-only?"),
    "glob": (["--check", "nothing-*"], "azscan checks list"),
    "severity": (["--severity", "hgh"], "did you mean high?"),
    "area": (["--area", "networks"], "did you mean network?"),
    "framework": (["--framework", "iso-27002"], "no framework is named iso-27002"),
    "service without a check of that severity": (
        ["--check", "storage-https-only", "--severity", "low"],
        "no check is left to run",
    ),
    "subscription": (["--subscription", "contoso-prodd"], "did you mean 'contoso-prod'?"),
    "exclusion": (["--exclude-subscription", "contoso-prodd"], "did you mean 'contoso-prod'?"),
    "region": (["--service", "storage", "--region", "westeurop"], "--region westeurop"),
    "group": (["--service", "storage", "--resource-group", "nope"], "--resource-group nope"),
    "tag": (["--service", "storage", "--tag", "nope=1"], "--tag nope=1"),
    "group, in the whole catalogue": (["--resource-group", "nope"], "--resource-group nope"),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_a_filter_that_matches_nothing(kind: str, inside: Inside) -> None:
    arguments, words = NOTHING[kind]
    assert_refused(inside("scan", "--demo", *arguments), 2, words)


def test_a_filter_that_matches_nothing_beside_what_is_unreadable(tmp_path: Path) -> None:
    """That something else could not be read does not hide the typing error."""
    what = estate(*stored("alpha"), identity=IDENTITY, graph={})
    assert "storage" in catalog().services
    with served(what) as emulator:
        arguments = command(emulator, "--service", "storage", "--service", "defender", "--resource-group", "nope")
        done = azscan(*arguments, env=variables(emulator, tmp_path), cwd=tmp_path)
    assert_refused(done, 2, "no resource matches --resource-group nope")


def test_an_azscan_yaml_found_upward_that_sets_a_cloud(tmp_path: Path) -> None:
    """A repository must not lead a pipeline's secret to a host of its own."""
    with served(accounts("alpha")) as emulator, served(accounts("alpha")) as thief:
        (tmp_path / ".git").mkdir()
        below = tmp_path / "deep" / "down"
        below.mkdir(parents=True)
        written = tmp_path / "azscan.yaml"
        written.write_text(f"version: 1\ncloud: {thief.url}\n")
        env = {**variables(emulator, tmp_path), "SSL_CERT_FILE": str(thief.write_ca(tmp_path / "thief.pem"))}
        done = azscan("scan", "--auth", "service-principal", env=env, cwd=below)
        assert_told(done)
        assert_refused(
            done, 2, "azscan.yaml:2:1", "cloud is not taken from a file that was found in a folder", "--config"
        )
        assert not thief.log and not thief.sign_ins
        for key, value in (("tenant", ONE), ("auth", "token"), ("checks-dir", "[x]"), ("mappings-dir", "[x]")):
            written.write_text(f"version: 1\n{key}: {value}\n")
            assert_refused(azscan("scan", "--demo", env=env, cwd=below), 2, f"{key} is not taken from a file")
        # named by the user, it is the user's choice
        named = tmp_path / "mine.yaml"
        named.write_text(f"version: 1\ncloud: {emulator.url}\nchecks: [storage-https-only]\n")
        written.unlink()
        done = azscan(
            "scan", "--auth", "service-principal", "--config", str(named), env=variables(emulator, tmp_path), cwd=below
        )
        assert done.returncode == 0, done.stderr
        assert not thief.log and not thief.sign_ins
        assert SECRET not in done.stderr


def test_a_good_option(tmp_path: Path) -> None:
    """What the filters are measured against."""
    with served(accounts("alpha")) as emulator:
        assert ran(emulator, tmp_path, "--resource-group", "RG-Web", "--region", "West Europe").returncode == 0
