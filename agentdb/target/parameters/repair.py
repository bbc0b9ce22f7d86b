"""The text pg_stat_statements keeps, made whole: a tree that PostgreSQL could prepare again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentdb.target.parameters.alignment import join_groups
from agentdb.target.syntax import Unparsable, find, parse_one, pb

_NOT_CODE = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/"""
_TYPES = (
    "varchar|varying|character|char|nchar|bit|timestamp|time|interval|second"
    "|float|decimal|dec|numeric"
)
_MODIFIER = re.compile(
    rf"({_NOT_CODE})|\b({_TYPES})\s*\(\s*\$\d+(?:\s*,\s*\$\d+)?\s*\)", re.IGNORECASE | re.DOTALL
)
_NORMAL_FORM = re.compile(
    rf"({_NOT_CODE})|\b(is(?:\s+not)?)\s+\$\d+\s+normalized\b", re.IGNORECASE | re.DOTALL
)
_SQUASHED = re.compile(r"\$(\d+) /\*, \.\.\. \*/")
_LONG = 10


@dataclass(frozen=True, slots=True)
class Repaired:
    """A normalised statement whose `$n` all stand where PostgreSQL takes a parameter.

    `squashed` are the parameters that stand for a whole list, with its length: `IN ($1 /*, ... */)`
    does not tell (0); of `IN ($1, $2, …, $500)` only the first parameter is kept.
    """

    tree: pb.Node
    squashed: Mapping[int, int]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the parameters left in the tree, ascending."""
        return tuple(sorted({reference.number for reference in find(self.tree, pb.ParamRef)}))


def repair(text: str) -> Repaired:
    """Return what a text of pg_stat_statements means; a text with literals is as welcome.

    `interval $1` becomes `$1::interval`, modifiers (`varchar($2)`) are dropped, and what GROUP BY
    repeats gets the same parameter as in the select list. Raises Unparsable.
    """
    tree = _parse(text)
    _drop_modifiers(tree)
    join_groups(tree)
    squashed = dict.fromkeys(map(int, _SQUASHED.findall(text)), 0)
    return Repaired(tree, squashed | dict(_squash(tree)))


def _parse(text: str) -> pb.Node:
    try:
        return parse_one(text)
    except Unparsable:
        mended = _mended(text)
        if mended == text:
            raise
    return parse_one(mended)


def _mended(text: str) -> str:
    """Drop what the grammar has no parameter for; strings, names and comments are left alone."""
    text = _MODIFIER.sub(lambda found: found[1] or _unmodified(found[2]), text)
    return _NORMAL_FORM.sub(lambda found: found[1] or f"{found[2]} NFC normalized", text)


def _unmodified(name: str) -> str:
    """Return a type of any length: a bare `char` would be `char(1)`."""
    return "bpchar" if name.lower() in {"char", "character", "nchar"} else name


def _drop_modifiers(tree: pb.Node) -> None:
    for name in find(tree, pb.TypeName):
        if any(_holds_parameter(name.typmods)):
            del name.typmods[:]


def _squash(tree: pb.Node) -> Iterator[tuple[int, int]]:
    """Leave the first of a long list of parameters; return its number and the list's length."""
    lists = [in_.rexpr.list.items for in_ in find(tree, pb.A_Expr) if in_.kind == pb.AEXPR_IN]
    arrays = [array.elements for array in find(tree, pb.A_ArrayExpr)]
    for items in (*lists, *arrays):
        if len(items) >= _LONG and all(_holds_parameter(items)):
            yield items[0].param_ref.number, len(items)
            del items[1:]


def _holds_parameter(nodes: Sequence[pb.Node]) -> Iterator[bool]:
    return (node.HasField("param_ref") for node in nodes)
