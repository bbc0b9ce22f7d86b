"""An audit leaves no trace and keeps nobody waiting: docs/traces.md, proved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from agentdb.architect.audit import Audit
from tests.integration.test_cases import Expected, audited
from tests.servers import connect, new_database, run

LONGEST_WAIT_MILLISECONDS = 200
SERVERS = {18: "target_url", 15: "target_url_15"}

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
    "VACUUM ANALYZE calm, busy, altered, other_calm",
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
        SELECT oid, relname, relnamespace, reltype, relowner, relam, relfilenode, relkind, relhasindex,
               relhasrules, relhastriggers, relpersistence, relnatts, relacl::text, reloptions
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
    "schemas": "SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' ORDER BY oid",
    "rules": "SELECT oid, rulename, ev_class FROM pg_rewrite ORDER BY oid",
    "constraints": "SELECT oid, conname, convalidated FROM pg_constraint ORDER BY oid",
    "triggers": "SELECT oid, tgname, tgrelid FROM pg_trigger ORDER BY oid",
    "extended statistics": "SELECT oid, stxname FROM pg_statistic_ext ORDER BY oid",
    "extensions": "SELECT extname, extversion FROM pg_extension ORDER BY 1",
    "dependencies": """
        SELECT count(*) FROM pg_depend WHERE objid <> 'altered'::regclass""",
    "comments": "SELECT count(*) FROM pg_description",
    "settings of roles": "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
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
        WHERE relname = 'other_calm'""",
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
        SELECT name FROM pg_ls_dir('base/pgsql_tmp', true, false) AS name""",
    "entries of ours in pg_stat_statements": """
        SELECT query
        FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (query LIKE '%/* agentdb */%' OR query LIKE '%pg_temp%' OR query LIKE 'EXPLAIN%')""",
    "forgotten statements": "SELECT dealloc FROM pg_stat_statements_info",
    "last notification": "SELECT pg_notification_queue_usage()",
}
BLOCKED = """
SELECT waiting.pid, waiting.query
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
JOIN pg_stat_activity AS blocker ON blocker.pid = blocking.pid
WHERE blocker.application_name = 'agentdb'
  AND waiting.wait_event_type = 'Lock'
  AND waiting.application_name <> 'agentdb'
"""
HELD = """
SELECT DISTINCT lock.mode
FROM pg_locks AS lock
JOIN pg_stat_activity AS session USING (pid)
JOIN pg_class AS relation ON relation.oid = lock.relation
WHERE session.application_name = 'agentdb'
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation.relpersistence = 'p'
"""


@pytest.fixture(params=SERVERS)
def world(request: pytest.FixtureRequest) -> str:
    """A database with tables that rest and tables that are written, and a workload on both."""
    url: str = request.getfixturevalue(SERVERS[request.param])
    run(url, "SET synchronous_commit = on", *WORLD)
    run(url, *WORKLOAD * 5)
    return url
