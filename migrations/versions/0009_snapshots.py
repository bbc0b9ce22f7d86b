"""Numbers over time: the last reading of each target, and what readings add up to."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0009_snapshots"
down_revision = "0008_spaces"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")

TABLES = (
    "snapshot_events",
    "snapshot_index_days",
    "snapshot_indexes",
    "snapshot_table_days",
    "snapshot_tables",
    "snapshot_buckets",
    "snapshot_counters",
    "snapshot_statements",
    "snapshot_stretches",
    "snapshots",
)


def upgrade() -> None:
    for statement in SCRIPT.read_text(encoding="utf-8").split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema="agentdb")
