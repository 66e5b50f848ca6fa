"""Resource providers: which a subscription has registered, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azscan.emulator.estate import Estate
from azscan.emulator.index import Index
from azscan.emulator.options import Options


class Registrations:
    """The registration state of every provider in every subscription."""

    def __init__(self, estate: Estate, options: Options, index: Index) -> None:
        self._index = index
        self._states: dict[tuple[str, str], str] = {}
        self._written: dict[str, str] = {}
        for source in (estate.providers, options.providers):
            for key, value in source.items():
                if isinstance(value, Mapping):
                    for namespace, state in value.items():
                        self._note(key.lower(), namespace, state)
                else:
                    self._note("", key, value)
        for written in [*index.types.values(), *estate.types]:
            self._written.setdefault(written.split("/")[0].lower(), written.split("/")[0])

    def state(self, subscription: str, namespace: str) -> str:
        """`registered`, `notregistered` or `unregistered`."""
        own = self._states.get((subscription, namespace))
        return own or self._states.get(("", namespace), "registered")

    def describe(self, subscription: str, namespace: str) -> dict[str, Any]:
        """A provider as ARM describes it to a subscription."""
        written = self._written.get(namespace, namespace)
        state = {"registered": "Registered", "notregistered": "NotRegistered", "unregistered": "Unregistered"}
        kinds = [kind for kind in self._index.types if kind.split("/")[0] == namespace]
        return {
            "id": f"/subscriptions/{subscription}/providers/{written}",
            "namespace": written,
            "resourceTypes": [
                {"resourceType": self._index.types[kind].split("/", 1)[-1], "locations": [], "apiVersions": []}
                for kind in kinds
            ],
            "registrationState": state.get(self.state(subscription, namespace), "Registered"),
            "registrationPolicy": "RegistrationRequired",
        }

    def namespaces(self) -> list[str]:
        """Every provider that occurs, in lower case."""
        return sorted({*self._written, *(namespace for _, namespace in self._states)})

    def _note(self, subscription: str, namespace: str, state: str) -> None:
        self._written.setdefault(namespace.lower(), namespace)
        self._states[(subscription, namespace.lower())] = str(state).lower()
