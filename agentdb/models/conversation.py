"""The tables of conversations: sessions, where each message stands in one, and interactions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json, one_of
from agentdb.models.entry import EntryRow

Role = Literal["user", "assistant", "system", "tool"]

ROLES: tuple[Role, ...] = ("user", "assistant", "system", "tool")


class SessionRow(Base):
    """One conversation; `key` is the caller's own name for it."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("tenant", "namespace", "key"),
        CheckConstraint("started_at <= ended_at", name="ended"),
        Index("sessions_started_idx", "tenant", "namespace", "started_at"),
    )

    tenant: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str] = mapped_column(server_default="")
    key: Mapped[str]
    agent: Mapped[str | None]  # who answers
    subject: Mapped[str | None]  # whom it is with, or about
    metadata_: Mapped[Json] = mapped_column("metadata", server_default="{}", nullable=False)
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None]
    last_position: Mapped[int] = mapped_column(server_default=text("0"))  # given so far


class MessageRow(Base):
    """Where a message stands, and who said it; what it says is the entry."""

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "session_id"], [SessionRow.tenant, SessionRow.id], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant", "session_id", "position"),
        Index(
            "messages_key_key",
            "tenant",
            "session_id",
            "key",
            unique=True,
            postgresql_where=text("key IS NOT NULL"),
        ),
        Index(
            "messages_speaker_idx",
            "tenant",
            "namespace",
            literal_column("lower(split_part(speaker, ' ', 1))"),
            postgresql_where=text("speaker IS NOT NULL"),
        ),
        one_of("role", ROLES),
        CheckConstraint("tokens >= 0", name="tokens"),
    )

    entry_id: Mapped[int] = mapped_column(
        ForeignKey(EntryRow.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    tenant: Mapped[str]
    namespace: Mapped[str] = mapped_column(server_default="")
    session_id: Mapped[int]
    position: Mapped[int]
    key: Mapped[str | None]  # the caller's own name for it
    role: Mapped[Role] = mapped_column(Text)
    speaker: Mapped[str | None]
    tokens: Mapped[int | None]


class InteractionRow(Base):
    """One request to an agent, and what came of it."""

    __tablename__ = "interactions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "session_id"], [SessionRow.tenant, SessionRow.id], ondelete="CASCADE"
        ),
        CheckConstraint("error IS NULL OR NOT success", name="error"),
        CheckConstraint("processing_ms >= 0 AND processing_ms < 'Infinity'", name="processing"),
        CheckConstraint("tokens_in >= 0 AND tokens_out >= 0", name="tokens"),
        Index("interactions_at_idx", "tenant", "namespace", "at"),
        Index(
            "interactions_session_idx",
            "tenant",
            "session_id",
            postgresql_where=text("session_id IS NOT NULL"),
        ),
    )

    tenant: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str] = mapped_column(server_default="")
    session_id: Mapped[int | None]
    agent: Mapped[str]
    success: Mapped[bool]
    error: Mapped[str | None]
    processing_ms: Mapped[float]
    tokens_in: Mapped[int] = mapped_column(server_default=text("0"))
    tokens_out: Mapped[int] = mapped_column(server_default=text("0"))
    metadata_: Mapped[Json] = mapped_column("metadata", server_default="{}", nullable=False)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
