"""azscan.yaml, the options and the order in which they count."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.catalog.model import Catalog, Check, FixText, FrameworkMap, Service
from azscan.catalog.source import MAX_BYTES, parse
from azscan.config import LISTS, Config, ConfigError, config_schema, has_expired, parse_config
from azscan.errors import UsageError
from azscan.options import OPTION_KEYS, OTHER_VARIABLES, in_one, unknown_variables
from azscan.results import Allowance, Off, SeverityOverride, Waiver
from azscan.settings import Settings, aliases_of, check_names, find_config, load_config, named_config, resolve
from tests.report.kept import ROOT, assert_kept

WHOLE = """\
version: 1
fail-on: medium
services: [storage, keyvault]
checks: storage-*
regions: [westeurope]
concurrency: 8
timeout: 2.5
off:
  - {services: [media], reason: not in use, approved-by: j.doe, expires: 2027-01-31}
waivers:
  - checks: [storage-*]
    resources: [/subscriptions/*/storageAccounts/www*]
    reason: public site
    approved-by: j.doe
    ticket: SEC-12
    expires: 2027-01-31
  - {checks: '*', managed-by: ['*'], tags: env=dev, resource-groups: rg, subscriptions: 1a*, reason: managed}
params:
  keyvault-key-expires: {days: 60}
severity-overrides:
  - {checks: sql-*, severity: low, reason: no data of ours, approved-by: j.doe, ticket: SEC-14, expires: 2027-01-31}
"""


def config(text: str, *, explicit: bool = False) -> Config:
    source = parse(text.encode(), "azscan.yaml")
    assert not source.faults
    return parse_config(source, explicit=explicit)


def faults(text: str, *, explicit: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(text, explicit=explicit)
    assert caught.value.exit_code == 2
    for fault in caught.value.faults:
        assert str(fault) in caught.value.message
    return [str(fault) for fault in caught.value.faults]


def test_a_whole_file() -> None:
    read = config(WHOLE)
    assert read.off == (
        Off("not in use", ("media",), approved_by="j.doe", expires="2027-01-31", source="azscan.yaml:9"),
    )
    assert read.severity_overrides == (
        SeverityOverride(
            ("sql-*",), "low", "no data of ours", "j.doe", "SEC-14", "2027-01-31", source="azscan.yaml:21"
        ),
    )
    assert read.waivers == (
        Waiver(
            ("storage-*",), ("/subscriptions/*/storageAccounts/www*",), "public site", "j.doe", "SEC-12", "2027-01-31",
            source="azscan.yaml:11",
        ),
        Waiver(
            ("*",), (), "managed", tags=("env=dev",), resource_groups=("rg",), subscriptions=("1a*",),
            managed_by=("*",), source="azscan.yaml:17",
        ),
    )  # fmt: skip
    assert read.params == {"keyvault-key-expires": {"days": 60}}
    assert read.options == {
        "fail-on": "medium",
        "services": ("storage", "keyvault"),
        "checks": ("storage-*",),
        "regions": ("westeurope",),
        "concurrency": 8,
        "timeout": 2.5,
    }


