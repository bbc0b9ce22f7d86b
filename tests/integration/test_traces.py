"""An audit leaves no trace and keeps nobody waiting: docs/traces.md, proved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.integration.test_cases import FORGET, Expected, audited
from tests.servers import connect, run, settle, value

LONGEST_WAIT_MILLISECONDS = 200

WORLD = (
    "CREATE TABLE calm (id int PRIMARY KEY, customer int NOT NULL, body text NOT NULL)",
    "CREATE TABLE busy (id serial PRIMARY KEY, customer int NOT NULL, body text NOT NULL)",
    "CREATE TABLE altered (id int PRIMARY KEY, customer int NOT NULL, body text NOT NULL)",
    *(
        f"""INSERT INTO {name} (id, customer, body)
            SELECT i, (i * 7919) % 2000, repeat('b', 60) FROM generate_series(1, 30000) AS i"""
        for name in ("calm", "busy", "altered")
    ),
    "SELECT setval('busy_id_seq', 30000)",
    "CREATE SEQUENCE calm_seq START 42",
    "CREATE TABLE other_calm AS SELECT * FROM calm",
    "CREATE TABLE unasked AS SELECT * FROM calm",
    *(  # what changes in them is not to be autovacuum's work
        f"ALTER TABLE {name} SET (autovacuum_enabled = off)"
        for name in ("calm", "busy", "altered", "other_calm", "unasked")
    ),
    "VACUUM ANALYZE calm, busy, altered, other_calm, unasked",
    "UPDATE calm SET body = 'changed' WHERE id <= 10",  # so that n_mod_since_analyze says something
)
WORKLOAD = (
    "SELECT * FROM calm WHERE customer = 7",
    "SELECT * FROM calm JOIN busy USING (customer) WHERE calm.id = 7",
    "SELECT count(*) FROM busy WHERE customer = 7",
    "SELECT * FROM altered WHERE customer = 7",
    "UPDATE calm SET body = 'again' WHERE customer = -7",
)

# What has to be the same. Of what the writers touch (busy, altered) only what they leave alone.
SAME: Mapping[str, str] = {
    "relations": """
        SELECT oid, relname, relnamespace, reltype, relowner, relam, relfilenode, relkind,
               relhasindex, relhasrules, relhastriggers, relpersistence, relnatts, relacl::text,
               reloptions
        FROM pg_class
        WHERE relname NOT LIKE 'altered%'
          AND relnamespace <> 'pg_toast'::regnamespace
        ORDER BY oid""",
    "sizes as the planner sees them": """
        SELECT relname, relpages, reltuples, relallvisible
        FROM pg_class
        WHERE relname ~ 'calm'
        ORDER BY relname""",
    "indexes": "SELECT * FROM pg_index ORDER BY indexrelid",
    "columns": """
        SELECT attrelid::regclass::text, attname, atttypid, attnum, attnotnull, attstattarget
        FROM pg_attribute
        WHERE attrelid::regclass::text !~ 'altered'
        ORDER BY 1, attnum""",
    "functions": "SELECT oid, proname, proowner, provolatile FROM pg_proc ORDER BY oid",
    "types": "SELECT oid, typname, typnamespace FROM pg_type ORDER BY oid",
    "schemas": """
        SELECT oid, nspname
        FROM pg_namespace
        WHERE nspname !~ '^pg_(toast_)?temp_'
        ORDER BY oid""",
    "rules": "SELECT oid, rulename, ev_class FROM pg_rewrite ORDER BY oid",
    "constraints": "SELECT oid, conname, convalidated FROM pg_constraint ORDER BY oid",
    "triggers": "SELECT oid, tgname, tgrelid FROM pg_trigger ORDER BY oid",
    "extended statistics": "SELECT oid, stxname FROM pg_statistic_ext ORDER BY oid",
    "extensions": "SELECT extname, extversion FROM pg_extension ORDER BY 1",
    "dependencies": """
        SELECT count(*) FROM pg_depend WHERE objid <> 'altered'::regclass""",
    "comments": "SELECT count(*) FROM pg_description",
    "settings of roles": "SELECT * FROM pg_db_role_setting ORDER BY setdatabase, setrole",
    "large objects": "SELECT count(*) FROM pg_largeobject_metadata",
    "publications": "SELECT count(*) FROM pg_publication",
    "statistics": """
        SELECT tablename, attname, null_frac, n_distinct, most_common_vals::text,
               most_common_freqs, histogram_bounds::text, correlation
        FROM pg_stats
        WHERE schemaname = 'public'
        ORDER BY 1, 2""",
    "what autovacuum goes by": """
        SELECT relname, n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum,
               last_vacuum, last_analyze, last_autovacuum, last_autoanalyze, analyze_count,
               n_tup_ins, n_tup_upd, n_tup_del
        FROM pg_stat_user_tables
        WHERE relname ~ 'calm'
        ORDER BY relname""",
    "tables nothing was asked about": """
        SELECT seq_scan, seq_tup_read, idx_scan FROM pg_stat_user_tables
        WHERE relname = 'unasked'""",
    "sequences": "SELECT last_value, is_called, log_cnt FROM calm_seq",
    "rows": """
        SELECT (SELECT md5(string_agg(t::text, ',' ORDER BY ctid)) FROM calm AS t),
               (SELECT md5(string_agg(t::text, ',' ORDER BY ctid)) FROM other_calm AS t)""",
    "bytes": """
        SELECT relname, pg_relation_size(oid, 'main'), pg_relation_size(oid, 'vm')
        FROM pg_class
        WHERE relname ~ 'calm'
        ORDER BY relname""",
    "prepared transactions": "SELECT gid FROM pg_prepared_xacts",
    "replication slots": "SELECT slot_name FROM pg_replication_slots",
    "locks": """
        SELECT locktype, mode, relation
        FROM pg_locks
        JOIN pg_stat_activity AS session USING (pid)
        WHERE session.application_name = 'agentdb'""",
    "advisory locks": "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'",
    "sessions": "SELECT pid FROM pg_stat_activity WHERE application_name = 'agentdb'",
    "temporary relations": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "temporary files": """
        SELECT name FROM pg_ls_tmpdir()""",
    "entries of ours in pg_stat_statements": """
        SELECT query
        FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (query LIKE '%/* agentdb */%' OR query LIKE '%pg_temp%' OR query LIKE 'EXPLAIN%')""",
    "last notification": "SELECT pg_notification_queue_usage()",
}
SAME_FROM_14: Mapping[str, str] = {
    "forgotten statements": "SELECT dealloc FROM pg_stat_statements_info",
}
POLLUTION: Mapping[str, str] = {
    "scans of a table that was copied": """
        SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'calm'""",
    "scans of its indexes": """
        SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE relname = 'calm'""",
    "transaction numbers": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text",
    "WAL": "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint",
    "catalog": """
        SELECT sum(pg_total_relation_size(oid))
        FROM pg_class
        WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'""",
}
SENT = """
SELECT /* agentdb */ query
FROM pg_stat_statements
JOIN pg_roles ON pg_roles.oid = userid
WHERE rolname LIKE 'guest_%'
  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET TRANSACTION")
MOST_ENTRIES_PER_STATEMENT = 40
UNCOUNTED = "SET pg_stat_statements.track = 'none'"
GROW = """
INSERT INTO altered
SELECT i, i % 2000, repeat('b', 250) FROM generate_series(30001, 200000) AS i
"""
WAITING = """
SELECT extract(epoch FROM clock_timestamp() - min({since}))::float8 * 1000
FROM pg_locks AS lock
JOIN pg_stat_activity AS waiter ON waiter.pid = lock.pid
CROSS JOIN LATERAL unnest(pg_blocking_pids(lock.pid)) AS blocking (pid)
JOIN pg_stat_activity AS blocker ON blocker.pid = blocking.pid
WHERE NOT lock.granted
  AND blocker.application_name = 'agentdb'
