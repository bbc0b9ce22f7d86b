"""The tables of what is attached: business tables, their rows as entries, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import (
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REGCLASS
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, one_of
from agentdb.models.entry import EntryRow

Scan = Literal["rows", "left", "done"]
"""Whether all rows are being looked at: those of the table, those kept that have left it."""


class AttachmentRow(Base):
    """A business table whose rows can be searched, and of which columns their text is made."""

    __tablename__ = "attachments"
    __table_args__ = (UniqueConstraint("tenant", "name"), one_of("scan", get_args(Scan)))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant: Mapped[str]
    name: Mapped[str]
    relation: Mapped[str] = mapped_column(REGCLASS)
    key_columns: Mapped[Sequence[str]] = mapped_column(ARRAY(Text))
    text_columns: Mapped[Sequence[str]] = mapped_column(ARRAY(Text))
    numbers: Mapped[Sequence[int]] = mapped_column(ARRAY(SmallInteger))
    template: Mapped[str | None]
    scan: Mapped[Scan] = mapped_column(Text, server_default="rows")
    scan_key: Mapped[Sequence[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    scanned_at: Mapped[datetime | None]


class AttachedRow(Base):
    """A row of a business table, by its key, and the entry that holds its text."""

    __tablename__ = "attached_rows"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    attachment_id: Mapped[int] = mapped_column(
        ForeignKey("agentdb.attachments.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[Sequence[str]] = mapped_column(ARRAY(Text), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey(EntryRow.id, ondelete="CASCADE"), unique=True)


class QueueRow(Base):
    """Rows of a business table that were written, and that nobody has looked at since."""

    __tablename__ = "row_queue"
    __table_args__ = (
        Index("row_queue_due_idx", "tenant", "attachment_id", "due_at"),
        Index(
            "row_queue_failed_idx",
            "tenant",
            "attachment_id",
            postgresql_where=text("attempts > 0"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant: Mapped[str]
    attachment_id: Mapped[int]
    keys: Mapped[Sequence[Sequence[str]]] = mapped_column(ARRAY(Text))
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]