def test_every_fault_at_once_with_its_place() -> None:
    text = """\
version: 1
fail-on: hihg
waiver: []
off:
  - {services: [media]}
  - {reason: why}
waivers:
  - {checks: [a], resources: ['*'], reason: ok, expires: 31.1.2027}
  - {checks: [a], resources: ['*'], reason: '', expires: 2027-02-30}
  - {checks: [a], reason: ok}
  - {resources: ['*'], reason: ok, colour: red}
  - {checks: [a], subscriptions: [contoso-prod], reason: ok}
"""
    assert faults(text) == [
        "azscan.yaml:2:1: fail-on must be one of critical, high, medium, low, info, never (did you mean high?)",
        "azscan.yaml:3:1: the key waiver is unknown (did you mean waivers?)",
        "azscan.yaml:5:5: reason is missing (Why; it stands in every report)",
        "azscan.yaml:6:5: this entry names neither services nor checks",
        "azscan.yaml:8:49: expires must be a date such as 2027-01-31",
        "azscan.yaml:9:37: reason must be text that is not empty",
        "azscan.yaml:9:49: expires: 2027-02-30 is not a day of the calendar",
        "azscan.yaml:10:5: this waiver does not say which resources it covers (add one of resources, tags, "
        "resource-groups, subscriptions, managed-by; resources: ['*'] covers all of them)",
        "azscan.yaml:11:5: checks is missing (Checks whose findings are accepted, as ids or globs)",
        "azscan.yaml:11:36: the key colour is unknown (the keys are checks, resources, tags, resource-groups, "
        "subscriptions, managed-by, reason, approved-by, ticket, expires)",
        "azscan.yaml:12:35: contoso-prod is not a subscription id (a waiver goes by id: names can be changed)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fail-on: high", "the version is missing (begin the file with: version: 1)"),
        ("version: 2", "version 2 is of a later azscan (upgrade azscan to use this file)"),
        ("version: '1'", "the version must be 1 (without quotes)"),
        ("version: true", "the version must be 1"),
        ("- version: 1", "keys and values must stand here"),
        ("version: 1\nchecks: []", "checks must be a list of words that is not empty"),
        ("version: 1\nchecks: {a: b}", "checks must be a list of words that is not empty"),
        ("version: 1\nchecks: [1]", 'checks must be text (put quotes around it: "1")'),
        ("version: 1\nconcurrency: 0", "concurrency must be a whole number above 0"),
        ("version: 1\nconcurrency: '8'", "concurrency must be a whole number above 0"),
        ("version: 1\ntimeout: -1", "timeout must be a number of seconds above 0"),
        ("version: 1\nwaivers: {}", "waivers must be a list of entries (begin each entry with a dash)"),
        ("version: 1\nwaivers: [x]", "keys and values must stand here"),
        ("version: 1\nparams: [x]", "keys and values must stand here"),
        ("version: 1\nparams: {a: 1}", "keys and values must stand here"),
        (
            "version: 1\nseverity-overrides: [{checks: a, severity: mild, reason: r}]",
            "severity must be one of critical, high, medium, low, info",
        ),
        ("version: 1\nseverity-overrides: [{checks: a, reason: r}]", "severity is missing (The severity that counts)"),
        ("version: 1\nseverity-overrides: [{checks: a, severity: low}]", "(Why; it stands in every report)"),
        ("version: 1\noutput: x.json", "output cannot stand in a file (give it as the option --output)"),
        ("version: 1\ncheck: x", "the key check is unknown (did you mean checks?)"),
        ("version: 1\nallow-unreadabel: x", "the key allow-unreadabel is unknown (did you mean allow-unreadable?)"),
    ],
)
def test_one_fault(text: str, fault: str) -> None:
    assert any(line.endswith(fault) for line in faults(text))


DANGEROUS = {
    "cloud": "https://evil.example",
    "tenant": "evil",
    "auth": "token",
    "client-id": "evil",
    "checks-dir": "[evil]",
    "mappings-dir": "[evil]",
    "allow-unreadable": "[{parts: [storage], reason: r, approved-by: a, expires: 2027-01-31}]",
}


@pytest.mark.parametrize("key", DANGEROUS)
def test_a_file_that_was_found_cannot_choose_where_secrets_go(key: str) -> None:
    text = f"version: 1\nfail-on: high\n{key}: {DANGEROUS[key]}\n"
    (fault,) = faults(text)
    assert fault.startswith(f"azscan.yaml:3:1: {key} is not taken from a file that was found")
    assert "--config" in fault
    config(text, explicit=True)


def test_what_may_stay_unreadable_needs_reason_approver_and_date() -> None:
    entry = "{parts: [storage, access_denied], reason: r, approved-by: a, expires: 2027-01-31}"
    text = f"version: 1\nallow-unreadable: [{entry}]"
    assert config(text, explicit=True).allow_unreadable == (
        Allowance("storage", "r", "a", "2027-01-31", source="azscan.yaml:2"),
        Allowance("access_denied", "r", "a", "2027-01-31", source="azscan.yaml:2"),
    )
    assert len(faults("version: 1\nallow-unreadable: [{parts: [storage]}]", explicit=True)) == 3


@pytest.mark.parametrize(
    ("expires", "today", "expired"),
    [
        ("2026-05-04", date(2026, 5, 4), False),
        ("2026-05-04", date(2026, 5, 5), True),
        ("", date(2026, 5, 5), False),
        ("2020-01-01", date(2026, 1, 1), True),
    ],
)
def test_a_past_date_is_expired_and_no_fault(expires: str, today: date, expired: bool) -> None:
    assert has_expired(expires, today) is expired
    if expires:
        config(f"version: 1\noff: [{{checks: [a], reason: r, expires: {expires}}}]")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*config_schema()["properties"], "x"]), json_values, max_size=5))
def test_any_value_is_taken_or_named_as_a_fault(value: dict[str, Any]) -> None:
    source = parse(json.dumps(value).encode(), "azscan.yaml")
    if source.faults:
        return
    try:
        parse_config(source, explicit=True)
    except ConfigError as error:
        assert error.faults


# finding and loading


