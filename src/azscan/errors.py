"""The errors that end a command: each says what happened, what it means and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class AzscanError(Exception):
    """A fault that ends the command, with the exit code it ends with.

    `hint` is one sentence that says what to do next; `anchor` names the section of the docs that tells more.
    Trouble with one resource is data (a read fault), never one of these.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", anchor: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.anchor = anchor


class UsageError(AzscanError):
    """A wrong option, a wrong azscan.yaml, or a filter or name that matches nothing."""

    exit_code = 2


class Misfit(NamedTuple):
    """A word of an option, and what is wrong with it; "" where it is about the option as a whole."""

    word: str
    message: str
    hint: str = ""


class MisfitError(UsageError):
    """Words of one option name nothing. `name` is the option's key; settings.blamed tells who gave them."""

    def __init__(self, name: str, misfits: Sequence[Misfit]) -> None:
        super().__init__(misfits[0].message, hint=misfits[0].hint)
        self.name = name
        self.misfits = tuple(misfits)


class CatalogError(UsageError):
    """The catalogue (checks, services, mappings) is not valid; carries every fault that was found."""

    def __init__(self, message: str, faults: Sequence[SourceFault] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(faults)


class NothingScannedError(AzscanError):
    """No sign-in, no subscription, or no right to read anything: there is nothing to report."""

    exit_code = 3


class NothingDecidedError(NothingScannedError):
    """A scan came to its end, but not one verdict is readable: what it reports proves nothing."""


class SignInError(NothingScannedError):
    """Signing in failed. `code` is Entra's or ARM's ("" where there is none), `said_at` the time by Entra's clock."""

    def __init__(self, message: str, *, hint: str = "", anchor: str = "", code: str = "", said_at: str = "") -> None:
        super().__init__(message, hint=hint, anchor=anchor)
        self.code = code
        self.said_at = said_at


class OutputError(AzscanError):
    """The estate or an output cannot be written or read (disk full, locked, read-only)."""

    exit_code = 5


class EstateInUseError(OutputError):
    """Another azscan has the estate open."""


class GuardError(AzscanError):
    """A request that is not a known read was about to leave: a fault of azscan's own, stopped."""


class Interrupted(AzscanError):
    """The user, or a signal, stopped the scan; the hint says how to resume."""

    exit_code = 130


@dataclass(frozen=True, order=True)
class SourceFault:
    """One fault in a file that a person wrote; `line` and `column` count from 1, 0 where there is none."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")
