"""What people read on a terminal."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from azscan.report import Options, write, write_to
from azscan.report.closing import summary_line
from azscan.report.labels import actual_of, told
from azscan.report.text import shorter_path
from azscan.results import DEMO, Fix, Gate, Summary, Unread
from tests.report.kept import SNAPSHOTS, assert_kept, scrubbed
from tests.report.sample import (
    DEV,
    MemoryResults,
    frameworks,
    hostile,
    https_only,
    leaf,
    mapped,
    network_rules,
    partly_known,
    sample,
    storage,
)

DOCS = "https://docs.example/checks/{service}/#{check}"


def table(results: MemoryResults, options: Options | None = None) -> str:
    stream = io.BytesIO()
    write("table", results, stream, options or Options())
    return stream.getvalue().decode(options.encoding if options else "utf-8")


@pytest.mark.parametrize(
    ("name", "results", "options"),
    [
        ("failed", sample(), Options(docs_url=DOCS)),
        ("all", sample(), Options(show=("all",))),
        ("one-check", sample(), Options(show=("storage-https-only",))),
        ("unreadable", sample(), Options(show=("unreadable",))),
        ("waived-and-passed", sample(), Options(show=("waived", "passed"))),
        ("frameworks", mapped(), Options()),
        ("hostile", hostile(), Options(per_check=50)),
        ("terminal", sample(), Options(docs_url=DOCS, terminal=True, colour=True, width=120)),
        ("ascii", sample(), Options(encoding="ascii", command="azscan scan --demo")),
        ("nothing", MemoryResults([https_only(storage("stgood"), "pass")]), Options()),
    ],
)
def test_whole_output(name: str, results: MemoryResults, options: Options) -> None:
    assert_kept(SNAPSHOTS / f"table-{name}.txt", scrubbed(table(results, options).encode()))


@pytest.mark.parametrize("results", [sample(), mapped(), hostile()], ids=["sample", "mapped", "hostile"])
@pytest.mark.parametrize("show", ["failed", "unreadable", "all"])
@pytest.mark.parametrize("width", [80, 100])
def test_fits_the_width(results: MemoryResults, show: str, width: int) -> None:
    lines = table(results, Options(show=(show,), width=width, per_check=50)).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []


def test_below_the_gate_a_check_is_one_line_unless_more_is_asked_for() -> None:
    found = [https_only(storage(f"st{number}")) for number in range(4)]
    found = [msgspec.structs.replace(each, severity="medium", title="A title " + "word " * 30) for each in found]
    (line,) = [each for each in table(MemoryResults(found)).splitlines() if "storage-https-only" in each]
    assert re.fullmatch(r"  medium +4 x storage-https-only: A title word .*…", line) and cell_len(line) <= 80
    text = table(MemoryResults(found))
    assert "--show failed" in text
    assert "\n  medium 4 x ID: 4 resources below the gate for which the title is not true\n" in text
    assert " x ID" not in table(MemoryResults([https_only(storage("x"))])), "explained only where such a line stands"
    in_full = table(MemoryResults(found), Options(show=("failed",)))
    assert in_full.count("  --> ") == 3 and "x storage-https-only" not in in_full


def test_a_command_named_in_show_is_whole_and_on_one_line() -> None:
    text = table(sample(), Options(show=("storage-https-only",)))
    assert f"   = fix: az storage account update --ids {storage('stweb06').id} --https-only true\n" in text


def test_findings_are_capped_and_the_rest_counted() -> None:
    results = MemoryResults(https_only(storage(f"st{number:03d}")) for number in range(1205))
    text = table(results, Options(per_check=5))
    assert text.count("  --> ") == 5
    assert "   = and 1,200 more: azscan scan … --show storage-https-only\n" in text
    assert table(results).count("  --> ") == 3
    assert table(results, Options(show=("storage-https-*",))).count("  --> ") == 1205


def test_what_findings_have_in_common_is_told_once() -> None:
    text = table(MemoryResults(https_only(storage(name)) for name in ("a", "b")))
    assert text.count("supportsHttpsTrafficOnly") == text.count("   = fix: ") == 1
    assert "rg-web / a (westeurope)\n  --> contoso-prod / rg-web / b (westeurope)\n   | " in text


def test_a_command_that_differs_is_told_too() -> None:
    one, other = https_only(storage("a")), https_only(storage("b"))
    assert other.fix is not None
    other = msgspec.structs.replace(other, fix=Fix("", other.fix.cli.replace("true", "maybe")))
    text = table(MemoryResults([one, other]))
    assert "…/a --https-only true\n" in text
    assert "…/b --https-only maybe\n" in text


def test_how_to_see_more_is_said_once_and_only_where_something_was_left_out() -> None:
    assert table(sample()).count("azscan checks show ") == 1
    assert "to see more" not in table(sample(), Options(show=("storage-*", "keyvault-*")))
    assert "to see more" not in table(MemoryResults([https_only(storage("stgood"), "pass")]))


def test_known_failures_are_one_line_and_told_apart_where_they_are_asked_for() -> None:
    text = table(partly_known(), Options(command="azscan scan --baseline known.json"))
    assert text.count("  --> ") == 1 and "rg-web / st0 " in text
    assert "\n5 known failures stand in the baseline known.json\n" in text and "network" not in text
    assert "azscan diff known.json results.json" in " ".join(text.split())
    listed = table(partly_known(), Options(show=("failed",)))
    assert listed.count("  --> ") == 1 and re.search(r"\n  high +3 x storage-https-only: ", listed)
    named = table(partly_known(), Options(show=("storage-https-only",)))
    assert named.count("  --> ") == 4 and named.count("   = known: it stands in the baseline\n") == 3
    assert "known failure" not in table(sample())


def one_leaf(path: str, expected: str, actual: object, *, whole: bool = False) -> list[str]:
    """How one piece of evidence is printed."""
    verdict = msgspec.structs.replace(https_only(storage("x")), evidence=(leaf(path, expected, actual),))
    shown = Options(show=("storage-https-only" if whole else "failed",))
    return [line for line in table(MemoryResults([verdict]), shown).splitlines() if line.startswith("   | ")]


def test_a_path_too_long_for_its_line_loses_its_beginning() -> None:
    (line,) = one_leaf(
        "properties.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.last", "equals true", False
    )
    assert line.startswith("   | …aaa") and line.endswith("aaa.last   expected true   actual false")


def test_between_alternatives_stands_an_or() -> None:
    leaves = (
        leaf("version", "is version at least 1.35 (alternative 1 of 3)", "1.29.4"),
        leaf("plan", "equals LTS (alternative 2 of 3) (absent counts as None)", "KubernetesOfficial"),
        leaf("tier", "equals Paid (alternative 2 of 3)", "Free"),
        leaf("owner", "exists (alternative 3 of 3) (absent counts as x)", None, present=False),
        leaf("name", "exists", None, present=False),
    )
    verdict = msgspec.structs.replace(https_only(storage("x")), evidence=leaves)
    text = table(MemoryResults([verdict]), Options(show=("storage-https-only",), width=100))
    lines = [line for line in text.splitlines() if line.startswith(("   | ", "  or "))]
    assert lines == [
        "   | version   expected is version at least 1.35   actual 1.29.4",
        "  or plan      expected LTS (absent counts as None)   actual KubernetesOfficial",
        "   | tier      expected Paid   actual Free",
        "  or owner     expected exists (absent counts as x)   actual absent",
        "   | name      expected exists   actual absent",
    ]
    assert "  or plan      expected LTS   actual" in table(MemoryResults([verdict]))


def test_the_item_of_a_list_stays_in_a_path_that_is_cut() -> None:
    path = "properties.containers[images].properties.access.publicAccess"
    assert one_leaf(path, "is None", "Container") == [
        "   | …containers[images]…publicAccess   expected is None   actual Container"
    ]
    # Where the item and the last word do not fit beside the rest, they have a line of their own.
    assert one_leaf(path, "is one of None, Nothing", "Container") == [
        "   | properties.containers[images].properties.access.publicAccess",
        "   |   expected is one of None, Nothing",
        "   |   actual   Container",
    ]


ITEMS = ("[0]", "['$web']", "['it''s [b].c']", "[images]")
PARTS = st.lists(st.sampled_from(["properties", ".rules", ".a-long-property-of-it", *ITEMS]), min_size=1, max_size=8)


@given(parts=PARTS, width=st.integers(1, 90))
def test_a_shorter_path_fits_and_keeps_the_item_and_the_last_word(parts: list[str], width: int) -> None:
    path = "".join(parts)
    short = shorter_path(path, width)
    assert cell_len(short) <= width
    items = [at for at, part in enumerate(parts) if part in ITEMS]
    if short and items:
        last = "".join(parts[items[-1] + 1 :]).rpartition(".")[2]
        assert parts[items[-1]] in short and short.endswith(last)
    assert shorter_path(path, 90) == path or cell_len(path) > 90


def test_an_expectation_too_long_for_its_line_has_one_of_its_own() -> None:
    assert one_leaf("properties.size", f"is one of {'Standard, ' * 4}Premium", "Basic") == [
        "   | properties.size   actual Basic",
        f"   |   expected is one of {'Standard, ' * 4}Premium",
    ]


def test_a_list_is_told_entry_by_entry_and_only_its_first_five() -> None:
    rules = [f"rule-{number}: 10.0.{number}.0-10.0.{number}.255" for number in range(17)]
    lines = one_leaf("firewall_rules", "opens at most 256 addresses", rules)
    assert lines[:3] == [
        "   | firewall_rules",
        "   |   expected opens at most 256 addresses",
        "   |   actual   rule-0: 10.0.0.0-10.0.0.255",
    ]
    assert lines[-2:] == ["   |            rule-4: 10.0.4.0-10.0.4.255", "   |            … and 12 more"]
    assert len(one_leaf("firewall_rules", "opens", rules, whole=True)) == 2 + 17
    cut = [*rules, "… of 300 items"]
    assert one_leaf("firewall_rules", "opens", cut)[-1].endswith("… and 295 more")


def test_a_short_list_stays_on_the_line() -> None:
    assert one_leaf("zones", "contains 3", ["1", "2"]) == ["   | zones   expected contains 3   actual 1, 2"]


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        ("None", '"None"'),
        ("true", '"true"'),
        ("TRUE", '"TRUE"'),
        ("1", '"1"'),
        ("-2.5", '"-2.5"'),
        ("", '""'),
        ("absent", '"absent"'),
        ("not read", '"not read"'),
        ("nothing", '"nothing"'),
        (" x", '" x"'),
        ("1.29.4", "1.29.4"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("Enabled", "Enabled"),
        ("TLS1_2", "TLS1_2"),
        (True, "true"),
        (1, "1"),
        (None, "null"),
        ([], "nothing"),
        ({"items": 0}, "no items"),
        ({"items": 15, "true": 0}, "none of 15 items"),
        ({"items": 1, "true": 0}, "none of 1 item"),
        ({"items": 3, "true": 2}, "2 of 3 items"),
        ({"items": 3, "false": 0}, "all of 3 items"),
        ({"items": 3, "false": 2}, "all but 2 of 3 items"),
        ({"items": 5000, "unsaid": 7}, "unsaid for 7 of 5,000 items"),
        ({"items": ["a"]}, '{"items":["a"]}'),
        ({"name": "x"}, '{"name":"x"}'),
    ],
)
def test_what_azure_sent_reads_as_what_it_is(actual: object, words: str) -> None:
    assert one_leaf("p", "equals x", actual) == [f"   | p   expected x   actual {words}"]


@pytest.mark.parametrize(
    ("present", "actual", "words"),
    [(False, None, "absent"), (None, None, "not read"), (None, "HTTP 403 Denied", "not read (HTTP 403 Denied)")],
)
def test_what_was_not_read_is_not_absent(present: bool | None, actual: str | None, words: str) -> None:
    fact = leaf("p", "equals true", actual, present=present)
    assert (told(fact), actual_of(fact)) == (words, words)


def test_what_absence_counts_as_is_told_only_where_something_is_absent() -> None:
    assert one_leaf("p", "equals true (absent counts as false)", False) == ["   | p   expected true   actual false"]
    assert "(absent counts as false)" in one_leaf("p", "equals true (absent counts as false)", False, whole=True)[0]
    verdict = https_only(storage("x"))
    gone = leaf("p", "equals true (absent counts as false)", None, present=False)
    assert "(absent counts as false)" in table(MemoryResults([msgspec.structs.replace(verdict, evidence=(gone,))]))


def test_the_title_is_told_as_what_was_expected() -> None:
    text = table(MemoryResults([https_only(storage("x"))]))
    assert "error[storage-https-only] (high)\n  expected: Storage account accepts only encrypted connections\n" in text


def test_controls_are_called_so() -> None:
    text = table(mapped())
    assert re.search(r"controls of CIS Azure 5.0\n  0 %: 0 of 1 decided control passes\n", text)
    assert re.search(r"\n  9\.3      fail        critical       10        0        1        1\n", text)
    assert "  no resources (1): 9.20\n" in text


def test_a_control_that_its_checks_decide_in_part_is_marked() -> None:
    results = mapped()
    partial = {"9.3": ("storage-https-only", "storage-network-closed"), "9.20": ("storage-replicated",)}
    results.frameworks = [msgspec.structs.replace(frameworks()[1], partial=partial)]
    text = table(results)
    assert "\n  9.3*     fail" in text and "no resources (1): 9.20*" in text
    assert "* its checks decide only a part of the control" in text


def test_a_control_is_not_decided_by_some_of_its_checks() -> None:
    results = mapped()
    results.not_run = ("storage-replicated",)
    text = table(results)
    assert re.search(
        r"\n  9\.20     unreadable +0 +0 +0 +0\n    Storage replicated\n    not run: 1 of its 1 checks", text
    )


def test_failing_and_severe_come_first_within_a_service() -> None:
    text = table(sample(), Options(show=("all",)))
    wanted = ["error[storage-network-closed]", "error[storage-https-only]", "waived[storage-https-only]", "passed[st"]
    places = [text.index(word) for word in wanted]
    assert places == sorted(places)


def test_no_word_is_lost_without_colour() -> None:
    coloured = table(sample(), Options(show=("all",), terminal=True, colour=True))
    plain = table(sample(), Options(show=("all",)))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_no_color_keeps_links_but_sends_no_colour() -> None:
    text = table(sample(), Options(docs_url=DOCS, terminal=True, colour=False))
    assert "\x1b]8;" in text
    assert not re.search(r"\x1b\[[\d;]*3\dm", text)


def test_links_on_a_terminal_and_the_full_url_when_piped() -> None:
    url = "https://docs.example/checks/storage/#storage-https-only"
    piped = table(sample(), Options(docs_url=DOCS))
    assert f"   = docs: {url}\n" in piped
    assert "\x1b" not in piped
    assert re.search(r"\x1b\]8;[^;]*;" + re.escape(url), table(sample(), Options(docs_url=DOCS, terminal=True)))


def test_the_checks_of_critical_failures_are_named_before_the_totals() -> None:
    text = table(sample())
    assert "\n\ncritical: storage-network-closed\n\n" in text
    assert text.index("\ncritical: ") > text.index("\nnotes\n")
    many = [msgspec.structs.replace(network_rules(storage("x")), check=f"storage-{letter}") for letter in "abcdefgh"]
    known = msgspec.structs.replace(many[0], known=True)
    text = " ".join(table(MemoryResults([known, *many[1:]])).split())
    told = ", ".join(f"storage-{letter}" for letter in "bcdefg")
    assert f" critical: {told} and 1 more " in text
    waived = msgspec.structs.replace(many[0], status="waived")
    assert "critical: " not in table(MemoryResults([waived, https_only(storage("x"))]), Options(show=("all",)))


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ("is not older than 366 days", 1735755842, "1735755842 (2025-01-01T18:24:02Z)"),
        ("expires within 30 days", 1735755842.5, "1735755842.5 (2025-01-01T18:24:02Z)"),
        ("does not expire within 1 year", 10**30, str(10**30)),
        ("has not expired", True, "true"),
        ("is older than 1 day", "2025-01-01", "2025-01-01"),
        ("is at least 3", 1735755842, "1735755842"),
    ],
)
def test_a_number_that_is_a_moment_is_told_as_one_too(expected: str, actual: object, words: str) -> None:
    assert told(leaf("p", expected, actual)) == words


def test_a_part_without_a_collection_has_no_empty_name() -> None:
    part = Unread("not_collected", "storage", "", "", "", checks=("a",), verdicts=2)
    for show in ("failed", "unreadable"):
        text = table(MemoryResults([https_only(storage("x"))], unreadable=(part,)), Options(show=(show,)))
        assert "  ! not collected: storage (1 check, 1 read, 2 verdicts)\n" in text and " at: \n" not in text


def test_a_name_cannot_forge_a_finding() -> None:
    text = table(hostile(), Options(per_check=50))
    assert "\n  --> fake" not in text
    assert "two\\nlines" in text
    assert "[bold red]x" in text


texts = st.text(st.characters(codec="utf-8"), max_size=80) | st.sampled_from(
    ["\x9b31m", "\u2028", "\ufeff", "a\u0301" * 99]
)


@given(name=texts, group=texts, actual=st.none() | texts | st.lists(texts, max_size=2), reason=texts)
@settings(max_examples=150, deadline=None)
def test_nothing_that_a_terminal_acts_on_gets_through(name: str, group: str, actual: object, reason: str) -> None:
    base = https_only(storage(name, group=group, region=reason))
    verdict = msgspec.structs.replace(base, reason=reason, evidence=(leaf(name, reason, actual),))
    part = Unread("access_denied", "storage", name, DEV, reason, message=reason, action=group, checks=("a",))
    for show in ("failed", "unreadable"):
        text = table(MemoryResults([verdict], unreadable=(part,)), Options(show=(show,)))
        bad = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
        assert bad == set()
        assert all(cell_len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("statuses", "line"),
    [
        (
            {"fail": 38, "unreadable": 9, "waived": 3, "pass": 700},
            "412 resources, 61 checks: 38 failed, 9 unreadable (see --show unreadable), 3 waived",
        ),
        ({"pass": 12}, "412 resources, 61 checks: 0 failed"),
        ({"fail": 1204}, "412 resources, 61 checks: 1,204 failed"),
    ],
)
def test_summary_line(statuses: dict[str, int], line: str) -> None:
    assert summary_line(Summary(412, 61, statuses, {}, Gate("high", 0, 0, 0))) == line


def test_summary_line_is_plural_correct() -> None:
    line = summary_line(Summary(1, 1, {"fail": 1}, {}, Gate("high", 1, 0, 10)))
    assert line == "1 resource, 1 check: 1 failed"


def test_in_a_file_nothing_is_cut_for_want_of_room(tmp_path: Path) -> None:
    long = "word " * 50 + "end"
    account = storage("a-name-of-many-letters" * 4, group="g" * 80)
    below = msgspec.structs.replace(https_only(storage("x")), title=long, severity="medium", check="storage-other")
    path = "properties." + "a" * 90 + ".last"
    found = msgspec.structs.replace(https_only(account), evidence=(leaf(path, f"equals {long}", long),))
    results = MemoryResults([found, below])
    write_to(str(tmp_path / "r.txt"), results)
    text = (tmp_path / "r.txt").read_text(encoding="utf-8")
    assert "…" not in text.replace("azscan scan …", "") and f"x storage-other: {long}\n" in text
    assert f"   | {path}   expected {long}   actual {long}\n" in text
    assert f"   = fix: az storage account update --ids {account.id} --https-only true\n" in text
    assert f"\n{'-- storage ':-<120}\n" in text, "a rule is no data"
    assert "…" in table(results).replace("azscan scan …", "")


def test_the_demo_is_called_so_at_the_head() -> None:
    results = sample()
    results.scan = msgspec.structs.replace(results.scan, notes=(DEMO, "another"))
    head, *_ = table(results, Options(width=120)).splitlines()
    assert head == DEMO and DEMO.startswith("DEMO ESTATE, made up")
    stream = io.BytesIO()
    write("markdown", results, stream)
    page = stream.getvalue().decode()
    assert page.startswith(f"## azscan\n\n**{DEMO}**\n\n") and page.count("DEMO") == 1 and "- note: another\n" in page
    assert "DEMO" not in table(sample())


def test_two_subscriptions_of_one_name_are_told_apart() -> None:
    results = MemoryResults([https_only(storage("a")), https_only(storage("b", DEV))])
    scan = results.scan
    same = tuple(msgspec.structs.replace(each, name="shared") for each in scan.subscriptions)
    results.scan = msgspec.structs.replace(scan, subscriptions=same)
    text = table(results, Options(width=160))
    assert "shared (11111111-1111-1111-1111-111111111111) / rg-web / a" in text
    assert f"shared ({DEV}) / rg-web / b" in text


def test_a_subscription_is_named_once() -> None:
    verdict = network_rules(storage("x"))
    about = msgspec.structs.replace(
        verdict.resource, id=f"/subscriptions/{DEV}", name="contoso-dev", subscription=DEV, resource_group="", region=""
    )
    text = table(MemoryResults([msgspec.structs.replace(verdict, resource=about)]))
    assert "\n  --> contoso-dev\n" in text


def test_what_another_resource_manages_is_marked() -> None:
    verdict = https_only(msgspec.structs.replace(storage("x"), managed_by="/subscriptions/s/providers/A.B/c/aks"))
    assert "   = managed by: /subscriptions/s/providers/A.B/c/aks\n" in table(MemoryResults([verdict]))


def test_unreadable_parts_are_grouped_with_the_missing_action() -> None:
    parts = [
        Unread("access_denied", "keyvault", "vault_key", DEV, f"/vaults/{number}", action="a/keys/read",
               checks=(f"check-{number % 17}",), verdicts=2)
        for number in range(400)
    ]  # fmt: skip
    parts += [Unread("throttled", name, "x", DEV, "", checks=("check-1",)) for name in ("sql", "network")]
    text = table(MemoryResults([https_only(storage("x"))], unreadable=parts))
    sentence = (
        "17 checks could not be read in full (400 access denied, 2 throttled): grant this action, or switch them off"
    )
    assert sentence in " ".join(text.split())
    assert text.count("a/keys/read") == 1
    assert text.count("could not be read") == 1
    assert "missing: a/keys/read (17 checks, 400 reads, 800 verdicts)" in text
    assert "azscan role --service keyvault" in text


def test_what_is_denied_for_some_checks_is_told_of_these() -> None:
    parts = [
        Unread("access_denied", "keyvault", "x", DEV, "", action="a/b/read", checks=("one",)),
        Unread("partial_access", "azscan", "resource", DEV, "", action="a/c/read"),
        Unread("throttled", "sql", "y", DEV, "", checks=("two",)),
    ]
    text = " ".join(table(MemoryResults([https_only(storage("x"))], unreadable=parts)).split())
    assert "2 checks could not be read in full (" in text
    assert "grant these 2 actions for 1 of them, or switch those off with a justification" in text
    assert (
        "a/b/read (1 check, 1 read)" in text
        and "a/c/read (1 read)" in text
        and " 0 " not in text.partition("not read")[2].partition("see each")[0]
    )


def test_what_is_denied_is_grouped_by_what_to_grant() -> None:
    def denied(action: str, kind: str = "access_denied", **more: Any) -> Unread:
        return Unread(kind, "storage", "x", DEV, "", action=action, checks=("one", "two"), verdicts=2, **more)

    parts = [
        denied("Microsoft.Storage/a/read"),
        # Azure writes the same action in other letters.
        denied("microsoft.storage/A/read", "partial_access"),
        denied("Policy.Read.All"),
        denied("Microsoft.Storage/accepted/read", allowed=True),
        *(denied(f"Microsoft.Storage/{number:02}/read") for number in range(20)),
    ]
    text = table(MemoryResults([https_only(storage("x"))], unreadable=parts))
    assert "grant these 21 actions and 1 permission, or" in " ".join(text.split())
    assert text.count("missing: ") == 11 and "and 12 more\n" in text
    assert "accepted" in text and "missing: Microsoft.Storage/accepted/read\n" in text


def test_what_was_not_denied_asks_for_no_grant() -> None:
    parts = [Unread("throttled", "sql", "x", DEV, "", checks=("one",)), Unread("access_denied", "sql", "x", DEV, "")]
    assert "grant" not in table(MemoryResults([https_only(storage("x"))], unreadable=parts))


def test_memory_does_not_grow_with_the_findings() -> None:
    import tracemalloc

    class Endless(MemoryResults):
        def verdicts(self, *statuses):  # type: ignore[no-untyped-def]
            return (https_only(storage(f"st{number}")) for number in range(self.number))

    def peak(number: int) -> int:
        results = Endless([https_only(storage("st"))])
        results.number = number  # type: ignore[attr-defined]
        tracemalloc.start()
        write("table", results, _Sink(), Options(show=("storage-*",)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    # rich remembers the width of some 4,000 texts: it has them all before it counts.
    peak(6000)
    assert peak(6000) < peak(4500) + 200_000


class _Sink(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return len(data)  # type: ignore[arg-type]


COMMANDS = ("##vso[task.setvariable variable=a]b", "##[error]x", "::stop-commands::x", "##VSO[task.x]")


@pytest.mark.parametrize("name", COMMANDS)
def test_names_are_no_commands_to_the_log_of_a_pipeline(name: str) -> None:
    # Wrapped lines begin where they may: at each width another word comes first.
    for width in range(40, 100, 3):
        resource = storage(f"{'x ' * 12}{name}", group=f"{'word ' * 9}{name}")
        finding = msgspec.structs.replace(https_only(resource), reason=f"{'because ' * 9}{name}", title=f"a {name}")
        text = table(MemoryResults([finding]), Options(show=("storage-https-only",), width=width))
        assert not re.search(r"##(\[|vso\[)", text, re.IGNORECASE)
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert name.strip("#:")[:6] in text
