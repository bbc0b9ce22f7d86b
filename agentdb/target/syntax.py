"""The grammar of Postgres itself (libpg_query), text to tree and back: all of postgast we use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeVar

import postgast
from google.protobuf.message import DecodeError, Message
from postgast import pg_query_pb2 as pb
from psycopg.sql import SQL

__all__ = [
    "Node",
    "Unparsable",
    "canonical",
    "children",
    "copy_of",
    "deparse",
    "find",
    "fingerprint",
    "foreign_sql",
    "parse_all",
    "parse_one",
    "pb",  # the nodes themselves: everybody else takes them from here
    "strings",
    "unwrap",
    "walk",
]

Node = Message
_M = TypeVar("_M", bound=Message)

_LONGEST_SKELETON = 20_000

_TWO_DIGITS = re.compile(r"\d\d")
_MAY_BE_KEPT_APART = re.compile(r'[^\W\d]\w*\d\d|"[^"]*\d\d|\b(?:in|any|some)\s*\(', re.IGNORECASE)
_LISTS = (pb.AEXPR_IN, pb.AEXPR_OP_ANY)


class Unparsable(ValueError):
    """The text is not one statement of PostgreSQL; the message says why."""


def parse_one(text: str) -> pb.Node:
    """Return the only statement in `text`.

    The grammar is PostgreSQL 18's, except that `$1` may stand wherever a literal may
    (`interval $1`, `date $1`): pg_stat_statements prints such texts.

    Raises Unparsable for a syntax error, for no statement and for more than one.
    """
    statements = parse_all(text)
    if len(statements) != 1:
        raise Unparsable(f"holds {len(statements)} statements, not one")
    return statements[0]


def parse_all(text: str) -> tuple[pb.Node, ...]:
    """Return the statements in `text`, in their order; raise Unparsable for a syntax error."""
    if "\0" in text:
        raise Unparsable("holds a NUL character")
    _refuse_endless(text)
    try:
        statements = postgast.parse(text).stmts
    except postgast.PgQueryError as error:
        raise Unparsable(error.message) from error
    except DecodeError as error:
        raise Unparsable("is nested too deeply") from error
    return tuple(statement.stmt for statement in statements)


def _refuse_endless(text: str) -> None:
    """Refuse what could be nested so deeply that libpg_query's recursion overflows the stack.

    `1+1+1+…` did at 25,000 levels, and took the process along. Each level leaves a character
    when words become one letter and lists (and rows) of them are cut.
    """
    if len(text) > _LONGEST_SKELETON:
        skeleton = re.sub(r"(?:\(?x\)?\s*,\s*)+", "", re.sub(r"\$?\w+", "x", text))
        if len(skeleton) > _LONGEST_SKELETON:
            raise Unparsable("is too long")


def deparse(statement: pb.Node) -> str:
    """Return canonical SQL of a tree that parse_one gave, perhaps changed since."""
    tree = pb.ParseResult(version=180004, stmts=[pb.RawStmt(stmt=statement)])
    try:
        return postgast.deparse(tree)
    except postgast.PgQueryError as error:
        raise Unparsable(error.message) from error


def canonical(text: str) -> str:
    """Return one statement as libpg_query prints it: one line, names quoted only where needed."""
    return deparse(parse_one(text))


def fingerprint(text: str) -> str:
    """Return 16 hex digits that do not depend on literals, white space, case or server version.

    Raises Unparsable for a syntax error.
    """
    try:
        found = postgast.fingerprint(text).hex
    except postgast.PgQueryError as error:
        raise Unparsable(error.message) from error
    apart = sorted(_kept_apart(text)) if _MAY_BE_KEPT_APART.search(text) else []
    return sha256(f"{found} {apart}".encode()).hexdigest()[:16] if apart else found


def _kept_apart(text: str) -> Iterator[str]:
    """Return what libpg_query's own fingerprint leaves out but an index depends on.

    It takes `events_2023` and `events_2024` for partitions of one table, and `= ANY (…)` and
    `IN (…)` for `=`, which keeps an order that these do not keep.
    """
    for node in walk(parse_one(text)):
        if isinstance(node, pb.RangeVar) and _TWO_DIGITS.search(node.schemaname + node.relname):
            yield f"{node.schemaname}.{node.relname}"
        elif isinstance(node, pb.A_Expr) and node.kind in _LISTS:
            yield f"{'.'.join(strings(list(node.lexpr.column_ref.fields)))} {node.kind}"


def copy_of(message: _M) -> _M:
    """Return a deep copy, so that a tree somebody else holds is never written into."""
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def unwrap(node: Message) -> Message:
    """Return the concrete message inside a `Node`, or the message itself."""
    return postgast.unwrap_node(node)


def walk(node: Message) -> Iterator[Message]:
    """Return every concrete node below (and with) `node`, parents first."""
    return (found for _, found in postgast.walk(node))


def children(node: Message) -> Iterator[Message]:
    """Return the concrete nodes directly below `node`, in the order they are written."""
    for descriptor, value in unwrap(node).ListFields():
        if descriptor.type == descriptor.TYPE_MESSAGE:
            held = (value,) if isinstance(value, Message) else value
            yield from (unwrap(child) for child in held)


def find(node: Message, kind: type[_M]) -> Iterator[_M]:
    """Return every node of one type below (and with) `node`."""
    return (found for found in walk(node) if isinstance(found, kind))


def strings(nodes: Iterator[pb.Node] | list[pb.Node]) -> tuple[str, ...]:
    """Return the names in a list of String nodes (a qualified name, a column reference)."""
    return tuple(node.string.sval for node in nodes if node.HasField("string"))


def foreign_sql(text: str) -> SQL:
    """Return a text that came from the target (a type, a definition, a statement) for psycopg."""
    return SQL(text)
