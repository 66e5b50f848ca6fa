"""The plan: which collections the chosen checks need, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from azscan.catalog.builtin import (
    BUILT_IN,
    RESOURCE_GROUPS,
    RESOURCES,
    SUBSCRIPTION,
    TENANT,
    is_tenant_level,
    parts_of,
)
from azscan.catalog.model import Catalog, Check, Collection, Condition
from azscan.conditions.grammar import named_paths, parse
from azscan.conditions.nodes import Count, Leaf, Node, Quantifier, walk


class Plan:
    """The collections to read and, for children, below which parents; `names` are the attached names opened.

    `checks_of` tells which checks rest on a collection. `sought` are the types that checks look for in the list of
    all resources, which shows only what the identity may read by the type's own action.
    """

    def __init__(self, catalog: Catalog, checks: Iterable[Check], params: Mapping[str, Mapping[str, Any]]) -> None:
        self.catalog = catalog
        self.names: set[str] = set()
        self.collections: dict[str, set[str]] = {}
        self.checks_of: dict[str, set[str]] = {}
        self.sought: set[str] = set()
        self._parts = parts_of(catalog)
        self.children = cache(self._children)
        self.roots = cache(self._roots)
        for check in checks:
            self._check = check.id
            if check.subject not in ("subscription", "tenant"):
                self._need(check.subject)
            else:
                self.checks_of.setdefault(check.subject, set()).add(check.id)
            for condition in (check.applies, check.require):
                if condition is not None:
                    self._open(check.subject, condition, {**check.params, **params.get(check.id, {})})
        if any(self.kind(name).host == "arm" for name in self.collections):
            # Which groups another resource manages: a node group's resources are marked as such.
            self.collections.setdefault(RESOURCE_GROUPS.name, set())

    def kind(self, name: str) -> Collection:
        """The declaration of a collection."""
        return self.catalog.collections.get(name) or BUILT_IN[name]

    def _roots(self, *, tenant: bool) -> list[Collection]:
        """The collections that are listed for a subscription, or for the tenant, in the catalogue's order."""
        kinds = [self.kind(name) for name in sorted(self.collections)]
        own = (RESOURCES, SUBSCRIPTION, TENANT)
        return [kind for kind in kinds if not kind.of and is_tenant_level(kind) == tenant and kind not in own]

    def _children(self, parent: str) -> list[Collection]:
        """The collections to read below each record of `parent`."""
        return [self.kind(name) for name, parents in sorted(self.collections.items()) if parent in parents]

    def needs_resource_list(self) -> bool:
        """True where a chosen collection may be proven absent, or is read per region."""
        return (
            any(kind.presence == "listed" or kind.per == "location" for kind in self.roots(tenant=False))
            or RESOURCES.name in self.collections
        )

    def _open(self, subject: str, condition: Condition, params: Mapping[str, Any]) -> None:
        node = parse(condition, params)
        self.sought.update(_sought(node))
        for path in named_paths(node):
            at, keyed = subject, False
            for name in path:
                part = self._parts.get(at, {}).get(name)
                if part is None:
                    if keyed:
                        keyed = False
                        continue
                    break
                self.names.add(name)
                is_child = part.link is None and at in self.kind(part.collection).of
                self._need(part.collection, at if is_child else "")
                at, keyed = part.collection, part.shape == "map"

    def _need(self, name: str, parent: str = "") -> None:
        kind = self.kind(name)
        self.checks_of.setdefault(name, set()).add(self._check)
        parents = {parent} if parent else set(kind.of)
        known = self.collections.get(name)
        if known is not None and parents <= known:
            # Already planned, but the check rests on what lies above it all the same.
            for above in parents:
                self._rests_on(above)
            return
        self.collections[name] = (known or set()) | parents
        for above in parents:
            self._need(above)
            if kind.when is not None:
                self._open(above, kind.when, {})
        if kind.detail_when is not None:
            self._open(name, kind.detail_when, {})
        if kind.per == "resource_group":
            self._need(RESOURCE_GROUPS.name)

    def _rests_on(self, name: str) -> None:
        checks = self.checks_of.setdefault(name, set())
        if self._check not in checks:
            checks.add(self._check)
            for above in self.collections.get(name, ()):
                self._rests_on(above)


def _sought(node: Node) -> Iterator[str]:
    """The types that a condition looks for in the list of all resources."""
    for each in walk(node):
        if isinstance(each, Quantifier | Count) and each.where is not None and each.in_.keys == (RESOURCES.attach_as,):
            for leaf in walk(each.where):
                if isinstance(leaf, Leaf) and (leaf.path.keys, leaf.op) == (("type",), "equals"):
                    yield str(leaf.expected)
