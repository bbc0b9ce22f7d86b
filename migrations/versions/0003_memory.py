"""What agents keep: entries with their vectors and words."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0003_memory"
down_revision = "0002_embedding_cache"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    for statement in SCRIPT.read_text(encoding="utf-8").split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP FUNCTION agentdb.terms")
    op.drop_table("entries", schema="agentdb")
    op.drop_table("embedding_spaces", schema="agentdb")
