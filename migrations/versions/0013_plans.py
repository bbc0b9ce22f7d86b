"""The shapes of a statement's plans, as each audit saw them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013_plans"
down_revision = "0010_life"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement_snapshots", sa.Column("plans", ARRAY(sa.Text())), schema="agentdb")


def downgrade() -> None:
    op.drop_column("statement_snapshots", "plans", schema="agentdb")
