"""The catalogue's reads, properties and compared words against Microsoft's schema of resource types.

What the schema lacks stands in exceptions/ with its documentation page; everything else is proven here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from azscan.catalog.model import Catalog, Collection
from tests.contract.claims import Claim, claims_of, kinds_of
from tests.contract.excepted import Key, exceptions
from tests.contract.facts import EACH, Facts

SCHEMA_KINDS = ("type", "read", "api", "presence", "field", "value")


@pytest.fixture(scope="module")
def claims(catalog: Catalog) -> list[Claim]:
    return claims_of(catalog)


@pytest.fixture(scope="module")
def lacking(catalog: Catalog, facts: Facts) -> dict[Key, set[str]]:
    return unproven(catalog, facts)


def unproven(catalog: Catalog, facts: Facts) -> dict[Key, set[str]]:
    """What the schema does not prove, and who says it."""
    claims, kinds = claims_of(catalog), kinds_of(catalog)
    found: dict[Key, set[str]] = {}
    for kind in catalog.collections.values():
        for key in _unproven_reads(kind, facts, claims):
            found.setdefault(key, set()).add(kind.name)
    for claim in claims:
        for key in _unproven(claim, kinds[claim.kind], facts):
            found.setdefault(key, set()).add(claim.who)
    return found


def test_the_schema_or_a_documentation_page_proves_every_claim(lacking: dict[Key, set[str]]) -> None:
    missing = {key: sorted(who) for key, who in lacking.items() if key not in exceptions()}
    assert not missing, "neither in the schema nor in tests/contract/exceptions:\n" + _listed(missing)


def test_every_exception_is_needed(lacking: dict[Key, set[str]]) -> None:
    unneeded = {key: [file] for key, file in exceptions().items() if key[0] in SCHEMA_KINDS and key not in lacking}
    assert not unneeded, "the schema proves it, or nothing says it any more:\n" + _listed(unneeded)


def test_every_exception_stands_with_its_service(catalog: Catalog) -> None:
    kinds = kinds_of(catalog)
    for (form, name, *_), file in exceptions().items():
        owner = catalog.checks.get(name) if form == "policy" else kinds.get(name)
        assert owner is not None, f"{file}: there is no {name}"
        assert file == f"{owner.service}.yaml", f"{name} belongs into {owner.service}.yaml, not {file}"


def test_every_read_asks_for_what_its_type_says(catalog: Catalog) -> None:
    """The path of a read is the type's own: provider and kinds in turn with names, ending as lists and gets end."""
    kinds = kinds_of(catalog)
    for kind in (each for each in catalog.collections.values() if each.host == "arm"):
        for template in filter(None, (kind.list, kind.get)):
            for parent in kind.of or ("",):
                asked = _type_asked(template, kinds[parent] if parent else None)
                if asked is not None:
                    types, ends_with_name = asked
                    assert types.lower() == kind.type.lower(), f"{kind.name}: {template} reads {types}"
                    assert ends_with_name == bool(kind.get), f"{kind.name}: {template} is the path of another read"


def test_claims_are_found_where_they_are_said(catalog: Catalog, claims: list[Claim]) -> None:
    """Every collection and check has claims, so that a walker gone blind fails here."""
    said = {claim.who for claim in claims}
    assert catalog.checks.keys() <= said
    assert any(EACH in claim.steps for claim in claims)
    assert any(claim.kind != catalog.checks[claim.who].subject for claim in claims if claim.who in catalog.checks)


def test_the_schema_can_say_no(facts: Facts) -> None:
    account = "Microsoft.Storage/storageAccounts"
    assert facts.find(account, ("properties", "minimumTlsVersion"))
    assert not facts.find(account, ("properties", "minimumTLSVersion"))
    assert not facts.find(account, ("properties", "networkAcls", "ipRules", "value"))
    assert facts.find(account, ("properties", "networkAcls", "ipRules", EACH, "value"))
    assert facts.find("Microsoft.Web/sites/config/web", ("properties", "ftpsState"))
    assert not facts.find("Microsoft.Web/sites/config/authsettingsV2", ("properties", "ftpsState"))


ACCOUNT, GROUP = "storage_account", "network_security_group"
RULES = "properties.networkAcls.ipRules"
# A subject, what a check would require of it, and what the schema then lacks: collection, field and word.
BROKEN: list[tuple[str, dict[str, Any], tuple[str, str, str]]] = [
    (ACCOUNT, {"field": "properties.minimumTLSVersion", "exists": True}, (ACCOUNT, "properties.minimumTLSVersion", "")),
    (ACCOUNT, {"field": "kind", "equals": "storagev2"}, (ACCOUNT, "kind", "storagev2")),
    (ACCOUNT, {"field": "kind", "like": "Storage*", "default": "None"}, (ACCOUNT, "kind", "None")),
    (ACCOUNT, {"not": {"field": "kind", "in": ["StorageV2", "Lake"]}}, (ACCOUNT, "kind", "Lake")),
    (
        ACCOUNT,
        {"some": {"in": RULES, "where": {"field": "address", "exists": True}}},
        (ACCOUNT, f"{RULES}.address", ""),
    ),
    (
        ACCOUNT,
        {"field": "blob_service.properties.versioned", "exists": True},
        ("blob_service", "properties.versioned", ""),
    ),
    (
        GROUP,
        {"field": "properties.subnets", "admits": {"from": "internet"}},
        (GROUP, "properties.subnets.properties.access", ""),
    ),
    ("sql_server", {"field": "databases", "cidr": {"public": True}}, ("sql_database", "startIpAddress", "")),
]


