"""Services: from the walked `_service.yaml` to the model, and the rules that a table of keys cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from azscan.catalog.attachments import WIRE_NAMES, parents
from azscan.catalog.builtin import BUILT_IN
from azscan.catalog.kinds import Findings, hint_for
from azscan.catalog.model import BUILT_IN_SUBJECTS, Collection, Condition, Link, Service
from azscan.catalog.source import Keys
from azscan.catalog.tables import OTHER_CLOUDS
from azscan.conditions.grammar import ConditionError, named_paths, parse

PLACEHOLDERS = ("id", "subscriptionId", "tenantId", "location", "resourceGroup")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PROPERTY = re.compile(
    r"(?:[A-Za-z_@$][\w@$-]*|\['[^']+'\])(?:\[\*\])?(?:(?:\.[A-Za-z_@$][\w@$-]*|\['[^']+'\]|\.\*)(?:\[\*\])?)*"
)
_GRAPH_ONLY = ("version", "headers", "permission", "licence")
_PER = {"location": "location", "resource_group": "resourceGroup"}


class Declared(msgspec.Struct, frozen=True):
    """A collection, and where it was declared."""

    collection: Collection
    into: Findings
    keys: Keys


def build_service(values: Mapping[str, Any], folder: str, into: Findings) -> tuple[Service, list[Declared]]:
    """The service as far as it is sound, and its collections; `folder` is the folder's name."""
    if values.get("service") not in (None, folder):
        into.fault(("service",), f"the service is called {values['service']}, its folder {folder}", "use one name")
    declared = [
        Declared(_collection(name, folder, keys, into), into, ("collections", name))
        for name, keys in values.get("collections", {}).items()
    ]
    service = Service(
        name=folder,
        title=values.get("title", ""),
        area=values.get("area", ""),
        collections={one.collection.name: one.collection for one in declared},
        prefixes=values.get("prefix", ()),
    )
    return service, declared


def _collection(name: str, service: str, values: Mapping[str, Any], into: Findings) -> Collection:
    api = values.get("api", "")
    detail = values.get("detail", "")
    if isinstance(detail, str):
        detail = {"get": detail}
    of = values.get("of", ())
    return Collection(
        name=name,
        service=service,
        type=values.get("type", ""),
        api={"": api} if isinstance(api, str) else {_cloud(cloud): version for cloud, version in api.items()},
        presence=values.get("presence", "parent" if of else "always"),
        attach_as=values.get("as", name),
        list=values.get("list", ""),
        get=values.get("get", ""),
        kql=values.get("query_kql", ""),
        of=of,
        key=values.get("key", ""),
        when=values.get("when"),
        query=values.get("query", {}),
        detail=detail.get("get", ""),
        detail_query=detail.get("query", {}),
        detail_when=detail.get("when"),
        per=values.get("per", ""),
        absent=values.get("absent", ()),
        action=values.get("action", ""),
        redact=values.get("redact", ()),
        host=values.get("host", "arm"),
        version=values.get("version", "v1.0"),
        permission=values.get("permission", ()),
        licence=values.get("licence", ""),
        headers=values.get("headers", {}),
        links=tuple(_link(link, keys) for link, keys in values.get("links", {}).items()),
    )


def _cloud(name: str) -> str:
    return "" if name == OTHER_CLOUDS else name


def _link(name: str, values: Mapping[str, Any]) -> Link:
    return Link(
        name=name,
        collection=values.get("collection", ""),
        from_=values.get("from", ""),
        to=values.get("to", ""),
        match=values.get("match", "equals"),
        across=values.get("across", "subscription"),
        many=values.get("many", False),
    )


def rule_collections(declared: Sequence[Declared]) -> None:
    """Report what is wrong with the collections, each alone and all together."""
    known: dict[str, Declared] = {}
    for one in declared:
        name = one.collection.name
        if name in known:
            first = known[name].into.source.file
            one.into.fault(one.keys, f"the collection {name} is declared already", f"in {first}")
        elif name in BUILT_IN:
            one.into.fault(one.keys, f"{name} is a collection of azscan's own", "choose another name")
        known.setdefault(name, one)
    for one in declared:
        _rule_read(one)
        _rule_host(one)
        _rule_templates(one)
        _rule_parents(one, known)
        _rule_links(one, known)
        _rule_conditions(one, known)
    _rule_names(declared)


