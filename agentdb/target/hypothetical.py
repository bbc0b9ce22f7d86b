"""Indexes that only the planner sees (hypopg): which ideas are not worth building even a copy of?

Only where hypopg is installed, and only what it imagines well and safely: indexes over plain
columns. It cannot imagine GIN or GiST, and has been reported to crash servers over partial
indexes, expressions and, from PostgreSQL 17, INCLUDE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row
from psycopg.sql import Composed, Identifier

from agentdb.sql import query
from agentdb.target.connection import Connection
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Sandbox, failure_of

_METHODS = frozenset({"btree", "brin", "hash"})
_UNSAFE_INCLUDE = 170000
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Imagined:
    """An index as hypopg knows it; `name` is how plans show it."""

    oid: int
    name: str


def weed(
    box: Sandbox, definitions: Collection[IndexDefinition], statements: Collection[str]
) -> frozenset[IndexDefinition]:
    """Return the definitions worth building: no plan would use the others.

    All are imagined at once and those used are put aside, three times over, so that the second
    and third best of a statement stay as well. What cannot be imagined stays, and everything
    stays without hypopg or when a statement gives no plan. The statements must have passed the
    guard; the box must not hold copies that hide their tables.
    """
    everything = frozenset(definitions)
    schema = _schema(box.connection)
    if schema is None:
        return everything
    version = box.connection.info.server_version
    by_name = sorted(everything, key=lambda each: each.name)
    imaginable = [each for each in by_name if can_be_imagined(each, version)]
    with _imagining(box.connection, schema, imaginable) as imagined:
        used = _used(box, schema, imagined, statements)
    return everything if used is None else everything - imagined.keys() | used


def can_be_imagined(definition: IndexDefinition, server_version: int) -> bool:
    """Tell whether hypopg can imagine an index without harm."""
    return (
        definition.method in _METHODS
        and definition.predicate is None
        and not any(key.sql.startswith("(") for key in definition.keys)
        and not (definition.include and server_version >= _UNSAFE_INCLUDE)
    )


def _schema(connection: Connection) -> str | None:
    row = connection.execute(query("hypothetical/schema")).fetchone()
    return str(row[0]) if row else None


@contextmanager
def _imagining(
    connection: Connection, schema: str, definitions: Collection[IndexDefinition]
) -> Iterator[dict[IndexDefinition, Imagined]]:
    """Imagine what can be imagined, and forget it all in the end."""
    try:
        created = ((each, _create(connection, schema, each)) for each in definitions)
        yield {definition: imagined for definition, imagined in created if imagined}
    finally:
        with suppress(psycopg.Error):  # whoever lost the connection says so better
            connection.execute(_in(schema, "hypothetical/reset"))


def _create(connection: Connection, schema: str, definition: IndexDefinition) -> Imagined | None:
    text = {"definition": definition.create_sql(concurrently=False)}
    try:
        with connection.transaction(), connection.cursor(row_factory=class_row(Imagined)) as cursor:
            return cursor.execute(_in(schema, "hypothetical/create"), text).fetchone()
    except psycopg.Error as error:
        failure_of(error)
        return None


def _used(
    box: Sandbox,
    schema: str,
    imagined: dict[IndexDefinition, Imagined],
    statements: Collection[str],
) -> frozenset[IndexDefinition] | None:
    waiting, used = dict(imagined), frozenset[IndexDefinition]()
    for _ in range(_ROUNDS):
        names = _names_in_plans(box, statements)
        if names is None:
            return None
        found = {each for each, index in waiting.items() if index.name in names}
        if not found:
            break
        used |= found
        for each in found:
            box.connection.execute(_in(schema, "hypothetical/drop"), {"oid": waiting.pop(each).oid})
    return used


def _names_in_plans(box: Sandbox, statements: Collection[str]) -> frozenset[str] | None:
    plans = [box.plan(statement) for statement in statements]
    found = [plan for plan in plans if isinstance(plan, Plan)]
    if len(found) < len(plans):
        return None
    return frozenset(name for plan in found for name in plan.indexes())


def _in(schema: str, name: str) -> Composed:
    return query(name).format(schema=Identifier(schema))
