"""The transaction that is always rolled back: the only place that runs SQL we did not write.

The guard decides what may come here at all; the sandbox bounds what gets past it. A statement
of somebody else's runs in a savepoint of its own, read only, under time limits, sent so that the
server takes no second statement with it, and afterwards we look whether it is still our
transaction. What we build ourselves (`builds=True`, through `box.connection`) stays until the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, class_row
from psycopg.sql import Composed

from agentdb.errors import SandboxEscaped
from agentdb.sql import query
from agentdb.target.connection import Connection, is_loss, translating_loss
from agentdb.target.plan import Plan, read_plan
from agentdb.target.syntax import foreign_sql

FailureKind = Literal["timeout", "lock", "cost", "error"]

_HAS_TRANSACTION_TIMEOUT = 170000
_ESCAPED = (
    "a statement ended the transaction it was tried in: look on the target for what it left "
    "behind, and report the statement"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a statement did not do what it should; `reason` is one line for a report."""

    reason: str
    kind: FailureKind = "error"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a sandbox may take of the server that it is a guest on."""

    statement_milliseconds: int = 15_000  # one statement of somebody else's
    lock_milliseconds: int = 200  # waiting for a lock, ours or theirs
    idle_milliseconds: int = 30_000  # without a word from us the server ends the session
    transaction_milliseconds: int = 600_000  # everything between BEGIN and ROLLBACK
    most_cost: float = math.inf  # in the planner's units; above it nothing is measured


@dataclass(frozen=True, slots=True)
class Transaction:
    """What tells one transaction from another; `xid` is None until it writes."""

    started: datetime
    xid: str | None

    def continues(self, earlier: Transaction) -> bool:
        """Tell whether this is the transaction that `earlier` was."""
        return self.started == earlier.started and earlier.xid in {None, self.xid}


class Sandbox:
    """A transaction that will be rolled back; open_sandbox makes it."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self.connection = connection
        self.limits = limits
        self._ends = time.monotonic() + limits.transaction_milliseconds / 1000
        self._transaction = _read_transaction(connection)

    @property
    def milliseconds_left(self) -> int:
        """How long this transaction may still last; never below 0."""
        return max(0, int((self._ends - time.monotonic()) * 1000))

    def plan(self, foreign: str) -> Plan | Failure:
        """Return how the server would run somebody else's statement.

        Raises SandboxEscaped when it ended the transaction, TargetLost when the server is gone.
        """
        return self._explain("sandbox/plan", foreign)

    def measure(self, foreign: str, runs: int = 1) -> Plan | Failure:
        """Run somebody else's statement, throw its rows away and return its fastest run.

        Fails, and runs nothing, when the planner's cost is above `limits.most_cost`.
        Raises as `plan` does.
        """
        if math.isfinite(self.limits.most_cost):
            expected = self.plan(foreign)
            if isinstance(expected, Failure):
                return expected
            if expected.cost > self.limits.most_cost:
                return _too_costly(expected.cost, self.limits.most_cost)
        return self._explain("sandbox/measure", foreign, runs)

    def check(self) -> None:
        """Raise SandboxEscaped unless this is still the transaction that was opened."""
        self._check_status()
        now = _read_transaction(self.connection)
        if not now.continues(self._transaction):
            raise SandboxEscaped(_ESCAPED)
        self._transaction = now

    def _check_status(self) -> None:
        if self.connection.info.transaction_status is TransactionStatus.IDLE:
            raise SandboxEscaped(_ESCAPED)

    def _explain(self, explain: str, foreign: str, runs: int = 1) -> Plan | Failure:
        if not self.milliseconds_left:
            return Failure("the time for this transaction is used up", "timeout")
        self._check_status()
        try:
            result = self._fenced(query(explain) + foreign_sql(f" {foreign}"), runs)
        except psycopg.Error as error:
            result = failure_of(error)
        self.check()
        return result

    def _fenced(self, statement: Composed, runs: int) -> Plan | Failure:
        with self.connection.transaction(force_rollback=True):
            printed = [self._printed(statement) for _ in range(runs)]
        plans = [read_plan(row[0]) for row in printed if row]
        fastest = min(plans, key=lambda plan: plan.milliseconds or 0.0, default=None)
        return fastest or Failure("EXPLAIN printed nothing")

    def _printed(self, statement: Composed) -> TupleRow | None:
        """Run it once, with the fence put up anew: a run may have taken it down.

        Binary results come by the extended protocol, which takes one statement and no more. So
        would a prepared statement's, but that one would have to be dropped: `prepare=False`.
        """
        self._check_status()
        self.connection.execute(query("sandbox/fence"), self._allowance(), prepare=False)
        return self.connection.execute(statement, binary=True, prepare=False).fetchone()

    def _allowance(self) -> dict[str, int]:
        longest = min(self.limits.statement_milliseconds, self.milliseconds_left)
        return {"statement": max(1, longest), "lock": self.limits.lock_milliseconds}


@contextmanager
def open_sandbox(
    connection: Connection, limits: Limits, *, builds: bool = False
) -> Iterator[Sandbox]:
    """Open a transaction that ends in ROLLBACK, on an idle connection in autocommit mode.

    Without `builds` it is READ ONLY on one snapshot; with it our own statements may build what
    is to be tried, and somebody else's read only all the same. All advisory locks of the
    session are given back at the end.

    Raises SandboxEscaped when a statement ended the transaction, TargetLost when the server is
    gone.
    """
    with translating_loss():
        try:
            box = _enter(connection, limits, builds=builds)
            yield box
            box.check()
        finally:
            _leave(connection)


def failure_of(error: psycopg.Error) -> Failure:
    """Return what the server objected to. Raises TargetLost when there is no server any more."""
    if is_loss(error):
        with translating_loss():
            raise error
    said = str(error.diag.message_primary or error).strip().splitlines() or [type(error).__name__]
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Failure(said[0], "timeout")
    return Failure(
        said[0], "lock" if isinstance(error, psycopg.errors.LockNotAvailable) else "error"
    )


def _too_costly(cost: float, most: float) -> Failure:
    reason = f"too costly to run: the planner expects {cost:.0f} units, the limit is {most:.0f}"
    return Failure(reason, "cost")


def _enter(connection: Connection, limits: Limits, *, builds: bool) -> Sandbox:
    connection.execute(query("sandbox/begin_building" if builds else "sandbox/begin_reading"))
    ours = {
        "idle": limits.idle_milliseconds,
        "statement": limits.transaction_milliseconds,
        "lock": limits.lock_milliseconds,
    }
    connection.execute(query("sandbox/enter"), ours)
    if connection.info.server_version >= _HAS_TRANSACTION_TIMEOUT:
        # A little later than our own clock, which only refuses; this one ends the session.
        longest = {"transaction": limits.transaction_milliseconds + limits.statement_milliseconds}
        connection.execute(query("sandbox/end_after"), longest)
    return Sandbox(connection, limits)


def _leave(connection: Connection) -> None:
    if connection.closed:
        return
    if connection.info.transaction_status is TransactionStatus.ACTIVE:
        connection.close()  # interrupted in the middle of an answer: the server rolls back
        return
    connection.execute(query("sandbox/rollback"))
    connection.execute(query("sandbox/leave"))


def _read_transaction(connection: Connection) -> Transaction:
    with connection.cursor(row_factory=class_row(Transaction)) as cursor:
        return cursor.execute(query("sandbox/transaction")).fetchall()[0]
