"""One random business on a real server: it works, is audited, follows the advice, and goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from statistics import median
from threading import Event, Thread

import numpy as np
import psycopg
from numpy.random import Generator
from psycopg import Connection, Rollback
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from agentdb.architect.audit import Audit, run_audit
from agentdb.architect.recall import Precedent, Refusal
from agentdb.architect.recommendation import Recommendation
from agentdb.embedding.embedder import Vector
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.history.calibration import WORTH_PERCENT, Advice, Lesson
from agentdb.settings import read_settings
from agentdb.target.plan import Plan, read_plan
from agentdb.target.syntax import fingerprint
from agentdb.wiring.auditing import PROPOSERS, policy, subject
from agentdb.wiring.calibrating import advice_of
from benchmarks.calibration.workload import Business, Statement

CALLS_BEFORE = 250  # that pg_stat_statements has counted when the audit comes
VALUES_AFTER = 8  # for which each statement is measured afterwards
ROUNDS = 3  # measured, after one that warms up
WATCH_SECONDS = 2.0
_PAUSE = 0.005  # seconds between two statements of an application at work
_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
_AS_MANY = 1.01
_LIMIT = "SET statement_timeout = '10s'"
_EXTENSIONS = ("pg_stat_statements", "pg_trgm")


@dataclass(frozen=True, slots=True)
class Followed:
    """Advice that was followed, and what its statements gained, in percent.

    By the clock: the median of rounds, of which `low` and `high` are the least and the most. By
    what was counted: blocks alone; and blocks, rows and comparisons (`Plan.work`).
    """

    seed: int
    title: str
    advice: Advice
    copied: bool  # wholly, when it was tried
    gain_percent: float
    low_percent: float
    high_percent: float
    blocks_gain_percent: float
    work_gain_percent: float

    @property
    def is_clear(self) -> bool:
        """Whether all rounds agree on whether the gain was worth it."""
        return (self.low_percent >= WORTH_PERCENT) == (self.high_percent >= WORTH_PERCENT)

    @property
    def lesson(self) -> Lesson:
        """What it teaches: by the clock where that is clear, else by what was counted."""
        gain = self.gain_percent if self.is_clear else self.work_gain_percent
        return Lesson(self.advice, gain)


class NoFixes:
    """A memory with nothing in it: no business learns from another one but by calibration."""

    def refusals(self) -> Mapping[str, Refusal]:
        """Return nothing."""
        return {}

    def similar(self, vector: Vector, text: str, k: int) -> Sequence[Precedent]:
        """Return nothing."""
        del vector, text, k
        return ()


def follow(server: str, business: Business) -> tuple[Followed, ...]:
    """Return what became of each piece of advice that an audit of the business gave.

    All of it is followed at once, as users do who run an audit's SQL; a statement that gains by
    two indexes counts for both, as it does where outcomes are measured in production.
    """
    with _database(server, "before", "template0") as url:
        _load(url, business)
        _drive(url, business)
        audit = _audit(url, business)
        if not audit.recommendations:
            return ()
        with _database(server, "after", "calibration_before") as advised:
            _apply(advised, audit.recommendations)
            for each in (url, advised):
                _grow(each, business)
            return tuple(_measure(business, audit.recommendations, (url, advised)))


# Before -------------------------------------------------------------------------------------------


def _load(url: str, business: Business) -> None:
    with _connect(url) as connection:
        for name in _EXTENSIONS:
            connection.execute(SQL("CREATE EXTENSION {}").format(Identifier(name)))
        _seed_chance(connection, business)
        for table in business.tables:
            for statement in (*table.create(), table.fill(1, table.rows)):
                connection.execute(statement.encode())
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("SELECT pg_stat_statements_reset()")


def _drive(url: str, business: Business) -> None:
    """Send what the application sends, in proportion, each statement three times at least."""
    rng, whole = _chance(business), sum(each.before.weight for each in business.statements)
    with _connect(url) as connection:
        for each in business.statements:
            for _ in range(max(3, round(CALLS_BEFORE * each.before.weight / whole))):
                connection.execute(each.call(rng, each.before.leaning).encode())


def _audit(url: str, business: Business) -> Audit:
    """Audit with the settings' defaults, but for the share of large tables that is copied."""
    settings = read_settings(
        target_url=url,
        watch_seconds=WATCH_SECONDS,
        shadow_limit_mb=business.copied_mb,
        embedding_model="hashing",
    )
    working = _at_work(url, business) if business.is_at_work else nullcontext()
    with working, subject(settings) as audited:
        memory = (NoFixes(), HashingEmbedder())
        return run_audit(audited, memory, PROPOSERS, policy(settings), lambda *_: None)


@contextmanager
def _at_work(url: str, business: Business) -> Iterator[None]:
    """Let the application read on meanwhile."""
    stopped = Event()
    thread = Thread(target=_work, args=(url, business, stopped))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _work(url: str, business: Business, stopped: Event) -> None:
    rng = _chance(business)
    reads = [each for each in business.statements if each.text.startswith("SELECT")]
    weights = np.array([each.before.weight for each in reads])
    with _connect(url) as connection:
        while reads and not stopped.wait(_PAUSE):
            each = reads[int(rng.choice(len(reads), p=weights / weights.sum()))]
            connection.execute(each.call(rng, each.before.leaning).encode())


# After --------------------------------------------------------------------------------------------


def _apply(url: str, advice: Sequence[Recommendation]) -> None:
    with _connect(url) as connection:
        for each in advice:
            for statement in each.sql.split(";\n"):
                connection.execute(statement.encode())


