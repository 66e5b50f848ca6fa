"""The shapes of secrets; what they find and leave stands in test_redact."""

from __future__ import annotations

import msgspec
import pytest

from azscan.estate.secret_values import SHAPES, shapes_in, shows_secret
from tests.estate.test_redact import HARMLESS, VALUES

# What the patterns begin with.
BEGINNINGS = (
    *("eyJ", "eyJa-", "a-eyJaaaaaa", "-eyJaaaaaa", "%ffeyJaaaaa", "://", "://a:", "https://", "https://a", "ftp://a:"),
    *("mysql://a:a", "%3a%2f%2fa:", "%3A%2F%2F", "%25", "%2525", "Basic ", "Bearer a", "bearer\\t", "bearer a"),
    *("password ", "password\\", "password   ", "--key-", "-key", "--a-", " -", "<key>", "key>", "<a", "-----BEGIN "),
    *("-----BEGIN A", "LS0tLS1CRUdJTi", "=a/b+", "a" * 86 + "=", "COMPOSE|", "token:", "token: ", "'token':"),
    *('token" :', "secret'", "sig%", "sig%2525", "code=&", "ghp_", "a_", "@", "=", "("),
    *("login ", "login -", "//", "//a:", "Basic%20", "bearer%20a", " -u a", " -u a:", " --user a", "mysql", "token%20"),
)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_text_of_nothing_but_beginnings_is_searched_once(beginning: str) -> None:
    """A pattern that began anew at each of them, and read on to the end, would not come back for minutes."""
    for shape in SHAPES:
        for text in (beginning * 20_000, beginning * 20_000 + "!"):
            found = shape.search(text)
            assert found is None or found.start() < 9 * len(beginning) or found.end() == len(text)


@pytest.mark.parametrize("value", [*VALUES, *HARMLESS])
def test_no_shape_is_overlooked_in_a_body(value: str) -> None:
    """The quick look at the encoded body leaves out none that would have found something."""
    shapes = shapes_in(msgspec.json.encode({"properties": [value]}))
    assert shows_secret(value, shapes) == any(shape.search(value) for shape in SHAPES) == shows_secret(value)
