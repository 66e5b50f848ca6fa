"""One request, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azscan.emulator.addresses import Address


@dataclass(slots=True)
class Asked:
    """A request to ARM or Graph after sign-in. `path` is decoded, `raw` and `raw_query` are as they were sent."""

    service: str
    method: str
    base: str
    path: str
    raw: str
    raw_query: str
    query: Mapping[str, str]
    address: Address
    body: bytes = b""
    claims: Mapping[str, Any] = field(default_factory=dict)
    who: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    page: int = 1

    def option(self, name: str) -> str:
        """A query option by its name without `$`, in any case and either spelling; "" where it is not given."""
        return next((value for key, value in self.query.items() if key.lstrip("$").lower() == name), "")
