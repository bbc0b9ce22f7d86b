"""Trials on the tables themselves, for clones and quiet hours: real indexes, rolled back.

CREATE INDEX blocks writers until the rollback, so this is never the default; a lock that
is not to be had within `lock_timeout` makes the trial fail, not the application wait.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from agentdb.sql import query
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure, Sandbox, failure_of
from agentdb.target.scope import Scoped
from agentdb.target.shadow import Built
from agentdb.target.syntax import deparse, foreign_sql


@dataclass(frozen=True, slots=True)
class _State:
    size_bytes: int
    names: list[str]
    usable: bool


class Live:
    """The same bench as a shadow's, without copies."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def text(self, scoped: Scoped) -> str:
        """Return the statement as it is (views written out)."""
        return deparse(scoped.tree)

    @contextmanager
    def trying(self, definitions: Sequence[IndexDefinition]) -> Iterator[Sequence[Built | Failure]]:
        """Build indexes for as long as the context lasts."""
        with self._box.connection.transaction(force_rollback=True):
            yield [self._build(definition) for definition in definitions]

    def build(self, definition: IndexDefinition) -> Built | Failure:
        """Build an index once, to see that it can be built; `only` builds it again."""
        with self.trying([definition]) as built:
            return built[0]

    def _build(self, definition: IndexDefinition) -> Built | Failure:
        started = time.perf_counter()
        try:
            with self._box.connection.transaction():
                self._create(definition)
                state = self._state(definition)
        except psycopg.Error as error:
            return failure_of(error)
        if not state.usable:
            return Failure("not measurable now: older transactions hide the new index")
        spent = (time.perf_counter() - started) * 1000
        return Built(definition, frozenset(state.names), state.size_bytes, spent)

    @contextmanager
    def only(self, kept: Collection[IndexDefinition], tables: Collection[str]) -> Iterator[None]:
        """Build the kept indexes inside a savepoint and take them back afterwards."""
        with self._box.connection.transaction(force_rollback=True):
            for definition in kept:
                if definition.table in tables:
                    self._create(definition)
            yield

    def plan(self, sql: str) -> Plan | Failure:
        """Return the plan of a statement."""
        return self._box.plan(sql)

    def measure(self, sql: str, runs: int = 1) -> Plan | Failure:
        """Run a statement under the guard and return what its fastest run did."""
        return self._box.measure(sql, runs)

    def _create(self, definition: IndexDefinition) -> None:
        self._box.connection.execute(foreign_sql(definition.create_sql(concurrently=False)))

    def _state(self, definition: IndexDefinition) -> _State:
        index = {"index": definition.qualified_name}
        with self._box.connection.cursor(row_factory=class_row(_State)) as cursor:
            return cursor.execute(query("live/index_state"), index).fetchall()[0]
