from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.emulator.addresses import is_below, read_address, written_type

VAULT = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.KeyVault/vaults/V"


@pytest.mark.parametrize(
    ("path", "kind", "parent", "is_list"),
    [
        (VAULT, "microsoft.keyvault/vaults", "/subscriptions/s/resourcegroups/rg", False),
        (f"{VAULT}/keys", "microsoft.keyvault/vaults/keys", VAULT.lower(), True),
        (f"{VAULT}/keys/k", "microsoft.keyvault/vaults/keys", VAULT.lower(), False),
        (
            f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings",
            "microsoft.insights/diagnosticsettings",
            VAULT.lower(),
            True,
        ),
        (
            "/subscriptions/S/providers/Microsoft.Security/pricings",
            "microsoft.security/pricings",
            "/subscriptions/s",
            True,
        ),
        ("/providers/Microsoft.Management/managementGroups/g", "microsoft.management/managementgroups", "", False),
    ],
)
def test_a_path_is_read_by_its_segments_in_any_case(path: str, kind: str, parent: str, is_list: bool) -> None:
    for spelled in (path, path.upper(), path.strip("/"), path + "/"):
        address = read_address(spelled)
        assert (address.type, address.parent, address.is_list) == (kind, parent, is_list)


def test_what_stands_beside_providers_is_the_rest() -> None:
    assert read_address("/subscriptions/s/resources").rest == ("resources",)
    assert read_address("/subscriptions/s/resourceGroups").rest == ("resourcegroups",)
    assert read_address("/subscriptions/s/resourceGroups/g/resources").rest == ("resources",)
    assert read_address("/subscriptions/s/providers").rest == ("providers",)
    assert read_address("/subscriptions/s/providers/Microsoft.Web").namespace == "microsoft.web"


def test_the_written_type_keeps_its_letters() -> None:
    assert written_type(f"{VAULT}/keys/k") == "Microsoft.KeyVault/vaults/keys"
    assert written_type("/subscriptions/s") == ""


@given(st.text(alphabet="/aZ.%é ", max_size=60))
def test_no_path_is_too_odd(path: str) -> None:
    address = read_address(path)
    assert address.key.startswith("/")
    assert address.is_list == (len(address.types) > len(address.names))


def test_below_is_by_whole_segments() -> None:
    assert is_below("/a/b", "/a") and is_below("/a", "/a") and is_below("/a", "/") and is_below("/a", "")
    assert not is_below("/ab", "/a")
