"""The built-in policies that checks name: each exists, and judges something that the check looks at."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from azscan.catalog.model import Catalog
from tests.contract.claims import claims_of, kinds_of
from tests.contract.excepted import exceptions


@pytest.fixture(scope="module")
def policies(shared: Path) -> dict[str, set[str]]:
    """The resource types that each built-in policy looks at, by the policy's GUID.

    Policies of Key Vault's data plane count as ARM's: a key or secret is the same object in both.
    """
    with (shared / "facts" / "policies.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        row["policy"]: {
            name.lower().replace(".data/", "/")
            for name in [*row["if_resource_types"].split(","), row["then_details_type"] or ""]
            if name
        }
        for row in rows
    }


def test_every_policy_exists(catalog: Catalog, policies: dict[str, set[str]]) -> None:
    unknown = [(check.id, policy) for check in catalog.checks.values() for policy in check.policy]
    unknown = [(check, policy) for check, policy in unknown if policy not in policies]
    assert not unknown


def test_every_policy_judges_what_the_check_looks_at(catalog: Catalog, policies: dict[str, set[str]]) -> None:
    """Each policy tests the type of the check's subject, or of a child or link that the check opens."""
    kinds = kinds_of(catalog)
    looked_at = {check.id: {kinds[check.subject].type.lower()} for check in catalog.checks.values()}
    for claim in claims_of(catalog):
        if claim.who in looked_at:
            looked_at[claim.who].add(kinds[claim.kind].type.lower())
    others = {
        (check.id, policy)
        for check in catalog.checks.values()
        for policy in check.policy
        if not policies.get(policy, set()) & looked_at[check.id]
    }
    assert others == {(check, policy) for form, check, policy, _ in exceptions() if form == "policy"}


def test_a_check_names_a_policy_once(catalog: Catalog) -> None:
    for check in catalog.checks.values():
        assert len(set(check.policy)) == len(check.policy), check.id
