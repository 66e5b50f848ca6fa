"""The top of the command line: help, version, what is imported, and how errors end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.main import get_command

from azscan import __version__
from azscan.cli import COMMANDS, OF_DOCTOR, app, doctor_line, harmless
from azscan.options import OPTION_KEYS
from tests.harness import ROOT, azscan


def imported(*arguments):
    """The modules that a command leaves imported."""
    program = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['azscan', *{list(arguments)!r}]\n"
        "from azscan.cli import main\n"
        "main()\n"
    )
    around = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=around, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


def test_help_is_plain_text_and_imports_nothing_heavy():
    told = azscan("--help")
    assert told.returncode == 0 and told.stdout.isascii() and "╭" not in told.stdout
    assert all(name in told.stdout for name in COMMANDS)
    assert not imported("--help") & {"aiohttp", "azure", "yaml", "cryptography", "sqlite3", "msgspec"}


def test_listing_checks_imports_neither_aiohttp_nor_azure():
    assert not imported("checks", "list") & {"aiohttp", "azure", "cryptography", "sqlite3"}


@pytest.mark.parametrize("arguments", [("--version",), ("emulator", "--help"), ("checks", "--help")])
def test_other_light_commands_stay_light(arguments):
    assert not imported(*arguments) & {"aiohttp", "azure", "cryptography"}


def test_the_version_is_told():
    assert azscan("--version").stdout == f"azscan {__version__}\n"


def test_help_names_every_exit_code():
    told = azscan("--help").stdout
    assert all(f"  {code} " in told or f"{code} " in told for code in (0, 1, 2, 3, 4, 5, 10, 130))


def commands(command, path=()):
    yield path, command
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from commands(command.get_command(None, name), (*path, name))


EVERY = {" ".join(path): command for path, command in commands(get_command(app)) if path}


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_help(name):
    command = EVERY[name]
    assert command.help and command.help.strip()
    for parameter in command.params:
        assert getattr(parameter, "help", None) or parameter.param_type_name == "argument", f"{name} {parameter.name}"


@pytest.mark.parametrize("key", OPTION_KEYS, ids=lambda key: key.name)
def test_every_option_of_scan_is_in_the_table_and_shows_its_variable(key):
    found = [each for each in EVERY["scan"].params if key.option in each.opts]
    assert len(found) == 1 and f"[{key.variable}]" in found[0].help


def test_no_option_of_scan_is_missing_from_the_table():
    known = {key.option for key in OPTION_KEYS}
    assert {each.opts[0] for each in EVERY["scan"].params} - {"--help"} == known


def test_the_variables_are_really_on_the_page():
    told = azscan("scan", "--help", env={"COLUMNS": "300"}).stdout
    assert [key.variable for key in OPTION_KEYS if f"[{key.variable}]" not in told] == []


@pytest.mark.parametrize(
    "arguments", [("nope",), ("scan", "--nope"), ("scan", "--concurrency", "x"), ("checks", "nope")]
)
def test_wrong_usage_is_two(arguments):
    done = azscan(*arguments)
    assert done.returncode == 2 and not done.stdout and "Traceback" not in done.stderr


def test_debug_shows_a_traceback_and_changes_no_exit_code(tmp_path):
    for arguments, env in ((("--debug",), {}), ((), {"AZSCAN_DEBUG": "1"})):
        done = azscan("scan", "--check", "nope", *arguments, env=env, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" in done.stderr and "error: --check: no check is called nope" in done.stderr
    assert "Traceback" not in azscan("scan", "--check", "nope", cwd=tmp_path).stderr


def test_a_fault_of_our_own_is_one_and_names_no_path(tmp_path):
    program = (
        "import sys; sys.argv = ['azscan', 'scan']\n"
        "import azscan.cli.scan as scan\n"
        "def broken(*_): raise ZeroDivisionError('oops')\n"
        "scan.run = broken\n"
        "from azscan.cli import main; main()\n"
    )
    around = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=around, timeout=60, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "a fault of azscan's own: ZeroDivisionError: oops" in done.stderr and "--debug" in done.stderr


def test_what_a_terminal_would_act_on_is_written_out():
    assert harmless("error: \x1b[31mred\x07\n help: plain") == "error: \\x1b[31mred\\x07\n help: plain"


def test_it_runs_as_a_module_and_as_a_script():
    assert azscan("--version").stdout.startswith("azscan ")
    assert (
        subprocess.run(
            [sys.executable, "-c", "from azscan.__main__ import main"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            check=False,
        ).returncode
        == 0
    )


def test_the_doctor_is_asked_about_the_same_identity_and_scope():
    from azscan.cli.doctor import app as doctor

    words = ["scan", "--cloud=https://a b", "--tenant", "it's", "--fail-on", "low", "--service", "sql", "-o", "x.json"]
    assert doctor_line(words, {}) == """azscan doctor '--cloud=https://a b' --tenant 'it'"'"'s' --service sql"""
    in_powershell = "azscan doctor '--cloud=https://a b' --tenant 'it''s' --service sql"
    assert doctor_line([*words, "--shell", "powershell"], {}) == in_powershell
    assert doctor_line(words, {"AZSCAN_SHELL": "powershell"}) == in_powershell
    assert doctor_line(["scan"], {}) == "azscan doctor"
    taken = {name: each for each in get_command(doctor).params for name in each.opts}
    assert set(OF_DOCTOR) <= set(taken) and not any(taken[name].is_flag for name in OF_DOCTOR)


def test_a_misspelt_variable_is_one_warning_and_no_error(tmp_path):
    around = {"AZSCAN_SEVERTIY": "s3cret", "AZSCAN_OF_A_LATER_VERSION": "1", "AZSCAN_STATE_DIR": str(tmp_path)}
    for command in ("checks list --service locks", "config validate", "scan --demo --service locks --quiet"):
        done = azscan(*command.split(), env=around, cwd=tmp_path)
        plain = azscan(*command.split(), env={"AZSCAN_STATE_DIR": str(tmp_path)}, cwd=tmp_path)
        assert done.stderr.splitlines()[0] == (
            "warning: azscan has no variable AZSCAN_OF_A_LATER_VERSION, AZSCAN_SEVERTIY (did you mean AZSCAN_SEVERITY?)"
        )
        assert done.stderr.count("AZSCAN_SEVERTIY") == 1 and "s3cret" not in done.stderr
        assert done.returncode == plain.returncode and "warning" not in plain.stderr


@pytest.mark.parametrize("command", ["scan --demo", "config show", "waivers list", "doctor", "plan --demo"])
@pytest.mark.parametrize("again", [("--config", "b"), ("--config=b",)])
def test_two_configurations_on_one_line_are_an_error(command, again, tmp_path):
    done = azscan(*command.split(), "--config", "a", *again, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --config is given twice\n help: ")