def _grow(url: str, business: Business) -> None:
    """Let rows come; the statistics follow where somebody sees to it."""
    with _connect(url) as connection:
        _seed_chance(connection, business)
        for table in business.tables:
            last = table.rows + _taken_by_inserts(connection, table.name, table.rows)
            more = round(table.rows * business.growth)
            connection.execute(table.fill(last + 1, last + more, business.drift).encode())
        if business.is_kept_tidy:
            connection.execute("VACUUM (ANALYZE)")


def _taken_by_inserts(connection: Connection[TupleRow], table: str, rows: int) -> int:
    newest = SQL("SELECT max(id) FROM {}").format(Identifier(table))
    row = connection.execute(newest).fetchone()
    return int(row[0]) - rows if row else 0


Runs = tuple[Plan, Plan]  # without the advice, and with it
Costs = tuple[float, float]


def _measure(
    business: Business, advice: Sequence[Recommendation], urls: tuple[str, str]
) -> Iterator[Followed]:
    wanted = {gain.fingerprint for each in advice for gain in each.statements}
    rng = _chance(business)
    with _connect(urls[0]) as without, _connect(urls[1]) as advised:
        found = {
            mark: (statement.after.weight, _rounds(statement, business, rng, (without, advised)))
            for mark, statement in _by_fingerprint(business, wanted).items()
        }
    for each in advice:
        own = [found[gain.fingerprint] for gain in each.statements if gain.fingerprint in found]
        if own:
            yield _followed(business, each, own)


def _by_fingerprint(business: Business, wanted: Collection[str]) -> dict[str, Statement]:
    """Return the statements wanted, those that write last: though rolled back, they leave rows."""
    reads_first = sorted(business.statements, key=lambda each: not each.text.startswith("SELECT"))
    rng = _chance(business)
    named = {fingerprint(each.call(rng, "even")): each for each in reads_first}
    return {mark: each for mark, each in named.items() if mark in wanted}


def _rounds(
    statement: Statement,
    business: Business,
    rng: Generator,
    connections: tuple[Connection[TupleRow], Connection[TupleRow]],
) -> list[list[Runs]]:
    """Return, by round, what each call did without and with the advice; they take turns."""
    grown = 1 + business.growth
    leaning = statement.after.leaning
    calls = [statement.call(rng, leaning, grown) for _ in range(VALUES_AFTER)]
    rounds = [
        [_both(connections, call, turned=number % 2 == 1) for call in calls]
        for number in range(ROUNDS + 1)
    ]
    return rounds[1:]


def _both(
    connections: tuple[Connection[TupleRow], Connection[TupleRow]], call: str, *, turned: bool
) -> Runs:
    if turned:
        advised = _run(connections[1], call)
        return _run(connections[0], call), advised
    return _run(connections[0], call), _run(connections[1], call)


def _run(connection: Connection[TupleRow], call: str) -> Plan:
    with connection.transaction() as transaction:
        row = connection.execute((_EXPLAIN + call).encode(), prepare=False).fetchone()
        raise Rollback(transaction)
    return read_plan(row[0] if row else [])


def _followed(
    business: Business, found: Recommendation, own: Sequence[tuple[float, list[list[Runs]]]]
) -> Followed:
    by_round = [
        _gain((weight, _times(rounds[number])) for weight, rounds in own)
        for number in range(ROUNDS)
    ]
    return Followed(
        seed=business.seed,
        title=found.title,
        advice=advice_of(found),
        copied="the whole table" in found.reasoning,
        gain_percent=median(by_round),
        low_percent=min(by_round),
        high_percent=max(by_round),
        blocks_gain_percent=_gain((weight, _blocks(rounds[0])) for weight, rounds in own),
        work_gain_percent=_gain((weight, _work_done(rounds[0])) for weight, rounds in own),
    )


def _gain(costs: Iterator[tuple[float, Costs]] | Sequence[tuple[float, Costs]]) -> float:
    """Return how much of the costs is saved, in percent, weighted by how often they arise."""
    without = advised = 0.0
    for weight, (one, other) in costs:
        without += weight * one
        advised += weight * other
    return 100 * (1 - advised / without) if without else 0.0


def _times(runs: Sequence[Runs]) -> Costs:
    """Return the milliseconds of all calls; what did the same took the same, whatever the clock."""
    taken = [(one.milliseconds or 0.0, other.milliseconds or 0.0) for one, other in runs]
    even = [_is_same(one, other) for one, other in runs]
    return (
        sum(one for one, _ in taken),
        sum(one if same else other for (one, other), same in zip(taken, even, strict=True)),
    )


def _is_same(one: Plan, other: Plan) -> bool:
    least, most = sorted((one.blocks or 0, other.blocks or 0))
    return one.shape == other.shape and most <= least * _AS_MANY


def _blocks(runs: Sequence[Runs]) -> Costs:
    return sum(one.blocks or 0 for one, _ in runs), sum(other.blocks or 0 for _, other in runs)


def _work_done(runs: Sequence[Runs]) -> Costs:
    return sum(one.work for one, _ in runs), sum(other.work for _, other in runs)


# The server ---------------------------------------------------------------------------------------


@contextmanager
def _database(server: str, name: str, template: str) -> Iterator[str]:
    """Make a database, a copy of another one; drop it in the end."""
    own = f"calibration_{name}"
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(own))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(own), Identifier(template))
        )
        address, _, options = server.partition("?")
        try:
            yield f"{address.rpartition('/')[0]}/{own}" + (f"?{options}" if options else "")
        finally:
            connection.execute(drop)


def _connect(url: str) -> Connection[TupleRow]:
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(_LIMIT)
    return connection


def _seed_chance(connection: Connection[TupleRow], business: Business) -> None:
    connection.execute(f"SELECT setseed({business.seed % 1000 / 1000})".encode())


def _chance(business: Business) -> Generator:
    return np.random.default_rng((business.seed, 1))
