"""A business table in statements: its key as text, the rows of some keys, the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    TableClause,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.types import UserDefinedType

from agentdb.errors import BadInput
from agentdb.models.attachment import AttachedRow
from agentdb.models.entry import EntryRow

Key: TypeAlias = tuple[str, ...]
"""A primary key, each column as text."""

SETTLED = frozenset(
    (
        *("boolean", "smallint", "integer", "bigint", "oid", "uuid", "numeric", "inet", "cidr"),
        *("text", "character varying", "bpchar", "name"),
    )
)
"""Types whose text no setting changes; enums are others. As in the function that watches."""


class NamedType(UserDefinedType[object]):
    """A type by the name that the server gives it, to cast a text to."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        """Return the name as the server writes it."""
        return self.name


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a business table; `category` is that of pg_type, such as N for numbers."""

    number: int
    name: str
    type: str
    category: str
    is_enum: bool
    is_virtual: bool

    @property
    def is_settled(self) -> bool:
        """Whether its text is the same in every session."""
        return self.is_enum or self.type in SETTLED


@dataclass(frozen=True, slots=True)
class BusinessTable:
    """A table as the catalog has it now; `key` is its primary key, `rows` an estimate."""

    oid: int
    schema: str
    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    rows: int

    @property
    def label(self) -> str:
        """Its name, with the schema unless that is public."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns of its primary key, in their order."""
        return tuple(self.columns[name] for name in self.key)

    def source(self) -> TableClause:
        """Return it for a FROM."""
        return table(self.name, *map(column, self.columns), schema=self.schema)


def texts_of_key(found: BusinessTable, source: FromClause) -> ColumnElement[Sequence[str]]:
    """Return the key of a row, as kept."""
    return _array([_text(own(source, each.name), each) for each in found.key_columns])


def has_key(
    found: BusinessTable, source: FromClause, key: Sequence[ColumnElement[str]]
) -> ColumnElement[bool]:
    """Return whether a row has this key, by the index of the primary key."""
    pairs = zip(found.key_columns, key, strict=True)
    return and_(
        *(own(source, each.name) == cast(text, NamedType(each.type)) for each, text in pairs)
    )


def own(source: FromClause, name: str) -> ColumnElement[Any]:
    """Return a column of a table by the name it has in the database."""
    for each in source.c:
        if each.name == name:
            return each
    raise BadInput(f"the table that the condition is about has no column {name}: add it there")


def reading(
    found: BusinessTable, attachment: int, tenant: str, texts: Sequence[str]
) -> Select[Any]:
    """Return the statement for rows by their keys: place, whether there, texts, what is kept.

    Parameters `key0`, `key1`…: the columns of the keys as arrays.
    """
    names = [f"key{at}" for at in range(len(found.key))]
    arrays = [cast(bindparam(name), ARRAY(Text)) for name in names]
    asked = (
        func.unnest(*arrays)
        .table_valued(*(column(name, Text) for name in names), with_ordinality="place")
        .render_derived()
        .alias("asked")
    )
    keys = [asked.c[name].collate("C") for name in names]
    source = found.source()
    # A key that is equal but written otherwise (1.0, 1.00) is another row's, or nobody's.
    same = has_key(found, source, keys) & (texts_of_key(found, source) == _array(keys))
    kept = AttachedRow.__table__
    entry = EntryRow.__table__
    return (
        select(
            asked.c.place,
            own(source, found.key[0]).is_not(None).label("is_there"),
            _array([cast(own(source, name), Text) for name in texts]).label("texts"),
            entry.c.id.label("entry_id"),
            entry.c.content_hash,
            entry.c.embedding.is_not(None).label("has_vector"),
        )
        .select_from(asked)
        .outerjoin(source, same)
        .outerjoin(
            kept,
            (kept.c.tenant == tenant)
            & (kept.c.attachment_id == attachment)
            & (kept.c.key == _array(keys)),
        )
        .outerjoin(entry, entry.c.id == kept.c.entry_id)
        .order_by(asked.c.place)
    )


def following(found: BusinessTable, after: Key | None, count: int) -> Select[Any]:
    """Return the statement for the keys that come next, in the order of the primary key."""
    source = found.source()
    columns = [own(source, name) for name in found.key]
    keys = select(texts_of_key(found, source).label("key")).order_by(*columns).limit(count)
    if after is None:
        return keys
    pairs = zip(after, found.key_columns, strict=True)
    last = [cast(text, NamedType(each.type)) for text, each in pairs]
    return keys.where(tuple_(*columns) > tuple_(*last))


def leaving(
    found: BusinessTable, attachment: int, tenant: str, after: Key | None, count: int
) -> Select[Any]:
    """Return the statement for the keys kept that come next, and whether their rows have left."""
    kept, source = AttachedRow.__table__, found.source()
    mine = (kept.c.tenant == tenant) & (kept.c.attachment_id == attachment)
    if after is not None:
        mine &= kept.c.key > cast(list(after), ARRAY(Text))
    page = (
        select(kept.c.key).where(mine).order_by(kept.c.key).limit(count).cte("page", nesting=True)
    )
    keys = [page.c.key[at + 1] for at in range(len(found.key))]
    gone = own(source, found.key[0]).is_(None).label("is_gone")
    joined = select(page.c.key, gone).select_from(page)
    return joined.outerjoin(source, has_key(found, source, keys)).order_by(page.c.key)


def _text(value: ColumnElement[Any], of: Column) -> ColumnElement[str]:
    if of.is_settled:
        return cast(value, Text).collate("C")
    return func.agentdb.key_text(value, type_=Text()).collate("C")


def _array(texts: Sequence[ColumnElement[str]]) -> ColumnElement[Sequence[str]]:
    made: ColumnElement[Sequence[str]] = array(texts, type_=Text())  # type: ignore[arg-type]
    return made
