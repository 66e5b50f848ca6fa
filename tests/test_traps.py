"""Where each verdict trap is decided: by an example beside which its number stands, or by a test named here.

A trap is a way in which scanners of Azure get a verdict wrong; the numbers are those of the project's list of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Decided by tests; traps that only examples decide are found by their number.
TESTS: dict[int, tuple[str, ...]] = {
    1: ("test_denied_reads.py::test_a_denied_read_never_decides",),
    3: ("collect/test_collector.py::test_an_item_that_is_no_object_costs_one_row",),
    4: (
        "bad_days/test_rights.py::test_an_unregistered_provider_of_a_tracked_type",
        "bad_days/test_rights.py::test_an_unregistered_provider_of_a_query",
        "bad_days/test_rights.py::test_stopped_server",
    ),
    5: ("test_traps.py::test_trap_5_no_list_of_regions_in_the_code",),
    6: ("bad_days/test_wire.py::test_an_empty_page_with_a_next_link",),
    7: ("azure/test_scope.py::test_two_subscriptions_of_one_name_are_told_apart_by_id",),
    26: ("catalog/test_examples.py::test_the_deciding_properties_decide",),
    27: ("azure/test_faults.py::test_each_answer_is_a_fault_of_its_kind",),
    31: ("collect/test_lanes.py::test_jobs_add_jobs_to_any_depth",),
    32: (
        "bad_days/test_wire.py::test_429_with_retry_after",
        "bad_days/test_wire.py::test_429_without_retry_after",
        "bad_days/test_wire.py::test_timeout",
    ),
    33: ("bad_days/test_rights.py::test_403_on_everything",),
    36: ("test_assess.py::test_a_disk_is_not_managed_by_the_machine_that_it_is_attached_to",),
    38: ("estate/test_documents.py::test_a_link_from_another_tenants_subscription_into_ours_is_unknown_never_absent",),
    39: (
        "bad_days/test_wire.py::test_an_empty_page_with_a_next_link",
        "bad_days/test_rights.py::test_a_custom_role_without_one_types_read",
    ),
}
LAST = 39


@pytest.mark.parametrize("number", range(1, LAST + 1))
def test_trap_is_decided(number: int) -> None:
    for name in TESTS.get(number, ()):
        file, _, function = name.partition("::")
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {function}\b", source, re.MULTILINE), f"{name} is gone"
    assert number in TESTS or _beside_examples(number)


def test_trap_5_no_list_of_regions_in_the_code() -> None:
    regions = re.compile(r"[\"'](westeurope|northeurope|eastus2?|westus[23]?|uksouth|southeastasia)[\"']")
    for file in [*(ROOT / "src").rglob("*.py"), *(ROOT / "checks").rglob("_service.yaml")]:
        if "emulator" not in file.parts:
            assert not regions.search(file.read_text(encoding="utf-8")), file


def _beside_examples(number: int) -> list[Path]:
    """The checks and operator tests that name the trap."""
    mark = re.compile(rf"traps?[ -](?:\d+(?:, | and ))*{number}\b", re.IGNORECASE)
    files = [*(ROOT / "checks").rglob("*.yaml"), *(ROOT / "tests" / "conditions").rglob("*.py")]
    return [file for file in files if mark.search(file.read_text(encoding="utf-8"))]
