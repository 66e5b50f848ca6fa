"""Checks: from the walked file to the model, and the rules that a table of keys cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from azscan.catalog.attachments import MAX_LINKS, WIRE_NAMES, Attached
from azscan.catalog.fix import PLACEHOLDERS, misplaced_placeholders, unknown_placeholders
from azscan.catalog.kinds import Findings, hint_for
from azscan.catalog.model import BUILT_IN_SUBJECTS, Check, Collection, Examples, FixText, Service
from azscan.catalog.services import rule_condition
from azscan.catalog.source import Keys
from azscan.words import nearest

_PARAMETER = re.compile(r"\$\{([^{}$]*)\}")
_PATH_KEYS = ("field", "in")


class Known(msgspec.Struct, frozen=True):
    """What the services declare. `complete` is false where a service's file could not be read."""

    services: Mapping[str, Service]
    collections: Mapping[str, Collection]
    attached: Mapping[str, Mapping[str, Attached]]
    owners: Mapping[str, tuple[str, ...]]
    complete: bool


def build_check(values: Mapping[str, Any], folder: str, stem: str, into: Findings, known: Known) -> Check:
    """The check as far as it is sound; `folder` is its service's, `stem` the file's name without .yaml."""
    _rule_id(values, folder, stem, into, known)
    subject = values.get("subject", "")
    is_known = subject in known.collections or subject in BUILT_IN_SUBJECTS
    if subject and not is_known and known.complete:
        options = (*known.collections, *BUILT_IN_SUBJECTS)
        into.fault(("subject",), f"there is no collection {subject}", hint_for(subject, options))
    given = values.get("params") or {}
    params = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    _rule_params(values, params, into)
    for key in ("applies", "require"):
        if key in values:
            paths = rule_condition(values[key], params, (key,), into, whole=key == "require")
            if is_known and known.complete:
                _rule_paths(values[key], paths, (key,), subject, into, known)
    examples = values.get("examples", {})
    if is_known and known.complete:
        _rule_examples(examples, subject, into, known)
    if "not-applicable" in examples and "applies" not in values and not _can_be_empty(values.get("require")):
        into.fault(("examples", "not-applicable"), "nothing makes this check not applicable", "it has no applies")
    fix = values.get("fix", {})
    _rule_fix(fix.get("cli", ""), into)
    service = known.services.get(folder)
    return Check(
        id=values.get("id", stem),
        title=values.get("title", ""),
        severity=values.get("severity", "info"),
        status=values.get("status", "stable"),
        service=folder,
        area=service.area if service else "",
        subject=subject,
        require=values.get("require", {}),
        why=values.get("why", ""),
        fix=FixText(fix.get("text", ""), fix.get("cli", "")),
        applies=values.get("applies"),
        params=params,
        aliases=values.get("aliases", ()),
        policy=values.get("policy", ()),
        unmapped=values.get("unmapped", ""),
        false_positives=values.get("false-positives", ""),
        refs=values.get("refs", ()),
        examples=Examples(examples.get("pass", ()), examples.get("fail", ()), examples.get("not-applicable", ())),
        file=into.source.file,
        line=into.source.at(("id",))[0],
    )


def _rule_id(values: Mapping[str, Any], folder: str, stem: str, into: Findings, known: Known) -> None:
    name = values.get("id")
    if name is None:
        return
    if name != stem:
        into.fault(("id",), f"the check is called {name}, its file {stem}.yaml", "use one name")
    service = known.services.get(folder)
    if service is None:
        if known.complete:
            into.fault((), f"the folder {folder} is no service", hint_for(folder, known.services))
        return
    starts = (folder, *service.prefixes)
    if not any(name.startswith(f"{start}-") for start in starts):
        into.fault(("id",), f"the id begins with its service: {' or '.join(f'{start}-' for start in starts)}")


def _rule_params(values: Mapping[str, Any], params: Mapping[str, Any], into: Findings) -> None:
    if not params:
        return
    used = {name for key in ("applies", "require") for name in _parameters(values.get(key))}
    for name in params:
        if name not in used:
            into.fault(("params", name), f"the parameter {name} is not used", f"write ${{{name}}} in a condition")


