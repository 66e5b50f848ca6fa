"""`minimumTls`: the least TLS version that a service accepts, in all of Azure's spellings, by order."""

from __future__ import annotations

import re
from typing import Any, Final

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators import Test

# TLS1_2 (Storage), Tls12 and Tls (Cosmos DB), 1.2 (SQL), TLS12 (CDN), TLSv1.2 and TLSV1.1 (MySQL), TLSv1_2 (gateways).
_TLS: Final = re.compile(r"(?:tls[ _-]?v?1(?:[._]?([0-3]))?|1\.([0-3]))\Z")
_SSL: Final = re.compile(r"ssl[ _-]?v?[23](?:[._]?0)?\Z")
# No minimum is enforced: "None" is SQL's and CDN's word, the long one MySQL's and PostgreSQL's.
_NO_MINIMUM: Final = frozenset({"none", "disabled", "tlsenforcementdisabled"})
_LOWEST: Final = (0, 0)

Version = tuple[int, int]


def read_tls(text: str) -> Version:
    """The TLS version that the text spells; (0, 0) for SSL or no minimum; ValueError for an unknown spelling."""
    lower = text.strip().lower()
    if lower in _NO_MINIMUM or _SSL.match(lower):
        return _LOWEST
    if lower == "tls":
        return (1, 0)
    match = _TLS.match(lower)
    if match is None:
        raise ValueError(f"{text!r} is not a TLS version")
    return 1, int(match[1] or match[2] or 0)


def read_wanted(text: str) -> Version:
    """The version that an author wants: "1.0" to "1.3", however it is spelt."""
    version = read_tls(text)
    if not (1, 0) <= version <= (1, 3):
        raise ValueError(f"{text!r} is not a TLS version; expected 1.0, 1.1, 1.2 or 1.3")
    return version


def minimum_tls(expected: str | float) -> Test:
    """The weakest accepted version is the expected one or a later one.

    A list, or a comma list as MySQL's `tls_version`, names what is accepted: its weakest counts. That nothing is
    enforced (None, Disabled, TLSEnforcementDisabled) is FALSE; an unknown spelling is UNSAID.
    """
    wanted = read_wanted(str(expected))

    def reaches(value: Any) -> int:
        if isinstance(value, list):
            parts = [part for each in value for part in (each.split(",") if isinstance(each, str) else [each])]
        else:
            parts = value.split(",") if isinstance(value, str) else [value]
        outcome = TRUE if parts else UNSAID
        for part in parts:
            if isinstance(part, bool) or not isinstance(part, str | int | float):
                outcome = max(outcome, UNSAID)
                continue
            try:
                if read_tls(str(part)) < wanted:
                    return FALSE
            except ValueError:
                outcome = UNSAID
        return outcome

    return reaches
