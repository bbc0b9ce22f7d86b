"""Prompts with versions, labels and outcomes; agents' states as checkpoints."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0006_prompts_and_states"
down_revision = "0005_conversations"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")
TABLES = (
    "agent_states",
    "agent_threads",
    "prompt_uses",
    "prompt_labels",
    "prompt_versions",
    "prompts",
)


def upgrade() -> None:
    for statement in SCRIPT.read_text(encoding="utf-8").split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    # What prompts were found by is nothing without them.
    op.execute("DELETE FROM agentdb.entries WHERE kind = 'prompt'")
    for table in TABLES:
        op.drop_table(table, schema="agentdb")
    op.execute("DROP FUNCTION agentdb.keep_version")
