"""Audits, the statements they saw, and the advice they gave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from agentdb.models.vector import VectorType

revision = "0001_audits_and_advice"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "agentdb"
INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    create_audits()
    create_statement_snapshots()
    create_optimizations()


def downgrade() -> None:
    for table in ("optimizations", "statement_snapshots", "audits"):
        op.drop_table(table, schema=SCHEMA)


def identifier() -> Column[object]:
    return Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False)


def since(name: str) -> Column[object]:
    return Column(name, INSTANT, server_default=sa.func.clock_timestamp(), nullable=False)


def create_audits() -> None:
    op.create_table(
        "audits",
        identifier(),
        Column("target", sa.Text(), nullable=False),
        Column("server_version", sa.Text(), nullable=False),
        Column("status", sa.Text(), server_default="running", nullable=False),
        since("started_at"),
        Column("finished_at", INSTANT),
        Column("settings", JSONB(), nullable=False),
        Column("coverage", JSONB()),
        Column("workload", JSONB()),
        Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="audits_pkey"),
        sa.CheckConstraint(
            "status IN ('running', 'finished', 'failed')", name=op.f("audits_status_check")
        ),
        sa.CheckConstraint(
            "(status = 'running') = (finished_at IS NULL)", name=op.f("audits_ended_check")
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "audits_target_idx", "audits", ["target", sa.text("started_at DESC")], schema=SCHEMA
    )


def create_statement_snapshots() -> None:
    op.create_table(
        "statement_snapshots",
        Column("audit_id", sa.Uuid(), nullable=False),
        Column("fingerprint", sa.Text(), nullable=False),
        Column("query", sa.Text(), nullable=False),
        Column("calls", sa.BigInteger(), nullable=False),
        Column("total_ms", sa.Double(), nullable=False),
        Column("mean_ms", sa.Double(), nullable=False),
        Column("rows", sa.BigInteger(), nullable=False),
        Column("blocks", sa.BigInteger(), nullable=False),
        Column("share_of_time", sa.Double(), nullable=False),
        Column("analysed", sa.Boolean(), nullable=False),
        Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("audit_id", "fingerprint", name="statement_snapshots_pkey"),
        sa.ForeignKeyConstraint(
            ["audit_id"],
            ["agentdb.audits.id"],
            name="statement_snapshots_audit_id_fkey",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "analysed OR reason IS NOT NULL", name=op.f("statement_snapshots_reason_check")
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "statement_snapshots_fingerprint_idx",
        "statement_snapshots",
        ["fingerprint"],
        schema=SCHEMA,
    )


def create_optimizations() -> None:
    op.create_table(
        "optimizations",
        *advice(),
        *grounds(),
        *life(),
        *retrieval(),
        *rules(),
        schema=SCHEMA,
    )
    op.create_index(
        "optimizations_pending_key",
        "optimizations",
        ["target", "identity"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'accepted')"),
        schema=SCHEMA,
    )
    op.create_index(
        "optimizations_target_idx",
        "optimizations",
        ["target", sa.text("created_at DESC")],
        schema=SCHEMA,
    )
    op.create_index("optimizations_audit_id_idx", "optimizations", ["audit_id"], schema=SCHEMA)


def advice() -> list[Column[object]]:
    return [
        identifier(),
        Column("audit_id", sa.Uuid()),
        Column("position", sa.BigInteger(), nullable=False),
        Column("target", sa.Text(), nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("title", sa.Text(), nullable=False),
        Column("schema_name", sa.Text()),
        Column("table_name", sa.Text()),
        Column("sql", sa.Text(), nullable=False),
        Column("rollback_sql", sa.Text()),
        Column("definition", sa.Text(), nullable=False),
        Column("identity", sa.Text(), nullable=False),
    ]


def grounds() -> list[Column[object]]:
    return [
        Column("reasoning", sa.Text(), nullable=False),
        Column("confidence", sa.Double(), nullable=False),
        Column("evidence", sa.Text(), nullable=False),
        Column("gain_percent", sa.Double()),
        Column("measured_gain_percent", sa.Double()),
        Column("size_bytes", sa.BigInteger()),
        Column("statements", JSONB(), nullable=False),
        Column("plan_before", JSONB()),
        Column("plan_after", JSONB()),
        Column("evidence_detail", JSONB(), nullable=False),
        Column("features", sa.Text(), nullable=False),
        Column("shape", JSONB(), nullable=False),
    ]


def life() -> list[Column[object]]:
    return [
        Column("status", sa.Text(), server_default="proposed", nullable=False),
        Column("status_reason", sa.Text()),
        since("created_at"),
        Column("decided_at", INSTANT),
        Column("applied_at", INSTANT),
        Column("measured_at", INSTANT),
    ]


def retrieval() -> list[Column[object]]:
    words = sa.Computed("to_tsvector('simple'::regconfig, features)", persisted=True)
    return [
        Column("embedding_model", sa.Text()),
        Column("embedding", VectorType(384)),
        Column("words", TSVECTOR(), words, nullable=False),
    ]


def rules() -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name="optimizations_pkey"),
        sa.ForeignKeyConstraint(
            ["audit_id"],
            ["agentdb.audits.id"],
            name="optimizations_audit_id_fkey",
            ondelete="SET NULL",
        ),
        *(
            sa.CheckConstraint(rule, name=op.f(f"optimizations_{name}_check"))
            for name, rule in CHECKS.items()
        ),
    ]


CHECKS = {
    "kind": "kind IN ('create_index', 'drop_index', 'rewrite', 'statistics', 'partition', "
    "'setting', 'maintenance')",
    "evidence": "evidence IN ('measured', 'estimated', 'recalled')",
    "status": "status IN ('proposed', 'accepted', 'applied', 'rejected', 'confirmed', "
    "'neutral', 'regressed')",
    "confidence": "confidence BETWEEN 0 AND 1",
    "embedding_model": "(embedding IS NULL) = (embedding_model IS NULL)",
}
