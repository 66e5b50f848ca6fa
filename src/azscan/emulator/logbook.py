"""The log of every request, and what can be counted from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Record:
    """One request. `started` is seconds since the emulator began; `service` is arm, graph, login or foreign.

    `kind` is the collection in lower case ("microsoft.web/sites", "v1.0/users"); `page` counts a list's pages
    from 1; `fault` names what went wrong on purpose; `authorized` says whether a bearer token came along. `body` is
    what a POST to ARM sent; what a sign-in sends holds a secret and is left out.
    """

    number: int
    service: str
    method: str
    host: str
    path: str
    query: str
    subscription: str
    started: float
    who: str = ""
    kind: str = ""
    api: str = ""
    page: int = 1
    status: int = 0
    seconds: float = 0.0
    bytes: int = 0
    fault: str = ""
    authorized: bool = False
    body: str = ""

    @property
    def url(self) -> str:
        """Path and query as they were asked."""
        return f"{self.path}?{self.query}" if self.query else self.path


_MEMBERS = tuple(item.name for item in fields(Record))


@dataclass
class Logbook:
    """All records, and the counts that need a look at the server while it runs."""

    records: list[Record] = field(default_factory=list)
    write_attempts: list[Record] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0
    max_connections: int = 0

    def statistics(self) -> dict[str, Any]:
        """Counts over all records: by service and status, 429s, bytes, and the busiest second."""
        reads = [one for one in self.records if one.service in ("arm", "graph")]
        seconds = Counter(int(one.started) for one in reads)
        return {
            "requests": len(self.records),
            "services": dict(Counter(one.service for one in self.records)),
            "reads": len(reads),
            "statuses": {str(status): count for status, count in Counter(one.status for one in self.records).items()},
            "throttled": sum(one.status == 429 for one in reads),
            "bytes": sum(one.bytes for one in self.records),
            "max_connections": self.max_connections,
            "max_in_flight": self.max_in_flight,
            "max_requests_in_one_second": max(seconds.values(), default=0),
            "seconds": reads[-1].started + reads[-1].seconds - reads[0].started if reads else 0.0,
            "write_attempts": len(self.write_attempts),
            "repeated": sum(count - 1 for count in self._answered().values()),
        }

    def as_json(self) -> list[dict[str, Any]]:
        """Every record as a mapping."""
        return [{name: getattr(one, name) for name in _MEMBERS} for one in self.records]

    def clear(self) -> None:
        """Forget all records and counts."""
        self.records.clear()
        self.write_attempts.clear()
        self.max_in_flight = self.max_connections = 0

    def _answered(self) -> Counter[tuple[str, str, str]]:
        """How often each URL of ARM and Graph was asked with a 2xx."""
        return Counter(
            (one.service, one.method, one.url)
            for one in self.records
            if one.service in ("arm", "graph") and one.method == "GET" and 200 <= one.status < 300
        )
