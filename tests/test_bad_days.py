"""The table of bad days: each has a row that names the tests which show what azscan does about it.

What must hold on all of them: a clear error (what happened, what it means, what to do) with the exit code that the
design gives it, nothing lost that was read, no pass for what was not seen, no traceback, no secret anywhere.
`python -m tests.test_bad_days` prints the table.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

LIST = """
wrong tenant; wrong secret; expired secret; disabled subscription; no subscription; 403 on one read;
403 on a whole service; 403 on a subscription; the resource list denied; Reader on one resource group only;
a custom role without one type's read; unregistered provider: a tracked type;
unregistered provider: what is configured on a subscription; unregistered provider: what hangs on others;
404 on a child; InvalidResourceType; parent deleted; resource deleted between list and get; stopped server;
429 with Retry-After; 429 without Retry-After; 500; 502; 503; 504; timeout; reset in mid-body; truncated JSON;
an HTML page with status 200; value missing; value null; value not a list; page 3 of 5 failing;
an empty page with a next link; a next-link loop; a next link to a foreign host; a redirect to a foreign host;
token expiry in mid-scan; a claims challenge in mid-scan; a 409 that would make a client register a provider;
a link into a subscription outside the scope; Ctrl-C; kill -9 at 20 random reads; disk full; a locked estate;
a read-only folder; malformed YAML; huge YAML; alias-bomb YAML; duplicate-key YAML; non-UTF-8 YAML; unknown keys;
unknown operators; unknown collections; unknown parameters; duplicate check ids; a filter that matches nothing;
an azscan.yaml found upward that sets a cloud; names with rich markup; names with ANSI escapes; names with =cmd();
names with quotes; names with $(…); names with newlines; two scans into one estate file
"""

ROWS: dict[str, tuple[str, ...]] = {
    "wrong tenant": ("sign_in.wrong_tenant", "sign_in.a_tenant_that_does_not_hold_the_subscription"),
    "wrong secret": ("sign_in.wrong_secret",),
    "expired secret": ("sign_in.expired_secret",),
    "disabled subscription": ("rights.disabled_subscription",),
    "no subscription": ("rights.no_subscription",),
    "403 on one read": ("rights.403_on_one_read",),
    "403 on a whole service": ("rights.403_on_a_whole_service",),
    "403 on a subscription": ("rights.403_on_a_subscription", "rights.403_on_everything"),
    "the resource list denied": ("rights.the_resource_list_denied",),
    "Reader on one resource group only": (
        "rights.reader_on_one_resource_group_only",
        "rights.reader_on_an_empty_resource_group_only",
    ),
    "a custom role without one type's read": ("rights.a_custom_role_without_one_types_read",),
    "unregistered provider: a tracked type": ("rights.an_unregistered_provider_of_a_tracked_type",),
    "unregistered provider: what is configured on a subscription": (
        "rights.an_unregistered_provider_of_what_is_configured",
    ),
    "unregistered provider: what hangs on others": (
        "rights.an_unregistered_provider_of_an_extension",
        "rights.an_unregistered_provider_of_a_query",
    ),
    "404 on a child": ("rights.404_on_a_child",),
    "InvalidResourceType": ("rights.invalid_resource_type",),
    "parent deleted": ("rights.parent_deleted",),
    "resource deleted between list and get": ("rights.resource_deleted_between_list_and_get",),
    "stopped server": ("rights.stopped_server",),
    "429 with Retry-After": ("wire.429_with_retry_after",),
    "429 without Retry-After": ("wire.429_without_retry_after",),
    "500": ("wire.server_error[500]",),
    "502": ("wire.server_error[502]",),
    "503": ("wire.server_error[503]",),
    "504": ("wire.server_error[504]",),
    "timeout": ("wire.timeout",),
    "reset in mid-body": ("wire.reset_in_mid_body",),
    "truncated JSON": ("wire.truncated_json",),
    "an HTML page with status 200": ("wire.html_with_200",),
    "value missing": ("wire.value_missing",),
    "value null": ("wire.value_null",),
    "value not a list": ("wire.value_not_a_list",),
    "page 3 of 5 failing": ("wire.page_3_of_5_failing", "wire.page_3_of_5_failing_and_resumed"),
    "an empty page with a next link": ("wire.an_empty_page_with_a_next_link",),
    "a next-link loop": ("wire.a_next_link_loop",),
    "a next link to a foreign host": ("wire.a_next_link_to_a_foreign_host",),
    "a redirect to a foreign host": ("wire.a_redirect_to_a_foreign_host",),
    "token expiry in mid-scan": ("sign_in.token_expiry_in_mid_scan", "sign_in.a_token_that_cannot_be_renewed"),
    "a claims challenge in mid-scan": ("sign_in.a_claims_challenge_in_mid_scan",),
    "a 409 that would make a client register a provider": ("wire.a_409_that_would_make_a_client_register",),
    "a link into a subscription outside the scope": ("rights.a_link_into_a_subscription_outside_the_scope",),
    "Ctrl-C": ("process.ctrl_c", "process.ctrl_c_before_anything_was_read"),
    "kill -9 at 20 random reads": ("process.kill_9_at_a_random_read",),
    "disk full": ("process.disk_full", "process.disk_full_of_a_report", "process.a_file_that_may_not_grow"),
    "a locked estate": ("process.a_locked_estate",),
    "a read-only folder": ("process.a_read_only_folder", "process.a_saved_estate_in_a_read_only_folder"),
    "malformed YAML": ("files.yaml[malformed]",),
    "huge YAML": ("files.yaml[huge]",),
    "alias-bomb YAML": ("files.yaml[alias-bomb]",),
    "duplicate-key YAML": ("files.yaml[duplicate-key]",),
    "non-UTF-8 YAML": ("files.yaml[non-UTF-8]",),
    "unknown keys": ("files.unknown[keys]", "files.unknown_things_in_the_configuration"),
    "unknown operators": ("files.unknown[operators]",),
    "unknown collections": ("files.unknown[collections]",),
    "unknown parameters": ("files.unknown[parameters]", "files.unknown_things_in_the_configuration"),
    "duplicate check ids": ("files.duplicate_check_ids",),
    "a filter that matches nothing": (
        "files.a_filter_that_matches_nothing",
        "files.a_filter_that_matches_nothing_beside_what_is_unreadable",
    ),
    "an azscan.yaml found upward that sets a cloud": ("files.an_azscan_yaml_found_upward_that_sets_a_cloud",),
    "names with rich markup": ("names.name[markup]", "names.name_of_a_subscription_on_stderr[markup]"),
    "names with ANSI escapes": ("names.name[ansi]", "names.name_of_a_subscription_on_stderr[ansi]"),
    "names with =cmd()": ("names.name[formula]",),
    "names with quotes": ("names.name[quotes]", "names.name_in_a_command[quotes]"),
    "names with $(…)": ("names.name[substitution]", "names.name_in_a_command[substitution]"),
    "names with newlines": ("names.name[newlines]", "names.name_of_a_subscription_on_stderr[newlines]"),
    "two scans into one estate file": ("process.two_scans_into_one_estate_file",),
}


def table() -> str:
    """One line for each bad day, and after it the tests that it is shown by."""
    width = max(map(len, ROWS))
    return "\n".join(f"{day:<{width}}  {', '.join(tests)}" for day, tests in ROWS.items())


def days() -> list[str]:
    """The bad days of the list, in its order."""
    return [" ".join(day.split()) for day in LIST.split(";")]


def test_every_bad_day_has_its_row() -> None:
    assert list(ROWS) == days()


@pytest.mark.parametrize("day", ROWS)
def test_the_row_names_tests_that_exist(day: str) -> None:
    for name in ROWS[day]:
        room, _, rest = name.partition(".")
        function, _, case = rest.removesuffix("]").partition("[")
        module = importlib.import_module(f"tests.bad_days.test_{room}")
        test = getattr(module, f"test_{function}", None)
        assert inspect.isfunction(test), name
        assert not case or case in cases(module, test), f"{name} is no case of the test"


def cases(module: ModuleType, test: object) -> set[str]:
    """The ids of a parametrised test."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    return {str(each) for mark in marks for each in mark.args[1]}


def test_the_rows_name_every_test() -> None:
    """A test of the folder that no row names is a measure (`a good day`), or was forgotten."""
    named = {name.partition("[")[0] for tests in ROWS.values() for name in tests}
    measures = {name for name in defined() if ".a_good_" in name or ".a_sound_" in name}
    assert set(defined()) - named - measures == {"files.all_faults_at_once", "names.a_name_in_azures_own_words"}


def defined() -> Iterator[str]:
    """Every test of the folder, as the rows name it."""
    for path in sorted((Path(__file__).parent / "bad_days").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path.stem.removeprefix('test_')}.{node.name.removeprefix('test_')}"


if __name__ == "__main__":
    print(table())
