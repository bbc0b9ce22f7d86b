"""The audited database as it is: tables, columns, indexes and what the planner knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

RelationKind = Literal["table", "partitioned", "materialized view", "view", "foreign", "other"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """What `pg_stats` holds of one column; every value as the text Postgres would print.

    `frequencies[i]` is the share of rows (0 to 1) that hold `common[i]`; `bounds` cuts the
    remaining values into parts of equally many rows. `elements` and their shares are the
    common elements of an array (or lexemes of a tsvector).
    """

    common: tuple[str, ...] = ()
    frequencies: tuple[float, ...] = ()
    bounds: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    element_frequencies: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `distinct` is an absolute count, already scaled; 0 when never analysed."""

    name: str
    type_name: str  # as format_type() prints it without a modifier: "character varying"
    type_sql: str  # with the modifier: "character varying(80)"
    category: str  # pg_type.typcategory: N number, S text, D date, B boolean, A array, E enum, U…
    not_null: bool
    distinct: float
    null_fraction: float
    correlation: float  # -1 to 1; 0 when unknown
    width_bytes: int  # average
    histogram: Histogram
    enum_labels: tuple[str, ...] = ()
    collation_is_c: bool = True  # also true for types without a collation
    collation_sql: str | None = None  # quoted and qualified, when it is not the type's default


@dataclass(frozen=True, slots=True)
class Index:
    """One index as it is. `keys` holds a column's name, or an expression's text."""

    name: str
    method: str
    keys: tuple[str, ...]
    key_is_column: tuple[bool, ...]
    descending: tuple[bool, ...]
    nulls_first: tuple[bool, ...]
    opclasses: tuple[str, ...]
    default_opclasses: tuple[bool, ...]
    include: tuple[str, ...]
    predicate: str | None
    unique: bool
    primary: bool
    valid: bool
    size_bytes: int
    definition: str  # pg_get_indexdef


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key: `columns` here point at `referenced_columns` of `referenced_oid`."""

    name: str
    columns: tuple[str, ...]
    referenced_oid: int
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One relation; `rows` is an estimate, sizes are the heap's without its indexes."""

    oid: int
    schema: str
    name: str
    kind: RelationKind
    rows: float
    size_bytes: int
    all_visible_fraction: float
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partition_key: str | None = None  # pg_get_partkeydef() of a partitioned table
    partition_bound: str | None = None  # "FOR VALUES …" of a partition
    parent_oid: int | None = None  # of a partition
    view_sql: str | None = None  # pg_get_viewdef() of a view, names qualified
    has_row_security: bool = False
    readable: bool = True  # the role of the connection may SELECT from it

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return self._by_name.get(name)


@dataclass(frozen=True)
class Catalog:
    """Every relation of the target that is not the system's, by oid and by name."""

    tables: Mapping[int, Table]
    search_path: tuple[str, ...]
    server_version: int  # 180001
    extensions: Mapping[str, str] = field(default_factory=dict)  # name to the schema it is in
    locked: tuple[str, ...] = ()  # relations left out because somebody was altering them

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], Table]:
        return {(table.schema, table.name): table for table in self.tables.values()}

    def find(self, schema: str, name: str) -> Table | None:
        """Return the relation a name means; an empty `schema` means: along the search path."""
        for candidate in (schema,) if schema else self.search_path:
            if table := self._by_name.get((candidate, name)):
                return table
        return None

    def way_to(self, extension: str) -> str | None:
        """Return the schema to name for what is of an extension; None: the search path finds it."""
        schema = self.extensions[extension]
        return None if schema in self.search_path else schema

    def partitions(self, oid: int) -> tuple[Table, ...]:
        """Return the direct partitions of a partitioned table, by name."""
        found = (table for table in self.tables.values() if table.parent_oid == oid)
        return tuple(sorted(found, key=lambda table: (table.schema, table.name)))
