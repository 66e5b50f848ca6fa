"""Which finding the team has accepted, and what became of each waiver."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

import msgspec

from azscan.config import has_expired
from azscan.results import Off, ResourceRef, Waiver
from azscan.words import glob, is_glob

Test: TypeAlias = Callable[[ResourceRef, Mapping[str, str]], bool]


class Looked(msgspec.Struct, frozen=True):
    """What a scan looked at: checks by their present ids, those of them with an unreadable verdict, subscriptions.

    `is_filtered` is true where only resources of some regions, groups or tags were judged.
    """

    checks: frozenset[str]
    unread: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()
    is_filtered: bool = False


class Waivers:
    """Waivers, compiled once per scan so that a match costs a dictionary look-up for most checks.

    A waiver fits where its checks fit and each of the other things that it names (resources, tags, resource groups,
    subscriptions, managed-by) fits; of the words under one name, one must fit. It counts through the day in `expires`.
    `aliases` maps a check's id to its former ids, which old waivers may still name.
    """

    def __init__(
        self, waivers: Sequence[Waiver], today: date, aliases: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._waivers = [
            msgspec.structs.replace(waiver, expired=has_expired(waiver.expires, today), used=0) for waiver in waivers
        ]
        self._used = [0] * len(self._waivers)
        self._aliases = aliases or {}
        self._compiled = [
            (index, [glob(pattern) for pattern in waiver.checks], _tests(waiver))
            for index, waiver in enumerate(self._waivers)
            if not waiver.expired
        ]
        self._of_check: dict[str, tuple[tuple[int, tuple[Test, ...]], ...]] = {}

    def match(self, check_id: str, resource: ResourceRef, tags: Mapping[str, str]) -> int | None:
        """The index of the first waiver that covers this finding (one use is put down to it), or None.

        Ask it for verdicts that failed only: a waiver never turns what is unreadable or passed into `waived`.
        """
        candidates = self._of_check.get(check_id)
        if candidates is None:
            candidates = self._of_check[check_id] = self._candidates(check_id)
        for index, tests in candidates:
            if all(test(resource, tags) for test in tests):
                self._used[index] += 1
                return index
        return None

    def report(self, looked: Looked) -> tuple[Waiver, ...]:
        """The waivers in their order, with the uses so far and whether they have expired.

        One that covers nothing although the scan looked at all that it names is superfluous; else `not_tried` says
        what was not looked at.
        """
        return tuple(
            msgspec.structs.replace(
                waiver, used=used, not_tried="" if used or waiver.expired else self._not_tried(waiver, looked)
            )
            for waiver, used in zip(self._waivers, self._used, strict=True)
        )

    def _not_tried(self, waiver: Waiver, looked: Looked) -> str:
        fits = [glob(pattern) for pattern in waiver.checks]

        def names(check: str) -> tuple[str, ...]:
            return (check, *self._aliases.get(check, ()))

        run = {check for check in looked.checks if any(fit(name) for fit in fits for name in names(check))}
        if not run:
            return "none of its checks was run"
        if not _is_within(waiver, looked.subscriptions):
            return "its subscriptions were not scanned"
        if looked.is_filtered:
            return "the scan left out resources by region, group or tag"
        if run & looked.unread:
            return "some verdicts of its checks are unreadable"
        return ""

    def _candidates(self, check_id: str) -> tuple[tuple[int, tuple[Test, ...]], ...]:
        names = (check_id, *self._aliases.get(check_id, ()))
        return tuple(
            (index, tests) for index, checks, tests in self._compiled if any(fits(n) for fits in checks for n in names)
        )


class SwitchedOff:
    """What the team switched off by service or check; an expired entry is reported and switches nothing off."""

    def __init__(self, entries: Sequence[Off], today: date, aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        self.entries = tuple(
            msgspec.structs.replace(entry, expired=has_expired(entry.expires, today)) for entry in entries
        )
        self._aliases = aliases or {}
        self._live = [
            (index, [glob(name) for name in entry.services], [glob(name) for name in entry.checks])
            for index, entry in enumerate(self.entries)
            if not entry.expired
        ]

    def match(self, check_id: str, service: str) -> int | None:
        """The index of the first entry that switches this check off, or None."""
        names = (check_id, *self._aliases.get(check_id, ()))
        for index, services, checks in self._live:
            if any(fits(service) for fits in services) or any(fits(name) for fits in checks for name in names):
                return index
        return None


def _is_within(waiver: Waiver, subscriptions: frozenset[str]) -> bool:
    """False where the waiver names subscriptions, in its resources' ids or by themselves, none of them among these."""
    named = [[glob(each) for each in waiver.subscriptions]] if waiver.subscriptions else []
    starts = [_SUBSCRIPTION.match(each) for each in waiver.resources]
    if all(starts):
        named += [[glob(start[1]) for start in starts if start]] if starts else []
    return all(any(fits(each) for fits in some for each in subscriptions) for some in named)