def test_the_file_is_looked_for_up_to_the_git_root(tmp_path: Path) -> None:
    deep = tmp_path / "repo/a/b"
    deep.mkdir(parents=True)
    above, root, middle = tmp_path / "azscan.yaml", tmp_path / "repo/azscan.yaml", tmp_path / "repo/a/azscan.yaml"
    above.write_text("version: 1")
    assert find_config(deep) is None
    (tmp_path / "repo/.git").write_text("gitdir: elsewhere")
    assert find_config(deep) is None
    root.write_text("version: 1")
    assert find_config(deep) == root
    middle.write_text("version: 1")
    assert find_config(deep) == middle


def test_another_spelling_of_the_name_is_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "azscan.yml").write_text("version: 1")
    with pytest.raises(ConfigError, match=r"azscan\.yml:1:1: a configuration is read only under .*\(rename it"):
        find_config(tmp_path)
    (tmp_path / "azscan.yaml").write_text("version: 1")
    with pytest.raises(ConfigError, match=r"azscan\.yml:1:1: this is a second configuration beside azscan\.yaml"):
        find_config(tmp_path)
    assert load_config(str(tmp_path / "azscan.yml"), start=tmp_path).file


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_that_leads_nowhere_is_never_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "azscan.yaml"
    for target in ("nowhere.yaml", "azscan.yaml"):
        path.symlink_to(target)
        with pytest.raises(ConfigError) as caught:
            load_config(start=tmp_path)
        assert [str(each) for each in caught.value.faults] == [
            f"azscan.yaml: this is a link to {target}, which leads nowhere (mend or remove it)"
        ]
        with pytest.raises(ConfigError, match=f"this is a link to {target}"):
            load_config(str(path), start=tmp_path)
        path.unlink()
    (tmp_path / "azscan.yml").symlink_to("nowhere.yaml")
    with pytest.raises(ConfigError, match="a configuration is read only under the name"):
        find_config(tmp_path)
    (tmp_path / "azscan.yml").unlink()
    (tmp_path / "real.yaml").write_text("version: 1\nfail-on: low\n")
    path.symlink_to("real.yaml")
    assert load_config(start=tmp_path).options == {"fail-on": "low"}


def test_a_file_that_is_too_large_is_told_what_can_be_done(tmp_path: Path) -> None:
    (tmp_path / "azscan.yaml").write_text("version: 1\n#" + "x" * MAX_BYTES)
    with pytest.raises(ConfigError) as caught:
        load_config(start=tmp_path)
    assert [str(each) for each in caught.value.faults] == [
        "azscan.yaml: the file is larger than 1 MiB (let one waiver cover more, by globs, tags or resource groups)"
    ]


def test_the_error_names_who_named_the_file() -> None:
    assert named_config({"config": "a"}, {"AZSCAN_CONFIG": "b"}) == ("a", "--config")
    path, giver = named_config({"config": None}, {"AZSCAN_CONFIG": " /nope/b "})
    assert (path, giver) == ("/nope/b", "AZSCAN_CONFIG")
    with pytest.raises(UsageError) as caught:
        load_config(path, giver=giver)
    assert caught.value.hint == "check the path given to AZSCAN_CONFIG"


def test_outside_a_checkout_only_the_folder_itself_counts(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "azscan.yaml").write_text("version: 1")
    assert find_config(inner) is None
    assert find_config(tmp_path) == tmp_path / "azscan.yaml"


def test_loading(tmp_path: Path) -> None:
    assert load_config(start=tmp_path) == Config()
    path = tmp_path / "azscan.yaml"
    path.write_text("version: 1\ntenant: t\n")
    with pytest.raises(ConfigError, match=r"azscan\.yaml:2:1: tenant is not taken"):
        load_config(start=tmp_path)
    assert load_config(str(path), start=tmp_path).options == {"tenant": "t"}
    path.write_text("version: 1\nversion: 1\n")
    with pytest.raises(ConfigError, match=r"azscan\.yaml:2:1"):
        load_config(start=tmp_path)
    with pytest.raises(UsageError, match="there is no configuration file"):
        load_config(str(tmp_path / "missing.yaml"))


# option > variable > file > default


def test_each_source_gives_way_to_the_one_above() -> None:
    file = config("version: 1\nfail-on: low\nconcurrency: 4\nchecks: [a]\nregions: [westeurope]")
    environ = {"AZSCAN_FAIL_ON": "medium", "AZSCAN_CONCURRENCY": " 8 ", "AZSCAN_CHECK": "b, c,", "AZSCAN_REGION": ""}
    read = resolve({"fail_on": "critical", "checks": []}, environ, file)
    assert (read.fail_on, read.concurrency, read.checks, read.regions) == ("critical", 8, ("b", "c"), ("westeurope",))
    assert read.timeout == Settings().timeout
    assert read.sources == {
        "fail-on": "--fail-on",
        "concurrency": "AZSCAN_CONCURRENCY",
        "checks": "AZSCAN_CHECK",
        "regions": "azscan.yaml",
    }


