"""The tables of prompts: names, versions, labels that point at one, and what became of uses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json
from agentdb.models.entry import EntryRow

_NAME = ("tenant", "namespace", "name")
_VERSION = (*_NAME, "version")


def _within(table: str, columns: tuple[str, ...]) -> ForeignKeyConstraint:
    """Return the constraint that a row is of what stands in another table, and goes with it."""
    there = [f"agentdb.{table}.{column}" for column in columns]
    return ForeignKeyConstraint(columns, there, ondelete="CASCADE")


class PromptRow(Base):
    """A prompt's name, its newest version, and the entry by which it is searched for."""

    __tablename__ = "prompts"
    __table_args__ = (CheckConstraint("name <> ''", name="name"),)

    tenant: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(primary_key=True, server_default="")
    name: Mapped[str] = mapped_column(primary_key=True)
    newest: Mapped[int] = mapped_column(server_default=text("0"))
    entry_id: Mapped[int | None] = mapped_column(
        ForeignKey(EntryRow.id, ondelete="SET NULL"), unique=True
    )


class PromptVersionRow(Base):
    """A version of a prompt; a trigger refuses to change it."""

    __tablename__ = "prompt_versions"
    __table_args__ = (
        _within("prompts", _NAME),
        UniqueConstraint(
            "tenant", "namespace", "template_hash", "name", name="prompt_versions_template_key"
        ),
        CheckConstraint("version > 0", name="version"),
    )

    tenant: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    template: Mapped[str]
    template_hash: Mapped[bytes] = mapped_column(BYTEA)
    variables: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str] = mapped_column(server_default="")
    metadata_: Mapped[Json] = mapped_column("metadata", server_default="{}", nullable=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class PromptLabelRow(Base):
    """A label, which points at one version."""

    __tablename__ = "prompt_labels"
    __table_args__ = (_within("prompt_versions", _VERSION),)

    tenant: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    moved_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class PromptUseRow(Base):
    """One use of a version, and what became of it."""

    __tablename__ = "prompt_uses"
    __table_args__ = (
        _within("prompt_versions", _VERSION),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        Index("prompt_uses_version_idx", *_VERSION, "created_at"),
        Index(
            "prompt_uses_task_idx",
            "tenant",
            "namespace",
            "task",
            "created_at",
            postgresql_where=text("task IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    task: Mapped[str | None]  # what it was used for
    success: Mapped[bool | None]
    score: Mapped[float | None]  # 0 to 1
    latency_ms: Mapped[float | None]
    tokens: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
