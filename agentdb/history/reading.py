"""One reading of a target's counters: totals that only grow, until somebody resets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement by what it is, whoever sends it; `tables` are `schema.table`, unquoted."""

    fingerprint: str
    query: str
    tables: frozenset[str]
    writes: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls took; blocks are of 8 kB."""

    calls: int
    milliseconds: float
    rows: int
    blocks: int
    temp_blocks: int


@dataclass(frozen=True, slots=True)
class StatementCounters:
    """One entry of pg_stat_statements, known there by user and query id.

    `since` is when it began to count, where the server says so (PostgreSQL 17).
    """

    user_oid: int
    query_id: int
    statement: Statement
    since: datetime | None
    spent: Spent

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from the others of one reading."""
        return self.user_oid, self.query_id


@dataclass(frozen=True, slots=True)
class Work:
    """What was done to a table: scans that were begun, rows that were written."""

    sequential_scans: int
    index_scans: int
    inserted: int
    updated: int
    hot_updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class TableCounters:
    """One table: what was done to it so far, and how it stands.

    Its size is the heap's, as VACUUM or ANALYZE saw it last; `parent` is the `schema.table` that
    it is a partition of; `modified_rows` are those since it was analysed.
    """

    oid: int
    schema: str
    name: str
    parent: str | None
    work: Work
    live_rows: int
    dead_rows: int
    modified_rows: int
    size_bytes: int
    analyzed_at: datetime | None


@dataclass(frozen=True, slots=True)
class IndexCounters:
    """One index and its scans; `definition` is what it is without its name: `USING btree (a)`."""

    oid: int
    schema: str
    table: str
    name: str
    definition: str
    is_valid: bool
    is_unique: bool
    is_constraint: bool
    size_bytes: int
    scans: int

    @property
    def meaning(self) -> tuple[str, str, str, bool]:
        """What makes two indexes the same, whatever they are called."""
        return self.schema, self.table, self.definition, self.is_unique


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters of one database at one moment.

    `taken_at` is the caller's clock, which buckets go by. `server_time` is the server's own, which
    its other times compare with: when it started, when statements (`statements_reset_at`) or all
    other counters of the database (`database_reset_at`) were last reset; None: it does not say.
    `evictions` is how often statements had to be forgotten, `unidentified` how many of them
    have no text that this role may see. `settings` are those that plans depend on.
    """

    target: str
    taken_at: datetime
    server_time: datetime
    server_version: int  # 180001
    server_started_at: datetime
    database_oid: int
    statements_reset_at: datetime | None
    database_reset_at: datetime | None
    evictions: int | None
    unidentified: int
    settings: Mapping[str, str]
    statements: tuple[StatementCounters, ...]
    tables: tuple[TableCounters, ...]
    indexes: tuple[IndexCounters, ...]
    altered: frozenset[tuple[str, str]] = frozenset()