def test_the_files_records_come_along_and_allowances_join() -> None:
    text = "version: 1\nallow-unreadable: [{parts: [sql], reason: r, approved-by: a, expires: 2027-01-31}]\n"
    text += (
        "params: {a: {b: 1}}\nwaivers: [{checks: ['*'], resources: ['*'], reason: r}]\noff: [{checks: [a], reason: r}]"
    )
    file = config(text, explicit=True)
    read = resolve({}, {"AZSCAN_ALLOW_UNREADABLE": "storage,licence"}, file)
    assert [entry.part for entry in read.allow_unreadable] == ["storage", "licence", "sql"]
    assert (read.params, read.waivers, read.off) == (file.params, file.waivers, file.off)


@pytest.mark.parametrize(
    ("given_", "environ", "message"),
    [
        ({"fail_on": "hgih"}, {}, "--fail-on must be one of"),
        ({}, {"AZSCAN_FAIL_ON": "hgih"}, "AZSCAN_FAIL_ON must be one of"),
        ({}, {"AZSCAN_CONCURRENCY": "many"}, "AZSCAN_CONCURRENCY must be a whole number"),
        ({"timeout": 0.0}, {}, "--timeout must be a number of seconds"),
        ({}, {"AZSCAN_DEBUG": "perhaps"}, "AZSCAN_DEBUG must be true or false"),
        ({"severities": ["hihg"]}, {}, "--severity must be one of"),
    ],
)
def test_a_value_that_does_not_fit_names_where_it_came_from(
    given_: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(given_, environ)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(("text", "wanted"), [("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_flags_in_variables(text: str, wanted: bool) -> None:
    assert resolve({}, {"AZSCAN_DEBUG": text}).debug is wanted


def test_ids_may_share_an_option_and_names_keep_their_commas() -> None:
    one, two = "11111111-1111-1111-1111-111111111111", "AAAAAAAA-2222-2222-2222-222222222222"
    read = resolve({"subscriptions": [f"{one}, {two}", "Sales, Europe"]}, {})
    assert read.subscriptions == (one, two, "Sales, Europe")


@pytest.mark.parametrize(
    ("name", "word", "hint"),
    [
        ("services", "storage,keyvault", "give it twice: --service storage --service keyvault"),
        ("checks", "a, b ,c", "give it 3 times: --check a --check b --check c"),
        ("tags", "a=b c,d", "give it twice: --tag 'a=b c' --tag d"),
        ("services", "storage,", ""),
        ("services", "storage", ""),
    ],
)
def test_a_word_that_is_several(name: str, word: str, hint: str) -> None:
    assert in_one(name, word) == hint


def test_lists_of_choices_with_commas() -> None:
    with pytest.raises(UsageError) as caught:
        resolve({"severities": ["critical", "high,low"]}, {})
    assert caught.value.hint == "give it twice: --severity high --severity low"
    assert resolve({}, {"AZSCAN_SEVERITY": "high,low"}).severities == ("high", "low")
    assert faults("version: 1\nseverities: high,low") == [
        "azscan.yaml:2:1: severities must be one of critical, high, medium, low, info (write a list: [high, low])"
    ]


def test_a_variable_that_azscan_does_not_know_is_told_with_the_nearest() -> None:
    known = {**{key.variable: "x" for key in OPTION_KEYS}, **dict.fromkeys(OTHER_VARIABLES, "x"), "AZURE_X": "x"}
    assert unknown_variables({**known, "AZSCAN_SNAPSHOTS": "write", "AZSCAN_EMPTY": " "}) == ""
    assert unknown_variables({**known, "AZSCAN_SEVERTIY": "s3cret", "AZSCAN_Q7": "s3cret"}) == (
        "azscan has no variable AZSCAN_Q7, AZSCAN_SEVERTIY (did you mean AZSCAN_SEVERITY?)"
    )


def test_no_variable_that_the_code_reads_is_called_unknown() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/azscan").rglob("*.py"))
    read = set(re.findall(r"[\"']?(AZSCAN_[A-Z_]*[A-Z])\b", code))
    assert set(OTHER_VARIABLES) <= read
    assert unknown_variables(dict.fromkeys(read, "x")) == ""


def test_every_option_has_a_setting_a_variable_and_a_default() -> None:
    fields = set(Settings.__struct_fields__) - {"off", "waivers", "severity_overrides", "params", "sources", "file"}
    assert {key.field for key in OPTION_KEYS} == fields
    assert len({key.variable for key in OPTION_KEYS}) == len(OPTION_KEYS)
    assert resolve({}, {}) == Settings()


# what the catalogue says


def check(id: str, **more: Any) -> Check:
    require = {"field": "a", "exists": True}
    return Check(id, "t", "high", "stable", "storage", "data-security", "s", require, "w", FixText("f"), **more)


CATALOG = Catalog(
    services={"storage": Service("storage", "Storage", "data-security", {})},
    collections={},
    checks={
        "storage-https-only": check("storage-https-only", aliases=("storage-secure",)),
        "storage-key-age": check("storage-key-age", params={"days": 90, "names": ["a"]}),
    },
    frameworks={"iso": FrameworkMap("iso", "ISO", "s", ())},
    hash="",
)
KINDS = ("access_denied", "not_collected")


def name_faults(text: str) -> list[str]:
    try:
        check_names(config(text, explicit=True), CATALOG, KINDS)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


def test_known_names_globs_former_ids_and_kinds() -> None:
    text = """\
version: 1
checks: [storage-*, storage-secure]
areas: [data-security]
frameworks: [iso]
off: [{services: [storage], checks: ['*-age'], reason: r}]
waivers: [{checks: [storage-secure], resources: ['*'], reason: r}]
severity-overrides: [{checks: [storage-*], severity: low, reason: r}]
allow-unreadable:
  - {parts: [storage, access-denied, not_collected, storage-*], reason: r, approved-by: a, expires: 2027-01-31}
params: {storage-key-age: {days: 30.5, names: []}, storage-https-only: {}}
"""
    assert name_faults(text) == []


def test_unknown_names_with_their_lines() -> None:
    text = """\
version: 1
checks: [storage-http-only]
services: [storge]
areas: [data]
frameworks: [is0]
off: [{checks: [sql-*], reason: r}]
waivers:
  - {checks: [storage-https-only, storage-key-agee], resources: ['*'], reason: r}
allow-unreadable: [{parts: [acess_denied], reason: r, approved-by: a, expires: 2027-01-31}]
params:
  storage-key-aeg: {days: 1}
  storage-key-age: {dasy: 1, names: 3}
  storage-https-only: {days: true}
severity-overrides: [{checks: [sql-*], severity: low, reason: r}]
"""
    assert name_faults(text) == [
        "azscan.yaml:2:10: no check is named storage-http-only (did you mean storage-https-only?)",
        "azscan.yaml:3:12: no service is named storge (did you mean storage?)",
        "azscan.yaml:4:9: no area is named data",
        "azscan.yaml:5:14: no framework is named is0 (did you mean iso?)",
        "azscan.yaml:6:17: no check matches sql-*",
        "azscan.yaml:8:35: no check is named storage-key-agee (did you mean storage-key-age?)",
        "azscan.yaml:9:29: no service, check or error kind is named acess_denied (did you mean access_denied?)",
        "azscan.yaml:11:3: no check is named storage-key-aeg (did you mean storage-key-age?)",
        "azscan.yaml:12:21: storage-key-age has no parameter dasy (did you mean days?)",
        "azscan.yaml:12:30: names of storage-key-age: 3 is not a list (its default is [\"a\"])",
        "azscan.yaml:13:24: storage-https-only has no parameter days (storage-https-only has no parameters)",
        "azscan.yaml:14:32: no check matches sql-*",
    ]  # fmt: skip


def test_words_of_the_file_that_are_several() -> None:
    assert name_faults("version: 1\nshow: failed,waived\nchecks: ['storage-a,storage-b']\nframeworks: iso,cis") == [
        "azscan.yaml:2:1: no part of the table and no check is named failed,waived (write a list: [failed, waived])",
        "azscan.yaml:3:10: no check is named storage-a,storage-b (write a list: [storage-a, storage-b])",
        "azscan.yaml:4:1: no framework is named iso,cis (write a list: [iso, cis])",
    ]


def test_without_a_file_there_is_nothing_to_check() -> None:
    check_names(Config(), CATALOG, KINDS)
    assert aliases_of(CATALOG) == {"storage-https-only": ("storage-secure",)}


def test_the_schema_names_every_key_and_is_not_stale() -> None:
    schema = config_schema()
    in_file = {key.name for key in OPTION_KEYS if key.place != "never"}
    assert set(schema["properties"]) == in_file | {"version", "params", *LISTS}
    assert_kept(
        ROOT / "docs/schemas/config.schema.json", (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()
    )
