from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from azscan.emulator import FaultRule, Options, Throttle, read_estate
from azscan.emulator.options import FAULT_KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")


def test_every_switch_and_every_fault_is_documented() -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", prose))))
    switches = {field.name for kind in (Options, FaultRule, Throttle) for field in fields(kind)}
    assert switches - named == set()
    assert FAULT_KINDS - named == set()


def test_the_example_is_an_estate() -> None:
    text = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert text is not None
    found = read_estate(json.loads(text.group(1)))
    assert len(found.resources) == 2


def test_every_key_of_the_format_is_documented() -> None:
    from azscan.emulator.estate import _KINDS

    assert [key for key in _KINDS if f"`{key}`" not in PAGE] == []
