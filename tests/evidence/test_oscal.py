"""The document for GRC tools, read back through compliance-trestle's models of OSCAL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.emulator import demo_estate
from azscan.evidence.oscal import tokens_of
from tests.evidence.ground import FRAMEWORKS, Pack, packed
from tests.harness import Scanned, scan

oscal = pytest.importorskip("trestle.oscal.assessment_results")

# https://pages.nist.gov/OSCAL-Reference/concepts/layer/overview/datatypes/#token
TOKEN = re.compile(r"[_A-Za-z][_A-Za-z0-9.-]*")


def read_back(pack: Pack):
    return oscal.Model.model_validate_json(pack.zip.read("oscal/assessment-results.json")).assessment_results


@pytest.fixture(scope="module")
def document(demo: Pack):
    return read_back(demo)


def test_there_is_a_result_for_each_framework(document, scanned: Scanned) -> None:
    assert document.metadata.oscal_version.root.root == "1.1.2"
    assert [each.title for each in document.results] == [each.title for each in scanned.results.frameworks]


def test_findings_say_what_the_controls_do(document, scanned: Scanned) -> None:
    for framework, result in zip(scanned.results.frameworks, document.results, strict=True):
        told = {
            next(each.value for each in finding.target.props if each.name == "control"): finding
            for finding in result.findings
        }
        controls = {each.control: each for each in scanned.results.controls if each.framework == framework.key}
        judged = {name for name, each in controls.items() if each.status in ("pass", "fail", "unreadable", "waived")}
        assert set(told) == judged
        for name, finding in told.items():
            state = "satisfied" if controls[name].status == "pass" else "not-satisfied"
            assert finding.target.status.state.value == state, name
        left_out = {each.value for each in result.props if each.name == "control-not-judged"}
        assert left_out == set(controls) - judged
        assert len(result.reviewed_controls.control_selections[0].include_controls) == len(judged)


def test_observations_hold_every_verdict_once_for_each_framework(document, scanned: Scanned) -> None:
    for framework, result in zip(scanned.results.frameworks, document.results, strict=True):
        checks = {check for of_control in framework.checks.values() for check in of_control}
        expected = sum(verdict.check in checks for verdict in scanned.results.verdicts())
        assert sum(len(each.subjects) for each in result.observations) == expected
        assert all(len(each.subjects) == len(each.relevant_evidence) for each in result.observations)


def test_observations_have_the_title_severity_and_policies_of_their_check(document, scanned: Scanned) -> None:
    for result in document.results:
        for each in result.observations:
            told = [(prop.name, prop.value) for prop in each.props]
            check = scanned.results.catalog.checks[dict(told)["check"]]
            assert each.title == f"{check.title}: {dict(told)['status']}" and check.id in each.description
            assert dict(told)["severity"] == check.severity
            assert tuple(value for name, value in told if name == "azure-policy") == check.policy


def test_findings_have_the_worst_severity(document, scanned: Scanned) -> None:
    severities = {each.name: each.severity for each in scanned.results.controls}
    for framework, result in zip(scanned.results.frameworks, document.results, strict=True):
        for finding in result.findings:
            told = {prop.name: prop.value for prop in finding.target.props}
            assert told.get("worst-severity", "") == severities[f"{framework.key}:{told['control']}"]


def test_whatever_is_referred_to_is_there(document, demo: Pack) -> None:
    uuids: list[str] = [document.uuid]
    for result in document.results:
        items = {each.uuid for each in result.local_definitions.inventory_items}
        observed = {each.uuid for each in result.observations}
        assert {one.subject_uuid for each in result.observations for one in each.subjects} == items
        assert {one.observation_uuid for each in result.findings for one in each.related_observations} == observed
        for each in result.observations:
            for evidence in each.relevant_evidence:
                hrefs = [evidence.href, *(link.href for link in evidence.links or ())]
                assert all(href.removeprefix("../") in demo.names for href in hrefs)
        uuids += [result.uuid, *observed, *(each.uuid for each in result.findings)]
    resources = [each.uuid for each in document.back_matter.resources]
    assert document.import_ap.href.removeprefix("#") in resources
    assert len({*uuids, *resources}) == len(uuids) + len(resources)


def test_a_framework_without_a_verdict_is_valid_too(tmp_path: Path) -> None:
    results = scan(tmp_path, demo_estate(), frameworks=FRAMEWORKS, controls=["A.8.24"]).results
    empty, full = read_back(packed(results, tmp_path / "pack.zip")).results
    assert empty.findings is None and len(full.findings) == 1


def test_ids_of_controls_become_tokens_and_stay_apart() -> None:
    assert tokens_of(["A.8.24", "9.3", "AC-2(1)", "AC-2 1", "CC6.1"]) == {
        "A.8.24": "A.8.24",
        "9.3": "_9.3",
        "AC-2(1)": "AC-2_1_",
        "AC-2 1": "AC-2_1",
        "CC6.1": "CC6.1",
    }
    assert tokens_of(["a b", "a(b", "é1"]) == {"a b": "a_b", "a(b": "a_b_2", "é1": "_1"}


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8))
def test_any_ids_become_tokens_and_stay_apart(ids: list[str]) -> None:
    tokens = tokens_of(ids)
    assert list(tokens) == ids and len(set(tokens.values())) == len(ids)
    assert all(TOKEN.fullmatch(token) for token in tokens.values())
