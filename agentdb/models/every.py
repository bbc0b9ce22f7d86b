"""All of our tables, for who needs them together: migrations, and who tells ours from others'.

A command brings those alone that it uses: to map all of them takes a seventh of its start.
"""

from __future__ import annotations

from agentdb.models.attachment import AttachedRow, AttachmentRow, QueueRow
from agentdb.models.audit import AuditRow, StatementRow
from agentdb.models.base import Base
from agentdb.models.conversation import InteractionRow, MessageRow, SessionRow
from agentdb.models.delivery import DeliveryRow
from agentdb.models.document import DocumentVersionRow
from agentdb.models.embedding import EmbeddingRow
from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.optimization import OptimizationEventRow, OptimizationRow
from agentdb.models.prompt import PromptLabelRow, PromptRow, PromptUseRow, PromptVersionRow
from agentdb.models.run import ClockRow, RunRow, RunStepRow
from agentdb.models.snapshot import (
    BucketRow,
    CounterRow,
    EventRow,
    FollowedIndexRow,
    FollowedStatementRow,
    FollowedTableRow,
    IndexDayRow,
    SnapshotRow,
    StretchRow,
    TableDayRow,
)
from agentdb.models.state import AgentStateRow, AgentThreadRow

__all__ = [
    "AgentStateRow",
    "AgentThreadRow",
    "AttachedRow",
    "AttachmentRow",
    "AuditRow",
    "Base",
    "BucketRow",
    "ClockRow",
    "CounterRow",
    "DeliveryRow",
    "DocumentVersionRow",
    "EmbeddingRow",
    "EntryRow",
    "EventRow",
    "FollowedIndexRow",
    "FollowedStatementRow",
    "FollowedTableRow",
    "IndexDayRow",
    "InteractionRow",
    "MessageRow",
    "OptimizationEventRow",
    "OptimizationRow",
    "PromptLabelRow",
    "PromptRow",
    "PromptUseRow",
    "PromptVersionRow",
    "QueueRow",
    "RunRow",
    "RunStepRow",
    "SessionRow",
    "SnapshotRow",
    "SpaceRow",
    "StatementRow",
    "StretchRow",
    "TableDayRow",
]
