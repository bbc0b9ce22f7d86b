"""Our own tables: columns only, no behaviour."""

from __future__ import annotations

from agentdb.models.audit import AuditRow, StatementRow
from agentdb.models.base import Base
from agentdb.models.document import DocumentVersionRow
from agentdb.models.embedding import EmbeddingRow
from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.optimization import OptimizationRow

__all__ = [
    "AuditRow",
    "Base",
    "DocumentVersionRow",
    "EmbeddingRow",
    "EntryRow",
    "OptimizationRow",
    "SpaceRow",
    "StatementRow",
]
