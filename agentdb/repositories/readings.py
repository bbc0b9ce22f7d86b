"""The last reading of each target: taken out to compare with, replaced by the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    case,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from agentdb.history.deltas import Deltas
from agentdb.history.reading import (
    IndexCounters,
    Reading,
    Spent,
    Statement,
    StatementCounters,
    TableCounters,
    Work,
)
from agentdb.models.base import Base
from agentdb.models.snapshot import (
    CounterRow,
    FollowedIndexRow,
    FollowedStatementRow,
    FollowedTableRow,
    SnapshotRow,
)
from agentdb.repositories.upserts import Values, upsert

_OF_A_HEADER = (
    "taken_at",
    "server_time",
    "server_started_at",
    "statements_reset_at",
    "database_reset_at",
    "database_oid",
    "evictions",
    "server_version",
    "unidentified",
    "settings",
)
_OF_A_TABLE = (
    "oid",
    "parent",
    "live_rows",
    "dead_rows",
    "modified_rows",
    "size_bytes",
    "analyzed_at",
)
_OF_AN_INDEX = (
    "oid",
    "name",
    "definition",
    "is_valid",
    "is_unique",
    "is_constraint",
    "size_bytes",
    "scans",
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Under which number each part of a reading is kept: fingerprints, `(schema, name)`, oids."""

    snapshot: int
    statements: Mapping[str, int]
    tables: Mapping[tuple[str, str], int]
    indexes: Mapping[int, int]


class LastReadings:
    """The last reading of each target, in the caller's session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, target: str) -> Reading | None:
        """Return it; None before the first."""
        row = self._session.scalar(select(SnapshotRow).where(SnapshotRow.target == target))
        if row is None:
            return None
        facts = {name: getattr(row, name) for name in _OF_A_HEADER}
        return Reading(
            target=target,
            **facts,
            statements=tuple(self._counters(row.id)),
            tables=tuple(map(_table, self._rows(FollowedTableRow, row.id))),
            indexes=tuple(map(_index, self._rows(FollowedIndexRow, row.id))),
        )

    def replace(self, before: Reading | None, after: Reading, deltas: Deltas) -> Numbers:
        """Keep a reading instead of the one before, and return its parts' numbers."""
        number = self._header(after)
        statements = self._statements(number, after)
        self._replace_counters(number, statements, before, after)
        return Numbers(
            number,
            statements,
            self._replace_tables(number, before, after),
            self._replace_indexes(number, after, deltas),
        )

    # Headers

    def _header(self, reading: Reading) -> int:
        values = {name: getattr(reading, name) for name in _OF_A_HEADER}
        values["settings"] = dict(reading.settings)
        new = postgresql.insert(SnapshotRow).values(target=reading.target, **values)
        kept = new.on_conflict_do_update(index_elements=["target"], set_=values)
        return self._session.scalars(kept.returning(SnapshotRow.id)).one()

    def _rows(
        self, kind: type[FollowedTableRow | FollowedIndexRow], number: int
    ) -> Iterable[Row[Any]]:
        """Return what is there still."""
        columns = _columns(kind)
        there = columns.c.snapshot_id == number, columns.c.gone_at.is_(None)
        return self._session.execute(select(*columns.c).where(*there).order_by(columns.c.id))

    # Statements

    def _counters(self, number: int) -> Iterable[StatementCounters]:
        known = {row.id: _statement(row) for row in self._followed(number)}
        columns = _columns(CounterRow)
        found = self._session.execute(select(*columns.c).where(columns.c.snapshot_id == number))
        for row in found:
            spent = Spent(row.calls, row.milliseconds, row.rows, row.blocks, row.temp_blocks)
            statement = known[row.statement_id]
            yield StatementCounters(row.user_oid, row.query_id, statement, row.since, spent)

    def _followed(self, number: int) -> Iterable[Row[Any]]:
        columns = _columns(FollowedStatementRow)
        return self._session.execute(select(*columns.c).where(columns.c.snapshot_id == number))

    def _statements(self, number: int, reading: Reading) -> Mapping[str, int]:
        """Return the numbers of statements; new ones and those that read other tables are kept."""
        now = {entry.statement.fingerprint: entry.statement for entry in reading.statements}
        known = {row.fingerprint: row for row in self._followed(number)}
        for fingerprint, row in known.items():
            tables = now[fingerprint].tables if fingerprint in now else frozenset(row.tables)
            if tables != set(row.tables):
                changed = update(FollowedStatementRow).where(FollowedStatementRow.id == row.id)
                self._session.execute(changed.values(tables=sorted(tables)))
        ids = {fingerprint: int(row.id) for fingerprint, row in known.items()}
        for fingerprint, statement in now.items():
            if fingerprint not in ids:
                ids[fingerprint] = self._follow(number, statement)
        return ids

    def _follow(self, number: int, statement: Statement) -> int:
        values = {
            "fingerprint": statement.fingerprint,
            "query": statement.query,
            "tables": sorted(statement.tables),
            "writes": statement.writes,
        }
        new = insert(FollowedStatementRow).values(snapshot_id=number, **values)
        return self._session.scalars(new.returning(FollowedStatementRow.id)).one()

    def _replace_counters(
        self, number: int, ids: Mapping[str, int], before: Reading | None, after: Reading
    ) -> None:
        was = {} if before is None else {entry.key: entry for entry in before.statements}
        rows = [
            _counter_values(number, ids, entry)
            for entry in after.statements
            if was.pop(entry.key, None) != entry
        ]
        upsert(self._session, _columns(CounterRow), rows)
        if was:
            key = tuple_(CounterRow.user_oid, CounterRow.query_id)
            gone = delete(CounterRow).where(CounterRow.snapshot_id == number, key.in_(list(was)))
            self._session.execute(gone)

    # Tables and indexes

    def _replace_tables(
        self, number: int, before: Reading | None, after: Reading
    ) -> Mapping[tuple[str, str], int]:
        was = set() if before is None else set(before.tables)
        rows = [_table_values(number, each) for each in after.tables if each not in was]
        key = ("snapshot_id", "schema_name", "table_name")
        upsert(self._session, _columns(FollowedTableRow), rows, key=key)
        ids = {
            (row.schema_name, row.table_name): row.id
            for row in self._rows(FollowedTableRow, number)
        }
        there = {(table.schema, table.name) for table in after.tables}
        self._end(FollowedTableRow, [ids[name] for name in ids if name not in there], after)
        return ids

    def _replace_indexes(self, number: int, after: Reading, deltas: Deltas) -> Mapping[int, int]:
        ids = {row.oid: row.id for row in self._rows(FollowedIndexRow, number)}
        self._end(FollowedIndexRow, [ids[index.oid] for index in deltas.gone], after)
        changed = [
            {"id": ids[delta.before.oid], **_index_values(number, delta.index, after)}
            for delta in deltas.indexes
            if delta.before is not None and delta.before != delta.index
        ]
        upsert(self._session, _columns(FollowedIndexRow), changed, _seen_before)
        kept = {delta.index.oid: ids[delta.before.oid] for delta in deltas.indexes if delta.before}
        for delta in deltas.indexes:
            if delta.before is None:
                kept[delta.index.oid] = self._add_index(number, delta.index, after)
        return kept

    def _add_index(self, number: int, index: IndexCounters, after: Reading) -> int:
        new = insert(FollowedIndexRow).values(**_index_values(number, index, after))
        return self._session.scalars(new.returning(FollowedIndexRow.id)).one()

    def _end(
        self,
        kind: type[FollowedTableRow | FollowedIndexRow],
        numbers: Sequence[int],
        after: Reading,
    ) -> None:
        if numbers:
            gone = update(kind).where(kind.id.in_(numbers)).values(gone_at=after.taken_at)
            self._session.execute(gone)


