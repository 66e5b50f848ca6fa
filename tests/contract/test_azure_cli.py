"""Every command that a fix prints is one that the Azure CLI has, with options that it takes."""

from __future__ import annotations

import re

import pytest

from azscan.catalog.model import Catalog
from tests.contract.azure_cli import REFERENCE, commands, parsed, read


def test_every_printed_command_and_option_is_on_record(catalog: Catalog) -> None:
    known = read()
    used = commands(catalog)
    assert not used.keys() - known.keys(), "commands that the record does not have"
    unknown = {
        f"{command} {option}": sorted(checks)
        for command, options in used.items()
        for option, checks in options.items()
        if option not in known[command].options
    }
    assert not unknown, "options that the record does not have"


def test_the_record_holds_nothing_else(catalog: Catalog) -> None:
    used = commands(catalog)
    assert read().keys() == used.keys()
    assert {command: known.options - used[command].keys() for command, known in read().items()} == {
        command: frozenset() for command in used
    }


def test_every_row_says_where_it_is_from() -> None:
    for command, known in read().items():
        assert known.source.startswith(REFERENCE) or re.fullmatch(r"azure-cli \d+\.\d+\.\d+", known.source), command


@pytest.mark.parametrize(
    "text",
    ["rm -rf x", "az a b --c d | sh", "az a b --c d|sh", "az a b; rm x", "az a $(rm x)", "az a\naz b", "echo az"],
)
def test_anything_else_is_no_command(text: str) -> None:
    with pytest.raises(ValueError, match="not one az command"):
        parsed(text)


def test_a_line_is_taken_apart() -> None:
    assert parsed("az storage account update --ids {id} --https-only=true -g {resource_group}") == (
        "az storage account update", frozenset({"--ids", "--https-only", "-g"}),
    )  # fmt: skip
