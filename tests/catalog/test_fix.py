from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.catalog.fix import misplaced_placeholders, render, unknown_placeholders
from azscan.results import ResourceRef

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACCOUNT = f"{SUB}/resourceGroups/rg-web/providers/Microsoft.Storage/storageAccounts/st1"


def resource(name: str = "st1", identifier: str = ACCOUNT, group: str = "rg-web") -> ResourceRef:
    return ResourceRef(identifier, name, "t", "00000000-0000-0000-0000-000000000001", group, "westeurope")


def test_a_template_is_filled_in() -> None:
    template = (
        "az x --ids {id} -n {name} -g {resource_group} --subscription {subscription} -l {location} --set a={name}"
    )
    assert render(template, resource()) == (
        f"az x --ids {ACCOUNT} -n st1 -g rg-web --subscription 00000000-0000-0000-0000-000000000001 "
        "-l westeurope --set a=st1"
    )


@pytest.mark.parametrize(
    ("identifier", "template", "command"),
    [
        (ACCOUNT, "{root_name} {root_id}", f"st1 {ACCOUNT}"),
        (ACCOUNT, "{parent_name}", "rg-web"),
        (f"{ACCOUNT}/blobServices/default/containers/c", "{root_name} {parent_name}", "st1 default"),
        (f"{ACCOUNT}/blobServices/default", "{parent_id}", ACCOUNT),
        (f"{ACCOUNT}/providers/Microsoft.Insights/diagnosticSettings/d", "{parent_id} {root_name}", f"{ACCOUNT} st1"),
        (f"{SUB}/providers/Microsoft.Security/pricings/p", "{parent_id}", SUB),
        (SUB, "{id}", SUB),
        # nothing stands above, so there is no command
        (SUB, "{parent_name}", ""),
        (SUB, "az {root_name}", ""),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "{parent_id}", ""),
        ("", "{id}", ""),
    ],
)
def test_the_pieces_of_an_id(identifier: str, template: str, command: str) -> None:
    assert render(template, resource(identifier=identifier)) == command


def test_braces_that_are_no_placeholders_stay() -> None:
    assert render("az rest --body '{\"a\": {}}' -u {id} --query [].{Name:name}", resource()).startswith(
        "az rest --body '{\"a\": {}}' -u /subscriptions/"
    )


HOSTILE = ["a b", "$(touch x)", "`id`", "a;b", "a'b", 'a"b', "a|b", "a&b", "a>b", "*", "~root", "!x", "ä", "a\\b", "#a"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_posix_shell_sees_the_value_and_nothing_else(name: str) -> None:
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("no posix shell here")
    command = render("printf %s,%s, {name} /x/{name}.y", resource(name))
    done = subprocess.run([shell, "-c", command], capture_output=True, check=True, timeout=30)
    assert done.stdout.decode() == f"{name},/x/{name}.y,"


@given(st.text(min_size=1, max_size=20))
def test_no_name_breaks_out_of_posix_quotes(name: str) -> None:
    command = render("az x --name {name} --path a/{name}/b", resource(name))
    if command:
        assert shlex.split(command) == ["az", "x", "--name", name, "--path", f"a/{name}/b"]
    else:
        assert name[0] in "-@" or not name.isprintable() or any(ord(character) > 127 for character in name)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["'", '"', "\\", " ", "a", "$", "@", "/", "{name}", "{id}"]), max_size=12).map("".join),
    st.lists(
        st.sampled_from(["'", '"', "\\", " ", "$(echo>pwned)", "`echo>pwned`", ";echo>pwned;", "a"]), min_size=1
    ).map("".join),
)
def test_no_template_lets_a_name_run(template: str, name: str) -> None:
    shell = shutil.which("bash") or shutil.which("sh")
    if shell is None:
        pytest.skip("no posix shell here")
    command = render(f": {template}", resource(name, identifier=name))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([shell, "-c", command], capture_output=True, cwd=folder, timeout=30)
        assert not Path(folder, "pwned").exists()


@pytest.mark.parametrize("shell", ["posix", "powershell"])
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u202eb", "\x00", "a\u200bb", "--yes", "@/etc/passwd", ""])
def test_what_no_quoting_makes_harmless_yields_no_command(name: str, shell: str) -> None:
    assert render("az x --name {name}", resource(name), shell) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("st1", "az x --name st1 --path a/st1/b"),
        ("a b", "az x --name 'a b' --path 'a/a b/b'"),
        ("a'b", "az x --name 'a''b' --path 'a/a''b/b'"),
        ("a\u2019b", "az x --name 'a\u2019\u2019b' --path 'a/a\u2019\u2019b/b'"),
        ("$(calc)", "az x --name '$(calc)' --path 'a/$(calc)/b'"),
        ("a;b", "az x --name 'a;b' --path 'a/a;b/b'"),
        ("a,b", "az x --name 'a,b' --path 'a/a,b/b'"),
        ("a`b", "az x --name 'a`b' --path 'a/a`b/b'"),
        # cmd.exe, which runs az.cmd, would see these inside the quotes
        ("a&calc", ""), ('a"b', ""), ("a|b", ""), ("%PATH%", ""), ("a^b", ""), ("a<b", ""),
    ],
)  # fmt: skip
def test_powershell(name: str, command: str) -> None:
    assert render("az x --name {name} --path a/{name}/b", resource(name), "powershell") == command


def test_a_placeholder_inside_quotes_is_never_rendered() -> None:
    assert misplaced_placeholders("az x --a '{name}' --b \"{id}\" --c {id} \\'{name}") == ["name", "id"]
    assert misplaced_placeholders("az x --query '[].id' --ids {id}") == []
    assert render('az x --a "{name}"', resource()) == ""


@pytest.mark.parametrize(
    "template",
    [
        "\\{name}",
        "a \\\\\\{name}",
        "${name}",
        "@{name}",
        "$pre{name}",
        "\\a{name}",
        "@a/{name}",
        "$(x `y {name}`)",
        "`x {name}`",
        "'\\' '{name}",
        '"\\" {name}"',
        "'a' \"{name}",
    ],
)
def test_nor_where_quotes_would_mean_something_else(template: str) -> None:
    assert misplaced_placeholders(template) == ["name"]
    assert render(template, resource("$(touch x)")) == ""


@pytest.mark.parametrize("template", ["'\\' {name}", '"\\"" {name}', "$(az x --n {name})", "\\' {name}", "$x {name}"])
def test_quotes_that_are_closed_or_escaped_do_not_count(template: str) -> None:
    assert misplaced_placeholders(template) == []


def test_unknown_placeholders_are_named() -> None:
    assert unknown_placeholders("az x {id} {nam} {Name} {a-b} {group}") == ["nam", "group"]
