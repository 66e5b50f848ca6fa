"""What conditions look at in a document: the paths whose values decide them."""

from __future__ import annotations

import msgspec

from azscan.conditions.nodes import All, Any_, Leaf, Node, Not
from azscan.conditions.paths import Path, parse_path
from azscan.conditions.table import OPERATORS

Keys = tuple[str, ...]


class Look(msgspec.Struct, frozen=True):
    """A path whose value decides a condition: the whole value, unless less is said.

    Of a list that is only walked `items` is what is looked at in its items, of one that an operator takes as it is
    `members` the members of its items that the operator looks at.
    """

    keys: Keys
    items: tuple[Look, ...] | None = None
    members: tuple[str, ...] = ()


def looked_at(*nodes: Node) -> frozenset[Look]:
    """What decides, in a document, what the conditions say and which grounds they give."""
    tree = _Tree()
    for node in nodes:
        tree.add(node, tree)
    return frozenset(tree.looks())


class _Tree:
    """What is looked at in a document or an item."""

    def __init__(self) -> None:
        self.whole: set[Keys] = set()
        self.walked: dict[Keys, _Tree] = {}
        self.members: dict[Keys, set[str]] = {}

    def add(self, node: Node, root: _Tree) -> None:
        """Add what a condition looks at here, and what in the document."""
        if isinstance(node, Leaf):
            self._add_leaf(node, root)
        elif isinstance(node, All | Any_):
            for part in node.parts:
                self.add(part, root)
        elif isinstance(node, Not):
            self.add(node.part, root)
        else:
            within = self._of(node.in_, root).walked.setdefault(node.in_.keys, _Tree())
            if node.where is not None:
                within.add(node.where, root)

    def _add_leaf(self, leaf: Leaf, root: _Tree) -> None:
        operator = OPERATORS[leaf.op]
        beside = map(parse_path, operator.beside(leaf.expected)) if operator.beside else ()
        members = operator.members(leaf.expected) if operator.members and not leaf.as_ else ()
        for path in (leaf.path, *beside):
            tree = self._of(path, root)
            if members:
                tree.members.setdefault(path.keys, set()).update(members)
            else:
                tree.whole.add(path.keys)

    def _of(self, path: Path, root: _Tree) -> _Tree:
        return root if path.from_root else self

    def looks(self) -> tuple[Look, ...]:
        """All of it, without what lies in something that is looked at whole."""
        parts = [Look(keys, items=tree.looks()) for keys, tree in self.walked.items()]
        parts += [Look(keys, members=tuple(sorted(names))) for keys, names in self.members.items()]
        looks = [Look(keys) for keys in self.whole if not keys or not self._is_within(keys[:-1])]
        looks += [look for look in parts if not self._is_within(look.keys)]
        return tuple(sorted(looks, key=repr))

    def _is_within(self, keys: Keys) -> bool:
        return any(keys[:end] in self.whole for end in range(len(keys) + 1))
