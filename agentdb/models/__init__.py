"""Our own tables: columns only, no behaviour."""

from __future__ import annotations

from agentdb.models.attachment import AttachedRow, AttachmentRow, QueueRow
from agentdb.models.audit import AuditRow, StatementRow
from agentdb.models.base import Base
from agentdb.models.embedding import EmbeddingRow
from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.optimization import OptimizationRow

__all__ = [
    "AttachedRow",
    "AttachmentRow",
    "AuditRow",
    "Base",
    "EmbeddingRow",
    "EntryRow",
    "OptimizationRow",
    "QueueRow",
    "SpaceRow",
    "StatementRow",
]
