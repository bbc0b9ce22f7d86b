"""The table of what agents keep, and which model its vectors are of."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, REGCONFIG, TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json
from agentdb.models.vector import DIMENSION, HalfVectorType, Vector

Kind = Literal[
    "fact",
    "episode",
    "preference",
    "procedure",
    "message",
    "chunk",
    "prompt",
    "row",
    "item",
    "document",
]


class SpaceRow(Base):
    """A model whose vectors are kept; searches compare those of the current one.

    Those of another one are in `entries` too, in `embedding_` and the `id` of their space: a
    column that comes and goes, which the class below does not know.
    """

    __tablename__ = "embedding_spaces"
    __table_args__ = (
        Index(
            "embedding_spaces_current_key",
            "is_current",
            unique=True,
            postgresql_where=text("is_current"),
        ),
    )

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    model: Mapped[str]
    dimension: Mapped[int] = mapped_column(Integer)
    is_current: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    version: Mapped[str] = mapped_column(server_default="")  # of the model's weights
    indexed: Mapped[bool] = mapped_column(server_default=text("false"))  # or is to be again
    retired_at: Mapped[datetime | None]  # when another one took its place


class EntryRow(Base):
    """One thing remembered: whose it is, what it says, since when it holds and how long."""

    __tablename__ = "entries"
    __table_args__ = (
        CheckConstraint("content <> ''", name="content"),
        CheckConstraint("importance BETWEEN 0 AND 1", name="importance"),
        CheckConstraint("valid_from < valid_to", name="valid"),
        CheckConstraint("fact_key IS NULL OR subject IS NOT NULL", name="fact"),
        ExcludeConstraint(
            ("tenant", "="),
            ("namespace", "="),
            ("subject", "="),
            ("fact_key", "="),
            (text("tstzrange(valid_from, valid_to)"), "&&"),
            where=text("fact_key IS NOT NULL"),
            using="gist",
            name="entries_one_value_excl",
        ),
        Index("entries_scope_idx", "tenant", "namespace", "kind", "subject"),
        Index(
            "entries_content_key",
            "tenant",
            "namespace",
            "kind",
            literal_column("coalesce(subject, '')"),
            "content_hash",
            unique=True,
            postgresql_where=text("valid_to IS NULL AND fact_key IS NULL"),
        ),
        Index("entries_words_idx", "words", postgresql_using="gin"),
        Index(
            "entries_metadata_idx",
            "metadata",
            postgresql_using="gin",
            postgresql_ops={"metadata": "jsonb_path_ops"},
        ),
        Index(
            "entries_expires_at_idx",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant: Mapped[str]
    namespace: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[Kind] = mapped_column(Text)
    subject: Mapped[str | None]  # whom or what it is about
    fact_key: Mapped[str | None]  # of which fact about the subject this is a value
    agent: Mapped[str | None]  # who keeps it
    content: Mapped[str]
    content_hash: Mapped[bytes] = mapped_column(BYTEA)
    metadata_: Mapped[Json] = mapped_column("metadata", server_default="{}", nullable=False)
    importance: Mapped[float] = mapped_column(server_default=text("0.5"))  # 0 to 1
    times: Mapped[int] = mapped_column(server_default=text("1"))  # how often it was said
    language: Mapped[str] = mapped_column(REGCONFIG, server_default=text("'english'::regconfig"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    valid_from: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    valid_to: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    # Search reads these two; nobody needs them beside the text.
    words: Mapped[str | None] = mapped_column(
        TSVECTOR, Computed("to_tsvector(language, content)", persisted=True), deferred=True
    )
    embedding: Mapped[Vector | None] = mapped_column(HalfVectorType(DIMENSION), deferred=True)
