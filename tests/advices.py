"""Advice as the record gives it, and a statement as an audit saw it, without an audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from agentdb.repositories.advice import Optimization
from agentdb.repositories.audits import StatementSnapshot
from agentdb.target.index import IndexDefinition, Key

ADVISED_AT = datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC)

PLAIN = IndexDefinition("public", "orders", "btree", (Key('"customer_id"'),))


def advice(
    definition: IndexDefinition = PLAIN, number: int = 1, *, sql: str | None = None
) -> Optimization:
    """Return advice to build an index; `number` makes its id."""
    keys = ", ".join(key.text().replace('"', "") for key in definition.keys)
    return Optimization(
        target="db.example/shop",
        kind="create_index",
        title=f"Index on {definition.table} ({keys})",
        schema_name=definition.schema,
        table_name=definition.table,
        sql=sql or definition.create_sql(),
        rollback_sql=definition.drop_sql(),
        definition=definition.body,
        reasoning="Looked up by customer_id. 1,200 calls: 41.20 ms each become 0.31 ms.",
        confidence=0.9,
        evidence="measured",
        gain_percent=99.2,
        size_bytes=25_690_112,
        id=UUID(int=(0x1A2B3C00 + number) << 96),
        status="accepted",
        status_reason=None,
        created_at=ADVISED_AT,
        decided_at=None,
        applied_after=None,
        applied_at=None,
        applied_how=None,
        measured_at=None,
        measured_gain_percent=None,
        measured_gain_low_percent=None,
        measured_gain_high_percent=None,
        saved_ms_per_week=None,
        saved_ms_per_week_low=None,
        saved_ms_per_week_high=None,
        verdict=None,
        verdict_detail=None,
    )


def titled(title: str, reasoning: str = "because") -> Optimization:
    """Return advice with words of somebody else's."""
    return replace(advice(), title=title, reasoning=reasoning)


def snapshot(fingerprint: str = "f1", reason: str | None = None) -> StatementSnapshot:
    """Return a statement as an audit saw it; `reason` is why it was left out."""
    return StatementSnapshot(
        fingerprint=fingerprint,
        query="SELECT * FROM orders WHERE note LIKE $1 -- 100%, :b, naïve",
        calls=1200,
        total_ms=49_440.5,
        mean_ms=41.2,
        rows=2400,
        blocks=3_000_000_000,
        share_of_time=0.4,
        analysed=reason is None,
        reason=reason,
    )
