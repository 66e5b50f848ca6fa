"""Whatever the documentation names exists: commands, options, variables, checks, paths, links, messages."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sqlite3
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from azscan import config, errors, gate
from azscan.azure.answers import FAULT_KINDS
from azscan.azure.ways import CHOICES
from azscan.catalog.examples import run_examples
from azscan.catalog.load import load
from azscan.catalog.source import parse
from azscan.cli import COMMANDS, check_pages, reference
from azscan.conditions.grammar import OPERATORS
from azscan.conditions.grammar import check as faults_of
from azscan.options import AUTH, FAIL_ON
from azscan.report import FORMATS
from azscan.results import DEMO
from azscan.settings import check_names
from tests.harness import azscan, shipped

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

# Options of other programs that the docs mention.
FOREIGN_OPTIONS = {"--exit-code", "--suppress", "--collection", "--remediate", "--force-reinstall"}
# Checks that the docs make up to show how one is written.
MADE_UP = {"storage-my-check", "keyvault-purge-wanted"}

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"(?<![\w./-])azscan ([^\n`|;&#…]+)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fences(page: str, *languages: str) -> list[str]:
    return [body for _, language, body in _FENCE.findall(text(page)) if language in languages]


def spans(page: str) -> list[str]:
    return _SPAN.findall(_FENCE.sub("", text(page)))


def commands(page: str) -> Iterator[list[str]]:
    """The arguments of every azscan command line on the page; output of a program is not one."""
    for _, language, body in _FENCE.findall(text(page)):
        lines = body.split("\n")
        if language == "console":
            lines = [line for line in lines if line.startswith("$ ")]
        for line in lines if language in ("sh", "console", "yaml") else ():
            yield from map(shlex.split, _COMMAND.findall(line))
    for span in spans(page):
        yield from map(shlex.split, _COMMAND.findall(span))


@cache
def options() -> dict[str, set[str]]:
    """Every command and its options."""
    known = {
        name: {option for param in command.params for option in param.opts} | {"--help"}
        for name, command in reference.commands()
    }
    return known | {"azscan": {"--help", "--version"}}


@cache
def slugs(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    made = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", text(page)), re.MULTILINE):
        kept = "".join(each for each in heading.lower() if each in " -_" or unicodedata.category(each)[0] in "LN")
        made.add(kept.replace(" ", "-"))
    return made


def test_generated_parts_are_fresh() -> None:
    assert reference.stale(ROOT) == [], "run: python -m azscan.cli.reference"


def test_no_page_is_left_of_a_service_that_is_gone() -> None:
    folder = ROOT / reference.CHECK_PAGES
    assert check_pages.stale(folder, check_pages.pages(shipped())) == [], "run: azscan checks docs"


def test_every_command_and_option_has_help() -> None:
    for name, command in reference.commands():
        assert (command.help or "").strip(), name
        for param in command.params:
            assert getattr(param, "help", ""), (name, param.name)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    for words in commands(page):
        name = next((" ".join(["azscan", *words[:size]]) for size in (2, 1, 0) if _names(words[:size])), "")
        assert name, words
        given = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
        assert [option for option in given if option not in options()[name]] == [], (name, words)
        if name == "azscan":
            assert words[0] in options()["azscan"] or (words[0] in COMMANDS and words[1:] in ([], ["--help"])), words


def _names(words: list[str]) -> bool:
    return " ".join(["azscan", *words]) in options()


@pytest.mark.parametrize("page", PAGES)
def test_every_option_exists(page: str) -> None:
    known = set().union(*options().values()) | FOREIGN_OPTIONS
    named = {found for span in spans(page) for found in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", span)}
    assert {each for each in named if each.startswith("--")} - known == _of_other_programs(page)


def _of_other_programs(page: str) -> set[str]:
    return {
        found
        for span in spans(page)
        if re.match(r"(az|pip|python|pytest|ruff) ", span)
        for found in re.findall(r"(?<![\w-])--[a-z][a-z-]*", span)
    } - set().union(*options().values())


@pytest.mark.parametrize("page", PAGES)
def test_choices_exist(page: str) -> None:
    for words in commands(page):
        for option, choices in (("--fail-on", FAIL_ON), ("--auth", AUTH), ("--format", tuple(FORMATS))):
            if option in words[:-1]:
                assert words[words.index(option) + 1] in choices


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_exists(page: str) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    known = {key.variable for key in reference.OPTION_KEYS} | set(re.findall(r"\"(AZSCAN_[A-Z_]+)\"", source))
    assert set(re.findall(r"AZSCAN_[A-Z_]+[A-Z]", text(page))) - known == set()
    # Those of Azure are read somewhere too.
    named = set(re.findall(r"\b(?:AZURE|AZURESUBSCRIPTION|SYSTEM)_[A-Z_]+[A-Z]", text(page)))
    assert {each for each in named if each not in source} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_check_exists(page: str) -> None:
    catalog = shipped()
    starts = "|".join(sorted({*catalog.services, *(p for each in catalog.services.values() for p in each.prefixes)}))
    named = {
        found
        for code in [*spans(page), *fences(page, "sh", "console", "yaml")]
        for line in code.splitlines()
        if not line.startswith("az ")
        for found in re.findall(rf"(?<![\w./*-])(?:{starts})-[a-z0-9]+(?:-[a-z0-9]+)+(?![\w*./-])", line)
    }
    aliases = {alias for check in catalog.checks.values() for alias in check.aliases}
    assert named - set(catalog.checks) - set(catalog.services) - aliases - MADE_UP == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    for span in spans(page):
        if re.match(r"(\.ci|\.github|benchmarks|checks|docs|mappings|src|tests)/[\w./-]*$", span):
            # git keeps no empty folder
            assert span == "mappings/" or (ROOT / span).exists(), span
    for code in [*spans(page), *fences(page, "sh")]:
        for script in re.findall(r"python ([\w./]+\.py)", code):
            assert (ROOT / script).is_file()
        for module in re.findall(r"python -m (azscan[\w.]+)", code):
            assert callable(importlib.import_module(module).main)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in _LINK.findall(_FENCE.sub("", text(page))):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        if anchor:
            assert anchor in slugs(found.relative_to(ROOT).as_posix()), target


def test_every_page_can_be_found() -> None:
    linked = {
        ((ROOT / page).parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in _LINK.findall(_FENCE.sub("", text(page)))
    }
    lone = {path.name for path in ROOT.glob("docs/*.md") if path.resolve() not in linked}
    assert lone == set()
    assert [path.name[:4] for path in sorted(ROOT.glob("docs/decisions/*.md"))] == [
        f"{number:04}" for number in range(1, 1 + len(list(ROOT.glob("docs/decisions/*.md"))))
    ]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_machine(page: str) -> None:
    assert re.findall(r"/(?:root|tmp|work|Users)/\S*", text(page)) == []


def test_every_service_stands_in_the_changelog() -> None:
    changelog = " ".join(text("CHANGELOG.md").split())
    assert [service.title for service in shipped().services.values() if service.title not in changelog] == []


class TestExitCodes:
    def known(self) -> set[int]:
        kinds = [value for value in vars(errors).values() if isinstance(value, type)]
        raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.AzscanError)}
        return raised | {gate.HELD, gate.FAILED, gate.UNDECIDED, gate.NOTHING_READABLE}

    def test_the_readme_has_them_all_in_order(self) -> None:
        table = text("README.md").partition("| code | meaning |")[2].partition("\n\n")[0]
        codes = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
        assert codes == [2, 3, 5, 130, 10, 4, 0, 1]
        assert set(codes) == self.known()

    def test_each_has_a_section(self) -> None:
        assert {
            int(code) for code in re.findall(r"^## (\d+): ", text("docs/exit-codes.md"), re.MULTILINE)
        } == self.known()

    def test_the_messages_are_the_programs_own(self) -> None:
        source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
        headings = re.findall(r"^##+ (.*)$", text("docs/exit-codes.md"), re.MULTILINE)
        said = [part.strip() for line in headings for span in _SPAN.findall(line) for part in span.split("…")]
        assert len(said) > 20
        assert [part for part in said if part and part not in source] == []


def test_every_kind_of_trouble_is_explained() -> None:
    table = text("docs/reading.md").partition("| kind | meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(FAULT_KINDS)


def test_every_way_of_signing_in_is_explained() -> None:
    table = text("docs/sign-in.md").partition("| `--auth` |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == AUTH == tuple(CHOICES)


def test_every_operator_is_explained_by_an_example_that_works() -> None:
    table = text("docs/writing-checks.md").partition("| operator | true where |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[0])} == set(OPERATORS)
    for row in rows:
        example = yaml.safe_load(row[2].strip("`"))
        assert set(example) <= set(re.findall(r"`(\w+)`", row[0]))
        assert faults_of({"field": "properties.x", **example}, {}) == []


def test_every_placeholder_of_a_fix_is_named() -> None:
    from azscan.catalog.fix import PLACEHOLDERS

    assert {f"{{{name}}}" for name in PLACEHOLDERS} <= set(spans("docs/writing-checks.md"))


def made_checks(page: str) -> list[str]:
    return [body for body in fences(page, "yaml") if body.startswith("id: ")]


@pytest.mark.parametrize("page", ["README.md", "docs/writing-checks.md"])
def test_the_checks_shown_load_and_pass_their_examples(page: str, tmp_path: Path) -> None:
    (body,) = made_checks(page)
    check_id = yaml.safe_load(body)["id"]
    assert check_id in MADE_UP
    folder = tmp_path / check_id.partition("-")[0]
    folder.mkdir()
    (folder / f"{check_id}.yaml").write_text(body, encoding="utf-8")
    check = load([tmp_path]).checks[check_id]
    results = list(run_examples(check))
    assert {result.expected for result in results} >= {"pass", "fail"}
    assert all(result.is_right for result in results)


def test_the_conditions_shown_are_sound() -> None:
    shown = [body for body in fences("docs/writing-checks.md", "yaml") if re.match(r"(field|none|some|every): ?", body)]
    assert len(shown) == 2
    assert [faults_of(yaml.safe_load(body), {}) for body in shown] == [[], []]


def test_the_service_shown_is_an_excerpt_of_the_shipped_one() -> None:
    (body,) = [each for each in fences("docs/writing-checks.md", "yaml") if each.startswith("service: ")]
    shown = yaml.safe_load(body)
    shipped = yaml.safe_load((ROOT / "checks" / shown["service"] / "_service.yaml").read_text(encoding="utf-8"))
    assert shown["title"] == shipped["title"]
    for name, collection in shown["collections"].items():
        real = shipped["collections"][name]
        assert {key: real[key] for key in collection} == collection


@pytest.mark.parametrize("page", ["README.md", "docs/azscan-yaml.md"])
def test_the_configurations_shown_are_valid(page: str) -> None:
    shown = [body for body in fences(page, "yaml") if body.startswith("version: ")]
    assert shown
    for body in shown:
        made = config.parse_config(parse(body.encode(), "azscan.yaml"), explicit=True)
        check_names(made, shipped(), FAULT_KINDS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The scan that the README shows, and the folder with its reports and its estate."""
    folder = tmp_path_factory.mktemp("demo")
    (command,) = [words for words in commands("README.md") if "--severity" in words]
    more = ("--save-estate", "estate.sqlite", "-o", "report.json", "-o", "report.csv")
    return azscan(*command, *more, cwd=folder, env={"AZSCAN_STATE_DIR": str(folder / "state")}), folder


