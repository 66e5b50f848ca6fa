"""What a secret looks like wherever it stands: tokens, keys, passwords in addresses and connection strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# "=" as it stands in a connection string, in an address, twice encoded, in JSON inside of text, and in XML.
_IS = r"(?:=|%(?:25)*3d|\\+u003d|&#61;)"
_QUOTE = r"\\*[\"']?"


class Shape(NamedTuple):
    """One form of secrets, and what must be there before it is searched for: most bodies and most texts have nothing.

    A body (in lower case) has one of the characters `gate`, where any are given, and one of `in_body`; a text has one
    of `in_text`.
    """

    gate: tuple[bytes, ...]
    in_body: tuple[bytes, ...]
    in_text: tuple[str, ...]
    search: Callable[[str], Any]


def _shape(gate: str, in_body: tuple[str, ...], in_text: tuple[str, ...], *patterns: str) -> Shape:
    search = re.compile("|".join(patterns), re.ASCII).search
    return Shape(tuple(each.encode() for each in gate), tuple(each.encode() for each in in_body), in_text, search)


# "password": "x" and password: x in text, and what stands in headers
_SAID = (
    r"(?i:authorization|cookie|(?:access|account|api|auth|functions|master|primary|private|sas|secondary|shared|storage"
    rf"|subscription)[_-]?key|token|password|passwd|pwd|secret){_QUOTE}\s*:\s*{_QUOTE}(?!//|{{\s*}}|null)[^\s\"'\\,;}}\[\]]"
)

# No pattern takes longer than in proportion to the text, whatever the text: what repeats cannot begin again inside of
# itself, or is bounded.
SHAPES = (
    # Password=…, AccountKey=…, sig=…, &code=… (https://learn.microsoft.com/azure/storage/common/storage-sas-overview,
    # https://learn.microsoft.com/azure/azure-functions/function-keys-how-to)
    _shape(
        "=%\\&",
        ("=", "%3d", "253d", "u003d", "&#61;"),
        ("=", "%", "u003", "&#61;"),
        r"(?i:pass(?:word|wd|phrase|code)|(?<![a-z])pass|pwd|secret(?:[_-]?value)?|(?<!publickey)token|connection[_-]?string"
        r"|credentials?|(?:api|access|account|admin|auth|client|functions?|host|instrumentation|license|master|primary"
        r"|private|secondary|shared|signing|storage|subscription)[_-]?key|shared[_-]?access[_-]?signature|signature|sig)"
        rf"{_QUOTE}\s*(?i:{_IS})\s*[^;&\s]",
        rf"(?:^|[?&;]|(?i:%(?:25)*(?:3f|26|3b)|\\+u0026))(?i:(?:code|key){_IS})[^&\s]",
    ),
    # --password x, -ApiKey:x
    _shape(
        " ",
        ("--", " -"),
        ("--", " -"),
        r"(?<![\w-])--?(?i:[\w-]{0,30}(?:pass(?:word|wd|phrase)|pwd|secret|token|key|connection-?string|credentials?))"
        r"[ =:]+[^\s-]",
        r"(?i:login|sqlcmd|sqlpackage|mysql|sshpass|net use)[^\n]{0,200}?\s-[pP]\s?\S",
        r"\s(?:-u|--user)[ =][^\s:]{1,64}:\S",
        r"(?i:convertto-securestring)",
    ),
    _shape("", ("authorization:", "cookie:", "key:", "token:", "secret:", "password:", "pwd:"), (":",), _SAID),
    _shape("\\' ", ('\\":', "':", " :", ": ", "passwd"), (":",), _SAID),
    _shape(
        "<",
        ("password>", "pwd>", "secret>", "token>", "key>"),
        ("<",),
        r"<[\w:.-]{0,40}(?i:password|pwd|secret|token|key)>\s*[^<\s]",
    ),
    # Bearer …, Basic …: the word after it is a token and not one of a sentence
    _shape(
        " \\%",
        ("bearer", "basic", "sharedkey", "negotiate", "token", "apikey", "pop "),
        (" ", "\t", "%20"),
        r"(?:\b|(?<=%20))(?i:bearer|basic|sharedkey(?:lite)?|negotiate|token|apikey|pop)(?:[ \t]+|%20)"
        r"(?=[^\s\"']{0,64}(?:[0-9=+]|[a-z][A-Z])|[^\s\"']{20})[\w\-.~+/:=]{8}",
    ),
    # A JWT begins with '{"' in base64url.
    _shape("", ("eyj",), ("eyJ",), r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))eyJ[\w-]{5,}\.[\w-]{2}"),
    # https://user:password@host, https://token@host, postgres://user:password@host, also percent-encoded
    _shape(
        "@%",
        ("@", "%40", "2540"),
        ("//", "%2"),
        r"(?i:https?)://[^/?#\s@\"'<>\\]+@",
        r"//[^/\s@:\"'<>\\]*:[^/\s@\"'<>\\]+@",
        r"(?i:amqps?|ftps?|ldaps?|mongodb(?:\+srv)?|mssql|mysql|postgres(?:ql)?|rediss?|sftp|smtps?|sqlserver)"
        r"://[^/\s@:]{0,128}:[^\s@]{1,128}@",
        r"(?i:%(?:25)*3a%(?:25)*2f%(?:25)*2f)[^%/\s@]*(?i:%(?:25)*3a|:)[^/\s@]{1,128}?(?i:%(?:25)*40|@)",
    ),
    # PEM, and PEM in base64
    _shape(" ", ("private key",), ("PRIVATE KEY",), r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    _shape(
        "",
        ("ls0tls1crudjti",),
        ("LS0tLS1CRUdJTi",),
        r"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJ|BFQyBQUklW|BEU0EgUFJJ|BPUEVOU1NI|BFTkNSWVBU|BQR1AgUFJJ)",
    ),
    # The keys of storage accounts, Cosmos DB and Batch: 64 bytes in base64
    _shape("=", ("==",), ("==",), r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    # Containers of a web app, with their variables: a compose file in base64
    _shape("|", ("compose|", "kube|"), ("|",), r"^(?i:compose|kube)\|[A-Za-z0-9+/]{8}"),
    # Addresses that open by themselves, and tokens that are known by how they begin
    _shape(
        "",
        ("hooks.slack.com", "office.com/webhook"),
        (".com/",),
        r"(?:hooks\.slack|office)\.com/(?:services|webhook\w*)/\w",
    ),
    _shape("_", ("ghp_", "gho_", "ghs_", "github_pat_"), ("_",), r"\b(?:gh[pos]_|github_pat_)\w{20}"),
)


def shapes_in(body: bytes) -> list[Shape]:
    """The shapes of secrets that may be in an encoded body."""
    lower = body.lower()
    characters = {each for each in _GATES if each in lower}
    found = []
    for shape in SHAPES:
        if shape.gate and characters.isdisjoint(shape.gate):
            continue
        for hint in shape.in_body:
            if hint in lower:
                found.append(shape)
                break
    return found


def shows_secret(text: str, shapes: Sequence[Shape] = SHAPES) -> bool:
    """True where a secret of one of the shapes stands in the text."""
    for _, _, hints, search in shapes:
        for hint in hints:
            if hint in text:
                if search(text):
                    return True
                break
    return False


_GATES = sorted({each for shape in SHAPES for each in shape.gate})
