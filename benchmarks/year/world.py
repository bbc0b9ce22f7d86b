"""A server of its own on which time is told to pass: the application works, agentdb reads."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from subprocess import Popen
from sys import executable
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Engine, text

from agentdb import database
from agentdb.embedded.server import start, status, stop
from agentdb.errors import TargetError
from agentdb.history.reading import Reading
from agentdb.models.optimization import Kind
from agentdb.repositories.advice import IN_PLACE, NewOptimization, Optimization, StatementEffect
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings, read_settings
from agentdb.target.connection import Connection, connect, describe
from agentdb.target.counters import read_counters
from agentdb.target.syntax import fingerprint
from agentdb.wiring.alone import snapshot_alone
from agentdb.wiring.auditing import audit
from agentdb.wiring.outcomes import FollowUp, follow_up
from agentdb.wiring.regressions import RegressionReport, find_regressions
from benchmarks.year.business import COLUMNS, Sent, create_table, schema, workload

BEGIN = datetime(2027, 1, 4, tzinfo=UTC)  # a Monday
WEEK, DAY, HOUR = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1)
FRIDAY = 4
SERVER = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # days pass in a second: it is done at the end of each
    "max_parallel_workers_per_gather": "0",
    "pg_stat_statements.max": "1000",
}
_BURN = "while True: pass"

Clock = Callable[[Reading], Reading]
"""Returns a reading with the times that are to be believed."""


@dataclass(frozen=True, slots=True)
class Hours:
    """At which hours of a day the application works, and is read."""

    weekdays: Sequence[int] = (9, 20)
    weekend: Sequence[int] = (11, 18)

    def of(self, day: int) -> Sequence[int]:
        """Return those of a day of the week."""
        return self.weekdays if day <= FRIDAY else self.weekend


@dataclass(slots=True)
class World:
    """A business and its database, agentdb beside it, and what agentdb told week by week."""

    folder: Path
    settings: Settings
    engine: Engine
    sent: dict[str, Sent]
    rng: Random
    hours: Hours
    connection: psycopg.Connection[TupleRow]
    guest: Connection
    clock: Clock
    now: datetime = BEGIN
    factors: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: 1.0))
    widths: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 100))
    peak: float = 1.0
    is_read: bool = True
    is_slow: bool = False
    delays: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    advice: dict[str, UUID] = field(default_factory=dict)
    reports: dict[int, RegressionReport] = field(default_factory=dict)
    follow_ups: dict[int, FollowUp] = field(default_factory=dict)
    slot_seconds: list[float] = field(default_factory=list)
    reading_seconds: list[float] = field(default_factory=list)

    # Time

    @property
    def target(self) -> str:
        """Return the target's name."""
        return describe(self.settings.target_url or "")

    @property
    def week(self) -> int:
        """Return the number of the week."""
        return (self.now - BEGIN) // WEEK

    def live_a_day(self, day: datetime) -> None:
        """Let the application work and be read, and clean up in the night."""
        for hour in self.hours.of(day.weekday()):
            self.now = day + hour * HOUR
            began = time.perf_counter()
            self._work(weekend=day.weekday() > FRIDAY)
            worked = time.perf_counter()
            if self.is_read:
                self._read()
            self.slot_seconds.append(worked - began)
            self.reading_seconds.append(time.perf_counter() - worked)
        written = [name.partition(".")[0] for name in ("messages.edit", "visits.touch")]
        self.run(*(f"VACUUM {table}" for table in written if f"{table}.report" in self.sent))

    def _read(self) -> None:
        """Take a snapshot, as `agentdb snapshot` does, at the simulated time."""
        with snapshot_alone(self.engine, self.target), database.session(self.engine) as session:
            reading = read_counters(self.guest, self.target, self.now)
            SnapshotRepository(session).keep(self.clock(reading))

    def _work(self, *, weekend: bool) -> None:
        grown = 1.01**self.week * self.peak
        rounds = [
            call
            for name, one in self.sent.items()
            for call in one.texts(
                self.rng, grown * self.factors[name], self.widths[name], weekend=weekend
            )
        ]
        self.rng.shuffle(rounds)
        with self._burning():
            _prefer(self.connection.info.backend_pid, prefer=not self.is_slow)
            self.connection.execute(";".join(rounds).encode())
        while self.delays:
            self._wait_for_a_lock(self.delays.pop())

    def _wait_for_a_lock(self, name: str) -> None:
        """Let one call wait for somebody who alters its table, for a third of a second."""
        table = name.partition(".")[0]
        call = next(self.sent[name].texts(self.rng, 1, 100, weekend=False))
        with psycopg.connect(self.settings.target_url or "") as other:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            with self.connection.pipeline():
                self.connection.execute(call.encode())
                self.connection.pgconn.flush()
                time.sleep(0.35)
                other.rollback()

    @contextmanager
    def _burning(self) -> Iterator[None]:
        """Let others compete for the processor of the server, if the machine is to be slow."""
        if not self.is_slow:
            yield
            return
        core = min(os.sched_getaffinity(0))
        server = self.connection.info.backend_pid
        cores = os.sched_getaffinity(server)
        burners = [Popen([executable, "-S", "-c", _BURN]) for _ in range(2)]  # noqa: S603
        try:
            for process in (server, *(burner.pid for burner in burners)):
                os.sched_setaffinity(process, {core})
            time.sleep(0.05)
            yield
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()
            os.sched_setaffinity(server, cores)

    def look_back(self) -> None:
        """Do what the weekly run does, at the end of a week."""
        week = self.week
        self.now = BEGIN + (week + 1) * WEEK
        self.follow_ups[week] = follow_up(self.settings, now=self.now)
        self.reports[week] = find_regressions(self.settings, now=self.now)

    # What people do

    def run(self, *statements: str) -> None:
        """Run statements, as somebody with all rights would."""
        for statement in statements:
            self.connection.execute(statement.encode())

    def rebuild(self, table: str) -> None:
        """Make a table anew with its columns in other places, so that its statements get new ids.

        As a dump restored in another version would; the names of its indexes stay.
        """
        indexes = self.connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s "
            "AND indexname <> %s",
            [table, f"{table}_pkey"],
        ).fetchall()
        columns = ", ".join(("id", *COLUMNS[table], "amount", "status", "made_at", "note"))
        self.run(
            f"ALTER TABLE {table} RENAME TO old",
            "ALTER TABLE old RENAME CONSTRAINT " + f"{table}_pkey TO old_pkey",
            create_table(table).replace("(id int", "(shard int, id int", 1),
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old",  # noqa: S608
            "DROP TABLE old",
            *(row[0] for row in indexes),
            f"VACUUM ANALYZE {table}",
        )

    def sign_in_anew(self) -> None:
        """Open connections anew, as a restart or a setting needs."""
        with suppress(psycopg.Error):
            self.connection.close()
        with suppress(psycopg.Error):
            self.guest.close()
        url = self.settings.target_url or ""
        self.connection = psycopg.connect(url, autocommit=True)
        self.guest = connect(url, statement_timeout_ms=10_000, lock_timeout_ms=200)
        self.engine.dispose()

    def restart(self, *, at_once: bool = False) -> None:
        """Restart the server; at once: without a word to anybody, so that it has to recover."""
        server = self.folder / "server"
        self.run("CHECKPOINT")  # commits are not waited for here, and shall not be lost
        if at_once:
            pid = status(server).pid
            assert pid is not None  # noqa: S101  it runs
            os.kill(pid, signal.SIGQUIT)
            while _is_alive(pid):
                time.sleep(0.05)
        else:
            stop(server)
        start(server, settings=SERVER)
        self.sign_in_anew()

    def crash(self) -> None:
        """Kill a process of the server: it loses its memory, and all counters, and goes on."""
        self.run("CHECKPOINT")
        os.kill(self.connection.info.backend_pid, signal.SIGKILL)
        time.sleep(1)
        for _ in range(100):
            with suppress(psycopg.OperationalError, TargetError):
                return self.sign_in_anew()
            time.sleep(0.1)
        raise RuntimeError("the server did not come back")

    def audit(self) -> None:
        """Audit the target; its advice is of the simulated day, and it takes no snapshot."""
        with snapshot_alone(self.engine, self.target):
            audit(self.settings, lambda *_: None)
        self._date()

    def advise(
        self,
        name: str,
        definition: str,
        *,
        create: str | None = None,
        kind: Kind = "create_index",
        statements: Collection[str] = (),
    ) -> None:
        """Keep advice as an audit would; `statements` are to gain, by default those of its name."""
        table = definition.split(".")[1].split(maxsplit=1)[0].strip('"')
        index = f"advised_{name.replace('.', '_').replace(' ', '_')}"
        made = create or f"CREATE INDEX CONCURRENTLY {index} ON {definition}"
        gone = f"DROP INDEX CONCURRENTLY {index}"
        new = NewOptimization(
            target=self.target,
            kind=kind,
            title=f"Index on {definition}",
            schema_name="public",
            table_name=table,
            sql=made if kind == "create_index" else gone,
            rollback_sql=gone if kind == "create_index" else made,
            definition=definition,
            reasoning="It is looked up so.",
            confidence=0.9,
            evidence="measured",
            gain_percent=90.0,
            statements=tuple(map(self._effect, statements or [name])),
        )
        with database.session(self.engine) as session:
            self.advice[name] = OptimizationRepository(session).add(new).id
        self._date()

    def _effect(self, name: str) -> StatementEffect:
        query = next(self.sent[name].texts(self.rng, 1000, 100, weekend=False))
        return StatementEffect(fingerprint(query), query, 1.0, 0.1, 100, 3, 1000)

    def _date(self) -> None:
        """Let what was written by the clock of the server be of the simulated day.

        What is written by the simulated one lies within the year; all else is from today.
        """
        moments = {
            "audits": ("started_at", "finished_at"),
            "optimizations": ("created_at",),
            "optimization_events": ("at",),
        }
        today = "now() - interval '1 day' AND now() + interval '1 day'"
        with self.engine.begin() as opened:
            for table, columns in moments.items():
                for column in columns:
                    opened.execute(
                        text(
                            f"UPDATE agentdb.{table} SET {column} = :now "  # noqa: S608
                            f"WHERE {column} BETWEEN {today}"
                        ),
                        {"now": self.now},
                    )

    def adopt(self, name: str, statements: Collection[str]) -> None:
        """Find what the last audit advises for a column; advise it if the audit had no time to."""
        table, column = name.split(".")
        begins = f'"public"."{table}" USING btree ("{column}"'
        for advice in self.all_advice():
            if advice.audit_id and advice.definition.startswith(begins):
                self.advice[name] = advice.id
                self.adopted.append(name)
        if name not in self.advice:
            self.advise(name, begins + ")", statements=statements)

    def obey(self, name: str) -> None:
        """Do what advice says."""
        advice = self.found(name)
        if advice is not None:
            self.run(advice.sql)

    def decide(self, name: str, status: str, why: str | None = None) -> None:
        """Accept, reject or apply advice, as a user says."""
        with database.session(self.engine) as session:
            OptimizationRepository(session).decide(
                self.advice[name],
                status,  # type: ignore[arg-type]
                why,
                at=self.now,
            )

    # What agentdb told

    def all_advice(self) -> tuple[Optimization, ...]:
        """Return the whole record."""
        with database.session(self.engine) as session:
            return OptimizationRepository(session).list(target=self.target)

    def found(self, name: str) -> Optimization | None:
        """Return advice as it is kept."""
        if name not in self.advice:
            return None
        with database.session(self.engine) as session:
            return OptimizationRepository(session).get(self.advice[name])

    def reverts(self, name: str) -> list[Optimization]:
        """Return the advice to take other advice back."""
        return [one for one in self.all_advice() if one.reverts == self.advice.get(name)]

    def newest(self, name: str) -> Optimization | None:
        """Return advice, or what an audit advised again since it was taken back."""
        first = self.found(name)
        same = [
            one
            for one in self.all_advice()
            if first and (one.kind, one.definition) == (first.kind, first.definition)
        ]
        return max(same, key=lambda one: one.created_at, default=None)

    def whether_applied(self, name: str) -> str:
        """Return whether advice is told to be applied, or reverted."""
        found = self.newest(name)
        if found is None:
            return "no advice"
        if found.status in IN_PLACE:
            return "applied"
        return found.status if found.status == "reverted" else "not applied"

    def outcome(self, name: str) -> str:
        """Return the verdict on advice; `nothing` where there is none."""
        found = self.newest(name)
        verdict = found.verdict if found else None
        return verdict if verdict and verdict != "not_enough_data" else "nothing"

    def change(self, name: str, week: int) -> str:
        """Return what was told of a statement in a week; `nothing` if it is no news."""
        for one in self.reports[week].statements:
            if one.fingerprint == self.mark(name):
                return one.verdict if one.verdict in NEWS else "nothing"
        return "nothing"

    def cause(self, name: str, week: int) -> str:
        """Return the likeliest cause that was told."""
        for one in self.reports[week].statements:
            if one.fingerprint == self.mark(name):
                return one.causes[0].kind if one.causes else "nothing"
        return "nothing"

    def mark(self, name: str) -> str:
        """Return the fingerprint of what the application sends under a name."""
        return fingerprint(self.sent[name].text.format(v=1, n=1, w=1, x="x"))

    def events(self, week: int) -> set[str]:
        """Return what the catalog's history has of a week."""
        first = BEGIN + week * WEEK
        with database.session(self.engine) as session:
            found = SnapshotRepository(session).catalog_events(self.target, first, first + WEEK)
        return {event.kind for event in found}


