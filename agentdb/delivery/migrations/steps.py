"""Advice as statements that are safe on a busy server, and may be run twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

from psycopg.sql import SQL

from agentdb.errors import Undeliverable
from agentdb.sql import text as sql_text
from agentdb.target.index import literal, quoted
from agentdb.target.syntax import (
    Node,
    Unparsable,
    copy_of,
    deparse,
    foreign_sql,
    parse_all,
    pb,
    strings,
    unwrap,
)

PATIENT = "10min"
"""How long CONCURRENTLY may wait for others: nobody waits behind it, and giving up costs."""
BRIEF = "5s"
"""How long anything else may wait for a lock: everybody else waits behind it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, without its semicolon; `alone`: it cannot run in a transaction."""

    sql: str
    alone: bool = False
    lock_timeout: str = BRIEF


def steps_up(sql: str) -> tuple[Step, ...]:
    """Return what does the same as `sql`, safely, and nothing where it is done already.

    Raises Undeliverable for a text that is no SQL, and for an index without a name.
    """
    found = _parsed(sql)
    asked = list(chain.from_iterable(map(_steps, found)))
    return tuple(_with_timeouts([*asked, *_finish(found)]))


def steps_down(rollback_sql: str, sql: str) -> tuple[Step, ...]:
    """Return the way back; what `sql` built and `rollback_sql` does not name goes as well.

    (Partitions' indexes go with their parent's, except where it never came to attach them.)
    """
    found = _parsed(rollback_sql)
    named = {name for statement in found for name in _dropped(statement)}
    built = [_index(s) for s in map(unwrap, _parsed(sql)) if _is_build(s)]
    rest = [_drop(name) for name in built if name not in named]
    asked = chain.from_iterable(map(_steps, found))
    return tuple(_with_timeouts([*asked, *rest, *_finish(found)]))


def _parsed(sql: str) -> tuple[pb.Node, ...]:
    try:
        return parse_all(sql)
    except Unparsable as error:
        raise Undeliverable(f"this is no SQL that can be delivered ({error}): {sql}") from error


def _steps(node: pb.Node) -> Iterator[Step]:
    statement = unwrap(node)
    if isinstance(statement, pb.IndexStmt):
        yield from _build(statement)
    elif isinstance(statement, pb.DropStmt) and statement.remove_type == pb.OBJECT_INDEX:
        yield _removal(statement)
    else:
        yield Step(deparse(node), alone=isinstance(statement, pb.VacuumStmt | pb.AlterSystemStmt))


def _build(statement: pb.IndexStmt) -> Iterator[Step]:
    if not statement.idxname:
        raise Undeliverable(f"an index without a name: {deparse(pb.Node(index_stmt=statement))}")
    create = copy_of(statement)
    create.if_not_exists = True
    text = deparse(pb.Node(index_stmt=create))
    if not statement.concurrent:
        yield Step(text)
        return
    yield Step(_set_aside(statement), lock_timeout=PATIENT)
    yield _drop(_qualified(statement.relation.schemaname, _leftover(statement)))
    yield Step(text, alone=True, lock_timeout=PATIENT)
    yield Step(_require_valid(statement))


def _removal(statement: pb.DropStmt) -> Step:
    """Drop what is there; what is gone already is as it should be."""
    drop = copy_of(statement)
    drop.missing_ok = True
    patience = PATIENT if drop.concurrent else BRIEF
    return Step(deparse(pb.Node(drop_stmt=drop)), alone=drop.concurrent, lock_timeout=patience)


def _finish(nodes: Iterable[pb.Node]) -> Iterator[Step]:
    """What stands after all statements: a partitioned index is valid once all parts are attached.

    The planner knows nothing of an expression before ANALYZE.
    """
    indexes = [each for each in map(unwrap, nodes) if isinstance(each, pb.IndexStmt)]
    for whole in (each for each in indexes if not each.concurrent):
        yield Step(_require_valid(whole))
    if any(key.index_elem.HasField("expr") for each in indexes for key in each.index_params):
        yield Step(f"ANALYZE {_table(indexes[0])}")


def _with_timeouts(steps: Iterable[Step]) -> Iterator[Step]:
    """Set the session's timeouts before the statements that they are for, and give them back."""
    yield _set("statement_timeout", "0")
    current = None
    for step in steps:
        if step.lock_timeout != current:
            current = step.lock_timeout
            yield _set("lock_timeout", current)
        yield step
    yield from (Step(f"RESET {name}") for name in ("lock_timeout", "statement_timeout"))


def _set(name: str, value: str) -> Step:
    return Step(f"SET {name} = '{value}'")


# Names -------------------------------------------------------------------------------------------


def _dropped(node: pb.Node) -> Iterator[str]:
    statement = unwrap(node)
    if isinstance(statement, pb.DropStmt):
        for found in statement.objects:
            yield _qualified(*strings(list(found.list.items)))


def _is_build(statement: Node) -> bool:
    return isinstance(statement, pb.IndexStmt) and statement.concurrent


def _drop(name: str) -> Step:
    return Step(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", alone=True, lock_timeout=PATIENT)


def _index(statement: pb.IndexStmt) -> str:
    return _qualified(statement.relation.schemaname, statement.idxname)


def _table(statement: pb.IndexStmt) -> str:
    return _qualified(statement.relation.schemaname, statement.relation.relname)


def _qualified(*names: str) -> str:
    return ".".join(quoted(name) for name in names if name)


def _leftover(statement: pb.IndexStmt) -> str:
    return f"agentdb_leftover_{sha256(_index(statement).encode()).hexdigest()[:12]}"


# Blocks ------------------------------------------------------------------------------------------


def _set_aside(statement: pb.IndexStmt) -> str:
    return _block(
        "set_aside",
        table=_table(statement),
        table_text=literal(_table(statement)),
        index=_index(statement),
        index_text=literal(_index(statement)),
        leftover=quoted(_leftover(statement)),
    )


def _require_valid(statement: pb.IndexStmt) -> str:
    index, table = _index(statement), _table(statement)
    retry = f"Run DROP INDEX CONCURRENTLY IF EXISTS {index}, then this migration again."
    late = f"A partition of {table} has no such index: it was made after the audit that advised it."
    return _block(
        "require_valid",
        index_text=literal(index),
        table_text=literal(table),
        message=literal(f"the index {index} on {table} is missing or INVALID"),
        hint=literal(retry if statement.concurrent else late),
    )


def _block(name: str, **parts: str) -> str:
    """Return a block of `sql/migrations/`, without its head, in a quote that the names leave be."""
    _head, do, body = sql_text(f"migrations/{name}").partition("DO ")
    tag = "agentdb"
    while any(f"${tag}" in part for part in parts.values()):
        tag += "_"
    filled = {part: foreign_sql(text) for part, text in parts.items()}
    template: SQL = foreign_sql(f"{do}{body}".strip())
    return template.format(tag=foreign_sql(tag), **filled).as_string(None)
