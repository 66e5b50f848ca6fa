"""Whatever the ready files say is so: options, variables, versions, scripts, and each format's own schema."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from azscan import __version__
from azscan.cli import COMMANDS
from azscan.options import OPTION_KEYS
from azscan.settings import resolve
from tests.pipelines.files import (
    ACTION,
    AZURE_PIPELINES,
    CRONJOB,
    FILES,
    JOB,
    ROOT,
    WORKFLOWS,
    command_lines,
    documents,
    scripts,
    text,
    variables,
    walk,
)

DATA = [file for file in FILES if file.endswith((".yml", ".yaml", ".json"))]
# Variables of azscan's that are no options.
OTHERS = {"AZSCAN_STATE_DIR"}


def test_there_is_no_file_that_nothing_looks_at() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").iterdir()}
    assert there == {file for file in FILES if file.startswith("examples/")}


@pytest.mark.parametrize("file", DATA)
def test_it_can_be_read(file: str) -> None:
    assert all(documents(file))
    assert "\t" not in text(file) and text(file).endswith("\n")


@pytest.mark.parametrize("file", DATA)
def test_each_command_is_one_of_azscans(file: str) -> None:
    """Parsed by the command itself, so that no option, choice or argument is made up."""
    import typer

    found = command_lines(file)
    assert found or file in WORKFLOWS
    for name, *arguments in found:
        command = typer.main.get_command(importlib.import_module(COMMANDS[name][0]).app)
        with command.make_context(name, list(arguments)) as context:
            resolve(context.params, {})


@pytest.mark.parametrize("file", [*DATA, "Dockerfile"])
def test_each_variable_is_one_of_azscans_and_its_value_fits(file: str) -> None:
    named = set(re.findall(r"\bAZSCAN_[A-Z_]+", text(file)))
    assert named <= {key.variable for key in OPTION_KEYS} | OTHERS
    given = variables(file) if file in DATA else {}
    assert set(given) <= named
    # What a pipeline fills in cannot be judged here.
    resolve({}, {name: value for name, value in given.items() if "$" not in value and "[" not in value})


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS, AZURE_PIPELINES])
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_each_script_is_sound_and_takes_nothing_into_its_text(file: str) -> None:
    assert scripts(file) or file == WORKFLOWS[0]
    for script in scripts(file):
        ran = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
        # An expression in a script is replaced before the shell reads it: whoever fills it in writes the script.
        assert "${{" not in script
        if file == AZURE_PIPELINES:
            assert "$(" not in script


@pytest.mark.parametrize("file", FILES)
def test_no_secret_has_a_place(file: str) -> None:
    assert re.findall(r"(?i)client.?secret|password|secrets\.|api.?key", text(file)) == []


@pytest.mark.parametrize("file", FILES)
def test_versions_are_this_ones(file: str) -> None:
    named = re.findall(r"azscan[@:](?:v)?(\d+\.\d+\.\d+)|refs/tags/v(\d+\.\d+\.\d+)", text(file))
    assert {each for pair in named for each in pair if each} <= {__version__}
    for used in (value for key, value in walk(documents(file) if file in DATA else []) if key == "uses"):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+(\.\d+)*", used), used


def schema_faults(document: Any, name: str) -> list[str]:
    """What the schema that check-jsonschema carries finds wrong."""
    builtin = pytest.importorskip("check_jsonschema.builtin_schemas")
    jsonschema = pytest.importorskip("jsonschema")
    schema = builtin.get_builtin_schema(f"vendor.{name}")
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def as_text(value: Any) -> Any:
    """The value with true and false as words: Azure Pipelines has no other scalars than texts."""
    if isinstance(value, dict):
        return {key: as_text(below) for key, below in value.items()}
    if isinstance(value, list):
        return [as_text(below) for below in value]
    return str(value).lower() if isinstance(value, bool | int) else value


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        (ACTION, "github-actions"),
        *((file, "github-workflows") for file in WORKFLOWS),
        (AZURE_PIPELINES, "azure-pipelines"),
    ],
)
def test_it_is_what_its_schema_wants(file: str, schema: str) -> None:
    (document,) = documents(file)
    if schema == "azure-pipelines":
        document = as_text(document)
    assert schema_faults(document, schema) == []
    # The schema is one that finds something.
    assert schema_faults({**document, "jobs": 7, "runs": 7}, schema) != []


def _steps(file: str) -> list[dict[str, Any]]:
    return [step for job in documents(file)[0]["jobs"].values() for step in job["steps"]]


def test_the_readme_s_azure_pipeline_signs_in_as_the_ready_one_does() -> None:
    (fence,) = [each for each in re.findall(r"```yaml\n(.*?)```", text("README.md"), re.DOTALL) if "AzureCLI" in each]
    (shown,) = [each for each in yaml.safe_load(fence)["steps"] if "task" in each]
    steps = [each for key, value in walk(documents(AZURE_PIPELINES)) if key == "steps" for each in value]
    (ready,) = [each for each in steps if each.get("task") == shown["task"]]
    assert set(shown["inputs"]) <= set(ready["inputs"])
    assert shown["env"]["SYSTEM_ACCESSTOKEN"] == ready["env"]["SYSTEM_ACCESSTOKEN"]
    # A variable of the pipeline would have to be defined by somebody; these Azure DevOps has.
    assert re.findall(r"\$\((?!System\.)[^)]*\)", fence) == []


class TestAction:
    """action.yml, and the workflows that use it."""

    def inputs(self) -> dict[str, Any]:
        return dict(documents(ACTION)[0]["inputs"])

    def test_each_input_is_used_and_each_that_is_used_exists(self) -> None:
        assert set(re.findall(r"inputs\.([a-z-]+)", text(ACTION))) == set(self.inputs())

    def test_each_step_that_is_named_exists(self) -> None:
        steps = documents(ACTION)[0]["runs"]["steps"]
        assert set(re.findall(r"steps\.(\w+)\.", text(ACTION))) == {each["id"] for each in steps if "id" in each}
        assert all("shell" in each for each in steps if "run" in each)
        for name in ("install", "scan"):
            (script,) = [each["run"] for each in steps if each.get("id") == name]
            written = set(re.findall(r'"([a-z-]+)=[^"]*" >> "\$GITHUB_OUTPUT"', script))
            assert set(re.findall(rf"steps\.{name}\.outputs\.([a-z-]+)", text(ACTION))) == written

    def test_defaults_are_values_that_azscan_takes(self) -> None:
        given = {name: value for name, value in variables(ACTION).items() if value.startswith("${{ inputs.")}
        inputs = self.inputs()
        resolve({}, {name: inputs[value[11:-3]].get("default", "") for name, value in given.items()})
        assert len(given) == 9

    @pytest.mark.parametrize("file", WORKFLOWS)
    def test_workflows_give_it_what_it_takes(self, file: str) -> None:
        (used,) = [step for step in _steps(file) if "/azscan@" in step.get("uses", "")]
        inputs = self.inputs()
        assert set(used["with"]) <= set(inputs)
        assert {name for name, each in inputs.items() if each.get("required")} <= set(used["with"])

    def test_the_gate_chooses_the_checks_of_its_baseline(self) -> None:
        """What the schedule does not look at is new in every pull request."""
        chosen = []
        for file in WORKFLOWS:
            (given,) = [step["with"] for step in _steps(file) if "/azscan@" in step.get("uses", "")]
            chosen.append({name: given.get(name, "") for name in ("services", "frameworks", "config")})
        assert chosen[0] == chosen[1]

    @pytest.mark.parametrize("file", WORKFLOWS)
    def test_workflows_have_the_rights_they_need_and_no_others(self, file: str) -> None:
        document = documents(file)[0]
        assert document["permissions"] == {}
        for job in document["jobs"].values():
            assert job["permissions"]["id-token"] == "write"
            assert {value for name, value in job["permissions"].items() if name != "id-token"} == {"read"}


class TestCronJob:
    def kinds(self) -> dict[str, Any]:
        return {each["kind"]: each for each in documents(CRONJOB)}

    def pod(self) -> dict[str, Any]:
        return dict(self.kinds()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"])

    @pytest.mark.parametrize("version", ["1.29", "1.33"])
    def test_it_is_what_kubernetes_takes(self, version: str) -> None:
        validator = pytest.importorskip("kubernetes_validate")
        for document in documents(CRONJOB):
            validator.validate(document, version, strict=True)
        with pytest.raises(validator.ValidationError):
            validator.validate({**self.kinds()["CronJob"], "spec": {"schedules": ""}}, version, strict=True)

    def test_it_fits_the_restricted_standard(self) -> None:
        """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
        spec = self.pod()["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
        assert {next(iter(set(each) - {"name"})) for each in spec["volumes"]} <= {"emptyDir", "persistentVolumeClaim"}

    def test_what_it_refers_to_is_there(self) -> None:
        kinds, spec = self.kinds(), self.pod()["spec"]
        assert spec["serviceAccountName"] == kinds["ServiceAccount"]["metadata"]["name"]
        claims = {each["persistentVolumeClaim"]["claimName"] for each in spec["volumes"] if "emptyDir" not in each}
        assert claims == {kinds["PersistentVolumeClaim"]["metadata"]["name"]}
        mounts = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
        assert set(mounts) == {each["name"] for each in spec["volumes"]}
        written = [each.partition("=")[2] for each in spec["containers"][0]["args"] if each.startswith("--output=")]
        assert written and all(each.startswith(f"{mounts['reports']}/") for each in written)

    def test_workload_identity_is_asked_for(self) -> None:
        """https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html"""
        assert self.pod()["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        assert "azure.workload.identity/client-id" in self.kinds()["ServiceAccount"]["metadata"]["annotations"]


# The members of a job and what they hold, as far as the example has them.
# https://learn.microsoft.com/azure/templates/microsoft.app/2024-03-01/jobs
JOB_MEMBERS: dict[str, Any] = {
    "type": str,
    "apiVersion": str,
    "name": str,
    "location": str,
    "identity": {"type": str, "userAssignedIdentities": dict},
    "properties": {
        "environmentId": str,
        "configuration": {
            "triggerType": str,
            "scheduleTriggerConfig": {"cronExpression": str, "parallelism": int, "replicaCompletionCount": int},
            "replicaTimeout": int,
            "replicaRetryLimit": int,
            "registries": [{"server": str, "identity": str, "username": str, "passwordSecretRef": str}],
        },
        "template": {
            "containers": [
                {
                    "name": str,
                    "image": str,
                    "args": [str],
                    "command": [str],
                    "env": [{"name": str, "value": str, "secretRef": str}],
                    "resources": {"cpu": int, "memory": str},
                }
            ]
        },
    },
}


def misfits(value: Any, wanted: Any, path: str = "") -> list[str]:
    """Where a value is not what the table of members has."""
    if isinstance(wanted, dict):
        unknown = [f"{path}.{name}" for name in value if name not in wanted]
        return unknown + [
            fault for name in value if name in wanted for fault in misfits(value[name], wanted[name], f"{path}.{name}")
        ]
    if isinstance(wanted, list):
        return [fault for each in value for fault in misfits(each, wanted[0], f"{path}[]")]
    return [] if isinstance(value, wanted) else [path]


class TestContainerAppsJob:
    def test_it_has_the_members_that_azure_documents(self) -> None:
        (job,) = documents(JOB)[0]["resources"]
        assert (job["type"], job["apiVersion"]) == ("Microsoft.App/jobs", "2024-03-01")
        assert misfits(job, JOB_MEMBERS) == []
        assert misfits({**job, "proprties": {}}, JOB_MEMBERS) == [".proprties"]

    def test_its_parameters_are_declared_and_used(self) -> None:
        document = documents(JOB)[0]
        assert set(re.findall(r"parameters\('(\w+)'\)", text(JOB))) == set(document["parameters"])
        assert set(document) == {"$schema", "contentVersion", "metadata", "parameters", "resources"}

    def test_its_expressions_are_closed(self) -> None:
        for value in re.findall(r'"(\[[^"]*)"', json.dumps(documents(JOB))):
            assert value.endswith("]") and value.count("(") == value.count(")") and value.count("'") % 2 == 0


@pytest.mark.parametrize("file", [WORKFLOWS[0], AZURE_PIPELINES, CRONJOB, JOB])
def test_schedules_are_of_five_fields(file: str) -> None:
    found = re.findall(r"\"((?:[\d*/,-]+ ){4}[\d*/,-]+)\"", text(file))
    assert len(found) == 1
    for field, limit in zip(found[0].split(), (59, 23, 31, 12, 6), strict=True):
        assert field == "*" or int(field) <= limit