def _rule_read(one: Declared) -> None:
    values = _written(one)
    reads = [key for key in ("list", "get", "query_kql") if key in values]
    if len(reads) != 1:
        found = " and ".join(reads) if reads else "none"
        one.into.fault(one.keys, f"a collection has exactly one of list, get and query_kql; here is {found}")
    for key in ("key", "detail"):
        if key in values and "get" in reads:
            one.into.fault((*one.keys, key), f"{key} belongs to a list, not to a single record")
    if one.collection.key and not one.collection.of:
        one.into.fault((*one.keys, "key"), "key attaches a list to its parent as a map; here is no parent", "add of:")
    if one.collection.presence == "parent" and not one.collection.of:
        one.into.fault((*one.keys, "presence"), "presence: parent needs a parent", "write always, or add of:")
    for key in ("key", "redact"):
        paths = values.get(key)
        for number, path in enumerate(paths if isinstance(paths, list) else [paths] if paths else []):
            keys = (*one.keys, key, number) if isinstance(paths, list) else (*one.keys, key)
            _rule_property(path, keys, one.into)


def _rule_host(one: Declared) -> None:
    values = _written(one)
    graph = one.collection.host == "graph"
    if graph and "api" in values:
        one.into.fault((*one.keys, "api"), "Microsoft Graph has no api-version", "write version: v1.0")
    if graph and "permission" not in values:
        one.into.fault(one.keys, "a Graph read names the permission that it needs", "permission: [Policy.Read.All]")
    if not graph:
        for key in _GRAPH_ONLY:
            if key in values:
                one.into.fault((*one.keys, key), f"{key} is only for host: graph")
        if "api" not in values and not one.collection.kql:
            one.into.fault(one.keys, "a collection lacks the key api", 'api: "2024-01-01"')
        elif isinstance(values.get("api"), dict) and OTHER_CLOUDS not in values["api"]:
            one.into.fault((*one.keys, "api"), f"the map lacks the entry {OTHER_CLOUDS}, for all other clouds")


def _rule_templates(one: Declared) -> None:
    collection = one.collection
    allowed = {"subscriptionId", "tenantId"}
    if collection.of:
        allowed.add("id")
    if collection.per:
        allowed.add(_PER[collection.per])
    for key in ("list", "get"):
        template = getattr(collection, key)
        _rule_template(template, (*one.keys, key), allowed, one.into)
        if template and collection.per and f"{{{_PER[collection.per]}}}" not in template:
            one.into.fault((*one.keys, key), f"per: {collection.per} needs {{{_PER[collection.per]}}} in the path")
        if template and collection.of and "{id}" not in template:
            one.into.fault((*one.keys, key), "the path of a child contains its parent's {id}")
    detail = (*one.keys, "detail", "get") if isinstance(_written(one).get("detail"), dict) else (*one.keys, "detail")
    _rule_template(collection.detail, detail, {"id", "subscriptionId", "tenantId"}, one.into)


def _rule_template(template: str, keys: Keys, allowed: Iterable[str], into: Findings) -> None:
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            into.fault(keys, f"{{{name}}} is not known in a path", hint_for(name, PLACEHOLDERS))
        elif name not in allowed:
            reason = {"id": "of:", "location": "per: location", "resourceGroup": "per: resource_group"}[name]
            into.fault(keys, f"{{{name}}} has no value here", f"it comes with {reason}")
    rest = _PLACEHOLDER.sub("x", template)
    if "{" in rest or "}" in rest or "//" in rest or ".." in rest:
        into.fault(keys, "a path has no .., // or single braces")


def _rule_parents(one: Declared, known: Mapping[str, Declared]) -> None:
    for number, parent in enumerate(one.collection.of):
        written = _written(one).get("of")
        keys = (*one.keys, "of", number) if isinstance(written, list) else (*one.keys, "of")
        if parent not in known and parent not in BUILT_IN_SUBJECTS:
            one.into.fault(keys, f"there is no collection {parent}", hint_for(parent, (*known, *BUILT_IN_SUBJECTS)))
        elif one.collection.name in _ancestors(parent, known):
            one.into.fault(keys, f"{one.collection.name} would be its own ancestor")


