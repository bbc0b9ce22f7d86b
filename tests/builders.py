"""Small values for tests that need no Postgres."""

from __future__ import annotations

from collections.abc import Mapping

from agentdb.target.catalog import Catalog, Column, ForeignKey, Histogram, Index, Table

_CATEGORIES = {
    "integer": "N",
    "bigint": "N",
    "text": "S",
    "boolean": "B",
    "timestamp with time zone": "D",
    "jsonb": "U",
    "text[]": "A",
    "tsvector": "U",
}


def column(
    name: str,
    type_name: str = "integer",
    *,
    distinct: float = 1000,
    shares: dict[str, float] | None = None,
    correlation: float = 0.0,
    null_fraction: float = 0.0,
    width_bytes: int = 8,
    collation_is_c: bool = False,
) -> Column:
    known = shares or {}
    return Column(
        name=name,
        type_name=type_name,
        type_sql=type_name,
        category=_CATEGORIES[type_name],
        not_null=False,
        distinct=distinct,
        null_fraction=null_fraction,
        correlation=correlation,
        width_bytes=width_bytes,
        histogram=Histogram(tuple(known), tuple(known.values())),
        collation_is_c=collation_is_c,
    )


def table(
    name: str,
    *columns: Column,
    schema: str = "public",
    rows: float = 100_000,
    indexes: tuple[Index, ...] = (),
    foreign_keys: tuple[ForeignKey, ...] = (),
    view_sql: str | None = None,
) -> Table:
    return Table(
        oid=sum(map(ord, f"{schema}.{name}")),
        schema=schema,
        name=name,
        kind="view" if view_sql else "table",
        rows=rows,
        size_bytes=int(rows * 100),
        all_visible_fraction=1.0,
        columns=columns,
        indexes=indexes,
        foreign_keys=foreign_keys,
        view_sql=view_sql,
    )


def catalog(*tables: Table, extensions: Mapping[str, str] | None = None) -> Catalog:
    return Catalog({t.oid: t for t in tables}, ("public",), 180001, extensions or {})


def index(
    *keys: str,
    method: str = "btree",
    descending: tuple[bool, ...] = (),
    include: tuple[str, ...] = (),
    predicate: str | None = None,
    primary: bool = False,
    valid: bool = True,
) -> Index:
    down = descending or (False,) * len(keys)
    return Index(
        name="_".join(keys) + "_idx",
        method=method,
        keys=keys,
        key_is_column=tuple("(" not in key for key in keys),
        descending=down,
        nulls_first=down,
        opclasses=("default",) * len(keys),
        default_opclasses=(True,) * len(keys),
        include=include,
        predicate=predicate,
        unique=primary,
        primary=primary,
        valid=valid,
        size_bytes=8192,
        definition="",
    )
