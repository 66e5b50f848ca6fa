"""Whether the parameters that a team gives to checks are such as their conditions can be decided with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from azscan.catalog.model import Check
from azscan.conditions.grammar import check as condition_faults
from azscan.conditions.kinds import ConditionFault
from azscan.words import did_you_mean

# No whole number of a check's is looked for beyond these, when the range that it may have is told.
_FARTHEST = 10**12


class ParamFault(NamedTuple):
    """What is wrong with a parameter: `keys` lead to it (or to an item of it) from the check's id on."""

    keys: tuple[str | int, ...]
    message: str
    hint: str = ""


def param_faults(check: Check, called: str, given: Mapping[str, Any]) -> Iterator[ParamFault]:
    """Every fault of the parameters given to a check, which the file calls `called` (its id, or a former one)."""
    odd = set()
    for name, value in given.items():
        for fault in _of_one(check, called, name, value):
            odd.add(name)
            yield fault
    fine = {name: value for name, value in given.items() if name not in odd}
    if len(fine) > 1 and (faults := _tried(check, fine)):
        yield ParamFault((called,), f"the parameters of {called} do not go together: {faults[0].message}")


def _of_one(check: Check, called: str, name: str, value: Any) -> Iterator[ParamFault]:
    if name not in check.params:
        hint = did_you_mean(name, check.params) or _list(check.params, f"{called} has no parameters")
        yield ParamFault((called, name), f"{called} has no parameter {name}", hint)
        return
    default = check.params[name]
    what, hint = f"{name} of {called}", f"its default is {written(default)}"
    if not _alike(value, default):
        if isinstance(default, str) and _type(value) is float:
            hint = f'put quotes around it: "{written(value)}"'
        yield ParamFault((called, name), f"{what}: {written(value)} is not {_kind(default)}", hint)
        return
    misfits = list(_unlike(value, default))
    for index, item in misfits:
        message = f"{what}: {written(item)} is not {_kind(default[0])}, as the items of its default are"
        yield ParamFault((called, name, index), message, hint)
    if not misfits and (faults := _tried(check, {name: value})):
        yield ParamFault((called, name), *_told(check, name, value, faults[0], what, hint))


def _told(check: Check, name: str, value: Any, fault: ConditionFault, what: str, hint: str) -> tuple[str, str]:
    """The fault of a condition in words about the parameter, whose value the condition may have put into a text."""
    message = fault.message
    if _type(value) is float and (span := _span(check, name, value)):
        return f"{what}: {written(value)} is not {span}", hint
    if isinstance(value, str):
        # The condition quotes it as Python does, and its own text where the parameter is only a part of that.
        own = f"{value!r} "
        reason = message.removeprefix(own) if message.startswith(own) else f"does not fit: {message}"
    else:
        reason = f"does not fit: {message}"
    return f"{what}: {written(value)} {reason}", hint


def _tried(check: Check, changed: Mapping[str, Any]) -> list[ConditionFault]:
    """The faults that the check's conditions have with these parameters in the place of the defaults."""
    params = {**check.params, **changed}
    conditions = (each for each in (check.applies, check.require) if each is not None)
    return [fault for condition in conditions for fault in condition_faults(condition, params)]


def _span(check: Check, name: str, value: float) -> str:
    """The whole numbers that a parameter may be, in words, found around its default; "" where `value` is of them."""

    def fits(number: int) -> bool:
        return not _tried(check, {name: number})

    inside = check.params[name]
    if type(inside) is not int or (value == value // 1 and fits(int(value))):
        return ""
    least, most = _end(fits, inside, -_FARTHEST), _end(fits, inside, _FARTHEST)
    if least is None and most is None:
        return "a whole number"
    if least is None:
        return f"a whole number up to {most}"
    return f"a whole number from {least} {f'to {most}' if most is not None else 'on'}"


def _end(fits: Callable[[int], bool], inside: int, outside: int) -> int | None:
    """The last number that fits on the way from one that does; None where all do."""
    if fits(outside):
        return None
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        inside, outside = (middle, outside) if fits(middle) else (inside, middle)
    return inside


def written(value: Any, longest: int = 60) -> str:
    """A value as JSON has it, cut where it is long."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _list(names: Iterable[str], otherwise: str) -> str:
    words = ", ".join(names)
    return f"its parameters are {words}" if words else otherwise


def _alike(value: Any, default: Any) -> bool:
    """True where both are numbers, or both of the same type."""
    return _type(value) is _type(default)


def _unlike(value: Any, default: Any) -> Iterator[tuple[int, Any]]:
    """The items of a list that are of another type than those of its default: they could never match."""
    types = {_type(each) for each in default} if isinstance(default, list) else set()
    if len(types) == 1:
        yield from ((index, each) for index, each in enumerate(value) if _type(each) not in types)


def _type(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


_KINDS = {float: "a number", str: "text", bool: "true or false", list: "a list", dict: "a map"}


def _kind(value: Any) -> str:
    return _KINDS.get(_type(value), "such a value")