"""
HELD = """
SELECT DISTINCT lock.mode
FROM pg_locks AS lock
JOIN pg_stat_activity AS session USING (pid)
JOIN pg_class AS relation ON relation.oid = lock.relation
WHERE session.application_name = 'agentdb'
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation.relnamespace = 'public'::regnamespace
"""


@pytest.fixture
def world(any_target: str) -> str:
    """A database with tables that rest and tables that are written, and a workload on all."""
    run(any_target, "SET synchronous_commit = on", *WORLD, FORGET)
    run(any_target, *WORKLOAD * 5)
    return any_target


def test_an_audit_leaves_everything_as_it_was(world: str) -> None:
    before = snapshot(world)
    with traffic(world) as seen:
        audit = audited(world, Expected())
    after = snapshot(world)
    assert seen.failures == []
    assert seen.written > 100
    assert [r.definition.table for r in audit.recommendations].count("calm") == 1
    assert {name for name in before if before[name] != after[name]} == set()


def test_nobody_waits_for_an_audit(world: str) -> None:
    run(world, GROW, "VACUUM ANALYZE altered")
    with traffic(world) as seen:
        audited(world, Expected())
    assert seen.looks > 20
    assert seen.modes <= {"AccessShareLock"}
    assert seen.longest_wait <= LONGEST_WAIT_MILLISECONDS


def test_what_postgres_cannot_take_back_is_little(world: str) -> None:
    before = pollution(world)
    audited(world, Expected())
    after = pollution(world)
    left = {name: after[name] - before[name] for name in before}
    assert 0 < left["scans of a table that was copied"] < 10
    assert left["scans of its indexes"] < 100
    assert 0 < left["transaction numbers"] < 1000
    assert left["WAL"] < 4_000_000
    assert left["catalog"] < 4_000_000


def test_an_ordinary_role_leaves_few_entries_in_pg_stat_statements_all_of_them_marked(
    world: str,
) -> None:
    with guest(world) as url:
        audit = audited(url, Expected())
        with connect(world) as connection:
            texts = [str(text) for (text,) in connection.execute(SENT)]
    assert audit.recommendations
    untagged = [text for text in texts if "/* agentdb */" not in text]
    assert [text for text in untagged if not text.startswith(TRANSACTION_CONTROL)] == []
    assert 0 < len(texts) <= MOST_ENTRIES_PER_STATEMENT * len(WORKLOAD)


# What is looked at --------------------------------------------------------------------------------


def snapshot(url: str) -> dict[str, list[TupleRow]]:
    """Return everything that has to be the same; waits until agentdb's sessions have ended."""
    with connect(url) as connection:
        connection.execute(UNCOUNTED)
        for _ in range(100):
            if not connection.execute(SAME["sessions"].encode()).fetchall():
                break
            time.sleep(0.05)
        settle(url)
        same = SAME if connection.info.server_version < 140_000 else {**SAME, **SAME_FROM_14}
        return {name: connection.execute(text.encode()).fetchall() for name, text in same.items()}


