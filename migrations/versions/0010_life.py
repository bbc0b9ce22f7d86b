"""The life of advice: its states, each change with its reason, and what was measured."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0010_life"
down_revision = "0008_spaces"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    _run("up")


def downgrade() -> None:
    _run("down")


def _run(direction: str) -> None:
    up, down = SCRIPT.read_text(encoding="utf-8").split("\n-- down ;\n")
    for statement in (up if direction == "up" else down).split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))
