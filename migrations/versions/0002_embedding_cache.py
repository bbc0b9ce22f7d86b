"""Vectors already computed, by model and content."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import BYTEA

from agentdb.models.vector import VectorType

revision = "0002_embedding_cache"
down_revision = "0001_audits_and_advice"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.TIMESTAMP(timezone=True)
    op.create_table(
        "embedding_cache",
        Column("model", sa.Text(), nullable=False),
        Column("content_hash", BYTEA(), nullable=False),
        Column("embedding", VectorType(), nullable=False),
        Column("created_at", moment, server_default=sa.func.clock_timestamp(), nullable=False),
        Column("hits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("model", "content_hash", name="embedding_cache_pkey"),
        schema="agentdb",
    )


def downgrade() -> None:
    op.drop_table("embedding_cache", schema="agentdb")
