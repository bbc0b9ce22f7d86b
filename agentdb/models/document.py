"""The table of the versions that documents have had; their texts are the entries of today."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, func
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base


class DocumentVersionRow(Base):
    """When a document was put, and what told this version from the others."""

    __tablename__ = "document_versions"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(primary_key=True, server_default="")
    source: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[str]
    text_hash: Mapped[str]
    title: Mapped[str]
    chunks: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
