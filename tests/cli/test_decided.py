"""`azscan waive`, `azscan waivers list`, `azscan config validate|show`, as processes."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from tests.harness import azscan

CHECK = "storage-https-only"
ASKED = ("--resource", "*/www*", "--reason", "public site", "--expires", "2099-01-31")
CONFIG = """\
version: 1
fail-on: never
services: [storage]
waivers:
  - {checks: storage-https-only, resources: ['*'], reason: "a\\tb", expires: 2020-01-31, ticket: SEC-1}
  - {checks: storage-*, resources: ['*/nothing'], reason: gone, approved-by: j.doe}
  - {checks: sql-*, resources: ['*'], reason: later}
off:
  - {checks: storage-infrastructure-encryption, reason: not needed, ticket: SEC-2}
severity-overrides:
  - {checks: storage-minimum-tls, severity: critical, reason: we care}
params:
  keyvault-secret-not-expiring: {days: 30}
"""
EXPIRED = f"azscan.yaml:5: the waiver of {CHECK} on * expired after 2020-01-31 and no longer counts"
UNUSED = "azscan.yaml:6: the waiver of storage-* on */nothing matches no finding"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "azscan.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


# waive


def test_a_first_waiver_makes_the_file(tmp_path: Path) -> None:
    done = azscan("waive", "STORAGE-https-only", *ASKED, "--ticket", "SEC-1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    written = (tmp_path / "azscan.yaml").read_text()
    assert written == (
        "version: 1\n\nwaivers:\n"
        f"  - checks: [{CHECK}]\n    resources: ['*/www*']\n    reason: public site\n    ticket: SEC-1\n"
        "    expires: 2099-01-31\n"
    )
    assert done.stdout == "azscan.yaml:4\n" + written.partition("waivers:\n")[2]
    assert [each.name for each in tmp_path.iterdir()] == ["azscan.yaml"]
    assert azscan("config", "validate", cwd=tmp_path).stdout == "azscan.yaml: no faults\n"


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    assert azscan("waive", CHECK, *ASKED, cwd=tmp_path).returncode == 0
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("azscan.yaml", "other")]
    assert modes[0] == modes[1]


def test_the_file_above_is_added_to_and_keeps_bytes_and_mode(here: Path) -> None:
    (here / ".git").mkdir()
    (here / "deep").mkdir()
    (here / "azscan.yaml").chmod(0o640)
    done = azscan("waive", CHECK, *ASKED, cwd=here / "deep")
    assert done.returncode == 0 and done.stdout.startswith(f"{Path('..', 'azscan.yaml')}:8\n")
    written = (here / "azscan.yaml").read_text()
    start = written.index(f"  - checks: [{CHECK}]")
    assert written[:start] + written[written.index("off:") :] == CONFIG
    assert stat.S_IMODE((here / "azscan.yaml").stat().st_mode) == 0o640


def test_a_dry_run_prints_the_entry_and_writes_nothing(here: Path) -> None:
    done = azscan("waive", CHECK, *ASKED, "--dry-run", cwd=here)
    assert done.returncode == 0 and done.stdout.startswith(f"  - checks: [{CHECK}]\n    resources: ['*/www*']\n")
    assert (here / "azscan.yaml").read_text() == CONFIG


def test_a_link_is_replaced_and_what_it_led_to_stays(here: Path) -> None:
    (here / "azscan.yaml").rename(here / "real.yaml")
    (here / "azscan.yaml").symlink_to("real.yaml")
    done = azscan("waive", CHECK, *ASKED, cwd=here)
    assert done.returncode == 0 and "was a link" in done.stderr
    assert (here / "real.yaml").read_text() == CONFIG and not (here / "azscan.yaml").is_symlink()


def test_a_named_file_may_hold_what_a_found_one_may_not(tmp_path: Path) -> None:
    (tmp_path / "ci.yaml").write_text("version: 1\ntenant: t\n")
    assert azscan("waive", CHECK, *ASKED, "--config", "ci.yaml", cwd=tmp_path).stdout.startswith("ci.yaml:5\n")
    (tmp_path / "azscan.yaml").write_text("version: 1\ntenant: t\n")
    done = azscan("waive", CHECK, *ASKED, cwd=tmp_path)
    assert done.returncode == 2 and "azscan.yaml:2:1: tenant is not taken" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("storage-htps-only", *ASKED), "did you mean storage-https-only?"),
        ((CHECK, *ASKED, "--expires", "2020-01-01"), "--expires: 2020-01-01 has passed"),
        ((CHECK, *ASKED, "--expires", "tomorrow"), "--expires must be a date"),
        ((CHECK, *ASKED, "--reason", ""), "--reason must be text that is not empty"),
        ((CHECK, "--resource", "*", "--expires", "9d"), "missing option '--reason'"),
        ((CHECK, *ASKED, "--resource", "www1"), "write a glob: '*/www1'"),
        (("storage-*", "--resource", "*/NOTHING", *ASKED[2:]), "azscan.yaml:6 waives the same for good"),
    ],
)
def test_bad_input_writes_nothing(here: Path, arguments: tuple[str, ...], told: str) -> None:
    done = azscan("waive", *arguments, cwd=here)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
    assert (here / "azscan.yaml").read_text() == CONFIG


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    done = azscan("waive", CHECK, *ASKED, "--config", "missing/azscan.yaml", cwd=tmp_path)
    assert done.returncode == 5 and "the folder does not exist" in done.stderr


# waivers list


def rows(stdout: str) -> list[list[str]]:
    return [line.split("\t") for line in stdout.splitlines()]


def test_what_the_file_decides(here: Path) -> None:
    done = azscan("waivers", "list", cwd=here)
    assert (done.returncode, done.stderr) == (0, f"warning: {EXPIRED}\n")
    assert rows(done.stdout) == [
        ["waiver", "expired", "2020-01-31", f"{CHECK} on *", "a\\tb", "", "SEC-1", "azscan.yaml:5", ""],
        ["waiver", "in force", "", "storage-* on */nothing", "gone", "j.doe", "", "azscan.yaml:6", ""],
        ["waiver", "in force", "", "sql-* on *", "later", "", "", "azscan.yaml:7", ""],
        ["off", "in force", "", "storage-infrastructure-encryption", "not needed", "", "SEC-2", "azscan.yaml:9", ""],
        [
            "severity", "in force", "", "storage-minimum-tls: critical", "we care", "", "", "azscan.yaml:11",
            "medium in the catalogue: storage-minimum-tls",
        ],
    ]  # fmt: skip


def test_what_a_scan_made_of_it(here: Path) -> None:
    scan = azscan("scan", "--demo", "--quiet", "-o", "out.json", "-o", "out.csv", "--save-estate", "e.db", cwd=here)
    assert scan.returncode == 0
    assert scan.stderr.splitlines() == [f"warning: {EXPIRED}", f"warning: {UNUSED}"]
    report = json.loads((here / "out.json").read_text())
    assert report["severity_overrides"][0]["changed"] == {"storage-minimum-tls": "medium"}
    changed = [each for each in report["verdicts"] if each["check"] == "storage-minimum-tls"]
    assert changed and all((each["severity"], each["override"]) == ("critical", 0) for each in changed)
    assert "severity critical instead of medium: we care" in (here / "out.csv").read_text()
    for told in (("--results", "out.json"), ("--estate", "e.db")):
        done = azscan("waivers", "list", *told, "--format", "json", cwd=here)
        assert done.returncode == 0 and f"warning: {UNUSED}" in done.stderr
        found = json.loads(done.stdout)
        assert found["schema"] == "azscan.decisions/1"
        assert [(each["state"], each["note"]) for each in found["decisions"]][:3] == [
            ("expired", ""), ("unused", ""), ("not tried", "none of its checks was run"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "out.json is no results file of azscan"),
        ("\\x", "out.json is no results file of azscan"),
        ('{"schema": "azscan.checks/1", "scan": {}}', "out.json is no results file of azscan"),
        (None, "there is no results file at out.json"),
    ],
)
def test_a_file_that_is_no_report(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "out.json").write_text(content)
    done = azscan("waivers", "list", "--results", "out.json", cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr


def test_estate_and_results_exclude_each_other(tmp_path: Path) -> None:
    done = azscan("waivers", "list", "--results", "a.json", "--estate", "b.db", cwd=tmp_path)
    assert done.returncode == 2 and "exclude each other" in done.stderr


# config


def test_every_fault_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nfial-on: high\nwaivers:\n  - {checks: [storage-htps-only], resources: ['*'], expires: 31.1.27}\n"
    )
    done = azscan("config", "validate", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr == "4 faults\n"
    assert done.stdout.splitlines() == [
        "azscan.yaml:2:1: the key fial-on is unknown (did you mean fail-on?)",
        "azscan.yaml:4:5: reason is missing (Why; it stands in every report)",
        "azscan.yaml:4:15: no check is named storage-htps-only (did you mean storage-https-only?)",
        "azscan.yaml:4:53: expires must be a date such as 2027-01-31",
    ]


# What a scan refuses because of the file, and in which words.
REFUSED = {
    "show: [on]": "2:8: no part of the table and no check is named on"
    " (name a check, or one of failed, unreadable, waived, passed, all)",
    "show: [faled]": "2:8: no part of the table and no check is named faled (did you mean failed?)",
    "frameworks: [mcsb-v1]\nfail-on-control: [NS-1, mcsb-v1:NS-99]": "3:25: no control is named mcsb-v1:NS-99"
    " (did you mean mcsb-v1:NS-9?)",
    "frameworks: [mcsb-v1]\nfail-on-control: [mcsb-v1:GS-1]": "3:19: no check decides the control mcsb-v1:GS-1,"
    " so it can neither fail nor hold (see why: azscan frameworks show mcsb-v1)",
    "frameworks: [mcsb-v1]\nfail-on-control: [iso-27001-2022:A.5.1]": "3:19: no chosen framework has a control"
    " iso-27001-2022:A.5.1 (see them: azscan frameworks show mcsb-v1)",
    "controls: [NS-1]": "2:1: controls are chosen from a framework, and none is named"
    " (choose the framework too: --framework NAME, or frameworks: [NAME] in azscan.yaml)",
    "frameworks: [mcsb-v1]\ncontrols: [A.5.14]": "3:12: no control of mcsb-v1 is named A.5.14"
    " (the controls stand in the mappings of mcsb-v1)",
    "services: [locks]\nexclude-services: [locks]": "3:1: no check is left to run"
    " (of 1,NNN checks, services in azscan.yaml:2 leaves N, exclude-services in azscan.yaml:3 leaves none)",
    "services: [locks]\noff: [{services: [locks], reason: later}]": "3:7: no check is left to run"
    " (of 1,NNN checks, services in azscan.yaml:2 leaves N, off in azscan.yaml:3 (later) leaves none)",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_a_scan_refuses_validate_tells_in_the_same_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "azscan.yaml").write_text(f"version: 1\n{text}\n")
    done = azscan("config", "validate", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "1 fault\n")
    told = re.sub(r"1,\d{3} checks", "1,NNN checks", re.sub(r"leaves \d+", "leaves N", done.stdout))
    assert told == f"azscan.yaml:{REFUSED[text]}\n"
    scanned = azscan("scan", "--demo", cwd=tmp_path)
    assert (scanned.returncode, scanned.stdout) == (2, "")
    assert scanned.stderr.startswith(f"error: the configuration has 1 fault\n  {done.stdout} help: ")


def test_all_at_once_of_whatever_kind(tmp_path: Path) -> None:
    """What is wrong with the file itself, and what only the catalogue knows, come in one round."""
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nfial-on: high\nshow: [on]\nframeworks: [mcsb-v1]\nfail-on-control: [GS-1]\nservices: [locks]\n"
        "exclude-services: [locks]\nparams: {aks-supported-version: {minimum: banana}}\nwaivers:\n  - 3\n"
        "  - {checks: [storage-x*], resources: ['*']}\n"
    )
    done = azscan("config", "validate", cwd=tmp_path)
    assert [line.split(": ")[0].removeprefix("azscan.yaml:") for line in done.stdout.splitlines()] == [
        "2:1", "3:8", "5:19", "7:1", "8:34", "10:5", "11:5", "11:15",
    ]  # fmt: skip
    scanned = azscan("scan", "--demo", cwd=tmp_path)
    assert [line.strip() for line in scanned.stderr.splitlines()[1:-1]] == done.stdout.splitlines()


def test_where_the_folders_of_checks_are_in_doubt_no_name_is_judged(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text("version: 1\nchecks-dir: mine\nchecks: [storage-my-check]\n")
    done = azscan("scan", "--demo", cwd=tmp_path)
    assert done.returncode == 2 and "checks-dir is not taken from a file" in done.stderr
    assert "storage-my-check" not in done.stderr


def test_what_the_file_and_an_option_do_together_names_both(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\noff: [{services: [aks], reason: theirs}]\nexclude-services: [sql]\n"
        "show: [locks-in-use]\nfail-on-control: [mcsb-v1:NS-1]\n"
    )
    for arguments, environ, told in (
        (["--service", "aks"], {}, "--service aks leaves N, off in azscan.yaml:2 (theirs) leaves none"),
        ([], {"AZSCAN_SERVICE": "sql"}, "AZSCAN_SERVICE sql leaves N, exclude-services in azscan.yaml:3 leaves none"),
    ):  # fmt: skip
        done = azscan("scan", "--demo", *arguments, "--framework", "mcsb-v1", env=environ, cwd=tmp_path)
        found = re.sub(r"leaves \d+", "leaves N", done.stderr).replace(" --framework mcsb-v1 leaves N,", "")
        assert (done.returncode, done.stdout) == (2, "")
        assert found.startswith("error: no check is left to run\n help: of 1,") and found.endswith(f"checks, {told}\n")
    done = azscan("scan", "--demo", "--framework", "iso-27001-2022", cwd=tmp_path)
    assert done.returncode == 2
    assert "  azscan.yaml:5:19: no chosen framework has a control mcsb-v1:NS-1" in done.stderr


def test_words_that_were_typed_are_told_with_their_option(tmp_path: Path) -> None:
    for arguments, environ, told in (
        (["--show", "on"], {}, "--show: no part of the table and no check is named on"),
        ([], {"AZSCAN_SHOW": "on"}, "AZSCAN_SHOW: no part of the table and no check is named on"),
        (["--show", "aks-*"], {}, "--show: no part of the table and no check matches aks-*"),
        (["--exclude-check", "x"], {}, "--exclude-check: no check to exclude is called x"),
        (["--fail-on-control", "x"], {}, "--fail-on-control: no chosen framework has a control x"),
        (["--control", "x"], {}, "--control: controls are chosen from a framework, and none is named"),
        (["--framework", "x"], {}, "--framework: no framework is named x"),
    ):
        done = azscan("scan", "--demo", "--service", "locks", *arguments, env=environ, cwd=tmp_path)
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"error: {told}")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("scan --demo", "--service storage,locks"),
        ("scan --demo", "--check a,b"),
        ("scan --demo", "--exclude-area network,ai"),
        ("scan --demo", "--severity high,low"),
        ("scan --demo --service locks", "--show failed,waived"),
        ("scan --demo", "--framework mcsb-v1,dora"),
        ("scan --demo --framework mcsb-v1", "--control NS-1,NS-2"),
        ("scan --demo --framework mcsb-v1", "--fail-on-control NS-1,NS-2"),
        ("scan --demo", "--allow-unreadable storage,locks"),
        ("scan --demo --service locks", "--region westeurope,northeurope"),
        ("checks list", "--service storage,locks"),
    ],
)
def test_a_word_with_commas_is_told_how_to_give_several(tmp_path: Path, command: str, words: str) -> None:
    done = azscan(*command.split(), *words.split(), cwd=tmp_path)
    option, _, several = words.partition(" ")
    first, second = several.split(",")
    assert done.returncode == 2
    assert done.stderr.endswith(f" help: give it twice: {option} {first} {option} {second}\n")


def test_a_check_that_the_file_shows_need_not_be_of_every_scan(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text("version: 1\nshow: [storage-https-only]\n")
    assert azscan("scan", "--demo", "--service", "locks", "--fail-on", "never", cwd=tmp_path).returncode == 0


def test_a_filter_of_the_file_that_fits_no_resource_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text("version: 1\nservices: [locks]\nregions: [nowhere]\n")
    done = azscan("scan", "--demo", cwd=tmp_path)
    assert done.returncode == 2 and "error: no resource matches regions in azscan.yaml:3 nowhere\n" in done.stderr


def test_bad_parameters_are_told_alike_by_every_command_that_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text(
        "version: 1\nparams:\n  aks-supported-version: {minimum: banana}\n  keyvault-secret-not-expiring: {days: -5}\n"
    )
    wanted = [
        'azscan.yaml:3:27: minimum of aks-supported-version: "banana" is not a version such as 1.29 or 8.0.21'
        ' (its default is "1.35")',
        "azscan.yaml:4:34: days of keyvault-secret-not-expiring: -5 is not a whole number from 0 to 99999"
        " (its default is 14)",
    ]
    done = azscan("config", "validate", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (2, wanted)
    told = "".join(f"  {line}\n" for line in wanted)
    for command in ("scan --demo", "plan --demo", "config show", "waivers list", "role", "doctor", "evidence --demo"):
        done = azscan(*command.split(), cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: the configuration has 2 faults\n{told} help: "), command


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("version: 2\n", "other.yaml:1:1: version 2 is of a later azscan (upgrade azscan to use this file)"),
        ("version: 1\nversion: 1\n", "other.yaml:2:1: the key version stands here a second time"),
        ("a: [\n", "other.yaml:2:1: this is not valid YAML"),
        ("", "other.yaml: the file is empty"),
        ('version: "1"\n', "other.yaml:1:1: the version must be 1 (without quotes)"),
        ("version: 1\nshow: [*/a]\n", "other.yaml:2:8: this is not valid YAML: did not find expected alphabetic"),
    ],
)
def test_a_named_file(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "other.yaml").write_text(content)
    done = azscan("config", "validate", "other.yaml", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout.startswith(fault)


def test_what_is_no_fault_is_a_note_or_a_warning(here: Path) -> None:
    (here / "azscan.yaml").write_text(CONFIG + "tenant: t\n")
    done = azscan("config", "validate", "azscan.yaml", cwd=here)
    assert (done.returncode, done.stdout) == (0, "azscan.yaml: no faults\n")
    assert done.stderr.splitlines() == [
        "note: tenant counts only where this file is named with --config",
        f"warning: {EXPIRED}",
    ]


def test_the_variable_is_named_where_it_gave_the_path(tmp_path: Path) -> None:
    for command in ("config validate", "config show", "scan --demo"):
        done = azscan(*command.split(), env={"AZSCAN_CONFIG": "/nope"}, cwd=tmp_path)
        told = "error: there is no configuration file at /nope\n help: check the path given to AZSCAN_CONFIG\n"
        assert (done.returncode, done.stderr) == (2, told)


def test_without_a_file_there_is_nothing_to_validate(tmp_path: Path) -> None:
    done = azscan("config", "validate", cwd=tmp_path)
    assert done.returncode == 2 and "there is no azscan.yaml here" in done.stderr


@pytest.mark.parametrize("command", ["config validate", "config show", "scan --demo", "waivers list"])
def test_two_configurations_side_by_side(here: Path, command: str) -> None:
    (here / "azscan.yml").write_text("version: 1\n")
    done = azscan(*command.split(), cwd=here)
    told = "azscan.yml:1:1: this is a second configuration beside azscan.yaml (bring them together in azscan.yaml)"
    assert done.returncode == 2 and told in done.stdout + done.stderr


def test_each_setting_with_its_source(here: Path) -> None:
    done = azscan("config", "show", "--region", "westeurope", env={"AZSCAN_TIMEOUT": "9"}, cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    told = rows(done.stdout)
    for row in (
        ["regions", "westeurope", "--region"],
        ["timeout", "9.0", "AZSCAN_TIMEOUT"],
        ["services", "storage", "azscan.yaml:3"],
        ["concurrency", "32", "default"],
        ["tags", "", "default"],
        ["params.keyvault-secret-not-expiring.days", "30", "azscan.yaml:13"],
        ["off", "storage-infrastructure-encryption", "azscan.yaml:9"],
        ["severity", "storage-minimum-tls: critical", "azscan.yaml:11"],
    ):
        assert row in told


def test_settings_as_json(here: Path) -> None:
    document = json.loads(azscan("config", "show", "--format", "json", "--fail-on", "low", cwd=here).stdout)
    assert (document["schema"], document["file"]) == ("azscan.config/1", "azscan.yaml")
    settings = {each["key"]: (each["value"], each["source"]) for each in document["settings"]}
    assert settings["fail-on"] == ("low", "--fail-on") and settings["services"] == (["storage"], "azscan.yaml:3")
    assert [each["kind"] for each in document["decisions"]] == ["waiver"] * 3 + ["off", "severity"]


def test_a_report_without_decisions_says_so(tmp_path: Path) -> None:
    made = azscan("scan", "--demo", "--check", "locks-*", "--quiet", "-o", "out.json", cwd=tmp_path)
    assert made.returncode in (0, 10)
    done = azscan("waivers", "list", "--results", "out.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "out.json was scanned without any decisions; those of azscan.yaml as it is now: azscan waivers list\n"
    )
