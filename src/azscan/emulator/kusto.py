"""A small, honest part of the Kusto language: a table, `where`, `project`, `take`, `order by`, `count`, and two more.

These are `summarize NAME = count() by COLUMN` and `join kind=leftouter (QUERY) on COLUMN`.

What it does not know is refused, as Resource Graph refuses a query that it cannot parse.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

Rows = list[dict[str, Any]]
_TOKEN = re.compile(
    r"\s*(?:('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(=~|!~|==|!=|>=|<=|>|<)|(!?[A-Za-z_$][\w$]*~?)|(-?\d+(?:\.\d+)?)|([().,\[\]]))"
)


class QueryError(Exception):
    """The query is not one that can be answered; the text says why."""


def run(query: str, table: Callable[[str], Rows | None]) -> tuple[str | None, Rows]:
    """The rows of a query, and the name of its table (None where there is no such table)."""
    first, *steps = _split(query)
    name = first.strip().lower()
    if not re.fullmatch(r"\w+", name):
        raise QueryError(f"Unexpected '{first.strip()}'.")
    rows = table(name)
    if rows is None:
        return None, []
    for step in steps:
        rows = _joined(step, rows, table) if step.strip()[:5].lower() == "join " else _step(step.strip(), rows)
    return name, rows


def _split(query: str) -> list[str]:
    """The query's parts between `|`, quoted text and what stands in brackets left whole."""
    parts, depth, quote = [""], 0, ""
    for char in query:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        if char == "|" and not quote and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _joined(step: str, rows: Rows, table: Callable[[str], Rows | None]) -> Rows:
    """Each row with the columns of the first row of the other query that has the same value in the column."""
    found = re.fullmatch(r"\s*join\s+kind\s*=\s*leftouter\s*\((.*)\)\s*on\s+(\w+)\s*", step, re.IGNORECASE | re.DOTALL)
    if not found:
        raise QueryError("Only 'join kind=leftouter (...) on COLUMN' is known here.")
    column = found.group(2)
    name, others = run(found.group(1), table)
    if name is None:
        raise QueryError("The table of a join could not be resolved.")
    right: dict[Any, dict[str, Any]] = {}
    for other in others:
        right.setdefault(other.get(column), {key: value for key, value in other.items() if key != column})
    return [{**right.get(row.get(column), {}), **row} for row in rows]


def _summarized(rest: str, rows: Rows) -> Rows:
    found = re.fullmatch(r"\s*(\w+)\s*=\s*count\(\)\s+by\s+(\w+)\s*", rest, re.IGNORECASE)
    if not found:
        raise QueryError("Only 'summarize NAME = count() by COLUMN' is known here.")
    name, column = found.groups()
    counts = Counter(row.get(column) for row in rows)
    return [{column: value, name: number} for value, number in counts.items()]


def _step(step: str, rows: Rows) -> Rows:
    word, _, rest = step.partition(" ")
    word = word.lower()
    if word == "where":
        condition = _Condition(rest)
        return [row for row in rows if condition.holds(row)]
    if word == "project":
        return [_project(rest, row) for row in rows]
    if word in ("take", "limit") and rest.strip().isdigit():
        return rows[: int(rest)]
    if word in ("order", "sort"):
        return _ordered(rest, rows)
    if word == "summarize":
        return _summarized(rest, rows)
    if word == "count" and not rest.strip():
        return [{"Count": len(rows)}]
    raise QueryError(f"The operator '{word}' is not known here.")


