"""No token or secret survives in a log line."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.azure.scrub import MARK, ScrubFilter, scrub

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2EifQ.c2lnbmF0dXJlX29mLWl0"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"Authorization: Bearer {JWT}", f"Authorization: Bearer {MARK}"),
        ("authorization: bearer 0123456789abcdef==", f"authorization: bearer {MARK}"),
        (f"token {JWT}, more", f"token {MARK}, more"),
        ("https://x/c?sv=1&sig=a%2Bb%3D&se=2", f"https://x/c?sv=1&sig={MARK}&se=2"),
        ("client_secret=s3cr~et&grant_type=x", f"client_secret={MARK}&grant_type=x"),
        ('{"client_secret": "a\\"b c", "x": 1}', f'{{"client_secret": {MARK}, "x": 1}}'),
        ("{'access_token': 'opaque-value'}", f"{{'access_token': {MARK}}}"),
        ("Protocol=https;AccountKey=abc==;EndpointSuffix=x", f"Protocol=https;AccountKey={MARK};EndpointSuffix=x"),
        ("refresh_token: 0.AAAA", f"refresh_token: {MARK}"),
        ("proxy http://ann:s3cr3t@proxy:8080/", f"proxy http://{MARK}@proxy:8080/"),
        ("clone https://s3cr3t@host/repo", f"clone https://{MARK}@host/repo"),
        ("postgres://ann:s3cr3t@host/db", f"postgres://{MARK}@host/db"),
        ("https%3A%2F%2Fx%3Fsv%3D1%26sig%3Da%252B", f"https%3A%2F%2Fx%3Fsv%3D1%26sig%3D{MARK}"),
        ("SharedAccessSignature=sr;x", f"SharedAccessSignature={MARK};x"),
    ],
)  # fmt: skip
def test_secrets_are_taken_out(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "GET /subscriptions/0/providers/Microsoft.Storage/storageAccounts?api-version=2024-01-01: 200 in 40 ms (rq-1)",
        "the bearer of this",
        "design=good, assignment=x",
        "https://management.azure.com/a@b",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert scrub(text) == text


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=8), st.text(max_size=20))
def test_whatever_stands_around_it_a_bearer_token_goes(secret: str, around: str) -> None:
    assert f"Bearer {secret}" not in scrub(f"{around} Bearer {secret}")


def test_the_filter_scrubs_message_arguments_and_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ScrubFilter())
    logger = logging.getLogger("azscan.test.scrub")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.error("asked with %s and %d", f"Bearer {JWT}", 3)
        try:
            raise ValueError(f"sig=abcdef and {JWT}")
        except ValueError:
            logger.exception("it broke: client_secret=hunter2")
    finally:
        logger.removeHandler(handler)
    text = stream.getvalue()
    assert "and 3" in text and "ValueError" in text
    assert JWT not in text and "abcdef" not in text and "hunter2" not in text
