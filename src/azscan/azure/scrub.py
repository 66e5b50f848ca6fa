"""Takes tokens and secrets out of text that people will see: log lines and error messages."""

from __future__ import annotations

import logging
import re

MARK = "[redacted]"

# A JWT is three base64url parts; the first two start with the base64 of '{"'.
_PATTERNS = (
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?", re.ASCII), MARK),
    (re.compile(r"(?i)\b(bearer|pop|basic)[ \t]+[\w\-.~+/]{8,}=*"), rf"\1 {MARK}"),
    (re.compile(r"(?i)(sig|signature)(=|%3d)[^&\s\"'<>;]+"), rf"\1\2{MARK}"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:client[_-]?secret|client[_-]?assertion|access[_-]?token|refresh[_-]?token|id[_-]?token"
            r"|(?:access|account|api)[_-]?key|shared[_-]?access[_-]?(?:key|signature)|password|pwd)[\"']?\s*[=:]\s*)"
            r"(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;&\"']+)"
        ),
        rf"\1{MARK}",
    ),
    (re.compile(r"(://)[^/\s@:]*:[^/\s@]+@"), rf"\1{MARK}@"),
    (re.compile(r"(?i)(https?://)[^/?#\s@]+@"), rf"\1{MARK}@"),
)


def scrub(text: str) -> str:
    """`text` without bearer tokens, JWTs, signatures (`sig=`), secrets by their names, and passwords in URLs."""
    for pattern, mark in _PATTERNS:
        text = pattern.sub(mark, text)
    return text


class ScrubFilter(logging.Filter):
    """A filter for a logging handler that scrubs every record: message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrubs the record in place; always lets it through."""
        record.msg = scrub(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        return True
