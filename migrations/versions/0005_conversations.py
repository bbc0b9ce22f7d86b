"""Conversations: sessions, their messages beside the entries, interactions, and their search."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0005_conversations"
down_revision = "0004_isolation"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    for statement in SCRIPT.read_text(encoding="utf-8").split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP FUNCTION agentdb.search_messages, agentdb.messages_in_scope")
    # What messages say lies among the entries; a program of that revision would keep it for ever.
    op.execute("DELETE FROM agentdb.entries USING agentdb.messages WHERE entry_id = id")
    op.drop_table("interactions", schema="agentdb")
    op.drop_table("messages", schema="agentdb")
    op.drop_table("sessions", schema="agentdb")
    op.execute("DROP FUNCTION agentdb.delete_entry_of_message")
