from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azscan.conditions.logic import FALSE, TRUE, UNSAID
from azscan.conditions.operators.tls import read_tls
from tests.conditions.held import leaf


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        ("TLS1_2", TRUE),
        ("Tls12", TRUE),
        ("1.2", TRUE),
        (1.2, TRUE),
        ("TLS12", TRUE),
        ("TLSv1.2", TRUE),
        ("TLSv1_2", TRUE),
        ("TLSV1.1", FALSE),
        pytest.param("TLS1_3", TRUE, id="trap-15-tls-1.3-satisfies-1.2"),
        pytest.param("1.3", TRUE, id="trap-15-1.3"),
        ("TLS13", TRUE),
        ("TLS1_0", FALSE),
        ("TLS1_1", FALSE),
        ("TLS10", FALSE),
        ("Tls", FALSE),
        ("Tls11", FALSE),
        ("1.0", FALSE),
        pytest.param("TLSv1,TLSv1.2", FALSE, id="trap-15-the-weakest-counts"),
        pytest.param("TLSv1.2,TLSv1.3", TRUE, id="trap-15-list"),
        ("TLSv1.2, TLSv1.3", TRUE),
        (["TLSv1.2", "TLSv1.3"], TRUE),
        (["TLSv1.2", "TLSv1.1"], FALSE),
        (["TLSv1.2", 7], UNSAID),
        ([], UNSAID),
        ("TLSEnforcementDisabled", FALSE),
        ("None", FALSE),
        ("Disabled", FALSE),
        ("SSLv3", FALSE),
        ("SSL3.0", FALSE),
        ("strong", UNSAID),
        ("TLSv1.2,strong", UNSAID),
        ("TLSv1.1,strong", FALSE),
        ("TLS_AES_256_GCM_SHA384", UNSAID),
        ("AppGwSslPolicy20220101", UNSAID),
        ("", UNSAID),
        (None, UNSAID),
        (True, UNSAID),
        ({"min": "1.2"}, UNSAID),
    ],
)
def test_spellings(value: Any, truth: int) -> None:
    assert leaf(value, minimumTls="1.2") == truth


def test_versions_are_ordered() -> None:
    assert leaf("1.2", minimumTls="1.3") == FALSE
    assert leaf("1.2", minimumTls="TLS1_1") == TRUE
    assert leaf("Tls", minimumTls="1.0") == TRUE
    assert leaf("TLSEnforcementDisabled", minimumTls="1.0") == FALSE
    assert leaf("1.2", minimumTls=1.2) == TRUE


def test_every_enum_of_azure_is_known(shared: Path) -> None:
    names = ("minimumtlsversion", "minimaltlsversion", "mintlsversion", "scmmintlsversion", "minimumtlsversionallowed")
    words: set[str] = set()
    for record in _records(shared / "recordings"):
        _collect(record, names, words)
    assert len(words) > 5
    for word in words:
        assert read_tls(word) >= (0, 0)


def _records(folder: Path) -> list[Any]:
    return [record.get("body") for file in folder.glob("*.json") for record in json.loads(file.read_text())["records"]]


def _collect(value: Any, names: tuple[str, ...], words: set[str]) -> None:
    if isinstance(value, dict):
        words.update(each for key, each in value.items() if key.lower() in names and isinstance(each, str) and each)
        for each in value.values():
            _collect(each, names, words)
    elif isinstance(value, list):
        for each in value:
            _collect(each, names, words)