def _ancestors(name: str, known: Mapping[str, Declared]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += known[here].collection.of if here in known else ()
    return seen


def _rule_links(one: Declared, known: Mapping[str, Declared]) -> None:
    for link in one.collection.links:
        keys = (*one.keys, "links", link.name)
        target = link.collection
        if target and target not in known and target not in BUILT_IN:
            hint = hint_for(target, (*known, *BUILT_IN))
            one.into.fault((*keys, "collection"), f"there is no collection {target}", hint)
        for key, path, collection in (("from", link.from_, one.collection.name), ("to", link.to, target)):
            if path:
                _rule_property(path, (*keys, key), one.into)
                # What a link joins by is what Azure sent: which parts are open by then is chance.
                first = path.partition(".")[0].removesuffix("[*]")
                if first in _attached_names((collection,), known) - WIRE_NAMES:
                    one.into.fault((*keys, key), f"{first} is not read yet where the link is followed")


def _rule_property(path: object, keys: Keys, into: Findings) -> None:
    if isinstance(path, str) and not _PROPERTY.fullmatch(path):
        into.fault(keys, f"{path} is not the path of a property", "write properties.a.b, or properties.list[*].id")


def _rule_conditions(one: Declared, known: Mapping[str, Declared]) -> None:
    """A `when` is judged before the children are read, so it sees only what Azure sends for the parent."""
    if one.collection.when is not None and not one.collection.of:
        one.into.fault((*one.keys, "when"), "when is judged on the parent; here is no parent", "add of:")
    judged: tuple[tuple[Keys, Condition | None, tuple[str, ...]], ...] = (
        (("when",), one.collection.when, one.collection.of),
        (("detail", "when"), one.collection.detail_when, (one.collection.name,)),
    )
    for keys, condition, subjects in judged:
        if condition is not None:
            unread = _attached_names(subjects, known) - WIRE_NAMES
            for path in sorted(rule_condition(condition, {}, (*one.keys, *keys), one.into)):
                if path and path[0] in unread:
                    one.into.fault((*one.keys, *keys), f"{path[0]} is not read yet where this is judged")


def _attached_names(subjects: Iterable[str], known: Mapping[str, Declared]) -> set[str]:
    subjects = set(subjects)
    children = {one.collection.attach_as for one in known.values() if subjects & set(parents(one.collection))}
    return children | {link.name for name in subjects & known.keys() for link in known[name].collection.links}


def rule_condition(
    condition: Condition, params: Mapping[str, Any], keys: Keys, into: Findings, *, whole: bool = False
) -> frozenset[tuple[str, ...]]:
    """The paths that a condition opens (none where it is faulty, which is reported).

    `whole` says that it decides a verdict alone, so that an empty list may make it not applicable.
    """
    try:
        return named_paths(parse(condition, params, whole=whole))
    except ConditionError as error:
        for fault in error.faults:
            into.fault((*keys, *fault.keys), fault.message, fault.hint)
        return frozenset()


def _rule_names(declared: Sequence[Declared]) -> None:
    taken: dict[tuple[str, str], Declared] = {}
    for one in declared:
        collection = one.collection
        names = [(parent, collection.attach_as, one.keys) for parent in parents(collection)]
        names += [(collection.name, link.name, (*one.keys, "links", link.name)) for link in collection.links]
        for parent, name, keys in names:
            first = taken.setdefault((parent, name), one)
            if name in WIRE_NAMES:
                one.into.fault(keys, f"the name {name} would hide Azure's own {name}", "choose another with as:")
            elif first is not one:
                other = first.collection.name
                one.into.fault(keys, f"{parent} carries something of {other} as {name} already", "choose another name")


def _written(one: Declared) -> Mapping[str, Any]:
    """The collection as it stands in the file."""
    value = one.into.source.value
    for key in one.keys:
        value = value[key]
    return value if isinstance(value, dict) else {}
