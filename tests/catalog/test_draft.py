from __future__ import annotations

import pytest

from azscan.catalog.draft import draft, service_of
from azscan.catalog.examples import run_examples
from azscan.catalog.mutation import survivors
from azscan.catalog.tables import CHECK
from azscan.errors import UsageError

from .conftest import SERVICE, Inspect

PREFIXED = {"checks/storage/_service.yaml": SERVICE.replace("collections:", "prefix: [blob]\ncollections:")}


@pytest.mark.parametrize("check_id", ["storage-new-thing", "blob-1"])
def test_a_draft_loads_and_passes_its_examples(small: Inspect, check_id: str) -> None:
    catalog, _ = small(PREFIXED)
    text = draft(check_id, service_of(catalog, check_id))
    catalog, faults = small(PREFIXED | {f"checks/storage/{check_id}.yaml": text}, strict=True)
    assert faults == ()
    check = catalog.checks[check_id]
    assert (check.subject, check.status) == ("storage_account", "experimental")
    assert all(result.is_right for result in run_examples(check))
    assert survivors(check) == []


def test_a_draft_without_its_comment_marks_loads_too(small: Inspect) -> None:
    catalog, _ = small()
    text = draft("storage-new", catalog.services["storage"])
    whole = "\n".join(line.removeprefix("# ") for line in text.split("\n"))
    whole = whole.replace("equals: true\n", "greater: ${days}\n", 1)
    catalog, faults = small({"checks/storage/storage-new.yaml": whole}, strict=True)
    assert faults == ()
    written = [line.partition(":")[0] for line in whole.split("\n") if line and not line.startswith(" ")]
    assert written == list(CHECK.keys)


def test_a_service_without_a_list_is_judged_by_subscription(small: Inspect) -> None:
    more = {"checks/plans/_service.yaml": "service: plans\ntitle: Plans\narea: posture\n"}
    catalog, faults = small(more)
    assert faults == ()
    assert "subject: subscription" in draft("plans-x", catalog.services["plans"])


@pytest.mark.parametrize(
    ("check_id", "message", "hint"),
    [
        ("Storage_x", "Storage_x is no id of a check", "kebab-case"),
        ("storage", "storage does not begin with a service's name", "did you mean storage?"),
        ("storge-x", "storge-x does not begin with a service's name", "did you mean storage?"),
        ("qqq-x", "qqq-x does not begin with a service's name", "as in storage-https-only"),
        ("storage-https-only", "there is a check storage-https-only already", "azscan checks show"),
    ],
)
def test_a_name_that_does_not_fit_is_wrong_usage(small: Inspect, check_id: str, message: str, hint: str) -> None:
    catalog, _ = small()
    with pytest.raises(UsageError) as caught:
        service_of(catalog, check_id)
    assert caught.value.message == message
    assert hint in caught.value.hint
