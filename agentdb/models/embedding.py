"""The table of vectors already computed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base
from agentdb.models.vector import Vector, VectorType


class EmbeddingRow(Base):
    """The vector that a model gave for a text; of the text only the hash is kept."""

    __tablename__ = "embedding_cache"

    model: Mapped[str] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    embedding: Mapped[Vector] = mapped_column(VectorType())  # models differ in dimension
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    hits: Mapped[int] = mapped_column(server_default=text("0"))
