"""One diagnosis: how it stands, what it means, and where and with what it is mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from azscan.catalog.fix import command_line

State = Literal["ok", "warning", "blocking"]
Command = tuple[str, ...]

# In the order in which the groups are looked at and printed.
GROUPS = ("sign-in", "subscriptions", "roles", "graph", "defender", "providers", "credential", "clock", "network")


class Finding(msgspec.Struct, frozen=True):
    """One diagnosis. `what` is a line; `means` what follows from it and what to do, "" where nothing does.

    `portal` is a link to the page that mends it, `commands` the `az` commands in words: several are steps, in their
    order. `subscription` is an id where it is about one.
    """

    group: str
    name: str
    state: State
    what: str
    means: str = ""
    portal: str = ""
    commands: tuple[Command, ...] = ()
    subscription: str = ""


class Report(msgspec.Struct, frozen=True):
    """All diagnoses, in order, and what could not be looked at, with the reasons."""

    findings: tuple[Finding, ...]
    not_looked_at: tuple[str, ...] = ()
    requests: int = 0

    @property
    def state(self) -> State:
        """The worst of all."""
        return worst(each.state for each in self.findings)


def worst(states: Iterable[State]) -> State:
    """The worst of some states; ok where there are none."""
    found = set(states)
    return "blocking" if "blocking" in found else "warning" if "warning" in found else "ok"


def as_document(report: Report, shell: str) -> dict[str, Any]:
    """The report as `--json` prints it, its commands as lines for the shell."""
    return {
        "schema": "azscan.doctor/1",
        "state": report.state,
        "requests": report.requests,
        "findings": [
            {**msgspec.to_builtins(each), "commands": [command_line(words, shell) for words in each.commands]}
            for each in report.findings
        ],
        "notLookedAt": list(report.not_looked_at),
    }


class Portal:
    """Links into the portal of a cloud, for a tenant ("" where it is not known)."""

    def __init__(self, address: str, tenant: str = "") -> None:
        self._address = address
        self._tenant = quote(tenant, safe="")

    def view(self, path: str) -> str:
        """A page by its name in the portal ("Microsoft_AAD_IAM/…")."""
        return f"{self._address}/{self._tenant}#view/{path}"

    def app(self, page: str, app_id: str) -> str:
        """A page of an app registration ("Credentials", "CallAnAPI"); the list of them where the app is not known."""
        if not app_id:
            return self.view("Microsoft_AAD_RegisteredApps/ApplicationsListBlade")
        return self.view(f"Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/{page}/appId/{quote(app_id, safe='')}")

    def resource(self, resource_id: str, page: str) -> str:
        """A page of a subscription or resource ("users" is its access control)."""
        tenant = f"@{self._tenant}/" if self._tenant else ""
        return f"{self._address}/#{tenant}resource{quote(resource_id, safe='/')}/{page}"

    def subscriptions(self) -> str:
        """The list of subscriptions."""
        return self.view("Microsoft_Azure_Billing/SubscriptionsBlade")


def filled(template: str, values: Mapping[str, str]) -> Command:
    """The words of a command, each with {names} replaced; a value that is not known stands as its NAME."""
    known = {name: value if is_word(value) else name.upper() for name, value in values.items()}
    return tuple(word.format(**known) for word in template.split())


def is_word(value: str) -> bool:
    """True for what may stand in a command as it is: some text, that az cannot take for an option or a file."""
    return bool(value) and value.isprintable() and value[0] not in "-@"
