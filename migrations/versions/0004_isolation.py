"""Whose rows are seen: row-level security by tenant, and the function that searches under it."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0004_isolation"
down_revision = "0003_memory"
branch_labels = None
depends_on = None

SCRIPT = Path(__file__).with_suffix(".sql")

# What the script says once and its statements say several times. A function would be planned
# anew at each use, which costs as much as the use.
HOLDS = """e.valid_from <= {moment}
                  AND (e.valid_to IS NULL OR e.valid_to > {moment})
                  AND (e.expires_at IS NULL OR e.expires_at > today)"""
IN_SCOPE = """e.tenant = {of}.tenant
                  AND ({of}.namespace IS NULL OR e.namespace = {of}.namespace)
                  AND ({of}.kinds IS NULL OR e.kind = ANY ({of}.kinds))
                  AND ({of}.subject IS NULL OR e.subject = {of}.subject)
                  AND ({of}.agent IS NULL OR e.agent = {of}.agent)
                  AND ({of}.filter IS NULL OR e.metadata @@ {of}.filter)
                  AND """ + HOLDS.format(moment="moment")
REPEATED = {
    "@IN_SCOPE": IN_SCOPE.format(of="search_within"),
    "@NEAREST_SCOPE": IN_SCOPE.format(of="nearest"),
    "@PLAIN_SCOPE": """e.tenant = search.tenant
                  AND e.namespace = search.namespace
                  AND """
    + HOLDS.format(moment="today"),
    "@ENTRY": """e.id, e.tenant, e.namespace, e.kind, e.subject, e.fact_key, e.agent,
            e.content, e.metadata, e.importance, e.times,
            e.created_at, e.valid_from, e.valid_to, e.expires_at""",
    "@BOOST": """(0.9 + 0.2 * e.importance) * CASE WHEN half_life IS NULL THEN 1
                ELSE 0.9 + 0.2 * 0.5::float8 ^ least(100, greatest(0, extract(
                    epoch FROM today - e.created_at
                ) / nullif(extract(epoch FROM half_life), 0)))::float8 END""",
}


def upgrade() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    for name, meaning in REPEATED.items():
        script = script.replace(name, meaning)
    for statement in script.split("\n-- ;\n"):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP FUNCTION agentdb.search, agentdb.search_within, agentdb.nearest")
    op.execute("DROP TYPE agentdb.found")
    op.execute("SELECT agentdb.isolate('agentdb.entries', false)")
    for name in ("has_vector_index", "require_tenant", "isolate", "tenant", "no_tenant"):
        op.execute(f"DROP FUNCTION agentdb.{name}")