def _parameters(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PARAMETER.findall(value)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _parameters(each)


def _rule_paths(
    condition: Any, paths: frozenset[tuple[str, ...]], keys: Keys, subject: str, into: Findings, known: Known
) -> None:
    """Attached names can be checked; what Azure sends cannot be known here."""
    for path in sorted(paths):
        fault = _astray(path, subject, known)
        if fault is not None:
            step, message, hint = fault
            into.fault((*keys, *_find(condition, step)), message, hint)


def _astray(path: tuple[str, ...], subject: str, known: Known) -> tuple[str, str, str] | None:
    """The step at which the path leaves what is attached, with message and hint; None where it does not."""
    here = subject
    links = 0
    for step in path:
        attached = known.attached.get(here, {}).get(step)
        if attached is None:
            return _stranger(step, here, known)
        links += attached.link is not None
        if links > MAX_LINKS:
            return step, f"the path follows more than {MAX_LINKS} links", "judge the linked collection instead"
        if attached.shape == "map":
            return None
        here = attached.collection
    return None


def _stranger(step: str, here: str, known: Known) -> tuple[str, str, str] | None:
    """A step that is no attached name of `here`: a fault where it can only be meant as one."""
    if step in WIRE_NAMES:
        return None
    carried = known.attached.get(here, {})
    under = sorted(name for name, one in carried.items() if one.collection == step)
    if under:
        return step, f"{here} carries {step} under another name", f"write {' or '.join(under)}"
    collection = known.collections.get(here)
    if "_" not in step and collection is not None and collection.host == "graph":
        return None
    if step in known.owners:
        return step, f"{step} is not attached to {here}", f"it is attached to {', '.join(known.owners[step])}"
    if step in known.collections:
        return step, f"{step} is not attached to {here}", "a link in _service.yaml would attach it"
    near = nearest(step, carried)
    if near and (("_" in step and step.islower()) or near.rstrip("s") == step.rstrip("s")):  # Azure has no snake_case
        return step, f"nothing is attached to {here} as {step}", f"did you mean {near}?"
    return None


def _find(condition: Any, step: str) -> Keys:
    """The keys that lead to the first path which names `step`."""
    if isinstance(condition, dict):
        for key, value in condition.items():
            if key in _PATH_KEYS and isinstance(value, str) and step in re.split(r"[.\[\]']+", value):
                return (key,)
            below = _find(value, step)
            if below:
                return (key, *below)
    elif isinstance(condition, list):
        for number, value in enumerate(condition):
            below = _find(value, step)
            if below:
                return (number, *below)
    return ()


def _rule_examples(examples: Mapping[str, Any], subject: str, into: Findings, known: Known) -> None:
    carried = known.attached.get(subject, {})
    for verdict, documents in examples.items():
        for number, document in enumerate(documents):
            for name, value in document.items():
                keys: Keys = ("examples", verdict, number, name)
                attached = carried.get(name)
                if attached is None:
                    stranger = _stranger(name, subject, known)
                    if stranger is not None:
                        into.fault(keys, stranger[1], stranger[2])
                elif value is not None and isinstance(value, list) != (attached.shape == "list"):
                    wanted = {"one": "a document", "list": "a list of documents", "map": "a map of documents"}
                    into.fault(keys, f"{name} is attached as {wanted[attached.shape]}")


def _can_be_empty(condition: Any) -> bool:
    """True where the condition's own quantifier says that an empty list is not applicable."""
    if not isinstance(condition, dict):
        return False
    return any(isinstance(body, dict) and body.get("whenEmpty") == "not-applicable" for body in condition.values())


def _rule_fix(template: str, into: Findings) -> None:
    for name in unknown_placeholders(template):
        into.fault(("fix", "cli"), f"{{{name}}} is not known in a command", hint_for(name, PLACEHOLDERS))
    for name in misplaced_placeholders(template):
        into.fault(
            ("fix", "cli"),
            f"{{{name}}} stands inside quotes, or after \\, $ or @",
            "leave them out: the value gets its own",
        )
