"""The tables of agents' states: threads, and the checkpoints of each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json


class AgentThreadRow(Base):
    """One line of checkpoints: of an agent, a thread and a checkpoint namespace.

    `newest` counts on when old checkpoints are pruned; its row is locked by who saves.
    """

    __tablename__ = "agent_threads"
    __table_args__ = (
        UniqueConstraint(
            "tenant", "namespace", "agent", "thread", "checkpoint_ns", name="agent_threads_line_key"
        ),
    )

    tenant: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str] = mapped_column(server_default="")
    agent: Mapped[str]
    thread: Mapped[str]
    checkpoint_ns: Mapped[str] = mapped_column(server_default="")
    newest: Mapped[int] = mapped_column(server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AgentStateRow(Base):
    """A checkpoint: the state of an agent as it was saved."""

    __tablename__ = "agent_states"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "thread_id"],
            ["agentdb.agent_threads.tenant", "agentdb.agent_threads.id"],
            ondelete="CASCADE",
        ),
        PrimaryKeyConstraint(
            "tenant",
            "thread_id",
            "version",
            name="agent_states_pkey",
            postgresql_include=["created_at"],
        ),
        UniqueConstraint(
            "tenant", "checkpoint_id", "thread_id", name="agent_states_checkpoint_key"
        ),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("jsonb_typeof(state) = 'object'", name="state"),
    )

    tenant: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checkpoint_id: Mapped[str]
    parent_id: Mapped[str | None]  # may be pruned by now
    state: Mapped[Json] = mapped_column(nullable=False)
    metadata_: Mapped[Json] = mapped_column("metadata", server_default="{}", nullable=False)
    content_hash: Mapped[bytes] = mapped_column(BYTEA)  # of state and metadata
    size_bytes: Mapped[int]  # of the state as JSON
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
