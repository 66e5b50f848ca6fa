"""Why nobody is signed in, as Entra ID says it and as the doctor does: every code that people meet, through sign-in."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from azscan.azure.signin_errors import CODES
from azscan.doctor.finding import Portal, as_document
from azscan.doctor.finding import Report as AReport
from azscan.doctor.signin import REMEDIES, Asked, failed, mended
from azscan.errors import SignInError
from tests.azure.test_signin_errors import ASKED_FOR
from tests.doctor.ground import ELSEWHERE, ONE, World, found

CLIENT = "22222222-2222-4222-8222-222222222222"
TENANT = "11111111-1111-4111-8111-111111111111"
BY_SWITCH = sorted({*ASKED_FOR} - {"7000215", "7000222", "700016", "90002"})
CORRELATION = re.compile(r"correlation id [0-9a-f-]{36}\)")


@pytest.mark.parametrize("number", BY_SWITCH)
def test_every_code_is_told_with_its_cause_and_remedy(tmp_path: Path, number: str) -> None:
    report = World(refused={"*": int(number)}).doctor(tmp_path)
    told = found(report, "sign-in")
    cause, remedy = CODES[f"AADSTS{number}"]
    assert report.state == told.state == "blocking"
    assert f"{cause} (AADSTS{number}, " in told.what and CORRELATION.search(told.what)
    assert told.means == remedy
    assert told.portal.startswith("https://portal.azure.com/") and told.commands


@pytest.mark.parametrize(
    ("number", "world"),
    [
        ("7000215", World(env={"AZURE_CLIENT_SECRET": "wrong"})),
        ("7000222", World(expired=["first-secret"])),
        ("700016", World(env={"AZURE_CLIENT_ID": ELSEWHERE})),
        ("90002", World(env={"AZURE_TENANT_ID": ELSEWHERE})),
    ],
    ids=["wrong secret", "expired secret", "unknown app", "unknown tenant"],
)
def test_and_so_are_those_that_the_set_up_brings(tmp_path: Path, number: str, world: World) -> None:
    told = found(world.doctor(tmp_path), "sign-in")
    cause, remedy = CODES[f"AADSTS{number}"]
    assert cause in told.what and told.means == remedy and told.portal
    # The metadata of a tenant that is not there is refused before a token is asked for: no code comes along.
    assert f"AADSTS{number}" in told.what or number == "90002"


def test_a_code_without_words_is_told_with_its_first_sentence_and_correlation_id(tmp_path: Path) -> None:
    from azscan.emulator import FaultRule

    request = "55555555-5555-4555-8555-555555555555"
    words = f"AADSTS54321: It is full. More. Trace ID: x Correlation ID: {request} Timestamp: 2026-01-01 00:00:00Z"
    body = {"error": "invalid_grant", "error_description": words, "error_codes": [54321]}
    told = found(
        World(more={"faults": [FaultRule("*/oauth2/v2.0/token", status=400, body=body)]}).doctor(tmp_path), "sign-in"
    )
    assert f"It is full (AADSTS54321, correlation id {request})" in told.what
    assert "AADSTS54321" in told.means and not told.commands and "SignIns" in told.portal


def test_every_code_with_words_has_a_page_and_commands() -> None:
    assert REMEDIES.keys() == CODES.keys()
    portal, asked = Portal("https://portal.azure.com", TENANT), Asked(TENANT, CLIENT, "jo@contoso.example")
    for code in REMEDIES:
        page, commands = mended(code, asked, portal, "r")
        assert page.startswith(f"https://portal.azure.com/{TENANT}#view/Microsoft_"), code
        for words in commands:
            assert words[0] == "az" and not any(char in " ".join(words) for char in "\n`"), code
            assert "{" not in " ".join(words).replace("{name:", "").replace("[].{", ""), code


@pytest.mark.parametrize("shell", ["posix", "powershell"])
def test_what_the_user_gave_stays_a_word_of_the_command(shell: str) -> None:
    asked = Asked("contoso.example; rm -rf /", "$(reboot)")
    error = SignInError("no", hint="do", code="AADSTS7000222")
    told = failed(error, asked, Portal("https://portal.azure.com", asked.tenant))
    (line,) = as_document(AReport((told,)), shell)["findings"][0]["commands"]
    assert "'$(reboot)'" in line
    assert " rm -rf" not in told.portal and "$(reboot)" not in told.portal.replace("%28", "(")
    if shell == "posix":
        assert shlex.split(line)[-2] == "$(reboot)"


@pytest.mark.parametrize("bad", ["", "-x", "@file", "a\nb"])
def test_what_is_no_word_stands_as_its_name(bad: str) -> None:
    _, ((*_, name, _last),) = mended("AADSTS7000222", Asked("", bad), Portal("https://portal.azure.com"))
    assert name == "CLIENT_ID"


def test_nothing_secret_is_told(tmp_path: Path) -> None:
    report = World(env={"AZURE_CLIENT_SECRET": "another~secret-hunter2"}).doctor(tmp_path)
    assert "hunter2" not in str(report)


def test_no_token_for_graph_is_a_warning_with_its_reason(tmp_path: Path) -> None:
    from azscan.emulator import FaultRule

    request = "55555555-5555-4555-8555-555555555555"
    words = f"AADSTS65001: No consent. Trace ID: x Correlation ID: {request} Timestamp: 2026-01-01 00:00:00Z"
    body = {"error": "invalid_grant", "error_description": words, "error_codes": [65001]}
    # The second token is Graph's.
    rule = FaultRule("*/oauth2/v2.0/token", status=400, body=body, after=1)
    report = World(more={"faults": [rule]}).doctor(tmp_path)
    told = found(report, "graph-token")
    assert told.state == report.state == "warning" and "AADSTS65001" in told.what
    assert told.commands == (("az", "ad", "app", "permission", "admin-consent", "--id", CLIENT),)
    spared = World(more={"faults": [rule]}, services=("storage",)).doctor(tmp_path)
    assert found(spared, "graph-token").state == "ok" and "no selected check needs it" in str(spared.findings)
    alone = World(more={"faults": [rule]}, services=("entra",)).doctor(tmp_path)
    assert found(alone, "graph-token").state == "blocking"


def test_the_cloud_does_not_answer(tmp_path: Path) -> None:
    import asyncio

    from azscan.collect.plan import Plan
    from azscan.doctor.examine import examine
    from azscan.settings import resolve
    from tests.harness import shipped

    settings = resolve({"cloud": "https://localhost:1", "auth": "service-principal"}, {})
    report = asyncio.run(examine(settings, Plan(shipped(), (), {}), (), {}, lambda text: None))
    assert report.state == "blocking"
    assert {each.name for each in report.findings} == {"cloud", "host"}
    assert "localhost:1 cannot be reached: it refuses the connection" in str(report.findings)


def test_the_subscription_of_another_tenant() -> None:
    """ARM's own refusal, which comes with the list of subscriptions."""
    error = SignInError("could not be listed", hint="x", code="InvalidAuthenticationTokenTenant")
    told = failed(error, Asked(TENANT, CLIENT), Portal("https://portal.azure.com", TENANT))
    assert told.commands[0][:3] == ("az", "account", "list") and ONE not in str(told)