_SUBSCRIPTION = re.compile(r"/subscriptions/([^/*?]+)(?:/|$)", re.IGNORECASE)


def _tests(waiver: Waiver) -> tuple[Test, ...]:
    """One test for each kind of thing that the waiver names, the cheapest first."""
    tests: list[Test] = []
    if waiver.subscriptions:
        tests.append(_fits(waiver.subscriptions, lambda resource: resource.subscription))
    if waiver.resource_groups:
        tests.append(_fits(waiver.resource_groups, lambda resource: resource.resource_group))
    if waiver.resources:
        patterns = [pattern.rstrip("/") if len(pattern) > 1 else pattern for pattern in waiver.resources]
        tests.append(_fits(patterns, lambda resource: resource.id.rstrip("/")))
    if waiver.tags:
        tests.append(_tagged(waiver.tags))
    if waiver.managed_by:
        tests.append(_managed(waiver.managed_by))
    return tuple(tests)


def _fits(patterns: Sequence[str], get: Callable[[ResourceRef], str]) -> Test:
    """Fits where one of the globs fits; a resource that has no such value (a tenant has no group) never does."""
    plain = [pattern for pattern in patterns if pattern.isascii() and not is_glob(pattern)]
    exact = frozenset(pattern.lower() for pattern in plain)
    globs = [glob(pattern) for pattern in patterns if pattern not in plain]

    def test(resource: ResourceRef, _tags: Mapping[str, str]) -> bool:
        value = get(resource)
        if not value:
            return False
        return (value.isascii() and value.lower() in exact) or any(fits(value) for fits in globs)

    return test


def _tagged(selectors: Sequence[str]) -> Test:
    """Fits a tag by `name` or `name=value` (globs). Azure compares tag names without case, values with it.

    https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
    """
    wanted = []
    for selector in selectors:
        name, equals, value = selector.partition("=")
        wanted.append((glob(name.strip()), glob(value.strip() if equals else "*", ignore_case=False)))

    def test(_resource: ResourceRef, tags: Mapping[str, str]) -> bool:
        return any(name(key) and value(str(tag)) for key, tag in tags.items() for name, value in wanted)

    return test


def _managed(selectors: Sequence[str]) -> Test:
    """Fits what another resource manages: by the type of the manager, a glob on its ARM id, or `*` for any."""
    globs = [glob(selector) for selector in selectors]

    def test(resource: ResourceRef, _tags: Mapping[str, str]) -> bool:
        manager = resource.managed_by.rstrip("/")
        if not manager:
            return False
        kind = type_of(manager)
        return any(fits(manager) or (bool(kind) and fits(kind)) for fits in globs)

    return test


def type_of(arm_id: str) -> str:
    """The resource type that an ARM id names (`Microsoft.X/parents/children`), or "" where it names none."""
    parts = arm_id.strip("/").split("/")
    start = max((index for index, part in enumerate(parts) if part.lower() == "providers"), default=-1)
    if start < 0:
        return ""
    return "/".join([*parts[start + 1 : start + 2], *parts[start + 2 :: 2]])
