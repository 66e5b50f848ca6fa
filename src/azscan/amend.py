"""azscan.yaml with one more entry, and everything else as it stands."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from azscan.catalog.source import parse
from azscan.errors import UsageError

_BOM = "\ufeff"
_WIDTH = 1 << 20  # ruamel breaks longer lines
_LONGEST = 100  # of a list that is written on one line


def amend(data: bytes, section: str, entry: Mapping[str, Any], file: str) -> bytes:
    """The file with `entry` at the end of the list `section`, which is begun where there is none.

    The entry is put between the lines (or into the brackets) that are there, so that every other byte stays. Only where
    that is not possible, such as in a file that is one pair of braces, or ends within a block of text without a line
    end, ruamel.yaml writes it anew: it keeps comments, order and quotes, but not blanks within a line, indentation, or
    how an empty value is spelt. What comes out is read
    again, and must say what the file said with the entry added. `data` must be a valid file; `entry` has words, lists
    of words, and under `expires` a day (YYYY-MM-DD). Raises UsageError where no way of adding it holds.
    """
    from ruamel.yaml.error import YAMLError

    before = parse(data, file).value
    wanted = json.dumps({**before, section: [*(before.get(section) or ()), dict(entry)]})
    text = data.decode("utf-8")
    head, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    try:
        for candidate in _candidates(text, section, entry):
            changed = (head + candidate).encode()
            after = parse(changed, file)
            if not after.faults and json.dumps(after.value) == wanted:
                return changed
    except YAMLError:
        pass  # ruamel.yaml and libyaml do not agree on this file
    raise UsageError(
        f"the entry cannot be added to {file} without changing what else it says",
        hint="add it by hand; --dry-run prints it",
    )


def entry_lines(entry: Mapping[str, Any]) -> str:
    """The entry as an item of a list, in lines."""
    lines = _yaml_of(entry, flow=False).splitlines()
    return "".join(f"{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines))


def _candidates(text: str, section: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """The file with the entry, in the order of what is left as it was."""
    from ruamel.yaml import YAML

    root = YAML(typ="safe", pure=True).compose(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    found = next((pair for pair in root.value if pair[0].value == section), None)
    if not root.flow_style:
        for position, lines in _insertions(text, root, found, section, entry):
            lead = "" if text[:position].endswith("\n") else "\n"
            yield text[:position] + (lead + lines).replace("\n", newline) + text[position:]
    if found is not None and isinstance(found[1].value, list) and found[1].flow_style:
        start, end = found[1].start_mark.index, found[1].end_mark.index
        after = _line_end(text, end)
        if not root.flow_style and not found[1].value and not text[end:after].strip():
            lines = _indented(entry_lines(entry), " " * root.start_mark.column + "  ")
            yield text[:start].rstrip() + ("\n" + lines).replace("\n", newline) + text[after:]
        position = end - 1
        item = _yaml_of(entry, flow=True).strip()
        for lead in (", " if found[1].value else "", " "):
            yield text[:position] + lead + item + text[position:]
    yield _written_anew(text, section, entry).replace("\n", newline)


def _insertions(text: str, root: Any, found: Any, section: str, entry: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Places between lines, and the lines to put there."""
    margin = " " * root.start_mark.column
    lines = entry_lines(entry)
    if found is None:
        gap = "" if text.endswith(("\n\n", "\n\r\n")) else "\n"
        whole = _indented(f"{section}:\n{_indented(lines, '  ')}", margin)
        for position in (len(text), *_ends(text, root)):
            yield position, gap + whole
    elif found[1].start_mark.index == found[1].end_mark.index:
        yield _line_end(text, found[0].end_mark.index), _indented(lines, margin + "  ")
    elif isinstance(found[1].value, list) and not found[1].flow_style:
        dash = " " * found[1].start_mark.column
        for position in _ends(text, found[1]):
            yield position, _indented(lines, dash)


def _ends(text: str, node: Any) -> Iterator[int]:
    """Where the line after the node's last word begins; for a block of text, before and behind its empty lines."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        node = node.value[-1][1] if isinstance(node.value[-1], tuple) else node.value[-1]
    end = node.end_mark.index
    if text[:end].endswith("\n"):
        yield _line_end(text, len(text[:end].rstrip()))
        yield end
    else:
        yield _line_end(text, end)


def _line_end(text: str, position: int) -> int:
    return text.find("\n", position) + 1 or len(text)


def _indented(lines: str, margin: str) -> str:
    return "".join(f"{margin}{line}" for line in lines.splitlines(keepends=True))


def _written_anew(text: str, section: str, entry: Mapping[str, Any]) -> str:
    yaml = _round_trip()
    yaml.preserve_quotes = True
    whole = yaml.load(text)
    if whole.get(section) is None:
        whole[section] = []
    whole[section].append(_styled(entry))
    stream = io.StringIO()
    yaml.dump(whole, stream)
    return stream.getvalue()


def _yaml_of(entry: Mapping[str, Any], *, flow: bool) -> str:
    """The entry in YAML; all in quotes where libyaml does not read a plain word as ruamel.yaml wrote it."""
    text = ""
    for is_quoted in (False, True):
        styled = _styled(entry, is_quoted=is_quoted)
        if flow:
            styled.fa.set_flow_style()
        stream = io.StringIO()
        _round_trip().dump(styled, stream)
        text = stream.getvalue()
        if parse(text.encode(), "").value == entry:
            break
    return text


def _round_trip() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _styled(entry: Mapping[str, Any], *, is_quoted: bool = False) -> Any:
    """The entry as people write it: short lists in brackets, the day without quotes."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    quoted = DoubleQuotedScalarString if is_quoted else str
    styled = CommentedMap()
    for name, value in entry.items():
        if isinstance(value, list):
            styled[name] = CommentedSeq(map(quoted, value))
            if len(value) == 1 or sum(map(len, value)) <= _LONGEST:
                styled[name].fa.set_flow_style()
        else:
            styled[name] = date.fromisoformat(value) if name == "expires" else quoted(value)
    return styled