class TestDemo:
    """The README's picture, and what the docs say about outputs and saved estates."""

    def test_the_picture_is_what_it_prints(self, demo: tuple[Any, Path]) -> None:
        """Each passage between two lines of dots, line by line and number by number, in this order."""
        ran, _ = demo
        assert ran.returncode == 10, ran.stderr
        (picture,) = fences("README.md", "console")
        at = 0
        for passage in picture.partition("\n")[2].split("\n…\n"):
            wanted = passage.strip("\n") + "\n"
            found = ran.stdout.find(wanted, at)
            assert found >= 0, f"{wanted}\n\nis not in\n\n{ran.stdout}"
            at = found + len(wanted)

    def test_it_says_that_it_is_the_demo(self, demo: tuple[Any, Path]) -> None:
        ran, folder = demo
        scan = json.loads((folder / "report.json").read_text(encoding="utf-8"))["scan"]
        assert scan["notes"] == [DEMO] and ran.stdout.startswith(f"{DEMO}\n") and DEMO in ran.stderr
        assert "of the demo" in scan["identity"]
        assert "secret" not in scan["credential"] + ran.stderr
        again = azscan("scan", "--estate", "estate.sqlite", "--service", "storage", cwd=folder)
        assert again.stdout.startswith(f"{DEMO}\n"), "also where it was saved"

    def test_the_sql_works(self, demo: tuple[Any, Path]) -> None:
        connection = sqlite3.connect(demo[1] / "estate.sqlite")
        (body,) = fences("docs/reading.md", "sql")
        queries = [query.strip() for query in body.split(";") if query.strip()]
        assert len(queries) == 5
        rows = [connection.execute(query).fetchall() for query in queries]
        connection.close()
        assert dict(rows[0])["storage_account"] == len(rows[1])
        assert any(version == "TLS1_2" for _, version in rows[1])
        assert rows[3]

    def test_the_reports_are_written_by_their_suffix(self, demo: tuple[Any, Path]) -> None:
        folder = demo[1]
        assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["schema"] == "azscan.results/1"
        assert (folder / "report.csv").read_text(encoding="utf-8").startswith("framework,control,check,")
