"""Many rows in one statement: each column an array, new rows added and old ones changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, Table, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

Values: TypeAlias = Mapping[str, object]
Change: TypeAlias = Callable[[str, ColumnElement[int], ColumnElement[int]], ColumnElement[int]]


def replaced(_name: str, _old: ColumnElement[int], new: ColumnElement[int]) -> ColumnElement[int]:
    """Let a row that is there take the new value of a column."""
    return new


def upsert(
    session: Session,
    table: Table,
    rows: Sequence[Values],
    change: Change = replaced,
    key: Sequence[str] | None = None,
) -> None:
    """Add rows, all with the same columns; of one that is there, change the others.

    It is there if one has the same `key`; without that, the same primary key.
    """
    if not rows:
        return
    names = list(rows[0])
    key = key or [column.name for column in table.primary_key]
    new = insert(table).from_select(names, _unnested(table, names, rows))
    changed = {
        name: change(name, table.c[name], new.excluded[name]) for name in names if name not in key
    }
    session.execute(new.on_conflict_do_update(index_elements=key, set_=changed))


def _unnested(
    table: Table, names: Sequence[str], rows: Sequence[Values]
) -> Select[tuple[object, ...]]:
    arrays = [literal([row[name] for row in rows], ARRAY(table.c[name].type)) for name in names]
    columns = [column(name, table.c[name].type) for name in names]
    return select(*func.unnest(*arrays).table_valued(*columns, name="new").render_derived().c)