def _columns(kind: type[Base]) -> Table:
    return cast(Table, kind.__table__)


def _statement(row: Row[Any]) -> Statement:
    return Statement(row.fingerprint, row.query, frozenset(row.tables), row.writes)


def _counter_values(number: int, ids: Mapping[str, int], entry: StatementCounters) -> Values:
    return {
        "query_id": entry.query_id,
        "user_oid": entry.user_oid,
        "snapshot_id": number,
        "statement_id": ids[entry.statement.fingerprint],
        "since": entry.since,
        **{name: getattr(entry.spent, name) for name in Spent.__slots__},
    }


def _table(row: Row[Any]) -> TableCounters:
    return TableCounters(
        schema=row.schema_name,
        name=row.table_name,
        work=Work(*(getattr(row, name) for name in Work.__slots__)),
        **{name: getattr(row, name) for name in _OF_A_TABLE},
    )


def _table_values(number: int, table: TableCounters) -> Values:
    return {
        "snapshot_id": number,
        "schema_name": table.schema,
        "table_name": table.name,
        "gone_at": None,
        **{name: getattr(table.work, name) for name in Work.__slots__},
        **{name: getattr(table, name) for name in _OF_A_TABLE},
    }


def _index(row: Row[Any]) -> IndexCounters:
    facts = {name: getattr(row, name) for name in _OF_AN_INDEX}
    return IndexCounters(schema=row.schema_name, table=row.table_name, **facts)


def _index_values(number: int, index: IndexCounters, after: Reading) -> Values:
    return {
        "snapshot_id": number,
        "schema_name": index.schema,
        "table_name": index.table,
        "first_seen": after.taken_at,
        "valid_from": after.taken_at if index.is_valid else None,
        **{name: getattr(index, name) for name in _OF_AN_INDEX},
    }


def _seen_before(name: str, old: ColumnElement[int], new: ColumnElement[int]) -> ColumnElement[int]:
    """Let an index that changes be as old as it was, and valid since it became so."""
    if name == "first_seen":
        return old
    if name == "valid_from":
        return case((new.is_not(None), func.coalesce(old, new)))
    return new
