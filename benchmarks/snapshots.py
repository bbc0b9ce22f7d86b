"""How much room does a year of snapshots take? `python -m benchmarks.snapshots`.

A target of 500 statements, each called between any two readings, 100 tables that are written to
and 200 indexes that are read, for as many days as asked for, through the repository's own code and
its roll-up. Once a day VACUUM does what autovacuum would: days pass here in seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import Engine

from agentdb.database import make_engine, session, upgrade
from agentdb.embedded.server import start, stop
from agentdb.history.reading import (
    IndexCounters,
    Reading,
    Spent,
    Statement,
    StatementCounters,
    TableCounters,
    Work,
)
from agentdb.repositories.snapshots import SnapshotRepository
from benchmarks.saying import machine, say

STATEMENTS, TABLES, INDEXES = 500, 100, 200
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SIZES = """
    SELECT relname, pg_total_relation_size(oid)
    FROM pg_class
    WHERE relnamespace = 'agentdb'::regnamespace AND relname LIKE 'snapshot%' AND relkind = 'r'
    ORDER BY 2 DESC
"""
KEPT = [
    Statement(
        f"{number:016x}",
        f"SELECT a FROM table_{number % TABLES} WHERE b_{number} > $1 ORDER BY c",  # noqa: S608
        frozenset({f"public.table_{number % TABLES}"}),
        writes=False,
    )
    for number in range(STATEMENTS)
]


def main() -> None:
    """Load, and print what it takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshots", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--minutes", type=int, default=15, help="from one reading to the next")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="agentdb-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            url = start(folder / "server", settings={"synchronous_commit": "off"})
            upgrade(url)
            _load(url, options.days, timedelta(minutes=options.minutes))
            _report(url, options.days)
        finally:
            stop(folder / "server")


def _load(url: str, days: int, step: timedelta) -> None:
    engine = make_engine(url)
    spent: list[float] = []
    for day in range(days):
        for moment in _moments(BEGIN + day * DAY, step):
            began = time.perf_counter()
            _keep(engine, _reading(moment, step))
            spent.append(time.perf_counter() - began)
        _vacuum(url)
        if day % 30 == 0:
            say(f"day {day}: {1000 * sum(spent) / len(spent):.0f} ms to keep a snapshot")
    engine.dispose()
    print(f"{len(spent)} snapshots, {1000 * sum(spent) / len(spent):.0f} ms each ({machine()})")


def _moments(day: datetime, step: timedelta) -> Iterator[datetime]:
    moment = day
    while moment < day + DAY:
        yield moment
        moment += step


def _keep(engine: Engine, reading: Reading) -> None:
    with session(engine) as opened:
        SnapshotRepository(opened).keep(reading)


def _vacuum(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM")


def _reading(moment: datetime, step: timedelta) -> Reading:
    turns = (moment - BEGIN) // step + 1
    return Reading(
        target="shop.example/shop",
        taken_at=moment,
        server_time=moment,
        server_version=180001,
        server_started_at=BEGIN - DAY,
        database_oid=5,
        statements_reset_at=BEGIN - DAY,
        database_reset_at=None,
        evictions=0,
        unidentified=0,
        settings={"work_mem": "4MB"},
        statements=tuple(_statement(number, turns) for number in range(STATEMENTS)),
        tables=tuple(_table(number, turns) for number in range(TABLES)),
        indexes=tuple(_index(number, turns) for number in range(INDEXES)),
    )


def _statement(number: int, turns: int) -> StatementCounters:
    calls = turns * (7 + number)
    spilled = calls if number % 20 == 0 else 0
    spent = Spent(calls, calls * 1.37, calls * 3, calls * 11, spilled)
    return StatementCounters(10, number + 1, KEPT[number], BEGIN - DAY, spent)


def _table(number: int, turns: int) -> TableCounters:
    work = Work(turns, turns * 9, turns * 5, turns * 4, turns * 3, turns)
    rows = 100_000 + turns
    return TableCounters(
        1000 + number, "public", f"table_{number}", None, work, rows, 50, turns, rows * 100, BEGIN
    )


def _index(number: int, turns: int) -> IndexCounters:
    return IndexCounters(
        5000 + number,
        "public",
        f"table_{number % TABLES}",
        f"index_{number}",
        f"USING btree (column_{number})",
        is_valid=True,
        is_unique=False,
        is_constraint=False,
        size_bytes=8192 * turns,
        scans=turns * (1 + number % 50),
    )


def _report(url: str, days: int) -> None:
    with psycopg.connect(url) as connection:
        sizes: dict[str, int] = dict(connection.execute(SIZES).fetchall())
    for name, size in sizes.items():
        print(f"{name:24} {size / 1e6:8.1f} MB")
    whole = sum(sizes.values())
    buckets = sizes["snapshot_buckets"]
    print(f"all: {whole / 1e6:.1f} MB after {days} days")
    print(f"a statement and day: {buckets / STATEMENTS / days:.0f} bytes of buckets, ", end="")
    print(f"{whole / STATEMENTS / days:.0f} with everything else")


if __name__ == "__main__":
    main()
