"""`azscan emulator serve` as a process: the line that it prints works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.harness import ROOT, azscan

ONE = "0a1b2c3d-1111-4222-8333-444455556666"
ESTATE = {
    "format": 1,
    "subscriptions": [{"subscriptionId": ONE, "displayName": "prod"}],
    "resources": [
        {
            "id": f"/subscriptions/{ONE}/resourceGroups/web/providers/Microsoft.Storage/storageAccounts/stbad",
            "name": "stbad",
            "type": "Microsoft.Storage/storageAccounts",
            "location": "westeurope",
            "properties": {"supportsHttpsTrafficOnly": False},
        }
    ],
}


@pytest.fixture
def serve(tmp_path):
    running = []

    def start(*arguments):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_"))}
        env |= {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "azscan", "emulator", "serve", *arguments],
            env=env, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(ESTATE))
    return path


def scanned(line, tmp_path, *more):
    """The printed line as a shell runs it, with `azscan` being the one of this checkout."""
    command = line.replace(" azscan scan ", f" {sys.executable} -m azscan scan ")
    assert command != line
    around = {name: value for name, value in os.environ.items() if not name.startswith(("AZSCAN_", "AZURE_", "SSL_"))}
    around |= {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "XDG_STATE_HOME": str(tmp_path / "state")}
    return subprocess.run(
        " ".join([command, *more]),
        shell=True,
        env=around,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell and SIGINT")
def test_the_printed_line_scans_and_ctrl_c_stops(serve, source, tmp_path):
    process = serve("--from", str(source), "--ca", "my ca.pem", "--latency", "1", "--throttle")
    line = process.stdout.readline().strip()
    done = scanned(line, tmp_path, "--check", "storage-https-only", "--format", "json")
    assert done.returncode == 10, done.stderr
    assert [each["resource"]["name"] for each in json.loads(done.stdout)["verdicts"]] == ["stbad"]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and not out and "Traceback" not in err
    assert f"serving {source}" in err and err.endswith("stopped\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_without_a_file_it_serves_the_demo(serve, tmp_path):
    process = serve()
    done = scanned(process.stdout.readline().strip(), tmp_path, "--service", "storage", "--quiet")
    assert done.returncode == 10


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_it_serves_a_saved_estate(serve, source, tmp_path):
    first = serve("--from", str(source))
    line = first.stdout.readline().strip()
    saved = tmp_path / "saved.sqlite"
    assert scanned(line, tmp_path, "--service", "storage", "--save-estate", str(saved), "--quiet").returncode == 10
    second = serve("--from", str(saved), "--ca", "ca2.pem")
    done = scanned(second.stdout.readline().strip(), tmp_path, "--check", "storage-https-only", "--format", "json")
    assert [each["resource"]["name"] for each in json.loads(done.stdout)["verdicts"]] == ["stbad"]


@pytest.mark.parametrize("content", [None, "not json", '{"format": 99}', '{"format": 1, "resources": [{}]}'])
def test_what_is_no_estate_is_told(tmp_path, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    done = azscan("emulator", "serve", "--from", str(path), cwd=tmp_path)
    assert done.returncode == 2 and str(path) in done.stderr and "Traceback" not in done.stderr


def test_a_certificate_that_cannot_be_written_is_told(tmp_path):
    done = azscan("emulator", "serve", "--ca", "no/where.pem", cwd=tmp_path)
    assert done.returncode == 5 and "--ca" in done.stderr and "Traceback" not in done.stderr


def test_a_port_in_use_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = azscan("emulator", "serve", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert done.returncode == 5 and "--port" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("denied", ["filter", "403"])
def test_a_role_from_a_file_limits_what_a_scan_reads(serve, source, tmp_path, denied):
    role = json.loads(azscan("role", "--service", "storage", "--subscription", ONE, cwd=tmp_path).stdout)
    path = tmp_path / "role.json"
    for left_out, statuses in ((None, {"fail"}), ("Microsoft.Storage/storageAccounts/read", {"unreadable"})):
        role["Actions"] = [each for each in role["Actions"] if each != left_out]
        path.write_text(json.dumps(role))
        line = serve("--from", str(source), "--role", str(path), "--denied", denied).stdout.readline().strip()
        done = scanned(line, tmp_path, "--service", "storage", "--format", "json")
        assert done.stdout, done.stderr
        verdicts = [each for each in json.loads(done.stdout)["verdicts"] if each["check"] == "storage-https-only"]
        assert {each["status"] for each in verdicts} == statuses, done.stderr
        assert left_out is None or all(
            each["reason"].startswith("access_denied: ") and left_out in each["reason"] for each in verdicts
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--role", "none.json"], "none.json"), (["--denied", "401"], "filter or 403")],
)
def test_what_is_no_role_is_told(tmp_path, arguments, words):
    done = azscan("emulator", "serve", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_what_goes_wrong_comes_from_a_file(serve, source, tmp_path):
    switches = tmp_path / "options.json"
    switches.write_text(json.dumps({"refused": {"*": 53003}, "latencyMs": 1}))
    process = serve("--from", str(source), "--options", str(switches))
    done = scanned(process.stdout.readline().strip(), tmp_path)
    assert done.returncode == 3 and "53003" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "wants an object for Options"),
        ('{"latency": 1}', "has no 'latency'"),
        ('{"latencyMs": "slow"}', "Expected `float`, got `str` - at `$.latency_ms`"),
        ('{"throttle": {"capacity": []}}', "$.throttle.capacity"),
        ('{"faults": [{"do": "explode"}]}', "no fault 'explode'"),
        ('{"faults": 5}', "Options"),
        ('{"replay": "some"}', "'some'"),
        (None, "cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_told(tmp_path, content, words):
    switches = tmp_path / "options.json"
    if content is not None:
        switches.write_text(content)
    done = azscan("emulator", "serve", "--options", str(switches), cwd=tmp_path)
    assert done.returncode == 2 and words in " ".join(done.stderr.split()) and "options.json" in done.stderr
    assert "Traceback" not in done.stderr and " help: " in done.stderr
