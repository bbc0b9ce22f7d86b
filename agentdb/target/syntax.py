"""The grammar of Postgres itself (libpg_query): text to tree and back. The only importer of postgast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, TypeVar, cast

import postgast
from google.protobuf.message import DecodeError, Message
from postgast import pg_query_pb2 as pb
from psycopg.sql import SQL

Node = Message
_M = TypeVar("_M", bound=Message)


class Unparsable(ValueError):
    """The text is not one statement of PostgreSQL; the message says why."""


def parse_one(text: str) -> pb.Node:
    """Return the only statement in `text`.

    The grammar is PostgreSQL 18's, except that `$1` may stand wherever a literal may
    (`interval $1`, `date $1`): pg_stat_statements prints such texts.

    Raises Unparsable for a syntax error, for no statement and for more than one.
    """
    if "\0" in text:
        raise Unparsable("holds a NUL character")
    try:
        statements = postgast.parse(text).stmts
    except postgast.PgQueryError as error:
        raise Unparsable(error.message) from error
    except DecodeError as error:
        raise Unparsable("is nested too deeply") from error
    if len(statements) != 1:
        raise Unparsable(f"holds {len(statements)} statements, not one")
    return statements[0].stmt


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
    """Return 16 hex digits that do not depend on literals, white space, case or server version."""
    return postgast.fingerprint(text).hex


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
    """Return a text that came from the target's own catalog (a type, a definition) for psycopg.

    Curly brackets are doubled, as `SQL.format` would read them otherwise.
    """
    return SQL(cast("LiteralString", text))