def pollution(url: str) -> dict[str, int]:
    """Return what grows by every audit; counters of sessions that are over are in by now."""
    snapshot(url)
    return {name: int(str(value(url, text))) for name, text in POLLUTION.items()}


@contextmanager
def guest(url: str) -> Iterator[str]:
    """Make a role that may read everything and nothing more; give its way in."""
    name = f"guest_{uuid4().hex[:12]}"
    run(
        url,
        f"CREATE ROLE {name} LOGIN PASSWORD 'open' IN ROLE pg_read_all_stats",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
    )
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    try:
        yield urlunsplit(parts._replace(netloc=f"{name}:open@{where}"))
    finally:
        run(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@dataclass
class Seen:
    """What the threads beside an audit saw."""

    written: int = 0
    altered: int = 0
    looks: int = 0
    longest_wait: float = 0.0  # of anybody, for agentdb, in milliseconds
    modes: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


@contextmanager
def traffic(url: str) -> Iterator[Seen]:
    """Let two sessions write, one alter a table, and one watch the locks, inside."""
    seen, stop = Seen(), threading.Event()
    workers = [threading.Thread(target=_again, args=(url, work, seen, stop)) for work in WORK]
    for worker in workers:
        worker.start()
    try:
        yield seen
    finally:
        stop.set()
        for worker in workers:
            worker.join()


Work = tuple[Callable[[Connection[TupleRow], Seen], None], float]


def _again(url: str, work: Work, seen: Seen, stop: threading.Event) -> None:
    do, pause = work
    try:
        with connect(url) as connection:
            connection.execute(UNCOUNTED)
            while not stop.wait(pause):
                do(connection, seen)
    except psycopg.Error as error:
        seen.failures.append(str(error))


def _insert(connection: Connection[TupleRow], seen: Seen) -> None:
    connection.execute("INSERT INTO busy (customer, body) VALUES (7, 'new')")
    seen.written += 1


def _update(connection: Connection[TupleRow], seen: Seen) -> None:
    connection.execute("UPDATE busy SET body = 'new' WHERE id = %s", [seen.written % 100 + 1])
    connection.execute("UPDATE altered SET body = 'new' WHERE id = %s", [seen.written % 100 + 1])
    seen.written += 2


def _alter(connection: Connection[TupleRow], seen: Seen) -> None:
    connection.execute("ALTER TABLE altered ADD COLUMN extra int")
    connection.execute("ALTER TABLE altered DROP COLUMN extra")
    seen.altered += 1


def _watch(connection: Connection[TupleRow], seen: Seen) -> None:
    # Since when somebody waits is known from 14 on; before, since when the statement runs.
    since = "lock.waitstart" if connection.info.server_version >= 140_000 else "waiter.query_start"
    (waited,) = connection.execute(WAITING.format(since=since).encode()).fetchall()[0]
    seen.longest_wait = max(seen.longest_wait, waited or 0.0)
    seen.modes.update(mode for (mode,) in connection.execute(HELD))
    seen.looks += 1


WORK: tuple[Work, ...] = ((_insert, 0.005), (_update, 0.005), (_alter, 0.1), (_watch, 0.01))