@pytest.mark.parametrize(("subject", "require", "expected"), BROKEN, ids=[".".join(each[2]) for each in BROKEN])
def test_a_wrong_name_or_word_is_found(
    catalog: Catalog, facts: Facts, subject: str, require: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    check = msgspec.structs.replace(catalog.checks["storage-https-only"], subject=subject, require=require)
    found = unproven(msgspec.structs.replace(catalog, checks={"broken": check}), facts)
    assert ("value" if expected[2] else "field", *expected) in found


@pytest.mark.parametrize(
    ("name", "change", "form"),
    [
        ("storage_account", {"api": {"": "2019-06-01"}}, "api"),
        ("storage_account", {"api": {"": "2026-04-01", "AzureChinaCloud": "2019-06-01"}}, "api"),
        ("storage_account", {"type": "Microsoft.Storage/accounts"}, "type"),
        ("container", {"presence": "listed"}, "presence"),
        ("web_app_config", {}, "read"),
    ],
)
def test_a_wrong_read_is_found(catalog: Catalog, facts: Facts, name: str, change: dict[str, Any], form: str) -> None:
    kind = msgspec.structs.replace(catalog.collections[name], **change)
    doctored = msgspec.structs.replace(catalog, collections={**catalog.collections, name: kind})
    assert (form, name, "", "") in unproven(doctored, facts)


def _unproven(claim: Claim, kind: Collection, facts: Facts) -> Iterator[Key]:
    name = facts.name_of(kind)
    shown = ".".join(step for step in claim.steps if step != EACH)
    items = facts.find(name, (*claim.steps, EACH))
    found = facts.find(name, claim.steps)
    if claim.instead:
        plain = items or found
        is_text = claim.steps not in claim.instead and plain is not None and "string" in plain.json_type
        if not is_text and not any(facts.find(name, steps) for steps in claim.instead):
            yield "field", kind.name, shown, ""
    elif found is None and facts.other_version(kind.type, shown) not in (set(kind.api.values()) - {""}):
        yield "field", kind.name, shown, ""
    if claim.values:
        listed = {word for one in (found, items) if one is not None for word in one.values}
        yield from (("value", kind.name, shown, word) for word in claim.values if word not in listed)


def _unproven_reads(kind: Collection, facts: Facts, claims: list[Claim]) -> Iterator[Key]:
    known = facts.type_of(kind)
    if known is None:
        yield "type", kind.name, "", ""
        return
    if known.access == "noGetInSchema":
        yield "read", kind.name, "", ""
    paths = {".".join(step for step in claim.steps if step != EACH) for claim in claims if claim.kind == kind.name}
    needed = {facts.other_version(known.name, path) for path in paths}
    # Resource Graph takes no api-version of the type.
    if not kind.kql and not set(kind.api.values()) <= {known.api} | (needed - {""}):
        yield "api", kind.name, "", ""
    if kind.presence == "listed" and not _is_tracked(known.name, facts):
        yield "presence", kind.name, "", ""


def _is_tracked(type_name: str, facts: Facts) -> bool:
    """True where ARM's list of resources shows the type: it lies in a group, and has a location and tags to set.

    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
    """
    location, tags = facts.find(type_name, ("location",)), facts.find(type_name, ("tags",))
    in_group = facts.types[type_name.lower()].scopes == {"resourceGroup"}
    return in_group and all(found is not None and "readOnly" not in found.flags for found in (location, tags))


def _type_asked(template: str, parent: Collection | None) -> tuple[str, bool] | None:
    """The type that the path of a read leads to, and whether it ends with a name; None for a path without provider."""
    path = template
    if parent is not None and "/providers/" not in template:
        provider, *kinds = parent.type.split("/")
        path = template.replace("{id}", f"/providers/{provider}/" + "/".join(f"{each}/x" for each in kinds))
    found = re.search(r".*/providers/([^/]+)/(.+)", path)
    if found is None:
        return None
    segments = found[2].split("/")
    return "/".join([found[1], *segments[::2]]), len(segments) % 2 == 0


def _listed(found: dict[Key, list[str]]) -> str:
    return "\n".join(
        f"  {form:8} {name:32} {field} {word!r} ({', '.join(who[:3])})"
        for (form, name, field, word), who in sorted(found.items())
    )
