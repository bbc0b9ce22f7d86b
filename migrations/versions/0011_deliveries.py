"""What went out: pull requests, comments and messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0011_deliveries"
down_revision = "0010_life"
branch_labels = None
depends_on = None

SCHEMA = "agentdb"
INSTANT = sa.TIMESTAMP(timezone=True)
CHECKS = {
    "channel": "channel IN ('github', 'gitlab', 'webhook')",
    "state": "state IN ('intended', 'sent', 'merged', 'closed')",
    "sent": "(state = 'intended') = (sent_at IS NULL)",
    "ended": "(state IN ('merged', 'closed')) = (ended_at IS NOT NULL)",
}


def upgrade() -> None:
    op.create_table("deliveries", *columns(), *rules(), schema=SCHEMA)
    op.create_index(
        "deliveries_waiting_idx",
        "deliveries",
        ["target"],
        postgresql_where=sa.text("state = 'intended'"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("deliveries", schema=SCHEMA)


def columns() -> list[Column[object]]:
    return [
        Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        Column("target", sa.Text(), nullable=False),
        Column("topic", sa.Text(), nullable=False),
        Column("channel", sa.Text(), nullable=False),
        Column("place", sa.Text(), nullable=False),
        Column("optimization_ids", ARRAY(sa.Uuid()), nullable=False),
        Column("state", sa.Text(), server_default="intended", nullable=False),
        Column("digest", sa.Text()),
        Column("number", sa.BigInteger()),
        Column("url", sa.Text()),
        Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        Column("error", sa.Text()),
        Column("created_at", INSTANT, server_default=sa.func.clock_timestamp(), nullable=False),
        Column("sent_at", INSTANT),
        Column("updated_at", INSTANT),
        Column("ended_at", INSTANT),
    ]


def rules() -> list[sa.Constraint]:
    checks = [
        sa.CheckConstraint(rule, name=op.f(f"deliveries_{name}_check"))
        for name, rule in CHECKS.items()
    ]
    once = sa.UniqueConstraint(
        "target", "topic", "channel", name="deliveries_target_topic_channel_key"
    )
    return [sa.PrimaryKeyConstraint("id", name="deliveries_pkey"), once, *checks]
