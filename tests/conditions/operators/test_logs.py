from __future__ import annotations

from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNREADABLE, UNSAID
from azscan.conditions.values import Document
from tests.conditions.held import DENIED, Attached, Streamed, leaf

WORKSPACE = {"workspaceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w"}


def setting(*logs: dict[str, Any], to: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": "s", "properties": {"logs": list(logs), **(WORKSPACE if to is None else to)}}


def category(name: str, enabled: Any = True) -> dict[str, Any]:
    return {"category": name, "categoryGroup": None, "enabled": enabled}


def group(name: str, enabled: Any = True) -> dict[str, Any]:
    return {"category": None, "categoryGroup": name, "enabled": enabled}


AUDIT = {"category": "AuditEvent"}


@pytest.mark.parametrize(
    ("expected", "settings", "truth"),
    [
        pytest.param(AUDIT, [setting(category("AuditEvent"))], TRUE, id="trap-22-category"),
        pytest.param(AUDIT, [setting(category("auditevent"))], TRUE, id="letter-case"),
        pytest.param(AUDIT, [setting(group("audit"))], TRUE, id="trap-22-group-audit"),
        pytest.param(AUDIT, [setting(group("allLogs"))], TRUE, id="trap-22-group-all-logs"),
        pytest.param(AUDIT, [setting(group("other"))], FALSE, id="another-group"),
        pytest.param(AUDIT, [setting(category("AuditEvent", False))], FALSE, id="trap-22-disabled"),
        pytest.param(AUDIT, [setting(group("allLogs", False))], FALSE, id="trap-22-group-disabled"),
        pytest.param(AUDIT, [setting(category("Other"))], FALSE, id="another-category"),
        pytest.param(AUDIT, [setting()], FALSE, id="no-logs"),
        pytest.param(AUDIT, [], FALSE, id="no-settings"),
        pytest.param(AUDIT, [setting(category("AuditEvent"), to={})], UNSAID, id="trap-22-no-destination"),
        pytest.param(AUDIT, [setting(category("AuditEvent"), to={"workspaceId": None})], UNSAID, id="null-destination"),
        pytest.param(AUDIT, [setting(category("Other"), to={})], FALSE, id="no-destination-does-not-matter"),
        pytest.param(
            AUDIT, [setting(category("AuditEvent"), to={}), setting(group("audit"))], TRUE, id="another-setting"
        ),
        pytest.param({**AUDIT, "destination": False}, [setting(category("AuditEvent"), to={})], TRUE, id="anywhere"),
        pytest.param(AUDIT, [setting(category("AuditEvent", None))], UNSAID, id="enabled-missing"),
        pytest.param(AUDIT, [setting(category("AuditEvent", "true"))], UNSAID, id="enabled-as-text"),
        pytest.param(AUDIT, [setting({"enabled": True})], UNSAID, id="log-without-a-name"),
        pytest.param(AUDIT, [setting({"enabled": False})], FALSE, id="nameless-and-disabled"),
        pytest.param(AUDIT, [{"properties": {**WORKSPACE}}], UNSAID, id="logs-missing"),
        pytest.param(AUDIT, [{}], UNSAID, id="no-properties"),
        pytest.param(AUDIT, [None], UNSAID, id="null-setting"),
        pytest.param(AUDIT, [setting(None)], UNSAID, id="null-log"),
        pytest.param({**AUDIT, "group-audit": False}, [setting(group("audit"))], FALSE, id="group-audit-off"),
        pytest.param({**AUDIT, "group-audit": False}, [setting(group("allLogs"))], TRUE, id="all-logs-stays"),
        pytest.param({"category": ["A", "B"]}, [setting(category("B"))], TRUE, id="one-of-several"),
        pytest.param({"categories": ["A", "B"]}, [setting(category("B"))], FALSE, id="not-all"),
        pytest.param(
            {"categories": ["A", "B"]}, [setting(category("A")), setting(category("B"))], TRUE, id="all-by-several"
        ),
        pytest.param({"categories": ["A", "B"]}, [setting(group("allLogs"))], TRUE, id="all-by-group"),
        pytest.param({"categories": ["A"], "category": ["B", "C"]}, [setting(category("A"))], FALSE, id="both-forms"),
        pytest.param(AUDIT, Attached(Streamed(Document(setting(group("audit"))))), TRUE, id="attached"),
        pytest.param(AUDIT, Attached(Streamed(fault=DENIED)), UNREADABLE, id="trap-2-denied"),
        pytest.param(AUDIT, Attached(Streamed(setting(group("audit")), fault=DENIED)), TRUE, id="half-read-and-there"),
        pytest.param(AUDIT, [DENIED], UNREADABLE, id="unreadable-setting"),
        pytest.param(AUDIT, None, UNSAID, id="no-list"),
        pytest.param(AUDIT, setting(group("audit")), UNSAID, id="one-setting-is-no-list"),
    ],
)
def test_logs(expected: dict[str, Any], settings: Any, truth: int) -> None:
    assert leaf(settings, logs=expected) == truth


@pytest.mark.parametrize(
    "member",
    ["workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId", "serviceBusRuleId"],
)
def test_every_destination_counts(member: str) -> None:
    assert leaf([setting(group("audit"), to={member: "/subscriptions/s/x"})], logs=AUDIT) == TRUE
