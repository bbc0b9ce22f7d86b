"""A small report for tests that need no audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from agentdb.delivery.report import (
    Advised,
    Coverage,
    Omission,
    Outcome,
    Report,
    Similar,
    Workload,
    WorkloadStatement,
)

STARTED = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
QUERY = "SELECT * FROM orders\nWHERE note = '| <b>`$1`</b>' AND customer_id = $1"
SLOW = Outcome("f1", QUERY, 41.2, 0.31, 11005, 23, 1200)

ADVISED = Advised(
    id="0a1b2c3d-0000-4000-8000-000000000001",
    kind="create_index",
    sql="CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id)",
    rollback_sql="DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer_id_idx",
    title="Index on orders (customer_id)",
    reasoning="Looked up by customer_id. 1,200 calls become quick.",
    confidence=0.9,
    evidence="measured",
    statements=(SLOW,),
    gain_percent=99.2,
    size_bytes=25_690_112,
    similar=(Similar("0b", 0.91, "Index on visits (patient)", "confirmed"),),
    saved_ms=49_000.0,
    status="proposed",
    first_advised_at=STARTED.replace(hour=3),
)


def statement(query: str, share: float, *, helped: bool, note: str = "") -> WorkloadStatement:
    after = 0.31 if helped else 41.2
    return WorkloadStatement("f1", query, 41.2, after, 11005, 23, 1200, share, helped, note)


REPORT = Report(
    audit_id="7e000000-0000-4000-8000-000000000001",
    target="db.example/shop",
    server_version="18.1",
    started_at=STARTED,
    finished_at=STARTED.replace(second=9),
    coverage=Coverage(3, 2, 0.98, (Omission("f3", "SELECT f()", 0.02, "calls f, unknown"),), 4),
    recommendations=(ADVISED,),
    workload=Workload(
        50_000.0,
        1_000.0,
        (
            statement(QUERY, 0.9, helped=True),
            statement("SELECT count(*) FROM orders", 0.08, helped=False, note="2 ideas tried"),
        ),
    ),
    notes=("pg_stat_statements had to forget",),
    kept=True,
)

NOTHING_TO_DO = replace(REPORT, recommendations=(), notes=())
