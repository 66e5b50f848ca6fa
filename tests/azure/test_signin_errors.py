"""Why signing in failed, in words."""

from __future__ import annotations

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ChainedTokenCredential

from azscan.azure.signin_errors import CODES, explain

REQUEST = "44444444-4444-4444-8444-444444444444"
TRAILER = f" Trace ID: 0 Correlation ID: {REQUEST} Timestamp: 2026-01-01 00:00:00Z"
ASKED_FOR = [
    "7000215",
    "7000222",
    "700016",
    "90002",
    "50076",
    "50079",
    "53003",
    "65001",
    "65002",
    "50034",
    "50057",
    "7000112",
    "700211",
    "700213",
    "700024",
    "700027",
    "50173",
    "50020",
    "70043",
    "700082",
    "500011",
]


@pytest.mark.parametrize("number", ASKED_FOR)
def test_the_codes_people_meet_have_a_cause_and_a_remedy(number: str) -> None:
    why = explain(f"(invalid_client) AADSTS{number}: Words of Entra. More words.{TRAILER}")
    assert (why.cause, why.remedy) == CODES[f"AADSTS{number}"]
    assert str(why) == f"{why.cause} (AADSTS{number}, correlation id {REQUEST})"
    assert "Words of Entra" not in str(why)


def test_arm_s_code_for_another_tenant_is_known() -> None:
    assert "--tenant" in explain("InvalidAuthenticationTokenTenant The access token is from the wrong issuer").remedy


def test_causes_and_remedies_are_fragments_that_fit_into_a_line() -> None:
    for cause, remedy in CODES.values():
        assert cause[0].islower() and remedy[0].islower(), cause
        assert not cause.endswith(".") and not remedy.endswith("."), cause
        assert len(cause) < 90 and len(remedy) < 160, cause


def test_the_time_of_a_refusal_is_entra_s() -> None:
    assert explain(f"AADSTS700024: Not in its time.{TRAILER}").at == "2026-01-01 00:00:00Z"
    assert explain("AADSTS700024: Not in its time.").at == ""


def test_a_code_is_not_mistaken_for_a_shorter_one() -> None:
    assert explain("AADSTS7002131: No matching federated identity record.").code == "AADSTS7002131"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('Unexpected content type "text/plain"', "something else than Azure answers"),
        (
            "ManagedIdentityCredential authentication unavailable, no response from the IMDS endpoint.",
            "no managed iden",
        ),
        ("Something new. And more.", "Something new"),
    ],
)
def test_a_chain_of_credentials_is_told_by_what_its_link_said(said: str, cause: str) -> None:
    text = (
        "ChainedTokenCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
        f"\tManagedIdentityCredential: {said}\nTo mitigate this issue, please refer to the guidelines at https://aka.ms/x."
    )
    assert explain(text).cause.startswith(cause)


def test_an_unknown_code_gives_its_first_sentence_and_correlation_id() -> None:
    why = explain(f"Microsoft Entra ID error '(invalid_grant) AADSTS54321: It is full. Please wait.{TRAILER}")
    assert str(why) == f"It is full (AADSTS54321, correlation id {REQUEST})"
    assert "AADSTS54321" in why.remedy


@pytest.mark.parametrize(
    "text",
    ["AADSTS54321: Version 2.0 e.g. this. Next.", "AADSTS54321: Version 2.0 e.g. this\r\nNext"],
)
def test_a_sentence_ends_at_its_full_stop_or_line(text: str) -> None:
    assert explain(text).cause == "Version 2.0 e.g. this"


@pytest.mark.parametrize("error", ["", ".", "AADSTS54321", "AADSTS54321:", ClientAuthenticationError(message="")])
def test_there_is_always_a_cause(error: str | Exception) -> None:
    assert explain(error).cause


class Failing:
    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        raise ClientAuthenticationError("The moon is full. It will wane.")


def test_a_chain_of_one_gives_the_words_of_that_one() -> None:
    with pytest.raises(ClientAuthenticationError) as caught:
        ChainedTokenCredential(Failing()).get_token("https://management.azure.com/.default")
    assert explain(caught.value).cause == "The moon is full"


def test_secrets_and_tokens_are_left_out_of_azure_s_words() -> None:
    why = explain("AADSTS54321: The secret hunter2~x and eyJhbGciOi.eyJzdWIi.c2ln are bad.", ["hunter2", "hunter2~x"])
    assert why.cause == "The secret [redacted] and [redacted] are bad"


def test_a_reason_that_stands_only_in_the_answer_is_found() -> None:
    class Answer:
        reason, status_code = "Bad Request", 400

        def text(self) -> str:
            return '{"error": "invalid_grant", "error_description": "AADSTS65001: No consent.\\r\\nTrace"}'

    error = ClientAuthenticationError(message="Interactive authentication is required to get a token.")
    error.response = Answer()  # type: ignore[assignment]
    assert explain(error).code == "AADSTS65001"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Cannot connect to host login.test:443 ssl:default [Name or service not known]", "could not be reached"),
        ("HTTPSConnectionPool(host='login.test'): Max retries exceeded (Caused by ProxyError(...))", "the proxy"),
        ("407, message='Proxy Authentication Required'", "a user and a password"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "not trusted here"),
        ("ERROR: login expired, run `azd auth login` to acquire a new token.", "the sign-in of azd has expired"),
        ("HTTP Error: 503", "in trouble"),
    ],
)
def test_what_has_no_code_is_put_into_words(text: str, cause: str) -> None:
    assert cause in explain(text).cause