NEWS = ("slower", "faster", "new", "gone")


def _prefer(process: int, *, prefer: bool) -> None:
    """Let a process go before all others, or not any more: what else is done is not measured.

    Where that is not allowed, times are those of the machine as it is.
    """
    if not hasattr(os, "SCHED_FIFO"):
        return
    policy = os.SCHED_FIFO if prefer else os.SCHED_OTHER
    with suppress(PermissionError):
        os.sched_setscheduler(process, policy, os.sched_param(int(prefer)))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def opened(
    tables: Collection[str], hours: Hours, seed: int, clock: Clock = lambda reading: reading
) -> Iterator[World]:
    """Give a world on a server of its own, which is gone afterwards."""
    with TemporaryDirectory(prefix="agentdb-year-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            yield from _world(folder, tables, hours, seed, clock)
        finally:
            stop(folder / "server")


def _world(
    folder: Path, tables: Collection[str], hours: Hours, seed: int, clock: Clock
) -> Iterator[World]:
    url = start(folder / "server", settings=SERVER)
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE shop")
    database.upgrade(url)
    shop = urlunsplit(urlsplit(url)._replace(path="/shop"))
    settings = read_settings(
        database_url=url,
        target_url=shop,
        embedding_model="hashing",
        watch_seconds=0,
        trial_seconds=30,
    )
    engine = database.make_engine(url)
    connection = psycopg.connect(shop, autocommit=True)
    guest = connect(shop, statement_timeout_ms=10_000, lock_timeout_ms=200)
    world = World(
        folder,
        settings,
        engine,
        workload(tables),
        Random(seed),  # noqa: S311  values, not secrets
        hours,
        connection,
        guest,
        clock,
    )
    extensions = [f"CREATE EXTENSION {one}" for one in ("pg_stat_statements", "pg_trgm")]
    world.run(*extensions, *schema(tables))
    yield world
    world.connection.close()
    world.guest.close()
    engine.dispose()
