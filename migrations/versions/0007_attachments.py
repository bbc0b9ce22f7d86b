"""Business tables whose rows can be searched: what is attached, what waits, what is kept."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0007_attachments"
down_revision = "0006_prompts_and_states"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    for statement in SCRIPT.read_text(encoding="utf-8").split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    # Their functions first, and with them the triggers: no business table calls what is gone.
    op.execute("SELECT agentdb.unwatch_rows(id) FROM agentdb.attachments")
    op.execute("DELETE FROM agentdb.entries WHERE kind = 'row'")
    op.execute(
        "DROP FUNCTION agentdb.watch_rows, agentdb.unwatch_rows, agentdb.rows_are_watched,"
        " agentdb.search_rows,"
        " agentdb.search_among, agentdb.describe_table, agentdb.key_text"
    )
    for name in ("row_queue", "attached_rows", "attachments"):
        op.drop_table(name, schema="agentdb")
