"""The failures that a team knows of: those of an earlier scan, which --baseline lets through the gate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator

from azscan.estate.ids import key_of
from azscan.results import ScanInfo
from azscan.results_file import ResultsFile
from azscan.words import few

_MOST = 3


class Baseline:
    """The failures of a results file, held as digests (about 70 bytes each), and where they do not fit a scan.

    `present_id` gives the present id of a check. Raises what reading the file raises.
    """

    def __init__(self, path: str, present_id: Callable[[str], str]) -> None:
        file = ResultsFile(path)
        self.path = path
        self.scan = file.scan
        self._ran = frozenset(map(present_id, file.scan.check_ids))
        self._failed = frozenset(
            _digest(present_id(each.check), each.resource.id) for each in file.verdicts() if each.status == "fail"
        )

    def __len__(self) -> int:
        return len(self._failed)

    def knows(self, check: str, resource_id: str) -> bool:
        """True where the check failed on the resource. A finding that was waived or unreadable is not known to fail."""
        return _digest(check, resource_id) in self._failed

    def misfits(self, scan: ScanInfo, checks: Collection[str]) -> Iterator[str]:
        """Where the baseline does not cover a scan of these checks, so that failures are new for that alone."""
        for what, before, now in (
            ("tenant", self.scan.tenant, scan.tenant),
            ("cloud", self.scan.cloud, scan.cloud),
        ):
            if before != now:
                yield f"the baseline {self.path} is of another {what} ({before or 'unknown'})"
        known = {each.id.lower() for each in self.scan.subscriptions if not each.left_out}
        lacking = [each for each in scan.subscriptions if not each.left_out and each.id.lower() not in known]
        if lacking:
            names = few([each.name or each.id for each in lacking], _MOST)
            yield f"the baseline {self.path} lacks the subscriptions {names}: all of their failures are new"
        if self.scan.filters and set(self.scan.filters) != set(scan.filters):
            yield f"the baseline {self.path} holds only what fits {', '.join(self.scan.filters)}"
        if added := sorted(set(checks) - self._ran):
            yield f"the baseline {self.path} lacks the checks {few(added, _MOST)}: all of their failures are new"


def _digest(check: str, resource_id: str) -> bytes:
    text = f"{check}\n{key_of(resource_id)}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
