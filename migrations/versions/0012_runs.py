"""Weekly runs and their steps; when the clock will ring next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012_runs"
down_revision = "0011_deliveries"
branch_labels = None
depends_on = None

SCHEMA = "agentdb"
INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "runs",
        Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
        Column("target", sa.Text(), nullable=False),
        Column("status", sa.Text(), server_default="running", nullable=False),
        Column("started_at", INSTANT, nullable=False),
        Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="runs_pkey"),
        _check("runs", "status", "status IN ('running', 'finished', 'failed')"),
        _check("runs", "ended", "(status = 'running') = (finished_at IS NULL)"),
        schema=SCHEMA,
    )
    op.create_index(
        "runs_target_idx", "runs", ["target", sa.text("started_at DESC")], schema=SCHEMA
    )
    _create_steps()
    op.create_table(
        "clocks",
        Column("target", sa.Text(), nullable=False),
        Column("next_run_at", INSTANT, nullable=False),
        Column("noted_at", INSTANT, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("target", name="clocks_pkey"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("clocks", "run_steps", "runs"):
        op.drop_table(table, schema=SCHEMA)


def _create_steps() -> None:
    op.create_table(
        "run_steps",
        Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        Column("run_id", sa.Uuid(), nullable=False),
        Column("name", sa.Text(), nullable=False),
        Column("status", sa.Text(), server_default="running", nullable=False),
        Column("attempts", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        Column("started_at", INSTANT, nullable=False),
        Column("finished_at", INSTANT),
        Column("summary", JSONB()),
        Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="run_steps_pkey"),
        sa.UniqueConstraint("run_id", "name", name="run_steps_run_id_name_key"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["agentdb.runs.id"], name="run_steps_run_id_fkey", ondelete="CASCADE"
        ),
        _check("run_steps", "status", "status IN ('running', 'finished', 'failed', 'skipped')"),
        _check("run_steps", "ended", "(status = 'running') = (finished_at IS NULL)"),
        schema=SCHEMA,
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"{table}_{name}_check"))