def _project(columns: str, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {}
    for column in columns.split(","):
        name, _, path = column.partition("=")
        path = (path or name).strip()
        if not re.fullmatch(r"[\w.$]+", path):
            raise QueryError(f"The column '{column.strip()}' is not known here.")
        shown[name.strip().replace(".", "_") if "=" not in column else name.strip()] = _at(row, path)
    return shown


def _ordered(rest: str, rows: Rows) -> Rows:
    found = re.fullmatch(r"\s*by\s+([\w.]+)(?:\s+(asc|desc))?\s*", rest, re.IGNORECASE)
    if not found:
        raise QueryError("Only one column can be ordered by here.")
    down = (found.group(2) or "desc").lower() == "desc"
    return sorted(rows, key=lambda row: str(_at(row, found.group(1)) or ""), reverse=down)


def _at(row: Mapping[str, Any], path: str) -> Any:
    at: Any = row
    for part in path.split("."):
        at = at.get(part) if isinstance(at, Mapping) else None
    return at


class _Condition:
    """A condition of `where`, read by descent: or, and, not, comparison."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._holds = self._either()
        if self._place != len(self._tokens):
            raise QueryError(f"Unexpected '{self._tokens[self._place]}'.")

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether the condition holds for a row."""
        return self._holds(row)

    def _either(self) -> Callable[[Mapping[str, Any]], bool]:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return lambda row: any(part(row) for part in parts)

    def _both(self) -> Callable[[Mapping[str, Any]], bool]:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Callable[[Mapping[str, Any]], bool]:
        if self._take("("):
            inner = self._either()
            self._need(")")
            return inner
        word = self._peek().lower()
        if word in ("not", "isnotempty", "isempty", "isnotnull", "isnull") and self._peek(1) == "(":
            self._place += 2
            if word == "not":
                negated = self._either()
                self._need(")")
                return lambda row: not negated(row)
            value = self._value()
            self._need(")")
            empty = word in ("isempty", "isnull")
            return lambda row: (value(row) in (None, "")) is empty
        return self._comparison(self._value())

    def _comparison(self, left: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], bool]:
        operator = self._next().lower()
        if operator in ("in", "in~", "!in", "!in~"):
            self._need("(")
            values = [self._value()]
            while self._take(","):
                values.append(self._value())
            self._need(")")
            fold = operator.endswith("~")
            wanted = operator[0] != "!"
            return lambda row: (_fold(left(row), fold) in [_fold(one(row), fold) for one in values]) is wanted
        right = self._value()
        compare = _COMPARISONS.get(operator)
        if compare is None:
            raise QueryError(f"The operator '{operator}' is not known here.")
        return lambda row: compare(left(row), right(row))

    def _value(self) -> Callable[[Mapping[str, Any]], Any]:
        token = self._next()
        if token[0] in "'\"":
            text = token[1:-1].replace("\\'", "'").replace('\\"', '"')
            return lambda row: text
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            number = float(token)
            return lambda row: number
        if token.lower() in ("true", "false"):
            flag = token.lower() == "true"
            return lambda row: flag
        if token.lower() in ("tostring", "tolower", "tobool", "toint") and self._peek() == "(":
            self._place += 1
            inner = self._value()
            self._need(")")
            lower = token.lower() == "tolower"
            return lambda row: str(inner(row) or "").lower() if lower else inner(row)
        path = [token]
        while self._take("."):
            path.append(self._next())
        joined = ".".join(path)
        return lambda row: _at(row, joined)

    def _peek(self, ahead: int = 0) -> str:
        at = self._place + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise QueryError("The query ends too early.")
        self._place += 1
        return token

    def _take(self, token: str) -> bool:
        if self._peek().lower() != token:
            return False
        self._place += 1
        return True

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise QueryError(f"Expected '{token}'.")


def _fold(value: Any, fold: bool) -> Any:
    return value.lower() if fold and isinstance(value, str) else value


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "=~": lambda a, b: _text(a) == _text(b),
    "!~": lambda a, b: _text(a) != _text(b),
    "contains": lambda a, b: _text(b) in _text(a),
    "!contains": lambda a, b: _text(b) not in _text(a),
    "has": lambda a, b: _text(b) in re.split(r"\W+", _text(a)),
    "startswith": lambda a, b: _text(a).startswith(_text(b)),
    "endswith": lambda a, b: _text(a).endswith(_text(b)),
    ">": lambda a, b: _number(a) > _number(b),
    ">=": lambda a, b: _number(a) >= _number(b),
    "<": lambda a, b: _number(a) < _number(b),
    "<=": lambda a, b: _number(a) <= _number(b),
}


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        one = _TOKEN.match(text, at)
        if one is None:
            raise QueryError(f"Unexpected '{text[at : at + 10]}'.")
        found.append(next(group for group in one.groups() if group is not None))
        at = one.end()
        while at < len(text) and text[at].isspace():
            at += 1
    return found
