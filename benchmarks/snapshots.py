"""How much room does a year of snapshots take? `python -m benchmarks.snapshots`.

The worst case: a target of 500 statements, each of which is called in every quarter of an hour.
Each row of an hour is written four times, as four snapshots would, and every day the repository's
own roll-up runs, and VACUUM instead of autovacuum: a day passes here in a second.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from agentdb.database import make_engine, session, upgrade
from agentdb.embedded.server import start, stop
from agentdb.repositories.retention import RETENTION, forget, roll_up
from benchmarks.saying import machine, say

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TARGET = """
    INSERT INTO agentdb.snapshots (target, taken_at, server_time, server_started_at,
        database_oid, server_version, unidentified, settings)
    VALUES ('shop.example/shop', now(), now(), now(), 5, 180001, 0, '{}')
"""
STATEMENTS = """
    INSERT INTO agentdb.snapshot_statements (snapshot_id, writes, fingerprint, query, tables)
    SELECT 1, false, lpad(to_hex(n), 16, '0'), repeat('SELECT a FROM t WHERE b = $1 ', 5), '{t}'
    FROM generate_series(1, %s) AS n
"""
COUNTERS = """
    INSERT INTO agentdb.snapshot_counters
    SELECT id, 10, 1, 1, 1, 1, 0, now(), id, 1 FROM agentdb.snapshot_statements
"""
QUARTER = """
    INSERT INTO agentdb.snapshot_buckets AS old
    SELECT start, 7, 70, 700, id, 1.37, NULL, CASE WHEN id %% 20 = 0 THEN 5 END
    FROM agentdb.snapshot_statements
    CROSS JOIN generate_series(%(day)s, %(day)s + interval '23 hours', '1 hour') AS start
    ORDER BY start, id
    ON CONFLICT (start, statement_id) DO UPDATE
    SET calls = old.calls + excluded.calls,
        rows = old.rows + excluded.rows,
        blocks = old.blocks + excluded.blocks,
        milliseconds = old.milliseconds + excluded.milliseconds
"""
SIZES = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid), reltuples::bigint
    FROM pg_class
    WHERE relnamespace = 'agentdb'::regnamespace
        AND relname IN ('snapshot_statements', 'snapshot_counters', 'snapshot_buckets')
    ORDER BY 1
"""


def main() -> None:
    """Load, and print what it takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshots", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--statements", type=int, default=500)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="agentdb-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            url = start(folder / "server", settings={"fsync": "off", "synchronous_commit": "off"})
            upgrade(url)
            _load(url, options.days, options.statements)
            _report(url, options.days, options.statements)
        finally:
            stop(folder / "server")


def _load(url: str, days: int, statements: int) -> None:
    engine = make_engine(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TARGET)
        connection.execute(STATEMENTS, [statements])
        connection.execute(COUNTERS)
        for day in range(days):
            moment = BEGIN + day * DAY
            for _ in range(4):
                connection.execute(QUARTER, {"day": moment})
            with session(engine) as opened:
                roll_up(opened, 1, moment + DAY - RETENTION.hours_for)
                forget(opened, 1, moment + DAY - RETENTION.days_for)
            connection.execute("VACUUM ANALYZE agentdb.snapshot_buckets")
            if day % 30 == 0:
                say(f"day {day}")
    engine.dispose()


def _report(url: str, days: int, statements: int) -> None:
    with psycopg.connect(url) as connection:
        rows = connection.execute(SIZES).fetchall()
    for name, size, indexes, count in rows:
        print(f"{name:20} {count:>9,} rows {size / 1e6:7.1f} MB, indexes {indexes / 1e6:6.1f} MB")
    whole = sum(size + indexes for _, size, indexes, _ in rows)
    print(f"{whole / 1e6:.1f} MB after {days} days of {statements} statements: ", end="")
    print(f"{whole / statements / days:.0f} bytes a statement and day ({machine()})")


if __name__ == "__main__":
    main()
